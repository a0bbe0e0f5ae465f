"""What one warm missed-call callback costs, against a handler that does one boto3 `put_item` at the same DynamoDB endpoint."""

import statistics
import sys
import tempfile
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import bounds
from benchmarks.artefacts import bare, built
from benchmarks.deployment import call_id, caller, deployed, missed_call
from benchmarks.measuring import Check, Report, Table, main, progress, progressing, ratios
from benchmarks.workers import Metered, Taken, api_event, environment_of
from ringback_local.stack import Options

RUNS = 7
BLOCKS, CALLBACKS = 20, 20
"""Blocks in each run, and callbacks in each block: the sides take turns block by block, so that both meet the same disturbances."""


def measure() -> Report:
    with (
        tempfile.TemporaryDirectory(prefix="ringback-bench-") as temporary,
        deployed(Options(parameters={"Schedules": "DISABLED"})) as (stack, _),
    ):
        for mapping in stack.client("lambda").list_event_source_mappings()["EventSourceMappings"]:
            stack.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])
        stack.client("dynamodb").create_table(
            TableName="bare",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        path = f"{urlsplit(stack.voice_url('clean-water')).path}/missed-call"
        numbers = count()
        environment = environment_of(stack.function("VoiceWebhook"))
        with (
            Metered(built()["VoiceWebhook"], environment, 1024) as ours,
            Metered(bare(Path(temporary) / "bare"), environment, 1024) as theirs,
        ):

            def block(side: Metered) -> None:
                for number in (next(numbers) for _ in range(CALLBACKS)):
                    query = missed_call(call_id(number), caller(number % 100_000), stack.now())
                    side.invoke(api_event(path, query))

            def run() -> tuple[Taken, Taken]:
                for _ in range(BLOCKS):
                    block(ours)
                    block(theirs)
                return ours.take(), theirs.take()

            progress("warming up")
            run()
            runs = [run() for _ in progressing(range(RUNS))]
    ours_cpu, theirs_cpu = ([cpu(run[side]) for run in runs] for side in (0, 1))
    ours_p50, theirs_p50 = ([statistics.median(run[side].milliseconds) for run in runs] for side in (0, 1))
    cpu_ratios, p50_ratios = ratios(ours_cpu, theirs_cpu), ratios(ours_p50, theirs_p50)
    return Report(
        "webhook",
        [
            Table(
                f"One callback, warm, in ms: medians of {RUNS} runs of {BLOCKS} × {CALLBACKS}, taking turns",
                ("", "CPU", "p50"),
                [
                    (
                        "voice_webhook: one missed call",
                        statistics.median(ours_cpu),
                        statistics.median(ours_p50),
                    ),
                    (
                        "bare handler: one put_item",
                        statistics.median(theirs_cpu),
                        statistics.median(theirs_p50),
                    ),
                    (
                        "ratio, median of the runs",
                        statistics.median(cpu_ratios),
                        statistics.median(p50_ratios),
                    ),
                    ("ratio, least to most", span(cpu_ratios), span(p50_ratios)),
                ],
            )
        ],
        [
            Check(
                "CPU of voice_webhook ÷ bare handler", statistics.median(cpu_ratios), bounds.WEBHOOK_CPU_RATIO
            )
        ],
        [
            "Both include the runtime client's own work for an event; p50 is as the sender of the event sees it."
        ],
    )


def cpu(taken: Taken) -> float:
    """Milliseconds of processor time of one callback."""
    return taken.cpu_milliseconds / len(taken.milliseconds)


def span(values: list[float]) -> str:
    return f"{min(values):.2f} – {max(values):.2f}"


if __name__ == "__main__":
    sys.exit(main(measure))
