"""`ringback ring`: a handset of the local phone network gives a missed call, and we watch what it sees."""

from collections.abc import Callable
from dataclasses import dataclass

import click

from ringback.domain.errors import NotFound
from ringback.domain.messages import State
from ringback.domain.times import INDIA
from ringback.providers import exotel
from ringback.services import contacts
from ringback.store import catalog, messages
from ringback_cli import deployment, moments, output
from ringback_cli.deployment import Deployment
from ringback_cli.handsets import PhoneNetwork, Timeline, follow, of_caller
from ringback_local.stack import Addresses, Stack

_QUIET_GLANCES = 3
"""How often in a row nothing must be left to do: a glance may fall between two steps."""


@dataclass(frozen=True, slots=True)
class LocalStack:
    """The local stack from three sides: the deployment, the phones around it, and what it has still to do."""

    deployment: Deployment
    phones: PhoneNetwork
    unfinished: Callable[[], dict[str, int]]


def local_stack() -> LocalStack:
    """The running local stack; `NotFound` when none runs."""
    connected = deployment.local()
    state = deployment.local_state()
    addresses = deployment.local_addresses()
    return of_addresses(connected, addresses, Stack.attached([], addresses, state))


def of_addresses(connected: Deployment, addresses: Addresses, stack: Stack) -> LocalStack:
    """The local stack that listens there."""
    return LocalStack(connected, PhoneNetwork(addresses.network_url), stack.unfinished)


@click.command(
    epilog="""\b
Examples:
  ringback ring 09000000101 08040001001              a missed call; the welcome arrives
  ringback ring 09000000101 08040001001 --times 3    three calls, still one welcome
  ringback ring 09000000101 08040001001 --withheld   the caller hides the number
`ringback campaigns show NAME` lists the numbers to ring. Use made-up callers: 0900000xxxx.
"""
)
@click.argument("caller", metavar="FROM")
@click.argument("called", metavar="TO")
@click.option("--withheld", is_flag=True, help="The caller hides the number.")
@click.option(
    "--times", type=click.IntRange(1, 100), default=1, help="How many missed calls, one after another."
)
def ring(caller: str, called: str, withheld: bool, times: int) -> None:
    """Let a handset give a missed call, and watch it.

    Works on the local stack only. Shows what happens as it happens, until there is nothing left to do.
    """
    watch(local_stack(), caller, called, withheld=withheld, times=times)


def watch(local: LocalStack, caller: str, called: str, *, withheld: bool = False, times: int = 1) -> bool:
    """Ring, and print what happens; tells whether an SMS reached the caller. Says why when none did."""
    console = output.console()
    before = local.phones.events()
    after = before[-1]["seq"] if before else 0
    timeline = Timeline(console, purposes())
    call: dict[str, str] = {}
    for _ in range(times):
        placed = local.phones.ring(caller, called, withheld=withheld)
        call = {key: placed[key] for key in ("from", "to", "call_sid")}
        for event in of_caller(call["from"], follow(local.phones, after, _done(local))):
            after = event["seq"]
            timeline.tell(event)
    texted = call["from"] in timeline.texted
    if not texted:
        why = (
            "the number was withheld: the call counts, and there is nobody to write to"
            if withheld
            else why_silent(local.deployment, call["from"], call["to"], call["call_sid"])
        )
        click.echo(f"  no SMS: {why}")
    return texted


def purposes() -> dict[str, str]:
    """What each of our numbers is for."""
    return {
        number.number: " · ".join(
            filter(
                None, (campaign.id, number.purpose, number.issue, number.menu, number.source, number.language)
            )
        )
        for campaign in map(catalog.current, catalog.campaigns())
        for number in campaign.numbers.values()
    }


def why_silent(deployment: Deployment, caller: str, called: str, call_sid: str) -> str:
    """Why a call to one of our numbers brought its caller no SMS, as the ledger has it."""
    owner = catalog.owner(called)
    number = catalog.current(owner).numbers.get(called) if owner else None
    if owner is None or number is None:
        return f"{called} belongs to no campaign: the call is kept and counted"
    if number.callback and number.text is None:
        return f"whoever rings {called} is rung back: `ringback dials`"
    try:
        contact = contacts.find(deployment.runtime, owner, caller)
    except NotFound:
        return "the caller is no contact: `ringback calls` shows how the call was read"
    if number.text is None:
        return f"{called} is for {number.purpose}: whoever rings it is left alone"
    caused = [m for m in messages.of_person(contact.person) if m.cause == f"{exotel.NAME}:{call_sid}"]
    if not caused:
        window = moments.spoken(catalog.current(owner).texts[number.text].once_per)
        return f"{number.text} was planned for this caller before, and goes to a person once in {window}"
    message = caused[0]
    if message.state is State.HELD and message.due_at:
        return f"held by {message.rule} until {message.due_at.astimezone(INDIA):%d %b, %H:%M}"
    return f"{message.state}: {message.rule or message.code or 'on its way'}; `ringback messages show {message.message_id}`"


def _done(local: LocalStack) -> Callable[[], bool]:
    """Tells, when asked again and again, whether neither the network nor the stack has anything left to do."""
    quiet = 0

    def is_done() -> bool:
        nonlocal quiet
        try:
            is_quiet = local.phones.is_idle() and not any(local.unfinished().values())
        except OSError:
            raise NotFound("the local stack has stopped: `ringback local up` starts it again") from None
        quiet = quiet + 1 if is_quiet else 0
        return quiet >= _QUIET_GLANCES

    return is_done
