"""The second leg of a call of ours, as a provider tells of it: it rings, it was answered, it is over."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Progress(StrEnum):
    """How far a leg has come. It never goes back."""

    DIAL = "dial"
    ANSWERED = "answered"
    TERMINAL = "terminal"


class Ending(StrEnum):
    """How a leg ended. Several of a provider's words mean one of these."""

    COMPLETED = "completed"
    """It had been answered. Whether anybody talked, only the seconds tell (exotel.md, trap 7)."""
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    FAILED = "failed"
    """Nobody could be put through: a phone that is off, a network that is busy. Another day it may be otherwise."""
    UNALLOCATED = "unallocated"
    """The network says that nobody has this number."""
    CANCELED = "canceled"
    """The caller left while it rang."""


@dataclass(frozen=True, slots=True)
class LegEvent:
    """One telling about the person who was dialled in a call."""

    call_id: str
    """The provider's own, of the call that they were dialled in."""
    number: str | None = field(repr=False)
    """Whom it is about, E.164 where it can be read; None when the provider did not say."""
    event: Progress
    status: Ending | None
    """None before the end, and for a word nobody can read."""
    talked_seconds: int | None
    """Both were on the line for so long, ringing not included; None when the provider did not say."""
    rang_seconds: int | None
    occurred_at: datetime | None
    """UTC; None when the provider gave no readable time."""
    attempt: int | None = None
    """Which attempt it is about, where the address it was told at says so."""
