"""Whether a key press costs the same when thousands of calls are live, their presses coming in any order and to any environment.

It takes five minutes, in which a machine does not stay as fast as it was: a bare handler is asked all the while, and what a key press
takes at the end and at the beginning is held against what that takes then.
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks import bounds
from benchmarks.artefacts import BARE_STEP, bare, built
from benchmarks.deployment import CAMPAIGN, call_id, caller, deployed, flow_request
from benchmarks.ivr_step import bare_table
from benchmarks.measuring import Check, Report, Table, main, progress, progressing
from benchmarks.workers import Failed, Metered, api_event, environment_of
from ringback.services import campaigns
from ringback.store import calls
from ringback_local.network import sample_documents
from ringback_local.stack import Options, Stack

SESSIONS, PRESSES = 5_000, 50_000
SPANS = 5
"""The presses are made and looked at in so many spans; the last is compared with the first."""
ENVIRONMENTS = 2
PRESSES_TO_A_BARE = 2
SEED = 30

NUMBER = "+918040001021"
SECONDS_BETWEEN = 10
"""By the provider's time, from one press of a caller to their next: what tells the same key pressed twice from a repeat."""

KEYS = {
    "choose": {"0": "choose", "2": "issue", "4": "updates"},
    "issue": {"0": "issue", "*": "choose"},
    "updates": {"0": "updates", "2": "choose", "*": "choose"},
}
"""What a caller presses at each question, and where it must lead: round and round, so that every call stays live."""


@dataclass(slots=True)
class Caller:
    """One of the callers, and where their call must stand."""

    number: int
    node: str = "choose"
    presses: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """One side's invocations, by what each took in milliseconds."""

    wall: Sequence[float]
    cpu: Sequence[float]


@dataclass(frozen=True, slots=True)
class Span:
    """Presses that were made one after another, the bare handler's answers in between, and what each environment held after them."""

    ours: Asked
    bare: Asked
    held_mb: Sequence[float]

    @property
    def p99_to_bare(self) -> float:
        return usual_p99(self.ours.wall) / usual_p99(self.bare.wall)

    @property
    def cpu_p99_to_bare(self) -> float:
        return usual_p99(self.ours.cpu) / usual_p99(self.bare.cpu)


def measure() -> Report:
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="ringback-bench-") as temporary,
        deployed(Options(parameters={"Schedules": "DISABLED"})) as (stack, runtime),
        ExitStack() as running,
    ):
        for mapping in stack.client("lambda").list_event_source_mappings()["EventSourceMappings"]:
            stack.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])
        campaigns.publish(runtime, without_a_choice_of_language())
        bare_table(stack)
        environment = environment_of(stack.function("VoiceWebhook"))
        door, nothing = built()["VoiceWebhook"], bare(Path(temporary) / "bare", BARE_STEP)
        ours, theirs = (
            [running.enter_context(Metered(artefact, environment, 1024)) for _ in range(ENVIRONMENTS)]
            for artefact in (door, nothing)
        )
        crowd = Crowd(stack, ours, theirs)
        progress(f"{SESSIONS:,} callers ring")
        crowd.ring()
        held_at_first = crowd.take().held_mb
        spans = [crowd.press(nth) for nth in progressing(range(SPANS))]
        progress("looking where every call stands")
        mistaken = crowd.mistaken()
    first, last = spans[0], spans[-1]
    memory = max(end / start for start, end in zip(held_at_first, last.held_mb, strict=True))
    each = PRESSES // SPANS
    return Report(
        "sessions",
        [
            Table(
                f"Key presses in {SESSIONS:,} live calls, in ms and MB",
                (
                    "presses",
                    "p50",
                    "p99",
                    "bare: p50",
                    "p99",
                    "CPU: p50",
                    "p99",
                    "bare CPU: p50",
                    "p99",
                    "held",
                ),
                [
                    (
                        f"{nth * each + 1:,} to {(nth + 1) * each:,}",
                        *(
                            of(taken)
                            for taken in (span.ours.wall, span.bare.wall, span.ours.cpu, span.bare.cpu)
                            for of in (statistics.median, usual_p99)
                        ),
                        ", ".join(f"{held:.1f}" for held in span.held_mb),
                    )
                    for nth, span in enumerate(spans)
                ],
            )
        ],
        [
            Check(
                "p99 of a key press ÷ bare, last ÷ first",
                last.p99_to_bare / first.p99_to_bare,
                bounds.SESSIONS_P99_RATIO,
            ),
            Check(
                "p99 of its CPU ÷ bare, last ÷ first",
                last.cpu_p99_to_bare / first.cpu_p99_to_bare,
                bounds.SESSIONS_P99_RATIO,
            ),
            Check("memory held, end ÷ start", memory, bounds.SESSIONS_MEMORY_RATIO),
            Check("calls that stand elsewhere than their callers", mistaken, bounds.SESSIONS_MISTAKEN),
        ],
        [
            "p99: of each thousand in a row; the middle one is shown.",
            f"Warm-up, not among the presses: {SESSIONS:,} calls begin, each with a request of its own. Memory is held against after that.",
            f"{ENVIRONMENTS} environments press at once, and change places after each span. It took {time.monotonic() - began:.0f} s.",
        ],
    )


class Crowd:
    """Callers who have all rung and stay on the line, and the environments that answer them."""

    def __init__(self, stack: Stack, sides: Sequence[Metered], bare: Sequence[Metered]) -> None:
        self._sides = sides
        self._bare = bare
        self._path = f"{urlsplit(stack.voice_url(CAMPAIGN)).path}/turn"
        self._at = stack.now()
        self._chance = random.Random(SEED)
        self._callers = [Caller(number) for number in range(SESSIONS)]

    def ring(self) -> None:
        """Begin every call."""
        self._ask([(each, self._request(each)) for each in self._callers])

    def press(self, nth: int) -> Span:
        """Press a span of keys: every caller as often as the others, in an order that chance makes."""
        order = self._callers * (PRESSES // SPANS // SESSIONS)
        self._chance.shuffle(order)
        self._ask([(each, self._pressed(each)) for each in order], ahead=nth)
        return self.take()

    def take(self) -> Span:
        """What the environments used since the last time."""
        return Span(_asked(self._sides), _asked(self._bare), [side.memory_mb_held() for side in self._sides])

    def mistaken(self) -> int:
        """How many calls do not stand where their caller's keys lead, or have lost a turn."""
        return sum(not self._is_right(each) for each in self._callers)

    def _pressed(self, who: Caller) -> str:
        """The request that tells of a caller's next key; notes where it leads."""
        key, who.node = self._chance.choice(list(KEYS[who.node].items()))
        who.presses += 1
        return self._request(who, key)

    def _request(self, who: Caller, key: str | None = None) -> str:
        phone, seconds = caller(who.number), who.presses * SECONDS_BETWEEN
        return flow_request(call_id(who.number), phone, NUMBER, self._at, seconds, key)

    def _ask(self, requests: Sequence[tuple[Caller, str]], ahead: int = 0) -> None:
        """Make requests, every environment its part of them at the same time: a caller's come to one, as nobody presses two keys at once."""
        parts: list[list[str]] = [[] for _ in self._sides]
        for who, query in requests:
            parts[(who.number + ahead) % len(parts)].append(query)

        def work(side: Metered, bare: Metered, queries: Sequence[str]) -> None:
            for nth, query in enumerate(queries):
                answer = side.invoke(api_event(self._path, query))
                if answer["statusCode"] != 200:
                    raise Failed(f"the voice door answered {answer['statusCode']}")
                if nth % PRESSES_TO_A_BARE == 0:
                    bare.invoke(api_event(self._path, query))

        with ThreadPoolExecutor(len(parts)) as threads:
            list(threads.map(work, self._sides, self._bare, parts))

    def _is_right(self, who: Caller) -> bool:
        call = calls.load(f"exotel:{call_id(who.number)}")
        return call is not None and (call.session.node, call.turn) == (who.node, 1 + who.presses)


def without_a_choice_of_language() -> dict[str, Any]:
    """The sample campaign with a main menu whose first turn puts its first question."""
    document = next(each for each in sample_documents() if each["campaign"] == CAMPAIGN)
    changed: dict[str, Any] = deepcopy(dict(document))
    nodes = changed["voice"]["menus"]["main"]["nodes"]
    nodes["welcome"] |= {"next": nodes.pop("language")["next"]}
    return changed


def usual_p99(values: Sequence[float]) -> float:
    """The middle one of the p99s of each thousand: what else the machine does for a moment is in few of them."""
    thousands = (values[start : start + 1000] for start in range(0, len(values), 1000))
    return statistics.median(statistics.quantiles(each, n=100)[98] for each in thousands)


def _asked(sides: Sequence[Metered]) -> Asked:
    taken = [side.take() for side in sides]
    return Asked(
        [each for side in taken for each in side.milliseconds],
        [each for side in taken for each in side.cpu_of_each],
    )


if __name__ == "__main__":
    sys.exit(main(measure))
