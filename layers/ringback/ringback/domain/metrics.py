"""The numbers a campaign is judged by, as increments that can be counted live or made again from the journal.

Raw calls, unique callers and verified callers stand side by side (X8). A caller is unique once per campaign, per number and per
source: at the first call there. Increments are added to the hour of the call, Indian time, so every total is a sum of hours.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ringback.domain.calls import Caller, Recognised
from ringback.domain.campaigns import Number
from ringback.domain.contacts import Contact
from ringback.domain.endings import Ending
from ringback.domain.facts import DialEnded, PatchTold, TrackerDialled, TurnTaken, VoterDialled
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
ANSWERED = "call-answered"
VOTERS_DIALLED = "voters-dialled"
VOTERS_REACHED = "voters-reached"
TRACKERS_DIALLED = "trackers-dialled"
PATCHED = "patched"


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
    """What one call that came in adds, missed or answered with a menu.

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
    """What one turn in a menu adds: its call at the first (one that we placed was answered), how far the caller came at the last (F30),
    and consents. A call that came in counts by `of_call` besides.
    """
    added = Counter[str]()
    if turn.turn == 1:
        added[ANSWERED if turn.dial is not None else IVR] += 1
    for effect in turn.effects:
        match effect:
            case OptedIn():
                added[OPTED_IN] += 1
            case MenuEnded(complete=complete, furthest=furthest):
                added[IVR_COMPLETE if complete else IVR_ABANDONED] += 1
                added[f"furthest {turn.menu} {furthest}"] += 1
    return added


def of_ending(ending: DialEnded, *, repeated_telling: bool) -> Counter[str]:
    """What the end of a call that we placed adds: `call-busy`, `call-no-answer`, `call-failed`. One that was answered counts by its
    first turn, which proves it.
    """
    counts = ending.ending is not Ending.COMPLETED and not repeated_telling
    return Counter({f"call-{ending.ending}": 1} if counts else {})


def of_patch(fact: VoterDialled | TrackerDialled | PatchTold, *, repeated_telling: bool) -> Counter[str]:
    """What happens in a patched call adds: who was rung, and that they talked. A tracker in a voter's stead counts like any voter. The
    call itself counts by our number, once, when the first is rung.
    """
    match fact:
        case VoterDialled() | TrackerDialled():
            rung = Counter({VOTERS_DIALLED if isinstance(fact, VoterDialled) else TRACKERS_DIALLED: 1})
            return rung + Counter({f"{PATCHED} number:{fact.dialled}": int(fact.attempt == 1)})
        case PatchTold(outcome="talked", party="voter") if not repeated_telling:
            return Counter({VOTERS_REACHED: 1})
    return Counter()


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


SPAN = timedelta(hours=24)
"""What is compared with what was before it. Our assumption: a day, so that night is never compared with day, and so that whoever called
in the span before has had time to be written to: a night's hold takes 13 hours, and a text is stale after 24."""

LEAST_CALLS = 200
LEAST_CALLERS = 100
"""Fewer in a span say nothing. Our assumption, as are the shares below: nobody has published what a false promotion looks like by the
hour. SOURCE of the case: features.md F112, a number spread as a dating offer, 68 lakh calls."""

_SUDDEN = 2
"""How many times as many calls as in the span before are sudden. After a launch fewer people are new each day; that is no divergence."""

_LEAST_SHARE_NEW = 0.1
"""Of a number's first calls: ten calls for each caller who is new."""

_LEAST_SHARE_KEPT = 0.25
"""Of the share of new callers before: a quarter of it is left."""

_LEAST_SHARE_VERIFIED = 0.25
"""Of callers who had a day for it. Of real ones most are reached within minutes of the window's opening."""


class Divergence(StrEnum):
    """How a number's three counts part (X8)."""

    CALLS = "calls-without-callers"
    """Suddenly many calls, and hardly anybody new among those who call: few phones ring, again and again."""
    CALLERS = "callers-without-proof"
    """Many new callers whom no SMS reaches: forged, or not what they seem."""


@dataclass(frozen=True, slots=True)
class Three:
    """Raw, unique and verified calls of one number in one span."""

    raw: int
    unique: int
    verified: int


def divergence(now: Three, before: Three) -> Divergence | None:
    """Whether a number's counts part in the span that ends now, given the span of the same length before it.

    Only callers of the span before are asked for their proof, and whatever was verified since counts for them: a report may take its
    time. Where nothing is sent nobody can be verified; that is for who asks to know.
    """
    if now.raw >= LEAST_CALLS and now.raw >= _SUDDEN * before.raw:
        is_compared = before.raw >= LEAST_CALLS
        least = _LEAST_SHARE_KEPT * before.unique / before.raw if is_compared else _LEAST_SHARE_NEW
        if now.unique < least * now.raw:
            return Divergence.CALLS
    proven = before.verified + now.verified
    if before.unique >= LEAST_CALLERS and proven < _LEAST_SHARE_VERIFIED * before.unique:
        return Divergence.CALLERS
    return None


def diverging(counted: Increments, campaign: str, now: datetime) -> dict[str, Divergence]:
    """The numbers (E.164) of one campaign whose counts part, by its hours of the last two spans; older hours may be among them.

    A call in which somebody was rung for its caller is left out: whoever talks to voters rings the same number hundreds of times (F44).
    """
    since, began = hour_of(campaign, now - SPAN).hour, hour_of(campaign, now - 2 * SPAN).hour
    before, recent = Counter[str](), Counter[str]()
    for hour, counts in counted.items():
        if hour.hour > since:
            recent.update(counts)
        elif hour.hour > began:
            before.update(counts)
    raw = f"{RAW} number:"
    numbers = sorted(name.removeprefix(raw) for name in before | recent if name.startswith(raw))
    found = {number: divergence(_three(recent, number), _three(before, number)) for number in numbers}
    return {number: how for number, how in found.items() if how is not None}


def _three(counted: Counter[str], number: str) -> Three:
    place = f"number:{number}"
    raw = max(0, counted[f"{RAW} {place}"] - counted[f"{PATCHED} {place}"])
    return Three(raw, counted[unique(place)], counted[verified(place)])
