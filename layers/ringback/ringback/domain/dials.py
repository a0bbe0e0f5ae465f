"""The life of one call that we place, and the only moves it may make.

```
planned ─► held ─► planned …            (a hold ends when its time comes)
planned | held ─► refused               (the policy gate said never)
planned | held ─► claimed ─► placed ─► answered | no-answer | busy | failed | ended
                     ├─► unknown ─► placed | answered | …   (evidence, or a person)
                     ├─► held        (the provider said: not now, and nothing rang)
                     └─► failed      (the provider declined it)
ended ─► answered                       (the turn that proves it came last)
```

A dial is one attempt: a person, one of our numbers, one menu. Ringing again is another dial with its own row and id, so nothing here
leads back and a late report about the first attempt cannot touch the second. A claim without an outcome is `unknown`: the phone may
have rung, so only evidence settles it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ringback.domain import messages
from ringback.domain.documents import Section
from ringback.domain.endings import Ending

MOST_ATTEMPTS = 9
"""One digit, so that a dial's id fits the provider's custom field: 26 + 40 + 40 + 16 characters and their dots, of 128."""


class Kind(StrEnum):
    """On what ground somebody is rung: the policy gate asks more of some than of others."""

    CALL_BACK = "call-back"
    """They gave a missed call, or asked for it in a menu (F14)."""
    DUTY = "duty"
    """They are enrolled and work for the campaign: trackers."""
    RING_BACK = "ring-back"
    """They wait to be put through to somebody."""
    STRANGER = "stranger"
    """They never asked for anything: a voter from a pool."""


class State(StrEnum):
    PLANNED = "planned"
    HELD = "held"
    REFUSED = "refused"
    CLAIMED = "claimed"
    PLACED = "placed"
    """The provider took it: it rings, or they talk."""
    UNKNOWN = "unknown"
    ANSWERED = "answered"
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    FAILED = "failed"
    ENDED = "ended"
    """The provider says completed, and nothing has proved that anybody heard the menu (exotel.md, trap 7)."""


UNSETTLED = (State.PLACED, State.UNKNOWN)
"""Where evidence is still to come."""

_PROVEN = (State.ANSWERED, State.NO_ANSWER, State.BUSY, State.FAILED, State.ENDED)
FINAL = (State.REFUSED, *_PROVEN)

_MAY_FOLLOW: Mapping[State, tuple[State, ...]] = {
    State.PLANNED: (State.HELD, State.REFUSED, State.CLAIMED, *_PROVEN),
    State.HELD: (State.PLANNED, State.HELD, State.REFUSED, State.CLAIMED, *_PROVEN),
    State.CLAIMED: (State.PLACED, State.HELD, State.UNKNOWN, *_PROVEN),
    State.PLACED: _PROVEN,
    State.UNKNOWN: (State.PLACED, *_PROVEN),
    State.ENDED: (State.ANSWERED,),
    State.REFUSED: (),
    State.ANSWERED: (),
    State.NO_ANSWER: (),
    State.BUSY: (),
    State.FAILED: (),
}


def may_follow(before: State, after: State) -> bool:
    """Whether a dial in `before` may move to `after`."""
    return after in _MAY_FOLLOW[before]


def predecessors(after: State) -> tuple[State, ...]:
    """The states from which `after` may be reached: the condition of the write that moves there."""
    return tuple(before for before, followers in _MAY_FOLLOW.items() if after in followers)


def state_ended(ending: Ending, talk_seconds: int | None) -> State:
    """The state an ending stands for. `completed` proves nothing by itself: only talk does, where the provider tells of it."""
    if ending is Ending.COMPLETED:
        return State.ANSWERED if talk_seconds else State.ENDED
    return State(ending.value)


@dataclass(frozen=True, slots=True)
class Dial:
    """One attempt to ring one person from one of our numbers, so that they walk a menu. `dial_id` names it everywhere."""

    person: str
    name: str
    """`<campaign>.<menu>.<digest of the cause>`, and `.2` … for a further attempt; unique for the person."""
    campaign: str
    number: str
    """Ours, E.164: from which they are rung."""
    menu: str
    kind: Kind
    cause: str
    caused_at: datetime
    fields: Mapping[str, str] = field(default_factory=dict)
    """What the menu is told of this call besides what is known of the person."""
    attempt: int = 1
    state: State = State.PLANNED
    rule: str | None = None
    """The policy rule of the last hold or refusal, or why sight was lost."""
    due_at: datetime | None = None
    departs_at: datetime | None = None
    """The departure the pacer has granted; good only around that moment."""
    claim: str | None = None
    claimed_at: datetime | None = None
    provider_id: str | None = None
    code: str | None = None
    """Why the provider declined it, or who settled it."""

    @property
    def dial_id(self) -> str:
        """`<person>.<name>`, at most 128 characters: what a provider's custom field takes. SOURCE: exotel.md §2.2."""
        return f"{self.person}.{self.name}"


def may_be_reached_by(dial: Dial, person: str, number: str, call_id: str) -> bool:
    """Whether a call that says it is this dial can be: it is on its way, from that number to that person, as that call."""
    is_on_its_way = dial.state in (State.CLAIMED, *UNSETTLED)
    is_that_call = dial.provider_id in (None, call_id)
    return is_on_its_way and is_that_call and dial.person == person and dial.number == number


def name_for(campaign: str, menu: str, cause: str, attempt: int = 1) -> str:
    """The name of the dial that `cause` makes us place: the same cause and attempt always give the same name."""
    first = messages.name_for(campaign, menu, cause)
    return f"{first}.{attempt}" if attempt > 1 else first


_NAME = re.compile(r"[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*\.[a-z2-7]{16}(\.[2-9])?")


def split_id(dial_id: str) -> tuple[str, str]:
    """(person, name) of a dial id; ValueError when it has not that shape. A provider hands ids back to us, so they are checked."""
    person, _, name = dial_id.partition(".")
    if not (person.isalnum() and person.isascii() and _NAME.fullmatch(name)):
        raise ValueError("not a dial id")
    return person, name


def first_attempt(dial_id: str) -> str:
    """The id of the first of the attempts that a dial is one of: what names them all. ValueError when it has not the shape of one."""
    person, name = split_id(dial_id)
    return ".".join((person, *name.split(".")[:3]))


def campaign_of(dial_id: str) -> str:
    """The campaign a dial belongs to."""
    return split_id(dial_id)[1].partition(".")[0]


@dataclass(frozen=True, slots=True)
class Retries:
    """How often somebody is rung in all, and how long to wait in between: campaign content, `callbacks` (F14).

    The defaults are ours: a busy line is free within minutes, a phone that nobody took is not beside its owner for an hour or so.
    """

    attempts: int = 3
    after_busy: timedelta = timedelta(minutes=5)
    after_no_answer: timedelta = timedelta(hours=1)

    def waits_after(self, state: State) -> timedelta | None:
        """How long to wait after an attempt that ended so; None where it is not repeated. A number that failed is not rung again."""
        return {State.BUSY: self.after_busy, State.NO_ANSWER: self.after_no_answer}.get(state)


def next_attempt(ended: Dial, retries: Retries, at: datetime) -> Dial | None:
    """The attempt that follows one that ended at `at`, held until it is due; None when it was the last or needs no other.

    The same for every repeat of the same news, so that planning it again changes nothing.
    """
    wait = retries.waits_after(ended.state)
    if wait is None or ended.attempt >= min(retries.attempts, MOST_ATTEMPTS):
        return None
    return replace(
        ended,
        name=name_for(ended.campaign, ended.menu, ended.cause, ended.attempt + 1),
        attempt=ended.attempt + 1,
        state=State.HELD,
        rule=f"after-{ended.state}",
        due_at=at + wait,
        departs_at=None,
        claim=None,
        claimed_at=None,
        provider_id=None,
        code=None,
    )


@dataclass(frozen=True, slots=True)
class Callbacks:
    """A campaign's ways of ringing people: how often, how long, and how soon the same person again."""

    retries: Retries = Retries()
    once_per: timedelta = timedelta(hours=1)
    """A person who gives several missed calls within this time is rung once for all of them."""
    longest: timedelta = timedelta(minutes=5)
    """How long somebody may be in our menu. Talk with a person whom the menu connects them to comes on top (`Campaign.longest_call`)."""
    ring_for: timedelta = timedelta(seconds=30)


def read_callbacks(section: Section) -> Callbacks:
    """Read `callbacks`; every key of it may be left out."""
    usual = Callbacks()
    attempts = section.integer("attempts") if section.has("attempts") else usual.retries.attempts
    if attempts > MOST_ATTEMPTS:
        section.problem("attempts", f"must be at most {MOST_ATTEMPTS}")
    return Callbacks(
        retries=Retries(
            attempts=attempts,
            after_busy=section.duration("after_busy", usual.retries.after_busy),
            after_no_answer=section.duration("after_no_answer", usual.retries.after_no_answer),
        ),
        once_per=section.duration("once_per", usual.once_per),
        longest=section.duration("longest", usual.longest),
    )


@dataclass(frozen=True, slots=True)
class StrangerLimits:
    """How much a campaign may ask of people who never called it: content, `strangers`. The defaults are ours, on the careful side."""

    attempts: int = 2
    days_between: int = 3
    area_per_day: int = 200
    """Calls a day to one polling station's area or whatever else the pool calls one."""


def read_stranger_limits(section: Section) -> StrangerLimits:
    """Read `strangers`; every key of it may be left out."""
    usual = StrangerLimits()
    return StrangerLimits(
        attempts=section.integer("attempts") if section.has("attempts") else usual.attempts,
        days_between=section.integer("days_between") if section.has("days_between") else usual.days_between,
        area_per_day=section.integer("area_per_day") if section.has("area_per_day") else usual.area_per_day,
    )
