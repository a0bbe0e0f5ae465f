"""Exotel: missed calls and menus by applets; SMS, calls and their listing by its REST API.

What it sends us, rebuilt from its documents (people made up):

    GET  /voice/<token>/missed-call?CallSid=e12e…87v&CallFrom=09000000101&CallTo=08040001001
         &Direction=incoming&Created=Wed%2C+31+Jul+2024+16%3A42%3A56&CallType=call-attempt
         &From=09000000101&To=08040001001&…
    POST /voice/dial/<dial id>/<proof>/status   CallSid=e12e…87v&Status=busy&DateUpdated=…
    POST /sms/status/<message id>/<proof>
         SmsSid=9f1c…&To=09000000101&Status=sent&DetailedStatusCode=20005&SmsUnits=2&…

Reading (`pairs`, `callbacks`, `statuses`, `values`) needs the standard library only: the voice door imports
it. `Client` brings `requests` and `exotelpy` with it, so it is loaded when somebody first asks for it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ringback.providers.exotel.callbacks import read_call, read_dial_status, read_sms_status
from ringback.providers.exotel.legs import read_leg
from ringback.providers.exotel.menus import STEPS, is_fragment, read_turn
from ringback.providers.exotel.missed import acknowledged, pairs_of
from ringback.providers.exotel.pairs import read_pairs
from ringback.providers.exotel.values import NAME

name = NAME
repeats_keys = True
KEY_NAMES = frozenset({"digits"})
is_signed = False

if TYPE_CHECKING:
    from ringback.providers.base import Answer, CallbackRequest, Pairs, Reply
    from ringback.providers.exotel.client import Client

__all__ = [
    "KEY_NAMES",
    "NAME",
    "STEPS",
    "Client",
    "acknowledged",
    "is_authentic",
    "is_fragment",
    "is_signed",
    "name",
    "pairs_of",
    "read_call",
    "read_dial_status",
    "read_leg",
    "read_pairs",
    "read_sms_status",
    "read_turn",
    "render",
    "repeats_keys",
    "whispered",
]


def is_authentic(keys: Sequence[str], url: str, request: "CallbackRequest") -> bool:
    """Exotel signs nothing: whoever knows the secret in our address is taken for it."""
    return True


def whispered(step: str, pairs: "Pairs") -> "Reply | None":
    """Nothing: the whisper goes with the answer that says whom to dial."""
    return None


def render(step: str, answer: "Answer") -> "Reply":
    """A saved turn as the applet at `step` wants it; only menus load what it takes."""
    from ringback.providers.exotel import rendering

    return rendering.render(step, answer)


def __getattr__(name: str) -> object:
    if name != "Client":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ringback.providers.exotel.client import Client

    return Client
