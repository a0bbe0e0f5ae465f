"""Trackers: who is on duty and free, who takes the next call, and how a PIN proves who is speaking."""

import hashlib
import hmac
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from ringback.domain.documents import Section

_PIN = re.compile(r"\d{4,6}")
PIN_MEANS = "four to six digits, not all the same and not in a row"

OWES_FOR = timedelta(hours=2)
"""After a call: an hour in which its end must be told, and then time for the verdict."""

LEASE = timedelta(minutes=30)
"""How long a tracker counts as busy with a call whose end we never hear of."""


@dataclass(frozen=True, slots=True)
class Tracker:
    """One person who talks to influencers for a campaign. Enrolled by an operator, never by a call."""

    campaign: str
    person: str
    phone: str = field(repr=False)
    name: str
    """Short, for operators; holds no number."""
    pin: str = field(repr=False)
    """`pin_hash` of it."""
    languages: tuple[str, ...] = ()
    """What they speak; empty: nobody has said."""
    mystery: bool = False
    """Whether they may be rung in a voter's stead (F109)."""
    on_duty: bool = False
    duty_at: datetime | None = None
    busy_call: str | None = None
    """`<call id>/<attempt>` that they were taken for."""
    busy_until: datetime | None = None
    reviews_given: int = 0
    last_call_at: datetime | None = None
    pending: frozenset[str] = frozenset()
    """Reviews that wait for their verdict."""
    hour: str = ""
    """The hour that `approvals` counts: `2026-11-21T10`, UTC."""
    approvals: int = 0
    wrong_pins: int = 0
    locked_until: datetime | None = None

    def is_busy(self, now: datetime) -> bool:
        return self.busy_until is not None and now < self.busy_until

    def is_free(self, now: datetime) -> bool:
        """Whether they may be rung with an influencer on the line. Nobody gets a second talk while they owe a verdict on the last: they
        might give it for the wrong person.
        """
        return self.on_duty and not self.is_busy(now) and not self.owes(now)

    def owes(self, now: datetime) -> bool:
        """Whether a verdict of theirs is waited for. What stands there longer than any is waited for was left behind by a crash."""
        is_fresh = self.last_call_at is None or now - self.last_call_at < OWES_FOR
        return bool(self.pending) and is_fresh

    def is_locked(self, now: datetime) -> bool:
        return self.locked_until is not None and now < self.locked_until

    def approved_in(self, hour: str) -> int:
        return self.approvals if self.hour == hour else 0


def in_turn(
    trackers: Iterable[Tracker], language: str, exclude: Collection[str], now: datetime
) -> list[Tracker]:
    """The free trackers, the one whose turn it is first: who speaks the language, has been idle the longest, and has given the fewest
    reviews. `exclude` are the people who must not be asked: those asked before, and the influencer.
    """
    free = [each for each in trackers if each.is_free(now) and each.person not in exclude]
    never = datetime.min.replace(tzinfo=now.tzinfo)
    return sorted(
        free,
        key=lambda each: (
            language not in each.languages,
            each.last_call_at or never,
            each.reviews_given,
            each.person,
        ),
    )


def hour_of(at: datetime) -> str:
    """The hour that approvals are counted by."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H}"


# ── PINs ──


def is_fit_pin(pin: str) -> bool:
    """Whether a PIN is not among the first that anybody would try."""
    if not (_PIN.fullmatch(pin) and pin.isascii()):
        return False
    steps = {int(later) - int(earlier) for earlier, later in pairwise(pin)}
    return steps not in ({0}, {1}, {-1})


def pin_hash(pepper: bytes, person: str, pin: str) -> str:
    """What is stored in a PIN's place: worthless without the pepper, and with another person."""
    return hmac.new(pepper, f"pin\0{person}\0{pin}".encode(), hashlib.sha256).hexdigest()


def is_pin(pepper: bytes, tracker: Tracker, digits: str) -> bool:
    """Whether these are the tracker's digits; takes the same time for any."""
    return hmac.compare_digest(pin_hash(pepper, tracker.person, digits), tracker.pin)


@dataclass(frozen=True, slots=True)
class PinLimits:
    """How many wrong PINs are too many (A20). Campaign content, `reviews.pin`; the defaults are ours.

    Four digits are 10,000 PINs: who forges the numbers of trackers has 40 wrong ones before the alarm, and then one for each tracker. Who
    forges a tracker's number uses up that tracker's one try; a tracker with a wrong try standing waits out `locked_for`, or for `ringback
    trackers unlock`.
    """

    most_wrong: int = 5
    """By one tracker's telephone in a row."""
    most_wrong_together: int = 40
    """By all telephones that ring the campaign, known or not, in `window`. Then each tracker has one try for `locked_for`, so that who
    guesses, from whatever telephone, keeps no honest tracker out.
    """
    window: timedelta = timedelta(hours=1)
    locked_for: timedelta = timedelta(hours=1)


def read_pin_limits(section: Section) -> PinLimits:
    """Read `reviews.pin`; every key of it may be left out."""
    usual = PinLimits()
    return PinLimits(
        most_wrong=section.integer("most_wrong") if section.has("most_wrong") else usual.most_wrong,
        most_wrong_together=section.integer("most_wrong_together")
        if section.has("most_wrong_together")
        else usual.most_wrong_together,
        window=section.duration("window", usual.window),
        locked_for=section.duration("locked_for", usual.locked_for),
    )


@dataclass(frozen=True, slots=True)
class Identified:
    """Somebody gave the PIN of the tracker whose telephone they ring from."""

    tracker: Tracker
    review: str | None
    """The review that they have in mind (`domain.reviews.meant`); None when none waits for their verdict."""

    @property
    def fields(self) -> Mapping[str, str]:
        """What their call is told: who speaks, and which review is meant; an empty one, too, stands before what the call knew."""
        return {"tracker": self.tracker.person, "review": self.review or ""}


def was_identified(fields: Mapping[str, str], tracker: Tracker) -> bool:
    """Whether the tracker's PIN was given in the call that knows these fields: the door notes it there."""
    return fields.get("tracker") == tracker.person
