"""A menu as data: nodes, each of which says, asks, looks at or does one thing, and prompts in every language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ringback.domain.turns import Party, Sound, Utterance, Words

OPT_OUT, REPEAT, BACK = "9", "0", "*"
KEYS = frozenset("12345678")
"""The keys a menu may use. The reserved ones work everywhere; `#` ends a recording."""


class Manner(StrEnum):
    """The prompts that every menu needs, whatever it is about."""

    INVALID = "invalid-key"
    SILENCE = "no-key"
    GIVE_UP = "give-up"
    OPTED_OUT = "opted-out"


@dataclass(frozen=True, slots=True)
class Say:
    """Say something and go on. An `agenda` is heard on its own, so that we know whether it was heard to its end (F24)."""

    prompt: str
    next: str
    agenda: bool = False


@dataclass(frozen=True, slots=True)
class Gather:
    """Ask for a key, or for a word that stands for one: `speech` is key → language → words."""

    prompt: str
    options: Mapping[str, str]
    timeout_seconds: int = 8
    speech: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChooseLanguage:
    """Offer the languages, each in itself (`options`: key → language), to callers who have not been offered them yet.

    The caller's present language is not read out: whoever says nothing keeps it.
    """

    prompt: str
    options: Mapping[str, str]
    next: str
    timeout_seconds: int = 5


@dataclass(frozen=True, slots=True)
class Record:
    """Record what the caller says. With `review`, play it back and let them say it again; silence keeps it."""

    prompt: str
    topic: str
    next: str
    issue: str | None = None
    review: str | None = None
    max_seconds: int = 30
    timeout_seconds: int = 8


class Subject(StrEnum):
    """What a branch looks at."""

    LANGUAGE = "language"
    ROLE = "role"
    STAGE = "stage"
    PLACE = "place"
    TIME = "time"
    FIELD = "field"


@dataclass(frozen=True, slots=True)
class Branch:
    """Go on by what we know of the caller: the first case that fits, else `otherwise`.

    A case is a value; for a place also whatever lies in it; for time, hours of the Indian day such as `10:00-13:00`.
    """

    on: Subject
    cases: Mapping[str, str]
    otherwise: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class SetField:
    field: str
    value: str
    next: str


@dataclass(frozen=True, slots=True)
class OptIn:
    channel: str
    next: str


@dataclass(frozen=True, slots=True)
class OptOut:
    next: str


@dataclass(frozen=True, slots=True)
class Rsvp:
    gathering: str
    yes: bool
    next: str


@dataclass(frozen=True, slots=True)
class Vote:
    poll: str
    option: str
    next: str


@dataclass(frozen=True, slots=True)
class Pledge:
    issue: str
    next: str


@dataclass(frozen=True, slots=True)
class RequestCallback:
    """Have the caller rung up: by a menu, or by a person where there is none."""

    purpose: str
    next: str
    menu: str | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """Connect the caller to a number (E.164); `next` is for callers still there afterwards, reached or not."""

    to: str
    next: str


@dataclass(frozen=True, slots=True)
class Connect:
    """Connect the caller to a second person whom we choose (F35, F40). `reached`: they talked; `missed`: nobody took the call; `none`: there
    was nobody to ring, and the field `connected` says why.
    """

    party: Party
    reached: str
    missed: str
    none: str


@dataclass(frozen=True, slots=True)
class EnterPin:
    """Have a tracker say who they are, by digits that are kept nowhere (F37). `wrong` is said before asking again."""

    prompt: str
    wrong: str
    next: str
    timeout_seconds: int = 8


@dataclass(frozen=True, slots=True)
class GiveVerdict:
    """What the tracker thinks of the influencer of the review that waits for them (F36)."""

    verdict: str
    next: str


@dataclass(frozen=True, slots=True)
class GiveReason:
    """Why the tracker gave the verdict that they have just given (F36)."""

    reason: str
    next: str


@dataclass(frozen=True, slots=True)
class SetDisposition:
    """What the caller says of the person they were just connected to (F48)."""

    disposition: str
    next: str


@dataclass(frozen=True, slots=True)
class Recruit:
    """Make the caller an influencer (F49)."""

    next: str


@dataclass(frozen=True, slots=True)
class Duty:
    """Begin or end a tracker's shift."""

    on: bool
    next: str


@dataclass(frozen=True, slots=True)
class Hangup:
    prompt: str


Node = (
    Say
    | Gather
    | ChooseLanguage
    | Record
    | Branch
    | SetField
    | OptIn
    | OptOut
    | Rsvp
    | Vote
    | Pledge
    | RequestCallback
    | Transfer
    | Connect
    | EnterPin
    | GiveVerdict
    | GiveReason
    | SetDisposition
    | Recruit
    | Duty
    | Hangup
)


def ways_on(node: Node) -> dict[str, str]:
    """Where a node may lead, by what leads there: a key, a case, or nothing."""
    match node:
        case Gather():
            return dict(node.options)
        case Branch():
            return {**node.cases, "otherwise": node.otherwise}
        case Connect():
            return {"reached": node.reached, "missed": node.missed, "none": node.none}
        case Hangup():
            return {}
        case _:
            return {"": node.next}


@dataclass(frozen=True, slots=True)
class Menu:
    """One menu of one published version of a campaign. It never changes: a call keeps the version it began with."""

    id: str
    version: int
    start: str
    nodes: Mapping[str, Node]
    prompts: Mapping[str, Mapping[str, Words | Sound]]
    """Prompt → language → what is said."""
    languages: tuple[str, ...]
    default_language: str
    depths: Mapping[str, int] = field(init=False, repr=False, compare=False)
    """Steps from the start, for every node that can be reached."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "depths", _depths(self.start, self.nodes))

    def looks_at(self, *subjects: Subject) -> bool:
        """Whether the menu goes on by one of these, which then has to be looked up."""
        return any(isinstance(node, Branch) and node.on in subjects for node in self.nodes.values())

    @property
    def connects(self) -> bool:
        """Whether callers may be connected to a second person whom we choose."""
        return any(isinstance(node, Connect) for node in self.nodes.values())

    @property
    def has_secrets(self) -> bool:
        """Whether what callers press may be a PIN."""
        return any(isinstance(node, EnterPin) for node in self.nodes.values())

    def chain(self, language: str) -> tuple[str, ...]:
        """The languages in which a caller of one may be spoken to, best first."""
        best = (language,) if language in self.languages else ()
        return tuple(dict.fromkeys((*best, self.default_language, *self.languages)))

    def utterances(self, prompt: str, language: str) -> tuple[Utterance, ...]:
        """A prompt in the best language of the caller's chain that it has."""
        said = self.prompts.get(prompt, {})
        best = next((spoken for spoken in self.chain(language) if spoken in said), None)
        return (Utterance(prompt, said[best], best),) if best else ()


def _depths(start: str, nodes: Mapping[str, Node]) -> dict[str, int]:
    depths: dict[str, int] = {}
    level, depth = [start], 0
    while level:
        depths |= dict.fromkeys(level, depth)
        depth += 1
        onward = dict.fromkeys(to for name in level if name in nodes for to in ways_on(nodes[name]).values())
        level = [name for name in onward if name not in depths]
    return depths
