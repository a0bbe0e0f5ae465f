"""What a caller in a menu did, as Exotel tells it. The flow that asks us is drawn in `rendering`."""

from collections.abc import Mapping
from typing import Final

from ringback.providers.base import DIAL, Pairs, TurnRequest, Unreadable
from ringback.providers.exotel import legs, values
from ringback.providers.exotel.callbacks import given_id, given_values

TURN: Final = "turn"
GATHER: Final = "gather"
SAY: Final = "say"
OVER: Final = "over"
"""The StatusCallback of a call that we placed; nobody tells of the end of one that came in."""

STEPS: Final = frozenset({TURN, GATHER, SAY, DIAL, OVER})

_MOST_KEYS: Final = 64
_LONGEST_URL: Final = 2_000
_OVER: Final = frozenset({"completed", "busy", "failed", "no-answer", "canceled", "cancelled"})
_NAMES: Final = frozenset(
    {
        *("CallSid", "To", "CallTo", "From", "CallFrom", "Direction", "StartTime", "Created", "CurrentTime"),
        *("digits", "RecordingUrl", "CallStatus", "CustomField", *legs.NAMES),
    }
)
_TELLING: Final = (
    *("CurrentTime", "StartTime", "RecordingUrl", "CallStatus"),
    *("DialCallStatus", "DialWhomNumber", "DialCallDuration"),
)
"""What tells one request of a call from another, besides the keys."""


def is_fragment(step: str) -> bool:
    """Whether an applet asks only for its part of the turn that was answered last."""
    return step in (GATHER, SAY, DIAL)


def read_turn(step: str, pairs: Pairs) -> TurnRequest:
    """What the caller did, as the Passthru at the head of the loop tells it.

    Example: `CallSid=e12e…87v&CallFrom=09000000101&…&CurrentTime=2024-07-31+16%3A43%3A02&digits=%221%22`

    Earlier keys and recordings are told again in every later request: what was asked last decides which of them is meant. Without
    CurrentTime there is no fingerprint. Two requests alike in one second are one: Exotel's time has no fractions. Raises `Unreadable`
    for a step we do not have, for an id that cannot be one and for a parameter we use that says two things.
    """
    if step not in STEPS:
        raise Unreadable("a step we do not have")
    pairs = legs.unnested(pairs)
    given = given_values(pairs, _NAMES if step != OVER else _NAMES | {"Status"})
    call_id = given_id(given, "CallSid")
    digits = _keys(given.get("digits"))
    times = (values.moment(given.get(name)) for name in ("CurrentTime", "StartTime", "Created"))
    incoming = given.get("Direction", "").strip().lower() in ("", "incoming", "inbound")
    ours, theirs = ("To", "From") if incoming else ("To", "CallTo")
    return TurnRequest(
        call_id=call_id,
        dialled=values.number(given.get(ours)) or values.number(given.get("CallTo")) or "",
        caller=values.number(given.get(theirs)) or values.number(given.get("CallFrom")),
        digits=digits,
        recording_url=_url(given.get("RecordingUrl")),
        recording_seconds=None,
        spoken=None,
        confidence=None,
        is_over=_is_over(step, given),
        custom_field=values.present(given.get("CustomField")),
        fingerprint=_fingerprint(step, digits, given),
        occurred_at=next((time for time in times if time), None),
        leg=legs.of_request(call_id, given, pairs),
    )


def _keys(value: str | None) -> str | None:
    """Keys out of their quotes; None for every spelling of silence: absent, empty, blank, `null`, quotes around nothing."""
    bare = (value or "").replace('"', " ").replace("'", " ")
    keys = "".join((values.present(bare) or "").split())
    return keys[:_MOST_KEYS] or None


def _url(value: str | None) -> str | None:
    url = values.present(value)
    is_address = url is not None and len(url) <= _LONGEST_URL and url.startswith(("https://", "http://"))
    return url if is_address and url and url.isprintable() and " " not in url else None


def _is_over(step: str, given: Mapping[str, str]) -> bool:
    told = given.get("Status") if step == OVER else None
    return (told or given.get("CallStatus") or "").strip().lower() in _OVER


def _fingerprint(step: str, digits: str | None, given: Mapping[str, str]) -> str:
    if "CurrentTime" not in given and step != OVER:
        return ""
    return "\n".join((step, digits or "", *(given.get(name, "") for name in _TELLING)))
