"""What Ringback asks of a telephony provider: read its callbacks, send an SMS, place a call, list its calls.

The only Protocol of the code base, because only providers have several implementations. Light to import: the
voice door stands on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from ringback.domain.errors import Rejected
from ringback.domain.facts import Fact, FailureAction
from ringback.domain.legs import LegEvent

if TYPE_CHECKING:
    from ringback.domain.campaigns import Sender
    from ringback.domain.turns import Ask, Utterance

DIAL: Final = "dial"
"""The step at which a provider asks whom to connect a caller to."""

LEG: Final = "leg"
"""The step at which it tells how the person so dialled fares."""

ATTEMPT: Final = "attempt"
"""The parameter that our own addresses carry there: which of a call's attempts is meant."""

Pairs = tuple[tuple[str, str], ...]
"""Names and values of a callback in the order they came; nested names in PHP brackets: `Legs[0][Number]`."""


class Unreadable(Rejected):
    """A callback that cannot be read without guessing: kept as an `Unparsed` fact, answered 200."""


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """One HTTP request of the provider, the token in its path already checked and its size already limited by
    the door.
    """

    method: str
    step: str
    """The last part of our address, for example `missed-call`."""
    query: str
    """As it came: still percent-encoded."""
    content_type: str
    body: bytes
    """Out of base64, if the gateway had put it in."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By their names in lower case; a signature stands in one of them."""


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """What the caller in a menu did, as the provider tells it. Everything None: nothing, or the call has just begun."""

    call_id: str
    """The provider's own."""
    dialled: str
    caller: str | None
    digits: str | None
    """Without the quotes and finishing keys that providers add."""
    recording_url: str | None
    recording_seconds: int | None
    spoken: str | None
    confidence: float | None
    """From 0 to 1; None where nothing was recognised."""
    is_over: bool
    fingerprint: str
    """The same for a repeat of this request, and different for every other of the call."""
    occurred_at: datetime | None
    """UTC; None when the provider gave no readable time."""
    custom_field: str | None = None
    """Our own id of a call that we placed, where the provider gives it back. It could be forged, so alone it proves nothing."""
    leg: LegEvent | None = None
    """What the request tells of the person dialled in the call; None where it tells nothing of one."""


@dataclass(frozen=True, slots=True)
class Reaching:
    """Whom to dial in a call, and how: what a Connect is answered."""

    number: str = field(repr=False)
    """Of the person, E.164."""
    caller_id: str
    """Ours, E.164: the only number that the person sees (F47)."""
    ring_seconds: int
    longest_seconds: int
    """After so much talk the provider ends it."""
    whisper: tuple["Utterance", ...]
    """What the person hears before the two are connected; the caller does not hear it."""
    attempt: int
    """From 1; the same person asked for again has the same."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a saved turn says and asks, ready to be rendered."""

    speak: tuple["Utterance", ...]
    ask: "Ask"
    turn: int = 0
    """The turn's number in its call. A dialect that hands out addresses puts it there, so that the same key at the same node,
    pressed again, is another request and its repeat is not.
    """
    reach: Reaching | None = None
    """Where the ask is to reach somebody: whom. None there: nobody is to be dialled."""
    address: str = field(default="", repr=False)
    """Where our doors for the campaign stand, whole and without a step: `https://…/voice/<token>`. For a dialect that has to hand out whole
    addresses; empty where we were not told our own (`PUBLIC_URL`). Holds a secret, so it is never logged.
    """


@dataclass(frozen=True, slots=True)
class Reply:
    """What the provider gets over HTTP."""

    status: int
    content_type: str
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutgoingSms:
    """One SMS, past the policy gate and claimed."""

    to: str = field(repr=False)
    """E.164."""
    body: str = field(repr=False)
    sender: "Sender"
    template_id: str
    """The DLT template's id."""
    callback_url: str = field(repr=False)
    """Where the delivery report goes; holds a secret, so it is never logged."""
    custom_field: str
    """Our own id of the message, given back by the provider where it can; at most 128 characters."""


@dataclass(frozen=True, slots=True)
class OutgoingCall:
    """One call that walks a menu when it is answered, past the policy gate and claimed."""

    to: str = field(repr=False)
    """Whom to ring, E.164."""
    number: str
    """The number of ours that they see, E.164."""
    flow: str | None
    """The provider's name for the flow that the call walks, where it needs one."""
    menu_url: str = field(repr=False)
    """Where a provider without flows asks what the person is to hear; holds a secret, so it is never logged."""
    callback_url: str = field(repr=False)
    """Where it tells how the call ended; holds a secret as well."""
    custom_field: str
    """Our own id of the call, given back by the provider where it can; at most 128 characters."""
    ring_seconds: int
    longest_seconds: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the SMS or the call and gave it an id. Says nothing about delivery, nor whether anybody answers."""

    provider_id: str
    parts: int | None


@dataclass(frozen=True, slots=True)
class Declined:
    """The provider will not send this SMS or place this call, and did not: final."""

    code: str
    detail: str
    action: FailureAction


@dataclass(frozen=True, slots=True)
class Throttled:
    """Nothing was sent; the same request may be made again later."""

    retry_after_seconds: float | None
    """As the provider asked; None when it did not say."""
    is_reached: bool = True
    """False where no connection was made: then nobody asked, and the provider may be down."""


@dataclass(frozen=True, slots=True)
class AccountBlocked:
    """Nothing was sent, and nothing will be until a person mends the account: credentials, balance, KYC,
    suspension.
    """

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """The SMS may or may not have been sent, the phone may or may not ring. Never repeat it: evidence settles it."""

    detail: str


Outcome = Accepted | Declined | Throttled | AccountBlocked | Unclear


class Direction(StrEnum):
    INCOMING = "incoming"
    OUTGOING = "outgoing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ListedCall:
    """A call as the provider's own records have it. Numbers stand as the provider wrote them."""

    call_id: str
    dialled: str
    """Empty when the record has none."""
    caller: str | None
    direction: Direction
    status: str
    """The provider's word, in lower case; empty when the record has none."""
    started_at: datetime | None
    """UTC."""
    custom_field: str | None
    talk_seconds: int | None = None
    """None where the records do not tell."""


@dataclass(frozen=True, slots=True)
class CallPage:
    """One page of the provider's call listing."""

    calls: tuple[ListedCall, ...]
    complete: bool
    """False on the last page when the provider counted more calls than came: ask again later."""
    next: str | None
    """The cursor of the next page; None on the last."""
    skipped: int = 0
    """Records nobody could read: they count as having come, and are not in `calls`."""


@dataclass(frozen=True, slots=True)
class FoundCall:
    """One call as the provider's own records have it, with the people who were dialled in it."""

    call_id: str
    is_over: bool
    ended_at: datetime | None
    """UTC; None while it goes on, and where the record does not say."""
    legs: tuple[LegEvent, ...]
    """How they fared, as far as the records tell: those whose call is over. Without a number: of whoever was dialled last."""


class Dialect(Protocol):
    """How a provider tells and asks, and wants to be answered; a module, light enough for the voice door. Pure: every `read_*` gives
    the same for the same pairs, today and at a replay.
    """

    @property
    def name(self) -> str: ...

    @property
    def STEPS(self) -> frozenset[str]:
        """The steps at which it asks what its callers are to hear; at every other it only tells."""

    @property
    def is_signed(self) -> bool:
        """Whether it signs what it sends; a dialect that does not is known by the secret in its address alone."""

    def is_authentic(self, keys: Sequence[str], url: str, request: CallbackRequest) -> bool:
        """Whether one of the account's keys signed a request to `url`, our public address of it without the query."""

    @property
    def KEY_NAMES(self) -> frozenset[str]:
        """The parameters that tell of pressed keys, so that a PIN can be left out of what is kept."""

    @property
    def repeats_keys(self) -> bool:
        """Whether a key is told again in later requests, so that it counts only where a key was asked for."""

    def read_pairs(self, request: CallbackRequest) -> Pairs:
        """Raises `Unreadable`."""

    def read_call(self, step: str, pairs: Pairs) -> Fact:
        """Raises `Unreadable`."""

    def read_sms_status(self, message_id: str, pairs: Pairs) -> Fact:
        """Raises `Unreadable`."""

    def read_dial_status(self, dial_id: str, pairs: Pairs) -> Fact:
        """How a call that we placed ended. Raises `Unreadable`, also for one that has not ended."""

    def pairs_of(self, call: "ListedCall") -> Pairs:
        """The parameters from which `read_call`, or `read_dial_status`, reads what the call's own callback would have told."""

    def acknowledged(self, step: str) -> Reply:
        """What a request that only tells is answered: a missed call is left unanswered (F1)."""

    def read_turn(self, step: str, pairs: Pairs) -> TurnRequest:
        """Raises `Unreadable`."""

    def read_leg(self, pairs: Pairs) -> LegEvent:
        """What a request at the step `LEG` tells. Raises `Unreadable`."""

    def whispered(self, step: str, pairs: Pairs) -> Reply | None:
        """What a person who was dialled hears before they are connected, where the provider asks for it by a request of its own; that
        request says all that it takes. None for every other request.
        """

    def is_fragment(self, step: str) -> bool:
        """Whether a request at this step brings nothing new and asks for a part of the turn answered last."""

    def render(self, step: str, answer: Answer) -> Reply:
        """What a request at this step is answered. The headers are those of the step, whatever the answer."""


class Provider(Protocol):
    """A telephony provider. Every `read_*` is pure and gives the same answer for the same pairs, today and at
    a replay.
    """

    @property
    def name(self) -> str: ...

    def read_pairs(self, request: CallbackRequest) -> Pairs:
        """Raises `Unreadable`."""

    def read_call(self, step: str, pairs: Pairs) -> Fact:
        """Raises `Unreadable`."""

    def read_sms_status(self, message_id: str, pairs: Pairs) -> Fact:
        """Raises `Unreadable`."""

    def send_sms(self, sms: OutgoingSms) -> Outcome:
        """Ask once, never again by itself; every failure is an outcome, none is raised."""

    def place_call(self, call: OutgoingCall) -> Outcome:
        """As `send_sms`: asked once. `Accepted.provider_id` is the call's own id, by which its callbacks name it."""

    def close(self) -> None:
        """Drop the connections that are kept alive: one from before a freeze of the environment may be dead, and a request on it
        would be a request that nobody knows the outcome of.
        """

    def list_calls(self, since: datetime, until: datetime, cursor: str | None = None) -> CallPage:
        """Calls made between two moments, oldest first. Raises `ProviderError`."""

    def find_call(self, call_id: str) -> FoundCall | None:
        """One call by the provider's own id; None when its records have none. Repeating it is safe. Raises `ProviderError`."""

    def end_call(self, call_id: str) -> bool:
        """End a call that goes on, for everybody in it; False when it was over already, or its records have none by that id. What follows
        is told as every end is. Repeating it is safe. Raises `ProviderError`, also where the provider cannot do it.
        """
