"""Whole stories that `ringback play` runs through a stack of its own: what a story is given, and what it reports."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Unplayable(Exception):
    """The story cannot be played as asked; the message is one sentence for the person who asked."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to play. The same size, seed and faults make the same people do the same things and meet the same misfortunes."""

    size: int
    seed: int = 0
    faults: str = "none"
    """`none`, `rough`, or the path of a JSON file of rates by fault name."""
    keep_logs: Path | None = None
    """A folder that gets the logs of the functions, the emulator and the network."""
    influencers: int | None = None
    voters: int | None = None
    concurrent: int | None = None
    """Of the story of patched calls alone: people who call, people whom they are put through to, and how many such calls may go on at
    once. None: by the size."""
    minutes: int | None = None
    """Of the same: when the lines close, on the clock on the wall; who is on the phone then talks on. None: when nobody has anybody left to
    call.
    """


@dataclass(frozen=True, slots=True)
class Verdict:
    """One promise, and the first things found that break it; numbers of people stand masked in them."""

    invariant: str
    offenders: Sequence[str] = ()

    @property
    def holds(self) -> bool:
        return not self.offenders


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a story."""

    constants: Mapping[str, Any]
    """The limits and time constants that were set otherwise than on AWS."""
    received: Mapping[str, int]
    """What people received, as the phone network counted it."""
    stored: Mapping[str, int]
    """What our tables hold."""
    verdicts: Sequence[Verdict]
    figures: Mapping[str, float]
    picture: Path | None = None
    """A drawing of the story, where it has one."""

    @property
    def holds(self) -> bool:
        return all(verdict.holds for verdict in self.verdicts)


Tell = Callable[[str, int, int], None]
"""Tells how far a story has come: the step, how much of it is done, and of how much (0 when nobody knows)."""

Story = Callable[[Request, Tell], Report]

STORIES: Mapping[str, str] = {
    "ivr": "ringback_cli.stories.ivr",
    "missed-calls": "ringback_cli.stories.missed_calls",
    "patching": "ringback_cli.stories.patching",
}
"""Story → the module whose `play` plays it; imported only when it is played, for it brings AWS's libraries along."""
