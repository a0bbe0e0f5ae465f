"""What one answer at the Connect URL costs, door to answer, against a handler that makes the same five requests to AWS; and what crowds get.

The crowds ask over HTTP, on the emulator's tables alone or those of any DynamoDB that AWS_ENDPOINT_URL_DYNAMODB names: as many callers at
once as slots and a fifth more, so that some must hear that every line is taken.
"""

import os
import statistics
import sys
import tempfile
from dataclasses import astuple, dataclass
from itertools import count
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from benchmarks import bounds, connecting, crowds
from benchmarks.artefacts import BARE_CONNECT, bare, built
from benchmarks.claiming import POOL
from benchmarks.deployment import deployed
from benchmarks.measuring import Check, Report, Table, main, progress, progressing, ratios
from benchmarks.webhook import cpu, span
from benchmarks.wire import Answer, Forward, Relay, Request
from benchmarks.workers import Metered, Taken, api_event, environment_of
from ringback.runtime import Runtime
from ringback.services.pools import find
from ringback.store import pools, slots
from ringback_local import dynamodb
from ringback_local.stack import Options, Stack

RUNS = 5
BLOCKS, CONNECTS = 10, 10
"""Blocks in each run, and answers in each block: the sides take turns block by block, so that both meet the same disturbances."""

METERED = 20
CROWDS = ((250, 200), (2_500, 2_000))
"""Callers at once, and slots; the last crowd asks once more, over HTTP at the voice door."""

PREFIX = "connect-"


@dataclass(frozen=True, slots=True)
class Crowd:
    """What became of so many callers, when there were so many slots."""

    callers: int
    at: str
    limit: int
    given: int
    """Callers who were given a voter."""
    different: int
    """Voters who were given to them."""
    held: int
    """Slots, afterwards: none is given back meanwhile."""
    lost: int
    """Tickets that were taken and are nobody's."""
    at_once: int
    """Questions under way at the same time, at most."""
    seconds: float
    p50: float


def measure() -> Report:
    with (
        tempfile.TemporaryDirectory(prefix="ringback-bench-") as temporary,
        deployed(Options(parameters={"Schedules": "DISABLED"})) as (stack, runtime),
    ):
        for mapping in stack.client("lambda").list_event_source_mappings()["EventSourceMappings"]:
            stack.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])
        progress("callers and voters")
        asked = (RUNS + 2) * BLOCKS * CONNECTS + METERED + 100
        connecting.publish(runtime, slots=100_000)
        connecting.fill(runtime, asked + CROWDS[-1][0])
        connecting.ring(runtime, range(asked))
        _bare_table(stack)
        environment = environment_of(stack.function("VoiceWebhook"))
        with (
            Metered(built()["VoiceWebhook"], environment, 1024) as ours,
            Metered(bare(Path(temporary) / "bare", BARE_CONNECT), environment, 1024) as theirs,
        ):
            callers = Callers(stack)

            def run() -> tuple[Taken, Taken]:
                for _ in range(BLOCKS):
                    callers.ask(ours, CONNECTS)
                    callers.ask_for_nothing(theirs, CONNECTS)
                return ours.take(), theirs.take()

            progress("warming up")
            run()
            runs = [run() for _ in progressing(range(RUNS))]
        trips = _round_trips(stack, environment, callers)
        at_door = _door_crowd(stack, runtime, asked)
    found = [*_crowds(), at_door]
    costs = [[cpu(run[side]) for run in runs] for side in range(2)]
    p50s = [[statistics.median(run[side].milliseconds) for run in runs] for side in range(2)]
    to_bare = ratios(costs[0], costs[1])
    names = ("voice_webhook: one new voter", "bare handler: the same five requests")
    return Report(
        "connect_answer",
        [
            Table(
                f"One answer, warm, in ms: medians of {RUNS} runs of {BLOCKS} × {CONNECTS}, taking turns",
                ("", "CPU", "p50"),
                [
                    (name, statistics.median(cost), statistics.median(p50))
                    for name, cost, p50 in zip(names, costs, p50s, strict=True)
                ],
            ),
            Table(
                "Ratio of processor time",
                ("", "median", "least to most"),
                [("ours ÷ bare", statistics.median(to_bare), span(to_bare))],
            ),
            Table(
                "Callers at once",
                (
                    *(
                        "callers",
                        "at",
                        "slots",
                        "given a voter",
                        "different voters",
                        "slots held",
                        "tickets lost",
                    ),
                    *("most at once", "seconds", "p50 s"),
                ),
                [astuple(crowd) for crowd in found],
            ),
        ],
        [
            Check("AWS round trips of a new voter, median", trips, bounds.CONNECT_ROUND_TRIPS),
            Check("CPU of an answer ÷ bare handler", statistics.median(to_bare), bounds.CONNECT_CPU_RATIO),
            *(check for crowd in found for check in _checks(crowd)),
        ],
        [
            "Calls and influencers are written beforehand, where the menu has brought them; each is asked about once.",
            f"A crowd's questions are asked at once, each by a thread of its own in {crowds.PROCESSES} processes over HTTP, but for one in each "
            "process that goes ahead; nobody hangs up, so every slot that was taken is held until all have their answers.",
        ],
    )


def _checks(crowd: Crowd) -> list[Check]:
    of = f"of {crowd.callers:,} callers at {crowd.at}"
    return [
        Check(
            f"{of}, bridged beyond the limit or turned away below it",
            abs(crowd.given - crowd.limit),
            bounds.CONNECT_OVER,
        ),
        Check(f"{of}, with somebody else's voter", crowd.given - crowd.different, bounds.CLAIMED_TWICE),
        Check(f"{of}, slots held and not bridged", abs(crowd.held - crowd.given), bounds.CONNECT_OVER),
        Check(f"{of}, tickets lost", crowd.lost, bounds.CONNECT_OVER),
    ]


class Callers:
    """Influencers who stand at a Connect, each asked about once."""

    def __init__(self, stack: Stack) -> None:
        self._path = f"{urlsplit(stack.voice_url(connecting.CAMPAIGN)).path}/dial"
        self._at = stack.now()
        self._numbers = count()

    def ask(self, side: Metered, times: int) -> None:
        for _ in range(times):
            answer = side.invoke(
                api_event(self._path, urlencode(connecting.query(next(self._numbers), self._at)))
            )
            assert answer["statusCode"] == 200
            assert '"numbers": ["' in answer["body"], "nobody was given: `make build` builds what is measured"

    def ask_for_nothing(self, side: Metered, times: int) -> None:
        """The same question put to a handler that looks at nothing of it."""
        for _ in range(times):
            side.invoke(api_event(self._path, urlencode(connecting.query(0, self._at))))


def _round_trips(stack: Stack, environment: dict[str, str], callers: Callers) -> float:
    """How often an answer asks AWS, counted on the wire; a block of tickets is fetched once in five hundred."""
    asked: list[str] = []

    def counting(request: Request, forward: Forward) -> Answer:
        asked.append(request.headers.get("x-amz-target", request.path))
        return forward(request)

    with (
        Relay(stack.addresses.aws_url, counting) as relay,
        Metered(built()["VoiceWebhook"], environment | {"AWS_ENDPOINT_URL": relay.url}, 1024) as side,
    ):
        made = []
        for _ in range(METERED):
            asked.clear()
            callers.ask(side, 1)
            made.append(len(asked))
    return statistics.median(made)


def _crowds() -> list[Crowd]:
    found = []
    with dynamodb.running(PREFIX) as environment:
        made = connecting.on_tables(PREFIX)
        connecting.fill(made, sum(callers for callers, _ in CROWDS) + 100)
        first = 0
        for callers, limit in CROWDS:
            progress(f"{callers:,} callers at once")
            connecting.publish(made, limit)
            connecting.ring(made, range(first, first + callers))
            before = slots.load("exotel")
            assert not before.total or slots.correct("exotel", before, {})
            found.append(_crowd("the code", PREFIX, environment, first, callers, limit))
            first += callers
    return found


def _door_crowd(stack: Stack, runtime: Runtime, first: int) -> Crowd:
    """The last crowd at the voice door itself: gateway, function and tables of the whole stack."""
    callers, limit = CROWDS[-1]
    progress(f"{callers:,} callers at once at the voice door")
    connecting.publish(runtime, limit)
    connecting.ring(runtime, range(first, first + callers))
    held = slots.load("exotel")
    assert not held.total or slots.correct("exotel", held, {})
    door = f"{stack.voice_url(connecting.CAMPAIGN)}/dial#{stack.now().isoformat()}"
    return _crowd("the voice door", door, {}, first, callers, limit)


def _crowd(at: str, where: str, environment: dict[str, str], first: int, callers: int, limit: int) -> Crowd:
    before = _taken()
    told = crowds.gather("benchmarks.connecting", [where, str(first)], callers, _environment(environment))
    given = [number for each in told for number in each["numbers"] if number]
    spans = [(began, ended) for each in told for began, ended in each["spans"]]
    return Crowd(
        callers=callers,
        at=at,
        limit=limit,
        given=len(given),
        different=len(set(given)),
        held=slots.load("exotel").total,
        lost=_taken() - before - len(given),
        at_once=crowds.most_at_once(spans),
        seconds=max(ended for _, ended in spans) - min(began for began, _ in spans),
        p50=statistics.median(ended - began for began, ended in spans),
    )


def _taken() -> int:
    """Tickets of the pool that were ever taken."""
    return sum(cursor.next for cursor in pools.cursors(find(POOL)))


def _environment(tables: dict[str, str]) -> dict[str, str]:
    return {**os.environ, **tables, "LOG_LEVEL": "CRITICAL"}


def _bare_table(stack: Stack) -> None:
    """A table for the bare handler, with rows as large as ours."""
    stack.client("dynamodb").create_table(
        TableName="bare",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for name in ("the-call", "the-influencer", "the-voter"):
        stack.client("dynamodb").put_item(
            TableName="bare", Item={"id": {"S": name}, "state": {"S": "x" * 800}}
        )


if __name__ == "__main__":
    sys.exit(main(measure))
