"""Claiming a voter: what it writes and how long it takes, by the size of the pool; and what callers at once lose to each other.

The tables are the emulator's, over HTTP, or those of any DynamoDB that AWS_ENDPOINT_URL_DYNAMODB names. The pools hold all their
tickets, but only the voters who are claimed here.
"""

import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3

from benchmarks import bounds, crowds
from benchmarks.claiming import build, claim, runtime
from benchmarks.measuring import Check, Report, Table, main, progress
from benchmarks.units import Item
from benchmarks.wire import Meter, Relay, Used, shape_of
from ringback.domain.pools import SHARDS
from ringback.services.pools import Pools
from ringback.store import tables
from ringback_local import dynamodb

SIZES = (1_200, 12_000, 120_000, 1_200_000)
ROUNDS, CLAIMS, METERED = 20, 20, 40
"""Claims of each pool in a round, so that whatever disturbs the machine disturbs all of them; and those counted on the wire."""

CROWDS = (250, 2_500)
PREFIX = "claim-"


def measure() -> Report:
    with dynamodb.running(PREFIX):
        made = runtime(PREFIX)
        for size in SIZES:
            progress(f"a pool of {size:,}")
            build(made, f"bench/{size}", size, (ROUNDS * CLAIMS + METERED) // SHARDS * 2)
        times = _times()
        bills = _bills()
        crowds = [_crowd(callers) for callers in CROWDS]
    rows = [
        (
            f"{size:,}",
            bills[size].requests / METERED,
            bills[size].writes / METERED,
            bills[size].reads / METERED,
            1000 * statistics.median(times[size]),
            1000 * statistics.quantiles(times[size], n=100)[98],
        )
        for size in SIZES
    ]
    ratio = statistics.median(times[SIZES[-1]]) / statistics.median(times[SIZES[0]])
    return Report(
        "claim",
        [
            Table(
                "One claim, by the size of the pool",
                ("voters", "write requests", "write units", "read units", "p50 ms", "p99 ms"),
                rows,
            ),
            Table(
                "Callers at once",
                ("callers", "got a voter", "different voters", "tickets lost", "most at once", "seconds"),
                crowds,
            ),
        ],
        [
            Check("write requests of a claim", max(float(row[1]) for row in rows), bounds.CLAIM_WRITES),
            Check("write units of a claim", max(float(row[2]) for row in rows), bounds.CLAIM_UNITS),
            Check(f"median at {SIZES[-1]:,} ÷ at {SIZES[0]:,}", ratio, bounds.CLAIM_SIZE_RATIO),
            *(
                Check(f"tickets lost for each of {row[0]:,} claims", row[3] / row[0], bounds.CLAIM_CONFLICTS)
                for row in crowds
            ),
            *(
                Check(
                    f"of {row[0]:,} callers, without a voter of their own",
                    row[0] - row[2],
                    bounds.CLAIMED_TWICE,
                )
                for row in crowds
            ),
        ],
    )


def _times() -> dict[int, list[float]]:
    """Seconds of each claim, by the size of the pool."""
    made = runtime(PREFIX)
    doors = Pools(made)
    times: dict[int, list[float]] = {size: [] for size in SIZES}
    for turn in range(ROUNDS):
        for size in SIZES if turn % 2 else SIZES[::-1]:
            for n in range(CLAIMS):
                call_id = f"exotel:{size:08x}{turn * CLAIMS + n:024x}"
                before = time.perf_counter()
                assert claim(made, doors, f"bench/{size}", call_id).person
                times[size].append(time.perf_counter() - before)
    return times


def _bills() -> dict[int, Used]:
    """What the writes and reads of so many claims come to, counted on the wire."""
    bills = {}
    with _metered() as meter:
        made = runtime(PREFIX)
        doors = Pools(made)
        for size in SIZES:
            meter.take()
            for n in range(METERED):
                assert claim(made, doors, f"bench/{size}", f"exotel:metered{size:08x}{n:017x}").person
            bill = meter.take()
            written = sum((used for used in bill.values() if used.writes), Used())
            read = sum(used.reads for used in bill.values())
            bills[size] = Used(_write_requests(bill), written.writes, read)
    return bills


def _write_requests(bill: dict[str, Used]) -> int:
    return sum(used.requests for used in bill.values() if used.writes)


@contextmanager
def _metered() -> Iterator[Meter]:
    """Whatever this process asks of DynamoDB from now on goes through a meter."""
    endpoint = os.environ[dynamodb.ENDPOINT]
    client = boto3.Session().client("dynamodb")
    names = [f"{PREFIX}{model.Meta.table_name.removeprefix(PREFIX)}" for model in tables.ALL]
    shapes = {name: shape_of(client.describe_table(TableName=name)["Table"]) for name in names}

    def look(table: str, key: Item) -> Item | None:
        found: Any = client.get_item(TableName=table, Key=key, ConsistentRead=True)
        item: Item | None = found.get("Item")
        return item

    meter = Meter(PREFIX, shapes, look)
    with Relay(endpoint, meter) as relay:
        os.environ[dynamodb.ENDPOINT] = relay.url
        try:
            yield meter
        finally:
            os.environ[dynamodb.ENDPOINT] = endpoint
            runtime(PREFIX)


def _crowd(callers: int) -> tuple[int, int, int, int, int, float]:
    """So many callers at once, from several processes. A tenth more voters: an update whose answer got lost on the way is made again
    by the AWS client, and takes another ticket.
    """
    pool = f"bench/crowd-{callers}"
    build(runtime(PREFIX), pool, callers + callers // 10, callers)
    progress(f"{callers:,} callers at once")
    told = crowds.gather("benchmarks.claiming", [PREFIX, pool], callers)
    people = [person for each in told for person in each["people"] if person]
    spans = [(began, ended) for each in told for began, ended in each["spans"]]
    seconds = max(ended for _, ended in spans) - min(began for began, _ in spans)
    lost = sum(each["lost"] for each in told)
    return callers, len(people), len(set(people)), lost, crowds.most_at_once(spans), seconds


if __name__ == "__main__":
    sys.exit(main(measure))
