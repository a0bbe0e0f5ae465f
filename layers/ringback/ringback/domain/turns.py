"""What goes into a step of a menu and what comes out of it: what the caller did, what to say, ask and keep.

No provider is known here: a dialect makes an `Input` of a request and renders a `Turn` in its own words. Inputs and effects are
plain data: `written` makes JSON of them, for the journal.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, get_args

from ringback.domain import times

# ── what may be said ──


@dataclass(frozen=True, slots=True)
class Words:
    """Text for the provider's text-to-speech."""

    says: str


@dataclass(frozen=True, slots=True)
class Sound:
    """An audio file, and what is spoken in it. `seconds` is None where nobody has told how long it is."""

    url: str
    seconds: float | None
    says: str


@dataclass(frozen=True, slots=True)
class Utterance:
    """One prompt in one language, ready to be said."""

    prompt: str
    content: Words | Sound
    language: str


# ── what the caller did ──


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What we know of a caller: at first what was stored, then also what the call has told us."""

    language: str = ""
    """The stored choice, or a guess from the number dialled."""
    language_offered: bool = False
    role: str | None = None
    stage: str | None = None
    place: str | None = None
    """From the largest to the smallest: `eci:S13/26/112`."""
    fields: Mapping[str, str] = field(default_factory=dict)
    now: datetime | None = None
    """When the call began; aware."""


@dataclass(frozen=True, slots=True)
class Begin:
    """The call reached the menu."""

    knowledge: Knowledge = field(default_factory=Knowledge)


@dataclass(frozen=True, slots=True)
class Pressed:
    """Keys, without the quotes and finishing keys that providers add: `1`, `*`. Empty is silence."""

    digits: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing came before the time-out."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The caller spoke after the beep. `seconds` is None where the provider does not tell; 0 is silence."""

    url: str
    seconds: int | None


@dataclass(frozen=True, slots=True)
class Spoken:
    """A provider's speech recognition understood words; `confidence` from 0 to 1."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said went to its end, and nothing was asked."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The caller is back from being connected. `talked`: the two talked. `reason`: why nobody was rung at all; None when somebody was."""

    talked: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Identified:
    """The digits of a secret question were looked at. `fields` is what is known of whom they belong to; the digits themselves are not kept."""

    ok: bool
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HungUp:
    """The call is over."""


Input = Begin | Pressed | Silence | Recorded | Spoken | Heard | Connected | Identified | HungUp

# ── what is asked of the caller ──


@dataclass(frozen=True, slots=True)
class Keys:
    """Wait for keys. `words` is what speech recognition should expect; empty where only keys will do.

    What is pressed at a `secret` question is kept nowhere: a PIN.
    """

    timeout_seconds: int
    max_digits: int = 1
    finish_on: str = ""
    words: tuple[str, ...] = ()
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Recording:
    """Beep, then record until `finish_on`, silence or the cap."""

    max_seconds: int
    beep: bool = True
    finish_on: str = "#"


@dataclass(frozen=True, slots=True)
class Dial:
    """Connect the caller to a number (E.164), and come back if the caller is still there afterwards."""

    to: str


class Party(StrEnum):
    """Whom a caller is connected to."""

    VOTER = "voter"
    TRACKER = "tracker"


@dataclass(frozen=True, slots=True)
class Reach:
    """Connect the caller to a second person, who is chosen and counted when the provider asks whom to ring; come back as with `Dial`."""

    party: Party

    def __post_init__(self) -> None:
        object.__setattr__(self, "party", Party(self.party))  # plain text, where JSON was read


@dataclass(frozen=True, slots=True)
class Nothing:
    """Ask nothing: say it and end the call, or say it and come back (`end=False`) when it was heard to its end."""

    end: bool = True


Ask = Keys | Recording | Dial | Reach | Nothing

# ── what happened in the turn ──


class Verdict(StrEnum):
    """What a tracker may say of an influencer."""

    GENUINE = "genuine"
    NOT_GENUINE = "not-genuine"
    UNSURE = "unsure"
    """Somebody else is to be asked."""


class Disposition(StrEnum):
    """What a caller may say of the voter they were connected to (F48)."""

    FOR = "for"
    UNDECIDED = "undecided"
    AGAINST = "against"
    WRONG_NUMBER = "wrong-number"
    DO_NOT_CALL = "do-not-call"


@dataclass(frozen=True, slots=True)
class LanguageChosen:
    """The language was offered. `pressed` is False for a caller who said nothing to the offer and so keeps the guess."""

    language: str
    pressed: bool


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """A key came at a node (F18). `spoken`: the caller said it. Not `valid`: the node has no such key."""

    node: str
    key: str
    valid: bool
    spoken: bool = False


@dataclass(frozen=True, slots=True)
class OptedIn:
    channel: str


@dataclass(frozen=True, slots=True)
class OptedOut:
    """The caller wants to be left alone, on every channel."""


@dataclass(frozen=True, slots=True)
class Rsvped:
    gathering: str
    yes: bool


@dataclass(frozen=True, slots=True)
class Voted:
    poll: str
    option: str


@dataclass(frozen=True, slots=True)
class Pledged:
    issue: str


@dataclass(frozen=True, slots=True)
class CallbackRequested:
    """`menu` is what the call-back plays; None when a person is to call."""

    purpose: str
    menu: str | None = None


@dataclass(frozen=True, slots=True)
class FeedbackRecorded:
    """`language` is the one the caller was spoken to in."""

    topic: str
    url: str
    language: str
    issue: str | None = None
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class FieldSet:
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class AgendaHeard:
    """An agenda was played (F24); `completed` when it went to its end."""

    prompt: str
    completed: bool


@dataclass(frozen=True, slots=True)
class ConnectEnded:
    """The caller came back from being connected to the second person."""

    party: str
    talked: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class VerdictGiven:
    """A tracker who gave their PIN in this call judged the influencer of `review`; `verdict` is one of `Verdict`."""

    review: str
    verdict: str


@dataclass(frozen=True, slots=True)
class ReasonGiven:
    """Why the tracker judged the influencer of `review` as they did earlier in this call: a word of the menu's."""

    review: str
    reason: str


@dataclass(frozen=True, slots=True)
class DispositionGiven:
    """What the caller said of the person they last talked to in this call: one of `Disposition`."""

    disposition: str


@dataclass(frozen=True, slots=True)
class Recruited:
    """The caller wants to become an influencer."""


@dataclass(frozen=True, slots=True)
class DutyChanged:
    """A tracker who gave their PIN in this call began or ended their shift."""

    on: bool


@dataclass(frozen=True, slots=True)
class MenuEnded:
    """`complete` when the menu came to one of its own ends (F30), `furthest` the node most steps from its start."""

    complete: bool
    furthest: str


Effect = (
    LanguageChosen
    | KeyPressed
    | OptedIn
    | OptedOut
    | Rsvped
    | Voted
    | Pledged
    | CallbackRequested
    | FeedbackRecorded
    | FieldSet
    | AgendaHeard
    | ConnectEnded
    | VerdictGiven
    | ReasonGiven
    | DispositionGiven
    | Recruited
    | DutyChanged
    | MenuEnded
)


def written(thing: Input | Ask | Effect | Knowledge) -> dict[str, Any]:
    """Make JSON of an input, question or effect: `{"is": "key-pressed", "node": "choose", …}`. What is None is left out."""
    return {"is": _name(type(thing))} | asdict(thing, dict_factory=_present)


def read_effect(document: Mapping[str, Any]) -> Effect:
    """The effect that `written` wrote; ValueError for a name nobody knows."""
    kind = _EFFECTS.get(document.get("is", ""))
    if kind is None:
        raise ValueError(f"there is no effect {document.get('is')!r}")
    effect: Effect = kind(**{key: value for key, value in document.items() if key != "is"})
    return effect


def read_ask(document: Mapping[str, Any]) -> Ask:
    """The question that `written` wrote; ValueError for a name nobody knows."""
    kind = _ASKS.get(document.get("is", ""))
    if kind is None:
        raise ValueError(f"there is no question {document.get('is')!r}")
    ask: Ask = kind(
        **{
            key: tuple(value) if isinstance(value, list) else value
            for key, value in document.items()
            if key != "is"
        }
    )
    return ask


def read_knowledge(document: Mapping[str, Any]) -> Knowledge:
    """The knowledge that `written` wrote."""
    known = {key: value for key, value in document.items() if key != "is"}
    return Knowledge(**known | ({"now": times.read(known["now"])} if "now" in known else {}))


def _name(kind: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower()


def _present(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: _plain(value) for key, value in fields if value is not None}


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return times.written(value)
        case StrEnum():
            return value.value
    return value


_EFFECTS = {_name(kind): kind for kind in get_args(Effect)}
_ASKS = {_name(kind): kind for kind in get_args(Ask)}
