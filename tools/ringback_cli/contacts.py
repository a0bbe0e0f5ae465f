"""`ringback contacts`: people, one at a time or all of them in a file."""

from collections.abc import Sequence
from pathlib import Path

import click

from ringback.domain.contacts import Contact
from ringback.domain.errors import NotFound, Rejected
from ringback.domain.menu_documents import Channel
from ringback.domain.phones import Unreadable, Withheld
from ringback.services import contacts as people
from ringback.services.phones import read as read_phone
from ringback.store import catalog
from ringback.store import contacts as store
from ringback.store import messages as ledger
from ringback_cli import output, spreadsheets
from ringback_cli.deployment import Deployment, on_deployment
from ringback_cli.messages import BRIEF, brief

_campaign = click.option("--campaign", metavar="NAME", help="Only this campaign's.")


@click.group(
    cls=output.Noun,
    epilog="""\b
Examples:
  ringback contacts --campaign clean-water             the 20 newest
  ringback contacts show 09000000101                   one person, in every campaign
  ringback contacts opt-out 09000000101                leave them alone from now on
  ringback contacts export --clear -o people.csv       everybody, for a spreadsheet
  ringback contacts export --clear --campaign clean-water --place ward-12 --agreed-to voice -o ward-12.csv
                                                       those of one place who may be called, as `ringback pool load` takes them
PHONE is a number in any shape, or the person's id from a list.
""",
)
def contacts() -> None:
    """People: look them up, export them, leave them alone."""


@contacts.command("list")
@on_deployment
@_campaign
@output.limited
@output.in_clear
@output.as_json
def list_(deployment: Deployment, campaign: str | None, limit: int, clear: bool, as_json: bool) -> None:
    """The newest contacts. Reads the whole table, so it takes a while where there are many."""
    everybody = sorted(
        output.counted("Reading contacts", store.every(campaign)),
        key=lambda contact: (contact.first_called_at, contact.person),
        reverse=True,
    )
    rows = [_row(contact, clear) for contact in everybody[: limit or None]]
    if as_json:
        output.document({"contacts": rows, "known": len(everybody)})
        return
    columns = ("first_called_at", "campaign", "phone", "language", "source", "signals", "standing", "person")
    output.table({key: key.replace("_", " ") for key in columns}, rows, "nobody has called yet")
    if len(rows) < len(everybody):
        click.echo(f"{len(rows)} of {len(everybody):,} shown: --limit 0 shows all")


@contacts.command()
@click.argument("phone")
@on_deployment
@_campaign
@output.in_clear
@output.as_json
def show(deployment: Deployment, phone: str, campaign: str | None, clear: bool, as_json: bool) -> None:
    """One person in every campaign that knows them, with the messages to them."""
    found = [
        (
            _row(contact, clear)
            | {
                "opted_out_at": contact.opted_out_at,
                "suppressed": contact.suppressed,
                "verified_by": contact.verified,
            },
            brief(ledger.of_person(contact.person)),
        )
        for contact in _find(deployment, phone, campaign)
    ]
    if as_json:
        output.document({"contacts": [{**row, "messages": messages} for row, messages in found]})
        return
    for row, messages in found:
        output.card({key.replace("_", " "): value for key, value in row.items()})
        output.table(BRIEF, messages, "no messages")


@contacts.command("opt-out")
@click.argument("phone")
@on_deployment
@_campaign
def opt_out(deployment: Deployment, phone: str, campaign: str | None) -> None:
    """Leave a person alone from now on, in every campaign that knows them, or stands to ring them as a voter. It cannot be taken back here.

    With --campaign their wish is kept there also if it does not know them yet.
    """
    for name, number in _to_leave_alone(deployment, phone, campaign):
        people.opt_out(deployment.runtime, name, number)
        click.echo(f"{name} leaves {output.number(number, clear=False)} alone")


@contacts.command()
@on_deployment
@_campaign
@spreadsheets.to_file
@click.option("--place", metavar="NAME", help="Only those who live there, as they told.")
@click.option("--signal", metavar="NAME", help="Only those whose calls meant this: `volunteer`, say.")
@click.option(
    "--agreed-to",
    type=click.Choice(Channel, case_sensitive=False),
    help="Only those who agreed to it, and left it at that.",
)
@output.in_clear
def export(
    deployment: Deployment,
    campaign: str | None,
    path: Path | None,
    place: str | None,
    signal: str | None,
    agreed_to: Channel | None,
    clear: bool,
) -> None:
    """Everybody, or a segment of them, as CSV. Cells a spreadsheet would run as a formula begin with ', phones too, so that they stay text.

    What is exported in clear, of one campaign, can be loaded into a pool of its voters: the consent in it is the one to be called by it.
    """
    segment = (
        contact
        for contact in output.counted("Exporting contacts", store.every(campaign))
        if (place is None or contact.fields.get("place") == place)
        and (signal is None or signal in contact.signals)
        and (agreed_to is None or agreed_to in contact.consents)
    )
    rows = (_exported(contact, clear, with_consent=campaign is not None) for contact in segment)
    spreadsheets.write(path, _EXPORTED, rows, "contacts")


_EXPORTED = (
    "person",
    "phone",
    "campaign",
    "language",
    "area",
    "first_called_at",
    "our_number",
    "source",
    "signals",
    "standing",
    "consent",
    "consent_evidence",
    "consent_at",
)


def _row(contact: Contact, clear: bool) -> dict[str, object]:
    return {
        "person": contact.person,
        "campaign": contact.campaign,
        "phone": output.number(contact.phone, clear),
        "language": contact.language,
        "first_called_at": contact.first_called_at,
        "number": contact.first_number,
        "source": contact.first_source,
        "signals": sorted(contact.signals),
        "standing": _standing(contact),
    }


def _exported(contact: Contact, clear: bool, *, with_consent: bool) -> dict[str, object]:
    """A row with the columns that a list of voters has (`domain.loads`). Consent was given to one campaign: in a list of several it would be
    taken for another's.
    """
    consent = contact.consents.get(Channel.VOICE) if with_consent else None
    return {
        **_row(contact, clear),
        "our_number": contact.first_number,
        "area": contact.fields.get("place"),
        "consent": "agreed in a call" if consent else None,
        "consent_evidence": consent.cause if consent else None,
        "consent_at": consent.at if consent else None,
    }


def _standing(contact: Contact) -> str:
    if contact.opted_out_at:
        return "opted out"
    if contact.suppressed:
        return contact.suppressed
    return "verified" if contact.verified else "new"


def _to_leave_alone(deployment: Deployment, phone: str, campaign: str | None) -> list[tuple[str, str]]:
    """(campaign, number) of whoever asks to be left alone; `NotFound` where no campaign is named and none has to do with them."""
    if campaign and campaign not in catalog.campaigns():
        raise NotFound(f"there is no campaign {campaign}: `ringback campaigns` lists them")
    try:
        found = {contact.campaign: contact.phone for contact in _find(deployment, phone, campaign)}
    except NotFound:
        found = {}
    number = next(iter(found.values()), None) or read_phone(phone)
    if campaign:
        return [(campaign, number)]
    for name in sorted(catalog.campaigns()):
        if name not in found and people.is_voter(deployment.runtime, name, number):
            found[name] = number
    if not found:
        raise NotFound(
            "no campaign knows anybody by that number, nor stands to ring it; --campaign keeps the wish all the same"
        )
    return list(found.items())


def _find(deployment: Deployment, phone: str, campaign: str | None) -> Sequence[Contact]:
    """The person in each campaign that knows them; `NotFound` when none does."""
    by_id = store.load(phone) if phone.isascii() and phone.isalnum() else None
    if by_id is not None:
        return [by_id]
    found: list[Contact] = []
    for name in [campaign] if campaign else sorted(catalog.campaigns()):
        try:
            found.append(people.find(deployment.runtime, name, phone))
        except NotFound:
            continue
        except (Unreadable, Withheld) as problem:
            raise Rejected(f"that is neither a phone number nor a person's id: {problem}") from None
    if not found:
        raise NotFound(
            f"{campaign or 'no campaign'} knows {'nobody' if campaign else 'anybody'} by that number"
        )
    return found
