"""What happened, as the outside world told us: past tense, immutable, each with a key made of what it is.

A fact's key is (`source_id`, `name`): the call or message it is about, and what happened to it. A second delivery of the same
occurrence has the same key, so keeping it twice is impossible. Numbers stand as the provider wrote them: reading them is the
reaction's work, so that a better reading later can be applied to everything already kept.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ringback.domain import times
from ringback.domain.endings import Ending

if TYPE_CHECKING:
    from ringback.domain.turns import Effect


@dataclass(frozen=True, slots=True)
class CallMissed:
    """Somebody rang one of our numbers and the call ended unanswered: `exotel:<CallSid>` / `call-missed`."""

    source_id: str
    dialled: str
    caller: str | None
    """As written by the provider; None or a word such as `anonymous` when the caller withheld it."""
    occurred_at: datetime | None
    """UTC; None when the provider gave no readable time."""

    @property
    def name(self) -> str:
        return "call-missed"


class Delivery(StrEnum):
    """Where the provider says an SMS stands. Several of its statuses mean one of these."""

    IN_PROGRESS = "in-progress"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNRECOGNISED = "unrecognised"
    """A status or code we have no reading for: kept raw, never taken for delivered."""


class FailureAction(StrEnum):
    """What a failed delivery asks for, from the provider's code."""

    NONE = "none"
    SUPPRESS_CONTACT = "suppress-contact"
    """The person is on a do-not-disturb list or has withdrawn: do not try again."""
    BAD_NUMBER = "bad-number"
    FIX_TEMPLATE = "fix-template"
    """Text and registered DLT template disagree: every send of this text will fail until someone mends it."""
    FIX_ENTITY = "fix-entity"
    """The sender's registration is wrong: every send of the campaign will fail until someone mends it."""
    MAY_RETRY = "may-retry"


@dataclass(frozen=True, slots=True)
class SmsStatusChanged:
    """The provider reported on one of our messages: `<message id>` / `sms-<delivery>-<code>`."""

    source_id: str
    delivery: Delivery
    code: str
    """The provider's own code or status word, for example `20005` or `failed-dnd`; never empty."""
    action: FailureAction
    provider_id: str | None
    parts: int | None
    occurred_at: datetime | None

    @property
    def name(self) -> str:
        return f"sms-{self.delivery}-{self.code}"


@dataclass(frozen=True, slots=True)
class ContactOptedOut:
    """A person asked to be left alone, told to us by an operator: `opt-out:<person>:<moment>` / `contact-opted-out`.

    Opting out by a missed call is a `CallMissed` on a number whose purpose is opting out; it needs no fact of its own.
    """

    source_id: str
    person: str
    occurred_at: datetime | None

    @property
    def name(self) -> str:
        return "contact-opted-out"


@dataclass(frozen=True, slots=True)
class TurnTaken:
    """A caller's turn in a menu, and what it came to: `exotel:<CallSid>` / `turn-3`.

    The one fact that is ours and not only a provider's telling: what a key means depends on where the call stood.
    """

    source_id: str
    turn: int
    """From 1, which is the call's beginning."""
    menu: str
    version: int
    """Of the campaign's content, in which the menu is to be looked up."""
    dialled: str
    """E.164, one of ours."""
    caller: str | None
    """As written by the provider."""
    node: str
    """Where the call stands after the turn."""
    language: str
    effects: tuple["Effect", ...]
    occurred_at: datetime
    dial: str | None = None
    """The id of the dial when we placed the call. Its first turn proves that somebody took it."""

    @property
    def name(self) -> str:
        return f"turn-{self.turn}"

    @property
    def cause(self) -> str:
        """What names this turn where something follows from it."""
        return f"{self.source_id}/{self.name}"

    @property
    def opens_a_call_in(self) -> bool:
        """Whether it is the first of a call that came in: by it the call is counted. Whom we rang has not rung us."""
        return self.turn == 1 and self.dial is None

    def to_document(self) -> dict[str, Any]:
        """Make JSON of it; the call's id stands elsewhere."""
        from ringback.domain import turns  # a door that keeps missed calls starts without it

        return {
            "turn": self.turn,
            "menu": self.menu,
            "version": self.version,
            "dialled": self.dialled,
            "node": self.node,
            "language": self.language,
            "at": times.written(self.occurred_at),
            **({"caller": self.caller} if self.caller is not None else {}),
            **({"dial": self.dial} if self.dial is not None else {}),
            **({"effects": [turns.written(effect) for effect in self.effects]} if self.effects else {}),
        }

    @staticmethod
    def from_document(source_id: str, document: Mapping[str, Any]) -> "TurnTaken":
        """The turn that `to_document` wrote; KeyError, TypeError or ValueError for anything else."""
        from ringback.domain import turns

        return TurnTaken(
            source_id=source_id,
            turn=document["turn"],
            menu=document["menu"],
            version=document["version"],
            dialled=document["dialled"],
            caller=document.get("caller"),
            node=document["node"],
            language=document["language"],
            effects=tuple(map(turns.read_effect, document.get("effects", ()))),
            occurred_at=times.read(document["at"]),
            dial=document.get("dial"),
        )


@dataclass(frozen=True, slots=True)
class DialEnded:
    """The provider reported how a call that we placed ended: `<dial id>` / `dial-busy`."""

    source_id: str
    ending: Ending
    talk_seconds: int | None
    """None where the provider does not tell."""
    provider_id: str | None
    occurred_at: datetime | None

    @property
    def name(self) -> str:
        return f"dial-{self.ending}"


@dataclass(frozen=True, slots=True)
class VoterDialled:
    """A voter was given out to be rung in a call: `exotel:<CallSid>` / `dialled-1`. Ours, like a turn: the answer to the Connect *is* the
    dial. A tracker in a voter's stead (X3) is told of the same way; `mystery` says so, and no number stands here.
    """

    source_id: str
    attempt: int
    """From 1."""
    person: str
    influencer: str
    """The caller's person id."""
    dialled: str
    """E.164, one of ours: the number that was rung by the caller."""
    pool: str
    area: str | None
    ticket: str | None
    occurred_at: datetime
    mystery: bool = False

    @property
    def name(self) -> str:
        return f"dialled-{self.attempt}"

    def to_document(self) -> dict[str, Any]:
        """Make JSON of it; the call's id stands elsewhere."""
        return _present(self)

    @staticmethod
    def from_document(source_id: str, document: Mapping[str, Any]) -> "VoterDialled":
        """What `to_document` wrote; KeyError, TypeError or ValueError for anything else."""
        told = dict(document)
        at = times.read(told.pop("at"))
        return VoterDialled(source_id, **{"area": None, "ticket": None, **told}, occurred_at=at)


@dataclass(frozen=True, slots=True)
class TrackerDialled:
    """A tracker was given out to be rung in an influencer's call: `exotel:<CallSid>` / `tracker-dialled-1`."""

    source_id: str
    attempt: int
    person: str
    influencer: str
    dialled: str
    review: str
    occurred_at: datetime

    @property
    def name(self) -> str:
        return f"tracker-dialled-{self.attempt}"

    def to_document(self) -> dict[str, Any]:
        """Make JSON of it; the call's id stands elsewhere."""
        return _present(self)

    @staticmethod
    def from_document(source_id: str, document: Mapping[str, Any]) -> "TrackerDialled":
        """What `to_document` wrote; KeyError, TypeError or ValueError for anything else."""
        told = dict(document)
        at = times.read(told.pop("at"))
        return TrackerDialled(source_id, **told, occurred_at=at)


@dataclass(frozen=True, slots=True)
class PatchTold:
    """A patch moved on: somebody answered, a leg ended, or all of it is over: `exotel:<CallSid>` / `leg-1-terminal`, `patch-over`.

    It says where to look, not what to do: whatever follows is read from the patch as it stands.
    """

    source_id: str
    attempt: int
    """0 for the patch as a whole."""
    event: str
    """`answered`, `terminal` or `over`."""
    party: str
    outcome: str | None
    """What came of the attempt that ended by it; of the patch as a whole, why it is over."""
    occurred_at: datetime

    @property
    def name(self) -> str:
        return f"leg-{self.attempt}-{self.event}" if self.attempt else f"patch-{self.event}"

    def to_document(self) -> dict[str, Any]:
        """Make JSON of it; the call's id stands elsewhere."""
        return _present(self)

    @staticmethod
    def from_document(source_id: str, document: Mapping[str, Any]) -> "PatchTold":
        """What `to_document` wrote; KeyError, TypeError or ValueError for anything else."""
        told = dict(document)
        at = times.read(told.pop("at"))
        return PatchTold(source_id, **{"outcome": None, **told}, occurred_at=at)


def _present(fact: VoterDialled | TrackerDialled | PatchTold) -> dict[str, Any]:
    document = {key: value for key, value in asdict(fact).items() if value is not None and value is not False}
    del document["source_id"]
    return document | {"at": times.written(document.pop("occurred_at"))}


@dataclass(frozen=True, slots=True)
class AttendeeCheckedIn:
    """A person came to a gathering, told to us by an operator: `check-in:<gathering>:<person>` / `attendee-checked-in`."""

    source_id: str
    gathering: str
    person: str
    occurred_at: datetime | None

    @property
    def name(self) -> str:
        return "attendee-checked-in"


@dataclass(frozen=True, slots=True)
class Unparsed:
    """A callback nobody could read: kept whole (up to a limit), counted, and answered 200: `unparsed:<sha256>` / `unparsed`."""

    source_id: str
    reason: str

    @property
    def name(self) -> str:
        return "unparsed"

    @property
    def occurred_at(self) -> datetime | None:
        return None


Fact = (
    CallMissed
    | TurnTaken
    | VoterDialled
    | TrackerDialled
    | PatchTold
    | SmsStatusChanged
    | DialEnded
    | ContactOptedOut
    | AttendeeCheckedIn
    | Unparsed
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the journal: a fact as it was told, from which it can be read again at any time.

    `key` is the fact's name, or `<name>#<digest>` where a second, different telling of the same fact was kept beside the first.
    """

    source_id: str
    key: str
    campaign: str
    provider: str
    step: str
    """What the callback address said this is: `missed-call`, `sms-status` … decides how `raw` is read."""
    raw: str
    """The parameters, URL-encoded; for an unparsed callback the first 4 KB of what came."""
    digest: str
    received_at: datetime
    listed: bool = False
    """True when reconciliation made the entry from the provider's call listing, not from a callback."""

    @property
    def is_variant(self) -> bool:
        return "#" in self.key
