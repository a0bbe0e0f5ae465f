"""Keeping what people answer, giving out places at gatherings, and counting.

Everything here may be repeated, and may come in any order: an answer is kept once by its cause, places follow from what a person has
said last, and messages are named after person, gathering and text, so each is sent once however often it is planned.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from heapq import nsmallest

from ringback import observability
from ringback.domain import answers, messages
from ringback.domain.answers import ALWAYS, Kind, Period, Record, Said, SeatKind, Tally, Topic, Turnout
from ringback.domain.campaigns import Campaign, Number
from ringback.domain.contacts import Contact
from ringback.domain.errors import Conflict, NotFound
from ringback.domain.gatherings import Gathering
from ringback.domain.messages import Message
from ringback.domain.policy import Occasion
from ringback.domain.turns import Pledged, Rsvped, Voted
from ringback.runtime import Runtime
from ringback.store import answers as store
from ringback.store import contacts

_TRIES = 12
"""Others may be after the same places; whoever loses this often in a row comes back by the retry queue."""

_PAUSE_SECONDS = 0.02

_MOST_PROMOTED = 25
"""How many people one answer may bring from the waiting list, where the capacity was raised; the next answer brings more."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What follows from an answer: messages to plan in the ledger and to put into the queue. The gate holds what must wait."""

    messages: tuple[Message, ...] = ()


def keep(
    runtime: Runtime,
    campaign: Campaign,
    contact: Contact,
    effect: Voted | Rsvped | Pledged,
    cause: str,
    at: datetime,
) -> Kept:
    """Keep an answer that was given in a call at `at`; `cause` names the turn, the same on every repeat.

    An answer to something that the campaign's content does not have (any more) is kept all the same. `Conflict` when others took and
    left places all the while: repeat it.
    """
    match effect:
        case Voted(poll=poll, option=option):
            _keep(campaign, Topic(Kind.POLL, poll), contact, Said(at, cause, option))
        case Pledged(issue=issue):
            _keep(campaign, Topic(Kind.ISSUE, issue), contact, Said(at, cause, answers.PLEDGE))
        case Rsvped(gathering=name, yes=yes):
            said = Said(at, cause, answers.YES if yes else answers.NO)
            record = _keep(campaign, Topic(Kind.GATHERING, name), contact, said)
            if gathering := gatherings(campaign).get(name):
                return Kept(tuple(_seat(runtime, campaign, gathering, record, at)))
    return Kept()


def keep_support(campaign: Campaign, contact: Contact, number: Number, cause: str, at: datetime) -> None:
    """Count a missed call on a number for support as support of its issue (F71)."""
    if number.issue is not None:
        _keep(campaign, Topic(Kind.ISSUE, number.issue), contact, Said(at, cause, answers.MISSED_CALL))


def _keep(campaign: Campaign, topic: Topic, contact: Contact, said: Said) -> Record:
    record, is_new = store.say(campaign.id, topic, contact.person, said)
    period = period_of(campaign, topic)
    if is_new:
        observability.count("AnswerKept")
        if superfluous := answers.superfluous(record, period):
            store.forget(campaign.id, topic, record, superfluous)
            record = store.load(campaign.id, topic, contact.person)
    return record


# ── places at gatherings ──


def _seat(
    runtime: Runtime, campaign: Campaign, gathering: Gathering, record: Record, at: datetime
) -> list[Message]:
    """Let the person hold what their answer asks for, let others move up, and tell everybody concerned."""
    topic = Topic(Kind.GATHERING, gathering.id)
    for attempt in range(_TRIES):
        try:
            if answers.is_coming(record, gathering) != (record.seat is not None):
                _take_or_leave(campaign, gathering, topic, record, at)
            _move_up(campaign, gathering, topic, record.person, at)
            record = store.load(campaign.id, topic, record.person)
            if answers.is_coming(record, gathering) == (record.seat is not None):
                return _news(campaign, gathering, topic, record)
        except Conflict:
            runtime.clock.sleep(_PAUSE_SECONDS * (attempt + 1))
            record = store.load(campaign.id, topic, record.person)
    raise Conflict(f"places at {gathering.id} are taken and left all the time; try again")


def _take_or_leave(
    campaign: Campaign, gathering: Gathering, topic: Topic, record: Record, at: datetime
) -> None:
    if record.seat is not None:
        store.leave(campaign.id, topic, record)
    elif not store.take_place(campaign.id, topic, record, at, gathering.capacity):
        store.wait(campaign.id, topic, record, at)


def _move_up(campaign: Campaign, gathering: Gathering, topic: Topic, by: str, at: datetime) -> None:
    """Give free places to those who have waited longest. Whoever frees a place and whoever begins to wait both come by here."""
    room = store.room(campaign.id, topic)
    free = min(gathering.capacity - room.taken, room.waiting, _MOST_PROMOTED)
    if free <= 0:
        return
    waiting = store.every(campaign.id, topic, SeatKind.WAITING)
    for each in nsmallest(free, waiting, key=_turn):
        if not store.promote(campaign.id, topic, each, by, at, gathering.capacity):
            return


def _turn(waiting: Record) -> tuple[datetime, str]:
    """The order in which people on the waiting list get places."""
    assert waiting.seat is not None
    return waiting.seat.at, waiting.person


def _news(campaign: Campaign, gathering: Gathering, topic: Topic, record: Record) -> list[Message]:
    """What the person, and those they made room for, are told. The same messages for every repeat: the ledger has each once."""
    others = store.load_many((campaign.id, topic, person) for person in sorted(record.made_room_for))
    concerned = [record, *others.values()]
    people = contacts.load_many(each.person for each in concerned)
    return [
        Message(
            person=each.person,
            name=messages.name_for(campaign.id, text, str(topic)),
            campaign=campaign.id,
            text=text,
            language=people[each.person].language,
            cause=str(topic),
            caused_at=each.seat.at,
        )
        for each in concerned
        if each.seat and each.person in people
        for text in answers.texts_owed(gathering, each.seat)
    ]


def check_in(campaign: str, gathering: str, person: str, at: datetime) -> None:
    """Note that a person came to a gathering, whether they had said so or not; the first time stands."""
    store.check_in(campaign, Topic(Kind.GATHERING, gathering), person, at)


def occasions(about: Iterable[tuple[Campaign, Message]]) -> dict[str, Occasion]:
    """What the messages about gatherings are bound to, by message id: read at the last moment, so an answer of today decides."""
    bound = [
        (campaign, message, topic)
        for campaign, message in about
        if (topic := answers.read_topic(message.cause)) and topic.kind is Kind.GATHERING
    ]
    records = store.load_many((campaign.id, topic, message.person) for campaign, message, topic in bound)
    return {
        message.message_id: answers.occasion(
            gatherings(campaign).get(topic.id),
            records[campaign.id, topic, message.person].seat,
            message.text,
            message.caused_at,
        )
        for campaign, message, topic in bound
    }


# ── what there is to answer, and what was answered ──


def gatherings(campaign: Campaign) -> Mapping[str, Gathering]:
    return campaign.voice.gatherings if campaign.voice else {}


def issues(campaign: Campaign) -> list[str]:
    """Every issue that can be supported: by a number of its own, or by a pledge in a menu."""
    by_number = {number.issue for number in campaign.numbers.values() if number.issue}
    return sorted(by_number | (campaign.voice.issues if campaign.voice else set()))


def period_of(campaign: Campaign, topic: Topic) -> Period:
    """When answers to a topic count, by the content in force. A poll named as an issue gives the issue its opening and close."""
    if campaign.voice is None:
        return ALWAYS
    if topic.kind is Kind.GATHERING:
        gathering = campaign.voice.gatherings.get(topic.id)
        return answers.of_gathering(gathering) if gathering else ALWAYS
    poll = campaign.voice.polls.get(topic.id)
    return answers.of_poll(poll) if poll else ALWAYS


Grouping = Callable[[Contact], str]
"""What a person is counted under: their area, the source they came from."""

WHOLE = ""
"""The group of everybody."""


def tally(campaign: Campaign, topic: Topic, by: Grouping | None = None) -> dict[str, Tally]:
    """Count the answers to a topic, in one or by group, exactly as they stand now.

    Reads every row of the topic and, for whether they are verified, every contact in it: for operators, not for a request.
    """
    records = list(store.every(campaign.id, topic))
    people = contacts.load_many(record.person for record in records)
    verified = {person for person, contact in people.items() if contact.verified is not None}
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        contact = people.get(record.person)
        groups[by(contact) if by and contact else WHOLE].append(record)
    period = period_of(campaign, topic)
    return {name: answers.tally(group, period, verified) for name, group in groups.items()}


def by_day(campaign: Campaign, topic: Topic) -> dict[date, Counter[str]]:
    """Answers given in time, by Indian day and option. Reads every row of the topic."""
    return answers.by_day(store.every(campaign.id, topic), period_of(campaign, topic))


def turnout(campaign: Campaign, name: str, by: Grouping | None = None) -> dict[str, Turnout]:
    """Count who comes to a gathering, in one or by group; `NotFound` when the content has none of that name.

    No reply is whoever the campaign knows, may write to, and has no answer from. Reads every contact of the campaign.
    """
    gathering = gatherings(campaign).get(name)
    if gathering is None:
        raise NotFound(f"campaign {campaign.id} has no gathering {name!r}")
    records = {each.person: each for each in store.every(campaign.id, Topic(Kind.GATHERING, name))}
    asked: dict[str, set[str]] = defaultdict(set)
    known: dict[str, list[Record]] = defaultdict(list)
    for contact in contacts.every(campaign.id):
        group = by(contact) if by else WHOLE
        if contact.opted_out_at is None and contact.suppressed is None:
            asked[group].add(contact.person)
        if contact.person in records:
            known[group].append(records[contact.person])
    return {
        group: answers.turnout(known[group], gathering, asked[group]) for group in asked.keys() | known.keys()
    }
