"""The person dialled by a `<Dial>`, as Twilio's status callbacks and its action tell of them."""

import pytest

from ringback.domain.legs import Ending, LegEvent, Progress
from ringback.providers import twilio
from ringback.providers.base import Unreadable

VOTER = "+919000000202"
CHILD = {
    "attempt": "2",
    "CallSid": "CA77",
    "ParentCallSid": "CA90",
    "From": "+918040001031",
    "To": VOTER,
    "CallStatus": "in-progress",
    "Direction": "outbound-dial",
    "Timestamp": "Wed, 31 Jul 2024 11:13:02 +0000",
}
BACK = {"after": "3", "attempt": "2", "CallSid": "CA90", "CallStatus": "in-progress", "From": "+919000000101"}


def event(**told: str) -> LegEvent:
    return twilio.read_leg(tuple((CHILD | told).items()))


def back(**told: str) -> LegEvent | None:
    return twilio.read_turn("dial", tuple((BACK | told).items())).leg


def test_an_event_belongs_to_the_callers_call() -> None:
    leg = event()

    assert (leg.call_id, leg.number, leg.attempt, leg.status) == ("CA90", VOTER, 2, None)
    assert leg.occurred_at is not None
    assert leg.occurred_at.isoformat() == "2024-07-31T11:13:02+00:00"


@pytest.mark.parametrize(
    ("status", "progress", "ending"),
    [
        ("initiated", Progress.DIAL, None),
        ("queued", Progress.DIAL, None),
        ("ringing", Progress.DIAL, None),
        ("in-progress", Progress.ANSWERED, None),
        ("completed", Progress.TERMINAL, Ending.COMPLETED),
        ("busy", Progress.TERMINAL, Ending.BUSY),
        ("no-answer", Progress.TERMINAL, Ending.NO_ANSWER),
        ("failed", Progress.TERMINAL, Ending.FAILED),
        ("canceled", Progress.TERMINAL, Ending.CANCELED),
        ("Completed", Progress.TERMINAL, Ending.COMPLETED),
    ],
)
def test_each_status_says_how_far_the_leg_has_come(
    status: str, progress: Progress, ending: Ending | None
) -> None:
    leg = event(CallStatus=status, CallDuration="12")

    assert (leg.event, leg.status) == (progress, ending)
    assert leg.talked_seconds == (12 if ending else None)


@pytest.mark.parametrize(
    ("told", "ending", "talked"),
    [
        ({"DialCallStatus": "completed", "DialCallDuration": "12"}, Ending.COMPLETED, 12),
        (
            {"DialCallStatus": "completed", "DialCallDuration": "4", "DialBridged": "false"},
            Ending.COMPLETED,
            0,
        ),
        ({"DialCallStatus": "completed", "DialBridged": "true"}, Ending.COMPLETED, None),
        ({"DialCallStatus": "answered"}, Ending.COMPLETED, None),
        ({"DialCallStatus": "no-answer", "DialBridged": "false"}, Ending.NO_ANSWER, 0),
        ({"DialCallStatus": "busy"}, Ending.BUSY, None),
        ({"DialCallStatus": "failed"}, Ending.FAILED, None),
        ({"DialCallStatus": "canceled"}, Ending.CANCELED, None),
    ],
)
def test_what_a_dial_comes_back_with_is_an_ending(
    told: dict[str, str], ending: Ending, talked: int | None
) -> None:
    leg = back(**told)

    assert leg is not None
    assert (leg.call_id, leg.number, leg.event, leg.attempt) == ("CA90", None, Progress.TERMINAL, 2)
    assert (leg.status, leg.talked_seconds) == (ending, talked)


@pytest.mark.parametrize("told", [{}, {"DialCallStatus": "melted"}], ids=["nothing", "nonsense"])
def test_a_question_that_comes_from_no_dial_has_no_leg(told: dict[str, str]) -> None:
    assert back(**told) is None


@pytest.mark.parametrize(
    ("number", "read"),
    [("+919000000202", VOTER), (" 919000000202", VOTER), ("client:tommy", "client:tommy"), ("", None)],
)
def test_a_number_is_read_in_every_shape(number: str, read: str | None) -> None:
    assert event(To=number).number == read


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"CallStatus": ""}, "no status of a leg"),
        ({"CallStatus": "melted"}, "no status of a leg"),
        ({"ParentCallSid": ""}, "ParentCallSid is missing"),
        ({"ParentCallSid": "a b"}, "ParentCallSid cannot be read"),
    ],
)
def test_what_is_no_event_is_unreadable(told: dict[str, str], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        event(**told)
