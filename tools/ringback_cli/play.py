"""`ringback play`: a whole seeded story through a stack of its own, judged by what people received."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ringback_cli import output
from ringback_cli.stories import STORIES, Report, Request, Story, Tell, Unplayable


@click.command()
@click.argument("story", type=click.Choice(sorted(STORIES)))
@click.option(
    "--size",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    metavar="N",
    help="How many handsets.",
)
@click.option(
    "--seed",
    type=int,
    default=1,
    show_default=True,
    metavar="S",
    help="Decides who does what, when, and whom the faults strike.",
)
@click.option(
    "--faults",
    default="none",
    show_default=True,
    metavar="none|rough|PLAN.json",
    help="What goes wrong: nothing, a rough day, or the rates in a JSON file ({fault: 0 to 1}).",
)
@click.option(
    "--influencers", type=click.IntRange(min=1), metavar="N", help="patching: how many people call."
)
@click.option(
    "--voters", type=click.IntRange(min=1), metavar="N", help="patching: how many stand in the pool."
)
@click.option(
    "--concurrent", type=click.IntRange(min=1), metavar="N", help="patching: how many patched calls at once."
)
@click.option(
    "--minutes",
    type=click.IntRange(min=1),
    metavar="N",
    help="patching: nobody rings any more after so long.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on one line instead of tables.")
@click.option(
    "--keep-logs",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep the logs of the functions, the emulator and the phone network.",
)
def play(
    story: str,
    size: int,
    seed: int,
    faults: str,
    influencers: int | None,
    voters: int | None,
    concurrent: int | None,
    minutes: int | None,
    as_json: bool,
    keep_logs: Path | None,
) -> None:
    """Play a seeded STORY through a stack of its own, and judge it by what people received.

    \b
    ivr            people walk a campaign's menus, many at once; each answer is what their own handset pressed
    missed-calls   people give missed calls to two campaigns; each gets what was promised, once
    patching       trackers verify influencers, who are patched to voters; nobody else reaches one, and no voter twice

    The stack is made for the story and leaves nothing behind but the drawing of `patching`, whose path is printed; a running
    `ringback local up` is not touched. The exit status is 1 if a promise is broken.
    """
    if story != "patching" and (influencers or voters or concurrent or minutes):
        raise click.UsageError(
            "--influencers, --voters, --concurrent and --minutes are for the story `patching`."
        )
    request = Request(size, seed, faults, keep_logs, influencers, voters, concurrent, minutes)
    try:
        with _progress() as tell:
            report = _story(story)(request, tell)
    except Unplayable as problem:
        raise click.ClickException(str(problem)) from problem
    if as_json:
        click.echo(json.dumps(as_document(story, request, report)))
    else:
        show(story, request, report)
    if not report.holds:
        sys.exit(1)


def as_document(story: str, request: Request, report: Report) -> dict[str, object]:
    """What `--json` prints; `broken` stands there only if something is, with the first offenders of each promise."""
    document: dict[str, object] = {
        "story": story,
        "size": request.size,
        "seed": request.seed,
        "faults": request.faults,
        "invariants": {verdict.invariant: verdict.holds for verdict in report.verdicts},
        "figures": dict(report.figures),
    }
    if report.picture:
        document["picture"] = str(report.picture)
    if not report.holds:
        document["broken"] = _offenders(report)
    return document


def show(story: str, request: Request, report: Report) -> None:
    """Print for people: what was set, what they received, what we stored, the figures, and every promise with its verdict."""
    click.echo(f"{story}: {request.size:,} handsets, seed {request.seed}, faults {request.faults}")
    click.echo(_section("Set for the story, otherwise than on AWS"))
    output.card(report.constants)
    for title, counts in (("What people received", report.received), ("What we stored", report.stored)):
        click.echo(_section(title))
        output.card(counts)
    figures = {name: value for name, value in report.figures.items() if not name.startswith("fault_")}
    struck = {
        name.removeprefix("fault_"): n for name, n in report.figures.items() if name.startswith("fault_")
    }
    click.echo(_section("Figures"))
    output.card(_readable(figures))
    if struck:
        click.echo(_section("How often each fault struck"))
        output.card(struck)
    if report.picture:
        click.echo(f"\ndrawn in {report.picture}")
    click.echo(_section("Promises"))
    output.card({verdict.invariant: "kept" if verdict.holds else "BROKEN" for verdict in report.verdicts})
    for name, offenders in _offenders(report).items():
        click.echo(f"\n{name} is broken; the first of what breaks it:")
        for offender in offenders:
            click.echo(f"  {offender}")


def _story(name: str) -> Story:
    from importlib import import_module

    story: Story = import_module(STORIES[name]).play
    return story


def _offenders(report: Report) -> dict[str, list[str]]:
    return {verdict.invariant: list(verdict.offenders) for verdict in report.verdicts if not verdict.holds}


def _section(title: str) -> str:
    return click.style(f"\n{title}", bold=True)


def _readable(figures: Mapping[str, float]) -> dict[str, str]:
    return {name: f"{value:,.3f}".rstrip("0").rstrip(".") for name, value in figures.items()}


@contextmanager
def _progress() -> Iterator[Tell]:
    """Show on standard error, if it is a terminal, how far the story is."""
    console = Console(stderr=True, markup=False, highlight=False)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as shown:
        task = shown.add_task("preparing", total=None)

        def tell(step: str, done: int, of: int) -> None:
            shown.update(task, description=step, completed=done, total=of or None)

        yield tell
