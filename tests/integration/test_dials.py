"""A missed call is answered by ringing back (F14), and whatever happens on the way nobody is rung twice for one attempt."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from ringback.domain.dials import State
from ringback.domain.errors import Conflict
from ringback.domain.facts import FailureAction
from ringback.domain.policy import Rule
from ringback.domain.times import INDIA
from ringback.providers.base import (
    AccountBlocked,
    CallPage,
    Declined,
    Direction,
    ListedCall,
    Outcome,
    OutgoingCall,
    Throttled,
    Unclear,
)
from ringback.queues import Ticket
from ringback.services import calls
from ringback.services.effects import EVIDENCE_DUE, PACE, THROTTLED
from ringback.store import dials as ledger
from ringback.store import sending
from tests.deployment import (
    CALL_BACK_LINE,
    CALLER,
    MENU_IN_HINDI,
    MORNING,
    OPT_OUT,
    OTHER_CALLER,
    VOLUNTEER,
    Deployment,
    Handset,
    callers,
    deployed,
    emitted,
    local,
)
from tests.integration.wire import Killed, Killer, Moment, listening

COST = 250
"""Five minutes at 50 paise."""
LEASE_AND_MORE = timedelta(seconds=720)


def asked_back(deployment: Deployment, caller: str = CALLER, call_id: str = "call-1") -> list[Ticket]:
    """A missed call after which its caller waits to be rung."""
    deployment.ring(caller, CALL_BACK_LINE, call_id=call_id)
    deployment.react()
    return deployment.to_dial()


def rung(deployment: Deployment) -> OutgoingCall:
    """The caller is being rung."""
    assert deployment.place(asked_back(deployment)) == []
    return deployment.provider.called[-1]


def spent() -> int:
    return sending.standing("clean-water", (), "clean-water/calls").paise


def listed(
    dial_id: str | None, status: str = "completed", call_id: str = "out-1", at: datetime = MORNING
) -> ListedCall:
    """A call that we placed as the provider's own records have it."""
    return ListedCall(
        call_id,
        local(CALL_BACK_LINE),
        local(CALLER),
        Direction.OUTGOING,
        status,
        at.astimezone(UTC),
        dial_id,
    )


def reconciled(deployment: Deployment, *found: ListedCall) -> None:
    deployment.provider.pages = [CallPage(found, True, None)]
    calls.reconcile(deployment.runtime, deployment.provider)
    deployment.react()


# The story


def test_who_gives_a_missed_call_is_rung_back_and_hears_the_menu_in_their_language(
    deployment: Deployment,
) -> None:
    deployment.ring(CALLER, VOLUNTEER, call_id="call-0")  # known as a reader of English
    deployment.settle()
    call = rung(deployment)
    dial = deployment.dial()

    assert (call.to, call.number, call.custom_field) == (CALLER, CALL_BACK_LINE, dial.dial_id)
    assert call.flow == "clean-water-menus"
    assert (call.longest_seconds, call.ring_seconds) == (300, 30)
    assert (dial.state, dial.provider_id, dial.cause) == (State.PLACED, "out-1", "exotel:call-1")
    assert spent() == COST

    handset = deployment.pick_up(call)
    assert "Clear Springs Trust" in handset.heard[-1]
    handset.press("1")
    deployment.react()

    assert deployment.dial().state is State.ANSWERED
    assert deployment.counts()["call-answered"] == 1
    assert "ivr" not in deployment.counts()
    kept = [entry for entry in deployment.entries() if entry.step == "turn"]
    assert [entry.source_id for entry in kept] == ["exotel:out-1"] * 2
    deployment.end(dial, "completed")
    deployment.react()
    assert deployment.dial().state is State.ANSWERED
    assert emitted("ReportConflict") == 0
    assert spent() == COST


def test_the_call_goes_out_within_a_minute_of_the_missed_one(deployment: Deployment) -> None:
    """F14."""
    rung(deployment)

    assert deployment.provider.called_at[0] - deployment.dial().caused_at < timedelta(seconds=60)


def test_the_answer_may_come_before_the_provider_says_that_it_took_the_call(deployment: Deployment) -> None:
    def answered_at_once(call: OutgoingCall) -> Outcome:
        outcome = deployment.provider.take_call(call)
        deployment.pick_up(call)
        deployment.react()
        return outcome

    deployment.provider.call_answers = [answered_at_once]
    deployment.place(asked_back(deployment))

    assert deployment.dial().state is State.ANSWERED


def test_many_missed_calls_within_the_hour_are_answered_by_one_call(deployment: Deployment) -> None:
    first = asked_back(deployment)
    again = asked_back(deployment, call_id="call-2")
    deployment.clock.move(minutes=61)
    later = asked_back(deployment, call_id="call-3")

    assert (len(first), len(again), len(later)) == (1, 0, 1)


def test_a_menu_that_promises_a_call_back_into_a_menu_has_it_placed(deployment: Deployment) -> None:
    def promise(document: dict[str, Any]) -> None:
        main = document["voice"]["menus"]["main"]
        main["nodes"]["subscribe"] = {"call_back": "volunteer", "menu": "poll", "next": "subscribed"}

    deployment.publish("clean-water", promise)
    handset = deployment.begin(number=MENU_IN_HINDI)
    for key in ("2", "4", "1"):
        handset.press(key)
    deployment.settle()

    dial = deployment.dial()
    assert (dial.menu, dial.cause) == ("poll", "exotel:call-1/turn-4")
    assert dial.number == CALL_BACK_LINE  # the one that places calls


@pytest.mark.parametrize(("status", "minutes"), [("busy", 5), ("no-answer", 60)])
def test_who_does_not_take_the_call_is_rung_again_as_the_campaign_says(
    deployment: Deployment, status: str, minutes: int
) -> None:
    rung(deployment)
    deployment.end(deployment.dial(), status)
    deployment.react()
    first, second = deployment.dials()

    assert (first.state, second.state, second.rule) == (State(status), State.HELD, f"after-{status}")
    assert spent() == 0
    deployment.clock.move(minutes=minutes - 2)
    assert deployment.release() == 0
    deployment.clock.move(minutes=2)
    assert deployment.release() == 1
    deployment.place(deployment.to_dial())
    assert [call.custom_field for call in deployment.provider.called] == [first.dial_id, second.dial_id]
    assert deployment.counts()[f"call-{status}"] == 1


def test_after_the_last_attempt_nobody_is_rung_any_more(deployment: Deployment) -> None:
    rung(deployment)
    for attempt in (1, 2, 3):
        deployment.end(deployment.dials()[-1], "busy", f"out-{attempt}")
        deployment.react()
        deployment.clock.move(minutes=6)
        deployment.release()
        deployment.place(deployment.to_dial())

    assert [dial.state for dial in deployment.dials()] == [State.BUSY] * 3
    assert len(deployment.provider.called) == 3


def test_a_number_that_failed_is_never_rung_again(deployment: Deployment) -> None:
    rung(deployment)
    deployment.end(deployment.dial(), "failed")
    deployment.react()

    assert deployment.dial().state is State.FAILED
    assert deployment.listed_dials() == []


# Reports that repeat, contradict and come late


def test_the_same_ending_three_times_is_one_next_attempt(deployment: Deployment) -> None:
    rung(deployment)
    dial = deployment.dial()
    verdicts = [deployment.end(dial, "busy") for _ in range(3)]
    entries = deployment.pending()
    for _ in range(2):
        deployment.reaction.react(entries)
    deployment.react()

    assert verdicts == ["kept"] * 3
    assert [each.state for each in deployment.dials()] == [State.BUSY, State.HELD]
    assert spent() == 0


def test_of_two_endings_the_first_stands_and_the_second_is_kept_and_counted(deployment: Deployment) -> None:
    """R5."""
    rung(deployment)
    dial = deployment.dial()
    deployment.end(dial, "busy")
    deployment.react()
    deployment.end(dial, "failed")
    deployment.react()

    assert deployment.dials()[0].state is State.BUSY
    assert emitted("ReportConflict") == 1
    kept = {entry.key for entry in deployment.entries() if entry.source_id == dial.dial_id}
    assert kept == {"dial-busy", "dial-failed"}


def test_completed_without_a_turn_is_ended_and_the_turn_that_comes_later_proves_the_answer(
    deployment: Deployment,
) -> None:
    """Trap 7, and facts in any order."""
    call = rung(deployment)
    handset = deployment.pick_up(call)
    deployment.end(deployment.dial(), "completed")
    turn, ending = sorted(deployment.pending()[-2:], key=lambda entry: entry.step == "dial-status")
    deployment.reaction.react([ending])
    assert deployment.dial().state is State.ENDED
    deployment.reaction.react([turn])

    assert handset.heard
    assert deployment.dial().state is State.ANSWERED
    assert len(deployment.dials()) == 1


# The gate, the pace, the budget


def test_who_opted_out_is_never_rung(deployment: Deployment) -> None:
    tickets = asked_back(deployment)
    deployment.ring(number=OPT_OUT, call_id="call-2")
    deployment.react()
    deployment.place(tickets)

    assert deployment.provider.called == []
    assert (deployment.dial().state, deployment.dial().rule) == (State.REFUSED, Rule.OPTED_OUT)


def test_who_opts_out_between_two_attempts_is_not_rung_again(deployment: Deployment) -> None:
    rung(deployment)
    deployment.end(deployment.dial(), "busy")
    deployment.ring(number=OPT_OUT, call_id="call-2")
    deployment.react()
    deployment.clock.move(minutes=6)
    deployment.release()
    deployment.place(deployment.to_dial())

    assert len(deployment.provider.called) == 1
    assert deployment.dials()[1].rule == Rule.OPTED_OUT


def test_a_missed_call_in_the_night_is_answered_in_the_morning(deployment: Deployment) -> None:
    deployment.clock.set(datetime(2026, 3, 2, 22, 15, tzinfo=INDIA))
    deployment.place(asked_back(deployment))
    held = deployment.dial()
    assert (held.state, held.rule) == (State.HELD, Rule.QUIET_HOURS)
    deployment.clock.set(datetime(2026, 3, 3, 10, 0, tzinfo=INDIA))
    deployment.release()
    deployment.place(deployment.to_dial())

    assert deployment.dial().state is State.PLACED


def test_calls_leave_at_a_pace_of_their_own() -> None:
    with deployed(CALLS_PER_MINUTE="60") as deployment:
        people = callers(12)
        tickets = [asked_back(deployment, each, f"call-{n}")[0] for n, each in enumerate(people)]
        for ticket in tickets:
            deployment.place([ticket])
        gaps = [later - earlier for earlier, later in pairwise(deployment.provider.called_at)]

        assert all(gap >= timedelta(seconds=1) for gap in gaps)
        assert sending.next_departure("exotel-calls") is not None
        assert sending.next_departure("exotel-sms") is None
        waiting = [deployment.dial(each) for each in people if deployment.dial(each).state is State.HELD]
        assert {dial.rule for dial in waiting} <= {PACE}


def test_what_does_not_fit_into_the_voice_budget_is_refused_and_may_be_asked_for_again(
    deployment: Deployment,
) -> None:
    deployment.publish("clean-water", lambda document: document["limits"].update(voice_budget_rupees=4))
    deployment.place(asked_back(deployment) + asked_back(deployment, OTHER_CALLER, "call-2"))
    states = sorted(str(deployment.dial(each).state) for each in (CALLER, OTHER_CALLER))

    assert states == ["placed", "refused"]
    assert spent() == COST
    refused = next(each for each in (CALLER, OTHER_CALLER) if deployment.dial(each).state is State.REFUSED)
    assert len(asked_back(deployment, refused, "call-3")) == 1


# What the provider answers


@pytest.mark.parametrize(
    ("outcome", "state", "rule"),
    [
        (Declined("400", "no such flow", FailureAction.NONE), State.FAILED, None),
        (Throttled(60), State.HELD, THROTTLED),
        (AccountBlocked("40001", "no balance"), State.HELD, Rule.PAUSED),
        (Unclear("ReadTimeout"), State.UNKNOWN, "ReadTimeout"),
    ],
)
def test_what_the_provider_answers_decides(
    deployment: Deployment, outcome: Outcome, state: State, rule: str | None
) -> None:
    deployment.provider.call_answers = [outcome]
    deployment.place(asked_back(deployment))

    assert (deployment.dial().state, deployment.dial().rule) == (state, rule)
    assert spent() == (COST if state is State.UNKNOWN else 0)


def test_five_failures_in_a_row_open_the_circuit_of_calls_and_not_that_of_sms(deployment: Deployment) -> None:
    deployment.provider.call_answers = [Unclear("502")] * 9
    for n, each in enumerate(callers(7)):
        deployment.place(asked_back(deployment, each, f"call-{n}"))

    assert len(deployment.provider.call_answers) == 4
    assert sending.load_account("exotel-calls").circuit.open_until is not None
    assert sending.load_account("exotel-sms").circuit.open_until is None


# X13: what may have rung is never rung blindly


def timed_out(deployment: Deployment, *, rang: bool = True) -> Ticket:
    def lost(call: OutgoingCall) -> Outcome:
        if rang:
            deployment.provider.take_call(call)
        return Unclear("ReadTimeout")

    deployment.provider.call_answers = [lost]
    (ticket,) = asked_back(deployment)
    deployment.place([ticket])
    assert deployment.dial().state is State.UNKNOWN
    return ticket


def test_a_call_whose_answer_was_lost_is_not_placed_again(deployment: Deployment) -> None:
    ticket = timed_out(deployment)
    for _ in range(3):
        deployment.clock.move(hours=1)
        deployment.release()
        deployment.place([ticket, *deployment.to_dial()])

    assert len(deployment.provider.called) == 1


def test_a_call_whose_answer_was_lost_is_settled_from_the_providers_records(deployment: Deployment) -> None:
    timed_out(deployment)
    deployment.clock.move(minutes=5)
    reconciled(deployment, listed(deployment.dial().dial_id, "busy"))

    assert [dial.state for dial in deployment.dials()] == [State.BUSY, State.HELD]
    assert deployment.dials()[0].provider_id == "out-1"


def test_a_call_whose_callback_was_lost_is_settled_from_the_records_as_well(deployment: Deployment) -> None:
    """Also where the records give only the provider's own id, as Twilio's do."""
    rung(deployment)
    deployment.clock.move(minutes=5)
    reconciled(deployment, listed(None, "no-answer"))

    assert deployment.dials()[0].state is State.NO_ANSWER


@pytest.mark.parametrize(
    ("field", "status"),
    [("order 4711", "completed"), ("m2pb.other-firm.main.7pn5nw2h7h63btyp", "busy"), (None, "busy")],
)
def test_calls_that_others_place_with_the_account_are_left_alone(
    deployment: Deployment, field: str | None, status: str
) -> None:
    deployment.clock.move(minutes=5)
    reconciled(deployment, listed(field, status, "somebody-elses"))

    assert deployment.entries() == []


def test_a_listed_call_that_goes_on_says_nothing_yet(deployment: Deployment) -> None:
    rung(deployment)
    deployment.clock.move(minutes=5)
    reconciled(deployment, listed(deployment.dial().dial_id, "in-progress"))

    assert deployment.dial().state is State.PLACED


def test_a_turn_settles_a_call_whose_answer_was_lost(deployment: Deployment) -> None:
    timed_out(deployment)
    deployment.pick_up(deployment.provider.called[0])
    deployment.react()

    assert deployment.dial().state is State.ANSWERED


def test_what_nobody_tells_of_for_a_day_is_listed_for_a_person_who_settles_it(deployment: Deployment) -> None:
    timed_out(deployment, rang=False)
    deployment.clock.move(hours=24, seconds=1)
    deployment.release()

    assert deployment.listed_dials() == [(deployment.dial().person, deployment.dial().name)]
    assert emitted("DialsListed") == 1
    assert ledger.settle(deployment.dial(), rang=False)
    assert deployment.dial().state is State.FAILED
    assert deployment.listed_dials() == []


def test_evidence_that_comes_after_a_person_settled_it_knows_better(deployment: Deployment) -> None:
    timed_out(deployment)
    ledger.settle(deployment.dial(), rang=False)
    deployment.end(deployment.dial(), "no-answer")
    deployment.react()

    assert deployment.dials()[0].state is State.NO_ANSWER


# A3: a forged field opens nothing


@pytest.mark.parametrize(
    "forged",
    [
        {"CustomField": "order 4711"},
        {"CustomField": "m2pbkf5zmukzow4hzyryepb77i.clean-water.main.7pn5nw2h7h63btyp"},
        {"CallTo": local(OTHER_CALLER), "From": local(OTHER_CALLER), "CallFrom": local(OTHER_CALLER)},
        {"To": local(VOLUNTEER)},
        {"CallSid": "another-call"},
    ],
)
def test_a_call_that_is_not_the_dial_it_names_hears_no_menu(
    deployment: Deployment, forged: dict[str, str]
) -> None:
    call = rung(deployment)
    handset = Handset(deployment, call.to, call.number, "out-1", 3)
    handset.told |= {
        "Direction": "outbound-dial",
        "CallTo": local(call.to),
        "CustomField": call.custom_field,
    } | forged
    handset.do()
    deployment.react()

    assert handset.branch in ("end", "hang-up")
    assert [entry.step for entry in deployment.entries()] == ["missed-call", "unparsed"]
    assert deployment.dial().state is State.PLACED


def test_a_dial_that_is_over_opens_nothing(deployment: Deployment) -> None:
    call = rung(deployment)
    deployment.end(deployment.dial(), "no-answer")
    deployment.react()
    handset = deployment.pick_up(call)

    assert handset.branch in ("end", "hang-up")


# Crashes: the worker dies before or after every request that it makes


def seen_to(deployment: Deployment, ticket: Ticket) -> None:
    """As SQS does it: the ticket comes again, to a new process, until it is done."""
    for _ in range(6):
        deployment.clock.move(seconds=LEASE_AND_MORE.total_seconds())
        deployment.restart()
        if not deployment.place([ticket]):
            return
    raise Conflict("the ticket never ended")


@pytest.mark.parametrize(("at", "moment"), [(n, moment) for n in range(14) for moment in Moment])
def test_a_worker_that_dies_anywhere_rings_nobody_twice_and_loses_nobody(at: int, moment: Moment) -> None:
    with deployed(CALLS_PER_MINUTE="150") as deployment:
        (ticket,) = asked_back(deployment)
        killer = Killer(at, moment)
        with listening(killer), suppress(Killed):
            deployment.place([ticket])
        seen_to(deployment, ticket)
        dial = deployment.dial()

        assert len(deployment.provider.called) <= 1
        if deployment.provider.called:
            assert dial.state in (State.PLACED, State.UNKNOWN)
        else:
            # It died between the claim and the request: the records will show that nothing rang, and a person settles it.
            assert dial.state is State.UNKNOWN
        if killer.victim is None:
            assert dial.state is State.PLACED


def test_a_worker_that_dies_while_the_provider_is_asked_leaves_it_to_the_records(
    deployment: Deployment,
) -> None:
    def dies(call: OutgoingCall) -> Outcome:
        deployment.provider.take_call(call)
        raise Killed

    deployment.provider.call_answers = [dies]
    (ticket,) = asked_back(deployment)
    with pytest.raises(Killed):
        deployment.place([ticket])
    seen_to(deployment, ticket)
    assert deployment.dial().state is State.UNKNOWN
    reconciled(deployment, listed(deployment.dial().dial_id, "no-answer"))

    assert deployment.dials()[0].state is State.NO_ANSWER
    assert len(deployment.provider.called) == 1


@pytest.mark.parametrize(("at", "moment"), [(n, moment) for n in range(12) for moment in Moment])
def test_a_reaction_that_dies_anywhere_still_rings_back_once(at: int, moment: Moment) -> None:
    with deployed() as deployment:
        deployment.ring(CALLER, CALL_BACK_LINE)
        entries = deployment.pending()
        with listening(Killer(at, moment)), suppress(Killed):
            deployment.reaction.react(entries)
        deployment.restart()
        deployment.reaction.react(entries)
        while tickets := deployment.to_dial():
            deployment.place(tickets)

        assert len(deployment.provider.called) == 1


@pytest.mark.parametrize(("at", "moment"), [(n, moment) for n in range(8) for moment in Moment])
def test_a_reaction_to_an_ending_that_dies_anywhere_still_plans_one_next_attempt(
    at: int, moment: Moment
) -> None:
    with deployed() as deployment:
        rung(deployment)
        deployment.react()
        deployment.end(deployment.dial(), "busy")
        entries = deployment.pending()
        with listening(Killer(at, moment)), suppress(Killed):
            deployment.reaction.react(entries)
        deployment.restart()
        deployment.reaction.react(entries)

        assert [dial.state for dial in deployment.dials()] == [State.BUSY, State.HELD]
        assert 0 <= spent() <= COST


def test_two_workers_with_one_ticket_ring_once(deployment: Deployment) -> None:
    (ticket,) = asked_back(deployment)

    def other_worker_meanwhile(call: OutgoingCall) -> Outcome:
        assert deployment.place([ticket]) == [ticket]
        return deployment.provider.take_call(call)

    deployment.provider.call_answers = [other_worker_meanwhile]
    deployment.place([ticket])

    assert len(deployment.provider.called) == 1
    assert deployment.dial().state is State.PLACED


def test_a_lost_worker_is_noticed_by_its_own_ticket_and_evidence_is_waited_for(
    deployment: Deployment,
) -> None:
    deployment.provider.call_answers = [lambda call: (_ for _ in ()).throw(Killed())]
    (ticket,) = asked_back(deployment)
    with pytest.raises(Killed):
        deployment.place([ticket])
    deployment.clock.move(seconds=LEASE_AND_MORE.total_seconds())
    deployment.place([ticket])

    dial = deployment.dial()
    assert (dial.state, dial.rule) == (State.UNKNOWN, "worker-lost")
    assert dial.due_at == (deployment.clock.now() + EVIDENCE_DUE).astimezone(UTC)
