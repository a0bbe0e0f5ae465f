"""The most memory that each function has held, built, under AWS's runtime client, after doing its usual work."""

import sys

from benchmarks import bounds
from benchmarks.artefacts import NAMES
from benchmarks.measuring import Check, Report, Table, main, progress
from benchmarks.pipeline import running
from ringback_local.stack import Options

CALLS, BATCH = 200, 100


def measure() -> Report:
    options = Options(parameters={"Schedules": "DISABLED", "SmsPerMinute": "0"}, timing={"sms_seconds": 3600})
    with running(options, metered=False) as (_, _, pipeline):
        progress(f"{CALLS} calls, their SMS and delivery reports")
        pipeline.call(CALLS)
        pipeline.react(BATCH)
        pipeline.send(10)
        pipeline.report()
        pipeline.react(BATCH)
        for name in ("Release", "Reconcile"):
            pipeline.functions[name].invoke({})
        rows = [
            (
                name,
                pipeline.functions[name].peak_memory_mb(),
                pipeline.functions[name].memory_mb,
                pipeline.functions[name].peak_memory_mb() / pipeline.functions[name].memory_mb,
            )
            for name in NAMES
        ]
    return Report(
        "memory",
        [Table("Peak memory in MB", ("function", "held", "given", "share"), rows)],
        [
            Check(
                "largest share of what a function is given", max(row[3] for row in rows), bounds.MEMORY_SHARE
            )
        ],
    )


if __name__ == "__main__":
    sys.exit(main(measure))
