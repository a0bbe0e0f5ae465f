"""Counters that are one row: read, and changed under a condition. Moments in them are milliseconds since 1970, to be compared."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from ringback.store.tables import Attributes, CounterRow, connection, update_if

ONLY = "-"
"""The shard of a counter that is one row."""


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
    return int(at.timestamp() * 1000)


def moment(value: Mapping[str, str]) -> datetime:
    return datetime.fromtimestamp(int(value["N"]) / 1000, UTC)
