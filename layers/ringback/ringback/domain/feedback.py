"""A recorded grievance from notice to answer: its tags, its clock, and the only way it may go.

```
new ─► tagged ─► answered ─► closed      forward only; a state may be passed over
```

It is tagged once we know what it is about. Each grievance has at most one issue, one area and one urgency, so that counts by tag add
up. A menu and the campaign's rules fill in what is empty; a person's word replaces what stands there. The clock starts at the recording
and stops at the answer; closing without an answer stops the reminders, and counts as unanswered.
"""

import base64
import hashlib
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ringback.domain.documents import Section
from ringback.domain.errors import Rejected
from ringback.domain.times import INDIA

ANSWER_WITHIN = timedelta(hours=24)
"""How soon a grievance should be answered: what the caller was promised (F88)."""

REMINDERS = (1 / 2, 5 / 6)
"""When the team is reminded, as shares of that time: after 12 and after 20 of 24 hours."""


class State(StrEnum):
    NEW = "new"
    TAGGED = "tagged"
    ANSWERED = "answered"
    CLOSED = "closed"


OPEN = (State.NEW, State.TAGGED)
"""Where a grievance waits for its answer."""


def may_follow(before: State, after: State) -> bool:
    """Whether a grievance in `before` may move to `after`: only ever forward."""
    return before in predecessors(after)


def predecessors(after: State) -> tuple[State, ...]:
    """The states from which `after` may be reached: the condition of the write that moves there."""
    order = tuple(State)
    return order[: order.index(after)]


# ── tags ──


class Kind(StrEnum):
    ISSUE = "issue"
    AREA = "area"
    URGENCY = "urgency"


class Urgency(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class Tagger(StrEnum):
    """Who put a tag there."""

    MENU = "menu"
    RULE = "rule"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Tagged:
    """What stands for one kind of tag, and by whom."""

    value: str
    by: Tagger


Tags = Mapping[Kind, str]

_ISSUE = re.compile(r"[a-z][a-z0-9-]{0,39}")
_AREA = re.compile(r"[A-Za-z0-9][A-Za-z0-9:/-]{0,79}")
_MEANS: Mapping[Kind, str] = {
    Kind.ISSUE: "lower-case letters, digits and dashes, beginning with a letter, at most 40",
    Kind.AREA: "letters, digits, `:`, `/` and `-`, at most 80, such as `eci:S13/26/112`",
    Kind.URGENCY: f"one of {', '.join(Urgency)}",
}


def read_tag(text: str) -> tuple[Kind, str]:
    """The kind and value of a tag as people write it, `issue:piped-water`; `Rejected` says what is wrong with it."""
    kind, colon, value = text.partition(":")
    if not colon or kind not in tuple(Kind):
        raise Rejected(f"{text!r} is no tag: write issue:…, area:… or urgency:…")
    if not _fits(Kind(kind), value):
        raise Rejected(f"{text!r}: {kind} must be {_MEANS[Kind(kind)]}")
    return Kind(kind), value


def read_tags(texts: Iterable[str]) -> dict[Kind, str]:
    """Tags as people write them, one of a kind; `Rejected` for the first that is wrong or one too many."""
    found: dict[Kind, str] = {}
    for text in texts:
        kind, value = read_tag(text)
        if found.setdefault(kind, value) != value:
            raise Rejected(f"{text!r}: a grievance has one {kind}, and {found[kind]!r} is given as well")
    return found


def fitting(kind: Kind, value: str | None) -> dict[Kind, str]:
    """The tag that a value from elsewhere (a menu, a contact) makes; none when it is absent or cannot be one."""
    return {kind: value} if value and _fits(kind, value) else {}


def is_tagged(kinds: Collection[Kind]) -> bool:
    """Whether tags of these kinds say what a grievance is about."""
    return Kind.ISSUE in kinds


def _fits(kind: Kind, value: str) -> bool:
    match kind:
        case Kind.ISSUE:
            return bool(_ISSUE.fullmatch(value))
        case Kind.AREA:
            return bool(_AREA.fullmatch(value))
        case Kind.URGENCY:
            return value in tuple(Urgency)


# ── tags by rule ──


@dataclass(frozen=True, slots=True)
class WordRule:
    """Words, any of which in a typed note, mean these tags."""

    words: tuple[str, ...]
    tags: Tags


@dataclass(frozen=True, slots=True)
class Rules:
    """How a campaign tags by itself; data in its content, under `feedback`."""

    urgencies: Mapping[str, str] = field(default_factory=dict)
    """Issue → its urgency."""
    words: tuple[WordRule, ...] = ()
    """In order: an earlier rule stands before a later one."""

    def tags(self, known: Collection[tuple[Kind, str]], note: str = "") -> dict[Kind, str]:
        """What the rules add to the tags that are `known`, from a typed note and then from the issue."""
        found = dict(known)
        said = f" {_plain(note)} "
        for rule in self.words:
            if any(f" {_plain(word)} " in said for word in rule.words):
                for kind, value in rule.tags.items():
                    found.setdefault(kind, value)
        if urgency := self.urgencies.get(found.get(Kind.ISSUE, "")):
            found.setdefault(Kind.URGENCY, urgency)
        return {kind: value for kind, value in found.items() if (kind, value) not in known}


def read_rules(section: Section) -> Rules:
    """Read the section `feedback` of a campaign document:

    ```yaml
    feedback:
      urgency: {sewage: high}                    # issue → low, normal or high
      words:
        - {any: [cholera, हैज़ा], tags: ["issue:sewage", "urgency:high"]}
    ```
    """
    urgencies: dict[str, str] = {}
    if section.has("urgency"):
        given = section.section("urgency")
        for issue in given.names():
            if not _fits(Kind.ISSUE, issue):
                given.problem(issue, f"the issue must be {_MEANS[Kind.ISSUE]}")
            urgencies[issue] = str(given.choice(issue, Urgency))
    words = [_read_word_rule(each) for each in section.sections("words")] if section.has("words") else []
    return Rules(urgencies, tuple(words))


def _read_word_rule(section: Section) -> WordRule:
    words = section.strings("any")
    if not any(map(_plain, words)):
        section.problem("any", "must name at least one word")
    try:
        tags = read_tags(section.strings("tags"))
    except Rejected as problem:
        section.problem("tags", str(problem))
        return WordRule(words, {})
    if not tags:
        section.problem("tags", "must name at least one tag")
    return WordRule(tuple(filter(_plain, words)), tags)


def _plain(text: str) -> str:
    """Text as its words with one blank between them, in one case: marks stay, because they spell the scripts of India."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in folded).split())


# ── the clock ──


def waits(recorded_at: datetime, within: timedelta, now: datetime) -> tuple[int, ...]:
    """Seconds to wait for the answer: until each reminder that is still to come, one after the other, then until it is due.

    Each at least 1, never none: a clock that is started late reminds of nothing that is past, and strikes at once.
    """
    marks = [recorded_at + within * share for share in REMINDERS]
    ahead = [*(mark for mark in marks if mark > now), recorded_at + within]
    found, waited = [], 0
    for mark in ahead:
        seconds = max(1, math.ceil((mark - now).total_seconds()) - waited)
        found.append(seconds)
        waited += seconds
    return tuple(found)


# ── a grievance ──


@dataclass(frozen=True, slots=True)
class Grievance:
    """What one caller recorded in one turn of a call, and what became of it."""

    id: str
    """A digest of the cause: it names the row, the audio and the execution of its clock."""
    campaign: str
    person: str
    topic: str
    language: str
    provider: str
    cause: str
    url: str
    """Where the provider keeps the recording."""
    recorded_at: datetime
    due_at: datetime
    seconds: int | None = None
    state: State = State.NEW
    tags: Mapping[Kind, Tagged] = field(default_factory=dict)
    note: str | None = None
    """What a person typed on hearing it."""
    recording: str | None = None
    """The key of our copy of the audio."""
    recording_problem: str | None = None
    """Why there will be no copy."""
    reminders: int = 0
    answered_at: datetime | None = None
    answer: str | None = None
    closed_at: datetime | None = None
    breached_at: datetime | None = None
    """When the alarm was sounded because no answer had come."""
    token: str | None = field(default=None, repr=False)
    """Where its clock waits to hear of the answer."""

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def is_answered_in_time(self) -> bool:
        return self.answered_at is not None and self.answered_at < self.due_at

    def is_overdue(self, now: datetime) -> bool:
        """Whether its answer should have come by now and has not."""
        return self.is_open and now >= self.due_at

    def value(self, kind: Kind) -> str | None:
        return self.tags[kind].value if kind in self.tags else None


def id_for(campaign: str, cause: str) -> str:
    """The id of what a cause (`exotel:<CallSid>/turn-3`) recorded: the same at every repeat. Names no person and no number."""
    digest = hashlib.sha256(f"{campaign}\n{cause}".encode()).digest()
    return base64.b32encode(digest[:10]).decode().lower()


# ── what they come to ──


@dataclass(frozen=True, slots=True)
class Responsiveness:
    """How soon grievances are answered (F88, F92). Counted from the grievances themselves, so it cannot drift."""

    received: int = 0
    in_time: int = 0
    late: int = 0
    overdue: int = 0
    """Open, and past its time."""
    waiting: int = 0
    """Open, with time left: not judged yet."""
    unanswered: int = 0
    """Closed without an answer."""

    @property
    def share(self) -> float | None:
        """The share answered in time of those that can be judged, from 0 to 1; None when there are none."""
        judged = self.received - self.waiting
        return self.in_time / judged if judged else None


def responsiveness(grievances: Iterable[Grievance], now: datetime) -> Responsiveness:
    """Count how soon grievances were answered, as it stands now."""
    counted = Counter(_standing(grievance, now) for grievance in grievances)
    return Responsiveness(received=counted.total(), **counted)


def _standing(grievance: Grievance, now: datetime) -> str:
    if grievance.answered_at is not None:
        return "in_time" if grievance.is_answered_in_time else "late"
    if not grievance.is_open:
        return "unanswered"
    return "overdue" if grievance.is_overdue(now) else "waiting"


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """Where a grievance is counted (F86). Empty: not known."""

    week: str
    """ISO week of the recording, Indian time: `2026-W47`."""
    issue: str
    area: str
    urgency: str


def tally(grievances: Iterable[Grievance]) -> Counter[Cell]:
    """Count grievances by tag, area and week; each in exactly one cell."""
    return Counter(
        Cell(
            _week(grievance.recorded_at),
            *(grievance.value(kind) or "" for kind in (Kind.ISSUE, Kind.AREA, Kind.URGENCY)),
        )
        for grievance in grievances
    )


def _week(at: datetime) -> str:
    iso = at.astimezone(INDIA).isocalendar()
    return f"{iso.year}-W{iso.week:02}"
