"""One call in Twilio's records, and the calls that were dialled in it: its children.

GET /2010-04-01/Accounts/AC…/Calls/CA90….json            {"sid": "CA90…", "status": "completed", "end_time": "Wed, 31 Jul 2024 11:15:10 +0000"}
GET /2010-04-01/Accounts/AC…/Calls.json?ParentCallSid=CA90…  {"calls": [{"sid": "CA91…", "to": "+919000000202", "status": "completed",
                                                                         "duration": "41", …}]}

A child's duration counts from its answer. SOURCE: twilio.com/docs/voice/api/call-resource, read 2026.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ringback.domain.legs import Ending, LegEvent, Progress
from ringback.providers.base import FoundCall
from ringback.providers.bodies import text
from ringback.providers.twilio import values

_GOES_ON: Final = frozenset({"", "queued", "initiated", "ringing", "in-progress"})
_ENDINGS: Final = {ending.value: ending for ending in Ending}


def read(call_id: str, document: Any, children: Iterable[Any]) -> FoundCall | None:
    """The call in an answer, with its children; None when the answer holds none."""
    if not isinstance(document, dict) or text(document.get("sid")) != call_id:
        return None
    is_over = text(document.get("status")).lower() not in _GOES_ON
    legs = (_leg(call_id, child) for child in children if isinstance(child, dict))
    return FoundCall(
        call_id=call_id,
        is_over=is_over,
        ended_at=values.moment(text(document.get("end_time"))) if is_over else None,
        legs=tuple(leg for leg in legs if leg),
    )


def _leg(call_id: str, child: Mapping[str, Any]) -> LegEvent | None:
    ending = _ENDINGS.get(text(child.get("status")).lower())
    if ending is None:
        return None
    seconds = text(child.get("duration"))
    return LegEvent(
        call_id=call_id,
        number=values.number(text(child.get("to"))),
        event=Progress.TERMINAL,
        status=ending,
        talked_seconds=int(seconds)
        if seconds.isascii() and seconds.isdigit() and len(seconds) <= 9
        else None,
        rang_seconds=None,
        occurred_at=values.moment(text(child.get("end_time"))),
    )
