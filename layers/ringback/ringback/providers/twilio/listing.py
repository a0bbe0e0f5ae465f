"""One page of Twilio's call records, and a listed call told in the words of the callback that got lost.

{"calls": [{"sid": "CA90…", "from": "+919000000101", "to": "+918040001001", "direction": "inbound", "status": "busy",
            "start_time": "Wed, 31 Jul 2024 11:12:56 +0000", "date_created": "Wed, 31 Jul 2024 11:12:55 +0000"}],
 "next_page_uri": "/2010-04-01/Accounts/AC…/Calls.json?PageSize=100&Page=1&PageToken=PACA90…"}
"""

from datetime import UTC
from typing import Any, Final

from ringback.providers.base import Direction, ListedCall, Pairs
from ringback.providers.bodies import text
from ringback.providers.twilio import values

_DIRECTIONS: Final = {
    "inbound": Direction.INCOMING,
    "outbound-api": Direction.OUTGOING,
    "outbound-dial": Direction.OUTGOING,
}


def read(records: list[Any]) -> tuple[tuple[ListedCall, ...], int]:
    """The calls on a page, each once, in order; and how many records could not be read."""
    calls = [_call(record) for record in records]
    return tuple({call.call_id: call for call in calls if call}.values()), calls.count(None)


def pairs_of(call: ListedCall) -> Pairs:
    """The parameters from which `read_call` reads the same `CallMissed` that the call's own webhook would have told; or, of a call
    that we placed, `read_dial_status` the same `DialEnded` as its status callback.
    """
    if call.direction is Direction.OUTGOING:
        talked = (("CallDuration", str(call.talk_seconds)),) if call.talk_seconds is not None else ()
        return ("CallSid", call.call_id), ("CallStatus", call.status), *talked
    started_at = call.started_at.astimezone(UTC).isoformat(timespec="seconds") if call.started_at else ""
    told = (
        ("CallSid", call.call_id),
        ("From", call.caller or ""),
        ("To", call.dialled),
        ("Direction", "inbound"),
        ("Timestamp", started_at),
    )
    return tuple((name, value) for name, value in told if value)


def _call(record: Any) -> ListedCall | None:
    given = {name: text(value) for name, value in record.items()} if isinstance(record, dict) else {}
    call_id = given.get("sid", "")
    if not values.is_opaque_id(call_id):
        return None
    return ListedCall(
        call_id=call_id,
        dialled=values.number(given.get("to")) or "",
        caller=values.number(given.get("from")),
        direction=_DIRECTIONS.get(given.get("direction", "").lower(), Direction.UNKNOWN),
        status=given.get("status", "").lower(),
        started_at=values.moment(given.get("start_time")) or values.moment(given.get("date_created")),
        custom_field=None,
        talk_seconds=values.count(given.get("duration")),
    )
