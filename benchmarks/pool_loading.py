"""One side of `pool_load`, in a process of its own so that its memory can be told: ``ours`` or ``bare``, the list, the tables' prefix.

Prints one JSON object: seconds and the most memory held, in MB.
"""

import csv
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import boto3

from benchmarks.claiming import POOL, runtime
from ringback.domain import loads
from ringback.domain.loads import Order, Reader
from ringback.services import loads as loading
from ringback.services.loads import Spool
from ringback_cli import voter_lists
from ringback_cli.voter_lists import Refused

PEPPER = b"of-a-benchmark"


def ours(path: Path, prefix: str) -> None:
    """What `ringback pool load` does, shuffling."""
    reader = Reader(("en",), "en", frozenset(), datetime.now(UTC))
    source = voter_lists.examine(path)
    with tempfile.TemporaryDirectory(prefix="ringback-") as folder:
        spool = Spool(PEPPER, "clean-water", Path(folder) / "list.sqlite", Order.SHUFFLED, 7)
        for _, row in voter_lists.rows(source, reader):
            assert not isinstance(row, Refused)
            spool.add(row)
        name = loads.name(source.digest, Order.SHUFFLED, 7)
        loading.load(runtime(prefix), POOL, name, spool)
        spool.close()


def bare(path: Path, prefix: str) -> None:
    """The same rows, 25 at a time, one request after the other: no check, no order, no tickets."""
    client, table = boto3.client("dynamodb"), f"{prefix}voters"
    with path.open(encoding="utf-8", newline="") as lines:
        puts = ({"PutRequest": {"Item": _item(row)}} for row in csv.DictReader(lines))
        while batch := list(islice(puts, 25)):
            left: Any = {table: batch}
            while left:
                left = client.batch_write_item(RequestItems=left)["UnprocessedItems"]


def write_list(path: Path, voters: int) -> None:
    """A list of made-up people with everything that a row may tell."""
    with path.open("w", encoding="utf-8", newline="") as lines:
        table = csv.writer(lines)
        table.writerow(_COLUMNS)
        table.writerows(_people(voters))


_COLUMNS = (
    "phone",
    "language",
    "area",
    "name",
    "consent",
    "consent_evidence",
    "consent_at",
    "dnd",
    "dnd_checked_at",
)


def _people(voters: int) -> Iterator[tuple[str, ...]]:
    for n in range(voters):
        at = "2026-01-15T00:00:00.000+05:30"
        yield f"+9190{n:08}", "en", f"ward-{n % 250}", f"Voter {n}", "form", f"sheet {n // 40}", at, "no", at


def _item(row: Mapping[str, str]) -> dict[str, Any]:
    person = f"{row['phone'][1:]:0>26}"
    item: dict[str, Any] = {name: {"S": cell} for name, cell in row.items() if name != "dnd"}
    return item | {
        "voter": {"S": f"{POOL}/{person}"},
        "load": {"S": "0123456789ab"},
        "ticket": {"S": "0123456789ab.0.0-0"},
        "state": {"S": "queued"},
        "dnd": {"BOOL": False},
    }


SIDES: Mapping[str, Callable[[Path, str], None]] = {"ours": ours, "bare": bare}


if __name__ == "__main__":
    side, path, prefix = sys.argv[1:]
    before = time.monotonic()
    SIDES[side](Path(path), prefix)
    seconds = time.monotonic() - before
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb}))
