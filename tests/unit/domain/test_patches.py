"""One call's patch: whom a question gets, what a telling changes, and when it is over."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.documents import Section
from ringback.domain.legs import Ending, LegEvent, Progress
from ringback.domain.patches import (
    MOST_ATTEMPTS,
    Attempt,
    Kind,
    Leg,
    Nobody,
    Open,
    Outcome,
    Patch,
    Patching,
    Reason,
    Same,
    State,
    came_to,
    ended,
    is_audited,
    known_talk,
    next_step,
    opened,
    read_patching,
    told,
)
from ringback.domain.slots import Limits
from ringback.domain.turns import Party

AT = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)
FIRST, SECOND, THIRD = "+919001000001", "+919001000002", "+919001000003"
PHONES = (FIRST, SECOND, THIRD)
PATCHING = Patching("voters", Limits(250, 250), {"en": "A supporter calls."}, {"en": "An influencer calls."})


def fresh() -> Patch:
    return Patch(
        call_id="exotel:call-1",
        campaign="clean-water",
        version=1,
        number="+918040001031",
        influencer="i" * 26,
        party=Party.VOTER,
        began_at=AT,
        last_at=AT,
        lease_until=AT,
        slot="exotel",
    )


def attempt(n: int, at: datetime = AT) -> Attempt:
    return Attempt(n, f"voter-{n}", PHONES[n - 1], Kind.VOTER, at)


def rung(*outcomes: Ending) -> Patch:
    """A patch in which these attempts have failed, and one more is open."""
    patch = opened(fresh(), attempt(1), PATCHING)
    for n, outcome in enumerate(outcomes, 1):
        patch = told(patch, leg(PHONES[n - 1], Progress.TERMINAL, outcome), AT)
        patch = opened(patch, attempt(n + 1), PATCHING)
    return patch


def leg(
    number: str | None,
    event: Progress,
    status: Ending | None = None,
    talked: int | None = None,
    n: int | None = None,
    at: datetime | None = None,
) -> LegEvent:
    return LegEvent("call-1", number, event, status, talked, None, at, n)


def terminal(status: Ending, talked: int | None = None, number: str | None = FIRST) -> LegEvent:
    return leg(number, Progress.TERMINAL, status, talked)


# whom a question gets


def test_the_first_question_opens_the_first_attempt() -> None:
    assert next_step(None, None, PATCHING, AT) == Open(1, None)


def test_a_question_that_says_nothing_new_gets_the_same_person() -> None:
    patch = rung()
    assert next_step(patch, None, PATCHING, AT + timedelta(seconds=39)) == Same(patch.attempts[0])


@pytest.mark.parametrize("status", [Ending.NO_ANSWER, Ending.BUSY, Ending.FAILED, Ending.CANCELED])
def test_a_known_failure_opens_the_next_attempt(status: Ending) -> None:
    step = next_step(rung(), terminal(status), PATCHING, AT)
    assert isinstance(step, Open)
    assert step.n == 2


def test_a_failure_of_somebody_else_opens_nothing() -> None:
    assert isinstance(next_step(rung(), terminal(Ending.BUSY, number=THIRD), PATCHING, AT), Same)


def test_a_failure_without_a_number_is_of_the_only_one_rung_and_of_nobody_among_several() -> None:
    assert isinstance(next_step(rung(), terminal(Ending.BUSY, number=None), PATCHING, AT), Open)
    two = rung(Ending.BUSY)
    assert isinstance(next_step(two, terminal(Ending.BUSY, number=None), PATCHING, AT), Same)


def test_the_attempt_in_the_address_decides_unless_the_number_contradicts_it() -> None:
    two = rung(Ending.BUSY)
    by_address = leg(None, Progress.TERMINAL, Ending.NO_ANSWER, n=2)
    assert isinstance(next_step(two, by_address, PATCHING, AT), Open)
    contradicted = leg(FIRST, Progress.TERMINAL, Ending.NO_ANSWER, n=2)
    assert isinstance(next_step(two, contradicted, PATCHING, AT), Same)


def test_when_the_time_to_answer_is_over_the_next_is_rung_though_nobody_told() -> None:
    step = next_step(rung(), None, PATCHING, AT + PATCHING.answer_within)
    assert isinstance(step, Open)
    assert step.patch is not None
    assert step.patch.attempts[0].outcome is Outcome.NO_ANSWER


def test_who_has_answered_is_not_given_up_however_long_they_talk() -> None:
    talking = told(rung(), leg(FIRST, Progress.ANSWERED), AT)
    assert talking.state is State.BRIDGED
    assert isinstance(next_step(talking, None, PATCHING, AT + timedelta(minutes=9)), Same)


def test_after_as_many_as_one_call_allows_nobody_is_rung() -> None:
    three = rung(Ending.BUSY, Ending.NO_ANSWER)
    step = next_step(three, terminal(Ending.BUSY, number=THIRD), PATCHING, AT)
    assert isinstance(step, Nobody)
    assert step.reason is Reason.TRIES


def test_a_patch_that_is_over_rings_nobody_and_keeps_its_reason() -> None:
    over = ended(fresh(), Reason.SLOTS, AT)
    step = next_step(over, None, PATCHING, AT)
    assert step == Nobody(Reason.SLOTS, over)


# what a telling changes


@pytest.mark.parametrize(
    ("status", "talked", "outcome"),
    [
        (Ending.COMPLETED, 40, Outcome.TALKED),
        (Ending.COMPLETED, None, Outcome.TALKED),
        (Ending.COMPLETED, 0, Outcome.UNHEARD),
        (Ending.NO_ANSWER, None, Outcome.NO_ANSWER),
        (Ending.NO_ANSWER, 12, Outcome.NO_ANSWER),
        (Ending.BUSY, 0, Outcome.BUSY),
        (Ending.FAILED, None, Outcome.FAILED),
        (Ending.UNALLOCATED, None, Outcome.UNALLOCATED),
        (Ending.CANCELED, None, Outcome.CANCELED),
    ],
)
def test_the_seconds_decide_whether_anybody_talked(
    status: Ending, talked: int | None, outcome: Outcome
) -> None:
    assert told(rung(), terminal(status, talked), AT).attempts[0].outcome is outcome


def test_completed_without_talk_is_no_conversation_and_the_next_is_rung() -> None:
    """exotel.md, trap 7: the phone was answered and left, and the call is `completed` all the same."""
    step = next_step(rung(), terminal(Ending.COMPLETED, 0), PATCHING, AT)
    assert isinstance(step, Open)
    assert came_to(step.patch) == (False, None)


def test_a_conversation_ends_the_patch() -> None:
    over = told(rung(), terminal(Ending.COMPLETED, 40), AT)
    assert over.state is State.OVER
    assert over.talked_seconds == 40
    assert came_to(over) == (True, None)
    assert not over.holds_slot


def test_talk_that_nobody_counted_is_counted_from_the_answer() -> None:
    answered = told(rung(), leg(FIRST, Progress.ANSWERED, at=AT), AT)
    over = told(answered, leg(FIRST, Progress.TERMINAL, Ending.COMPLETED, at=AT + timedelta(seconds=25)), AT)
    assert over.talked_seconds == 25


def test_the_first_terminal_stands_and_a_different_one_is_counted() -> None:
    first = told(rung(), terminal(Ending.BUSY), AT)
    second = told(first, terminal(Ending.COMPLETED, 30), AT)
    assert second.attempts == first.attempts
    assert second.disputes == 1


def test_the_same_terminal_told_more_exactly_fills_in_what_was_missing() -> None:
    first = told(rung(), terminal(Ending.COMPLETED), AT)
    second = told(first, terminal(Ending.COMPLETED, 33), AT)
    assert second.talked_seconds == 33
    assert second.disputes == 0
    assert told(second, terminal(Ending.COMPLETED, 99), AT) == second


def test_an_answer_told_after_the_end_changes_nothing() -> None:
    over = told(rung(), terminal(Ending.NO_ANSWER), AT)
    assert told(over, leg(FIRST, Progress.ANSWERED), AT) is over


def test_a_telling_about_nobody_we_rang_changes_nothing() -> None:
    patch = rung()
    assert told(patch, terminal(Ending.BUSY, number="+919009999999"), AT) is patch


def test_an_end_that_comes_after_all_stands_in_the_place_of_one_that_was_assumed() -> None:
    late = next_step(rung(), None, PATCHING, AT + PATCHING.answer_within)
    assert isinstance(late, Open)
    assert late.patch is not None
    assert told(late.patch, terminal(Ending.BUSY), AT).attempts[0].outcome is Outcome.BUSY


# when it is over


def test_a_caller_who_leaves_while_it_rings_cancels_the_attempt() -> None:
    over = ended(rung(), Reason.LEFT, AT)
    assert over.attempts[0].outcome is Outcome.CANCELED
    assert came_to(over) == (False, None)


def test_talk_that_is_told_after_the_caller_was_taken_to_have_left_stands() -> None:
    over = ended(rung(), Reason.LEFT, AT)
    after = told(over, terminal(Ending.COMPLETED, 40), AT)
    assert after.talked_to is not None
    assert after.talked_seconds == 40
    assert after.disputes == 0


def test_a_caller_who_leaves_while_connected_has_talked() -> None:
    later = AT + timedelta(seconds=300)
    over = ended(told(rung(), leg(FIRST, Progress.ANSWERED), AT), Reason.LEFT, later)
    assert over.attempts[0].outcome is Outcome.TALKED
    assert over.talked_seconds == 300


def test_a_talk_of_which_neither_length_nor_answer_was_told_is_a_second_and_its_length_not_known() -> None:
    over = told(rung(), terminal(Ending.COMPLETED), AT + timedelta(seconds=300))
    assert over.talked_seconds == 1
    assert known_talk(over, over.attempts[0]) is None


def test_what_is_told_after_the_end_does_not_move_it() -> None:
    over = ended(told(rung(), leg(FIRST, Progress.ANSWERED), AT), Reason.LEFT, AT + timedelta(seconds=60))
    tomorrow = AT + timedelta(days=1)
    fuller = told(over, leg(FIRST, Progress.TERMINAL, Ending.COMPLETED, 55), tomorrow)
    disputed = told(over, leg(FIRST, Progress.TERMINAL, Ending.BUSY), tomorrow)
    assert (fuller.last_at, fuller.talked_seconds) == (over.last_at, 55)
    assert (disputed.last_at, disputed.talked_seconds) == (over.last_at, 60)


def test_what_is_over_does_not_end_again() -> None:
    over = told(rung(), terminal(Ending.COMPLETED, 40), AT)
    assert ended(over, Reason.LEFT, AT + timedelta(hours=1)) is over


def test_nobody_rung_says_why() -> None:
    assert came_to(ended(fresh(), Reason.SLOTS, AT)) == (False, Reason.SLOTS)
    assert came_to(None) == (False, Reason.NOBODY_FREE)


# any order, any repetition


@pytest.mark.parametrize("kind", Kind)
def test_only_talks_with_voters_are_in_the_auditors_sample(kind: Kind) -> None:
    """F110."""
    ringing = opened(fresh(), replace(attempt(1), kind=kind), PATCHING)
    talked = told(ringing, terminal(Ending.COMPLETED, 40), AT)

    assert talked.is_over
    assert is_audited(talked, 100) is (kind is Kind.VOTER)
    assert not is_audited(talked, 0)
    assert not is_audited(ringing, 100)


EVENTS = st.builds(
    LegEvent,
    call_id=st.just("call-1"),
    number=st.sampled_from([*PHONES, None, "+919009999999"]),
    event=st.sampled_from(Progress),
    status=st.sampled_from([*Ending, None]),
    talked_seconds=st.sampled_from([None, 0, 1, 40]),
    rang_seconds=st.none(),
    occurred_at=st.none(),
    attempt=st.sampled_from([None, None, 1, 2, 3, 9]),
)
DOINGS = st.lists(
    st.one_of(
        st.tuples(st.just("poll"), st.one_of(st.none(), EVENTS), st.integers(0, 60)),
        st.tuples(st.just("tell"), EVENTS, st.integers(0, 60)),
        st.tuples(st.just("leave"), st.none(), st.integers(0, 60)),
    ),
    max_size=30,
)


def walk(doings: Sequence[tuple[str, LegEvent | None, int]]) -> list[Patch]:
    """Every state that a patch goes through."""
    patch: Patch | None = None
    now, seen = AT, []
    for doing, event, seconds in doings:
        now += timedelta(seconds=seconds)
        if doing == "poll":
            match next_step(patch, event, PATCHING, now):
                case Open(n=n, patch=moved):
                    patch = opened(moved or fresh(), attempt(n, now), PATCHING)
                case Nobody(reason=reason, patch=moved):
                    patch = ended(moved or fresh(), reason, now)
        elif patch is not None and doing == "tell" and event is not None:
            patch = told(patch, event, now)
        elif patch is not None and doing == "leave":
            patch = ended(patch, Reason.LEFT, now)
        if patch is not None:
            seen.append(patch)
    return seen


@given(DOINGS)
def test_one_phone_rings_at_a_time_and_nobody_twice(doings: Any) -> None:
    for patch in walk(doings):
        assert sum(each.is_open for each in patch.attempts) <= 1
        assert [each.n for each in patch.attempts] == list(range(1, len(patch.attempts) + 1))
        assert len({each.who for each in patch.attempts}) == len(patch.attempts) <= PATCHING.attempts_per_call


@given(DOINGS)
def test_the_slot_is_given_back_once_and_never_taken_again(doings: Any) -> None:
    held = [patch.holds_slot for patch in walk(doings)]
    assert held == sorted(held, reverse=True)


@given(DOINGS)
def test_state_only_moves_forward(doings: Any) -> None:
    order = {Leg.DIALLED: 0, Leg.ANSWERED: 1, Leg.OVER: 2}
    steps = walk(doings)
    for before, after in pairwise(steps):
        for earlier, later in zip(before.attempts, after.attempts, strict=False):
            assert order[earlier.state] <= order[later.state]
            assert earlier.ending in (None, later.ending)


@given(st.lists(EVENTS, max_size=12))
def test_telling_everything_twice_is_telling_it_once(events: list[LegEvent]) -> None:
    once = twice = rung(Ending.BUSY)
    for event in events:
        once = told(once, event, AT)
        twice = told(told(twice, event, AT), event, AT)
    assert twice.attempts == once.attempts
    assert twice.state is once.state


@given(DOINGS)
def test_nobody_is_rung_once_somebody_has_talked(doings: Any) -> None:
    counts = [(patch.talked_to is not None and patch.is_over, len(patch.attempts)) for patch in walk(doings)]
    done = [n for is_done, n in counts if is_done]
    assert len(set(done)) <= 1


# content


def document(**changes: Any) -> dict[str, Any]:
    return {
        "pool": "voters",
        "slots": {"account": 250, "per_number": 100},
        "whisper": {"en": "A supporter calls."},
        "brief": {"en": "An influencer calls."},
    } | changes


def read(**changes: Any) -> tuple[Patching, list[str]]:
    problems: list[str] = []
    section = Section(document(**changes), "patching", problems)
    patching = read_patching(section, ("en",))
    section.close()
    return patching, problems


def test_what_is_left_out_has_careful_values() -> None:
    patching, problems = read()
    assert problems == []
    assert (patching.attempts_per_call, patching.ring_seconds, patching.mystery_percent) == (3, 30, 0)
    assert patching.slots == Limits(250, 100)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"attempts_per_call": MOST_ATTEMPTS + 1}, "patching.attempts_per_call: must be at most 5"),
        ({"audit_percent": 101}, "patching.audit_percent: must be at most 100"),
        ({"slots": {"account": 250}}, "patching.slots.per_number: is missing"),
        ({"whisper": {}}, "patching.whisper.en: is missing"),
        ({"mystery_percent": 5}, "patching.mystery_brief: is missing"),
        ({"ring_secs": 30}, "patching.ring_secs: is not a key we know"),
        ({"calls_per_day": 0}, "patching.calls_per_day: must be a whole number above 0"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(changes: dict[str, Any], problem: str) -> None:
    assert problem in read(**changes)[1]
