"""What the benchmarks share: alternating runs, quartiles, and a report that people and programs can read."""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from benchmarks.bounds import Bound

T = TypeVar("T")

Cell = str | int | float


class NotMeasured(Exception):
    """Something that a benchmark needs is missing; the message says what to do about it."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a title; the first column is text, numbers stand right."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Check:
    """One figure against its bound."""

    name: str
    value: float
    bound: Bound

    @property
    def passed(self) -> bool:
        return self.bound.holds(self.value)


@dataclass(slots=True)
class Report:
    """What one benchmark found."""

    benchmark: str
    tables: list[Table] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def command(self) -> str:
        return f"python -m benchmarks.{self.benchmark}"

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    def as_document(self) -> dict[str, object]:
        """For programs: tables as lists of objects by column."""
        return {
            "benchmark": self.benchmark,
            "command": self.command,
            "passed": self.passed,
            "checks": [
                {
                    "name": check.name,
                    "value": check.value,
                    "bound": str(check.bound),
                    "passed": check.passed,
                }
                for check in self.checks
            ],
            "tables": {
                table.title: [dict(zip(table.columns, row, strict=True)) for row in table.rows]
                for table in self.tables
            },
            "notes": self.notes,
        }

    def as_text(self) -> str:
        """For people."""
        verdicts = [
            (check.name, written(check.value), str(check.bound), "pass" if check.passed else "MISSED")
            for check in self.checks
        ]
        tables = [*self.tables, Table("Bounds", ("figure", "measured", "bound", "verdict"), verdicts)]
        blocks = [
            f"# {self.benchmark}    ({self.command})",
            *(_drawn(table) for table in tables if table.rows),
        ]
        return "\n\n".join([*blocks, *self.notes])


def main(measure: Callable[[], Report], arguments: Sequence[str] | None = None) -> int:
    """Run one benchmark from the command line; 1 when a bound was missed, 2 when it could not be measured."""
    parser = argparse.ArgumentParser(description=sys.modules[measure.__module__].__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args(arguments).json
    try:
        report = measure()
    except NotMeasured as problem:
        print(problem, file=sys.stderr)
        return 2
    print(json.dumps(report.as_document(), ensure_ascii=False) if as_json else report.as_text())
    return 0 if report.passed else 1


def progress(text: str) -> None:
    """Tell what is going on, where it does not get in the way of the results."""
    print(f"  … {text}", file=sys.stderr, flush=True)


def progressing(rounds: Sequence[T]) -> Iterator[T]:
    """The same, telling after each how many are done: in one line on a terminal, else only at the end."""
    for number, each in enumerate(rounds, 1):
        yield each
        if sys.stderr.isatty():
            print(
                f"\r  … {number} of {len(rounds)}",
                end="" if number < len(rounds) else "\n",
                file=sys.stderr,
                flush=True,
            )
        elif number == len(rounds):
            progress(f"{number} rounds done")


def alternate(rounds: int, *sides: Callable[[], T]) -> list[list[T]]:
    """Measure each side once a round, so that whatever disturbs the machine disturbs all of them; results by side.

    Every second round goes backwards: the side that comes after another inherits its warm caches and its clock speed.
    """
    results: list[list[T]] = [[] for _ in sides]
    for turn in progressing(range(rounds)):
        order = range(len(sides)) if turn % 2 == 0 else reversed(range(len(sides)))
        for side in order:
            results[side].append(sides[side]())
    return results


def lower_quartile(values: Sequence[float]) -> float:
    """A quarter of the values are smaller: what a start takes when nothing disturbs it."""
    return statistics.quantiles(values, n=4, method="inclusive")[0]


def ratios(ours: Iterable[float], theirs: Iterable[float]) -> list[float]:
    """Ratio by ratio, of what was measured side by side."""
    return [one / other for one, other in zip(ours, theirs, strict=True)]


def written(cell: Cell) -> str:
    """A figure with as many digits as it deserves."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int) or cell == int(cell):
        return f"{int(cell):,}"
    return f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.3g}" if abs(cell) < 100 else f"{cell:.1f}"


def _drawn(table: Table) -> str:
    rows = [list(table.columns), *([written(cell) for cell in row] for row in table.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.columns))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([table.title, lines[0], "-" * max(map(len, lines)), *lines[1:]])
