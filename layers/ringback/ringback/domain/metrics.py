"""The numbers a campaign is judged by, as increments that can be counted live or made again from the journal.

Raw calls, unique callers and verified callers stand side by side (X8). A caller is unique once per campaign, per number and per
source: at the first call there. Increments are added to the hour of the call, Indian time, so every total is a sum of hours.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ringback.domain.calls import Caller, Recognised
from ringback.domain.campaigns import Number
from ringback.domain.contacts import Contact
from ringback.domain.facts import TurnTaken
from ringback.domain.times import INDIA
from ringback.domain.turns import MenuEnded, OptedIn

RAW = "raw"
UNIQUE = "unique"
VERIFIED = "verified"
UNKNOWN_NUMBER = "unknown-number"
FOREIGN_NUMBER = "foreign-number"
UNPARSED = "unparsed"
DELIVERED = "sms-delivered"
FAILED = "sms-failed"
IVR = "ivr"
IVR_COMPLETE = "ivr-complete"
IVR_ABANDONED = "ivr-abandoned"
OPTED_IN = "opted-in"


@dataclass(frozen=True, slots=True)
class Hour:
    """One campaign's hour, for example (`clean-water`, `2026-11-21T11`)."""

    campaign: str
    hour: str


Increments = dict[Hour, Counter[str]]


def hour_of(campaign: str, at: datetime) -> Hour:
    return Hour(campaign, at.astimezone(INDIA).strftime("%Y-%m-%dT%H"))


def of_call(
    call: Recognised, *, repeated_telling: bool, new_at: Iterable[str], is_verified: bool = False
) -> Counter[str]:
    """What one missed call adds.

    `new_at` names the `places` where the caller is seen for the first time, where a caller who is verified already counts as
    verified at once. A second telling of a call that was counted already (`repeated_telling`) adds no raw call, but may still
    bring the caller to light.
    """
    added: Counter[str] = Counter()
    if not repeated_telling:
        added[RAW] += 1
        if call.number is None:
            added[UNKNOWN_NUMBER] += 1
        else:
            added[f"{RAW} number:{call.number.number}"] += 1
            added[f"{RAW} source:{call.number.source}"] += 1
        if call.caller is not Caller.PERSON:
            added[str(call.caller)] += 1
    for place in new_at:
        added[unique(place)] += 1
        added[verified(place)] += is_verified
    return +added


def of_turn(turn: TurnTaken) -> Counter[str]:
    """What one turn in a menu adds: its call at the first, how far the caller came at the last (F30), and consents."""
    added = Counter({IVR: 1}) if turn.turn == 1 else Counter[str]()
    for effect in turn.effects:
        match effect:
            case OptedIn():
                added[OPTED_IN] += 1
            case MenuEnded(complete=complete, furthest=furthest):
                added[IVR_COMPLETE if complete else IVR_ABANDONED] += 1
                added[f"furthest {turn.menu} {furthest}"] += 1
    return added


def of_verification(contact: Contact) -> Counter[str]:
    """What a contact adds on becoming verified: one wherever they have called."""
    return Counter(verified(place) for place in contact.first_calls)


def places(number: Number) -> tuple[str, ...]:
    """Where a call to the number makes its caller unique, once each: ``campaign``, ``number:…``, ``source:…``."""
    return "campaign", f"number:{number.number}", f"source:{number.source}"


def unique(place: str) -> str:
    """The name of the count of unique callers of a place."""
    return UNIQUE if place == "campaign" else f"{UNIQUE} {place}"


def verified(place: str) -> str:
    """The name of the count of verified callers of a place."""
    return VERIFIED if place == "campaign" else f"{VERIFIED} {place}"


def first_met(contact: Contact, cause: str, number: Number) -> tuple[str, ...]:
    """The places where the call `cause` is the contact's first. The same for every repeat of the call."""
    return tuple(place for place in places(number) if contact.first_calls.get(place) == cause)


def merge(into: Increments, hour: Hour, added: Counter[str]) -> None:
    """Add to the increments of an hour, in place."""
    if added:
        into.setdefault(hour, Counter()).update(added)


def drift(stored: Increments, recounted: Increments) -> Increments:
    """What must be added to the stored counts to make them the recounted ones; empty when they agree."""
    differences: Increments = {}
    for hour in stored.keys() | recounted.keys():
        was, should_be = stored.get(hour, Counter()), recounted.get(hour, Counter())
        difference = Counter({name: should_be[name] - was[name] for name in was.keys() | should_be.keys()})
        difference = Counter({name: n for name, n in difference.items() if n})
        if difference:
            differences[hour] = difference
    return differences
