"""CSV files for people's spreadsheets: cells that would run as a formula do not, and nobody but their owner reads the file."""

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TextIO

import click

from ringback.domain import times
from ringback_cli import private_files

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet take a cell for a formula. SOURCE: OWASP, CSV Injection."""

to_file = click.option(
    "-o",
    "--output",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write, readable by you alone; without it, standard output.",
)


def safe_cell(value: object) -> str:
    """A value as a CSV cell that no spreadsheet runs: what could begin a formula begins with an apostrophe."""
    match value:
        case None:
            text = ""
        case datetime():
            text = times.written(value)
        case list():
            text = " ".join(map(str, value))
        case _:
            text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def write(path: Path | None, columns: Sequence[str], rows: Iterable[Mapping[str, object]], what: str) -> None:
    """Write rows into a new file, and say how many of `what` there are; onto standard output where there is no path. `Rejected` for a file
    that exists, or cannot be written.
    """
    if path is None:
        _write(sys.stdout, columns, rows)
        return
    with private_files.create(path, "w", encoding="utf-8", newline="") as file:
        n = _write(file, columns, rows)
    click.echo(f"{n:,} {what} in {path}", err=True)


def _write(file: TextIO, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> int:
    lines = csv.writer(file, quoting=csv.QUOTE_ALL)
    lines.writerow(columns)
    written = 0
    for row in rows:
        lines.writerow(safe_cell(row[column]) for column in columns)
        written += 1
    return written
