"""What one key press in a menu costs, door to answer, against a handler that does one batch read and one transaction of two items."""

import statistics
import sys
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks import bounds
from benchmarks.artefacts import BARE_STEP, bare, built
from benchmarks.deployment import CAMPAIGN, call_id, caller, deployed, flow_request
from benchmarks.measuring import Check, Report, Table, main, progress, progressing, ratios
from benchmarks.webhook import cpu, span
from benchmarks.wire import Answer, Forward, Relay, Request
from benchmarks.workers import Metered, Taken, api_event, environment_of
from ringback.services import campaigns
from ringback_local.network import sample_documents
from ringback_local.stack import Options, Stack

RUNS = 7
BLOCKS, PRESSES = 20, 20
"""Blocks in each run, and key presses in each block: the sides take turns block by block, so that all meet the same disturbances."""

LONGEST_CALL = 10
"""Keys pressed in one call: more than callers do."""

NODES = 200
SMALL, LARGE = "+918040001021", "+918040001031"


def measure() -> Report:
    with (
        tempfile.TemporaryDirectory(prefix="ringback-bench-") as temporary,
        deployed(Options(parameters={"Schedules": "DISABLED"})) as (stack, runtime),
    ):
        for mapping in stack.client("lambda").list_event_source_mappings()["EventSourceMappings"]:
            stack.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])
        campaigns.publish(runtime, with_a_large_menu())
        bare_table(stack)
        environment = environment_of(stack.function("VoiceWebhook"))
        door = built()["VoiceWebhook"]
        with (
            Metered(door, environment, 1024) as ours,
            Metered(door, environment, 1024) as large,
            Metered(bare(Path(temporary) / "bare", BARE_STEP), environment, 1024) as theirs,
        ):
            small_menu, large_menu, nothing = (
                Callers(stack, ours, SMALL),
                Callers(stack, large, LARGE),
                Callers(stack, theirs, SMALL),
            )

            def run() -> tuple[Taken, Taken, Taken]:
                for crowd in (small_menu, large_menu):
                    crowd.ring(BLOCKS * PRESSES)
                    crowd.side.take()
                nothing.ring(0)
                for _ in range(BLOCKS):
                    for crowd in (small_menu, nothing, large_menu):
                        crowd.press(PRESSES)
                return ours.take(), theirs.take(), large.take()

            progress("warming up")
            run()
            runs = [run() for _ in progressing(range(RUNS))]
        trips = round_trips(stack, environment)
    costs = [[cpu(run[side]) for run in runs] for side in range(3)]
    p50s = [[statistics.median(run[side].milliseconds) for run in runs] for side in range(3)]
    to_bare, large_to_bare = ratios(costs[0], costs[1]), ratios(costs[2], costs[1])
    by_size = ratios(costs[2], costs[0])
    names = (
        "voice_webhook: one key, main menu",
        "bare handler: one read, one transaction",
        f"voice_webhook: one key, {NODES} nodes",
    )
    return Report(
        "ivr_step",
        [
            Table(
                f"One key press, warm, in ms: medians of {RUNS} runs of {BLOCKS} × {PRESSES}, taking turns",
                ("", "CPU", "p50"),
                [
                    (name, statistics.median(cost), statistics.median(p50))
                    for name, cost, p50 in zip(names, costs, p50s, strict=True)
                ],
            ),
            Table(
                "Ratios of processor time",
                ("", "median", "least to most"),
                [
                    ("main menu ÷ bare", statistics.median(to_bare), span(to_bare)),
                    (f"{NODES} nodes ÷ bare", statistics.median(large_to_bare), span(large_to_bare)),
                    (f"{NODES} nodes ÷ main menu", statistics.median(by_size), span(by_size)),
                ],
            ),
        ],
        [
            Check("AWS round trips of a key press, most", trips, bounds.IVR_STEP_ROUND_TRIPS),
            Check("CPU of a key press ÷ bare handler", statistics.median(to_bare), bounds.IVR_STEP_CPU_RATIO),
            Check(
                f"CPU of a key press in {NODES} nodes ÷ bare handler",
                statistics.median(large_to_bare),
                bounds.IVR_STEP_CPU_RATIO,
            ),
            Check(
                f"CPU in {NODES} nodes ÷ in the main menu",
                statistics.median(by_size),
                bounds.IVR_STEP_SIZE_RATIO,
            ),
        ],
        [
            "Only key presses are measured: a call's first requests, which read content and contact, are made before each run.",
            "Both include the runtime client's own work for an event; p50 is as the sender of the event sees it.",
        ],
    )


class Callers:
    """A crowd that stands at the first question of a number's menu and has it repeated again and again."""

    _numbers = count()

    def __init__(self, stack: Stack, side: Metered, number: str) -> None:
        self.side = side
        self._number = number
        self._path = f"{urlsplit(stack.voice_url(CAMPAIGN)).path}/turn"
        self._at = stack.now()
        self._waiting: Iterator[str] = iter(())

    def ring(self, presses: int) -> None:
        """Make so many calls that `presses` keys can be pressed, and bring each to its first question."""
        calls = [next(self._numbers) for _ in range(-(-presses // LONGEST_CALL))]
        for number in calls:
            for seconds in (0, 20):  # the call, and silence to the languages
                self.side.invoke(api_event(self._path, self.request(number, seconds)))
        self._waiting = (
            self.request(number, 20 + 10 * nth, "0") for nth in range(1, LONGEST_CALL + 1) for number in calls
        )

    def press(self, keys: int) -> None:
        for _ in range(keys):
            query = next(self._waiting, None) or self.request(next(self._numbers), 0, "0")
            self.side.invoke(api_event(self._path, query))

    def request(self, number: int, seconds: int, digits: str | None = None) -> str:
        """The query of a Passthru in a flow, `seconds` after the crowd has come."""
        phone = caller(number % 100_000)
        return flow_request(call_id(number, "ivr"), phone, self._number, self._at, seconds, digits)


def round_trips(stack: Stack, environment: dict[str, str]) -> float:
    """How often one key press asks AWS, at most, counted on the wire."""
    asked: list[str] = []

    def counting(request: Request, forward: Forward) -> Answer:
        asked.append(request.headers.get("x-amz-target", request.path))
        return forward(request)

    with (
        Relay(stack.addresses.aws_url, counting) as relay,
        Metered(built()["VoiceWebhook"], environment | {"AWS_ENDPOINT_URL": relay.url}, 1024) as side,
    ):
        crowd, most = Callers(stack, side, SMALL), 0
        crowd.ring(LONGEST_CALL)
        for _ in range(LONGEST_CALL):
            asked.clear()
            crowd.press(1)
            most = max(most, len(asked))
    return most


def with_a_large_menu() -> dict[str, Any]:
    """The sample campaign with a menu of many questions beside its own."""
    document: dict[str, Any] = deepcopy(
        dict(next(each for each in sample_documents() if each["campaign"] == CAMPAIGN))
    )
    main_menu = document["voice"]["menus"]["main"]
    nodes: dict[str, Any] = {
        "welcome": {"say": "welcome", "next": "language"},
        "language": main_menu["nodes"]["language"] | {"next": "q1"},
        "goodbye": {"hang_up": "goodbye"},
    }
    last = NODES - len(nodes)
    for nth in range(1, last + 1):
        onward = f"q{nth + 1}" if nth < last else "goodbye"
        nodes[f"q{nth}"] = {"gather": "choose", "options": {"1": onward, "2": "q1", "3": "goodbye"}}
    document["voice"]["menus"]["large"] = {
        "start": "welcome",
        "nodes": nodes,
        "prompts": {"choose": main_menu["prompts"]["choose"]},
    }
    document["numbers"].append(
        {
            "number": LARGE,
            "purpose": "information",
            "language": "en",
            "source": "benchmark",
            "menu": "large",
        }
    )
    return document


def bare_table(stack: Stack) -> None:
    """A table for the bare handler, with a row as large as a call of ours."""
    stack.client("dynamodb").create_table(
        TableName="bare",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    stack.client("dynamodb").put_item(
        TableName="bare",
        Item={"id": {"S": "the-call"}, "turn": {"N": "1"}, "state": {"S": "x" * 1200}},
    )


if __name__ == "__main__":
    sys.exit(main(measure))
