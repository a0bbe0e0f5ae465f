"""The person dialled by a Connect applet, as Exotel tells of them: in events of their own, and in whatever it asks afterwards.

    GET /voice/<token>/leg?attempt=1&CallSid=e12e…87v&EventType=Answered&Status=busy&DialWhomNumber=09000000202&…
    GET /voice/<token>/dial?CallSid=e12e…87v&DialWhomNumber=09000000202&DialCallStatus=no-answer&DialCallDuration=25&…
         &Legs[0][Number]=09000000202&Legs[0][OnCallDuration]=0&Legs[0][CauseCode]=RING_TIMEOUT

An event's `Status` is whether the person is `busy` or `free` for further calls, not how the call went. What was true of the person dialled
before stays in the parameters until the next one's call is over, so only an ending is read from them.

SOURCE: exotel.md §1.0, §1.5, §2.4 and traps 6 and 7.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ringback.domain import phones
from ringback.domain.legs import Ending, LegEvent, Progress
from ringback.providers.base import ATTEMPT, Pairs, Unreadable
from ringback.providers.exotel import values
from ringback.providers.exotel.callbacks import given_id, given_values

NAMES: Final = frozenset({"DialWhomNumber", "DialCallStatus", "DialCallDuration"})

_EVENT_NAMES: Final = NAMES | {ATTEMPT, "CallSid", "EventType", "CurrentTime"}

_EVENTS: Final = {
    "dial": Progress.DIAL,
    "answered": Progress.ANSWERED,
    "terminal": Progress.TERMINAL,
}
_ENDINGS: Final = {
    "completed": Ending.COMPLETED,
    "no-answer": Ending.NO_ANSWER,
    "busy": Ending.BUSY,
    "failed": Ending.FAILED,
    "canceled": Ending.CANCELED,
    "cancelled": Ending.CANCELED,
}
_CAUSES: Final = {
    "RING_TIMEOUT": Ending.NO_ANSWER,
    "NO_ANSWER": Ending.NO_ANSWER,
    "USER_BUSY": Ending.BUSY,
    "UNALLOCATED_NUMBER": Ending.UNALLOCATED,
    "SUBSCRIBER_ABSENT": Ending.FAILED,
}
"""What the network says of a leg for which there is no status, and why one failed. SOURCE: `Legs[i][CauseCode]`, exotel.md §1.0; the names are Q.850's."""

_LEG: Final = re.compile(r"Legs\[(\d{1,2})\]\[(\w+)\](?:\[(\w+)\])?")


def read_leg(pairs: Pairs) -> LegEvent:
    """One event of a Connect applet's `dial_passthru_event_url`. Raises `Unreadable` for an event we do not know."""
    usual = unnested(pairs)
    given = given_values(usual, _EVENT_NAMES)
    event = _EVENTS.get(given.get("EventType", "").strip().lower())
    call_id = given_id(given, "CallSid")
    if event is None:
        raise Unreadable("no event of a leg")
    return _told(call_id, event, given, usual)


def of_request(call_id: str, given: Mapping[str, str], pairs: Pairs) -> LegEvent | None:
    """What a poll or a Passthru says of the person dialled last; None where it says of none that their call is over."""
    told = _told(call_id, Progress.TERMINAL, given, pairs)
    return told if told.status else None


def unnested(pairs: Pairs) -> Pairs:
    """`Call[Sid]` and `Call[From]` by their usual names: newer Connect applets post them so. SOURCE: exotel.md §1.0."""
    usual = {"Call[Sid]": "CallSid", "Call[From]": "From", "Call[To]": "To"}
    return tuple((usual.get(name, name), value) for name, value in pairs)


def _told(call_id: str, event: Progress, given: Mapping[str, str], pairs: Pairs) -> LegEvent:
    number = _number(given.get("DialWhomNumber"))
    is_over = event is Progress.TERMINAL
    leg = _leg_of(number, pairs) if is_over else {}
    talked = values.count(leg.get("OnCallDuration"))
    return LegEvent(
        call_id=call_id,
        number=number,
        event=event,
        status=_ending(given, leg) if is_over else None,
        talked_seconds=talked,
        rang_seconds=_rang(given, leg, talked) if is_over else None,
        occurred_at=values.moment(given.get("CurrentTime")),
        attempt=values.count(given.get(ATTEMPT)),
    )


def _ending(given: Mapping[str, str], leg: Mapping[str, str]) -> Ending | None:
    """In the first words that say it; of a failure, the network's own word that nobody has the number."""
    words = (given.get("DialCallStatus"), leg.get("Status"), leg.get("Insights.Status"))
    plain = ((word or "").strip().lower().replace("_", "-") for word in words)
    found = next((_ENDINGS[word] for word in plain if word in _ENDINGS), None)
    cause = _CAUSES.get(leg.get("CauseCode", "").strip().upper())
    if found is None or (found is Ending.FAILED and cause is Ending.UNALLOCATED):
        return cause
    return found


def _rang(given: Mapping[str, str], leg: Mapping[str, str], talked: int | None) -> int | None:
    """DialCallDuration counts from dialling to the end, so what was not talk was ringing."""
    told = values.count(leg.get("Insights.RingingDuration"))
    whole = values.count(given.get("DialCallDuration"))
    if told is not None or whole is None or talked is None:
        return told
    return max(whole - talked, 0)


def _leg_of(number: str | None, pairs: Pairs) -> Mapping[str, str]:
    """The leg of a number: the one that names it, else the last of those that name nobody."""
    legs: dict[int, dict[str, str]] = {}
    for index, name, value in _legs(pairs):
        legs.setdefault(index, {})[name] = value
    ordered = [legs[index] for index in sorted(legs)]
    of_number = [leg for leg in ordered if number and _number(leg.get("Number")) == number]
    of_nobody = [leg for leg in ordered if not (number and leg.get("Number"))]
    return next(reversed(of_number or of_nobody), {})


def _legs(pairs: Pairs) -> Iterator[tuple[int, str, str]]:
    for name, value in pairs:
        if (found := _LEG.fullmatch(name)) and values.present(value) is not None:
            index, attribute, within = found.groups()
            yield int(index), f"{attribute}.{within}" if within else attribute, value


def _number(written: str | None) -> str | None:
    """In E.164 where it can be read so: `09000000202`, `+919000000202` and `9000000202` are one number. SOURCE: exotel.md, trap 1."""
    number = values.number(written)
    try:
        return phones.read(number) if number else None
    except (phones.Withheld, phones.Unreadable):
        return number
