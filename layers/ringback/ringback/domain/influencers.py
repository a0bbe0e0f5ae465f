"""An influencer's way to the voters: the stages, the one table of moves between them, and what takes a go-ahead back.

```
            informed        review-opened          approved
      new ───────────► informed ───────────► in-review ───────────► approved
                          ▲ ▲                   │  │ rejected           │
                          │ └──── expired ──────┘  └────► rejected      │
                          ├──────── held, expired ──────────────────────┤
                          └─ reopened ─ rejected, revoked ◄── revoked ──┘   (revoked follows from everywhere)
```

Nobody but an APPROVED influencer is put through to a voter, and there is one way to APPROVED: through IN_REVIEW. There is no stage for
being held: who is held stands at INFORMED again, so that the next call talks to a tracker, and the row says why.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from ringback.domain.times import INDIA

HISTORY_KEPT = 20
"""Moves kept on an influencer's row; the journal and the reviews have all of them."""


class Stage(StrEnum):
    """Where an influencer stands. A person of whom nothing is kept is NEW."""

    NEW = "NEW"
    INFORMED = "INFORMED"
    """Heard the manifesto to its end: the next call talks to a tracker."""
    IN_REVIEW = "IN_REVIEW"
    APPROVED = "APPROVED"
    """The next call is put through to a voter."""
    REJECTED = "REJECTED"
    REVOKED = "REVOKED"
    """Blocked, or the go-ahead withdrawn."""


class Change(StrEnum):
    """What moves an influencer from one stage to the next."""

    INFORMED = "informed"
    REVIEW_OPENED = "review-opened"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    """A review without a verdict, or a go-ahead that has become too old."""
    REVOKED = "revoked"
    HELD = "held"
    """An abuse rule, or a withdrawn verdict: somebody is to talk to them again."""
    REOPENED = "reopened"
    """A person let them try again (F39)."""


_FOLLOWS: Mapping[tuple[Stage, Change], Stage] = {
    (Stage.NEW, Change.INFORMED): Stage.INFORMED,
    (Stage.INFORMED, Change.REVIEW_OPENED): Stage.IN_REVIEW,
    (Stage.IN_REVIEW, Change.APPROVED): Stage.APPROVED,
    (Stage.IN_REVIEW, Change.REJECTED): Stage.REJECTED,
    (Stage.IN_REVIEW, Change.EXPIRED): Stage.INFORMED,
    (Stage.APPROVED, Change.EXPIRED): Stage.INFORMED,
    (Stage.APPROVED, Change.HELD): Stage.INFORMED,
    (Stage.REJECTED, Change.REOPENED): Stage.INFORMED,
    (Stage.REVOKED, Change.REOPENED): Stage.INFORMED,
    **{(stage, Change.REVOKED): Stage.REVOKED for stage in Stage if stage is not Stage.REVOKED},
}


def after(stage: Stage, change: Change) -> Stage | None:
    """The stage that a change leads to; None where it does not follow: it is refused, or has been made already."""
    return _FOLLOWS.get((stage, change))


def predecessors(change: Change) -> tuple[Stage, ...]:
    """The stages from which a change may be made."""
    return tuple(stage for stage, each in _FOLLOWS if each is change)


@dataclass(frozen=True, slots=True)
class Move:
    """One move in an influencer's history. `because` names the cause: a turn, a review, a patch, or an operator's words."""

    change: Change
    stage: Stage
    because: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Influencer:
    """One person who offered to talk to voters, as one campaign knows them."""

    person: str
    campaign: str
    phone: str = field(repr=False)
    language: str
    enrolled_at: datetime
    stage: Stage = Stage.NEW
    stage_at: datetime | None = None
    """When the stage was reached; None for NEW."""
    because: str | None = None
    revision: int = 0
    """Moves made so far: the condition of the next one."""
    review: int = 0
    """The number of their last review; 0 before the first."""
    chain: str | None = None
    """The influencer who brought them (F49)."""
    patched: int = 0
    """Calls in which they talked to somebody as a voter."""
    talked_seconds: int = 0
    day: str = ""
    """The Indian day that `today` counts: `2026-11-21`."""
    today: int = 0
    """Calls of that day in which somebody was rung for them as a voter, whether anybody took the phone or not."""
    talks_today: int = 0
    """Talks of that day, and since the last go-ahead."""
    short: int = 0
    """Those of them that were short."""
    live: Mapping[str, datetime] = field(default_factory=dict)
    """Their calls that may go on: call id → the end of its lease. A call leaves when it is booked, a little after its end."""
    talks: int = 0
    """Talks since the last go-ahead."""
    complaints: int = 0
    """People who complained of them since the last go-ahead."""
    block: int = 0
    """The how-many-eth influencer of their block of ten thousand numbers they were when they came; 0 when nobody counted."""
    held: str | None = None
    """Which abuse rule sent them back to a tracker; gone with the next go-ahead."""
    promised_at: datetime | None = None
    """When they were promised to be rung back, until that was done."""
    rung_back_at: datetime | None = None
    """When a promise to them was last kept."""
    history: tuple[Move, ...] = ()

    def opened_on(self, day: date) -> int:
        """Calls of that Indian day in which a voter was rung for them."""
        return self.today if self.day == day.isoformat() else 0

    def live_beside(self, call_id: str, now: datetime) -> Mapping[str, datetime]:
        """Their other calls that may be going on, each with the end of its lease: what is not ended by then is no longer counted."""
        return {call: until for call, until in self.live.items() if call != call_id and until > now}


def moved(influencer: Influencer, change: Change, because: str, at: datetime) -> Influencer | None:
    """The influencer after a change, its cause in the history; None where the change does not follow."""
    stage = after(influencer.stage, change)
    if stage is None:
        return None
    last = influencer.history[-1].at if influencer.history else influencer.enrolled_at
    made = replace(
        influencer,
        stage=stage,
        stage_at=at,
        because=because,
        revision=influencer.revision + 1,
        history=(*influencer.history, Move(change, stage, because, max(at, last)))[-HISTORY_KEPT:],
        promised_at=influencer.promised_at if stage is Stage.INFORMED else None,
    )
    match change:
        case Change.REVIEW_OPENED:
            return replace(made, review=influencer.review + 1)
        case Change.APPROVED:
            return replace(made, held=None, talks_today=0, short=0, talks=0, complaints=0)
        case Change.HELD:
            return replace(made, held=because)
    return made


def may_be_rung_back(influencer: Influencer, once_per: timedelta, now: datetime) -> bool:
    """Whether a promise to call them back may be kept now: they wait for a tracker, and were not rung for another promise within
    `once_per`. Whoever forges their number has promises made to them at will (A21).
    """
    if influencer.stage is not Stage.INFORMED:
        return False
    return influencer.rung_back_at is None or now >= influencer.rung_back_at + once_per


# ── what takes a go-ahead back ──


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an influencer may do, and what sends them back to a tracker. Campaign content; the defaults are ours."""

    calls_per_day: int = 750
    """One person is known to have made so many (F44)."""
    calls_at_once: int = 3
    """A person makes one; the news that the last two are over may be late. More is somebody who forges the number."""
    most_short_calls: int = 20
    short_share_percent: int = 20
    """So many short talks in a day are too many where they are also more than this share of the talks."""
    most_complaints: int = 2
    complaint_share_percent: int = 2
    """The same of complaints and talks since the go-ahead: who talks to hundreds is told of by a few."""
    most_per_block: int = 50
    """Influencers from one block of ten thousand numbers: more look like a bank of SIM cards."""
    valid_for: timedelta = timedelta(days=90)
    """How long a go-ahead is good."""


class Blocked(StrEnum):
    """Why an influencer is not put through to a voter."""

    NOT_APPROVED = "not-approved"
    EXPIRED = "expired"
    HELD = "held"
    DAY_CAP = "day-cap"
    AT_ONCE = "at-once"


def may_be_patched(
    influencer: Influencer | None, limits: Limits, now: datetime, live: int = 0
) -> Blocked | None:
    """Why a voter must not be opened for this caller, who has `live` other calls; None when one may be.

    It asks the rules as well as the stage, so that a rule holds from the moment it is met and not from when somebody writes it down.
    """
    if influencer is None or influencer.stage is not Stage.APPROVED:
        return Blocked.NOT_APPROVED
    if has_expired(influencer, limits, now):
        return Blocked.EXPIRED
    if suspicion(influencer, limits) is not None:
        return Blocked.HELD
    if influencer.opened_on(india_day(now)) >= limits.calls_per_day:
        return Blocked.DAY_CAP
    if live >= limits.calls_at_once:
        return Blocked.AT_ONCE
    return None


def has_expired(influencer: Influencer, limits: Limits, now: datetime) -> bool:
    """Whether a go-ahead was given too long ago to count."""
    return (
        influencer.stage is Stage.APPROVED
        and influencer.stage_at is not None
        and now >= influencer.stage_at + limits.valid_for
    )


def suspicion(influencer: Influencer, limits: Limits) -> str | None:
    """The abuse rule that an influencer has met since their last go-ahead; None when there is none. Short calls are those of the last day
    on which somebody was rung for them. Each rule asks for a number and for a share: the one alone would hold whoever begins, the other
    whoever talks to many.
    """
    complaints, short = influencer.complaints, influencer.short
    if complaints >= limits.most_complaints and _is_over(
        limits.complaint_share_percent, complaints, influencer.talks
    ):
        return "complaints"
    if short >= limits.most_short_calls and _is_over(
        limits.short_share_percent, short, influencer.talks_today
    ):
        return "short-calls"
    return None


def _is_over(percent: int, part: int, whole: int) -> bool:
    return 100 * part > percent * whole


def is_one_of_too_many(influencer: Influencer, limits: Limits) -> bool:
    """Whether their block of numbers had brought too many influencers when they came: look twice."""
    return influencer.block > limits.most_per_block


def india_day(at: datetime) -> date:
    """The day that a moment falls on in India, where days are counted."""
    return at.astimezone(INDIA).date()
