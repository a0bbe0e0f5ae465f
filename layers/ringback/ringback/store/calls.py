"""Calls in a menu: one row each, written together with the fact of the turn that it stands after."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from zlib import crc32

from pynamodb.connection import Connection
from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from ringback.domain import times
from ringback.domain.conversations import Call, Saved
from ringback.domain.facts import Entry
from ringback.domain.menus import Session
from ringback.store import journal
from ringback.store.journal import KEPT_FOR
from ringback.store.tables import Attributes, CallRow, JournalRow, batch_get, code_of, connection

BUCKETS = 8
"""Keys that the live calls are spread over, so that a rush never writes one key of the index more than it takes."""


def load(call_id: str) -> Call | None:
    """One call, read consistently; None when we never heard of it. One read."""
    try:
        return _call(CallRow.get(call_id, consistent_read=True))
    except CallRow.DoesNotExist:
        return None


def key(call_id: str) -> dict[str, str]:
    """The row's key, for a read of several tables at once."""
    return {"call": call_id}


def read(attributes: Attributes) -> Call:
    """The call that a read of several tables brought."""
    row = CallRow()
    row.deserialize(dict(attributes))
    return _call(row)


def load_many(call_ids: Iterable[str]) -> Iterator[Call]:
    """The calls there are among the ids, read consistently, in no order. One batch read per 100."""
    return map(read, batch_get(CallRow, map(key, call_ids)))


def every_live() -> Iterator[str]:
    """The ids of the calls that go on as far as we know; the index is a little behind. One query per bucket."""
    for bucket in range(BUCKETS):
        for row in CallRow.live.query(_bucket(bucket)):
            yield row.call


def save(call: Call, entry: Entry, before: int | None) -> bool:
    """Write a call after a turn and the turn's entry in one transaction; False, and nothing written, when the call is no longer at
    its turn `before` (None: unknown as yet) or the turn is being made by somebody else.
    """
    # pynamodb's Connection finds the tables' key schemas through the connections the models have made.
    shared: Connection = connection(CallRow).connection
    try:
        with TransactWrite(connection=shared) as transaction:
            transaction.save(
                _row(call),
                condition=CallRow.call.does_not_exist() if before is None else CallRow.turn == before,
            )
            transaction.save(
                journal.row_of(entry, entry.key), condition=JournalRow.source_id.does_not_exist()
            )
    except TransactWriteError as problem:
        if code_of(problem) == "TransactionCanceledException":
            return False
        raise
    return True


def quiet_since(until: datetime) -> Iterator[Call]:
    """The live calls not heard of since `until`, those of a bucket oldest first. One query per bucket, one read per call."""
    for bucket in range(BUCKETS):
        for row in CallRow.live.query(_bucket(bucket), CallRow.last_at <= times.written(until)):
            call = load(row.call)  # the index is a little behind
            if call is not None and call.is_live:
                yield call


def every() -> Iterator[Call]:
    """Every call, in no order. Scans the table: for checks, not for a request."""
    return map(_call, CallRow.scan(consistent_read=True))


def _bucket(number: int) -> str:
    return f"live#{number}"


def _row(call: Call) -> CallRow:
    return CallRow(
        call.call_id,
        campaign=call.campaign,
        version=call.version,
        menu=call.menu,
        number=call.number,
        caller=call.caller,
        person=call.person,
        state=call.session.state.value,
        session=_json(call.session.to_document()),
        began_at=times.written(call.began_at),
        last_at=times.written(call.last_at),
        bucket=_bucket(crc32(call.call_id.encode()) % BUCKETS) if call.is_live else None,
        turn=call.turn,
        fingerprints=" ".join(call.fingerprints),
        answers=_json([answer.to_document() for answer in call.answers]),
        recording_url=call.recording_url,
        dial=call.dial,
        expires_at=int((call.last_at + KEPT_FOR).timestamp()),
    )


def _call(row: CallRow) -> Call:
    return Call(
        call_id=row.call,
        campaign=row.campaign,
        version=int(row.version),
        menu=row.menu,
        number=row.number,
        caller=row.caller,
        person=row.person,
        session=Session.from_document(json.loads(row.session)),
        began_at=times.read(row.began_at),
        last_at=times.read(row.last_at),
        turn=int(row.turn),
        fingerprints=tuple(row.fingerprints.split()),
        answers=tuple(map(Saved.from_document, json.loads(row.answers))),
        recording_url=row.recording_url,
        dial=row.dial,
    )


def _json(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
