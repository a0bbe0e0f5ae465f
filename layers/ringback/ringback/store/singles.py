"""Counters that are one row: read, and changed under a condition. Moments in them are milliseconds since 1970, to be compared."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from ringback.store.tables import Attributes, CounterRow, connection, update_if

ONLY = "-"
"""The shard of a counter that is one row."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def load_single(name: str) -> Attributes:
    """The row, read consistently; empty when there is none."""
    row: Attributes = connection(CounterRow).get_item(name, ONLY, consistent_read=True).get("Item", {})
    return row


def update_single(
    name: str, actions: Sequence[Action], condition: Condition | None = None
) -> Attributes | None:
    """Change the row, or make it; None, and nothing changed, when the condition failed."""
    return update_if(CounterRow, name, ONLY, actions=actions, condition=condition)


def ms(at: datetime) -> int:
    return (at - _EPOCH) // _MS


def moment(value: Mapping[str, str]) -> datetime:
    """The moment that was written; `ms` of it is the very number, so it can be compared with the row."""
    return _EPOCH + int(value["N"]) * _MS
