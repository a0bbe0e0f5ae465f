"""People as an operator meets them: by their number, one at a time."""

from urllib.parse import urlencode

from ringback.domain import times
from ringback.domain.contacts import Contact
from ringback.domain.errors import NotFound
from ringback.domain.facts import ContactOptedOut
from ringback.domain.phones import person_id
from ringback.runtime import Runtime
from ringback.services import callbacks, facts
from ringback.services.phones import read as read_phone
from ringback.store import contacts, journal


def find(runtime: Runtime, campaign: str, phone: str) -> Contact:
    """The person behind a number, written in any way; `NotFound` when the campaign does not know them."""
    person = person_id(runtime.secrets.person_pepper, campaign, read_phone(phone))
    contact = contacts.load(person)
    if contact is None:
        raise NotFound(f"{campaign} knows nobody by that number")
    return contact


def opt_out(runtime: Runtime, campaign: str, phone: str) -> Contact:
    """Leave a known person alone from now on, because they told an operator so. Repeating it only moves the moment.

    Each time is a fact of its own: they may have come back in between.
    """
    contact = find(runtime, campaign, phone)
    now = runtime.clock.now()
    fact = ContactOptedOut(f"opt-out:{contact.person}:{times.written(now)}", contact.person, now)
    raw = urlencode({"person": contact.person})
    journal.keep(callbacks.entry_of(fact, campaign, facts.OPT_OUT, raw, now))
    # The gate must know before the stream has come round: the command has not succeeded until nothing more leaves.
    return contacts.opt_out(contact.person, now) or contact
