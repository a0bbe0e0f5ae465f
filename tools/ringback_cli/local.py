"""`ringback local`: a whole Ringback on this machine."""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path

import click

from ringback.domain.errors import Conflict, NotFound
from ringback.domain.phones import person_id
from ringback.domain.times import INDIA
from ringback.services import campaigns as publishing
from ringback.store import catalog, contacts
from ringback_cli import deployment, documents, output
from ringback_cli.handsets import Timeline
from ringback_cli.ring import LocalStack, local_stack, of_addresses, purposes, watch
from ringback_local import stack as stacks
from ringback_local.network import SAMPLE_HANDSETS
from ringback_local.stack import Addresses, Options, Stack
from ringback_local.template import ROOT

_FIRST_HANDSET = 9000000101
_GLANCE_SECONDS = 0.2


class TimeOfDay(click.ParamType[time_of_day]):
    """`11:00`, Indian time."""

    name = "HH:MM"

    def convert(
        self, value: str | time_of_day, param: click.Parameter | None, ctx: click.Context | None
    ) -> time_of_day:
        if isinstance(value, time_of_day):
            return value
        try:
            return datetime.strptime(value, "%H:%M").time()
        except ValueError:
            self.fail(f"{value!r} is no time of day: write 11:00", param, ctx)


_at = click.option(
    "--at",
    type=TimeOfDay(),
    help="Set the local clock; without it, it goes on from where it stood, or starts at 11:00.",
)


@click.group(
    epilog="""\b
Examples:
  ringback local run          start, play a first missed call, stay up until Ctrl-C
  ringback local up           start and leave it running
  ringback local logs -f      what the functions say
What the stack knows is kept in .local, or in the folder that RINGBACK_STATE names.
"""
)
def local() -> None:
    """Run a whole Ringback here: up, down, status, logs."""


@local.command()
@_at
def up(at: time_of_day | None) -> None:
    """Start the stack, publish the campaigns in catalog/, and leave it running."""
    started = _start(at)
    output.card(_addresses(started.addresses))
    click.echo(f"`{_us()} local down` stops it.")
    started.leave_running()


@local.command()
def down() -> None:
    """Stop the stack. What it knows is kept."""
    click.echo(
        "stopped; everything is kept" if stacks.stop(deployment.local_state()) else "nothing was running"
    )


@local.command()
@output.as_json
def status(as_json: bool) -> None:
    """Where the stack listens, what its clock says, and what it has still to do. Exit status 1 when none runs."""
    running = local_stack()
    addresses = deployment.local_addresses()
    unfinished = running.unfinished()
    known = sum(1 for _ in contacts.every())
    now = running.deployment.runtime.clock.now()
    if as_json:
        output.document(
            {
                "aws_url": addresses.aws_url,
                "api_url": addresses.api_url,
                "network_url": addresses.network_url,
                "state": str(deployment.local_state()),
                "clock": now,
                "contacts": known,
                "unfinished": unfinished,
            }
        )
        return
    busy = [f"{n} {name.replace('_', ' ')}" for name, n in unfinished.items() if n]
    output.card(
        {
            **_addresses(addresses),
            "clock": f"{now.astimezone(INDIA):%a %d %b %Y, %H:%M} in India",
            "contacts": f"{known:,} known",
            "to do": ", ".join(busy) or "nothing",
        }
    )


@local.command()
@click.argument("function", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on as lines are written, until Ctrl-C.")
def logs(function: str | None, follow: bool) -> None:
    """What the functions have logged; of one FUNCTION such as React, or of all."""
    folder = deployment.local_state() / "logs"
    names = sorted(path.stem for path in folder.glob("*.log"))
    if function and function not in names:
        raise NotFound(f"{function} has logged nothing; those that have: {', '.join(names) or 'none'}")
    shown = [function] if function else names
    files = {name: (folder / f"{name}.log").open(encoding="utf-8", errors="replace") for name in shown}
    try:
        while True:
            for name, file in files.items():
                for line in file:
                    click.echo(f"{name}: {line}" if not function else line, nl=False)
            if not follow:
                return
            time.sleep(_GLANCE_SECONDS)
    finally:
        for file in files.values():
            file.close()


@local.command()
@click.option("--once", is_flag=True, help="Stop when the first SMS has arrived.")
@_at
def run(once: bool, at: time_of_day | None) -> None:
    """Start the stack, let a handset give a first missed call, show the SMS arriving, and stay up until Ctrl-C."""
    with _interruptible():
        began = time.monotonic()
        click.echo("Ringback on this machine")
        started = _start(at)
        try:
            click.echo(f"  ready after {time.monotonic() - began:.1f} s")
            arrived = _first_call(started)
            if once and not arrived:
                raise NotFound("the first missed call brought no SMS: `ringback local logs` may say why")
            if not once:
                _stay(started)
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            click.echo("\nStopping …", nl=False)
            started.stop()
            click.echo(f" stopped; everything is kept in {_short(started.state)}.")


def _start(at: time_of_day | None) -> Stack:
    """Start the kept stack and publish the campaigns of the catalog; `Conflict` when it runs already."""
    state = deployment.local_state()
    if stacks.running(state):
        raise Conflict(
            "a local stack is running already: `ringback ring` gives a missed call, `ringback local down` stops it"
        )
    files = sorted((ROOT / "catalog" / "campaigns").glob("*.yaml"))
    read = documents.load(files, ROOT / "catalog" / "rules.yaml", ROOT / "catalog" / "menus")
    options = Options(clock_starts_at=_starts_at(at, state), handsets=SAMPLE_HANDSETS)
    with output.waiting("Starting …"):
        started = Stack([campaign for campaign, _ in read], options, state=state).start()
    try:
        runtime = deployment.local().runtime
        for _, document in read:
            content, _ = publishing.publish(runtime, document)
            click.echo(f"  {content.id} version {content.version} is in force")
        if known := sum(1 for _ in contacts.every()):
            click.echo(f"  {known:,} contact{'s' * (known != 1)} known from earlier runs")
    except BaseException:
        started.stop()
        raise
    return started


def _first_call(started: Stack) -> bool:
    """Let a handset that nobody knows yet ring the first number that answers with a text."""
    running = of_addresses(deployment.local(), started.addresses, started)
    campaign = catalog.current(min(catalog.campaigns()))
    called = next(number for number in campaign.numbers.values() if number.text and not number.menu)
    caller = _strangers(running, campaign.id)
    click.echo("\nA handset gives a missed call:")
    return watch(running, next(caller), called.number)


def _strangers(running: LocalStack, campaign: str) -> Iterator[str]:
    """Made-up numbers that the campaign does not know yet."""
    pepper = running.deployment.runtime.secrets.person_pepper
    number = _FIRST_HANDSET
    while True:
        phone = f"+91{number}"
        if contacts.load(person_id(pepper, campaign, phone)) is None:
            yield phone
        number += 1


def _stay(started: Stack) -> None:
    """Tell how to go on, then tell what happens in the network, until somebody stops us or the stack."""
    running = of_addresses(deployment.local(), started.addresses, started)
    campaign = catalog.current(max(catalog.campaigns()))
    caller = next(_strangers(running, campaign.id))
    called = next(number for number in campaign.numbers.values() if number.text and not number.menu).number
    body = json.dumps({"from": caller, "to": called})
    click.echo("\nGive another missed call, from another terminal:")
    click.echo(f"  {_us()} ring {caller} {called}")
    click.echo(f"  curl -d '{body}' {started.addresses.network_url}/control/ring")
    click.echo(f"Look at what it made: {_us()} calls | contacts | messages | stats\n")
    output.card(_addresses(started.addresses))
    click.echo("\nCtrl-C stops it. What happens meanwhile:")
    timeline = Timeline(output.console(), purposes())
    seen = running.phones.events()
    after = seen[-1]["seq"] if seen else 0
    while stacks.running(started.state):
        try:
            events = running.phones.events(after)
        except NotFound:
            break
        for event in events:
            after = event["seq"]
            timeline.tell(event)
        time.sleep(_GLANCE_SECONDS)
    click.echo("the stack was stopped by somebody else")


@contextmanager
def _interruptible() -> Iterator[None]:
    """End quietly at Ctrl-C, and take a termination for one."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        yield


def next_start(at: time_of_day, stood_at: datetime) -> datetime:
    """When it is next `at` o'clock in India, for a clock that must not go back behind `stood_at`."""
    start = datetime.combine(stood_at.astimezone(INDIA), at, INDIA)
    return start if start >= stood_at else start + timedelta(days=1)


def _starts_at(at: time_of_day | None, state: Path) -> datetime | None:
    """Where the local clock is to start; None leaves it to the stack."""
    if at is None:
        return None
    kept = state / "clock.json"
    if kept.exists():
        return next_start(at, datetime.fromisoformat(json.loads(kept.read_text())["stood_at"]))
    return datetime.combine(datetime.now(INDIA), at, INDIA)


def _addresses(addresses: Addresses) -> dict[str, str]:
    """Where the parts of a stack listen, for people."""
    return {
        "AWS": addresses.aws_url,
        "HTTP API": addresses.api_url,
        "phone network": addresses.network_url,
        "logs": _short(deployment.local_state() / "logs"),
    }


def _us() -> str:
    """How to call us from a shell: by name where it finds us, else by the way that was taken to us."""
    return "ringback" if shutil.which("ringback") else _short(Path(sys.argv[0]))


def _short(path: Path) -> str:
    """A path from here, where that is shorter."""
    return min(str(path), os.path.relpath(path), key=len)
