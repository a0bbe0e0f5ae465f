"""What commands print: one JSON document for programs, tables for people, progress for whoever waits."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from ringback.domain import phones
from ringback.domain.times import INDIA

T = TypeVar("T")
Row = Mapping[str, object]

_WIDTH_OF_A_FILE = 240
"""Columns of a table that goes to no terminal: wide enough to cut nothing."""
_LONGEST_ID = 90
"""Characters that the last column of a table takes without folding."""
_UNBOUNDED = 10_000
_JOINERS = "\u200c\u200d"
"""Format characters that the scripts of India need; every other one is hidden."""

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of a table.")
in_clear = click.option(
    "--clear", is_flag=True, help="Show phone numbers whole. Without it they are masked: +9190••••01."
)
limited = click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    metavar="N",
    help="Show the N newest; 0 shows all.",
)


class Noun(click.Group):
    """A group of verbs about one noun; `list` is meant when no verb is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def console() -> Console:
    """The console on standard output. It takes text as it is: nothing in it is markup."""
    made = Console(markup=False, highlight=False, emoji=False)
    if not made.is_terminal:
        made.width = _WIDTH_OF_A_FILE
    return made


def document(value: object) -> None:
    """Print one JSON document; moments in UTC."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def table(columns: Mapping[str, str], rows: Sequence[Row], nothing: str = "nothing to show") -> None:
    """Print rows under headings. `columns` maps a key of the rows to its heading; numbers stand to the right.

    Only the last column is ever folded, and an id in it never: in a narrow terminal whole lines run over instead.
    """
    if not rows:
        click.echo(nothing)
        return
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for key, heading in columns.items():
        is_number = any(isinstance(row[key], int | float) for row in rows)
        drawn.add_column(heading, justify="right" if is_number else "left", overflow="fold", no_wrap=True)
    for row in rows:
        drawn.add_row(*(cell(row[key]) for key in columns))
    drawn.columns[-1].no_wrap = False
    longest = max(cell_len(str(text)) for text in drawn.columns[-1].cells)
    printed = console()
    unfolded = Measurement.get(printed, printed.options.update(width=_UNBOUNDED), drawn).maximum
    printed.width = max(printed.width, unfolded - max(0, longest - _LONGEST_ID))
    printed.print(drawn)


def card(fields: Mapping[str, object]) -> None:
    """Print what is known of one thing, a line for each field that says something."""
    drawn = Table.grid(padding=(0, 2))
    drawn.add_column(style="bold")
    drawn.add_column(overflow="fold")
    for heading, value in fields.items():
        if value not in (None, "", [], ()):
            drawn.add_row(heading, cell(value))
    console().print(drawn)


def cell(value: object) -> str:
    """A value as people read it: moments in Indian time, characters that would play with the terminal hidden."""
    match value:
        case None | "":
            return "–"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.2f}"
        case datetime():
            return value.astimezone(INDIA).strftime("%Y-%m-%d %H:%M:%S")
        case list() | tuple():
            return ", ".join(map(cell, value)) or "–"
    return "".join(c if c.isprintable() or c in _JOINERS or c == "\n" else "·" for c in str(value))


def number(phone: str | None, clear: bool) -> str | None:
    """A phone number as it may be shown."""
    return phone if phone is None or clear else phones.mask(phone)


def words(text: str, clear: bool) -> str:
    """Text from outside as it may be shown."""
    return text if clear else phones.mask_all(text)


def waiting(what: str) -> AbstractContextManager[object]:
    """Say on standard error, if it is a terminal, what takes its time."""
    return Console(stderr=True).status(what) if sys.stderr.isatty() else nullcontext()


@contextmanager
def progress(what: str) -> Iterator[Callable[[], None]]:
    """Count on standard error, if it is a terminal, while something takes its time; call what is given for each step."""
    watched = Console(stderr=True, markup=False, highlight=False)
    columns = (SpinnerColumn(), TextColumn("{task.description}: {task.completed:,}"), TimeElapsedColumn())
    with Progress(*columns, console=watched, transient=True, disable=not sys.stderr.isatty()) as shown:
        task = shown.add_task(what, total=None)
        yield lambda: shown.advance(task)


@contextmanager
def stages() -> Iterator[Callable[[str, int, int], None]]:
    """Show on standard error, if it is a terminal, how far each stage of something long has come: its name, how much, of how much
    (0: nobody knows).
    """
    watched = Console(stderr=True, markup=False, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=watched, transient=True, disable=not sys.stderr.isatty()) as shown:
        tasks: dict[str, TaskID] = {}

        def watch(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = shown.add_task(what, total=total or None)
            shown.update(tasks[what], completed=done)

        yield watch


def counted(what: str, things: Iterable[T]) -> Iterator[T]:
    """The same things, with progress while they are read."""
    with progress(what) as step:
        for thing in things:
            yield thing
            step()


def _plain(value: Any) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds")
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"no JSON for {type(value).__name__}")
