"""How a call that we placed ended, in the few words that several of a provider's mean."""

from enum import StrEnum


class Ending(StrEnum):
    COMPLETED = "completed"
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    FAILED = "failed"


WORDS = {
    **{str(ending): ending for ending in Ending},
    # Somebody called it off at the provider, or the provider did: not for us to try again.
    "canceled": Ending.FAILED,
    "cancelled": Ending.FAILED,
}
"""By the status word of a call, in lower case. Providers agree on these words.
SOURCE: exotel.md §2.4; twilio.com/docs/voice/api/call-resource, call status values; read 2026.
"""
