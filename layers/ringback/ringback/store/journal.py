"""The journal: every fact once, before anybody acts on it. The source of truth, the outbox, and the log the law wants kept."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ringback.domain import times
from ringback.domain.facts import Entry
from ringback.store.tables import JournalRow, connection, put_if_new

KEPT_FOR = timedelta(days=400)
"""At least a year of traffic data: DPDP Rules 2025, Rule 8(3) (india-rules D5), with a month's margin."""


class Kept(StrEnum):
    NEW = "new"
    REPEATED = "repeated"
    """The same fact with the same content was kept before: nothing was written."""
    VARIANT = "variant"
    """The same fact was kept before with other content: this telling was kept beside it."""


def connect() -> None:
    """Make the client now instead of at the first entry: while a function starts it has a whole processor, and nobody waits yet."""
    _ = connection(JournalRow).connection.client


def keep(entry: Entry) -> Kept:
    """Keep an entry under its key. One conditional put; a repeat costs one read more, a variant one read and one put more."""
    if _put(entry, entry.key):
        return Kept.NEW
    before = JournalRow.get(entry.source_id, entry.key, consistent_read=True)
    if before.digest == entry.digest or not _put(entry, f"{entry.key}#{entry.digest[:8]}"):
        return Kept.REPEATED
    return Kept.VARIANT


def _put(entry: Entry, key: str) -> bool:
    return put_if_new(row_of(entry, key), JournalRow.source_id)


def row_of(entry: Entry, key: str) -> JournalRow:
    """The row that keeps an entry under a key."""
    return JournalRow(
        entry.source_id,
        key,
        campaign=entry.campaign,
        provider=entry.provider,
        step=entry.step,
        raw=entry.raw,
        digest=entry.digest,
        received_at=times.written(entry.received_at),
        listed=entry.listed or None,
        expires_at=int((entry.received_at + KEPT_FOR).timestamp()),
    )


def load(source_id: str, key: str) -> Entry | None:
    """One entry, read consistently; None when there is none."""
    try:
        return _entry(JournalRow.get(source_id, key, consistent_read=True))
    except JournalRow.DoesNotExist:
        return None


def tellings(source_id: str) -> list[Entry]:
    """Everything that was told of one call or message, in the order we heard of it."""
    rows = JournalRow.query(source_id, consistent_read=True)
    return sorted(map(_entry, rows), key=lambda entry: entry.received_at)


def missing(keys: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of the keys that the journal does not hold yet, in the order given. One batch read per 100 keys."""
    rows = JournalRow.batch_get(keys, consistent_read=True, attributes_to_get=["source_id", "fact"])
    found = {(row.source_id, row.fact) for row in rows}
    return [key for key in keys if key not in found]


def between(start: datetime, end: datetime) -> Iterator[Entry]:
    """Every entry received in [start, end), in no order. Scans the table: for recounts and replays, not for a request."""
    condition = JournalRow.received_at.between(times.written(start), times.written(end))
    for row in JournalRow.scan(filter_condition=condition):
        entry = _entry(row)
        if entry.received_at < end:
            yield entry


def from_stream(image: Mapping[str, Any]) -> Entry:
    """The entry in a stream record's new image (DynamoDB JSON)."""
    row = JournalRow()
    row.deserialize(dict(image))
    return _entry(row)


def _entry(row: JournalRow) -> Entry:
    return Entry(
        source_id=row.source_id,
        key=row.fact,
        campaign=row.campaign,
        provider=row.provider,
        step=row.step,
        raw=row.raw,
        digest=row.digest,
        received_at=times.read(row.received_at),
        listed=bool(row.listed),
    )
