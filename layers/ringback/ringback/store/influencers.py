"""Influencers: one row each, moved by conditional writes along `domain.influencers`."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from heapq import merge
from itertools import islice
from typing import Any
from zlib import crc32

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from ringback.domain import influencers, times
from ringback.domain.errors import Conflict
from ringback.domain.influencers import Change, Influencer, Move, Stage
from ringback.store.singles import update_single
from ringback.store.tables import MOST_KEYS, Attributes, InfluencerRow, batch_get, put_if_new, update_if
from ringback.store.transactions import Write

BUCKETS = 8
"""Keys that the influencers of one stage are spread over, and those who were promised a call."""

_RACES = 8
"""How often a move is made again that lost to another move of the same influencer."""


def key(person: str) -> dict[str, str]:
    """The row's key, for a read of several tables at once."""
    return {"person": person}


def read(attributes: Attributes) -> Influencer:
    """The influencer that a read of several tables brought."""
    row = InfluencerRow()
    row.deserialize(dict(attributes))
    return _influencer(row)


def load(person: str) -> Influencer | None:
    """One influencer, read consistently; None when nobody of that id ever offered themselves."""
    try:
        return _influencer(InfluencerRow.get(person, consistent_read=True))
    except InfluencerRow.DoesNotExist:
        return None


def load_many(people: Iterable[str]) -> Iterator[Influencer]:
    """Those of the people who are influencers, in no order."""
    return map(read, batch_get(InfluencerRow, map(key, people)))


def enrol(influencer: Influencer) -> bool:
    """Write a new influencer; False when the person is one already."""
    row = InfluencerRow(
        influencer.person,
        campaign=influencer.campaign,
        phone=influencer.phone,
        language=influencer.language,
        enrolled_at=times.written(influencer.enrolled_at),
        stage=str(influencer.stage),
        stage_at=times.written(influencer.stage_at or influencer.enrolled_at),
        listing=_listing(influencer),
        revision=influencer.revision,
        review=influencer.review,
        chain=influencer.chain,
        history="[]",
    )
    return put_if_new(row, InfluencerRow.person)


def counted_in_block(influencer: Influencer, block: str) -> int:
    """Count a new influencer of a block of ten thousand numbers, and note in the row the how-many-eth of the block they are."""
    counted = update_single(f"influencers#{influencer.campaign}#{block}", [Path(["came"]).add(1)])
    assert counted is not None
    came = int(counted["came"]["N"])
    update_if(
        InfluencerRow,
        influencer.person,
        actions=[InfluencerRow.block.set(came)],
        condition=InfluencerRow.person.exists(),
    )
    return came


def link(person: str, chain: str, before: datetime) -> bool:
    """Note who brought an influencer; the first stands. `before`: when the one who brought them came; who came earlier than that was
    not brought by them, so that no chain leads back to itself.
    """
    late_enough = InfluencerRow.enrolled_at > times.written(before)
    unknown = InfluencerRow.chain.does_not_exist() & InfluencerRow.person.exists()
    actions = [InfluencerRow.chain.set(chain)]
    return update_if(InfluencerRow, person, actions=actions, condition=unknown & late_enough) is not None


def move(
    person: str, change: Change, because: str, now: datetime, *, only_from: Stage | None = None
) -> Influencer | None:
    """Make a change; the influencer as they then stand, or None when it does not follow from where they stand, or they do not stand at
    `only_from`.
    """
    for _ in range(_RACES):
        found = load(person)
        if found is None or only_from not in (None, found.stage):
            return None
        moved = influencers.moved(found, change, because, now)
        if moved is None:
            return None
        write = move_action(found, moved)
        stored = update_if(InfluencerRow, person, actions=list(write.actions), condition=write.condition)
        if stored is not None:
            return read(stored)
    raise Conflict("an influencer moved on each time it was looked at")


def move_action(found: Influencer, moved: Influencer) -> Write:
    """A move as one write of a transaction; it fails when anything else has moved them since they were read."""
    actions: list[Action] = [
        InfluencerRow.stage.set(str(moved.stage)),
        InfluencerRow.stage_at.set(times.written(moved.stage_at or moved.enrolled_at)),
        InfluencerRow.listing.set(_listing(moved)),
        InfluencerRow.because.set(moved.because or ""),
        InfluencerRow.revision.set(moved.revision),
        InfluencerRow.review.set(moved.review),
        InfluencerRow.history.set(_written(moved.history)),
    ]
    if moved.held is not None:
        actions.append(InfluencerRow.held.set(moved.held))
    elif found.held is not None:
        actions.append(InfluencerRow.held.remove())
    if moved.stage is Stage.APPROVED:
        row = InfluencerRow
        actions += [count.set(0) for count in (row.short, row.talks_today, row.complaints, row.talks)]
    if moved.promised_at is not None and moved.promised_at != found.promised_at:
        actions += _promising(found.person, moved.promised_at)
    elif moved.promised_at is None and found.promised_at is not None:
        actions += [InfluencerRow.promises.remove(), InfluencerRow.promised_at.remove()]
    return Write(InfluencerRow(found.person), actions, InfluencerRow.revision == found.revision)


def patched_action(
    influencer: Influencer,
    day: date,
    call_id: str,
    talked_seconds: int | None,
    *,
    is_short: bool = False,
    is_first: bool = True,
) -> Write:
    """Count one call in which a voter was rung for an influencer, as just read, and take it from those that go on: as one write of the
    transaction that books the call, so it is counted once. `talked_seconds` is None where nobody talked. `is_first`: False where the call
    was counted before, and its talk was not.

    It fails when another call was counted on another day, or began or ended, since they were read. News of a day that is over leaves the
    counts of the day.
    """
    today, talks = day.isoformat(), int(talked_seconds is not None)
    counts = (
        (InfluencerRow.today, int(is_first)),
        (InfluencerRow.talks_today, talks),
        (InfluencerRow.short, int(is_short)),
    )
    actions: list[Action] = [
        InfluencerRow.patched.add(talks),
        InfluencerRow.talks.add(talks),
        InfluencerRow.talked_seconds.add(talked_seconds or 0),
    ]
    if influencer.day == today:
        actions += [count.add(n) for count, n in counts]
    elif influencer.day < today:
        actions += [InfluencerRow.day.set(today), *(count.set(n) for count, n in counts)]
    same_day = InfluencerRow.day == influencer.day if influencer.day else InfluencerRow.day.does_not_exist()
    condition = InfluencerRow.person.exists() & same_day
    if call_id in influencer.live:
        rest = {call: until for call, until in influencer.live.items() if call != call_id}
        actions.append(_going_on(rest))
        condition &= _as_read(influencer)
    return Write(InfluencerRow(influencer.person), actions, condition)


def goes_on(person: str, call_id: str, until: datetime, now: datetime) -> None:
    """Note that a call goes on for an influencer, at the longest until the end of its lease, and forget those whose lease is over. A repeat
    changes nothing.
    """
    for _ in range(_RACES):
        found = load(person)
        if found is None or found.live.get(call_id) == until:
            return
        live = {**found.live_beside(call_id, now), call_id: until}
        condition = InfluencerRow.person.exists() & _as_read(found)
        if update_if(InfluencerRow, person, actions=[_going_on(live)], condition=condition) is not None:
            return
    raise Conflict("an influencer's calls began and ended each time they were looked at")


def _going_on(live: Mapping[str, datetime]) -> Action:
    written = _live(live)
    return InfluencerRow.live.set(written) if written else InfluencerRow.live.remove()


def _as_read(influencer: Influencer) -> Condition:
    written = _live(influencer.live)
    condition: Condition = InfluencerRow.live == written if written else InfluencerRow.live.does_not_exist()
    return condition


def _live(live: Mapping[str, datetime]) -> str | None:
    """In one order, so that the same calls are the same words."""
    if not live:
        return None
    return json.dumps({call: times.written(live[call]) for call in sorted(live)}, separators=(",", ":"))


def complain_action(person: str) -> Write:
    """Count a complaint, as one write of the transaction that records it: so it is counted once."""
    return Write(InfluencerRow(person), [InfluencerRow.complaints.add(1)], InfluencerRow.person.exists())


# ── promises ──


def promise(person: str, cause: str, at: datetime) -> bool:
    """Note that somebody is to be rung back; False when that is noted already, was for this very cause, or they wait for no tracker."""
    waits = InfluencerRow.stage.is_in(str(Stage.INFORMED), str(Stage.IN_REVIEW))
    new = InfluencerRow.promised_for.does_not_exist() | (InfluencerRow.promised_for != cause)
    actions = [*_promising(person, at), InfluencerRow.promised_for.set(cause)]
    condition = waits & new & InfluencerRow.promised_at.does_not_exist()
    return update_if(InfluencerRow, person, actions=actions, condition=condition) is not None


def _promising(person: str, at: datetime) -> list[Action]:
    bucket = f"promised#{crc32(person.encode()) % BUCKETS}"
    return [InfluencerRow.promises.set(bucket), InfluencerRow.promised_at.set(times.written(at))]


def kept(person: str, promised_at: datetime, now: datetime) -> bool:
    """The promise of that moment was kept now; False when it is another by then, or none."""
    actions = [
        InfluencerRow.promises.remove(),
        InfluencerRow.promised_at.remove(),
        InfluencerRow.rung_back_at.set(times.written(now)),
    ]
    same = InfluencerRow.promised_at == times.written(promised_at)
    return update_if(InfluencerRow, person, actions=actions, condition=same) is not None


def promised(until: datetime) -> Iterator[Influencer]:
    """Who waits to be rung back since before `until`, the longest waiting first; read consistently, 100 at a time and as they are wanted."""
    since = InfluencerRow.promised_at <= times.written(until)
    buckets = (InfluencerRow.waiting.query(f"promised#{bucket}", since) for bucket in range(BUCKETS))
    people = (row.person for row in merge(*buckets, key=lambda row: row.promised_at))
    while some := list(islice(people, MOST_KEYS)):
        now_known = {each.person: each for each in load_many(some)}  # the index is a little behind
        for person in some:
            if person in now_known and now_known[person].promised_at is not None:
                yield now_known[person]


# ── lists ──


def at_stage(campaign: str, stage: Stage, until: datetime | None = None) -> Iterator[str]:
    """The ids of a campaign's influencers at a stage, of those who reached it up to `until`; the earliest of each bucket first."""
    condition = InfluencerRow.stage_at <= times.written(until) if until else None
    for bucket in range(BUCKETS):
        for row in InfluencerRow.by_stage.query(f"{campaign}#{stage}#{bucket}", condition):
            yield row.person


def every(campaign: str | None = None) -> Iterator[Influencer]:
    """Every influencer, of one campaign or of all, in no order. Scans the table: for operators and checks, not for a request."""
    condition: Condition | None = InfluencerRow.campaign == campaign if campaign else None
    return map(_influencer, InfluencerRow.scan(filter_condition=condition))


def _listing(influencer: Influencer) -> str:
    return f"{influencer.campaign}#{influencer.stage}#{crc32(influencer.person.encode()) % BUCKETS}"


def _written(history: Sequence[Move]) -> str:
    moves = [[str(each.change), str(each.stage), each.because, times.written(each.at)] for each in history]
    return json.dumps(moves, ensure_ascii=False, separators=(",", ":"))


def _move(document: Sequence[Any]) -> Move:
    change, stage, because, at = document
    return Move(Change(change), Stage(stage), because, times.read(at))


def _influencer(row: InfluencerRow) -> Influencer:
    counts: Mapping[str, int] = {
        name: int(getattr(row, name) or 0)
        for name in (
            "revision",
            "review",
            "patched",
            "talked_seconds",
            "today",
            "talks_today",
            "short",
            "talks",
            "complaints",
            "block",
        )
    }
    return Influencer(
        person=row.person,
        campaign=row.campaign,
        phone=row.phone,
        language=row.language,
        enrolled_at=times.read(row.enrolled_at),
        stage=Stage(row.stage),
        stage_at=times.read(row.stage_at),
        because=row.because,
        chain=row.chain,
        day=row.day or "",
        live={call: times.read(until) for call, until in json.loads(row.live or "{}").items()},
        held=row.held,
        promised_at=times.read(row.promised_at) if row.promised_at else None,
        rung_back_at=times.read(row.rung_back_at) if row.rung_back_at else None,
        history=tuple(map(_move, json.loads(row.history))),
        **counts,
    )
