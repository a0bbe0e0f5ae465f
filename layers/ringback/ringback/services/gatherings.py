"""Gatherings as an operator meets them: at the door, with a list of who comes."""

from urllib.parse import urlencode

from ringback.domain.campaigns import Campaign
from ringback.domain.contacts import Contact
from ringback.domain.errors import NotFound
from ringback.domain.facts import AttendeeCheckedIn
from ringback.runtime import Runtime
from ringback.services import answers, callbacks, facts
from ringback.services import contacts as people
from ringback.store import journal


def check_in(runtime: Runtime, campaign: Campaign, gathering: str, phone: str) -> Contact:
    """Note that a known person came (F70). Repeating it changes nothing; `NotFound` for an unknown gathering or person."""
    if gathering not in answers.gatherings(campaign):
        raise NotFound(f"campaign {campaign.id} has no gathering {gathering!r}")
    contact = people.find(runtime, campaign.id, phone)
    now = runtime.clock.now()
    fact = AttendeeCheckedIn(f"check-in:{gathering}:{contact.person}", gathering, contact.person, now)
    raw = urlencode({"gathering": gathering, "person": contact.person})
    journal.keep(callbacks.entry_of(fact, campaign.id, facts.CHECK_IN, raw, now))
    # Whoever stands at the door wants to see it at once, not when the stream has come round.
    answers.check_in(campaign.id, gathering, contact.person, now)
    return contact
