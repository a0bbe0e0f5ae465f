"""Trackers: whose turn it is, and what a PIN is worth."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain import trackers
from ringback.domain.trackers import OWES_FOR, Tracker, in_turn

NOW = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)
PEPPER = b"pepper"


def tracker(name: str, **changes: object) -> Tracker:
    plain = Tracker("clean-water", name, "+919000000201", name, pin="", languages=("hi",), on_duty=True)
    return replace(plain, **changes)  # type: ignore[arg-type]


def names(*given: Tracker, language: str = "hi", exclude: tuple[str, ...] = ()) -> list[str]:
    return [each.person for each in in_turn(given, language, exclude, NOW)]


def test_who_has_been_idle_the_longest_comes_first_and_who_never_was_rung_before_all() -> None:
    hours = [NOW - timedelta(hours=n) for n in (1, 3)]

    assert names(tracker("a", last_call_at=hours[0]), tracker("b", last_call_at=hours[1]), tracker("c")) == [
        "c",
        "b",
        "a",
    ]


def test_the_influencers_language_comes_before_idleness() -> None:
    stranger = tracker("a", languages=("ta",))
    rested = tracker("b", last_call_at=NOW - timedelta(minutes=1))
    tired = tracker("c", last_call_at=NOW - timedelta(seconds=1))

    assert names(stranger, tired, rested) == ["b", "c", "a"]


def test_who_owes_a_verdict_is_put_through_to_nobody_else() -> None:
    assert names(tracker("a", pending=frozenset({"r"})), tracker("b")) == ["b"]


def test_what_a_crash_left_owed_keeps_nobody_out_for_long() -> None:
    """No verdict is waited for so long after a call."""
    owes = tracker("a", pending=frozenset({"r"}), last_call_at=NOW - OWES_FOR + timedelta(seconds=1))
    left_behind = tracker("b", pending=frozenset({"r"}), last_call_at=NOW - OWES_FOR)

    assert names(owes, left_behind) == ["b"]


def test_nobody_is_asked_who_is_off_duty_busy_or_to_be_left_out() -> None:
    off = tracker("a", on_duty=False)
    busy = tracker("b", busy_call="call-1/1", busy_until=NOW + timedelta(seconds=1))
    left = tracker("c")
    lease_over = tracker("d", busy_call="call-2/1", busy_until=NOW)

    assert names(off, busy, left, lease_over, exclude=("c",)) == ["d"]


@given(st.lists(st.integers(0, 9), min_size=3, max_size=3), st.integers(4, 60))
def test_calls_are_shared_out_evenly(start: list[int], calls: int) -> None:
    """Whoever took the last call is the last in line: after n calls nobody has two more than anybody else."""
    staff = {name: tracker(name, reviews_given=n) for name, n in zip("abc", start, strict=True)}
    taken = dict.fromkeys("abc", 0)
    for call in range(calls):
        first = in_turn(staff.values(), "hi", (), NOW)[0].person
        staff[first] = replace(staff[first], last_call_at=NOW - timedelta(days=1) + timedelta(minutes=call))
        taken[first] += 1

    assert max(taken.values()) - min(taken.values()) <= 1


@pytest.mark.parametrize("pin", ["4071", "90210", "318402"])
def test_a_pin_of_four_to_six_digits_is_fit(pin: str) -> None:
    assert trackers.is_fit_pin(pin)


@pytest.mark.parametrize("pin", ["", "407", "3184027", "1111", "1234", "987654", "40a1", "४०७१"])
def test_a_pin_that_anybody_would_try_first_is_not(pin: str) -> None:
    assert not trackers.is_fit_pin(pin)


def test_a_pin_is_stored_as_what_tells_nothing_without_the_pepper_and_the_person() -> None:
    stored = trackers.pin_hash(PEPPER, "a", "4071")
    mine = tracker("a", pin=stored)

    assert trackers.is_pin(PEPPER, mine, "4071")
    assert not trackers.is_pin(PEPPER, mine, "4072")
    assert not trackers.is_pin(b"another", mine, "4071")
    assert not trackers.is_pin(PEPPER, replace(mine, person="b"), "4071")
    assert "4071" not in stored + repr(mine)
    assert stored not in repr(mine)
