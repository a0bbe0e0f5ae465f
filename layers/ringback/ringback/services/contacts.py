"""People as an operator meets them: by their number, one at a time."""

from datetime import datetime
from urllib.parse import urlencode

from ringback.domain import times
from ringback.domain.campaigns import Campaign
from ringback.domain.contacts import Contact
from ringback.domain.errors import NotFound
from ringback.domain.facts import ContactOptedOut
from ringback.domain.phones import person_id
from ringback.runtime import Runtime
from ringback.services import callbacks, facts
from ringback.services.phones import read as read_phone
from ringback.store import catalog, contacts, journal, pools, voters


def find(runtime: Runtime, campaign: str, phone: str) -> Contact:
    """The person behind a number, written in any way; `NotFound` when the campaign does not know them."""
    person = person_id(runtime.secrets.person_pepper, campaign, read_phone(phone))
    contact = contacts.load(person)
    if contact is None:
        raise NotFound(f"{campaign} knows nobody by that number")
    return contact


def is_voter(runtime: Runtime, campaign: str, phone: str) -> bool:
    """Whether a number stands in any pool of a campaign. One read for each pool."""
    person = person_id(runtime.secrets.person_pepper, campaign, read_phone(phone))
    return any(voters.load(pool.id, person) for pool in pools.every(campaign))


def opt_out(runtime: Runtime, campaign: str, phone: str) -> Contact:
    """Leave a person alone from now on, because they told an operator so. Whom the campaign does not know becomes known by that alone: they
    may stand in a list of voters, today or later. Repeating it only moves the moment.

    Each time is a fact of its own: they may have come back in between.
    """
    now = runtime.clock.now()
    try:
        contact = find(runtime, campaign, phone)
    except NotFound:
        contact = contacts.record_call(_unmet(runtime, catalog.current(campaign), phone, now), opts_out=True)
    fact = ContactOptedOut(f"opt-out:{contact.person}:{times.written(now)}", contact.person, now)
    raw = urlencode({"person": contact.person})
    journal.keep(callbacks.entry_of(fact, campaign, facts.OPT_OUT, raw, now))
    # The gate must know before the stream has come round: the command has not succeeded until nothing more leaves.
    return contacts.opt_out(contact.person, now) or contact


def _unmet(runtime: Runtime, campaign: Campaign, phone: str, now: datetime) -> Contact:
    written = read_phone(phone)
    return Contact(
        person=person_id(runtime.secrets.person_pepper, campaign.id, written),
        campaign=campaign.id,
        phone=written,
        language=campaign.default_language,
        first_called_at=now,
        first_number="",
        first_source="operator",
    )
