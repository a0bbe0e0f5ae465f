"""How long the voice door takes to start, against a handler that imports boto3 and makes one DynamoDB client.

Both from built artefacts, both under AWS's runtime client. "Init" is from the process's start until it asks for its first event.
"""

import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks import bounds
from benchmarks.artefacts import Artefact, bare, built, uncompiled
from benchmarks.measuring import Cell, Check, Report, Table, alternate, lower_quartile, main, progress
from benchmarks.workers import environment_for_imports
from ringback_local.runtime_api import Worker

STARTS = 21


def measure() -> Report:
    with tempfile.TemporaryDirectory(prefix="ringback-bench-") as temporary:
        ours, theirs = built()["VoiceWebhook"], bare(Path(temporary) / "bare")
        compiled = _alternating(ours, theirs)
        progress("the same without compiled code")
        plain = _alternating(
            uncompiled(ours, Path(temporary) / "plain"), uncompiled(theirs, Path(temporary) / "plain-bare")
        )
    rows: list[tuple[Cell, ...]] = []
    for title, (ours_ms, theirs_ms) in (("with .pyc, as built", compiled), ("without .pyc", plain)):
        for name, measured in (("voice_webhook", ours_ms), ("bare handler", theirs_ms)):
            rows.append(
                (f"{name}, {title}", lower_quartile(measured), statistics.median(measured), max(measured))
            )
        rows.append((f"ratio, {title}", lower_quartile(ours_ms) / lower_quartile(theirs_ms), "", ""))
    return Report(
        "cold_start",
        [Table(f"Init in ms, {STARTS} alternating starts", ("", "lower quartile", "median", "most"), rows)],
        [
            Check(
                "init of voice_webhook ÷ bare handler",
                lower_quartile(compiled[0]) / lower_quartile(compiled[1]),
                bounds.COLD_START_RATIO,
            )
        ],
    )


def _alternating(ours: Artefact, theirs: Artefact) -> tuple[list[float], list[float]]:
    """Milliseconds of each start, by side. A first start of each is not counted: it brings the files into memory."""
    environment = environment_for_imports()
    sides = [partial(_init_ms, artefact, environment) for artefact in (ours, theirs)]
    for side in sides:
        side()
    ours_ms, theirs_ms = alternate(STARTS, *sides)
    return ours_ms, theirs_ms


def _init_ms(artefact: Artefact, environment: dict[str, str]) -> float:
    with Worker(artefact.folder, environment, artefact.layers) as worker:
        return worker.init_seconds * 1000


if __name__ == "__main__":
    sys.exit(main(measure))
