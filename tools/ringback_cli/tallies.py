"""What the commands about polls, gatherings and issues share: whose they are, and by what they are split."""

from collections.abc import Iterator, Mapping

import click

from ringback.domain.campaigns import Campaign
from ringback.domain.contacts import Contact
from ringback.domain.errors import NotFound, Rejected
from ringback.services.answers import Grouping
from ringback.store import catalog

UNKNOWN = "unknown"


def _area(contact: Contact) -> str:
    return contact.fields.get("place") or UNKNOWN


def _source(contact: Contact) -> str:
    return contact.first_source


GROUPINGS: Mapping[str, Grouping] = {"area": _area, "source": _source}

of_campaign = click.option("--campaign", metavar="NAME", help="Only this campaign's.")
split = click.option(
    "--by",
    type=click.Choice([*GROUPINGS]),
    help="Split by people's area, or by the source that brought them (tv, rally …).",
)


def campaigns(only: str | None) -> Iterator[Campaign]:
    """The content in force of one campaign or of every one."""
    for name in [only] if only else sorted(catalog.campaigns()):
        yield catalog.current(name)


def the_one(found: list[Campaign], what: str, only: str | None) -> Campaign:
    """The one campaign that has what was asked for."""
    if not found:
        raise NotFound(f"{f'campaign {only}' if only else 'no campaign'} has {'no' if only else 'a'} {what}")
    if len(found) > 1:
        names = ", ".join(campaign.id for campaign in found)
        raise Rejected(f"several campaigns have a {what}: name one with --campaign ({names})")
    return found[0]


def percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None
