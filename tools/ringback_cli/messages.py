"""`ringback messages`: the SMS ledger, and what only a person can settle in it."""

from collections.abc import Iterable, Iterator

import click

from ringback.domain.errors import NotFound, Rejected
from ringback.domain.messages import Message, State, split_id
from ringback.store import catalog, contacts, sending
from ringback.store import messages as ledger
from ringback_cli import backlog, ledgers, moments, output
from ringback_cli.deployment import Deployment, on_deployment
from ringback_cli.ledgers import EVER, LISTED


@click.group(
    cls=output.Noun,
    epilog="""\b
Examples:
  ringback messages                                 the 20 newest, sums and the backlog
  ringback messages --state held                    what waits, and which rule holds it
  ringback messages --state listed                  unknown ones that a person must settle
  ringback messages settle MESSAGE_ID --left        … as the provider's records show
  ringback messages resume clean-water              send again after a pause
""",
)
def messages() -> None:
    """The SMS ledger: what was sent, what waits and why."""


@messages.command("list")
@on_deployment
@click.option("--campaign", metavar="NAME", help="Only this campaign's.")
@click.option(
    "--state",
    type=click.Choice([*map(str, State), LISTED]),
    help="Only those in this state; `listed` are unknown ones that wait for a person.",
)
@output.limited
@output.as_json
def list_(deployment: Deployment, campaign: str | None, state: str | None, limit: int, as_json: bool) -> None:
    """The newest messages. Reads the whole ledger, so it takes a while where that is long."""
    newest, sums = ledgers.newest(_messages(campaign, state), limit)
    rows = [_row(message) for message in newest]
    waiting = backlog.read(deployment.runtime)
    unsettled = sum(1 for _ in ledger.waiting(LISTED, EVER))
    paused = {
        name: reason
        for name in ([campaign] if campaign else sorted(catalog.campaigns()))
        if (reason := sending.standing(name, ()).paused)
    }
    if as_json:
        output.document(
            {
                "messages": rows,
                "by_state": sums,
                "queued": waiting.queued,
                "seconds_left": round(waiting.time_left.total_seconds(), 3),
                "to_be_settled": unsettled,
                "paused": paused,
            }
        )
        return
    columns = ("caused_at", "campaign", "text", "language", "state", "why", "due_at", "message_id")
    output.table({key: key.replace("_", " ") for key in columns}, rows, "no messages")
    ledgers.echo_sums(sums)
    if waiting.queued or waiting.time_left:
        click.echo(
            f"backlog: {waiting.queued:,} queued, about {moments.spoken(waiting.time_left)} left at this pace"
        )
    ledgers.echo_unsettled(unsettled, state, "messages")
    for name, reason in paused.items():
        click.echo(f"{name} is paused, {reason}: when that is mended, `ringback messages resume {name}`")


@messages.command()
@click.argument("message_id")
@on_deployment
@output.in_clear
@output.as_json
def show(deployment: Deployment, message_id: str, clear: bool, as_json: bool) -> None:
    """One message: where it stands and why, and to whom it goes."""
    message = _load(message_id)
    contact = contacts.load(message.person)
    row = _row(message) | {
        "phone": output.number(contact.phone, clear) if contact else None,
        "cause": message.cause,
        "departs_at": message.departs_at,
        "claimed_at": message.claimed_at,
        "provider_id": message.provider_id,
        "parts": message.parts,
    }
    if as_json:
        output.document(row)
    else:
        output.card({key.replace("_", " "): value for key, value in row.items()})


@messages.command()
@click.argument("message_id")
@click.option(
    "--left/--did-not-leave",
    "left",
    required=True,
    help="Whether the provider's records show it.",
)
@on_deployment
def settle(deployment: Deployment, message_id: str, left: bool) -> None:
    """Write down what a person found out about an unknown message. It is never sent again by itself."""
    message = _load(message_id)
    if not ledger.settle(message, left=left):
        raise Rejected(f"only an unknown message can be settled; this one is {_load(message_id).state}")
    click.echo(f"{message_id} is {State.SENT if left else State.FAILED} now")


@messages.command()
@click.argument("campaign")
@click.argument("reason")
@on_deployment
def pause(deployment: Deployment, campaign: str, reason: str) -> None:
    """Stop a campaign's sending until it is resumed, and say why: no SMS leaves, and nobody is rung. Calls that come in are taken as ever."""
    sending.pause(catalog.current(campaign).id, reason)
    click.echo(f"{campaign} sends nothing until `ringback messages resume {campaign}`")


@messages.command()
@click.argument("campaign")
@on_deployment
def resume(deployment: Deployment, campaign: str) -> None:
    """Send again after a pause, when its reason is mended. What was held meanwhile comes back within minutes."""
    reason = sending.standing(catalog.current(campaign).id, ()).paused
    if reason is None:
        click.echo(f"{campaign} is not paused")
        return
    sending.resume(campaign)
    click.echo(f"{campaign} sends again; it was paused because: {reason}")


def brief(found: Iterable[Message]) -> list[output.Row]:
    """Messages as another command mentions them; `BRIEF` are their headings."""
    return [
        {
            "message_id": message.message_id,
            "text": message.text,
            "state": str(message.state),
            "why": message.rule or message.code,
        }
        for message in found
    ]


BRIEF = {"text": "text", "state": "state", "why": "why", "message_id": "message id"}


def _messages(campaign: str | None, state: str | None) -> Iterator[Message]:
    if state != LISTED:
        return ledger.every(campaign, State(state) if state else None)
    listed = ledger.load_many(ledger.waiting(LISTED, EVER)).values()
    return (message for message in listed if campaign in (None, message.campaign))


def _load(message_id: str) -> Message:
    try:
        person, name = split_id(message_id)
    except ValueError:
        raise Rejected(f"{message_id} is no message id: `ringback messages` shows them") from None
    message = ledger.load(person, name)
    if message is None:
        raise NotFound(f"the ledger holds no message {message_id}: `ringback messages` lists them")
    return message


def _row(message: Message) -> dict[str, object]:
    return {
        "message_id": message.message_id,
        "person": message.person,
        "campaign": message.campaign,
        "text": message.text,
        "language": message.language,
        "state": str(message.state),
        "rule": message.rule,
        "code": message.code,
        "why": message.rule or message.code,
        "caused_at": message.caused_at,
        "due_at": message.due_at,
    }
