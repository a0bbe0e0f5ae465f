"""From a provider's question to a caller's next turn: read the call, step once, write call and fact together, answer.

A request that brings nothing new gets its old answer and writes nothing; one that only asks for a fragment gets the last.

A PIN is looked at before the step and kept nowhere: not in the journal, not in a log, and in the request's fingerprint only under a key.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import quote

from ringback import observability
from ringback.domain import conversations, dials, phones
from ringback.domain.calls import CLOCK_SKEW, Caller, who_called
from ringback.domain.campaigns import Campaign, Number
from ringback.domain.contacts import Contact
from ringback.domain.conversations import ANSWERS_KEPT, QUIET_FOR, Call, Saved
from ringback.domain.errors import Conflict, NotFound, Rejected
from ringback.domain.facts import Entry, TurnTaken
from ringback.domain.influencers import Stage
from ringback.domain.menus import RESERVED, REVIEW, Session, State, Turn, step
from ringback.domain.nodes import Manner, Menu, Subject
from ringback.domain.turns import (
    Begin,
    Connected,
    Dial,
    Heard,
    HungUp,
    Identified,
    Input,
    Keys,
    Knowledge,
    MenuEnded,
    Nothing,
    Pressed,
    Reach,
    Recorded,
    Recording,
    Silence,
    Spoken,
)
from ringback.providers.base import Answer, CallbackRequest, Dialect, Pairs, Reply, TurnRequest, Unreadable
from ringback.runtime import Runtime
from ringback.services import callbacks
from ringback.services.callbacks import Line
from ringback.services.campaigns import Shelf
from ringback.services.phones import read as read_phone
from ringback.store import calls, contacts
from ringback.store import dials as ledger

TURN = "turn"
"""The step under which a turn stands in the journal."""

RACED_FOR = timedelta(seconds=1)
"""How long a request that lost to another of its call tries again: a caller is waiting in silence."""

_PAUSE_SECONDS = 0.02
_LATE = timedelta(hours=1)
"""A provider's time further back than this is not when the caller did it."""
_SAME_MOMENT_SECONDS = 2
"""Two like requests that carry nothing to tell them apart are one when they come within these."""


@dataclass(frozen=True, slots=True)
class _Opening:
    """What a call's first turn stands on."""

    menu: Menu
    person: str | None
    knowledge: Knowledge


class Turns:
    """Takes the turns of calls; keeps content at hand from one to the next."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._shelf = Shelf(runtime.settings.catalog_cache_seconds)

    def answer(self, line: Line, request: CallbackRequest) -> Reply:
        """Answer a question of the provider's about one of a campaign's calls; a HEAD has no effect.

        What cannot be read, or is about no menu of the campaign's, is kept as an `Unparsed` fact, and the caller is let go politely.
        """
        dialect, campaign = line.dialect, line.campaign
        if request.method == "HEAD":
            return dialect.render(request.step, _NOTHING)
        try:
            if len(request.body) > callbacks.LARGEST_BODY:
                raise Unreadable(f"{len(request.body)} bytes")
            pairs = dialect.read_pairs(request)
            if (whisper := dialect.whispered(request.step, pairs)) is not None:
                return whisper
            asked = dialect.read_turn(request.step, pairs)
            asked = replace(asked, custom_field=line.dial_id or asked.custom_field)
        except Unreadable as problem:
            callbacks.keep_unparsed(self._runtime, line, callbacks.without_keys(request), str(problem))
            return dialect.render(request.step, self._farewell(campaign, ""))
        if dialect.is_fragment(request.step):
            return dialect.render(request.step, self.last(dialect, campaign, asked))
        answer = self.take(dialect, campaign, asked, pairs)
        if answer is None:
            reason = "a number without a menu"
            callbacks.keep_unparsed(self._runtime, line, callbacks.without_keys(request), reason)
            answer = self._farewell(campaign, asked.dialled)
        return dialect.render(request.step, answer)

    def last(self, dialect: Dialect, campaign: str, asked: TurnRequest) -> Answer:
        """What the call was answered last; a farewell for a call nobody knows. Writes nothing."""
        call = calls.load(_call_id(dialect, asked))
        if call is None or call.campaign != campaign:
            observability.count("FragmentUnknown")
            return self._farewell(campaign, asked.dialled)
        return self._answer(call, call.answers[-1])

    def take(self, dialect: Dialect, campaign: str, asked: TurnRequest, pairs: Pairs) -> Answer | None:
        """Make the caller's next turn of a request, unless it made one before; None where the campaign has no menu for it. One read and
        one transaction; a call's first turn reads content and contact too, one after connecting the patch, one with a PIN what it takes to
        know a tracker.

        `Conflict` when other requests about the same call won every race for a second.
        """
        until = self._runtime.clock.now() + RACED_FOR
        identified: Identified | None = None
        while True:
            now = self._runtime.clock.now()
            call = calls.load(_call_id(dialect, asked))
            fingerprint = self._fingerprint(asked, now)
            if call is None:
                after = self._begun(dialect, campaign, asked, now)
            elif call.campaign != campaign:
                after = None
            elif (old := call.answer_to(fingerprint)) is not None:
                observability.conclude("Repeated an answer", "TurnRepeated", call_id=call.call_id)
                return self._answer(call, old)
            else:
                if identified is None and _gives_pin(asked, call):
                    identified = self._identified(call, asked)  # once: a wrong PIN counts
                after = self._stepped(call, self._input(asked, call, dialect, identified), now)
            if after is None:
                return None
            moved, turn = after
            moved = replace(
                moved,
                fingerprints=(*moved.fingerprints, fingerprint),
                recording_url=asked.recording_url or moved.recording_url,
            )
            fact = _fact(moved, turn, _happened_at(asked, now))
            kept = pairs if self._may_keep_keys(asked, call) else _without(dialect.KEY_NAMES, pairs)
            if calls.save(moved, _entry(fact, moved, dialect.name, kept, now), call.turn if call else None):
                observability.conclude(
                    "Took a turn",
                    "TurnTaken",
                    call_id=moved.call_id,
                    menu=moved.menu,
                    node=fact.node,
                    turn=str(moved.turn),
                )
                return self._answer(moved, moved.answers[-1])
            observability.count("TurnRaced")
            if now >= until:
                # Not before it has looked once more: one slow try may have lost to its own repeat.
                raise Conflict(f"{moved.call_id} moved on each time it was looked at")
            self._runtime.clock.sleep(_PAUSE_SECONDS)

    def end_quiet(self, has_time: Callable[[], bool] = lambda: True) -> int:
        """End the calls whose callers left without a word, as hung up (F30); returns how many. What there is no time for is left to
        the next run. Who comes back finds the call ended.
        """
        now, ended = self._runtime.clock.now(), 0
        for call in calls.quiet_since(now - QUIET_FOR):
            if not has_time():
                break
            if call.has_gone_quiet(now):
                moved, turn = self._stepped(call, HungUp(), call.last_at)
                provider = call.call_id.partition(":")[0]
                moved = replace(moved, fingerprints=(*moved.fingerprints, "-"))
                entry = _entry(_fact(moved, turn, call.last_at), moved, provider, (), now)
                ended += calls.save(moved, entry, call.turn)
        if ended:
            observability.count("CallsGoneQuiet", ended)
        return ended

    # one turn

    def _begun(
        self, dialect: Dialect, campaign: str, asked: TurnRequest, now: datetime
    ) -> tuple[Call, Turn] | None:
        """The first turn of a call; None when the number that was rung has no menu, or when the call names a dial that it is not."""
        try:
            content = self._shelf.current(campaign)
            number = content.numbers.get(read_phone(asked.dialled))
        except (NotFound, phones.Withheld, phones.Unreadable):
            return None
        if number is None:
            return None
        begin = self._placed if asked.custom_field is not None else self._received
        opening = begin(content, number, asked, now)
        if opening is None:
            return None
        turn = step(opening.menu, None, HungUp() if asked.is_over else Begin(opening.knowledge))
        call = Call(
            call_id=_call_id(dialect, asked),
            campaign=campaign,
            version=content.version,
            menu=opening.menu.id,
            number=number.number,
            caller=asked.caller,
            person=opening.person,
            session=turn.session,
            began_at=now,
            last_at=now,
            dial=asked.custom_field,
        )
        return _moved(call, turn, now), turn

    def _received(
        self, content: Campaign, number: Number, asked: TurnRequest, now: datetime
    ) -> _Opening | None:
        """How a call that came in opens."""
        menu = _menu(content, number.menu)
        if menu is None:
            return None
        caller, phone = who_called(asked.caller, content, read_phone)
        person = self._person(content, phone) if caller is Caller.PERSON and phone is not None else None
        contact = contacts.load(person) if person else None
        language = _language(contact, number)
        return _Opening(menu, person, _knowledge(content.id, menu, person, contact, language, {}, now))

    def _placed(
        self, content: Campaign, number: Number, asked: TurnRequest, now: datetime
    ) -> _Opening | None:
        """How a call that we placed opens. Its id alone opens nothing: the dial must be on its way, from the number and to the person
        that the provider names (A3).
        """
        try:
            dial = ledger.load(*dials.split_id(asked.custom_field or ""))
            person = self._person(content, read_phone(asked.caller))
        except (ValueError, phones.Withheld, phones.Unreadable):
            return None
        if dial is None or not dials.may_be_reached_by(dial, person, number.number, asked.call_id):
            observability.count("DialForged")
            observability.logger.warning("A call named a dial that it is not", extra={"campaign": content.id})
            return None
        menu, contact = _menu(content, dial.menu), contacts.load(person)
        if menu is None:
            return None
        language = contact.language if contact else number.language
        return _Opening(
            menu, person, _knowledge(content.id, menu, person, contact, language, dial.fields, now)
        )

    def _person(self, content: Campaign, phone: str) -> str:
        return phones.person_id(self._runtime.secrets.person_pepper, content.id, phone)

    def _stepped(self, call: Call, input: Input, now: datetime) -> tuple[Call, Turn]:
        """The next turn of a call. One whose menu is gone ends there."""
        menu = self._menu_of(call)
        turn = step(menu, call.session, input) if menu else _cut_off(call.session)
        return _moved(call, turn, now), turn

    # what the caller did

    def _input(
        self, asked: TurnRequest, call: Call, dialect: Dialect, identified: Identified | None
    ) -> Input:
        """What the caller did, where more than the request says it: who gave a PIN, and what a patch came to."""
        if identified is not None:
            return identified
        if isinstance(call.answers[-1].ask, Reach) and call.is_live:
            connected = self._connected(
                call, asked
            )  # ends the patch while the call is live: a recount looks at live calls
            if not asked.is_over:
                return connected
        plain = asked if self._may_keep_keys(asked, call) else replace(asked, digits=None)
        return _input(plain, call, dialect.repeats_keys)

    def _connected(self, call: Call, asked: TurnRequest) -> Connected:
        """What the patch came to from which the caller is back, or left. How its last leg ended, this request may be the first to tell."""
        from ringback.services import patches  # loaded with the first caller who was connected to somebody

        talked, reason = patches.came_back(
            self._runtime, call.campaign, call.call_id, asked.leg, is_over=asked.is_over
        )
        return Connected(talked, reason.value if reason else None)

    def _identified(self, call: Call, asked: TurnRequest) -> Identified:
        """Whose PIN the digits are: the right one, from the telephone of the one whose it is."""
        from ringback.services import trackers

        content = self._shelf.version(call.campaign, call.version)
        _, phone = who_called(call.caller, content, read_phone)
        # The fields are those of the dial, so a review in them is the one that we rang about.
        rung_about = call.session.knowledge.fields.get(REVIEW)
        found = trackers.identify(self._runtime, content, phone, asked.digits or "", rung_about)
        return Identified(found is not None, found.fields if found else {})

    def _may_keep_keys(self, asked: TurnRequest, call: Call | None) -> bool:
        """Whether the keys that a request tells are no PIN: neither one given now nor, as providers tell keys again, one given before."""
        menu = self._menu_of(call) if call and asked.digits else None
        if call is None or menu is None or not menu.has_secrets:
            return True
        return _is_one_key(asked) and not _gives_pin(asked, call)

    def _fingerprint(self, asked: TurnRequest, now: datetime) -> str:
        """What tells a request from others of its call, in few characters. Where the provider gives nothing: what was done, about when.

        Several keys may be a PIN, and a plain digest would give it away: there are a million.
        """
        key = (
            b"" if _is_one_key(asked) else self._runtime.secrets.person_pepper[: hashlib.blake2b.MAX_KEY_SIZE]
        )
        did = (asked.digits, asked.recording_url, asked.spoken, asked.is_over)
        moment = int(now.timestamp()) // _SAME_MOMENT_SECONDS
        told = asked.fingerprint or repr((did, moment))
        return hashlib.blake2b(told.encode("utf-8", "replace"), digest_size=8, key=key).hexdigest()

    # what is answered

    def _answer(self, call: Call, saved: Saved) -> Answer:
        """A saved turn's answer in words. A call that has ended with nothing to say says goodbye: somebody may still be listening."""
        menu = self._menu_of(call)
        if menu is None:
            return replace(self._farewell(call.campaign, call.number), turn=saved.turn)
        speak = saved.spoken(menu)
        if not speak and saved.ask == Nothing():
            speak = menu.utterances(Manner.GIVE_UP, call.session.knowledge.language)
        return Answer(speak, saved.ask, saved.turn)

    def _farewell(self, campaign: str, dialled: str) -> Answer:
        """What is said to a caller for whom there is no menu: goodbye in the language of the number, where the campaign speaks at all."""
        try:
            content = self._shelf.current(campaign)
        except (NotFound, Rejected):
            return _NOTHING
        try:
            number = content.numbers.get(read_phone(dialled))
        except (phones.Withheld, phones.Unreadable):
            number = None
        menus = content.voice.menus.values() if content.voice else ()
        menu = next(iter(menus), None)
        if menu is None:
            return _NOTHING
        return Answer(
            menu.utterances(Manner.GIVE_UP, number.language if number else menu.default_language), Nothing()
        )

    def _menu_of(self, call: Call) -> Menu | None:
        try:
            return _menu(self._shelf.version(call.campaign, call.version), call.menu)
        except (NotFound, Rejected):
            return None


_NOTHING = Answer((), Nothing())


def _call_id(dialect: Dialect, asked: TurnRequest) -> str:
    return f"{dialect.name}:{asked.call_id}"


def _menu(content: Campaign, name: str | None) -> Menu | None:
    return content.voice.menus.get(name) if content.voice and name else None


def _knowledge(
    campaign: str,
    menu: Menu,
    person: str | None,
    contact: Contact | None,
    language: str,
    more: Mapping[str, str],
    now: datetime,
) -> Knowledge:
    """What is known of a caller when the call begins: the language they chose, or a guess; role and stage where the menu asks for them.
    `more` is known of this call alone, and stands before the rest.
    """
    fields = {**(contact.fields if contact else {}), **more}
    role, stage = _standing(campaign, menu, person)
    return Knowledge(
        language=language,
        language_offered=contact is not None and contact.language_offered,
        role=role,
        stage=stage,
        place=fields.get("place"),
        fields=fields,
        now=now,
    )


def _standing(campaign: str, menu: Menu, person: str | None) -> tuple[str | None, str | None]:
    """A caller's role and stage, as far as the menu asks for them. Who is no influencer yet is new (F34); who hides their number is nobody."""
    if person is None or not menu.looks_at(Subject.ROLE, Subject.STAGE):
        return None, None
    from ringback.store import influencers, trackers

    influencer = influencers.load(person)
    stage = (influencer.stage if influencer else Stage.NEW).value
    if not menu.looks_at(Subject.ROLE):
        return None, stage
    if trackers.load(campaign, person):
        return "tracker", stage
    return ("influencer" if influencer else None), stage


def _language(contact: Contact | None, number: Number) -> str:
    """The language somebody chose, or a guess from the number they rang (F28)."""
    return contact.language if contact and contact.language_offered else number.language


def _input(asked: TurnRequest, call: Call, repeats_keys: bool) -> Input:
    """What the caller did, by what was asked of them: earlier recordings, and with some providers keys, are told again later."""
    question = call.answers[-1].ask
    is_new_recording = bool(asked.recording_url) and asked.recording_url != call.recording_url
    if asked.recording_url and is_new_recording and (isinstance(question, Recording) or not call.is_live):
        return Recorded(asked.recording_url, asked.recording_seconds)
    if asked.is_over:
        return HungUp()
    match question:
        case Keys() if asked.digits:
            return Pressed(asked.digits)
        case Keys() if asked.spoken:
            return Spoken(asked.spoken, asked.confidence or 0.0)
        case Nothing() if asked.digits and not repeats_keys:
            return Pressed(asked.digits)
        case Dial() | Nothing():
            return Heard()
    return Silence()


def _gives_pin(asked: TurnRequest, call: Call) -> bool:
    question = call.answers[-1].ask
    is_asked = isinstance(question, Keys) and question.secret and call.is_live and not asked.is_over
    return is_asked and bool(asked.digits) and asked.digits not in RESERVED


def _is_one_key(asked: TurnRequest) -> bool:
    return len(asked.digits or "") <= 1


def _without(names: Collection[str], pairs: Pairs) -> Pairs:
    return tuple((name, value) for name, value in pairs if name not in names)


def _moved(call: Call, turn: Turn, now: datetime) -> Call:
    number = call.turn + 1
    answers = (*call.answers, conversations.saved(number, turn))[-ANSWERS_KEPT:]
    return replace(call, session=turn.session, turn=number, answers=answers, last_at=now)


def _cut_off(session: Session) -> Turn:
    """The end of a call whose menu can no longer be found."""
    if session.state is not State.TALKING:
        return Turn(session, (), Nothing(), ())
    ended = replace(session, state=State.ENDED)
    return Turn(ended, (), Nothing(), (MenuEnded(False, session.furthest),))


def _happened_at(asked: TurnRequest, now: datetime) -> datetime:
    """When the provider says the caller did it, where that can be."""
    told = asked.occurred_at
    return told if told is not None and now - _LATE < told < now + CLOCK_SKEW else now


def _fact(call: Call, turn: Turn, at: datetime) -> TurnTaken:
    return TurnTaken(
        source_id=call.call_id,
        turn=call.turn,
        menu=call.menu,
        version=call.version,
        dialled=call.number,
        caller=call.caller,
        node=turn.session.node,
        language=turn.session.knowledge.language,
        effects=turn.effects,
        occurred_at=at,
        dial=call.dial,
    )


def _entry(fact: TurnTaken, call: Call, provider: str, pairs: Pairs, now: datetime) -> Entry:
    """The turn as the journal keeps it: what it came to, and beside it what the provider told."""
    document = json.dumps(fact.to_document(), ensure_ascii=False, separators=(",", ":"))
    raw = f"{TURN}={quote(document, safe=_PLAIN)}"
    told = callbacks.written(pairs)
    if told and len(raw) + len(told) < callbacks.LARGEST_BODY:
        raw = f"{raw}&{told}"
    return Entry(
        source_id=fact.source_id,
        key=fact.name,
        campaign=call.campaign,
        provider=provider,
        step=TURN,
        raw=raw,
        digest=hashlib.sha256(raw.encode()).hexdigest()[:32],
        received_at=now,
    )


_PLAIN = ' "{}[]:,/'
"""What JSON is full of and a form need not quote."""


def read(entry: Entry, told: str | None) -> TurnTaken:
    """The turn an entry tells, whose parameter `turn` is `told`; `Rejected` when it is none."""
    try:
        return TurnTaken.from_document(entry.source_id, json.loads(told or ""))
    except (KeyError, TypeError, ValueError) as problem:
        raise Rejected(f"the turn cannot be read: {problem}") from None
