"""The life of one patch: a call of ours in which the caller is connected to a second person, attempt by attempt.

```
connecting ◄─► bridged ─► over         the patch: slot and lease are held until it is over
dialled ─► answered ─► over            each attempt; one may be open at a time
```

An attempt only moves forward: a provider tells twice, late and out of order. A patch goes back only where whoever answered talked to nobody,
and the next is rung. The first terminal telling of an attempt stands; a second that says something else is counted, and whoever tells it
keeps it in the journal. Whether anybody talked is decided by the seconds on the line, never by the word `completed` (exotel.md, traps 6
and 7).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ringback.domain.documents import Section
from ringback.domain.legs import Ending, LegEvent, Progress
from ringback.domain.slots import Limits
from ringback.domain.turns import Disposition, Party

MOST_ATTEMPTS = 5
"""In one call: a caller does not wait longer than five phones ring, and a patch stays within its kilobyte."""

MOST_REFUSALS = 5
"""Voters that the gate refuses before a caller is told that nobody is free: each costs three requests of the second a door has."""

TELLING_LATE = timedelta(seconds=10)
"""How long after the ring limit a provider that knows how a leg ended has told so. Our assumption: its callbacks come within seconds."""

WRAP_UP = timedelta(seconds=60)
"""What a lease gives a provider to tell that a conversation is over, beyond the longest ringing and talk."""


class Kind(StrEnum):
    """Who is rung."""

    VOTER = "voter"
    TRACKER = "tracker"
    MYSTERY = "mystery"
    """A tracker in a voter's stead (X3)."""


class State(StrEnum):
    CONNECTING = "connecting"
    BRIDGED = "bridged"
    OVER = "over"


class Leg(StrEnum):
    """How far an attempt has come."""

    DIALLED = "dialled"
    ANSWERED = "answered"
    OVER = "over"


class Outcome(StrEnum):
    """What came of an attempt."""

    TALKED = "talked"
    UNHEARD = "unheard"
    """The phone was answered and nobody talked."""
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    FAILED = "failed"
    UNALLOCATED = "unallocated"
    CANCELED = "canceled"
    """The caller left while it rang."""


class Reason(StrEnum):
    """Why nobody is dialled."""

    SLOTS = "slots"
    """Every line is taken: of the account, of the number that was rung, or of those one caller may have at once."""
    NOBODY_FREE = "nobody-free"
    """The pool is empty or closed, everybody in it was refused, or no tracker is on duty."""
    CAP = "cap"
    """The caller has been patched as often as one day allows."""
    TRIES = "tries"
    """As many were rung as one call allows."""
    NOT_ALLOWED = "not-allowed"
    """Nobody's go-ahead stands behind the caller, or who they are is not known."""
    TALKED = "talked"
    """They have talked to somebody in this call."""
    LEFT = "left"
    """The call is over."""
    BACK = "back"
    """The caller is in the menu again."""


@dataclass(frozen=True, slots=True)
class Patching:
    """How a campaign patches its callers: content, `patching`."""

    pool: str
    slots: Limits
    whisper: Mapping[str, str]
    """What a voter hears before the bridge, by language: who is calling, and for whom."""
    brief: Mapping[str, str]
    """The same for a tracker."""
    mystery_brief: Mapping[str, str] = field(default_factory=dict)
    """The same for a tracker who is rung in a voter's stead. The caller cannot hear it."""
    attempts_per_call: int = 3
    calls_per_day: int = 100
    """Patches of one influencer a day, in India, in which a voter was rung."""
    calls_at_once: int = 3
    """Patches of one influencer that may go on together."""
    attempts_per_voter: int = 3
    days_between: int = 2
    per_area_per_day: int = 500
    ring_seconds: int = 30
    longest_seconds: int = 600
    mystery_percent: int = 0
    short_call_seconds: int = 10
    """Talk below this is a short call."""
    most_short_calls: int = 10
    """After so many in a day an influencer is held for review, if they are also more than the share of the day's talks."""
    short_share_percent: int = 20
    most_complaints: int = 2
    """After so many since the go-ahead an influencer is held for review, if they are also more than the share of the talks since."""
    complaint_share_percent: int = 2
    audit_percent: int = 2

    @property
    def answer_within(self) -> timedelta:
        """After this nobody takes an attempt any more, told or not."""
        return timedelta(seconds=self.ring_seconds) + TELLING_LATE

    @property
    def longest_absence(self) -> timedelta:
        """How long a caller may be away from their menu: as many phones as one call allows ring in vain, and then they talk."""
        return timedelta(seconds=self.attempts_per_call * self.ring_seconds + self.longest_seconds)

    @property
    def lease(self) -> timedelta:
        """How long an attempt that was just opened may hold its slot before the provider is asked what became of it."""
        return timedelta(seconds=self.ring_seconds + self.longest_seconds) + WRAP_UP


@dataclass(frozen=True, slots=True)
class Attempt:
    """One person rung in a patch."""

    n: int
    """From 1."""
    who: str
    """The person's id."""
    phone: str = field(repr=False)
    """E.164, so that the same question gets the same number without another read."""
    kind: Kind
    opened_at: datetime
    pool: str | None = None
    """Out of which a voter is rung; None of trackers."""
    ticket: str | None = None
    """A voter's place in the dialling order."""
    area: str | None = None
    language: str | None = None
    """In which they hear the whisper."""
    review: str | None = None
    """The review that a tracker's call opened."""
    state: Leg = Leg.DIALLED
    ending: Ending | None = None
    """As the provider told it; None of one that is over: nobody told, and its time was up."""
    is_abandoned: bool = False
    """The caller left while it rang, as far as anybody had told by then: what a provider tells of it later stands."""
    answered_at: datetime | None = None
    rang_seconds: int | None = None
    talked_seconds: int | None = None
    """None where nobody has told."""

    @property
    def is_open(self) -> bool:
        return self.state is not Leg.OVER

    @property
    def outcome(self) -> Outcome | None:
        """What came of it; None while it goes on. Answered, and nobody told how long: they are taken to have talked, so that the person
        is not rung again.
        """
        if self.is_open:
            return None
        if self.ending is None:
            return Outcome.CANCELED if self.is_abandoned else Outcome.NO_ANSWER
        if self.is_completed:
            return Outcome.UNHEARD if self.talked_seconds == 0 else Outcome.TALKED
        return Outcome(self.ending.value)

    @property
    def is_untold(self) -> bool:
        """Whether it is over for us, and nobody has told how it ended."""
        return not self.is_open and self.ending is None

    @property
    def is_completed(self) -> bool:
        """Whether the phone was answered, as far as the provider's last word goes."""
        return self.ending is Ending.COMPLETED

    @property
    def has_talked(self) -> bool:
        return self.outcome is Outcome.TALKED


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch, as it stands."""

    call_id: str
    """`exotel:<CallSid>`."""
    campaign: str
    version: int
    """Of the campaign's content that the call began with."""
    number: str
    """Ours, E.164: rung by the caller, shown to whom we dial."""
    influencer: str
    """The caller's person id."""
    party: Party
    began_at: datetime
    last_at: datetime
    """When it last moved; of one that is over, when it ended, whatever is told of it later."""
    lease_until: datetime
    state: State = State.CONNECTING
    revision: int = 0
    """Counts its changes; 0 is not stored yet."""
    attempts: tuple[Attempt, ...] = ()
    slot: str | None = None
    """The account whose slot it holds, or held; None when it never got one."""
    reason: Reason | None = None
    """Why nobody was dialled when it was asked last."""
    token: str | None = None
    """Of the state machine that waits for its end."""
    disputes: int = 0
    """Terminal tellings that said something else than the first."""
    disposition: Disposition | None = None
    audited_at: datetime | None = None
    audit: str | None = None
    """What the party's auditor said of it (F110)."""

    @property
    def is_over(self) -> bool:
        return self.state is State.OVER

    @property
    def holds_slot(self) -> bool:
        return self.slot is not None and not self.is_over

    @property
    def last(self) -> Attempt | None:
        return self.attempts[-1] if self.attempts else None

    @property
    def talked_to(self) -> Attempt | None:
        """Whom the caller talked to."""
        return next((attempt for attempt in self.attempts if attempt.has_talked), None)

    @property
    def talked_seconds(self) -> int:
        """By `talk_of`."""
        return sum(talk_of(self, attempt) for attempt in self.attempts)


def claim_of(call_id: str, n: int) -> str:
    """What the voter of a call's `n`-th attempt is claimed by, or its tracker busy with."""
    return f"{call_id}/{n}"


# what a question at the Connect URL gets


@dataclass(frozen=True, slots=True)
class Same:
    """The person who is being rung, again: nothing has changed."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Open:
    """A new attempt, the `n`-th. `patch` is what the question has told; None: nothing is stored yet."""

    n: int
    patch: Patch | None


@dataclass(frozen=True, slots=True)
class Nobody:
    """Nobody is to be dialled. `patch` is what the question has told."""

    reason: Reason
    patch: Patch | None


def next_step(
    patch: Patch | None, leg: LegEvent | None, patching: Patching, now: datetime
) -> Same | Open | Nobody:
    """Whom a question gets, which may tell of the last `leg` itself. A new attempt opens only when the last one's failure is known, or
    its time is up: questions of one call overlap, and one phone rings at a time.
    """
    if patch is None:
        return Open(1, None)
    moved = lapsed(told(patch, leg, now) if leg is not None else patch, patching, now)
    last = moved.last
    if moved.is_over:
        return Nobody(Reason.TALKED if moved.talked_to else moved.reason or Reason.LEFT, moved)
    if last is not None and last.is_open:
        return Same(last)
    if len(moved.attempts) >= min(patching.attempts_per_call, MOST_ATTEMPTS):
        return Nobody(Reason.TRIES, moved)
    return Open(len(moved.attempts) + 1, moved)


def opened(patch: Patch, attempt: Attempt, patching: Patching) -> Patch:
    """The patch with a new attempt, which must be the next and the only open one."""
    assert not patch.is_over
    assert attempt.n == len(patch.attempts) + 1
    assert all(not earlier.is_open for earlier in patch.attempts)
    return replace(
        patch,
        attempts=(*patch.attempts, attempt),
        state=State.CONNECTING,
        last_at=attempt.opened_at,
        lease_until=attempt.opened_at + patching.lease,
        reason=None,
    )


# what is told of it


def told(patch: Patch, leg: LegEvent, now: datetime) -> Patch:
    """The patch after a provider's telling of a leg; the same patch when it brings nothing new or is about nobody we rang.

    Once somebody has talked and the conversation is over, so is the patch.
    """
    attempt = whom(patch, leg)
    if attempt is None:
        return patch
    after, is_disputed = _moved(attempt, leg, now)
    if after == attempt and not is_disputed:
        return patch
    attempts = tuple(after if each.n == after.n else each for each in patch.attempts)
    moved = replace(patch, attempts=attempts, disputes=patch.disputes + is_disputed)
    if patch.is_over:
        return moved
    return replace(
        moved, state=_state(attempts), last_at=min(now, max(patch.last_at, leg.occurred_at or now))
    )


def whom(patch: Patch, leg: LegEvent) -> Attempt | None:
    """The attempt that a telling is about: by its number in the address it was told at, by the phone, or because there was only one."""
    if leg.attempt is not None:
        named = next((attempt for attempt in patch.attempts if attempt.n == leg.attempt), None)
        return named if named is None or leg.number in (None, named.phone) else None
    if leg.number is None:
        return patch.attempts[0] if len(patch.attempts) == 1 else None
    return next((attempt for attempt in reversed(patch.attempts) if attempt.phone == leg.number), None)


def lapsed(patch: Patch, patching: Patching, now: datetime) -> Patch:
    """The patch with an attempt closed that nobody took in time and nobody told of."""
    last = patch.last
    if last is None or last.state is not Leg.DIALLED or now < last.opened_at + patching.answer_within:
        return patch
    return replace(patch, attempts=(*patch.attempts[:-1], replace(last, state=Leg.OVER)), last_at=now)


def ended(patch: Patch, reason: Reason, at: datetime) -> Patch:
    """The patch when nothing more can come: the caller has left, or nobody else will be dialled. The same patch when it was over. Whatever
    was told of it before does not come after its end.

    Who was still being rung is left alone; with whom the caller was connected, they talked: nobody told how long.
    """
    if patch.is_over:
        return patch
    attempts = tuple(_cut_off(attempt) if attempt.is_open else attempt for attempt in patch.attempts)
    return replace(patch, attempts=attempts, state=State.OVER, reason=reason, last_at=max(at, patch.last_at))


def came_to(patch: Patch | None) -> tuple[bool, Reason | None]:
    """Whether the caller talked to somebody, and if nobody was even rung, why."""
    if patch is None:
        return False, Reason.NOBODY_FREE
    if patch.attempts:
        return patch.talked_to is not None, None
    return False, patch.reason or Reason.NOBODY_FREE


def talk_of(patch: Patch, attempt: Attempt) -> int:
    """How many seconds the two of an attempt talked, for whoever charges, counts or judges it: `known_talk`, and one second where
    nobody told anything.
    """
    known = known_talk(patch, attempt)
    return 1 if known is None else known


def known_talk(patch: Patch, attempt: Attempt) -> int | None:
    """How many seconds the two of an attempt talked: as told, or else from the answer to the end of the patch, for the caller's end may
    be told before the leg's, and the leg's never. None where they talked and neither was told.
    """
    if attempt.talked_seconds is not None or not attempt.has_talked:
        return attempt.talked_seconds or 0
    if attempt.answered_at is None:
        return None
    return max(1, round((patch.last_at - attempt.answered_at).total_seconds()))


def is_audited(patch: Patch, percent: int) -> bool:
    """Whether a call is in the sample that the party's auditor looks at (F110): of the conversations with voters alone, and always the
    same ones. A talk with a tracker ends in a verdict of its own.
    """
    if not patch.is_over or patch.talked_to is None or patch.talked_to.kind is not Kind.VOTER:
        return False
    digest = hashlib.sha256(f"audit\0{patch.call_id}".encode()).digest()
    return int.from_bytes(digest[:4]) % 100 < percent


def _moved(attempt: Attempt, leg: LegEvent, now: datetime) -> tuple[Attempt, bool]:
    """The attempt after a telling, and whether the telling contradicts what stands."""
    at = leg.occurred_at or now
    match leg.event:
        case Progress.ANSWERED if attempt.state is Leg.DIALLED:
            return replace(attempt, state=Leg.ANSWERED, answered_at=at, rang_seconds=leg.rang_seconds), False
        case Progress.TERMINAL if leg.status is not None:
            if attempt.ending is Ending.UNALLOCATED and leg.status is Ending.FAILED:
                return attempt, False  # the same, told less exactly
            is_exacter = attempt.ending is Ending.FAILED and leg.status is Ending.UNALLOCATED
            if attempt.ending not in (None, leg.status) and not is_exacter:
                return attempt, True
            return _closed(attempt, leg, leg.status, at), False
    return attempt, False


def _closed(attempt: Attempt, leg: LegEvent, ending: Ending, at: datetime) -> Attempt:
    """What stands is only added to. A leg that was answered before its failure was told had been taken, whatever the last word."""
    talked = attempt.talked_seconds if attempt.talked_seconds is not None else leg.talked_seconds
    if talked is None and attempt.is_open and attempt.answered_at is not None:
        talked = max(0, round((at - attempt.answered_at).total_seconds()))
    return replace(
        attempt,
        state=Leg.OVER,
        ending=ending,
        rang_seconds=attempt.rang_seconds if attempt.rang_seconds is not None else leg.rang_seconds,
        talked_seconds=talked if ending is Ending.COMPLETED else attempt.talked_seconds,
    )


def _state(attempts: Sequence[Attempt]) -> State:
    if any(attempt.state is Leg.ANSWERED for attempt in attempts):
        return State.BRIDGED
    if any(attempt.has_talked for attempt in attempts) and not any(attempt.is_open for attempt in attempts):
        return State.OVER
    return State.CONNECTING


def _cut_off(attempt: Attempt) -> Attempt:
    if attempt.state is Leg.ANSWERED:
        return replace(attempt, state=Leg.OVER, ending=Ending.COMPLETED)
    return replace(attempt, state=Leg.OVER, is_abandoned=True)


# content


def read_patching(section: Section, languages: Sequence[str]) -> Patching:
    """Read `patching`; `pool`, `slots`, `whisper` and `brief` must be there. `languages` are those that the campaign speaks."""
    slots = section.section("slots")
    patching = Patching(
        pool=section.text("pool"),
        slots=Limits(slots.integer("account"), slots.integer("per_number")),
        whisper=section.translations("whisper", languages),
        brief=section.translations("brief", languages),
        mystery_brief=section.translations("mystery_brief", languages)
        if section.has("mystery_percent")
        else {},
        **{name: section.integer(name) for name in _WHOLE_NUMBERS if section.has(name)},
        **{name: _percent(section, name) for name in _PERCENTAGES if section.has(name)},
    )
    if patching.attempts_per_call > MOST_ATTEMPTS:
        section.problem("attempts_per_call", f"must be at most {MOST_ATTEMPTS}")
    return patching


_WHOLE_NUMBERS = (
    *("attempts_per_call", "calls_per_day", "attempts_per_voter", "days_between", "per_area_per_day"),
    *("ring_seconds", "longest_seconds", "short_call_seconds", "most_short_calls", "most_complaints"),
    "calls_at_once",
)
_PERCENTAGES = ("mystery_percent", "audit_percent", "short_share_percent", "complaint_share_percent")


def _percent(section: Section, name: str) -> int:
    value = section.integer(name)
    if value > 100:
        section.problem(name, "must be at most 100")
    return value
