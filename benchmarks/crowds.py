"""Crowds: callers who ask at the same moment, each in a thread of its own, in a few processes.

Every caller asks one question and waits for its answer, as a line on which somebody is silent does: all questions of a crowd are under way
at once, and `most_at_once` tells of how many that came true. The threads of a process share its AWS clients and what a door keeps at hand,
as the environments of a function do not: what is measured is what callers do to each other in the tables.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any, TypeVar

from benchmarks.measuring import NotMeasured
from ringback import observability
from ringback.store import tables

T = TypeVar("T")

PROCESSES = 5


def gather(
    module: str, arguments: Sequence[str], callers: int, environment: Mapping[str, str] | None = None
) -> list[Any]:
    """Run `module` with `arguments`, its first caller and its number of callers, in several processes; what each told, once all have."""
    share = callers // PROCESSES
    commands = [
        [sys.executable, "-m", module, *arguments, str(n * share), str(share)] for n in range(PROCESSES)
    ]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        for command in commands
    ]
    for child in children:
        _pipe(child.stdout).readline()  # the others wait for the slowest
    for child in children:
        with suppress(BrokenPipeError):  # it failed, as its silence will tell
            _pipe(child.stdin).write("now\n")
            _pipe(child.stdin).flush()
    told = [child.communicate()[0] for child in children]
    if not all(told):
        raise NotMeasured("a process of callers failed")
    return [json.loads(text.splitlines()[-1]) for text in told]


def at_once(callers: int, ask: Callable[[int], T]) -> list[tuple[T, float, float]]:
    """So many callers of this process, once `gather` says so: what `ask` returned to each, and when it was asked and answered."""
    gathered, go = threading.Barrier(callers + 1), threading.Event()

    def call(n: int) -> tuple[T, float, float]:
        gathered.wait()
        go.wait()
        began = time.time()
        return ask(n), began, time.time()

    with ThreadPoolExecutor(callers) as phones:
        waiting = [phones.submit(call, n) for n in range(callers)]
        gathered.wait()
        print("ready", flush=True)
        sys.stdin.readline()
        go.set()
        return [each.result() for each in waiting]


def prepare() -> None:
    """Make what the callers of a process share fit for many at once, which no environment is: the client of each table, else every caller
    would make one of its own, in tens of megabytes each; and no metrics, since Powertools gathers them for one invocation at a time.
    """
    for model in tables.ALL:
        _ = tables.connection(model).connection.client
    vars(observability.metrics)["add_metric"] = lambda **_: None


def most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    """How many of the questions were under way at the same time, at most."""
    moments = sorted(moment for began, ended in spans for moment in ((began, 1), (ended, -1)))
    most = at_work = 0
    for _, change in moments:
        at_work += change
        most = max(most, at_work)
    return most


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None  # asked for
    return pipe
