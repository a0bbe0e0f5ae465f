"""What a missed call means: which number was rung, who rang, when, and what that says about them."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from ringback.domain import calls, phones
from ringback.domain.calls import Caller
from ringback.domain.campaigns import Campaign, Number, Purpose
from ringback.domain.facts import CallMissed

NOW = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)
VOLUNTEER = Number("+918040001001", Purpose.VOLUNTEER, None, "en", "tv", "welcome")
PIPES = Number("+918040001004", Purpose.SUPPORT, "piped-water", "hi", "radio", "support-pipes")
OPT_OUT = Number("+918040001009", Purpose.OPT_OUT, None, "en", "sms", None)
CAMPAIGN = cast(
    Campaign, SimpleNamespace(numbers={number.number: number for number in (VOLUNTEER, PIPES, OPT_OUT)})
)
"""All that recognising a call asks of a campaign: its numbers."""


def recognise(
    caller: str | None = "09000000101", dialled: str = "08040001001", occurred_at: datetime | None = NOW
) -> calls.Recognised:
    return calls.recognise(CallMissed("exotel:1", dialled, caller, occurred_at), CAMPAIGN, NOW, phones.read)


def test_a_call_of_a_person_to_one_of_our_numbers_names_both() -> None:
    expected = calls.Recognised("exotel:1", VOLUNTEER.number, VOLUNTEER, Caller.PERSON, "+919000000101", NOW)

    assert expected == recognise()


@pytest.mark.parametrize(
    ("caller", "who"),
    [
        (None, Caller.WITHHELD),
        ("anonymous", Caller.WITHHELD),
        ("139", Caller.UNREADABLE),
        ("18001234567", Caller.NOT_A_PERSON),
        ("1600123456", Caller.NOT_A_PERSON),
        ("08040001004", Caller.OURSELVES),
        ("02249360001", Caller.PERSON),
    ],
)
def test_only_a_person_is_somebody_to_write_to(caller: str | None, who: Caller) -> None:
    recognised = recognise(caller)

    assert who is recognised.caller
    assert (who is Caller.PERSON) is (recognised.phone is not None)


@pytest.mark.parametrize(("dialled", "kept"), [("08040009999", "+918040009999"), ("", ""), ("139", "139")])
def test_a_number_that_is_not_the_campaigns_is_kept_as_far_as_it_can_be_read(dialled: str, kept: str) -> None:
    recognised = recognise(dialled=dialled)

    assert recognised.number is None
    assert kept == recognised.dialled


@pytest.mark.parametrize(
    ("told", "believed"),
    [
        (None, NOW),
        (NOW - timedelta(days=2), NOW - timedelta(days=2)),
        (NOW + calls.CLOCK_SKEW, NOW + calls.CLOCK_SKEW),
        (NOW + calls.CLOCK_SKEW + timedelta(seconds=1), NOW),
    ],
)
def test_the_providers_time_is_believed_unless_it_is_missing_or_in_the_future(
    told: datetime | None, believed: datetime
) -> None:
    assert believed == recognise(occurred_at=told).occurred_at


@pytest.mark.parametrize(
    ("number", "signal", "leaves"),
    [(VOLUNTEER, "volunteer", False), (PIPES, "support:piped-water", False), (OPT_OUT, "opt-out", True)],
)
def test_what_a_number_says_about_its_callers(number: Number, signal: str, leaves: bool) -> None:
    assert signal == calls.signal(number)
    assert leaves is calls.asks_to_be_left_alone(number)
