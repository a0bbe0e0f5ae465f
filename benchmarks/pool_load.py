"""Loading a list into a pool beside writing the same rows with a bare loop: rows a second, and the memory of our process.

``VOTERS=1200000 python -m benchmarks.pool_load`` takes 12 lakh, one round each; without it there are three rounds of 40,000. Against the
emulator's DynamoDB, or any other that AWS_ENDPOINT_URL_DYNAMODB names.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks import bounds
from benchmarks.measuring import Check, NotMeasured, Report, Table, alternate, main, progress, ratios
from benchmarks.pool_loading import write_list
from ringback_local import dynamodb

VOTERS = int(os.environ.get("VOTERS", "40000"))
ROUNDS = 3 if VOTERS <= 100_000 else 1


@dataclass(frozen=True, slots=True)
class Run:
    rate: float
    """Rows a second."""
    peak_mb: float


def measure() -> Report:
    with tempfile.TemporaryDirectory(prefix="ringback-") as folder:
        path = Path(folder) / "voters.csv"
        write_list(path, VOTERS)
        progress(f"{VOTERS:,} voters, {ROUNDS} rounds")
        ours, bare = alternate(ROUNDS, lambda: _run("ours", path), lambda: _run("bare", path))
    ratio = statistics.median(ratios((run.rate for run in ours), (run.rate for run in bare)))
    peak = max(run.peak_mb for run in ours)
    rows = [
        (name, statistics.median(run.rate for run in runs), max(run.peak_mb for run in runs))
        for name, runs in (("ringback pool load", ours), ("bare batch_write_item loop", bare))
    ]
    return Report(
        "pool_load",
        [Table(f"{VOTERS:,} voters", ("", "rows a second", "peak MB"), rows)],
        [
            Check("rows a second ÷ the bare loop's", ratio, bounds.POOL_LOAD_RATIO),
            Check("peak MB", peak, bounds.POOL_LOAD_MB),
        ],
    )


def _run(side: str, path: Path) -> Run:
    prefix = f"load-{side}-"
    with dynamodb.running(prefix):
        command = [sys.executable, "-m", "benchmarks.pool_loading", side, str(path), prefix]
        child = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if child.returncode:
        raise NotMeasured(f"{side} failed")
    told = json.loads(child.stdout)
    progress(f"{side}: {told['seconds']:.1f} s")
    return Run(VOTERS / told["seconds"], told["peak_mb"])


if __name__ == "__main__":
    sys.exit(main(measure))
