"""Answers: one row per person and topic, written so that answers may come in any order, any number of times, from many workers.

Each answer is an attribute of its own, so two that arrive at once never overwrite each other, and which one counts is read from their
times, not from who came last. A place at a gathering and the count of its places change in one transaction.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zlib import crc32

from pynamodb.connection import Connection
from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from ringback.domain import times
from ringback.domain.answers import Record, Said, Seat, SeatKind, Topic
from ringback.domain.errors import Conflict
from ringback.store.tables import AnswerRow, batch_get, code_of, connection, update_if

BUCKETS = 64
"""Partitions that one topic is spread over: 30,000 people make about 500 rows in each."""

_SAID = "said "
_ONLY = "-"


def say(campaign: str, topic: Topic, person: str, said: Said) -> tuple[Record, bool]:
    """Keep an answer, and return all the person has said; False with it when the answer was kept before.

    An answer as old as those the row has forgotten counts as kept before: whether it was can no longer be made out.
    """
    name, upto = _SAID + _order(said), AnswerRow.forgotten_up_to
    is_new = Path([name]).does_not_exist() & (upto.does_not_exist() | (upto < _order(said)))
    actions = [Path([name]).set(said.answer), AnswerRow.revision.add(1)]
    stored = update_if(
        AnswerRow, _partition(campaign, topic, person), person, actions=actions, condition=is_new
    )
    if stored is not None:
        return _record(stored), True
    return load(campaign, topic, person), False


def forget(campaign: str, topic: Topic, record: Record, superfluous: Sequence[Said]) -> None:
    """Drop old answers from the row, counting them. Nothing happens when the row has changed since: the next answer comes by here."""
    actions = [
        *(Path([_SAID + _order(said)]).remove() for said in superfluous),
        AnswerRow.forgotten_up_to.set(_order(max(superfluous))),
        AnswerRow.forgotten.add(len(superfluous)),
        AnswerRow.revision.add(1),
    ]
    update_if(
        AnswerRow,
        _partition(campaign, topic, record.person),
        record.person,
        actions=actions,
        condition=_unchanged(record),
    )


def check_in(campaign: str, topic: Topic, person: str, at: datetime) -> None:
    """Note that a person came; the first time stands."""
    attended = AnswerRow.attended_at
    actions = [attended.set(attended | times.written(at)), AnswerRow.revision.add(1)]
    update_if(
        AnswerRow,
        _partition(campaign, topic, person),
        person,
        actions=actions,
        condition=attended.does_not_exist(),
    )


def load(campaign: str, topic: Topic, person: str) -> Record:
    """All that a person has said to a topic, read consistently; an empty record where that is nothing."""
    return load_many([(campaign, topic, person)])[campaign, topic, person]


Key = tuple[str, Topic, str]
"""Campaign, topic and person."""


def load_many(keys: Iterable[Key]) -> dict[Key, Record]:
    """The records of people, read consistently in one batch per 100."""
    wanted = {(_partition(*key), key[2]): key for key in keys}
    found = {key: Record(key[2]) for key in wanted.values()}
    for row in batch_get(AnswerRow, ({"topic": topic, "person": person} for topic, person in wanted)):
        found[wanted[row["topic"]["S"], row["person"]["S"]]] = _record(row)
    return found


def every(campaign: str, topic: Topic, seat: SeatKind | None = None) -> Iterator[Record]:
    """Everybody's answers to a topic, or only those who hold a seat of a kind; in no order. One query for each bucket."""
    condition = AnswerRow.seat == str(seat) if seat else None
    table = connection(AnswerRow)
    for bucket in range(BUCKETS):
        start = None
        while True:
            answer = table.query(
                _bucket(campaign, topic, bucket),
                filter_condition=condition,
                exclusive_start_key=start,
                consistent_read=True,
            )
            yield from map(_record, answer["Items"])
            start = answer.get("LastEvaluatedKey")
            if not start:
                break


# ── places ──


@dataclass(frozen=True, slots=True)
class Room:
    """How many places of a gathering are taken, and how many people wait for one."""

    taken: int
    waiting: int


def room(campaign: str, topic: Topic) -> Room:
    """Read consistently."""
    row = connection(AnswerRow).get_item(_room(campaign, topic), _ONLY, consistent_read=True).get("Item", {})
    return Room(*(int(row[name]["N"]) if name in row else 0 for name in ("taken", "waiting")))


def take_place(campaign: str, topic: Topic, record: Record, at: datetime, capacity: int) -> bool:
    """Give a place while there are some and nobody waits. False, and nothing changed, when there is none.

    This and the others below raise `Conflict` when somebody else changed the same rows: load again and decide anew.
    """
    waiting, taken = AnswerRow.waiting, AnswerRow.taken
    is_free = (taken.does_not_exist() | (taken < capacity)) & (waiting.does_not_exist() | (waiting == 0))
    return _together(
        (AnswerRow(_room(campaign, topic), _ONLY), [taken.add(1)], is_free),
        _seated(campaign, topic, record, SeatKind.PLACE, at),
    )


def wait(campaign: str, topic: Topic, record: Record, at: datetime) -> None:
    """Put a person on the waiting list."""
    _together(
        (AnswerRow(_room(campaign, topic), _ONLY), [AnswerRow.waiting.add(1)], None),
        _seated(campaign, topic, record, SeatKind.WAITING, at),
    )


def leave(campaign: str, topic: Topic, record: Record) -> None:
    """Take back what the person holds, a place or a turn on the waiting list."""
    assert record.seat is not None
    held = AnswerRow.taken if record.seat.is_place else AnswerRow.waiting
    gone = [
        AnswerRow.seat.remove(),
        AnswerRow.seat_at.remove(),
        AnswerRow.from_waiting.remove(),
        AnswerRow.revision.add(1),
    ]
    _together(
        (AnswerRow(_room(campaign, topic), _ONLY), [held.add(-1)], None),
        (_row(campaign, topic, record.person), gone, _unchanged(record)),
    )


def promote(campaign: str, topic: Topic, waiting: Record, by: str, at: datetime, capacity: int) -> bool:
    """Give a free place to somebody on the waiting list, because of the answer of `by`, whose row remembers whom it was for.

    False, and nothing changed, when there is no free place.
    """
    given = [
        AnswerRow.seat.set(str(SeatKind.PLACE)),
        AnswerRow.seat_at.set(times.written(at)),
        AnswerRow.from_waiting.set(True),
        AnswerRow.revision.add(1),
    ]
    writes: list[_Write] = [
        (
            AnswerRow(_room(campaign, topic), _ONLY),
            [AnswerRow.taken.add(1), AnswerRow.waiting.add(-1)],
            AnswerRow.taken.does_not_exist() | (AnswerRow.taken < capacity),
        ),
        (_row(campaign, topic, waiting.person), given, _unchanged(waiting)),
    ]
    if by != waiting.person:
        remembered = [AnswerRow.made_room_for.add({waiting.person}), AnswerRow.revision.add(1)]
        writes.append((_row(campaign, topic, by), remembered, None))
    return _together(*writes)


_Write = tuple[AnswerRow, Sequence[Action], Condition | None]


def _seated(campaign: str, topic: Topic, record: Record, kind: SeatKind, at: datetime) -> _Write:
    actions = [
        AnswerRow.seat.set(str(kind)),
        AnswerRow.seat_at.set(times.written(at)),
        AnswerRow.revision.add(1),
    ]
    return _row(campaign, topic, record.person), actions, _unchanged(record)


def _together(*writes: _Write) -> bool:
    """Make all the writes or none; False when the first one's condition failed, `Conflict` when it was another's or a race."""
    shared: Connection = connection(AnswerRow).connection
    try:
        with TransactWrite(connection=shared) as transaction:
            for row, actions, condition in writes:
                transaction.update(row, actions=list(actions), condition=condition)
    except TransactWriteError as problem:
        if code_of(problem) != "TransactionCanceledException":
            raise
        codes = [reason.code if reason else None for reason in problem.cancellation_reasons]
        if codes[:1] == ["ConditionalCheckFailed"]:
            return False
        raise Conflict("somebody changed the same places at the same moment") from None
    return True


def _unchanged(record: Record) -> Condition:
    return AnswerRow.revision == record.revision if record.revision else AnswerRow.revision.does_not_exist()


# ── keys and rows ──


def _partition(campaign: str, topic: Topic, person: str) -> str:
    return _bucket(campaign, topic, crc32(person.encode()) % BUCKETS)


def _bucket(campaign: str, topic: Topic, bucket: int) -> str:
    return f"{campaign}/{topic}#{bucket:02}"


def _room(campaign: str, topic: Topic) -> str:
    return f"{campaign}/{topic}#room"


def _row(campaign: str, topic: Topic, person: str) -> AnswerRow:
    return AnswerRow(_partition(campaign, topic, person), person)


def _order(said: Said) -> str:
    """Text that sorts as answers do."""
    return f"{times.written(said.at)}/{said.cause}"


def _record(row: Mapping[str, Any]) -> Record:
    numbers = {name: int(value["N"]) for name, value in row.items() if "N" in value}
    texts = {name: value["S"] for name, value in row.items() if "S" in value}
    attended_at = texts.get("attended_at")
    return Record(
        person=texts["person"],
        said=tuple(sorted(_said(name, answer) for name, answer in texts.items() if name.startswith(_SAID))),
        forgotten=numbers.get("forgotten", 0),
        seat=_seat(row, texts),
        attended_at=times.read(attended_at) if attended_at else None,
        made_room_for=frozenset(row.get("made_room_for", {}).get("SS", ())),
        revision=numbers.get("revision", 0),
    )


def _said(name: str, answer: str) -> Said:
    at, _, cause = name.removeprefix(_SAID).partition("/")
    return Said(times.read(at), cause, answer)


def _seat(row: Mapping[str, Any], texts: Mapping[str, str]) -> Seat | None:
    if "seat" not in texts:
        return None
    from_waiting = bool(row.get("from_waiting", {}).get("BOOL"))
    return Seat(SeatKind(texts["seat"]), times.read(texts["seat_at"]), from_waiting)
