"""Judging a story by its promises: each is a function that yields what breaks it, the numbers of people masked."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeVar

from ringback_cli.stories import Verdict

SHOWN = 5
"""How many offenders of a promise are listed."""

E = TypeVar("E")

Promise = Callable[[E], Iterator[str]]


def by_name(*promises: Promise[E]) -> Mapping[str, Promise[E]]:
    """Promises by the names of their functions, in this order."""
    return {promise.__name__: promise for promise in promises}


def judged(evidence: E, promises: Mapping[str, Promise[E]]) -> list[Verdict]:
    """Judge every promise, in their order."""
    return [Verdict(name, tuple(islice(broken(evidence), SHOWN))) for name, broken in promises.items()]


def unexplained(
    dead_letters: Iterable[tuple[str, str]], settled: Collection[tuple[str, ...]]
) -> Iterator[str]:
    """The dead letters (queue, body) whose message was not settled all the same."""
    for queue, body in dead_letters:
        if _keys(body) not in settled:
            yield f"{queue} holds {body[:120]}"


def _keys(body: str) -> tuple[str, ...]:
    try:
        keys = json.loads(body)
    except ValueError:
        return ()
    return tuple(map(str, keys)) if isinstance(keys, list) else ()
