"""Voter pools at work: tickets for calls, what became of each voter, and new tickets for those who are to be rung again."""

import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from ringback.domain import pools
from ringback.domain.errors import Conflict, NotFound, Rejected
from ringback.domain.pools import (
    BLOCK,
    GIVES_TICKETS,
    Outcome,
    Pool,
    PoolState,
    Redial,
    Settled,
    Standing,
    State,
    Ticket,
    Voter,
    may_settle,
    shard_of,
)
from ringback.runtime import Runtime
from ringback.store import pools as store
from ringback.store import voters
from ringback.store.pools import Block, Cursor, Dispenser

FRESH_SECONDS = 5.0
"""How long a process goes by what it knows of a pool: as long as a pause may take to be in force everywhere."""

LOST_AFTER = timedelta(minutes=10)
"""When a ticket that was taken and never claimed is given up: a door answers, or is dead, within a minute."""

REISSUED_AT_MOST = 1_200
"""New tickets for one pool in a run of `release`: as many as a minute of 20 calls a second takes."""

_RACES = 8
"""How often a voter is settled again who moved on meanwhile."""

SWEPT_AT_MOST = 2_000
"""Positions of one shard in a run of `reconcile`: five minutes of 50 claims a second, over eight shards, are as many."""


class Pools:
    """Gives tickets to calls and settles what they come to. Make one for a process: it keeps pools and blocks at hand."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._fresh_seconds = min(FRESH_SECONDS, runtime.settings.catalog_cache_seconds)
        self._dispenser = Dispenser(self._fresh_seconds)
        self._pools: dict[str, tuple[float, Pool | None]] = {}
        self._queued: dict[str, tuple[float, int]] = {}
        self._others: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._uncounted: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def pool(self, pool_id: str) -> Pool | None:
        """A pool as it was at most `FRESH_SECONDS` ago; None when there is none by that id."""
        asked_at, pool = self._pools.get(pool_id, (float("-inf"), None))
        if time.monotonic() - asked_at > self._fresh_seconds:
            pool = store.load(pool_id)
            self._pools[pool_id] = (time.monotonic(), pool)
        return pool

    def others(self, pool_id: str) -> tuple[str, ...]:
        """The campaign's other pools out of which somebody may be rung, as they were at most `FRESH_SECONDS` ago. At most one request."""
        asked_at, others = self._others.get(pool_id, (float("-inf"), ()))
        if time.monotonic() - asked_at > self._fresh_seconds:
            now, campaign = self._runtime.clock.now(), pool_id.partition("/")[0]
            live = (each.id for each in store.every(campaign) if each.may_have_claims(now))
            others = tuple(each for each in live if each != pool_id)
            self._others[pool_id] = (time.monotonic(), others)
        return others

    def has_tickets(self, pool_id: str) -> bool:
        """Whether the pool gave tickets, and had any, at most `FRESH_SECONDS` ago. At most two requests."""
        pool = self.pool(pool_id)
        if pool is None or pool.state not in GIVES_TICKETS:
            return False
        asked_at, queued = self._queued.get(pool_id, (float("-inf"), 0))
        if time.monotonic() - asked_at > self._fresh_seconds:
            queued = store.standing(pool).queued
            self._queued[pool_id] = (time.monotonic(), queued)
        return queued > 0

    def take(self, pool_id: str, claim: str) -> Ticket | None:
        """The next ticket for a call's attempt (`claim` is `<call id>/<attempt>`, and chooses the shard); None when the pool gives
        none: `pool` tells whether it is paused or closed, or else it is empty.

        One conditional update, and where the ticket's block is not at hand one query. Whoever takes a ticket reads the voter
        (`store.voters.load_known`), skips them unless `domain.pools.is_claimable`, and then either sets them aside or
        claims them (`store.voters.add_claim`). A ticket dropped in between is given again after `LOST_AFTER`.
        """
        pool = self.pool(pool_id)
        if pool is None or pool.state not in GIVES_TICKETS:
            return None
        uncounted = self._uncounted[pool_id]
        ticket = self._dispenser.take(pool, shard_of(claim, pool.shards), uncounted)
        if ticket is not None:
            uncounted.clear()
        return ticket

    def set_aside(self, voter: Voter, ticket: Ticket, settled: Settled) -> bool:
        """Write what the gate said of a voter instead of a claim (`domain.pools.refused`, `held`). One conditional update; it is
        counted along with the next ticket. False when the ticket is no longer theirs.
        """
        if not voters.set_aside(ticket, settled):
            return False
        self._uncounted[ticket.pool].update(pools.counts(voter, settled))
        return True

    def settle(self, pool_id: str, person: str, claim: str, outcome: Outcome, redial: Redial) -> bool:
        """Write what a claim came to: one read, one transaction, one count. A repeat, a late worker, and an outcome that
        contradicts an earlier one change nothing and return False; that they talked stands after all.
        """
        for _ in range(_RACES):
            voter = voters.load(pool_id, person)
            if voter is None or not may_settle(voter, claim, outcome):
                return False
            settled = pools.after_outcome(voter.attempts, outcome, redial, self._runtime.clock.now())
            if voters.settle(voter, settled):
                store.count(find(pool_id), person, pools.counts(voter, settled))
                return True
        raise Conflict("a voter moved on each time they were looked at")


def find(pool_id: str) -> Pool:
    """A pool, read now; `NotFound` when there is none by that id."""
    pool = store.load(pool_id)
    if pool is None:
        raise NotFound(f"there is no pool {pool_id}: `ringback pool load` makes one")
    return pool


def change(runtime: Runtime, pool_id: str, after: PoolState) -> Pool:
    """Open, pause, drain or close a pool; what it is already, it becomes again. In force everywhere within `FRESH_SECONDS`.

    `Rejected` when that does not follow from what it is.
    """
    moved = store.move(pool_id, after, runtime.clock.now())
    if moved is None:
        raise Rejected(f"{pool_id} is {find(pool_id).state}: it cannot become {after}")
    return moved


def recount(pool_id: str, on_voter: Callable[[], object] = lambda: None) -> tuple[Standing, Counter[str]]:
    """Count a pool's voters one by one and put the cursors' counts right; returns where they stand, and by how much each was off.

    Reads the whole table. Who moves meanwhile may be counted as they were; run it while few calls are made.
    """

    def watched(everybody: Iterable[Voter]) -> Iterator[Voter]:
        for voter in everybody:
            on_voter()
            yield voter

    pool = find(pool_id)
    exact = pools.standing(watched(voters.every(pool_id)))
    drift = exact.counts()
    drift.subtract(store.standing(pool).counts())
    off = Counter({name: n for name, n in drift.items() if n})
    store.count(pool, pool_id, off)
    return exact, off


def reissue_due(runtime: Runtime, has_time: Callable[[], bool] = lambda: True) -> int:
    """Give new tickets to those whose days are over, in every pool that is not draining; close pools that have drained.

    Returns how many got one. At most `REISSUED_AT_MOST` in a pool, and none when `has_time` says so: the rest is due in the next run.
    """
    given, now = 0, runtime.clock.now()
    for pool in store.every():
        if not has_time():
            break
        if pool.state in (PoolState.OPEN, PoolState.PAUSED):
            given += _reissue_due(pool, now)
        elif pool.state is PoolState.DRAINING and store.standing(pool).queued == 0:
            store.move(pool.id, PoolState.CLOSED, now)
    return given


def sweep(runtime: Runtime) -> int:
    """Give new tickets to those whose ticket was taken and never claimed; returns how many got one.

    Every position is seen to once, at least `LOST_AFTER` after it was taken, `SWEPT_AT_MOST` of a shard in a run.
    """
    given, now = 0, runtime.clock.now()
    for pool in store.every():
        if pool.state in (PoolState.OPEN, PoolState.PAUSED):
            for cursor in store.cursors(pool):
                given += _sweep(pool, cursor, now)
    return given


def _reissue_due(pool: Pool, now: datetime) -> int:
    for shard in range(pool.shards):
        store.let_out(pool.id, shard)
    people = list(islice(voters.due(pool.id, now), REISSUED_AT_MOST))
    waiting = [
        voter
        for voter in voters.load_many(pool.id, people).values()
        if voter.state is State.WAITING and voter.due_at is not None and voter.due_at <= now
    ]
    return _reissue(pool, waiting)


def _sweep(pool: Pool, cursor: Cursor, now: datetime) -> int:
    if cursor.mark is None or cursor.marked_at is None or cursor.swept >= cursor.mark:
        if cursor.next > cursor.swept:
            store.mark(pool.id, cursor, now)
        return 0
    if now - cursor.marked_at < LOST_AFTER:
        return 0
    up_to = min(cursor.mark, cursor.swept + SWEPT_AT_MOST)
    given = _reissue(pool, _unclaimed(pool, cursor, up_to))
    store.sweep(pool.id, cursor, up_to)
    return given


def _unclaimed(pool: Pool, cursor: Cursor, up_to: int) -> list[Voter]:
    """Who is still queued with a ticket of the positions to sweep."""
    tickets: dict[str, set[str]] = defaultdict(set)
    for start, block in store.blocks(pool.id, cursor.shard, cursor.swept, up_to):
        for place, person in enumerate(block.people):
            if cursor.swept <= start + place < up_to:
                tickets[person].add(block.ticket(place))
    found = voters.load_many(pool.id, tickets)
    return [v for v in found.values() if v.state is State.QUEUED and v.ticket in tickets[v.person]]


def _reissue(pool: Pool, people: Iterable[Voter]) -> int:
    """Queue voters at the tails. First the block, then the voters, then the tail: nobody is given a ticket that is not yet theirs,
    and a crash in between leaves everybody where a later run finds them.
    """
    by_shard: dict[int, list[Voter]] = defaultdict(list)
    for voter in people:
        by_shard[shard_of(voter.person, pool.shards)].append(voter)
    given = 0
    for shard, queue in by_shard.items():
        for at in range(0, len(queue), BLOCK):
            given += _reissue_block(pool, shard, queue[at : at + BLOCK])
    return given


def _reissue_block(pool: Pool, shard: int, queue: Sequence[Voter]) -> int:
    block = Block(_name(shard, queue), [voter.person for voter in queue])
    start = store.place(pool.id, shard, block)
    moved = [voter for place, voter in enumerate(queue) if voters.requeue(voter, block.ticket(place))]
    store.advance(pool.id, shard, start, block)
    if waited := sum(voter.state is State.WAITING for voter in moved):
        store.count(pool, queue[0].person, {str(State.WAITING): -waited})
    return len(moved)


def _name(shard: int, queue: Sequence[Voter]) -> str:
    """The name of a block of new tickets, from the tickets that they replace: the same block again has the same name."""
    replaced = " ".join(f"{voter.person}:{voter.ticket}" for voter in queue)
    return f"r{hashlib.sha256(replaced.encode()).hexdigest()[:12]}.{shard}"
