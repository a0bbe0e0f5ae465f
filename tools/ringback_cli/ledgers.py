"""What the listings of the two ledgers share: SMS, and calls that are placed."""

import heapq
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, TypeVar

import click

from ringback.domain.dials import Dial
from ringback.domain.messages import Message
from ringback_cli import output

LISTED: Final = "listed"
"""What `--state` calls the entries that wait for a person."""

EVER = datetime(9999, 1, 1, tzinfo=UTC)

_Entry = TypeVar("_Entry", Dial, Message)


def newest(entries: Iterator[_Entry], limit: int) -> tuple[list[_Entry], Counter[str]]:
    """The newest entries, or with limit 0 all, newest first; and how many of them all are in each state, with the rules that hold some.
    Reads every entry, and shows how far it is.
    """
    sums: Counter[str] = Counter()

    def counted() -> Iterator[_Entry]:
        for entry in output.counted("Reading the ledger", entries):
            sums[entry.state] += 1
            if entry.state == "held" and entry.rule:
                sums[f"held by {entry.rule}"] += 1
            yield entry

    def age(entry: _Entry) -> tuple[datetime, str, str]:
        return entry.caused_at, entry.person, entry.name

    return heapq.nlargest(limit, counted(), key=age) if limit else sorted(
        counted(), key=age, reverse=True
    ), sums


def echo_sums(sums: Counter[str]) -> None:
    """One line of what there is in each state."""
    if sums:
        click.echo(" · ".join(f"{name} {n:,}" for name, n in sorted(sums.items())))


def echo_unsettled(unsettled: int, state: str | None, command: str) -> None:
    """How many wait for a person, unless these are what was listed."""
    if unsettled and state != LISTED:
        click.echo(f"{unsettled:,} wait for a person: `ringback {command} --state {LISTED}`")
