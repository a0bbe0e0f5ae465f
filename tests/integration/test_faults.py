"""The faults R1–R28 of the reliability list that concern missed calls and SMS, as the design refines them.

moto answers one request at a time, so two workers at once are interleaved by hand: the provider's answer, or the wait before a
departure, is where a test lets the other worker run.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pynamodb.exceptions import PynamoDBException

from ringback import observability, queues
from ringback.domain.circuits import Circuit
from ringback.domain.errors import ProviderError
from ringback.domain.messages import State
from ringback.domain.metrics import hour_of
from ringback.domain.policy import Rule
from ringback.domain.times import INDIA
from ringback.providers.base import (
    AccountBlocked,
    CallPage,
    Direction,
    ListedCall,
    Outcome,
    OutgoingSms,
    Throttled,
    Unclear,
)
from ringback.queues import Ticket
from ringback.services import calls, facts, metrics
from ringback.services.effects import CIRCUIT_OPEN, EVIDENCE_DUE, RELEASED_AGAIN_AFTER, THROTTLED
from ringback.services.messages import Sender
from ringback.store import contacts, counters, journal, sending, watermarks
from ringback.store.messages import ledger
from ringback.store.tables import ContactRow, JournalRow, MessageRow, connection
from tests.deployment import (
    CALL_BACK_LINE,
    CALLER,
    MORNING,
    OPT_OUT,
    OTHER_CALLER,
    TRAINING,
    VOLUNTEER,
    Deployment,
    callers,
    deployed,
    emitted,
    local,
)
from tests.integration.wire import AwsRequest, Killed, Killer, Moment, Throttler, listening

LEASE_AND_MORE = timedelta(seconds=720)
"""How long SQS keeps a message back from other workers when its own has died: the send queue's visibility time."""


def planned(deployment: Deployment, caller: str = CALLER, call_id: str = "call-1") -> list[Ticket]:
    """A call whose welcome waits in the send queue."""
    deployment.ring(caller, call_id=call_id)
    deployment.react()
    return deployment.queued()


def listed(call_id: str = "call-1", caller: str = CALLER, at: datetime = MORNING) -> ListedCall:
    """A call as the provider's own records have it."""
    return ListedCall(
        call_id, local(VOLUNTEER), local(caller), Direction.INCOMING, "no-answer", at.astimezone(UTC), None
    )


def send_until_done(deployment: Deployment, tickets: list[Ticket]) -> None:
    """As SQS does it: what fails, or all of a batch that fails as a whole, comes again."""
    while tickets:
        try:
            tickets = deployment.send(tickets)
        except (PynamoDBException, ClientError):
            continue


def recount(deployment: Deployment) -> metrics.Increments:
    """Recount what was received up to now."""
    deployment.clock.move(seconds=1)
    return metrics.recount(deployment.runtime)


def assert_one_welcome(deployment: Deployment, caller: str = CALLER) -> None:
    assert [caller] == [sms.to for sms in deployment.provider.taken]
    assert State.SENT is deployment.message(caller).state


# Callbacks: repeated, changed, out of order, lost


def test_r01_the_same_callback_three_times_is_one_call_one_contact_and_one_sms(
    deployment: Deployment,
) -> None:
    """R1. Fifty threads posting it at once is a journey over HTTP."""
    verdicts = [deployment.ring() for _ in range(3)]
    deployment.settle()

    assert verdicts == ["kept"] * 3
    assert len(deployment.entries()) == 1
    assert deployment.counts()["raw"] == 1
    assert_one_welcome(deployment)


def test_r01_a_batch_of_the_stream_delivered_twice_sends_nothing_twice(deployment: Deployment) -> None:
    """R1, for the stream, which delivers at least once. What it counts twice, the recount puts right."""
    deployment.ring()
    entries = deployment.entries()
    for _ in range(2):
        assert deployment.reaction.react(entries) == []
    deployment.settle()

    assert_one_welcome(deployment)
    recount(deployment)
    assert deployment.counts()["raw"] == 1
    assert deployment.counts()["unique"] == 1


def test_r02_a_duplicate_after_thirty_days_changes_nothing(deployment: Deployment) -> None:
    deployment.ring(StartTime="2026-03-02 11:00:00")
    deployment.settle()
    deployment.clock.move(days=31)
    deployment.ring(StartTime="2026-03-02 11:00:00")
    deployment.settle()

    assert len(deployment.entries()) == 1
    assert_one_welcome(deployment)


def test_r03_the_same_call_told_differently_is_kept_beside_the_first_and_merged(
    deployment: Deployment,
) -> None:
    deployment.ring(Status="no-answer")
    deployment.settle()
    deployment.ring(Status="completed")
    deployment.settle()

    assert len(deployment.entries()) == 2
    assert sorted(entry.is_variant for entry in deployment.entries()) == [False, True]
    assert deployment.counts()["raw"] == 1
    assert deployment.counts()["unique"] == 1
    assert_one_welcome(deployment)


def test_r03_a_later_telling_brings_the_caller_that_the_first_lacked(deployment: Deployment) -> None:
    deployment.ring(None)
    deployment.settle()
    assert deployment.contact() is None
    deployment.ring(CALLER)
    deployment.settle()

    assert deployment.contact() is not None
    assert deployment.counts()["raw"] == 1
    assert deployment.counts()["unique"] == 1
    assert_one_welcome(deployment)


def test_r04_terminal_before_ringing_ends_terminal(deployment: Deployment) -> None:
    """R4, for the one thing of this story that has several states: a delivery report overtakes an earlier one."""
    deployment.ring()
    deployment.settle()
    message = deployment.message()
    deployment.report(message, "sent", "20005")
    deployment.settle()
    deployment.report(message, "queued", "21010")
    deployment.settle()

    assert State.DELIVERED is deployment.message().state


def test_r04_a_report_that_overtakes_the_outcome_stands(deployment: Deployment) -> None:
    """The report comes while the worker has not yet heard the provider's answer."""
    (ticket,) = planned(deployment)

    def reported_at_once(sms: OutgoingSms) -> Outcome:
        outcome = deployment.provider.take(sms)
        deployment.report(deployment.message(), "sent", "20005")
        deployment.react()
        return outcome

    deployment.provider.answers = [reported_at_once]
    deployment.send([ticket])

    assert State.DELIVERED is deployment.message().state


def test_r05_of_two_terminals_the_first_stands_and_the_second_is_kept_and_counted(
    deployment: Deployment,
) -> None:
    deployment.ring()
    deployment.settle()
    message = deployment.message()
    deployment.report(message, "sent", "20005")
    deployment.settle()
    assert emitted("ReportConflict") == 0
    deployment.report(message, "failed", "23060")
    deployment.settle()

    assert State.DELIVERED is deployment.message().state
    reports = [entry.key for entry in deployment.entries() if entry.source_id == message.message_id]
    assert reports == ["sms-delivered-20005", "sms-failed-23060"]
    assert emitted("ReportConflict") == 1
    assert deployment.counts()["sms-delivered"] == 1
    assert "sms-failed" not in deployment.counts()


def test_r06_a_callback_that_never_came_is_made_by_reconciliation(deployment: Deployment) -> None:
    deployment.clock.move(minutes=5)
    deployment.provider.pages = [CallPage((listed(),), True, None)] * 2
    first = calls.reconcile(deployment.runtime, deployment.provider)
    second = calls.reconcile(deployment.runtime, deployment.provider)
    deployment.settle()

    assert (first.created, second.created) == (1, 0)
    assert deployment.entry().listed
    assert_one_welcome(deployment)


def test_r07_a_callback_after_reconciliation_changes_nothing(deployment: Deployment) -> None:
    deployment.clock.move(minutes=5)
    deployment.provider.pages = [CallPage((listed(),), True, None)]
    calls.reconcile(deployment.runtime, deployment.provider)
    deployment.settle()
    deployment.ring(StartTime="2026-03-02 11:00:00", CallType="call-attempt")
    deployment.settle()

    assert deployment.counts()["raw"] == 1
    assert deployment.counts()["unique"] == 1
    assert_one_welcome(deployment)


def test_r08_partial_and_repeated_pages_lose_and_double_nothing(deployment: Deployment) -> None:
    """R8: what came is used; because calls are missing, the watermark stays and the next run asks for the same span."""
    watermarks.advance("calls-exotel", MORNING)
    deployment.clock.move(minutes=10)
    one, two, three = (listed(f"call-{index}", caller) for index, caller in enumerate(callers(3)))
    deployment.provider.pages = [
        CallPage((one, two), True, "page 2"),
        CallPage((two, one, one), False, None),
        CallPage((one, three), True, None),
    ]
    partial = calls.reconcile(deployment.runtime, deployment.provider)
    assert not partial.complete
    assert watermarks.read("calls-exotel") == MORNING
    whole = calls.reconcile(deployment.runtime, deployment.provider)
    deployment.settle()

    assert whole.complete
    assert (partial.created, whole.created) == (2, 1)
    assert deployment.provider.asked_since[0] == deployment.provider.asked_since[-1]
    assert deployment.counts()["raw"] == 3
    assert set(callers(3)) == {sms.to for sms in deployment.provider.taken}


def test_r09_after_an_outage_of_the_listing_the_window_is_as_long_as_the_outage(
    deployment: Deployment,
) -> None:
    deployment.provider.pages = [CallPage((), True, None)]
    calls.reconcile(deployment.runtime, deployment.provider)
    for _ in range(24):
        deployment.clock.move(minutes=5)
        deployment.provider.pages = [ProviderError("503", retryable=True)] * 3
        assert not calls.reconcile(deployment.runtime, deployment.provider).complete
    lags = observability.metrics.metric_set["ReconcileLagSeconds"]["Value"]
    assert lags[-1] > timedelta(hours=2).total_seconds()

    lost_in_the_outage = listed(at=MORNING + timedelta(minutes=7))
    deployment.provider.pages = [CallPage((lost_in_the_outage,), True, None)]
    deployment.clock.move(minutes=5)
    deployment.provider.asked_since.clear()
    run = calls.reconcile(deployment.runtime, deployment.provider)
    deployment.settle()

    assert (run.created, run.complete) == (1, True)
    assert deployment.provider.asked_since[0] < MORNING
    assert_one_welcome(deployment)


# Sending: the moment in which nobody knows


def test_r10_a_time_out_after_the_effect_is_settled_by_the_delivery_report(deployment: Deployment) -> None:
    """R10: the SMS was placed, the answer never came. The report's address names the message, so it is evidence."""

    def taken_without_an_answer(sms: OutgoingSms) -> Outcome:
        deployment.provider.take(sms)
        return Unclear("ReadTimeout")

    (ticket,) = planned(deployment)
    deployment.provider.answers = [taken_without_an_answer]
    deployment.send([ticket])
    assert State.UNKNOWN is deployment.message().state
    deployment.send([ticket])
    deployment.report(deployment.message(), "sent", "20005")
    deployment.settle()

    assert State.DELIVERED is deployment.message().state
    assert len(deployment.provider.asked) == 1
    assert deployment.listed("unknown") == []


def test_r11_a_time_out_before_the_effect_is_never_sent_again_and_listed_for_a_person_after_a_day(
    deployment: Deployment,
) -> None:
    (ticket,) = planned(deployment)
    deployment.provider.answers = [Unclear("ReadTimeout")]
    deployment.send([ticket])
    for _ in range(3):
        deployment.clock.move(hours=7)
        deployment.send([ticket])
        deployment.release()
        assert deployment.queued() == []
    assert State.UNKNOWN is deployment.message().state
    assert deployment.listed("listed") == []

    deployment.clock.move(hours=3, seconds=1)
    deployment.release()
    deployment.send([ticket])

    message = deployment.message()
    assert [(message.person, message.name)] == deployment.listed("listed")
    assert State.UNKNOWN is message.state
    assert len(deployment.provider.asked) == 1


def test_r11_a_report_settles_even_what_is_listed_for_a_person(deployment: Deployment) -> None:
    (ticket,) = planned(deployment)
    deployment.provider.answers = [Unclear("ReadTimeout")]
    deployment.send([ticket])
    deployment.clock.move(hours=25)
    deployment.release()
    deployment.report(deployment.message(), "failed", "23060")
    deployment.settle()

    assert State.FAILED is deployment.message().state
    assert deployment.listed("listed") == []


def test_r12_a_worker_killed_after_the_provider_took_the_sms_leaves_it_unknown_until_the_report(
    deployment: Deployment,
) -> None:
    def taken_and_killed(sms: OutgoingSms) -> Outcome:
        deployment.provider.take(sms)
        raise Killed

    (ticket,) = planned(deployment)
    deployment.provider.answers = [taken_and_killed]
    with pytest.raises(Killed):
        deployment.send([ticket])
    assert State.CLAIMED is deployment.message().state
    assert [ticket] == deployment.send([ticket]), "its lease still runs: it must come round again"
    deployment.clock.move(seconds=LEASE_AND_MORE.seconds)
    assert deployment.send([ticket]) == []
    assert State.UNKNOWN is deployment.message().state
    deployment.report(deployment.message(), "sent", "20005")
    deployment.settle()

    assert State.DELIVERED is deployment.message().state
    assert len(deployment.provider.asked) == 1


def test_r13_a_worker_killed_between_claim_and_provider_ends_unknown_and_unsent(
    deployment: Deployment,
) -> None:
    """R13, as the design refines it: nobody can tell this from R12, so nobody sends it again."""

    def killed(sms: OutgoingSms) -> Outcome:
        raise Killed

    (ticket,) = planned(deployment)
    deployment.provider.answers = [killed]
    with pytest.raises(Killed):
        deployment.send([ticket])
    deployment.clock.move(seconds=LEASE_AND_MORE.seconds)
    deployment.send([ticket])
    deployment.clock.move(seconds=EVIDENCE_DUE.total_seconds() + 1)
    deployment.release()
    deployment.send([ticket])

    assert State.UNKNOWN is deployment.message().state
    assert len(deployment.listed("listed")) == 1
    assert deployment.provider.taken == []


def test_r14_of_two_workers_with_the_same_message_one_claims_it() -> None:
    """R14, interleaved: the second worker runs whole while the first, which has the message loaded and judged, waits for its
    departure. Real concurrency is the local stack's faults and the invariants of `play`.
    """
    with deployed(SMS_PER_MINUTE="60") as paced:
        (ticket,) = planned(paced)
        sending.back_off("exotel-sms", paced.clock.now() + timedelta(seconds=3))
        rival = Sender(paced.runtime, paced.provider)
        paced.clock.sleep = once(lambda: rival.send([ticket]), paced.clock.sleep)  # type: ignore[method-assign]
        paced.send([ticket])

        assert_one_welcome(paced)
        assert len(paced.provider.asked) == 1
        assert sending.standing("clean-water", []).paise == 21


def once(first: Callable[[], object], then: Callable[[float], None]) -> Callable[[float], None]:
    """A sleep that lets somebody else work while it sleeps, the first time."""
    done: list[bool] = []

    def sleep(seconds: float) -> None:
        if not done:
            done.append(True)
            first()
        then(seconds)

    return sleep


def test_r14_a_second_worker_in_the_middle_of_the_request_sends_nothing(deployment: Deployment) -> None:
    (ticket,) = planned(deployment)
    rival = Sender(deployment.runtime, deployment.provider)
    returned: list[Ticket] = []

    def meanwhile(sms: OutgoingSms) -> Outcome:
        returned.extend(rival.send([ticket]))
        return deployment.provider.take(sms)

    deployment.provider.answers = [meanwhile]
    deployment.send([ticket])

    assert [ticket] == returned, "the rival cannot know yet how it ends"
    assert_one_welcome(deployment)
    assert len(deployment.provider.asked) == 1


def test_r15_a_worker_that_slept_past_its_lease_asks_nothing_of_the_provider(deployment: Deployment) -> None:
    """R15: it wakes after its claim, before its request; meanwhile another worker has declared the message unknown."""
    (ticket,) = planned(deployment)
    rival = Sender(deployment.runtime, deployment.provider)
    slept: list[bool] = []

    def paused_after_the_claim(moment: Moment, request: object) -> None:
        if moment is Moment.AFTER and deployment.message().state is State.CLAIMED and not slept:
            slept.append(True)
            deployment.clock.move(seconds=LEASE_AND_MORE.seconds)
            rival.send([ticket])

    with listening(unnested(paused_after_the_claim)):
        deployment.send([ticket])

    assert slept == [True]
    assert deployment.provider.asked == []
    assert State.UNKNOWN is deployment.message().state
    assert deployment.message().rule == "worker-lost"


def test_r15_a_worker_that_slept_past_its_lease_alone_sets_the_message_aside(deployment: Deployment) -> None:
    """Nobody else has touched the claim, and nothing has left: the message must not stay claimed for ever."""
    (ticket,) = planned(deployment)
    slept: list[bool] = []

    def paused_after_the_claim(moment: Moment, request: object) -> None:
        if moment is Moment.AFTER and deployment.message().state is State.CLAIMED and not slept:
            slept.append(True)
            deployment.clock.move(seconds=LEASE_AND_MORE.seconds)

    with listening(unnested(paused_after_the_claim)):
        deployment.send([ticket])
    assert deployment.provider.asked == []
    deployment.release()
    deployment.settle()

    assert_one_welcome(deployment)
    assert sending.standing("clean-water", []).paise == 21


def test_r15_the_write_of_a_stale_worker_does_not_undo_what_came_after(deployment: Deployment) -> None:
    """The answer takes longer than the lease; by then the message is unknown, and the late `sent` is refused."""
    (ticket,) = planned(deployment)
    rival = Sender(deployment.runtime, deployment.provider)

    def slow(sms: OutgoingSms) -> Outcome:
        outcome = deployment.provider.take(sms)
        deployment.clock.move(seconds=LEASE_AND_MORE.seconds)
        rival.send([ticket])
        deployment.report(deployment.message(), "sent", "20005")
        deployment.react()
        return outcome

    deployment.provider.answers = [slow]
    deployment.send([ticket])

    assert State.DELIVERED is deployment.message().state
    assert len(deployment.provider.asked) == 1


def unnested(listener: Callable[[Moment, object], None]) -> Callable[[Moment, object], None]:
    """A listener that may make requests of its own without hearing of them."""
    busy: list[bool] = []

    def hear(moment: Moment, request: object) -> None:
        if not busy:
            busy.append(True)
            try:
                listener(moment, request)
            finally:
                busy.clear()

    return hear


# The provider says no


def test_r16_throttled_messages_wait_as_long_as_asked_and_none_is_lost() -> None:
    """R16: 429 with Retry-After 30. Nothing is asked for 30 seconds, then all go. That no 60 seconds hold
    more than the limit is shown of the pacer itself (`test_store_counters`) and over HTTP."""
    people = callers(6)
    with deployed(SMS_PER_MINUTE="200") as deployment:
        for index, caller in enumerate(people):
            deployment.ring(caller, call_id=f"call-{index}")
        deployment.react()
        first, *others = deployment.queued()
        deployment.provider.answers = [Throttled(30.0)]
        deployment.send([first])
        assert (deployment.message(people[0]).state, deployment.message(people[0]).rule) == (
            State.HELD,
            THROTTLED,
        )
        for other in others:
            deployment.send([other])
        assert deployment.provider.taken == []

        for _ in range(40):
            deployment.clock.move(seconds=2)
            deployment.release()
            deployment.settle(batch=1)

        assert 30 <= (deployment.provider.taken_at[0] - MORNING).total_seconds() <= 40
        assert sorted(people) == sorted(sms.to for sms in deployment.provider.taken)
        assert 21 * len(people) == sending.standing("clean-water", []).paise


@pytest.mark.parametrize("code", ["401", "402", "403"])
def test_r17_a_blocked_account_pauses_sending_at_once_and_keeps_every_message(
    deployment: Deployment, code: str
) -> None:
    first = planned(deployment)
    second = planned(deployment, OTHER_CALLER, "call-2")
    deployment.provider.answers = [AccountBlocked(code, "suspended")]
    deployment.send(first)
    deployment.send(second)

    assert len(deployment.provider.asked) == 1
    assert [deployment.message(who).rule for who in (CALLER, OTHER_CALLER)] == [Rule.PAUSED] * 2
    assert emitted("SendingPaused") == 1
    assert sending.standing("clean-water", []).paise == 0

    sending.resume("clean-water")
    deployment.clock.move(minutes=15)
    deployment.release()
    deployment.settle()

    assert {CALLER, OTHER_CALLER} == {sms.to for sms in deployment.provider.taken}


STORM = timedelta(minutes=10)


def storm(deployment: Deployment, outcome: Outcome, begins: datetime = MORNING) -> None:
    """For ten minutes the provider answers so, and takes nothing."""

    def answer(sms: OutgoingSms) -> Outcome:
        return outcome if deployment.clock.now() < begins + STORM else deployment.provider.take(sms)

    deployment.provider.answers = [answer] * 1_000


def test_r18_in_a_storm_the_circuit_opens_after_five_and_single_tries_go_ever_more_rarely() -> None:
    """R18: 5xx for ten minutes. Five fail in a row, then one tries after 1, 2 and 4 minutes, and the one after the storm closes it.
    What a 5xx may have sent stays unknown, all others are sent once, and no minute holds more than the pace."""
    people = callers(24)
    with deployed(SMS_PER_MINUTE="60") as deployment:
        for index, caller in enumerate(people):
            deployment.ring(caller, call_id=f"call-{index}")
        storm(deployment, Unclear("503"))
        deployment.run(MORNING + STORM)
        lost = [caller for caller in people if deployment.message(caller).state is State.UNKNOWN]
        others = [caller for caller in people if caller not in lost]

        assert len(deployment.provider.asked) == len(lost) == 5 + 3
        assert {State.HELD} == {deployment.message(caller).state for caller in others}
        assert CIRCUIT_OPEN in {deployment.message(caller).rule for caller in others}
        assert (emitted("CircuitOpened"), emitted("CircuitClosed")) == (4, 0)
        assert 21 * len(lost) == sending.standing("clean-water", []).paise

        deployment.run(MORNING + timedelta(minutes=25))
        at = deployment.provider.taken_at

        assert sorted(others) == sorted(sms.to for sms in deployment.provider.taken)
        assert len(deployment.provider.asked) == len(people)
        assert all(later - earlier >= timedelta(seconds=0.9) for earlier, later in pairwise(at))
        assert emitted("CircuitClosed") == 1
        assert sending.load_account("exotel-sms").circuit == Circuit()


def test_r18_what_a_storm_held_over_the_evening_leaves_in_the_morning() -> None:
    """Catching up stays inside the window: the storm ends three minutes before nine in the evening."""
    closing, opening = (datetime(2026, 3, day, hour, tzinfo=INDIA) for day, hour in ((2, 21), (3, 10)))
    with deployed(SMS_PER_MINUTE="60") as deployment:
        begins = closing - timedelta(minutes=13)
        deployment.clock.set(begins)
        for index, caller in enumerate(callers(16)):
            deployment.ring(caller, call_id=f"call-{index}")
        storm(deployment, Unclear("503"), begins)
        deployment.run(closing)
        deployment.run(closing + timedelta(minutes=10))
        in_the_evening = list(deployment.provider.taken_at)
        deployment.clock.set(opening)
        deployment.run(opening + timedelta(minutes=5))

        assert all(at < closing for at in in_the_evening)
        assert len(deployment.provider.taken) == 16 - 8
        assert [at for at in deployment.provider.taken_at if closing <= at < opening] == []


def test_r18_a_provider_nobody_can_connect_to_loses_nothing() -> None:
    """Refused connections, each of which pauses the account for half a minute, open it too. Nothing can have left, so everything leaves once in the end."""
    people = callers(12)
    with deployed(SMS_PER_MINUTE="200") as deployment:
        for index, caller in enumerate(people):
            deployment.ring(caller, call_id=f"call-{index}")
        storm(deployment, Throttled(None, is_reached=False))
        deployment.run(MORNING + STORM)
        assert deployment.provider.taken == []
        assert len(deployment.provider.asked) == 5 + 3
        deployment.run(MORNING + timedelta(minutes=25))

        assert sorted(people) == sorted(sms.to for sms in deployment.provider.taken)
        assert 21 * len(people) == sending.standing("clean-water", []).paise


def test_r18_a_provider_that_asks_to_slow_down_is_not_failing(deployment: Deployment) -> None:
    for index, caller in enumerate(callers(6)):
        deployment.provider.answers = [Throttled(1.0)]
        deployment.send(planned(deployment, caller, f"call-{index}"))
        deployment.clock.move(seconds=2)

    assert emitted("CircuitOpened") == 0
    assert sending.load_account("exotel-sms").circuit == Circuit()


def test_r18_an_answer_in_between_begins_the_count_anew(deployment: Deployment) -> None:
    """Four failures, an answer, four failures: now and then one fails, and that is no storm."""
    lost = [Unclear("502")] * 4
    deployment.provider.answers = [*lost, deployment.provider.take, *lost]
    for index, caller in enumerate(callers(9)):
        deployment.send(planned(deployment, caller, f"call-{index}"))

    assert len(deployment.provider.asked) == 9
    assert emitted("CircuitOpened") == 0


def test_r18_of_many_workers_exactly_one_tries(deployment: Deployment) -> None:
    """While one tries, a second worker finds the circuit open and claims nothing."""
    tickets = half_open(deployment)
    rival = Sender(deployment.runtime, deployment.provider)

    def meanwhile(sms: OutgoingSms) -> Outcome:
        assert rival.send(tickets[1:]) == []
        return deployment.provider.take(sms)

    deployment.provider.answers = [meanwhile]
    deployment.send(tickets[:1])

    assert len(deployment.provider.taken) == 1
    held = deployment.message(callers(8)[6])
    assert (held.state, held.rule) == (State.HELD, CIRCUIT_OPEN)
    assert emitted("CircuitClosed") == 1


def test_r18_a_batch_that_meets_a_half_open_circuit_sends_one_of_it(deployment: Deployment) -> None:
    tickets = half_open(deployment)
    deployment.send(tickets)
    assert len(deployment.provider.taken) == 1
    deployment.run(deployment.clock.now() + timedelta(minutes=3), batch=10)

    assert len(deployment.provider.taken) == len(tickets)


def test_r18_what_came_during_a_try_leaves_as_soon_as_its_outcome_is_known(deployment: Deployment) -> None:
    """The lease of the worker that tries is a minute and a half; its answer, and so the circuit, is not waited out that long."""
    tickets = half_open(deployment)
    deployment.send(tickets)
    assert emitted("CircuitClosed") == 1
    closed_at = deployment.clock.now()
    deployment.run(closed_at + timedelta(seconds=10))

    assert len(deployment.provider.taken) == len(tickets)


def test_r18_the_pace_is_not_kept_waiting_by_what_came_during_a_try() -> None:
    """What is new when the circuit has closed departs within seconds, not behind the lease of the worker that tried."""
    with deployed(SMS_PER_MINUTE="60") as paced:
        tickets = half_open(paced)
        paced.clock.move(seconds=30)
        paced.send(tickets)
        assert emitted("CircuitClosed") == 1
        again = sending.next_departure("exotel-sms")

        assert again is not None
        assert again < paced.clock.now() + timedelta(seconds=15)


def test_r18_no_ticket_comes_round_again_however_long_the_storm() -> None:
    """A ticket that waits behind an open circuit is a new one each time: none of them counts towards the dead-letter queue."""
    with deployed(SMS_PER_MINUTE="60") as deployment:
        tickets = half_open(deployment)
        storm(deployment, Unclear("503"), deployment.clock.now())
        for _ in range(20):
            assert deployment.send(tickets) == []
            deployment.clock.move(seconds=25)
            tickets = deployment.queued()
            deployment.release()
        deployment.run(deployment.clock.now() + timedelta(minutes=20))

        waits = [each for each in ledger.every() if each.state in (State.PLANNED, State.HELD, State.CLAIMED)]
        assert waits == []


def test_a_message_that_is_held_anew_while_it_is_released_is_not_lost(deployment: Deployment) -> None:
    """The queue gives it out before `release` has gone on, a moment too early: the worker holds it once more, until the same moment."""
    opening = datetime(2026, 3, 3, 10, tzinfo=INDIA)
    deployment.clock.set(opening - timedelta(hours=12))
    deployment.send(planned(deployment))
    assert deployment.message().rule == Rule.QUIET_HOURS
    deployment.clock.set(opening - timedelta(milliseconds=500))

    def faster(moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.AFTER and request.operation == "SendMessageBatch":
            assert deployment.send(deployment.queued()) == []

    with listening(faster):
        assert deployment.release() == 1
    assert (deployment.message().state, deployment.message().rule) == (State.HELD, Rule.QUIET_HOURS)
    deployment.run(opening + timedelta(minutes=2))

    assert len(deployment.provider.taken) == 1


def test_a_release_that_dies_before_the_queue_has_the_message_is_made_up_for(deployment: Deployment) -> None:
    deployment.provider.answers = [Throttled(1.0)]
    deployment.send(planned(deployment))
    with listening(Throttler("SendMessageBatch", "test-send")), pytest.raises(ClientError):
        deployment.release()
    deployment.run(deployment.clock.now() + timedelta(minutes=4))

    assert len(deployment.provider.taken) == 1


def test_r18_a_worker_that_dies_trying_leaves_the_try_to_another(deployment: Deployment) -> None:
    """Its lease ends the try; its own message stays as unknown as that of any lost worker."""

    def killed(sms: OutgoingSms) -> Outcome:
        raise Killed

    tickets = half_open(deployment)
    deployment.provider.answers = [killed]
    with pytest.raises(Killed):
        deployment.send(tickets[:1])
    deployment.restart()
    deployment.send(tickets[1:2])
    assert len(deployment.provider.asked) == 6, "five failures and one try"
    deployment.run(deployment.clock.now() + timedelta(minutes=3), batch=10)

    assert len(deployment.provider.taken) == 1
    assert sending.load_account("exotel-sms").circuit == Circuit()


def test_r18_a_try_that_comes_to_nothing_is_given_back(deployment: Deployment) -> None:
    """The claim of the one that may try fails: the next one may try at once."""
    first, second, *_ = half_open(deployment)
    with listening(Throttler("UpdateItem", "test-messages")):
        assert [first] == deployment.send([first])
    deployment.send([second])

    assert len(deployment.provider.taken) == 1
    assert emitted("CircuitClosed") == 1


def half_open(deployment: Deployment) -> list[Ticket]:
    """Five failures and a minute later: tickets of three messages that nobody has seen to yet."""
    people = callers(8)
    for caller in people[:5]:
        deployment.provider.answers = [Unclear("500")]
        deployment.send(planned(deployment, caller, f"call-{caller[1:]}"))
    assert emitted("CircuitOpened") == 1
    waiting = [
        ticket for caller in people[5:] for ticket in planned(deployment, caller, f"call-{caller[1:]}")
    ]
    deployment.clock.move(minutes=1)
    return waiting


# Queues and batches


POISON = {
    "not JSON": "{",
    "another shape": '{"person": "x"}',
    "a number": "7",
    "empty keys": '["", ""]',
    "300 KB": json.dumps(["x" * 300_000, "y"]),
    "a lone surrogate": '["\\ud800", "y"]',
}


@pytest.mark.parametrize("body", POISON.values(), ids=POISON)
def test_r19_a_poison_body_names_no_row(body: str) -> None:
    """R19: such a message fails alone and ends in the dead-letter queue; `test_handlers` shows the rest of its batch go on."""
    assert queues.read_or_none(body) is None


def test_r19_a_fact_nobody_can_read_any_more_fails_alone(deployment: Deployment) -> None:
    deployment.ring()
    poison = journal.Entry(
        "exotel:bad", "call-missed", "clean-water", "exotel", "a-step-of-tomorrow", "", "", MORNING
    )
    journal.keep(poison)
    failed = deployment.react()
    deployment.settle()

    assert [entry.source_id for entry in failed] == ["exotel:bad"]
    assert emitted("FactFailed") == 1
    assert_one_welcome(deployment)


def test_r19_a_message_whose_text_is_gone_fails_alone(deployment: Deployment) -> None:
    """A version without the text was published after the message was planned: the others of its batch leave all the same."""
    deployment.ring(CALLER, TRAINING)
    deployment.react()
    gone, stays = deployment.queued(), planned(deployment, OTHER_CALLER, "call-2")
    deployment.publish("clean-water", without_training)

    assert gone == deployment.send([*gone, *stays])
    assert [sms.to for sms in deployment.provider.taken] == [OTHER_CALLER]


def without_training(document: dict[str, object]) -> None:
    texts, numbers, values = document["texts"], document["numbers"], document["values"]
    assert isinstance(texts, dict)
    assert isinstance(numbers, list)
    assert isinstance(values, dict)
    del texts["training"], values["training_day"], document["allowed_links"]
    numbers[:] = [number for number in numbers if number.get("text") != "training"]


def test_r20_redriving_twice_does_the_work_once(deployment: Deployment) -> None:
    """R20: dead letters are tickets like any other, and reacting again to a journal does nothing that was done."""
    deployment.ring()
    (entry,) = deployment.pending()
    for _ in range(2):
        deployment.reaction.react([entry])
    tickets = deployment.queued()
    assert len(tickets) == 2
    for _ in range(2):
        deployment.send(tickets)
    for _ in range(2):
        assert facts.replay(deployment.runtime, MORNING, MORNING + timedelta(days=1)) == []
        deployment.settle()

    assert_one_welcome(deployment)
    assert len(deployment.provider.asked) == 1


@pytest.mark.parametrize(
    ("operation", "place"),
    [("UpdateItem", "test-contacts"), ("PutItem", "test-messages"), ("GetItem", "test-catalog")],
)
def test_r21_a_throttled_reaction_fails_alone_and_succeeds_when_it_comes_again(
    deployment: Deployment, operation: str, place: str
) -> None:
    deployment.ring(call_id="call-1")
    deployment.ring(OTHER_CALLER, call_id="call-2")
    with listening(Throttler(operation, place)):
        (failed,) = deployment.react()
    assert deployment.reaction.react([failed]) == []
    deployment.settle()

    assert {CALLER, OTHER_CALLER} == {sms.to for sms in deployment.provider.taken}
    assert len(deployment.provider.asked) == 2
    assert deployment.counts()["raw"] == 2


@pytest.mark.parametrize(
    ("operation", "place"),
    [
        ("BatchGetItem", "test-messages"),
        ("BatchGetItem", "test-contacts"),
        ("BatchGetItem", "test-counters"),
        ("UpdateItem", "test-counters"),
        ("UpdateItem", "test-messages"),
    ],
)
def test_r21_a_throttled_send_comes_again_and_is_sent_once(
    deployment: Deployment, operation: str, place: str
) -> None:
    tickets = planned(deployment) + planned(deployment, OTHER_CALLER, "call-2")
    throttler = Throttler(operation, place)
    with listening(throttler):
        send_until_done(deployment, tickets)

    assert throttler.left == 0
    assert {CALLER, OTHER_CALLER} == {sms.to for sms in deployment.provider.taken}
    assert len(deployment.provider.asked) == 2


def test_r21_a_throttled_outcome_is_not_sent_again(deployment: Deployment) -> None:
    """The one write that must not be repeated by sending again: the provider has the SMS, and the claim says so."""
    (ticket,) = planned(deployment)
    claim_then_outcome = Throttler("UpdateItem", "test-messages")

    def taken_then_throttled(sms: OutgoingSms) -> Outcome:
        claim_then_outcome.left = 1
        return deployment.provider.take(sms)

    claim_then_outcome.left = 0
    deployment.provider.answers = [taken_then_throttled]
    with listening(claim_then_outcome):
        assert [ticket] == deployment.send([ticket])
    deployment.clock.move(seconds=LEASE_AND_MORE.seconds)
    assert deployment.send([ticket]) == []

    assert State.UNKNOWN is deployment.message().state
    assert len(deployment.provider.asked) == 1


# Bursts and time


def test_r22_a_burst_to_one_number_loses_nothing_and_counts_exactly(deployment: Deployment) -> None:
    """R22 in small: batches of the stream as a burst brings them. 10,000 calls in a minute are a journey and a benchmark over HTTP."""
    people = callers(70)
    for index, caller in enumerate(people):
        deployment.ring(caller, call_id=f"call-{index}")
    deployment.ring(people[0], call_id="call-again")
    entries = deployment.pending()
    for start in range(0, len(entries), 30):
        deployment.reaction.react(entries[start : start + 30])

    assert len(entries) == 71
    assert (deployment.counts()["raw"], deployment.counts()["unique"]) == (71, 70)
    assert len(set(deployment.queued())) == 70
    assert recount(deployment) == {}


def test_r23_a_backlog_stops_at_nine_in_the_evening_and_goes_on_at_ten_in_the_morning() -> None:
    """R23: with a departure every second from 20:59:57 on, nothing leaves from 21:00:00 to 09:59:59, and all leave in the end."""
    people = callers(8)
    closing = datetime(2026, 3, 2, 21, 0, tzinfo=INDIA)
    opening = datetime(2026, 3, 3, 10, 0, tzinfo=INDIA)
    with deployed(SMS_PER_MINUTE="60") as deployment:
        deployment.clock.set(closing - timedelta(seconds=3))
        for index, caller in enumerate(people):
            deployment.ring(caller, call_id=f"call-{index}")
        deployment.settle(batch=1)
        before_closing = len(deployment.provider.taken)
        assert 0 < before_closing < len(people)
        for hour in range(13):
            deployment.clock.set(closing + timedelta(minutes=59, seconds=59, hours=hour - 1))
            deployment.release()
            deployment.settle(batch=1)
        assert before_closing == len(deployment.provider.taken)
        deployment.clock.set(opening)
        for _ in range(20):
            deployment.release()
            deployment.settle(batch=1)
            deployment.clock.move(seconds=1)

        assert sorted(people) == sorted(sms.to for sms in deployment.provider.taken)
        assert [at for at in deployment.provider.taken_at if closing <= at < opening] == []


def silence(area: str = "eci:S13/26") -> Callable[[dict[str, Any]], None]:
    """Content in which a silence of three hours begins a minute from now."""
    told = {
        "area": area,
        "from": "2026-03-02 11:01",
        "until": "2026-03-02 14:00",
        "source": "ECI, a press note",
    }

    def change(document: dict[str, Any]) -> None:
        document["silences"] = [told]

    return change


@pytest.mark.parametrize(
    ("place", "held"),
    [("eci:S13/26/112", True), ("eci:S13/27/1", False), (None, True)],
    ids=["in the area", "elsewhere", "unknown"],
)
def test_r24_a_silence_that_begins_while_an_sms_is_queued_holds_it_until_its_end(
    deployment: Deployment, place: str | None, held: bool
) -> None:
    """R24, E1: also for whom nobody knows the place of; the row keeps the rule."""
    deployment.publish("clean-water", silence())
    tickets = planned(deployment)
    if place is not None:
        contacts.set_field(deployment.person(), "place", place, deployment.clock.now())
    deployment.clock.move(minutes=1)
    deployment.send(tickets)

    message = deployment.message()
    end = datetime(2026, 3, 2, 14, 0, tzinfo=INDIA)
    if not held:
        assert_one_welcome(deployment)
        return
    assert (message.state, message.rule, message.due_at) == (State.HELD, Rule.ELECTION_SILENCE, end)
    assert deployment.provider.asked == []
    deployment.clock.set(end)
    deployment.release()
    deployment.settle()
    assert_one_welcome(deployment)


def test_r24_a_silence_that_begins_while_an_sms_waits_for_its_departure_holds_it() -> None:
    """The gate is asked again after the wait."""
    with deployed(SMS_PER_MINUTE="60") as deployment:
        deployment.publish("clean-water", silence())
        tickets = planned(deployment, CALLER, "call-1") + planned(deployment, OTHER_CALLER, "call-2")
        deployment.clock.set(datetime(2026, 3, 2, 11, 0, 59, 500_000, tzinfo=INDIA))
        deployment.send(tickets[:1])
        deployment.send(tickets[1:])

        assert [sms.to for sms in deployment.provider.taken] == [CALLER]
        assert deployment.message(OTHER_CALLER).rule == Rule.ELECTION_SILENCE


def test_r24_a_silence_holds_calls_as_well(deployment: Deployment) -> None:
    deployment.publish("clean-water", silence())
    deployment.ring(number=CALL_BACK_LINE)
    deployment.react()
    deployment.clock.move(minutes=1)
    deployment.place(deployment.to_dial())

    assert deployment.dial().rule == Rule.ELECTION_SILENCE
    assert deployment.provider.called == []


def test_r25_an_opt_out_between_plan_and_send_stops_the_sms(deployment: Deployment) -> None:
    tickets = planned(deployment)
    deployment.ring(CALLER, OPT_OUT, call_id="call-2")
    deployment.react()
    deployment.send(tickets)

    assert (deployment.message().state, deployment.message().rule) == (State.REFUSED, Rule.OPTED_OUT)
    assert deployment.provider.asked == []


@pytest.mark.parametrize(
    ("told", "hour"),
    [
        ("2026-03-02 10:51:00", "2026-03-02T10"),  # nine minutes behind: believed
        ("2026-03-02 11:04:00", "2026-03-02T11"),
        ("2026-03-02 12:10:00", "2026-03-02T11"),  # too far ahead: when we heard of it
        ("", "2026-03-02T11"),
        ("yesterday", "2026-03-02T11"),
    ],
)
def test_r26_a_skewed_clock_of_the_provider_is_believed_within_reason(
    deployment: Deployment, told: str, hour: str
) -> None:
    deployment.ring(StartTime=told)
    deployment.settle()

    assert [hour] == [counted.hour for counted in counters.hours("clean-water")]
    assert_one_welcome(deployment)


def test_r26_new_year_begins_at_midnight_in_india(deployment: Deployment) -> None:
    deployment.clock.set(datetime(2026, 12, 31, 18, 40, tzinfo=UTC))
    deployment.ring(StartTime="2026-12-31 23:59:59", call_id="last")
    deployment.ring(OTHER_CALLER, StartTime="2027-01-01 00:00:00", call_id="first")
    deployment.react()

    found = counters.hours("clean-water")
    assert {hour.hour: n["raw"] for hour, n in found.items()} == {"2026-12-31T23": 1, "2027-01-01T00": 1}
    assert hour_of("clean-water", datetime(2026, 12, 31, 18, 30, tzinfo=UTC)) in found


def test_r27_a_door_that_fails_before_its_write_loses_nothing_once_the_listing_is_read(
    deployment: Deployment,
) -> None:
    """R27: an asynchronous callback is not repeated, so the provider's own records bring the call back."""
    with listening(Killer(0, Moment.BEFORE)), pytest.raises(Killed):
        deployment.ring()
    assert deployment.entries() == []
    deployment.clock.move(minutes=5)
    deployment.provider.pages = [CallPage((listed(),), True, None)]
    calls.reconcile(deployment.runtime, deployment.provider)
    deployment.settle()

    assert_one_welcome(deployment)


def test_r27_a_door_that_fails_after_its_write_is_repeated_without_effect(deployment: Deployment) -> None:
    with listening(Killer(0, Moment.AFTER)), pytest.raises(Killed):
        deployment.ring()
    deployment.ring()
    deployment.settle()

    assert deployment.counts()["raw"] == 1
    assert_one_welcome(deployment)


def test_r27_a_slow_worker_still_sends_once(deployment: Deployment) -> None:
    """Each request to AWS takes ten seconds; the claim is younger than its lease when the provider is asked."""
    tickets = planned(deployment)

    def slow(moment: Moment, request: object) -> None:
        if moment is Moment.AFTER:
            deployment.clock.move(seconds=10)

    with listening(slow):
        deployment.send(tickets)

    assert_one_welcome(deployment)


def test_r28_rows_of_a_newer_version_are_read_and_what_they_hold_besides_stays(
    deployment: Deployment,
) -> None:
    """R28: old and new code run side by side during a deploy; neither trips over the other's attributes nor removes them."""
    tickets = planned(deployment)
    message = deployment.message()
    tomorrow = {"of_tomorrow": {"S": "kept"}}
    for model, key in (
        (ContactRow, {"person": {"S": message.person}}),
        (MessageRow, {"person": {"S": message.person}, "message": {"S": message.name}}),
        (JournalRow, {"source_id": {"S": "exotel:call-1"}, "fact": {"S": "call-missed"}}),
    ):
        table = connection(model)
        item = table.get_item(*(value["S"] for value in key.values()))["Item"]
        table.put_item(*(value["S"] for value in key.values()), attributes=item | tomorrow)
    deployment.send(tickets)
    deployment.ring(call_id="call-2")
    facts.replay(deployment.runtime, MORNING, MORNING + timedelta(days=1))

    assert_one_welcome(deployment)
    for model, keys in (
        (ContactRow, (message.person,)),
        (MessageRow, (message.person, message.name)),
        (JournalRow, ("exotel:call-1", "call-missed")),
    ):
        assert tomorrow["of_tomorrow"] == connection(model).get_item(*keys)["Item"]["of_tomorrow"]


def test_r28_a_fact_kept_by_an_older_version_is_still_reacted_to(deployment: Deployment) -> None:
    """A journal row with nothing but what the first version wrote, replayed to today's code."""
    image = {
        "source_id": {"S": "exotel:old"},
        "fact": {"S": "call-missed"},
        "campaign": {"S": "clean-water"},
        "provider": {"S": "exotel"},
        "step": {"S": "missed-call"},
        "raw": {"S": f"CallSid=old&From={local(CALLER)}&To={local(VOLUNTEER)}&Unheard=of"},
        "digest": {"S": "0" * 32},
        "received_at": {"S": "2026-03-02T05:30:00.000+00:00"},
        "expires_at": {"N": "1829799001"},
    }
    assert deployment.reaction.react([journal.from_stream(image)]) == []
    deployment.settle()

    assert_one_welcome(deployment)


# Killed anywhere: one deployment, and another caller for each death


def deaths(moment: Moment) -> Iterator[tuple[int, Killer]]:
    """One killer per request, until a run survives; numbered."""
    for at in count():
        killer = Killer(at, moment)
        yield at, killer
        if killer.victim is None:
            return


def until_killed(deployment: Deployment, killer: Killer, run: Callable[[], object]) -> None:
    """Run a worker; if it is killed, new ones take over, which remember nothing."""
    with listening(killer):
        try:
            run()
        except Killed:
            deployment.restart()


@pytest.mark.parametrize("moment", Moment)
def test_killed_at_any_request_a_reaction_is_finished_by_the_next_delivery(
    deployment: Deployment, moment: Moment
) -> None:
    """R12 for `react`: before or after each of its requests the process dies; the stream delivers the batch again."""
    assert deployment.runtime.secrets
    people, died_at = iter(callers(100)), []
    for at, killer in deaths(moment):
        batch = [next(people), next(people)]
        for index, caller in enumerate(batch):
            deployment.ring(caller, call_id=f"call-{at}-{index}")
        entries = deployment.pending()
        until_killed(deployment, killer, lambda entries=entries: deployment.reaction.react(entries))  # type: ignore[misc]
        died_at.append(killer.victim.operation if killer.victim else "")
        assert deployment.react() == []
        deployment.settle()

        for caller in batch:
            assert deployment.contact(caller), died_at
            assert State.SENT is deployment.message(caller).state, died_at
            assert sum(sms.to == caller for sms in deployment.provider.asked) == 1, died_at
    assert {"GetItem", "UpdateItem", "PutItem", "SendMessageBatch", ""} == set(died_at)
    recount(deployment)
    assert recount(deployment) == {}
    assert deployment.counts()["raw"] == deployment.counts()["unique"] == 2 * len(died_at)


@pytest.mark.parametrize("moment", Moment)
def test_killed_at_any_request_a_send_ends_sent_or_unknown_and_never_twice(
    deployment: Deployment, moment: Moment
) -> None:
    """R10 to R13 for `send_message`: SQS brings the message to another worker after the visibility time."""
    assert deployment.runtime.secrets
    people, ends = iter(callers(100)), set()
    for at, killer in deaths(moment):
        caller = next(people)
        tickets = planned(deployment, caller, f"call-{at}")
        until_killed(deployment, killer, lambda tickets=tickets: deployment.send(tickets))  # type: ignore[misc]
        deployment.clock.move(seconds=LEASE_AND_MORE.seconds)
        assert deployment.send(tickets) == []
        message = deployment.message(caller)
        taken = sum(sms.to == caller for sms in deployment.provider.taken)
        ends.add((message.state, taken))

        assert taken <= 1, killer.victim
        if taken:
            deployment.report(message, "sent", "20005")
            deployment.settle()
            assert State.DELIVERED is deployment.message(caller).state, killer.victim
    # Sent, at once or by the next worker; lost with the SMS taken; lost before it was. Never lost from sight, never twice.
    assert {(State.SENT, 1), (State.UNKNOWN, 1 if moment is Moment.BEFORE else 0)} == ends
    spent = sending.standing("clean-water", []).paise
    assert spent >= 21 * len(deployment.provider.taken), "what may have been sent is paid for"


@pytest.mark.parametrize("moment", Moment)
def test_killed_at_any_request_a_release_loses_no_held_message(
    deployment: Deployment, moment: Moment
) -> None:
    """`release` may die anywhere too; a run soon after finds what is still held, and what comes twice is sent once."""
    people, night, killed = iter(callers(100)), datetime(2026, 3, 2, 22, 0, tzinfo=INDIA), 0
    for at, killer in deaths(moment):
        caller = next(people)
        deployment.clock.set(night + timedelta(days=at))
        deployment.ring(caller, call_id=f"call-{at}")
        deployment.settle()
        assert State.HELD is deployment.message(caller).state
        deployment.clock.move(hours=12)
        until_killed(deployment, killer, deployment.release)
        deployment.clock.set(deployment.clock.now() + RELEASED_AGAIN_AFTER)
        deployment.release()
        deployment.settle()

        assert State.SENT is deployment.message(caller).state, killer.victim
        assert deployment.listed("held") == [], killer.victim
        killed += killer.victim is not None
    assert killed > 10
    assert len(deployment.provider.asked) == killed + 1


@pytest.mark.parametrize("moment", Moment)
def test_killed_at_any_request_a_reconciliation_loses_no_call(deployment: Deployment, moment: Moment) -> None:
    expected = set()
    for at, killer in deaths(moment):
        deployment.clock.move(minutes=5)
        page = CallPage((listed(f"call-{at}-1"), listed(f"call-{at}-2", OTHER_CALLER)), True, None)
        deployment.provider.pages = [page, page]
        until_killed(deployment, killer, lambda: calls.reconcile(deployment.runtime, deployment.provider))
        calls.reconcile(deployment.runtime, deployment.provider)
        expected |= {f"exotel:call-{at}-1", f"exotel:call-{at}-2"}

        assert expected == {entry.source_id for entry in deployment.entries()}, killer.victim
