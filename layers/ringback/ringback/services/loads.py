"""Loading voters into a pool: 12 lakh of them in bounded memory, in a given or a shuffled order, as often as it takes.

The list goes through a file on this machine's disk, which finds repetitions and sorts. Then voters are written, and when all are
there, their tickets: nobody is rung out of half a load. Loading the same list again goes on where it stopped; when it was finished
it changes nothing, and what is known of voters who are in the pool already is never touched.
"""

import json
import random
import secrets
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TypeVar

from ringback.domain import loads
from ringback.domain.errors import Conflict
from ringback.domain.loads import Listed, Order
from ringback.domain.phones import person_id
from ringback.domain.pools import BLOCK, SHARDS, Pool
from ringback.runtime import Runtime
from ringback.store import pools, voters
from ringback.store.pools import Block
from ringback.store.tables import Attributes

T = TypeVar("T")
Watch = Callable[[str, int, int], object]
"""Is told what is being done, how much of it is done, and of how much."""

WRITERS = 4
"""Requests at a time."""

_BATCH = 25
_IN_FLIGHT = 4 * WRITERS
_LOCKED_FOR = timedelta(minutes=2)
_LONGEST_PAUSE_SECONDS = 20.0

_WRITING, _QUEUEING, _DONE = "voters", "blocks", "done"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load came to."""

    load: str
    added: int
    known: int
    """In the pool before."""
    was_done: bool
    """The same list was loaded before: nothing was changed."""


class Spool:
    """A list on disk, each person once: the first row that names them stands. Memory is bounded whatever its length."""

    def __init__(self, pepper: bytes, campaign: str, path: Path, order: Order, seed: int) -> None:
        self._pepper = pepper
        self._campaign = campaign
        self._seed = seed if order is Order.SHUFFLED else None
        self._db = sqlite3.connect(path)
        self._db.executescript(_SCHEMA)

    def add(self, listed: Listed) -> bool:
        """Take in a row; False when the list has named the person before."""
        person = person_id(self._pepper, self._campaign, listed.phone)
        key = loads.shuffle_key(self._seed, person) if self._seed is not None else None
        row = (key, person, json.dumps(listed.told()))
        return self._db.execute(_INSERT, row).rowcount == 1

    def close(self) -> None:
        self._db.close()

    def __len__(self) -> int:
        """How many people would be added."""
        (n,) = self._db.execute("SELECT count(*) FROM listed WHERE NOT known").fetchone()
        return int(n)

    def compare(self, pool: str, load: str, watch: Watch) -> int:
        """Mark whom other loads brought, and note the tickets this one has given; returns how many others brought."""
        total, known = len(self), 0
        for done, people in enumerate(_chunks(self._everybody(), 100)):
            stored = voters.stored(pool, people)
            for person, (by, ticket) in stored.items():
                known += by != load
                mine = (by != load, ticket if by == load else None, person)
                self._db.execute("UPDATE listed SET known = ?, ticket = ? WHERE person = ?", mine)
            watch("Looking for known voters", min(total, 100 * (done + 1)), total)
        return known

    def keep_stored(self) -> None:
        """Leave out who was not written: the load has got as far as its tickets, so whoever is new would be without a row."""
        self._db.execute("UPDATE listed SET known = 1 WHERE ticket IS NULL")

    def people(self) -> Iterator[str]:
        """Who is added, in the order in which they are to be rung."""
        return (person for (person,) in self._db.execute(f"SELECT person FROM listed {self._in_order}"))

    def unwritten(self, pool: Pool, load: str) -> Iterator[Attributes]:
        """The rows still to be written, in no order that matters."""
        selected = self._db.execute(f"SELECT person, told, ticket FROM listed {self._in_order}")
        for rank, (person, told, stored) in enumerate(selected):
            at = loads.place(rank, pool.shards)
            ticket = f"{loads.block_name(load, at.shard, at.block)}-{at.place}"
            if ticket != stored:
                yield voters.row_of(pool.id, person, load, ticket, json.loads(told))

    @property
    def _in_order(self) -> str:
        return f"WHERE NOT known ORDER BY {'rowid' if self._seed is None else 'key, person'}"

    def _everybody(self) -> Iterator[str]:
        """Everybody, read in slices so that rows may be changed in between."""
        last = 0
        while rows := self._db.execute(_NEXT, (last,)).fetchall():
            yield from (person for _, person in rows)
            last = rows[-1][0]


_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16384;
PRAGMA temp_store = FILE;
CREATE TABLE listed (
    key INTEGER, person TEXT UNIQUE, told TEXT, known INTEGER NOT NULL DEFAULT 0, ticket TEXT
);
BEGIN;
"""
_INSERT = "INSERT OR IGNORE INTO listed (key, person, told) VALUES (?, ?, ?)"
_NEXT = "SELECT rowid, person FROM listed WHERE rowid > ? ORDER BY rowid LIMIT 10000"


def load(runtime: Runtime, pool_id: str, name: str, spool: Spool, watch: Watch = lambda *_: None) -> Loaded:
    """Load a list into a pool, which is made if there is none by that id. `name` is the list's (`domain.loads.name`).

    `Conflict` when another load has the pool.
    """
    pool = pools.create(pool_id, SHARDS)
    with _locked(runtime, pool.id) as stay_locked:
        phase, first = pools.load_phase(pool.id, name), not pools.was_loaded_before(pool.id)
        if phase == _DONE:
            return Loaded(name, 0, len(spool), was_done=True)

        def watched(what: str, done: int, total: int) -> None:
            stay_locked()
            watch(what, done, total)

        known = 0
        if not first:
            known = spool.compare(pool.id, name, watched)
        if phase == _QUEUEING:
            spool.keep_stored()
        else:
            pools.reach_phase(pool.id, name, _WRITING)
            _write(runtime, spool.unwritten(pool, name), watched, len(spool))
            pools.reach_phase(pool.id, name, _QUEUEING)
        _queue(pool, name, spool, watched)
        pools.reach_phase(pool.id, name, _DONE)
    return Loaded(name, len(spool), known, was_done=False)


@contextmanager
def _locked(runtime: Runtime, pool: str) -> Iterator[Callable[[], None]]:
    """Have the pool for oneself; call what is given now and then, to keep it. A load that is killed has it for `_LOCKED_FOR` more."""
    holder = secrets.token_hex(8)
    until: datetime | None = None

    def stay() -> None:
        nonlocal until
        now = runtime.clock.now()
        if until is None or now > until - _LOCKED_FOR / 2:
            until = now + _LOCKED_FOR
            if not pools.lock(pool, holder, now, until):
                raise Conflict(f"another load has {pool}: when it was killed, try again in two minutes")

    stay()
    try:
        yield stay
    finally:
        pools.unlock(pool, holder)


def _write(runtime: Runtime, rows: Iterable[Attributes], watch: Watch, total: int) -> None:
    """Write voters, several requests at a time, no more of them in memory than are under way."""
    done = 0
    under_way: set[Future[int]] = set()
    with ThreadPoolExecutor(WRITERS) as writers:
        for batch in _chunks(rows, _BATCH):
            if len(under_way) >= _IN_FLIGHT:
                finished, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                done += sum(future.result() for future in finished)
                watch("Writing voters", done, total)
            under_way.add(writers.submit(_put, runtime, batch))
        done += sum(future.result() for future in under_way)
    watch("Writing voters", done, total)


def _put(runtime: Runtime, rows: Sequence[Attributes]) -> int:
    """Write up to 25 rows, however often that takes; returns how many."""
    left, pause = voters.put_all(rows), 0.05
    while left:
        runtime.clock.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        left = voters.put_all(left)
    return len(rows)


def _queue(pool: Pool, name: str, spool: Spool, watch: Watch) -> None:
    """Append the people's blocks to the shards; those that an earlier run has appended are left."""
    appended = {shard: _appended(pool.id, shard, name) for shard in range(pool.shards)}
    waiting: dict[int, list[str]] = defaultdict(list)
    blocks: dict[int, int] = defaultdict(int)
    total = len(spool)

    def append(shard: int) -> None:
        if blocks[shard] >= appended[shard]:
            block = Block(loads.block_name(name, shard, blocks[shard]), waiting[shard], is_new=True)
            pools.advance(pool.id, shard, pools.place(pool.id, shard, block), block)
        blocks[shard] += 1
        waiting[shard] = []

    for rank, person in enumerate(spool.people()):
        at = loads.place(rank, pool.shards)
        waiting[at.shard].append(person)
        if len(waiting[at.shard]) == BLOCK:
            append(at.shard)
            watch("Giving out tickets", rank + 1, total)
    for shard, people in waiting.items():
        if people:
            append(shard)
    watch("Giving out tickets", total, total)


def _appended(pool: str, shard: int, name: str) -> int:
    """How many blocks of a load a shard has."""
    last = pools.last_block(pool, shard, f"{name}.")
    return int(last.rpartition(".")[2]) + 1 if last else 0


def _chunks(things: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(things)
    while chunk := list(islice(iterator, size)):
        yield chunk
