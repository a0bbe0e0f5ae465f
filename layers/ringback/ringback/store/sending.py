"""What sending asks and obeys: the pace, the circuit, the budget, pauses, and blocks of numbers that are held."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pynamodb.expressions.operand import Path

from ringback.domain.circuits import Circuit
from ringback.store.singles import ONLY, load_single, moment, ms, update_single
from ringback.store.tables import Attributes, CounterRow, batch_get, connection


def depart(account: str, now: datetime, gap: timedelta, count: int = 1) -> datetime:
    """Take `count` departures in a row, `gap` apart, and return the first: now, or after those already taken.

    One conditional update while others are waiting, two when nobody is. Departures never overlap, so no window of any length
    holds more than its share; a departure that is not used is lost.
    """
    queue, now_ms, taken = Path(["next_ms"]), ms(now), count * _in_ms(gap)
    while True:
        after = update_single(f"pace#{account}", [queue.set(queue + taken)], queue >= now_ms)
        if after is None:
            after = update_single(
                f"pace#{account}", [queue.set(now_ms + taken)], queue.does_not_exist() | (queue < now_ms)
            )
        if after is not None:
            return now + timedelta(milliseconds=int(after["next_ms"]["N"]) - taken - now_ms)


def next_departure(account: str) -> datetime | None:
    """When the next free departure is; in the future by as much as the backlog, or a pause, will take. None before the first."""
    row = load_single(f"pace#{account}")
    return max(
        (moment(row[name]) for name in ("next_ms", "closed_ms", "open_ms") if name in row), default=None
    )


def back_off(account: str, until: datetime) -> None:
    """Nothing departs before `until`, whatever departures were granted: the provider asked for a pause. Only ever longer."""
    closed = Path(["closed_ms"])
    update_single(f"pace#{account}", [closed.set(ms(until))], closed.does_not_exist() | (closed < ms(until)))


@dataclass(frozen=True, slots=True)
class Account:
    """How an account of a provider stands, before anything is asked of it."""

    closed_until: datetime | None
    """The end of the last pause that the provider asked for; None when it never did."""
    circuit: Circuit


def load_account(account: str) -> Account:
    """Both in one consistent read, of the row that also has the pace."""
    row = load_single(f"pace#{account}")
    return Account(moment(row["closed_ms"]) if "closed_ms" in row else None, _circuit(row))


def count_failure(account: str) -> Circuit:
    """Count one more failure in a row against the provider; returns the circuit as it then stands. Not idempotent."""
    row = update_single(f"pace#{account}", [Path(["failures"]).add(1)])
    assert row is not None  # a write without a condition
    return _circuit(row)


def change_circuit(account: str, was: Circuit, becomes: Circuit) -> bool:
    """Change the circuit unless somebody has opened, closed or tried it since it was read; False, and nothing changed, then.

    So of many workers that see it half-open exactly one gets to try, and one that comes too late with its outcome changes nothing.
    """
    open_until, failures, openings = Path(["open_ms"]), Path(["failures"]), Path(["openings"])
    tried = Path(["tried"])
    as_read = open_until.does_not_exist() if was.open_until is None else open_until == ms(was.open_until)
    actions = [
        failures.set(becomes.failures),
        openings.set(becomes.openings),
        open_until.remove() if becomes.open_until is None else open_until.set(ms(becomes.open_until)),
        tried.set(1) if becomes.is_tried else tried.remove(),
    ]
    return update_single(f"pace#{account}", actions, as_read) is not None


def _circuit(row: Attributes) -> Circuit:
    return Circuit(
        failures=int(row["failures"]["N"]) if "failures" in row else 0,
        openings=int(row["openings"]["N"]) if "openings" in row else 0,
        open_until=moment(row["open_ms"]) if "open_ms" in row else None,
        is_tried="tried" in row,
    )


def voice_purse(campaign: str) -> str:
    """From what a campaign's calls are paid, those that are placed and those that are patched: kept apart from what SMS cost, as each
    has its budget.
    """
    return f"{campaign}/calls"


def spend(campaign: str, paise: int, budget_paise: int) -> bool:
    """Take money from the campaign's budget; False, and nothing taken, when that would pass it."""
    spent = Path(["paise"])
    enough = spent.does_not_exist() | (spent <= budget_paise - paise)
    return (
        paise <= budget_paise and update_single(f"spent#{campaign}", [spent.add(paise)], enough) is not None
    )


def give_back(campaign: str, paise: int) -> None:
    """Return money for something that certainly was not sent."""
    update_single(f"spent#{campaign}", [Path(["paise"]).add(-paise)])


@dataclass(frozen=True, slots=True)
class Standing:
    """What a campaign has spent, why its sending is paused, and which prefixes are held until when."""

    paise: int
    paused: str | None
    prefixes: Mapping[str, datetime]


def standing(campaign: str, prefixes: Iterable[str], purse: str = "") -> Standing:
    """All of it in one consistent batch read. `purse` is whose money counts: the campaign's for SMS unless it says otherwise."""
    wanted, purse = dict.fromkeys(prefixes), purse or campaign
    names = [f"spent#{purse}", f"pause#{campaign}", *(f"prefix#{campaign}#{prefix}" for prefix in wanted)]
    rows = {
        row["name"]["S"]: row
        for row in batch_get(CounterRow, ({"name": name, "shard": ONLY} for name in names))
    }
    spent, pause = rows.get(f"spent#{purse}", {}), rows.get(f"pause#{campaign}", {})
    tripped = {prefix: rows.get(f"prefix#{campaign}#{prefix}", {}) for prefix in wanted}
    return Standing(
        paise=int(spent["paise"]["N"]) if "paise" in spent else 0,
        paused=pause["reason"]["S"] if "reason" in pause else None,
        prefixes={prefix: moment(row["until_ms"]) for prefix, row in tripped.items() if "until_ms" in row},
    )


def pause(campaign: str, reason: str) -> None:
    """Stop a campaign's sending until somebody resumes it; receiving goes on. The first reason stands."""
    path = Path(["reason"])
    update_single(f"pause#{campaign}", [path.set(path | reason)])


def resume(campaign: str) -> None:
    connection(CounterRow).delete_item(f"pause#{campaign}", ONLY)


def count_prefix(
    campaign: str, prefix: str, minute: datetime, calls: int, limit: int, hold: timedelta
) -> bool:
    """Count a burst of calls from one block of ten thousand numbers; True when it passes `limit` a minute and is now held.

    The count starts again with each minute. Source of the rule: india-rules A13.
    """
    name, count, since = f"prefix#{campaign}#{prefix}", Path(["calls"]), Path(["minute_ms"])
    minute_ms = ms(minute.replace(second=0, microsecond=0))
    again = update_single(name, [count.add(calls)], since == minute_ms)
    if again is None:
        update_single(name, [count.set(calls), since.set(minute_ms)])
    if (int(again["calls"]["N"]) if again else calls) <= limit:
        return False
    update_single(name, [Path(["until_ms"]).set(ms(minute + hold))])
    return True


def _in_ms(gap: timedelta) -> int:
    return round(gap.total_seconds() * 1000)
