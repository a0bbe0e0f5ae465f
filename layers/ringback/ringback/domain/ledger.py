"""What patched calls cost: both legs of each by the rate card, to the campaign, the area and the day (F46)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ringback.domain.documents import Section
from ringback.domain.patches import Attempt, Kind, Leg, Patch, talk_of
from ringback.domain.times import INDIA

NOWHERE = "-"
"""The area of who was rung without one, of trackers, and of callers whom nobody was rung for."""


class Side(StrEnum):
    CALLER = "caller"
    """The influencer's own leg: free for them, because the number is toll-free for whoever rings it."""
    CALLEE = "callee"


@dataclass(frozen=True, slots=True)
class Rates:
    """What the provider charges for a leg: per pulse, or part of one, from the answer on. Rules of the day, `patch_legs`."""

    caller_paise: int
    callee_paise: int
    pulse_seconds: int
    as_of: str

    def paise(self, side: Side, seconds: int) -> int:
        """What an answered leg of so many seconds costs: the first pulse has begun with the answer."""
        pulses = max(1, -(-seconds // self.pulse_seconds))
        return pulses * (self.caller_paise if side is Side.CALLER else self.callee_paise)


def read_rates(section: Section) -> Rates:
    section.text("source")
    return Rates(
        caller_paise=section.integer("caller_paise"),
        callee_paise=section.integer("callee_paise"),
        pulse_seconds=section.integer("pulse_seconds"),
        as_of=section.text("as_of"),
    )


@dataclass(frozen=True, slots=True)
class Charge:
    """What one leg of one call cost."""

    campaign: str
    area: str
    day: str
    """In India, `2026-11-21`, on which the patch ended."""
    call_id: str
    attempt: int
    """In which the person was rung; for the caller's leg the last one."""
    side: Side
    seconds: int
    paise: int
    rate: str
    """The date of the rate card."""
    influencer: str

    @property
    def book(self) -> str:
        """Under what it is kept: what is added up together."""
        return book(self.campaign, self.area, self.day)

    @property
    def leg(self) -> str:
        return f"{self.call_id}/{self.attempt}/{self.side}"


def book(campaign: str, area: str, day: str) -> str:
    return f"{campaign}#{area}#{day}"


def charges(patch: Patch, rates: Rates) -> list[Charge]:
    """The legs of a patch that is over, the caller's first. Who was rung and did not answer cost nothing; a talk of which nobody told
    when it began or how long it was, is charged as one pulse.

    The caller's leg counts from the beginning of the call to the end of the patch, so that the menu before it is in.
    """
    last = patch.last
    answered = [attempt for attempt in patch.attempts if _was_answered(attempt)]
    seconds = max(0, round((patch.last_at - patch.began_at).total_seconds()))
    return [
        _charge(patch, rates, last.n if last else 0, _area(last), Side.CALLER, seconds),
        *(_charge(patch, rates, each.n, _area(each), Side.CALLEE, talk_of(patch, each)) for each in answered),
    ]


def _was_answered(attempt: Attempt) -> bool:
    return attempt.state is Leg.OVER and (attempt.answered_at is not None or attempt.is_completed)


def _area(attempt: Attempt | None) -> str:
    """Where a leg is booked. A tracker in a voter's stead is booked like any other tracker."""
    is_voter = attempt is not None and attempt.kind is Kind.VOTER
    return (attempt.area if attempt and is_voter else None) or NOWHERE


def _charge(patch: Patch, rates: Rates, attempt: int, area: str, side: Side, seconds: int) -> Charge:
    return Charge(
        campaign=patch.campaign,
        area=area,
        day=patch.last_at.astimezone(INDIA).date().isoformat(),
        call_id=patch.call_id,
        attempt=attempt,
        side=side,
        seconds=seconds,
        paise=rates.paise(side, seconds),
        rate=rates.as_of,
        influencer=patch.influencer,
    )


def total(charges: Iterable[Charge]) -> Mapping[str, int]:
    """Legs, seconds and paise of many charges, by side and in all."""
    sums = {
        "legs": 0,
        "paise": 0,
        **{f"{side}_seconds": 0 for side in Side},
        **{f"{side}_paise": 0 for side in Side},
    }
    for charge in charges:
        sums["legs"] += 1
        sums["paise"] += charge.paise
        sums[f"{charge.side}_seconds"] += charge.seconds
        sums[f"{charge.side}_paise"] += charge.paise
    return sums
