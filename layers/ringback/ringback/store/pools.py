"""Pools, their cursors and their tickets. Taking a ticket is one conditional `ADD`, whatever the size of the pool.

A shard is a row of positions 0, 1, 2 …: those below `next` are taken, those up to `tail` wait. The people who stand there are in
*blocks*, up to 500 to a row, written before `tail` passes them and never changed. Everything that is ever queued, by a load or
because somebody is to be rung again, is a block at the tail of a shard.
"""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from ringback.domain import times
from ringback.domain.errors import NotFound
from ringback.domain.pools import Pool, PoolState, Standing, State, Ticket, predecessors, shard_of
from ringback.store.tables import Attributes, PoolRow, batch_get, put_if_new, update_if

BLOCKS_KEPT = 4
"""Blocks of one shard that a process keeps at hand: claims need the one at `next`, and the one after it."""

_POOLS = "!"
_CURSOR = "!"
_ID_LETTERS = 26
"""Of a person id: blocks hold them without anything in between."""


# pools


def create(pool: str, shards: int) -> Pool:
    """Make a pool and its cursors, or leave what stands; returns what is stored."""
    for shard in range(shards):
        row = PoolRow(_shard(pool, shard), _CURSOR, next=0, tail=0, swept=0)
        put_if_new(row, PoolRow.pool)
    put_if_new(PoolRow(_POOLS, pool, state=str(PoolState.LOADING), shards=shards), PoolRow.pool)
    stored = load(pool)
    assert stored is not None  # pools are never deleted
    return stored


def load(pool: str) -> Pool | None:
    """One pool, read consistently; None when there is none by that id."""
    try:
        return _pool(PoolRow.get(_POOLS, pool, consistent_read=True))
    except PoolRow.DoesNotExist:
        return None


def every(campaign: str | None = None) -> list[Pool]:
    """Every pool, of one campaign or of all: one query."""
    condition = PoolRow.row.startswith(f"{campaign}/") if campaign else None
    return [_pool(row) for row in PoolRow.query(_POOLS, condition)]


def move(pool: str, after: PoolState, now: datetime) -> Pool | None:
    """Change a pool's state; None when it is in none from which `after` follows. What it is already, it becomes again."""
    within: Condition = PoolRow.state.is_in(*(str(state) for state in (after, *predecessors(after))))
    actions = [PoolRow.state.set(str(after))]
    at = times.written(now)
    if after is PoolState.OPEN:
        actions += [PoolRow.opened_at.set(PoolRow.opened_at | at), PoolRow.closed_at.remove()]
    elif after is PoolState.CLOSED:
        actions.append(PoolRow.closed_at.set(PoolRow.closed_at | at))
    stored = update_if(PoolRow, _POOLS, pool, actions=actions, condition=within)
    return _pool(_stored(stored)) if stored is not None else None


def lock(pool: str, holder: str, now: datetime, until: datetime) -> bool:
    """Let one load have the pool until a moment, or longer when it has it already; False while another has it."""
    free = (
        PoolRow.lock.does_not_exist() | (PoolRow.lock == holder) | (PoolRow.locked_until < times.written(now))
    )
    actions = [PoolRow.lock.set(holder), PoolRow.locked_until.set(times.written(until))]
    return update_if(PoolRow, _POOLS, pool, actions=actions, condition=free) is not None


def unlock(pool: str, holder: str) -> None:
    """Let the next load have the pool, unless somebody else has it by now."""
    actions = [PoolRow.lock.remove(), PoolRow.locked_until.remove()]
    update_if(PoolRow, _POOLS, pool, actions=actions, condition=PoolRow.lock == holder)


# loads


def load_phase(pool: str, name: str) -> str | None:
    """How far a load has come, as it said itself; None when it never began. Read consistently."""
    try:
        return PoolRow.get(pool, f"load#{name}", consistent_read=True).state
    except PoolRow.DoesNotExist:
        return None


def reach_phase(pool: str, name: str, phase: str) -> None:
    """Note how far a load has come."""
    update_if(PoolRow, pool, f"load#{name}", actions=[PoolRow.state.set(phase)])


def was_loaded_before(pool: str) -> bool:
    """Whether any load was ever begun: only then can the pool know voters that a new one brings."""
    return any(True for _ in PoolRow.query(pool, PoolRow.row.startswith("load#"), limit=1))


# blocks


@dataclass(frozen=True, slots=True)
class Block:
    """People at consecutive positions of a shard. A ticket is the block's name and the place in it, `k3f9a2xq.3.12-207`."""

    name: str
    people: Sequence[str]
    is_new: bool = False
    """Whether a load brings these people: they are counted as loaded when the tail passes them."""

    def ticket(self, place: int) -> str:
        return f"{self.name}-{place}"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a shard stands, and how far the sweeper has come."""

    shard: int
    next: int
    tail: int
    swept: int
    """Positions below it have been seen to."""
    mark: int | None
    """Where `next` was at `marked_at`."""
    marked_at: datetime | None


def cursors(pool: Pool) -> list[Cursor]:
    """Every cursor of a pool, read consistently in one request."""
    return sorted(map(_cursor, _cursor_rows(pool)), key=lambda cursor: cursor.shard)


def place(pool: str, shard: int, block: Block) -> int:
    """Write a block where the shard's tail is, and return that position; nobody is given its tickets before `advance`.

    A repeat finds its block where it left it. What another writer left there is let out first, so no crash stops a shard.
    """
    while True:
        start = _tail(pool, shard)
        row = PoolRow(_shard(pool, shard), _position(start), block=block.name, people="".join(block.people))
        row.is_new = block.is_new or None
        if put_if_new(row, PoolRow.pool):
            return start
        left = _block(PoolRow.get(row.pool, row.row, consistent_read=True))
        if left.name == block.name:
            return start
        advance(pool, shard, start, left)


def advance(pool: str, shard: int, start: int, block: Block) -> None:
    """Let the tail pass a block that was placed at `start`. Nothing happens when it has passed already."""
    actions: list[Action] = [PoolRow.tail.set(start + len(block.people))]
    if block.is_new:
        actions += _adding({LOADED: len(block.people)})
    update_if(PoolRow, _shard(pool, shard), _CURSOR, actions=actions, condition=PoolRow.tail == start)


def let_out(pool: str, shard: int) -> None:
    """Let the tail pass what somebody placed there and died before `advance`. One read, two where nothing was left is one."""
    start = _tail(pool, shard)
    try:
        left = PoolRow.get(_shard(pool, shard), _position(start), consistent_read=True)
    except PoolRow.DoesNotExist:
        return
    advance(pool, shard, start, _block(left))


def blocks(pool: str, shard: int, start: int, end: int) -> Iterator[tuple[int, Block]]:
    """The blocks that hold the positions from `start` to before `end`, each with its first position."""
    position = start
    while position < end:
        first, block = _fetch(_shard(pool, shard), position)
        yield first, block
        position = first + len(block.people)


def last_block(pool: str, shard: int, prefix: str) -> str | None:
    """The name of the last block of a shard whose name begins so, of those that the tail has passed; None when there is none.

    Reads back from the tail.
    """
    tail = _tail(pool, shard)
    condition = PoolRow.row.between(_position(0), _position(tail))
    rows = PoolRow.query(_shard(pool, shard), condition, scan_index_forward=False, consistent_read=True)
    return next(
        (row.block for row in rows if row.block.startswith(prefix) and row.row < _position(tail)), None
    )


def mark(pool: str, cursor: Cursor, now: datetime) -> None:
    """Note where `next` is: what lies before it is old enough to be swept some time later."""
    actions = [PoolRow.mark.set(cursor.next), PoolRow.marked_at.set(times.written(now))]
    update_if(
        PoolRow, _shard(pool, cursor.shard), _CURSOR, actions=actions, condition=PoolRow.swept == cursor.swept
    )


def sweep(pool: str, cursor: Cursor, up_to: int) -> bool:
    """Note that the positions up to `up_to` have been seen to; False when another sweeper was faster."""
    same = PoolRow.swept == cursor.swept
    swept = update_if(
        PoolRow, _shard(pool, cursor.shard), _CURSOR, actions=[PoolRow.swept.set(up_to)], condition=same
    )
    return swept is not None


# taking


class Dispenser:
    """Gives tickets. Keeps blocks at hand, for they never change, and for `idle_seconds` which shards had nothing left."""

    def __init__(self, idle_seconds: float) -> None:
        self._idle_seconds = idle_seconds
        self._idle_until: dict[str, float] = {}
        self._blocks: defaultdict[str, deque[tuple[int, Block]]] = defaultdict(
            lambda: deque(maxlen=BLOCKS_KEPT)
        )

    def take(self, pool: Pool, first: int, counts: Mapping[str, int]) -> Ticket | None:
        """Take the next ticket of the shard `first`, or of the next one that has any; None when none has.

        One conditional update for each shard tried, and one query where the block is not at hand. `counts` are added to the
        standing by the same update, and are not when the answer is None.
        """
        for turn in range(pool.shards):
            shard = _shard(pool.id, (first + turn) % pool.shards)
            if self._idle_until.get(shard, 0.0) > time.monotonic():
                continue
            actions = [PoolRow.next.add(1), *_adding(counts)]
            stored = update_if(
                PoolRow, shard, _CURSOR, actions=actions, condition=PoolRow.next < PoolRow.tail
            )
            if stored is not None:
                return self._ticket(pool.id, shard, int(stored["next"]["N"]) - 1)
            self._idle_until[shard] = time.monotonic() + self._idle_seconds
        return None

    def _ticket(self, pool: str, shard: str, position: int) -> Ticket:
        at_hand = self._blocks[shard]
        for start, block in at_hand:
            if start <= position < start + len(block.people):
                break
        else:
            start, block = _fetch(shard, position)
            at_hand.appendleft((start, block))
        place = position - start
        return Ticket(pool, block.people[place], block.ticket(place))


# counts

LOADED = "loaded"
"""The count of those whom loads brought."""


def count(pool: Pool, person: str, counts: Mapping[str, int]) -> None:
    """Add to the pool's standing, in the cursor that counts this person. Not idempotent: a recount puts right what a crash left."""
    if not any(counts.values()):
        return
    shard = shard_of(person, pool.shards)
    update_if(PoolRow, _shard(pool.id, shard), _CURSOR, actions=_adding(counts))


def standing(pool: Pool) -> Standing:
    """How many voters stand where, by the cursors: one request, whatever the size of the pool."""
    total: Counter[str] = Counter()
    for row in _cursor_rows(pool):
        total.update({name: int(value["N"]) for name, value in row.items() if "N" in value})
    queued = total["tail"] - total["next"]
    dropped = {name.removeprefix(_DROPPED): n for name, n in total.items() if name.startswith(_DROPPED) and n}
    waiting, reached = (total[f"{_COUNT}{state}"] for state in (State.WAITING, State.REACHED))
    elsewhere = queued + waiting + reached + sum(dropped.values())
    loaded = total[f"{_COUNT}{LOADED}"]
    return Standing(loaded, queued, loaded - elsewhere, waiting, reached, dropped)


_COUNT = "count "
_DROPPED = f"{_COUNT}{State.DROPPED} "


def _adding(counts: Mapping[str, int]) -> list[Action]:
    return [Path([f"{_COUNT}{name}"]).add(n) for name, n in counts.items() if n]


def _shard(pool: str, shard: int) -> str:
    return f"{pool}#{shard}"


def _position(position: int) -> str:
    return f"b{position:010}"


def _tail(pool: str, shard: int) -> int:
    return int(PoolRow.get(_shard(pool, shard), _CURSOR, consistent_read=True).tail)


def _fetch(shard: str, position: int) -> tuple[int, Block]:
    """The block with a position below the tail, and its first position. One query; another where the block is brand-new."""
    condition = PoolRow.row.between(_position(0), _position(position))
    for consistent in (False, True):
        rows = PoolRow.query(shard, condition, scan_index_forward=False, limit=1, consistent_read=consistent)
        for row in rows:
            start, block = int(row.row[1:]), _block(row)
            if position < start + len(block.people):
                return start, block
    raise NotFound(f"{shard} has no block with position {position}")


def _block(row: PoolRow) -> Block:
    people = row.people
    return Block(
        row.block,
        [people[at : at + _ID_LETTERS] for at in range(0, len(people), _ID_LETTERS)],
        bool(row.is_new),
    )


def _cursor_rows(pool: Pool) -> list[Attributes]:
    keys = ({"pool": _shard(pool.id, shard), "row": _CURSOR} for shard in range(pool.shards))
    return list(batch_get(PoolRow, keys))


def _cursor(row: Attributes) -> Cursor:
    return Cursor(
        shard=int(row["pool"]["S"].rpartition("#")[2]),
        next=int(row["next"]["N"]),
        tail=int(row["tail"]["N"]),
        swept=int(row["swept"]["N"]),
        mark=int(row["mark"]["N"]) if "mark" in row else None,
        marked_at=times.read(row["marked_at"]["S"]) if "marked_at" in row else None,
    )


def _pool(row: PoolRow) -> Pool:
    return Pool(
        id=row.row,
        state=PoolState(row.state),
        shards=int(row.shards),
        opened_at=times.read(row.opened_at) if row.opened_at else None,
        closed_at=times.read(row.closed_at) if row.closed_at else None,
    )


def _stored(attributes: Attributes) -> PoolRow:
    row = PoolRow()
    row.deserialize(dict(attributes))
    return row
