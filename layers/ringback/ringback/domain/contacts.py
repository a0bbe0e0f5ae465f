"""A person as one campaign knows them. One phone number is one person; the person's id stands wherever the number need not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Planned:
    """That a text was last planned for this person, by which cause and when: what makes a welcome once per person and window."""

    cause: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Consent:
    """That a person agreed to be written to or rung up, by which turn of which call and when (F31)."""

    cause: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Contact:
    person: str
    campaign: str
    phone: str = field(repr=False)
    """E.164."""
    language: str
    first_called_at: datetime
    first_number: str
    first_source: str
    last_called_at: datetime | None = None
    """When they rang one of our numbers last, a missed call included; None while only we have rung them."""
    first_calls: dict[str, str] = field(default_factory=dict)
    """Place (`domain.metrics.places`) → the cause of the person's first call there: what makes a caller unique once."""
    signals: frozenset[str] = frozenset()
    """What the person's calls meant: `volunteer`, `support:free-clinics` … (F6)."""
    opted_out_at: datetime | None = None
    """When they last asked to be left alone; None when they never did, or have agreed to something since (`in_force`)."""
    suppressed: str | None = None
    """Why the provider says not to write to this number again: `bad-number`, `suppress-contact`."""
    verified: str | None = None
    """The message whose delivery proved that the number is live and its owner was told what the call meant."""
    planned: dict[str, Planned] = field(default_factory=dict)
    language_offered: bool = False
    """Whether `language` is what the person chose, or kept when it was offered; else it is a guess from the number they rang."""
    consents: dict[str, Consent] = field(default_factory=dict)
    """Channel → the latest consent to it, where it counts (`in_force`)."""
    fields: dict[str, str] = field(default_factory=dict)
    """What their answers told of them."""


def is_due(planned: Planned | None, cause: str, at: datetime, once_per: timedelta) -> bool:
    """Whether a text may be planned for `cause` at `at`: never planned, planned by this very cause, or a window ago.

    A cause older than the last planning is never due, so replaying history writes to nobody twice.
    """
    return planned is None or planned.cause == cause or planned.at < at - once_per


def in_force(given: Mapping[str, Consent], opted_out_at: datetime | None) -> dict[str, Consent]:
    """The consents that count: an opt-out ends every one given until its moment, and one given later lifts it.

    Only the latest moments decide, so it is the same whatever order facts come in. At one and the same moment the opt-out stands.
    What the provider says of a number (`Contact.suppressed`) no consent lifts.
    """
    return {
        channel: consent
        for channel, consent in given.items()
        if opted_out_at is None or consent.at > opted_out_at
    }
