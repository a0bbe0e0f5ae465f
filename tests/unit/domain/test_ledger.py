"""What the legs of a patched call cost."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ringback.domain.ledger import Charge, Rates, Side, charges, total
from ringback.domain.legs import Ending
from ringback.domain.patches import Attempt, Kind, Leg, Patch, State
from ringback.domain.turns import Party

AT = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
"""23:30 in India."""
RATES = Rates(caller_paise=60, callee_paise=50, pulse_seconds=60, as_of="2025-11-18")


def attempt(n: int, ending: Ending, talked: int | None = None, area: str | None = "ward-12") -> Attempt:
    return Attempt(
        n,
        f"voter-{n}",
        "+919001000001",
        Kind.VOTER,
        AT,
        area=area,
        state=Leg.OVER,
        ending=ending,
        talked_seconds=talked,
    )


def patch(*attempts: Attempt, seconds: int = 100) -> Patch:
    ended_at = AT + timedelta(seconds=seconds)
    return Patch(
        "exotel:call-1",
        "clean-water",
        1,
        "+918040001031",
        "influencer",
        Party.VOTER,
        AT,
        ended_at,
        ended_at,
        State.OVER,
        3,
        attempts,
    )


@pytest.mark.parametrize(
    ("seconds", "paise"), [(0, 50), (1, 50), (60, 50), (61, 100), (120, 100), (121, 150)]
)
def test_a_leg_costs_whole_pulses_and_the_first_begins_with_the_answer(seconds: int, paise: int) -> None:
    assert RATES.paise(Side.CALLEE, seconds) == paise


def test_both_legs_of_a_conversation_are_charged_to_the_area() -> None:
    caller, callee = charges(patch(attempt(1, Ending.COMPLETED, 61)), RATES)
    assert (caller.side, caller.seconds, caller.paise) == (Side.CALLER, 100, 120)
    assert (callee.side, callee.seconds, callee.paise) == (Side.CALLEE, 61, 100)
    assert {caller.book, callee.book} == {"clean-water#ward-12#2026-03-02"}


def test_who_did_not_answer_costs_nothing_and_who_hung_up_at_once_a_pulse() -> None:
    booked = charges(patch(attempt(1, Ending.BUSY), attempt(2, Ending.COMPLETED, 0)), RATES)
    assert [(charge.side, charge.attempt, charge.paise) for charge in booked] == [
        (Side.CALLER, 2, 120),
        (Side.CALLEE, 2, 50),
    ]


def test_a_conversation_of_which_nobody_told_the_length_is_charged_from_the_answer_to_the_end() -> None:
    answered = replace(attempt(1, Ending.COMPLETED), answered_at=AT + timedelta(seconds=10))
    _, callee = charges(patch(answered, seconds=310), RATES)
    assert (callee.seconds, callee.paise) == (300, 250)


def test_the_day_is_indias() -> None:
    (caller,) = charges(patch(attempt(1, Ending.BUSY), seconds=3600), RATES)
    assert caller.day == "2026-03-03"


def test_a_tracker_in_a_voters_stead_is_booked_to_no_area() -> None:
    mystery = replace(attempt(1, Ending.COMPLETED, 10), kind=Kind.MYSTERY)
    assert {charge.area for charge in charges(patch(mystery), RATES)} == {"-"}


def test_every_leg_has_a_name_of_its_own() -> None:
    booked = charges(patch(attempt(1, Ending.COMPLETED, 0), attempt(2, Ending.COMPLETED, 9)), RATES)
    assert len({charge.leg for charge in booked}) == 3


def test_sums_are_by_side_and_in_all() -> None:
    def charge(side: Side, paise: int) -> Charge:
        return Charge("c", "-", "2026-03-02", "call", 1, side, 10, paise, "", "i")

    assert total([charge(Side.CALLER, 60), charge(Side.CALLEE, 50)]) == {
        "legs": 2,
        "paise": 110,
        "caller_seconds": 10,
        "callee_seconds": 10,
        "caller_paise": 60,
        "callee_paise": 50,
    }
