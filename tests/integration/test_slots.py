"""Slots: taken and given back by conditional updates, and true again within the lease whatever is lost."""

import random
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from ringback.domain.errors import Conflict, ProviderError
from ringback.domain.influencers import Stage
from ringback.domain.ledger import Side
from ringback.domain.legs import Ending, LegEvent, Progress
from ringback.domain.patches import Outcome
from ringback.domain.pools import State as VoterState
from ringback.domain.slots import Limits
from ringback.providers.base import CallPage, Direction, FoundCall, ListedCall, Provider
from ringback.services import calls, slots
from ringback.store import ledger
from ringback.store import patches as patch_store
from ringback.store import reviews as review_store
from ringback.store import slots as store
from tests.deployment import CALLER, OTHER_CALLER, Deployment, callers, local
from tests.integration import people
from tests.integration.patching import LINE, Patched, Records, voter_phones
from tests.integration.wire import Killed, Killer, Moment, listening, losing_an_answer

OTHER_LINE = "+918040001032"


pytestmark = pytest.mark.usefixtures("tokens")


@pytest.fixture
def patched(deployment: Deployment, tmp_path: Path) -> Patched:
    patched = Patched(deployment)
    patched.approve(CALLER)
    patched.fill(tmp_path, voter_phones(12))
    return patched


def heal(patched: Patched, records: Any) -> slots.Healed:
    return slots.heal(patched.runtime, [records])


def found(call_id: str, *, is_over: bool, talked: int | None = None) -> FoundCall:
    ended = LegEvent(call_id, None, Progress.TERMINAL, Ending.COMPLETED, talked, None, None)
    return FoundCall(call_id, is_over, None, (ended,) if is_over else ())


class Down(Records):
    """A provider that answers 503."""

    def find_call(self, call_id: str) -> FoundCall | None:
        super().find_call(call_id)
        raise ProviderError("503", retryable=True)


# the counter


def test_no_more_are_held_than_the_account_and_the_number_have(deployment: Deployment) -> None:
    limits = Limits(account=3, per_number=2)
    assert [store.acquire("exotel", LINE, limits) for _ in range(3)] == [1, 2, None]
    assert [store.acquire("exotel", OTHER_LINE, limits) for _ in range(2)] == [3, None]
    assert store.load("exotel").total == 3
    assert store.release("exotel", LINE)
    assert store.acquire("exotel", OTHER_LINE, limits)


def test_a_slot_whose_giving_back_nobody_heard_of_is_not_given_back_again(deployment: Deployment) -> None:
    """A repeat would give back the slot of another call, and one more would talk than there are lines."""
    for _ in range(2):
        store.acquire("exotel", LINE, Limits(3, 3))

    with losing_an_answer("UpdateItem", "test-counters") as asked:
        assert not store.release("exotel", LINE)

    assert len(asked) == 1
    assert store.load("exotel").total == 1


def test_what_nobody_holds_cannot_be_given_back(deployment: Deployment) -> None:
    assert not store.release("exotel", LINE)
    store.acquire("exotel", OTHER_LINE, Limits(3, 3))
    assert not store.release("exotel", LINE)


def test_a_correction_fails_when_a_slot_came_or_went_since(deployment: Deployment) -> None:
    store.acquire("exotel", LINE, Limits(9, 9))
    seen = store.load("exotel")
    store.acquire("exotel", LINE, Limits(9, 9))
    assert not store.correct("exotel", seen, {})
    assert store.correct("exotel", store.load("exotel"), {})
    assert store.load("exotel").total == 0


# the count, held against the patches


def test_a_count_that_is_too_high_is_put_right(patched: Patched) -> None:
    assert patched.begin().ask()
    for _ in range(3):
        store.acquire("exotel", LINE, Limits(9, 9))
    assert heal(patched, Records()).corrected == 1
    assert patched.held().total == 1
    assert heal(patched, Records()).corrected == 0


def test_a_count_that_is_too_low_is_put_right(patched: Patched) -> None:
    assert patched.begin().ask()
    store.release("exotel", LINE)
    assert heal(patched, Records()).corrected == 1
    assert patched.held().total == 1


def test_a_slot_that_a_door_has_just_taken_is_left_alone(patched: Patched) -> None:
    """It is counted and not written down yet: setting it to what the patches say would let one too many in."""
    caller = patched.begin()
    assert caller.is_at_connect
    store.acquire("exotel", LINE, Limits(9, 9))
    assert heal(patched, Records()).corrected == 0
    assert patched.held().total == 1


def test_a_slot_whose_caller_has_left_is_given_back_once_though_a_recount_comes_before_the_reaction(
    deployment: Deployment, tmp_path: Path
) -> None:
    patched = Patched(deployment)
    first, second = callers(2)
    patched.approve(first, second)
    patched.fill(tmp_path, voter_phones(4))
    leaving, staying = patched.begin(first, "call-1"), patched.begin(second, "call-2")
    assert leaving.ask()
    assert staying.ask()
    leaving.come_back(CallStatus="completed")
    heal(patched, Records())
    patched.react()
    assert patched.held().total == 1


# leases


def test_a_lease_that_ran_out_is_settled_by_the_providers_own_record(patched: Patched) -> None:
    caller, records = patched.begin(), Records()
    number = caller.ask()
    assert number is not None
    records.calls["call-1"] = found("call-1", is_over=True, talked=40)
    patched.clock.move(minutes=13)
    assert heal(patched, records).settled == 1
    assert patched.held().total == 0
    assert patched.patch().talked_seconds == 40
    patched.react()
    assert patched.voter(number).state is VoterState.REACHED


def test_before_the_lease_is_over_the_provider_is_not_asked(patched: Patched) -> None:
    caller, records = patched.begin(), Records()
    caller.ask()
    patched.clock.move(minutes=5)
    assert heal(patched, records).settled == 0
    assert records.asked == []


def test_a_call_that_goes_on_keeps_its_slot_and_is_asked_about_later(patched: Patched) -> None:
    caller, records = patched.begin(), Records()
    caller.ask()
    records.calls["call-1"] = found("call-1", is_over=False)
    patched.clock.move(minutes=13)
    assert heal(patched, records).settled == 0
    assert patched.held().total == 1
    assert heal(patched, records).settled == 0
    assert records.asked == ["call-1"]


def test_a_call_that_the_provider_does_not_know_is_over(patched: Patched) -> None:
    caller = patched.begin()
    caller.ask()
    patched.clock.move(minutes=13)
    assert heal(patched, Records()).settled == 1
    assert patched.held().total == 0
    assert patched.patch().attempts[0].outcome is Outcome.CANCELED


def fill_in(patched: Patched, records: Any) -> int:
    return slots.fill_in(patched.runtime, records, ["exotel:call-1", "exotel:call-9"])


def test_a_leg_of_which_nobody_told_is_asked_after_when_the_call_is_over(patched: Patched) -> None:
    caller, records = patched.begin(), Records()
    number = caller.ask()
    assert number is not None
    assert fill_in(patched, records) == 0, "the call goes on"
    patched.clock.move(seconds=70)
    caller.come_back(CallStatus="completed")
    patched.react()
    assert patched.voter(number).state is VoterState.WAITING
    records.calls["call-1"] = found("call-1", is_over=True, talked=48)
    patched.clock.move(minutes=2)
    assert fill_in(patched, records) == 0, "the record may still change"
    patched.clock.move(minutes=1)

    assert [fill_in(patched, records), fill_in(patched, records)] == [1, 0]

    patched.react()
    assert records.asked == ["call-1"]
    assert patched.voter(number).state is VoterState.REACHED
    charges = {charge.side: charge.seconds for charge in ledger.every("clean-water")}
    assert charges[Side.CALLEE] == 48
    assert (patched.influencer().patched, patched.influencer().talked_seconds) == (1, 48)


def test_reconciling_asks_after_the_legs_of_the_calls_it_lists(patched: Patched) -> None:
    class Listing(Records):
        def list_calls(self, since: datetime, until: datetime, cursor: str | None = None) -> CallPage:
            call = ListedCall(
                "call-1",
                local(LINE),
                local(CALLER),
                Direction.INCOMING,
                "completed",
                since,
                custom_field=None,
            )
            return CallPage((call, call), True, None)

    caller, records = patched.begin(), Listing()
    caller.ask()
    caller.come_back(CallStatus="completed")
    records.calls["call-1"] = found("call-1", is_over=True, talked=48)
    patched.clock.move(minutes=5)

    run = calls.reconcile(patched.runtime, cast(Provider, records))

    assert (run.asked, records.asked) == (1, ["call-1"])
    assert patched.patch().talked_seconds == 48


@pytest.mark.parametrize(
    ("ending", "talked", "outcome"),
    [(Ending.FAILED, 0, Outcome.CANCELED), (Ending.COMPLETED, 48, Outcome.TALKED)],
)
def test_of_several_who_were_to_be_dialled_only_a_talk_is_taken_for_the_lasts(
    patched: Patched, ending: Ending, talked: int, outcome: Outcome
) -> None:
    """The record names nobody: it may be about the one before, when the answer that named the last was lost."""
    caller, records = patched.begin(), Records()
    first = caller.ask()
    assert first is not None
    assert caller.failed(first, "failed")
    caller.come_back(CallStatus="completed")
    patched.clock.move(minutes=3)
    leg = LegEvent("call-1", None, Progress.TERMINAL, ending, talked, None, None)
    records.calls["call-1"] = FoundCall("call-1", True, None, (leg,))

    assert fill_in(patched, records) == 1

    assert patched.patch().attempts[1].outcome is outcome


def test_what_the_provider_does_not_know_of_a_leg_is_left_as_it_stands(patched: Patched) -> None:
    caller = patched.begin()
    caller.ask()
    caller.come_back(CallStatus="completed")
    patched.clock.move(minutes=3)
    before = patched.patch()
    assert [fill_in(patched, Records()), fill_in(patched, Down())] == [1, 0]
    assert patched.patch() == before


def test_a_provider_that_cannot_be_asked_is_asked_again(patched: Patched) -> None:
    down = Down()
    for n, phone in enumerate((CALLER, OTHER_CALLER)):
        patched.approve(phone)
        assert patched.begin(phone, f"call-{n}").ask()
    patched.clock.move(minutes=13)
    assert heal(patched, down).settled == 0
    assert len(down.asked) == 1, "the others of the run would hear the same"
    assert patched.held().total == 2
    assert heal(patched, Records()).settled == 2


def test_a_tracker_has_their_time_for_the_verdict_from_when_we_hear_that_the_talk_is_over(
    patched: Patched,
) -> None:
    """Nobody told of the end, and the provider knows that it was ten minutes ago."""
    people.enrol(patched.deployment, people.ASHA)
    patched.stage(CALLER, Stage.INFORMED)
    caller, records = patched.begin(), Records()
    assert caller.ask() == people.ASHA
    patched.react()
    ended = LegEvent("call-1", None, Progress.TERMINAL, Ending.COMPLETED, 48, None, None)
    minute = patched.patch().began_at + timedelta(minutes=1)
    records.calls["call-1"] = FoundCall("call-1", True, minute, (ended,))
    patched.clock.move(minutes=13)
    now = patched.clock.now()

    heal(patched, records)
    patched.react()

    assert patched.patch().last_at == minute
    (review,) = review_store.of_person(patched.influencer().person)
    assert review.state == "talked"
    rules = people.content().reviews
    assert rules is not None
    assert review.expires_at >= now + rules.answer_within


@pytest.mark.parametrize(
    "problem", [ProviderError("400", retryable=False), Conflict("somebody tells of it at this moment")]
)
def test_one_call_that_cannot_be_settled_now_keeps_no_other_from_it(
    patched: Patched, problem: Exception
) -> None:
    class Picky(Records):
        def find_call(self, call_id: str) -> FoundCall | None:
            super().find_call(call_id)
            if len(self.asked) == 1:
                raise problem
            return None

    patched.approve(OTHER_CALLER)
    for n, phone in enumerate((CALLER, OTHER_CALLER)):
        assert patched.begin(phone, f"call-{n}").ask()
    patched.clock.move(minutes=13)
    assert heal(patched, Picky()).settled == 1


def test_a_machine_whose_provider_cannot_be_asked_waits_before_it_asks_again(patched: Patched) -> None:
    patched.begin().ask()
    patched.clock.move(minutes=13)
    providers: Any = {"exotel": Down()}
    for known in (providers, {}):
        answer = slots.ask(patched.runtime, known, "exotel:call-1")
        assert (answer["over"], answer["wait_seconds"]) == (False, 300)


@pytest.mark.parametrize("talked", [[48], [None], []], ids=["talked", "of no length", "rang in vain"])
def test_a_call_whose_end_nobody_told_is_charged_to_the_end_that_the_provider_knows(
    patched: Patched, talked: list[int | None]
) -> None:
    caller, records = patched.begin(), Records()
    assert caller.ask()
    began = patched.patch().began_at
    legs = [
        LegEvent("call-1", None, Progress.TERMINAL, Ending.COMPLETED, each, None, None) for each in talked
    ]
    records.calls["call-1"] = FoundCall("call-1", True, began + timedelta(seconds=68), tuple(legs))
    patched.clock.move(minutes=13)
    assert heal(patched, records).settled == 1
    patched.react()
    charges = {charge.side: charge.seconds for charge in ledger.every("clean-water")}
    assert charges[Side.CALLER] == 68


def test_a_run_without_time_asks_nobody(patched: Patched) -> None:
    patched.begin().ask()
    patched.clock.move(minutes=13)
    healed = slots.heal(patched.runtime, [Records()], has_time=lambda: False)  # type: ignore[list-item]
    assert healed.settled == 0


@pytest.mark.parametrize("seed", range(3))
def test_x6_with_a_tenth_of_the_ends_dropped_the_count_is_true_again_within_the_lease(
    deployment: Deployment, tmp_path: Path, seed: int
) -> None:
    dice, phones = random.Random(seed), callers(20)
    patched, records = Patched(deployment), Records()
    patched.approve(*phones)
    patched.fill(tmp_path, voter_phones(40))
    dropped = 0
    for n, phone in enumerate(phones):
        caller = patched.begin(phone, f"call-{n}")
        number = caller.ask()
        assert number is not None
        records.calls[f"call-{n}"] = found(f"call-{n}", is_over=True, talked=20)
        if dice.random() < 0.1 or n == seed:
            dropped += 1
        else:
            caller.talk(number, 20)
    assert patched.held().total == dropped
    patched.clock.move(seconds=691)
    heal(patched, records)
    patched.react()
    assert patched.held().total == 0
    assert all(patch.is_over for patch in patch_store.every("clean-water"))
    reached = sum(patched.voter(phone).state is VoterState.REACHED for phone in voter_phones(40))
    assert reached == len(phones)


# the machine's view


def test_a_machine_that_waits_hears_of_the_end(patched: Patched, tokens: list[str]) -> None:
    caller = patched.begin()
    number = caller.ask()
    assert number is not None
    slots.wait(patched.runtime, "exotel:call-1", "token-1")
    caller.talk(number)
    patched.react()
    assert tokens == ["token-1"]
    patched.deployment.reaction.react(patched.deployment.entries())
    assert tokens == ["token-1"]


def test_an_end_that_came_before_its_token_is_told_at_once(patched: Patched, tokens: list[str]) -> None:
    caller = patched.begin()
    number = caller.ask()
    assert number is not None
    caller.talk(number)
    slots.wait(patched.runtime, "exotel:call-1", "token-1")
    assert tokens == ["token-1"]


def test_a_token_is_not_lost_to_a_door_that_was_writing(patched: Patched) -> None:
    caller = patched.begin()
    number = caller.ask()
    assert number is not None
    before = patched.patch()
    slots.wait(patched.runtime, "exotel:call-1", "token-1")
    assert not patch_store.note(replace(before, disputes=9))
    patched.told("call-1", "Answered", number)
    assert patched.patch().token == "token-1"


def test_the_machine_asks_the_provider_when_nobody_told(patched: Patched) -> None:
    caller, records = patched.begin(), Records()
    caller.ask()
    records.calls["call-1"] = found("call-1", is_over=False)
    patched.clock.move(minutes=13)
    providers: Any = {"exotel": records}
    answer = slots.ask(patched.runtime, providers, "exotel:call-1")
    assert (answer["over"], answer["wait_seconds"]) == (False, 690)
    records.calls["call-1"] = found("call-1", is_over=True, talked=9)
    answer = slots.ask(patched.runtime, providers, "exotel:call-1")
    assert (answer["over"], answer["talked"]) == (True, True)


def test_a_crash_between_the_end_and_the_slot_is_mended_by_the_count(patched: Patched) -> None:
    caller = patched.begin()
    number = caller.ask()
    assert number is not None
    with suppress(Killed), listening(Killer(1, Moment.AFTER)):
        patched.told("call-1", "Terminal", number, DialCallStatus="completed")
    assert patched.patch().is_over
    assert patched.held().total == 1
    assert heal(patched, Records()).corrected == 1
    assert patched.held().total == 0
