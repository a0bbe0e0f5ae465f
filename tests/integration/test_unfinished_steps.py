"""A condition that fails means "already done", never "stop": what an interrupted try left undone, the next one finishes."""

from datetime import timedelta

from ringback.domain.messages import State
from ringback.domain.policy import Rule
from ringback.providers.base import Throttled
from ringback.store import catalog, sending
from tests.deployment import CALLER, MORNING, Deployment, callers, deployed
from tests.integration.wire import Throttler, listening


def sent_message(deployment: Deployment) -> None:
    deployment.ring()
    deployment.settle()


def test_a_report_whose_contact_could_not_be_written_verifies_the_caller_when_it_comes_again(
    deployment: Deployment,
) -> None:
    sent_message(deployment)
    deployment.report(deployment.message(), "sent", "20005")
    with listening(Throttler("UpdateItem", "test-contacts")):
        (failed,) = deployment.react()
    assert State.DELIVERED is deployment.message().state

    assert deployment.reaction.react([failed]) == []

    contact = deployment.contact()
    assert contact is not None
    assert deployment.message().message_id == contact.verified


def test_a_report_that_asks_for_a_pause_pauses_although_its_first_try_was_cut_off(
    deployment: Deployment,
) -> None:
    sent_message(deployment)
    deployment.report(deployment.message(), "failed", "23185")
    with listening(Throttler("UpdateItem", "test-counters")):
        failed = deployment.react()
    deployment.reaction.react(failed)

    assert sending.standing("clean-water", []).paused is not None


def test_an_old_report_pauses_nobody_who_has_been_resumed(deployment: Deployment) -> None:
    sent_message(deployment)
    deployment.report(deployment.message(), "failed", "23185")
    deployment.react()
    sending.resume("clean-water")
    deployment.clock.move(hours=2)
    deployment.reaction.react(deployment.entries())

    assert sending.standing("clean-water", []).paused is None


def test_r16_granted_departures_do_not_outrun_the_pause_the_provider_asked_for() -> None:
    people = callers(30)
    with deployed(SMS_PER_MINUTE="60") as deployment:
        for index, caller in enumerate(people):
            deployment.ring(caller, call_id=f"call-{index}")
        deployment.provider.answers = [Throttled(60.0)]
        deployment.settle()
        for _ in range(10):
            deployment.clock.move(seconds=5)
            deployment.release()
            deployment.settle()
        pause_ends = MORNING + timedelta(seconds=60)
        assert [
            at for at in deployment.provider.taken_at if MORNING + timedelta(seconds=12) < at < pause_ends
        ] == []

        for _ in range(12):
            deployment.clock.move(seconds=5)
            deployment.release()
            deployment.settle()
        assert sorted(people) == sorted(sms.to for sms in deployment.provider.taken)


def test_a13_a_walk_through_a_block_is_held_although_every_batch_of_the_stream_is_small(
    deployment: Deployment,
) -> None:
    """Lanes and windows cut a burst into small batches; together they still trip the breaker."""
    limit = catalog.current("clean-water").limits.prefix_per_minute
    for nth in range(2 * limit):
        deployment.ring(f"+9190000{nth:05d}", call_id=f"call-{nth}")
        if nth % 5 == 4:
            deployment.react()
    deployment.settle()

    assert len(deployment.provider.taken) <= limit


def test_a_replay_of_calls_that_came_one_by_one_is_no_burst(deployment: Deployment) -> None:
    limit = catalog.current("clean-water").limits.prefix_per_minute
    for nth in range(limit + 1):
        deployment.ring(f"+9190000{nth:05d}", call_id=f"call-{nth}")
        deployment.react()
        deployment.clock.move(minutes=1)

    assert deployment.reaction.react(deployment.entries(), counting=False) == []

    assert sending.standing("clean-water", ["+91900000"]).prefixes == {}


def test_a_report_on_a_held_message_proves_that_it_left_so_it_is_not_sent_again(
    deployment: Deployment,
) -> None:
    """The provider took it and then said 429; its own report is the better evidence."""
    deployment.provider.answers = [Throttled(30.0)]
    deployment.ring()
    deployment.settle()
    assert State.HELD is deployment.message().state
    deployment.report(deployment.message(), "sent", "20005")
    deployment.react()
    deployment.clock.move(seconds=40)
    deployment.release()
    deployment.settle()

    assert State.DELIVERED is deployment.message().state
    assert deployment.provider.taken == []


def test_a_refusal_that_is_not_about_the_person_leaves_the_next_call_its_welcome(
    deployment: Deployment,
) -> None:
    """A call that reached us two days late is refused as stale; ringing again brings the welcome at once."""
    deployment.ring(call_id="late", StartTime="2026-02-28 11:00:00")
    deployment.settle()
    assert deployment.message().rule == Rule.STALE

    deployment.ring(call_id="now")
    deployment.settle()

    assert [sms.to for sms in deployment.provider.taken] == [CALLER]
