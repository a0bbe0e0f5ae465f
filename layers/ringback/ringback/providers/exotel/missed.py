"""Missed calls: what the applet that tells of one is answered, and a listed one in the words of the callback that got lost."""

from ringback.domain.times import INDIA
from ringback.providers.base import Direction, ListedCall, Pairs, Reply


def acknowledged(step: str) -> Reply:
    """Nothing but 200: the flow hangs up by itself."""
    return Reply(200, "text/plain", "")


def pairs_of(call: ListedCall) -> Pairs:
    """The parameters from which `read_call` reads the same `CallMissed` that the call's own Passthru would have told; or, of a call
    that we placed, `read_dial_status` the same `DialEnded` as its StatusCallback.
    """
    if call.direction is Direction.OUTGOING:
        return ("CallSid", call.call_id), ("Status", call.status)
    started_at = call.started_at.astimezone(INDIA).strftime("%Y-%m-%d %H:%M:%S") if call.started_at else ""
    told = (
        ("CallSid", call.call_id),
        ("From", call.caller or ""),
        ("To", call.dialled),
        ("Direction", "incoming"),
        ("StartTime", started_at),
    )
    return tuple((name, value) for name, value in told if value)
