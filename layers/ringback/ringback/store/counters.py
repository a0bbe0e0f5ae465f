"""Numbers that many workers change at once: metrics by the hour, the pace, spending, pauses, tripped prefixes, a watermark."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pynamodb.constants import ALL_NEW
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from ringback.domain.metrics import Hour, Increments
from ringback.store.tables import CounterRow, connection

SHARDS = 4
"""Rows one campaign's hour is spread over, so that a peak never writes one item more than DynamoDB takes (1,000 a second)."""

_ONLY = "-"


def add(increments: Increments, shard: int) -> None:
    """Add a batch's increments: one update per campaign and hour. Not idempotent: `recount` puts right what a repeat added."""
    for hour, counts in increments.items():
        actions: list[Action] = [Path([name]).add(n) for name, n in counts.items()]
        connection(CounterRow).update_item(
            _hours(hour.campaign), f"{hour.hour}#{shard % SHARDS}", actions=actions
        )


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


# Pace


def depart(account: str, now: datetime, gap: timedelta, count: int = 1) -> datetime:
    """Take `count` departures in a row, `gap` apart, and return the first: now, or after those already taken.

    One conditional update while others are waiting, two when nobody is. Departures never overlap, so no window of any length
    holds more than its share; a departure that is not used is lost.
    """
    queue, now_ms, taken = Path(["next_ms"]), _ms(now), count * _gap_ms(gap)
    while True:
        after = _update_if(f"pace#{account}", [queue.set(queue + taken)], queue >= now_ms)
        if after is None:
            after = _update_if(
                f"pace#{account}", [queue.set(now_ms + taken)], queue.does_not_exist() | (queue < now_ms)
            )
        if after is not None:
            return now + timedelta(milliseconds=int(after["next_ms"]["N"]) - taken - now_ms)


def next_departure(account: str) -> datetime | None:
    """When the next free departure is; in the future by as much as the backlog will take. None before the first."""
    row = _get(f"pace#{account}")
    return _moment(row["next_ms"]) if "next_ms" in row else None


def back_off(account: str, until: datetime) -> None:
    """No new departure before `until`: the provider asked for a pause."""
    queue = Path(["next_ms"])
    _update_if(f"pace#{account}", [queue.set(_ms(until))], queue.does_not_exist() | (queue < _ms(until)))


# Spending


def spend(campaign: str, paise: int, budget_paise: int) -> bool:
    """Take money from the campaign's budget; False, and nothing taken, when that would pass it."""
    spent = Path(["paise"])
    enough = spent.does_not_exist() | (spent <= budget_paise - paise)
    return paise <= budget_paise and _update_if(f"spent#{campaign}", [spent.add(paise)], enough) is not None


def give_back(campaign: str, paise: int) -> None:
    """Return money for something that certainly was not sent."""
    connection(CounterRow).update_item(f"spent#{campaign}", _ONLY, actions=[Path(["paise"]).add(-paise)])


# What the policy gate asks at once


@dataclass(frozen=True, slots=True)
class Standing:
    """What a campaign has spent, why its sending is paused, and which prefixes are held until when."""

    paise: int
    paused: str | None
    prefixes: Mapping[str, datetime]


def standing(campaign: str, prefixes: Iterable[str]) -> Standing:
    """All of it in one consistent batch read."""
    wanted = dict.fromkeys(prefixes)
    names = [f"spent#{campaign}", f"pause#{campaign}", *(f"prefix#{campaign}#{prefix}" for prefix in wanted)]
    rows: dict[str, Mapping[str, Any]] = {}
    table = connection(CounterRow)
    for start in range(0, len(names), 100):
        keys: list[dict[str, str]] = [{"name": name, "shard": _ONLY} for name in names[start : start + 100]]
        while keys:
            answer = table.batch_get_item(keys, consistent_read=True)  # type: ignore[arg-type]
            rows |= {row["name"]["S"]: row for row in answer["Responses"].get(table.table_name, [])}
            left = answer.get("UnprocessedKeys", {}).get(table.table_name, {}).get("Keys", [])
            keys = [{"name": key["name"]["S"], "shard": _ONLY} for key in left]
    spent, pause = rows.get(f"spent#{campaign}", {}), rows.get(f"pause#{campaign}", {})
    tripped = {prefix: rows.get(f"prefix#{campaign}#{prefix}", {}) for prefix in wanted}
    return Standing(
        paise=int(spent["paise"]["N"]) if "paise" in spent else 0,
        paused=pause["reason"]["S"] if "reason" in pause else None,
        prefixes={prefix: _moment(row["until_ms"]) for prefix, row in tripped.items() if "until_ms" in row},
    )


def pause(campaign: str, reason: str) -> None:
    """Stop a campaign's sending until somebody resumes it; receiving goes on. The first reason stands."""
    path = Path(["reason"])
    connection(CounterRow).update_item(f"pause#{campaign}", _ONLY, actions=[path.set(path | reason)])


def resume(campaign: str) -> None:
    connection(CounterRow).delete_item(f"pause#{campaign}", _ONLY)


def count_prefix(
    campaign: str, prefix: str, minute: datetime, calls: int, limit: int, hold: timedelta
) -> bool:
    """Count a burst of calls from one block of ten thousand numbers; True when it passes `limit` a minute and is now held.

    The count starts again with each minute. Source of the rule: india-rules A13.
    """
    name, count, since = f"prefix#{campaign}#{prefix}", Path(["calls"]), Path(["minute_ms"])
    minute_ms = _ms(minute.replace(second=0, microsecond=0))
    after = _update_if(name, [count.add(calls)], since == minute_ms)
    if after is None:
        after = _update(name, [count.set(calls), since.set(minute_ms)])
    if int(after["calls"]["N"]) <= limit:
        return False
    _update(name, [Path(["until_ms"]).set(_ms(minute + hold))])
    return True


# Watermark


def watermark(name: str) -> datetime | None:
    """Up to which moment the provider's call listing is known to be complete with us."""
    row = _get(f"watermark#{name}")
    return _moment(row["at_ms"]) if "at_ms" in row else None


def set_watermark(name: str, at: datetime) -> None:
    """Move the watermark forward; never back."""
    path = Path(["at_ms"])
    _update_if(f"watermark#{name}", [path.set(_ms(at))], path.does_not_exist() | (path < _ms(at)))


def _gap_ms(gap: timedelta) -> int:
    return round(gap.total_seconds() * 1000)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _moment(value: Mapping[str, str]) -> datetime:
    return datetime.fromtimestamp(int(value["N"]) / 1000, UTC)


def _get(name: str) -> Mapping[str, Any]:
    answer = connection(CounterRow).get_item(name, _ONLY, consistent_read=True)
    item: Mapping[str, Any] = answer.get("Item", {})
    return item


def _update(name: str, actions: list[Action]) -> Mapping[str, Any]:
    answer = connection(CounterRow).update_item(name, _ONLY, actions=actions, return_values=ALL_NEW)
    attributes: Mapping[str, Any] = answer["Attributes"]
    return attributes


def _update_if(name: str, actions: list[Action], condition: Any) -> Mapping[str, Any] | None:
    try:
        answer = connection(CounterRow).update_item(
            name, _ONLY, actions=actions, condition=condition, return_values=ALL_NEW
        )
    except UpdateError as problem:
        if problem.cause_response_code == "ConditionalCheckFailedException":
            return None
        raise
    attributes: Mapping[str, Any] = answer["Attributes"]
    return attributes
