"""Metrics by the hour, spread over a few rows so that many workers can count at once."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from pynamodb.expressions.operand import Path

from ringback.domain.metrics import Hour, Increments
from ringback.store.tables import CounterRow, connection, update_if

SHARDS = 4
"""Rows one campaign's hour is spread over, so that a peak never writes one item more than DynamoDB takes (1,000 a second)."""


def add(increments: Increments, shard: int) -> None:
    """Add a batch's increments: one update per campaign and hour. Not idempotent: `recount` puts right what a repeat added."""
    for hour, counts in increments.items():
        actions = [Path([name]).add(n) for name, n in counts.items()]
        update_if(CounterRow, _hours(hour.campaign), f"{hour.hour}#{shard % SHARDS}", actions=actions)


def hours(campaign: str, since: str = "", until: str = "~") -> Increments:
    """A campaign's counts by the hour, `since` and `until` as in `2026-11-21T11`, both included. One query."""
    found: Increments = {}
    for row in _query(_hours(campaign), since, f"{until}#~"):
        hour = Hour(campaign, row["shard"]["S"].partition("#")[0])
        counts = {name: int(value["N"]) for name, value in row.items() if "N" in value}
        found.setdefault(hour, Counter()).update(counts)
    return found


def _hours(campaign: str) -> str:
    return f"hours#{campaign}"


def _query(name: str, low: str, high: str) -> Iterable[Mapping[str, Any]]:
    table, start = connection(CounterRow), None
    while True:
        answer = table.query(
            name,
            range_key_condition=CounterRow.shard.between(low or " ", high),
            exclusive_start_key=start,
            consistent_read=True,
        )
        yield from answer["Items"]
        start = answer.get("LastEvaluatedKey")
        if not start:
            return
