"""One call in Exotel's records, with what they tell of its second leg.

GET /v1/Accounts/{sid}/Calls/{CallSid}.json?details=true
{"Call": {"Sid": "e12e…87v", "Status": "completed", "EndTime": "2024-07-31 16:45:10",
          "Details": {"ConversationDuration": 41, "Leg1Status": "completed", "Leg2Status": "completed",
                      "Legs": [{"Leg": {"Id": 1, "OnCallDuration": 73}}, {"Leg": {"Id": 2, "OnCallDuration": 41}}]}}}

The records name nobody who was dialled, and know one second leg: of several attempts in one call, the last. SOURCE: exotel.md §2.5, traps 6
and 7: a completed call whose second leg did not talk was no conversation.
"""

from collections.abc import Mapping
from typing import Any, Final

from ringback.domain.legs import Ending, LegEvent, Progress
from ringback.providers.base import FoundCall
from ringback.providers.bodies import text
from ringback.providers.exotel import values

_GOES_ON: Final = frozenset({"", "queued", "ringing", "in-progress"})
_ENDINGS: Final = {
    "completed": Ending.COMPLETED,
    "no-answer": Ending.NO_ANSWER,
    "busy": Ending.BUSY,
    "failed": Ending.FAILED,
    "canceled": Ending.CANCELED,
    "cancelled": Ending.CANCELED,
}


def read(call_id: str, document: Any) -> FoundCall | None:
    """The call in an answer; None when the answer holds none."""
    call = document.get("Call") if isinstance(document, dict) else None
    if not isinstance(call, dict) or text(call.get("Sid")) != call_id:
        return None
    is_over = text(call.get("Status")).strip().lower() not in _GOES_ON
    details = call.get("Details")
    leg = _second_leg(call_id, details) if is_over and isinstance(details, dict) else None
    return FoundCall(
        call_id=call_id,
        is_over=is_over,
        ended_at=values.moment(text(call.get("EndTime"))) if is_over else None,
        legs=(leg,) if leg else (),
    )


def _second_leg(call_id: str, details: Mapping[str, Any]) -> LegEvent | None:
    ending = _ENDINGS.get((values.present(text(details.get("Leg2Status"))) or "").lower())
    if ending is None:  # `null`: nobody was dialled
        return None
    told = values.count(text(details.get("ConversationDuration")))
    return LegEvent(
        call_id=call_id,
        number=None,
        event=Progress.TERMINAL,
        status=ending,
        talked_seconds=told if told is not None else _on_call(details, 2),
        rang_seconds=None,
        occurred_at=None,
    )


def _on_call(details: Mapping[str, Any], nth: int) -> int | None:
    """How long a leg was on the line."""
    given = details.get("Legs")
    for each in given if isinstance(given, list) else ():
        leg = each.get("Leg", each) if isinstance(each, dict) else None
        if isinstance(leg, dict) and text(leg.get("Id")) == str(nth):
            return values.count(text(leg.get("OnCallDuration")))
    return None
