"""Voter pools: who waits to be rung, in which order, and what becomes of a voter after each attempt.

```
queued ─► claimed ─► reached                 (they talked: never rung again)
  │          ├─────► waiting ─► queued …     (nobody answered: a new ticket when the days are over)
  │          └─────► dropped                 (bad number, too many attempts, …)
  ├─► waiting | dropped                      (the policy gate said not now, or never)
  └─► queued                                 (whoever took the ticket died before claiming: a new ticket)
```

A *ticket* is a place in the dialling order. A voter is bound to one ticket at a time, and a claim names the ticket it was taken with,
so a ticket taken once is worth nothing after the voter has got another.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from zlib import crc32

from ringback.domain.rules import Window

SHARDS = 8
"""Cursors of a pool unless it was made with another number: a cursor takes 1,000 claims a second."""

BLOCK = 500
"""Tickets at most in a block: 500 person ids are 13 KB, a read of four units that serves 500 claims."""


class PoolState(StrEnum):
    LOADING = "loading"
    """New: nobody is rung before a person opens it."""
    OPEN = "open"
    PAUSED = "paused"
    DRAINING = "draining"
    """The tickets that are out are rung, no new ones are given; then it is closed."""
    CLOSED = "closed"


_MAY_FOLLOW: Mapping[PoolState, tuple[PoolState, ...]] = {
    PoolState.LOADING: (PoolState.OPEN, PoolState.CLOSED),
    PoolState.OPEN: (PoolState.PAUSED, PoolState.DRAINING, PoolState.CLOSED),
    PoolState.PAUSED: (PoolState.OPEN, PoolState.DRAINING, PoolState.CLOSED),
    PoolState.DRAINING: (PoolState.OPEN, PoolState.PAUSED, PoolState.CLOSED),
    PoolState.CLOSED: (PoolState.OPEN,),
}

CLAIMS_SETTLE = timedelta(days=1)
"""How long after a pool is closed the last of its claims may be settled: calls end, and `reconcile` finds what they leave, much sooner."""

GIVES_TICKETS = (PoolState.OPEN, PoolState.DRAINING)
"""States in which voters are rung."""


def predecessors(after: PoolState) -> tuple[PoolState, ...]:
    """The states from which `after` may be reached."""
    return tuple(before for before, followers in _MAY_FOLLOW.items() if after in followers)


@dataclass(frozen=True, slots=True)
class Pool:
    """One pool of a campaign; `id` is `<campaign>/<name>`."""

    id: str
    state: PoolState
    shards: int
    opened_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def campaign(self) -> str:
        return self.id.partition("/")[0]

    def may_have_claims(self, now: datetime) -> bool:
        """Whether a call that rings one of its voters may be going on, or not be settled yet."""
        if self.opened_at is None:
            return False
        return self.closed_at is None or now < self.closed_at + CLAIMS_SETTLE


def pool_id(campaign: str, name: str) -> str:
    return f"{campaign}/{name}"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A place in a pool's dialling order, taken: nobody else gets it."""

    pool: str
    person: str
    name: str
    """`<block>-<place>`: what the voter's row must still say."""


def shard_of(key: str, shards: int) -> int:
    """The shard that a claim begins with, or that counts a person: spread evenly, and the same for the same key."""
    return crc32(key.encode()) % shards


class State(StrEnum):
    QUEUED = "queued"
    CLAIMED = "claimed"
    WAITING = "waiting"
    REACHED = "reached"
    DROPPED = "dropped"


class Outcome(StrEnum):
    """What became of an attempt to ring a voter."""

    REACHED = "reached"
    """The two talked."""
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    CANCELLED = "cancelled"
    """The caller hung up while it rang."""
    DECLINED = "declined"
    """They took the phone, and put it down when they heard who was calling."""
    BAD_NUMBER = "bad-number"
    """Nobody has the number."""
    FAILED = "failed"
    """The network could not put the call through."""


_TRIED_AGAIN = (Outcome.NO_ANSWER, Outcome.BUSY, Outcome.CANCELLED, Outcome.FAILED)


def is_final(outcome: Outcome) -> bool:
    """Whether somebody is never rung again after such an attempt."""
    return outcome not in _TRIED_AGAIN


ATTEMPTS = "attempts"
"""The rule that drops a voter who was rung as often as the campaign allows."""


@dataclass(frozen=True, slots=True)
class Consent:
    """On what ground a voter may be rung, where the proof of it is, and since when."""

    basis: str
    evidence: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Leaning:
    """What a caller keyed in about a voter after an attempt."""

    at: datetime
    claim: str
    """`<call id>/<attempt>`: the attempt in which they had talked."""
    disposition: str


@dataclass(frozen=True, slots=True)
class Voter:
    """One voter of one pool. What nobody has found out is None and speaks against a call."""

    pool: str
    person: str
    phone: str = field(repr=False)
    """E.164."""
    language: str
    ticket: str
    area: str | None = None
    name: str | None = field(default=None, repr=False)
    """Never read out."""
    consent: Consent | None = None
    is_dnd: bool | None = None
    """Whether they are on the do-not-disturb list; None when nobody has looked."""
    dnd_checked_at: datetime | None = None
    state: State = State.QUEUED
    claim: str | None = None
    """`<call id>/<attempt>` of the latest attempt; None before the first and once a new ticket is given."""
    attempts: int = 0
    """Claims, the present one included: each may have rung."""
    last_at: datetime | None = None
    """Of the latest claim."""
    outcome: Outcome | None = None
    """Of the latest attempt that ended."""
    rule: str | None = None
    """Why the voter waits or was dropped, where no outcome says it."""
    due_at: datetime | None = None
    leaning: str | None = None
    """The latest disposition that a caller keyed in."""
    leanings: tuple[Leaning, ...] = ()
    """All of them, the earliest first (F51)."""


@dataclass(frozen=True, slots=True)
class Rung:
    """What came of ringing one person out of any of a campaign's pools: lists overlap, and nobody is rung more for standing in two."""

    attempts: int = 0
    last_at: datetime | None = None
    settled: Outcome | None = None
    """The outcome after which they are never rung again."""

    def and_in(self, voter: Voter) -> "Rung":
        """With what their row in one pool knows, which may be from before the campaign kept this."""
        latest = max(filter(None, (self.last_at, voter.last_at)), default=None)
        return replace(self, attempts=max(self.attempts, voter.attempts), last_at=latest)

    def and_now_in(self, other: Voter) -> "Rung":
        """With the attempt that goes on out of another pool, which counts here when it is settled."""
        if other.state is not State.CLAIMED:
            return self
        latest = max(filter(None, (self.last_at, other.last_at)), default=None)
        return replace(self, attempts=self.attempts + 1, last_at=latest)


def is_claimable(voter: Voter | None, ticket: Ticket) -> bool:
    """Whether a ticket taken just now may still be claimed: the voter waits to be rung with this very ticket."""
    return voter is not None and voter.state is State.QUEUED and voter.ticket == ticket.name


@dataclass(frozen=True, slots=True)
class Redial:
    """How often a voter may be rung, and how long they are left alone in between."""

    attempts_per_voter: int
    days_between: int
    window: Window
    """The hours in which the campaign may ring people."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Where a voter stands after an attempt, or after the gate's word. `due_at` is set just for `State.WAITING`."""

    state: State
    due_at: datetime | None = None
    outcome: Outcome | None = None
    rule: str | None = None


def after_outcome(attempts: int, outcome: Outcome, redial: Redial, now: datetime) -> Settled:
    """What becomes of a claimed voter, rung `attempts` times by now, when the attempt has ended in `outcome`.

    Nobody answered: not again before `days_between` days are over, then at the first moment at which people may be rung; unless
    that was the last attempt.
    """
    if outcome is Outcome.REACHED:
        return Settled(State.REACHED, outcome=outcome)
    if outcome not in _TRIED_AGAIN:
        return Settled(State.DROPPED, outcome=outcome, rule=str(outcome))
    if attempts >= redial.attempts_per_voter:
        return Settled(State.DROPPED, outcome=outcome, rule=ATTEMPTS)
    return Settled(State.WAITING, _when(now + timedelta(days=redial.days_between), redial.window), outcome)


def may_settle(voter: Voter, claim: str, outcome: Outcome) -> bool:
    """Whether an outcome of `claim` changes where the voter stands: the first one does, and that they talked does after all."""
    if voter.claim != claim:
        return False
    return voter.state is State.CLAIMED or (outcome is Outcome.REACHED and voter.state is not State.REACHED)


def refused(rule: str) -> Settled:
    """What becomes of a queued voter whom the gate says never to ring."""
    return Settled(State.DROPPED, rule=rule)


def held(rule: str, until: datetime) -> Settled:
    """What becomes of a queued voter whom the gate says not to ring before `until`."""
    return Settled(State.WAITING, until, rule=rule)


def counts(before: Voter, after: Settled) -> dict[str, int]:
    """What the move of a voter adds to their pool's standing: `reached`, `waiting`, `dropped <rule>`. Who is queued or claimed is
    seen from the tickets.
    """
    changed = Counter([_count(after.state, after.rule)])
    changed[_count(before.state, before.rule)] -= 1
    return {name: n for name, n in changed.items() if n and name}


def _count(state: State, rule: str | None) -> str:
    match state:
        case State.DROPPED:
            return f"{state} {rule}"
        case State.WAITING | State.REACHED:
            return str(state)
    return ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How many of a pool's voters stand where. From the cursors it may be behind by whoever died in between; a recount is exact."""

    loaded: int
    queued: int
    claimed: int
    """On a call, or about to be."""
    waiting: int
    reached: int
    dropped: Mapping[str, int]
    """By rule."""

    def counts(self) -> Counter[str]:
        """What is counted one by one, by the names that `counts` gives; who is queued or claimed follows from it."""
        dropped = {_count(State.DROPPED, rule): n for rule, n in self.dropped.items()}
        return Counter(dropped | {"loaded": self.loaded, "waiting": self.waiting, "reached": self.reached})


def standing(everybody: Iterable[Voter]) -> Standing:
    """Count voters one by one."""
    states: Counter[State] = Counter()
    dropped: Counter[str] = Counter()
    for voter in everybody:
        states[voter.state] += 1
        if voter.state is State.DROPPED:
            dropped[voter.rule or ""] += 1
    return Standing(
        loaded=states.total(),
        queued=states[State.QUEUED],
        claimed=states[State.CLAIMED],
        waiting=states[State.WAITING],
        reached=states[State.REACHED],
        dropped=dropped,
    )


def _when(earliest: datetime, window: Window) -> datetime:
    return earliest if window.is_open(earliest) else window.next_opening(earliest)
