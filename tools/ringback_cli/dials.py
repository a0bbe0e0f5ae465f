"""`ringback dials`: the ledger of calls that are placed, and what only a person can settle in it."""

from collections.abc import Iterator

import click

from ringback.domain.dials import Dial, State, split_id
from ringback.domain.errors import NotFound, Rejected
from ringback.store import contacts
from ringback.store import dials as ledger
from ringback_cli import ledgers, output
from ringback_cli.deployment import Deployment, on_deployment
from ringback_cli.ledgers import EVER, LISTED


@click.group(
    cls=output.Noun,
    epilog="""\b
Examples:
  ringback dials                                    the 20 newest, and sums
  ringback dials --state held                       what waits, and which rule holds it
  ringback dials --state listed                     those of which nobody told how they ended
  ringback dials settle DIAL_ID --rang              … as the provider's records show
""",
)
def dials() -> None:
    """Calls that were placed: whom we rang back, who answered, what waits."""


@dials.command("list")
@on_deployment
@click.option("--campaign", metavar="NAME", help="Only this campaign's.")
@click.option(
    "--state",
    type=click.Choice([*map(str, State), LISTED]),
    help="Only those in this state; `listed` are those that wait for a person.",
)
@output.limited
@output.as_json
def list_(deployment: Deployment, campaign: str | None, state: str | None, limit: int, as_json: bool) -> None:
    """The newest dials. Reads the whole ledger, so it takes a while where that is long."""
    newest, sums = ledgers.newest(_dials(campaign, state), limit)
    rows = [_row(dial) for dial in newest]
    unsettled = sum(1 for _ in ledger.waiting(LISTED, EVER))
    if as_json:
        output.document({"dials": rows, "by_state": sums, "to_be_settled": unsettled})
        return
    columns = ("caused_at", "campaign", "menu", "kind", "attempt", "state", "why", "due_at", "dial_id")
    output.table({key: key.replace("_", " ") for key in columns}, rows, "no dials")
    ledgers.echo_sums(sums)
    ledgers.echo_unsettled(unsettled, state, "dials")


@dials.command()
@click.argument("dial_id")
@on_deployment
@output.in_clear
@output.as_json
def show(deployment: Deployment, dial_id: str, clear: bool, as_json: bool) -> None:
    """One dial: where it stands and why, and whom it rings."""
    dial = _load(dial_id)
    contact = contacts.load(dial.person)
    row = _row(dial) | {
        "phone": output.number(contact.phone, clear) if contact else None,
        "number": dial.number,
        "cause": dial.cause,
        "fields": dict(dial.fields),
        "departs_at": dial.departs_at,
        "claimed_at": dial.claimed_at,
        "provider_id": dial.provider_id,
    }
    if as_json:
        output.document(row)
    else:
        output.card({key.replace("_", " "): value for key, value in row.items()})


@dials.command()
@click.argument("dial_id")
@click.option(
    "--rang/--did-not-ring",
    "rang",
    required=True,
    help="Whether the provider's records show it.",
)
@on_deployment
def settle(deployment: Deployment, dial_id: str, rang: bool) -> None:
    """Write down what a person found out about a dial of which nobody told. It is never rung again by itself."""
    dial = _load(dial_id)
    if not ledger.settle(dial, rang=rang):
        raise Rejected(
            f"only a dial that was placed, or is unknown, can be settled; this one is {_load(dial_id).state}"
        )
    click.echo(f"{dial_id} is {State.ENDED if rang else State.FAILED} now")


def _dials(campaign: str | None, state: str | None) -> Iterator[Dial]:
    if state != LISTED:
        return ledger.every(campaign, state)
    listed = ledger.load_many(ledger.waiting(LISTED, EVER)).values()
    return (dial for dial in listed if campaign in (None, dial.campaign))


def _load(dial_id: str) -> Dial:
    try:
        person, name = split_id(dial_id)
    except ValueError:
        raise Rejected(f"{dial_id} is no dial id: `ringback dials` shows them") from None
    dial = ledger.load(person, name)
    if dial is None:
        raise NotFound(f"the ledger holds no dial {dial_id}: `ringback dials` lists them")
    return dial


def _row(dial: Dial) -> dict[str, object]:
    return {
        "dial_id": dial.dial_id,
        "person": dial.person,
        "campaign": dial.campaign,
        "menu": dial.menu,
        "kind": str(dial.kind),
        "attempt": dial.attempt,
        "state": str(dial.state),
        "rule": dial.rule,
        "code": dial.code,
        "why": dial.rule or dial.code,
        "caused_at": dial.caused_at,
        "due_at": dial.due_at,
    }
