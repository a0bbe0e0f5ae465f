"""Ringing a handset: whether it is answered, and how the provider words it if not."""

from dataclasses import dataclass

from phone_network.handsets import Handset

COMPLETED = "completed"
_SETUP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Rung:
    """How the ringing of a handset ended, after so many seconds of voice time.

    SOURCE: captures of Passthru requests after a Connect applet: causes NORMAL_CLEARING/16 and
    RING_TIMEOUT/1003; the others follow Q.850, as the first does.
    """

    status: str
    seconds: float
    cause_code: str
    cause: int

    @property
    def is_answered(self) -> bool:
        """Whether somebody took the call."""
        return self.status == COMPLETED


def ring(handset: Handset, max_seconds: float) -> Rung:
    """Return how ringing a handset for at most so long ends."""
    if not handset.is_known:
        return Rung("failed", _SETUP_SECONDS, "UNALLOCATED_NUMBER", 1)
    if not handset.is_on:
        return Rung("failed", _SETUP_SECONDS, "SUBSCRIBER_ABSENT", 20)
    if handset.is_busy or handset.in_calls:
        return Rung("busy", _SETUP_SECONDS, "USER_BUSY", 17)
    if handset.answers and handset.answers_after_seconds <= max_seconds:
        return Rung(COMPLETED, handset.answers_after_seconds, "NORMAL_CLEARING", 16)
    return Rung("no-answer", max_seconds, "RING_TIMEOUT", 1003)
