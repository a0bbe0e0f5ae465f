"""The applets a flow is made of, as an account's owner sets them up.

Every branch (`otherwise`, an option, a case) is a flow of its own that does not come back; Transfer goes on at
the start of another flow of the account, or of the same one.

SOURCE: Exotel's support articles on each applet; what they leave open is said beside the field.
"""

from collections.abc import Mapping
from dataclasses import dataclass

LONGEST_VOICEMAIL_SECONDS = 300.0
LONGEST_RINGING_SECONDS = 30.0
LONGEST_CONVERSATION_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a caller is to hear: a text to be spoken, or the address of a sound. One of the two is empty."""

    text: str = ""
    audio_url: str = ""


@dataclass(frozen=True, slots=True)
class Passthru:
    """An applet that asks our URL. `is_async`: the flow goes on at once.

    A synchronous one waits: 200 goes on, anything else takes the flow `otherwise`.
    """

    url: str
    is_async: bool = True
    otherwise: "Flow" = ()


@dataclass(frozen=True, slots=True)
class Hangup:
    """An applet that ends the call."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """Plays prompts, or what a URL answers."""

    prompts: tuple[Prompt, ...] = ()
    url: str = ""


@dataclass(frozen=True, slots=True)
class GatherOrder:
    """What to play, and which keys to wait for; the programmable Gather answers with the same.

    Attributes:
        max_input_digits: 0 = as many as are pressed before the finishing key or the time-out.
        finish_on_key: ends the input and is no part of it; empty = no key does.
        input_timeout: seconds without a key, after the prompt or after the last key.
        repeat_menu: how often the prompt is played again when no key was pressed.
        repeat_prompt: what is played then; None = the same prompt.
    """

    prompt: Prompt
    max_input_digits: int = 1
    finish_on_key: str = ""
    input_timeout: float = 5.0
    repeat_menu: int = 0
    repeat_prompt: Prompt | None = None


@dataclass(frozen=True, slots=True)
class Gather:
    """Collects keys, as `order` says or as a URL answers. The keys show up in later applets as `digits`."""

    order: GatherOrder | None = None
    url: str = ""
    fallback_url: str = ""


@dataclass(frozen=True, slots=True)
class Menu:
    """Plays a prompt and branches on one key. No key, or none of these: again, then `otherwise`."""

    order: GatherOrder
    options: Mapping[str, "Flow"]
    otherwise: "Flow" = ()


@dataclass(frozen=True, slots=True)
class Switch:
    """Branches on the `select` that the synchronous Passthru just before it was answered with."""

    cases: Mapping[str, "Flow"]
    otherwise: "Flow" = ()


@dataclass(frozen=True, slots=True)
class Voicemail:
    """Plays a prompt and records after a beep, until silence, a `#`, the longest time, or the hang-up."""

    prompt: Prompt | None = None
    max_seconds: float = LONGEST_VOICEMAIL_SECONDS


@dataclass(frozen=True, slots=True)
class Transfer:
    """Goes on with the flow that has this id."""

    flow: str


@dataclass(frozen=True, slots=True)
class SmsReply:
    """Sends the caller an SMS: a fixed text with its DLT ids, or what a URL answers, which can have none."""

    text: str = ""
    url: str = ""
    entity_id: str = ""
    template_id: str = ""


@dataclass(frozen=True, slots=True)
class ConnectOrder:
    """Whom to dial and how; the programmable Connect answers with the same.

    Attributes:
        numbers: in E.164, tried in order.
        fetch_after_attempt: ask the URL again after each attempt that failed.
        whisper: what is played before the two are joined; to the one who was dialled alone, or to both.
    """

    numbers: tuple[str, ...]
    fetch_after_attempt: bool = False
    outgoing_phone_number: str = ""
    record: bool = False
    max_ringing_seconds: float = LONGEST_RINGING_SECONDS
    max_conversation_seconds: float = LONGEST_CONVERSATION_SECONDS
    whisper: Prompt | None = None
    whisper_to_both: bool = False
    event_url: str = ""


@dataclass(frozen=True, slots=True)
class Connect:
    """Dials people: fixed numbers, the numbers a URL answers, or an order a URL answers.

    The flow goes on when a conversation has ended; if there was none, with `otherwise`.
    """

    order: ConnectOrder | None = None
    dial_whom_url: str = ""
    url: str = ""
    fallback_url: str = ""
    whisper_url: str = ""
    popup_url: str = ""
    otherwise: "Flow" = ()


Applet = Passthru | Hangup | Greeting | Gather | Menu | Switch | Voicemail | Transfer | SmsReply | Connect
Flow = tuple[Applet, ...]
