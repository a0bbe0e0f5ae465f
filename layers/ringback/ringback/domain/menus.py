"""A call in a menu: where it stands, and `step`, which says what the caller's next doing leads to.

A call walks from node to node. Most nodes say or do something and go on at once; a step ends at the first node that waits for the
caller, or at the end of the call. Wherever a key is waited for, 9 opts out, 0 repeats and * goes back; while the caller is connected to
somebody, keys mean nothing.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from itertools import chain
from typing import Any, TypeGuard

from ringback.domain.nodes import (
    BACK,
    OPT_OUT,
    REPEAT,
    Branch,
    ChooseLanguage,
    Connect,
    Duty,
    EnterPin,
    Gather,
    GiveReason,
    GiveVerdict,
    Hangup,
    Manner,
    Menu,
    Node,
    OptIn,
    OptOut,
    Pledge,
    Record,
    Recruit,
    RequestCallback,
    Rsvp,
    Say,
    SetDisposition,
    SetField,
    Subject,
    Transfer,
    Vote,
)
from ringback.domain.speech import understood
from ringback.domain.times import INDIA
from ringback.domain.turns import (
    AgendaHeard,
    Ask,
    Begin,
    CallbackRequested,
    Connected,
    ConnectEnded,
    Dial,
    DispositionGiven,
    DutyChanged,
    Effect,
    FeedbackRecorded,
    FieldSet,
    HungUp,
    Identified,
    Input,
    KeyPressed,
    Keys,
    Knowledge,
    LanguageChosen,
    MenuEnded,
    Nothing,
    OptedIn,
    OptedOut,
    Pledged,
    Pressed,
    Reach,
    ReasonGiven,
    Recorded,
    Recording,
    Recruited,
    Rsvped,
    Sound,
    Spoken,
    Utterance,
    VerdictGiven,
    Voted,
    read_knowledge,
    written,
)

KEEP, AGAIN = "1", "2"
"""The keys after a recording was played back."""

PLAYBACK = "recording"
"""The name under which a caller's own recording is said."""

MOST_TRIES = 2
"""How often a question is put again after a wrong key or silence (F22)."""

SURE = 0.5
"""How sure a provider must be of a word; below that we ask for keys. Our assumption: no provider says what its number means."""

PIN_DIGITS = 6
"""The most digits a PIN has; `#` ends a shorter one."""

REVIEW = "review"
"""The field that names the review waiting for a tracker's verdict. Known once they gave their PIN, until they gave the verdict."""

JUDGED = "judged"
"""The field that names the review that the tracker has judged in this call."""

CONNECTED = "connected"
"""The field that says what came of the last connecting: `reached`, `missed`, or why nobody was rung."""

REACHED, MISSED = "reached", "missed"

MOST_STEPS = 60
"""What a caller may do in one call; it ends politely then. Our assumption: ten minutes of keys."""


class State(StrEnum):
    TALKING = "talking"
    ENDED = "ended"
    """We ended it."""
    HUNG_UP = "hung-up"
    """The caller left."""


@dataclass(frozen=True, slots=True)
class Session:
    """Where a call stands in its menu."""

    knowledge: Knowledge
    node: str
    furthest: str
    state: State = State.TALKING
    steps: int = 0
    tries: int = 0
    """How often the question at `node` has been put again."""
    trail: tuple[str, ...] = ()
    """The questions before this one, for going back; each once."""
    recording: Recorded | None = None
    """What the caller said at `node`; while talking, it waits for the caller's word."""

    def to_document(self) -> dict[str, Any]:
        """Make JSON of it."""
        recording = asdict(self.recording) if self.recording else None
        plain = asdict(self) | {"knowledge": written(self.knowledge), "recording": recording}
        return plain | {"trail": list(self.trail)}

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> "Session":
        """The session that `to_document` wrote."""
        return Session(
            **dict(document)
            | {
                "knowledge": read_knowledge(document["knowledge"]),
                "state": State(document["state"]),
                "trail": tuple(document["trail"]),
                "recording": Recorded(**document["recording"]) if document["recording"] else None,
            }
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """What a step came to: where the call stands now, what to say and then to ask, and what happened."""

    session: Session
    speak: tuple[Utterance, ...]
    ask: Ask
    effects: tuple[Effect, ...]


def step(menu: Menu, session: Session | None, input: Input) -> Turn:
    """Say what the caller's next doing leads to. `session` is None at the beginning of a call.

    Total: every input is answered in every state, a call ends after `MOST_STEPS` at the latest, and one that has ended stays ended.
    What does not fit (a recording where a key is asked for) counts as silence. A key for a call we never saw begins it.
    """
    if session is None:
        walk = _Walk(menu, _beginning(menu, input))
        return walk.hung_up() if isinstance(input, HungUp) else walk.enter(menu.start)
    walk = _Walk(menu, replace(session, steps=session.steps + 1))
    if session.state is not State.TALKING:
        return walk.afterwards(session, input)
    if isinstance(input, HungUp):
        return walk.hung_up()
    if session.steps >= MOST_STEPS or session.node not in menu.nodes:
        return walk.give_up()
    if isinstance(input, Begin):
        return walk.ask()
    if isinstance(input, Pressed) and input.digits in RESERVED and not walk.is_connecting:
        return walk.reserved(input.digits)
    return walk.answer(input)


RESERVED = (OPT_OUT, REPEAT, BACK)


def _beginning(menu: Menu, input: Input) -> Session:
    known = input.knowledge if isinstance(input, Begin) else Knowledge()
    return Session(replace(known, language=menu.chain(known.language)[0]), menu.start, menu.start)


class _Walk:
    """One step in the making: where the call stands by now, what is to be said, and what has happened."""

    def __init__(self, menu: Menu, session: Session) -> None:
        self._menu = menu
        self._session = session
        self._speak: list[Utterance] = []
        self._effects: list[Effect] = []

    @property
    def is_connecting(self) -> bool:
        return isinstance(self._node(), Connect)

    # what the caller did

    def answer(self, input: Input) -> Turn:
        """Take what was asked for, or whatever came instead."""
        key = input.digits if isinstance(input, Pressed) else ""
        match self._node():
            case Gather() as node if isinstance(input, Spoken):
                return self._word(node, input)
            case Gather() as node:
                return self._key(key, node.options)
            case ChooseLanguage() as node:
                return self._language(node, key)
            case Record() as node if self._session.recording:
                return self._review(node, key)
            case Record() as node:
                return self._recording(node, input, key)
            case Say() as node:
                return self._heard(node, key)
            case Transfer() as node:
                return self.enter(node.next)
            case Connect() as node:
                return self._connected(node, input)
            case EnterPin() as node:
                return self._identified(node, input)
        return self.give_up()

    def reserved(self, key: str) -> Turn:
        self._pressed(key)
        if key == REPEAT:
            return self.ask()
        if key == BACK:
            return self._back()
        self._session = replace(self._session, recording=None)  # who leaves takes back what they said
        self._effects.append(OptedOut())
        self._say(Manner.OPTED_OUT)
        return self._end(State.ENDED)

    def hung_up(self) -> Turn:
        return self._end(State.HUNG_UP)

    def afterwards(self, ended: Session, input: Input) -> Turn:
        """Change nothing, but keep a recording that the caller's hanging up ended: it reaches us after the hang-up."""
        self._session = ended
        was_recording = ended.state is State.HUNG_UP and isinstance(self._node(), Record)
        if was_recording and not ended.recording and _is_sound(input):
            self._session = replace(ended, recording=input)
            self._keep()
        return self._turn(Nothing())

    def _key(self, key: str, options: Mapping[str, str]) -> Turn:
        if not key:
            return self._try_again(Manner.SILENCE)
        self._pressed(key, valid=key in options)
        return self.enter(options[key]) if key in options else self._try_again(Manner.INVALID)

    def _word(self, node: Gather, spoken: Spoken) -> Turn:
        key = understood(spoken.text, self._words(node)) if spoken.confidence >= SURE else None
        if key is None:
            return self._try_again(Manner.INVALID)
        self._effects.append(KeyPressed(self._session.node, key, valid=True, spoken=True))
        return self.enter(node.options[key])

    def _language(self, node: ChooseLanguage, key: str) -> Turn:
        if key:
            self._pressed(key, valid=key in node.options)
        if key and key not in node.options:
            return self._try_again(Manner.INVALID)
        language = node.options.get(key, self._session.knowledge.language)
        self._effects.append(LanguageChosen(language, pressed=bool(key)))
        self._learn(language=language, language_offered=True)
        return self.enter(node.next)

    def _recording(self, node: Record, input: Input, key: str) -> Turn:
        if not _is_sound(input):
            return self._key(key, {})
        self._session = replace(self._session, recording=input, tries=0)
        if node.review:
            return self.ask()
        self._keep()
        return self.enter(node.next)

    def _review(self, node: Record, key: str) -> Turn:
        if key:
            self._pressed(key, valid=key in (KEEP, AGAIN))
        if key == AGAIN:
            self._session = replace(self._session, recording=None, tries=0)
            return self.ask()
        if key not in (KEEP, ""):
            return self._try_again(Manner.INVALID)
        self._keep()
        return self.enter(node.next)

    def _heard(self, node: Say, key: str) -> Turn:
        """A key cuts an agenda short."""
        if key:
            self._pressed(key)
        self._effects.append(AgendaHeard(node.prompt, completed=not key))
        return self.enter(node.next)

    def _connected(self, node: Connect, input: Input) -> Turn:
        """Who comes back without word of the other side was not talked to."""
        if isinstance(input, Pressed):
            return self.ask()
        back = input if isinstance(input, Connected) else Connected(talked=False)
        self._effects.append(ConnectEnded(node.party.value, back.talked, back.reason))
        came_of_it = REACHED if back.talked else back.reason or MISSED
        self._learn(fields={**self._session.knowledge.fields, CONNECTED: came_of_it})
        if back.talked:
            return self.enter(node.reached)
        return self.enter(node.none if back.reason else node.missed)

    def _identified(self, node: EnterPin, input: Input) -> Turn:
        """Digits that nobody has looked at identify nobody, and are not noted like other keys: they may be half a PIN."""
        match input:
            case Identified(ok=True, fields=fields):
                self._learn(fields={**self._session.knowledge.fields, **fields})
                return self.enter(node.next)
            case Identified() | Pressed():
                return self._try_again(node.wrong)
        return self._try_again(Manner.SILENCE)

    def _back(self) -> Turn:
        self._cut_short()
        trail = self._session.trail
        to = trail[-1] if trail else self._session.node
        self._session = replace(self._session, node="", trail=trail[:-1])
        return self.enter(to)

    # where the call goes

    def enter(self, name: str) -> Turn:
        """Walk on from a node to the first that waits, and ask there. Nothing is passed twice."""
        passed = set()
        self._leave()
        while name in self._menu.nodes and name not in passed:
            passed.add(name)
            self._arrive(name)
            onward = self._pass(self._menu.nodes[name])
            if onward is None:
                return self.ask()
            name = onward
        return self.give_up()

    def ask(self) -> Turn:
        """Put the question of the node where the call stands."""
        match self._node():
            case Gather() as node:
                self._say(node.prompt)
                words = () if self._session.tries else tuple(chain.from_iterable(self._words(node).values()))
                return self._turn(Keys(node.timeout_seconds, words=words))
            case ChooseLanguage() as node:
                own = self._session.knowledge.language
                for language in node.options.values():
                    if language != own:
                        self._speak += self._menu.utterances(node.prompt, language)
                return self._turn(Keys(node.timeout_seconds))
            case Record(review=str(review)) as node if self._session.recording:
                playback = Sound(self._session.recording.url, self._session.recording.seconds, "")
                self._speak.append(Utterance(PLAYBACK, playback, self._session.knowledge.language))
                self._say(review)
                return self._turn(Keys(node.timeout_seconds))
            case Record() as node:
                self._say(node.prompt)
                return self._turn(Recording(node.max_seconds))
            case Say() as node:
                self._say(node.prompt)
                return self._turn(Nothing(end=False))
            case Transfer() as node:
                return self._turn(Dial(node.to))
            case Connect() as node:
                return self._turn(Reach(node.party))
            case EnterPin() as node:
                self._say(node.prompt)
                return self._turn(
                    Keys(node.timeout_seconds, max_digits=PIN_DIGITS, finish_on="#", secret=True)
                )
            case Hangup() as node:
                self._say(node.prompt)
                return self._end(State.ENDED, complete=True)
        return self.give_up()

    def give_up(self) -> Turn:
        """End politely."""
        self._say(Manner.GIVE_UP)
        return self._end(State.ENDED)

    def _pass(self, node: Node) -> str | None:
        """Do what a node does and say where it leads; None where it waits or ends."""
        match node:
            case Say(agenda=False):
                self._say(node.prompt)
            case Branch():
                return _taken(node, self._session.knowledge)
            case ChooseLanguage() if self._session.knowledge.language_offered:
                pass
            case (
                Gather()
                | ChooseLanguage()
                | Record()
                | Say()
                | Transfer()
                | Connect()
                | EnterPin()
                | Hangup()
            ):
                return None
            case SetField(field=name, value=value):
                self._effects.append(FieldSet(name, value))
                self._learn(fields={**self._session.knowledge.fields, name: value})
            case GiveVerdict(verdict=verdict):
                self._judge(verdict)
            case GiveReason(reason=reason):
                if review := self._session.knowledge.fields.get(JUDGED):
                    self._effects.append(ReasonGiven(review, reason))
            case _:
                self._effects.append(_fact(node))
        return node.next

    def _judge(self, verdict: str) -> None:
        """A verdict is given once; without a review that waits for one there is nothing to judge."""
        fields = dict(self._session.knowledge.fields)
        if review := fields.pop(REVIEW, ""):
            self._effects.append(VerdictGiven(review, verdict))
            self._learn(fields=fields | {JUDGED: review})

    def _try_again(self, why: str) -> Turn:
        if self._session.tries >= MOST_TRIES:
            return self.give_up()
        self._session = replace(self._session, tries=self._session.tries + 1)
        self._say(why)
        return self.ask()

    def _leave(self) -> None:
        """Remember a question, for going back to it."""
        asked = (self._session.node,) if isinstance(self._node(), Gather | Record) else ()
        trail = (*self._session.trail, *asked)
        self._session = replace(self._session, trail=trail, tries=0, recording=None)

    def _arrive(self, name: str) -> None:
        trail, depths = self._session.trail, self._menu.depths
        if name in trail:
            trail = trail[: trail.index(name)]
        furthest = max(self._session.furthest, name, key=lambda node: depths.get(node, 0))
        self._session = replace(self._session, node=name, furthest=furthest, trail=trail)

    def _end(self, state: State, complete: bool = False) -> Turn:
        self._cut_short()
        self._keep()
        self._effects.append(MenuEnded(complete, self._session.furthest))
        self._session = replace(self._session, state=state)
        return self._turn(Nothing())

    # the small change

    def _node(self) -> Node | None:
        return self._menu.nodes.get(self._session.node)

    def _words(self, node: Gather) -> dict[str, tuple[str, ...]]:
        language = self._session.knowledge.language
        return {key: node.speech.get(key, {}).get(language, ()) for key in node.options}

    def _turn(self, ask: Ask) -> Turn:
        return Turn(self._session, tuple(self._speak), ask, tuple(self._effects))

    def _say(self, prompt: str) -> None:
        self._speak += self._menu.utterances(prompt, self._session.knowledge.language)

    def _pressed(self, key: str, valid: bool = True) -> None:
        self._effects.append(KeyPressed(self._session.node, key, valid))

    def _learn(self, **known: Any) -> None:
        self._session = replace(self._session, knowledge=replace(self._session.knowledge, **known))

    def _keep(self) -> None:
        """What was recorded is kept, unless the caller said otherwise."""
        match self._node(), self._session.recording:
            case Record(topic=topic, issue=issue), Recorded(url=url, seconds=seconds):
                language = self._session.knowledge.language
                self._effects.append(FeedbackRecorded(topic, url, language, issue, seconds))

    def _cut_short(self) -> None:
        match self._node():
            case Say(prompt=prompt, agenda=True):
                self._effects.append(AgendaHeard(prompt, completed=False))


def _is_sound(input: Input) -> TypeGuard[Recorded]:
    return isinstance(input, Recorded) and bool(input.url) and input.seconds != 0


def _fact(
    node: OptIn | OptOut | Rsvp | Vote | Pledge | RequestCallback | SetDisposition | Recruit | Duty,
) -> Effect:
    match node:
        case OptIn():
            return OptedIn(node.channel)
        case OptOut():
            return OptedOut()
        case Rsvp():
            return Rsvped(node.gathering, node.yes)
        case Vote():
            return Voted(node.poll, node.option)
        case Pledge():
            return Pledged(node.issue)
        case SetDisposition():
            return DispositionGiven(node.disposition)
        case Recruit():
            return Recruited()
        case Duty():
            return DutyChanged(node.on)
        case _:
            return CallbackRequested(node.purpose, node.menu)


def _taken(node: Branch, known: Knowledge) -> str:
    return next((to for case, to in node.cases.items() if _fits(node, case, known)), node.otherwise)


def _fits(node: Branch, case: str, known: Knowledge) -> bool:
    match node.on:
        case Subject.TIME:
            return known.now is not None and _within(case, f"{known.now.astimezone(INDIA):%H:%M}")
        case Subject.PLACE:
            return f"{known.place}/".startswith(f"{case}/")
        case Subject.FIELD:
            return known.fields.get(node.field or "", "") == case
        case Subject.LANGUAGE:
            return known.language == case
        case Subject.ROLE:
            return known.role == case
        case _:
            return known.stage == case


def _within(hours: str, clock: str) -> bool:
    start, _, end = hours.partition("-")
    return start <= clock < end if start < end else not end <= clock < start
