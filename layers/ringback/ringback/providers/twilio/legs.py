"""The person dialled by a `<Dial>`, as Twilio tells of them: in status callbacks of their own call, and in what the `<Dial>` comes back with.

    POST /voice/<token>/leg?attempt=1             CallSid=CA77…&ParentCallSid=CA90…&To=%2B919000000202&CallStatus=in-progress&…
    POST /voice/<token>/dial?after=3&attempt=1    CallSid=CA90…&DialCallStatus=no-answer&…

The person's call is a child of the caller's; only the caller's is known to us.

SOURCE: twilio.com/docs/voice/twiml/number, statusCallback; twilio.com/docs/voice/twiml/dial, action; read 2026.
"""

from collections.abc import Mapping
from typing import Final

from ringback.domain import phones
from ringback.domain.legs import Ending, LegEvent, Progress
from ringback.providers.base import ATTEMPT, Pairs, Unreadable
from ringback.providers.twilio import values

EVENTS: Final = ("initiated", "answered", "completed")
"""What we ask to be told of."""

DIAL_NAMES: Final = frozenset({ATTEMPT, "DialCallStatus", "DialCallDuration", "DialBridged"})

_LEG_NAMES: Final = frozenset(
    {ATTEMPT, "CallSid", "ParentCallSid", "To", "CallStatus", "CallDuration", "Timestamp"}
)
_ENDINGS: Final = {
    "completed": Ending.COMPLETED,
    "answered": Ending.COMPLETED,  # what a Dial comes back with after a conference
    "no-answer": Ending.NO_ANSWER,
    "busy": Ending.BUSY,
    "failed": Ending.FAILED,
    "canceled": Ending.CANCELED,
}
_EVENTS: Final = {
    "queued": Progress.DIAL,
    "initiated": Progress.DIAL,
    "ringing": Progress.DIAL,
    "in-progress": Progress.ANSWERED,
    **{status: Progress.TERMINAL for status in _ENDINGS if status != "answered"},
}


def read_leg(pairs: Pairs) -> LegEvent:
    """One status callback of the person's own call. Raises `Unreadable` for a status we do not know, and for a call that is nobody's child."""
    given = values.given(pairs, _LEG_NAMES)
    status = given.get("CallStatus", "").strip().lower()
    event = _EVENTS.get(status)
    call_id = values.opaque_id("ParentCallSid", given.get("ParentCallSid", ""))
    if event is None:
        raise Unreadable("no status of a leg")
    is_over = event is Progress.TERMINAL
    return LegEvent(
        call_id=call_id,
        number=_number(given.get("To")),
        event=event,
        status=_ENDINGS[status] if is_over else None,
        talked_seconds=values.count(given.get("CallDuration")) if is_over else None,
        rang_seconds=None,
        occurred_at=values.moment(given.get("Timestamp")),
        attempt=values.count(given.get(ATTEMPT)),
    )


def of_dial(call_id: str, given: Mapping[str, str]) -> LegEvent | None:
    """How a `<Dial>` ended, by what it comes back with; None for a request that comes from none."""
    status = _ENDINGS.get(given.get("DialCallStatus", "").strip().lower())
    if status is None:
        return None
    was_bridged = given.get("DialBridged", "").strip().lower() != "false"
    return LegEvent(
        call_id=call_id,
        number=None,
        event=Progress.TERMINAL,
        status=status,
        talked_seconds=values.count(given.get("DialCallDuration")) if was_bridged else 0,
        rang_seconds=None,
        occurred_at=None,
        attempt=values.count(given.get(ATTEMPT)),
    )


def _number(written: str | None) -> str | None:
    """In E.164 where it can be read so."""
    number = values.number(written)
    try:
        return phones.read(number) if number else None
    except (phones.Withheld, phones.Unreadable):
        return number
