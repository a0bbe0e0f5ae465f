"""Twilio: calls and menus by TwiML; SMS, calls and their listing by its REST API.

What it sends us (people made up), every request signed:

    POST /voice/<token>/missed-call      CallSid=CA90…&From=%2B919000000101&To=%2B918040002001&CallStatus=ringing&…
    POST /voice/<token>/turn?after=3     CallSid=CA90…&Digits=1&CallStatus=in-progress&…
    POST /voice/dial/<dial id>/<proof>/turn     the same of a call that we placed, and at its end
    POST /voice/dial/<dial id>/<proof>/status   CallSid=CA90…&CallStatus=completed&CallDuration=30&…
    POST /sms/status/<message id>/<proof>
         MessageSid=SM30…&MessageStatus=delivered&…

Reading and rendering need the standard library only: the voice door imports them. `Client` brings `requests` with it, so it is loaded when
somebody first asks for it.
"""

from typing import TYPE_CHECKING

from ringback.providers.twilio.callbacks import (
    STEPS,
    is_fragment,
    read_call,
    read_dial_status,
    read_pairs,
    read_sms_status,
    read_turn,
)
from ringback.providers.twilio.legs import read_leg
from ringback.providers.twilio.listing import pairs_of
from ringback.providers.twilio.signature import is_authentic
from ringback.providers.twilio.twiml import acknowledged, render, whispered
from ringback.providers.twilio.values import NAME

name = NAME
KEY_NAMES = frozenset({"Digits"})
is_signed = True
repeats_keys = False
"""Each request tells what was done since the last document, and nothing older."""

if TYPE_CHECKING:
    from ringback.providers.twilio.client import Client

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


def __getattr__(name: str) -> object:
    if name != "Client":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ringback.providers.twilio.client import Client

    return Client
