"""Answers: what people say to polls, gatherings and issues, which of it counts, and who has a place.

One person has one answer to a topic: the last one given in time, whatever order the answers reach us in. Nothing said is thrown away:
answers before the opening and after the close are kept apart, and earlier answers stay as history.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from ringback.domain.gatherings import Gathering
from ringback.domain.policy import Occasion
from ringback.domain.polls import Poll
from ringback.domain.times import BEGINNING, INDIA

YES, NO = "yes", "no"
"""The answers to a gathering."""

MISSED_CALL, PLEDGE = "missed-call", "pledge"
"""The answers to an issue: by which way somebody supported it. Nobody can speak against an issue by not calling."""

LONGEST_HISTORY = 50
"""Answers of one person to one topic that are kept at hand; the journal has them all. A bound on what one row may grow to."""


class Kind(StrEnum):
    POLL = "poll"
    GATHERING = "gathering"
    ISSUE = "issue"


@dataclass(frozen=True, slots=True)
class Topic:
    """What is answered; written `poll:first-need`."""

    kind: Kind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


def read_topic(text: str) -> Topic | None:
    """The topic that was written; None where the text is none."""
    kind, _, name = text.partition(":")
    return Topic(Kind(kind), name) if name and kind in set(Kind) else None


@dataclass(frozen=True, slots=True, order=True)
class Said:
    """One answer as it was given. Answers are in order of time, and at the same moment in order of their causes."""

    at: datetime
    cause: str
    """The fact it came with: the same for every repeat."""
    answer: str


class SeatKind(StrEnum):
    PLACE = "place"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Seat:
    """What a person who says yes holds at a gathering."""

    kind: SeatKind
    at: datetime
    """When the answer came that brought it about: their own, or that of the person who made room for them."""
    from_waiting: bool = False

    @property
    def is_place(self) -> bool:
        return self.kind is SeatKind.PLACE


@dataclass(frozen=True, slots=True)
class Record:
    """All that one person has said to one topic."""

    person: str
    said: tuple[Said, ...] = ()
    """In order; the newest `LONGEST_HISTORY`."""
    forgotten: int = 0
    """How many older answers are no longer at hand."""
    seat: Seat | None = None
    attended_at: datetime | None = None
    made_room_for: frozenset[str] = frozenset()
    """People who got a place when this person gave an answer."""
    revision: int = 0
    """How often the row was changed; a decision is written only onto the revision it was made on."""


# ── which answers count ──


class Timing(StrEnum):
    EARLY = "early"
    IN_TIME = "in-time"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Period:
    """In which answers count: from the opening on, up to and without the close."""

    opens_at: datetime = BEGINNING
    closes_at: datetime | None = None

    def timing(self, at: datetime) -> Timing:
        if at < self.opens_at:
            return Timing.EARLY
        if self.closes_at is not None and at >= self.closes_at:
            return Timing.LATE
        return Timing.IN_TIME


ALWAYS = Period()


def of_poll(poll: Poll) -> Period:
    return Period(poll.opens_at, poll.closes_at)


def of_gathering(gathering: Gathering) -> Period:
    """Until it begins: whoever says yes afterwards is late."""
    return Period(closes_at=gathering.starts_at)


def counted(record: Record, period: Period) -> Said | None:
    """The person's answer: the last one given in time."""
    return max((said for said in record.said if period.timing(said.at) is Timing.IN_TIME), default=None)


def superfluous(record: Record, period: Period) -> tuple[Said, ...]:
    """The oldest answers beyond the longest history, but never the one that counts."""
    answer = counted(record, period)
    spare = len(record.said) - LONGEST_HISTORY
    return tuple(said for said in record.said if said != answer)[: max(spare, 0)]


# ── tallies ──


@dataclass(frozen=True, slots=True)
class Tally:
    """A topic's answers, counted. Raw, unique and verified stand side by side (X8)."""

    raw: int = 0
    """Answers given in time, every repeat among them."""
    unique: int = 0
    """People whose answer counts."""
    verified: int = 0
    """Those of them whose number an SMS has reached."""
    repeated: int = 0
    """People who answered more than once in time (F72)."""
    early: int = 0
    """Answers before the opening: kept, not counted (F76)."""
    late: int = 0
    people: Counter[str] = field(default_factory=Counter)
    """Option → people whose answer it is."""
    given: Counter[str] = field(default_factory=Counter)
    """Option → answers given in time; what is no longer at hand is in `raw` alone."""


def tally(records: Iterable[Record], period: Period, verified: Collection[str] = ()) -> Tally:
    """Count the answers to one topic. The order of the records, and in which answers came in, makes no difference."""
    raw = repeated = checked = 0
    timings: Counter[Timing] = Counter()
    people: Counter[str] = Counter()
    given: Counter[str] = Counter()
    for record in records:
        times = Counter(period.timing(said.at) for said in record.said)
        in_time = times[Timing.IN_TIME] + record.forgotten
        timings += times
        raw += in_time
        repeated += in_time > 1
        given.update(said.answer for said in record.said if period.timing(said.at) is Timing.IN_TIME)
        answer = counted(record, period)
        if answer is not None:
            people[answer.answer] += 1
            checked += record.person in verified
    return Tally(
        raw=raw,
        unique=people.total(),
        verified=checked,
        repeated=repeated,
        early=timings[Timing.EARLY],
        late=timings[Timing.LATE],
        people=people,
        given=given,
    )


def by_day(records: Iterable[Record], period: Period) -> dict[date, Counter[str]]:
    """Answers given in time, by Indian day and option: how a mood moves (F73)."""
    days: dict[date, Counter[str]] = {}
    for said in (said for record in records for said in record.said):
        if period.timing(said.at) is Timing.IN_TIME:
            days.setdefault(said.at.astimezone(INDIA).date(), Counter())[said.answer] += 1
    return dict(sorted(days.items()))


@dataclass(frozen=True, slots=True)
class Turnout:
    """A gathering in the numbers its organisers need (F68, F70)."""

    yes: int = 0
    no: int = 0
    no_reply: int = 0
    """Of those asked: nobody knows."""
    places: int = 0
    waiting: int = 0
    attended: int = 0
    attended_with_place: int = 0


def turnout(records: Iterable[Record], gathering: Gathering, asked: Collection[str]) -> Turnout:
    """Count a gathering's answers; `asked` is everybody who could have answered."""
    known = list(records)
    said = {record.person: answer.answer for record in known if (answer := _standing(record, gathering))}
    return Turnout(
        yes=sum(answer == YES for answer in said.values()),
        no=sum(answer == NO for answer in said.values()),
        no_reply=sum(person not in said for person in asked),
        places=sum(record.seat is not None and record.seat.is_place for record in known),
        waiting=sum(record.seat is not None and not record.seat.is_place for record in known),
        attended=sum(record.attended_at is not None for record in known),
        attended_with_place=sum(
            record.attended_at is not None and record.seat is not None and record.seat.is_place
            for record in known
        ),
    )


# ── places, and what people are told of theirs ──


def is_coming(record: Record, gathering: Gathering) -> bool:
    answer = _standing(record, gathering)
    return answer is not None and answer.answer == YES


def _standing(record: Record, gathering: Gathering) -> Said | None:
    return counted(record, of_gathering(gathering))


def texts_owed(gathering: Gathering, seat: Seat | None) -> tuple[str, ...]:
    """The texts that are true of what the person holds. Nobody is reminded of what they were told after the reminder's time."""
    texts = gathering.texts
    if texts is None or seat is None:
        return ()
    if not seat.is_place:
        return (texts.waiting_list,)
    told = texts.place_free if seat.from_waiting else texts.confirmation
    return (told, texts.reminder) if seat.at < gathering.remind_at else (told,)


def occasion(gathering: Gathering | None, seat: Seat | None, text: str, caused_at: datetime) -> Occasion:
    """When an SMS about a gathering may leave: while it is true, before the start, and a reminder not too soon.

    What is not true does not grow old: it waits to become true. Of a gathering that is no longer planned nothing more is said.
    """
    if gathering is None:
        return Occasion(news_since=caused_at, ends_at=caused_at)
    if seat is None or text not in texts_owed(gathering, seat):
        return Occasion(news_since=gathering.starts_at, ends_at=gathering.starts_at, is_true=False)
    told_at = max(caused_at, seat.at)
    if gathering.texts is None or text != gathering.texts.reminder:
        return Occasion(news_since=told_at, ends_at=gathering.starts_at)
    remind_at = max(told_at, gathering.remind_at)
    return Occasion(news_since=remind_at, ends_at=gathering.starts_at, not_before=remind_at)
