"""What a call came to, reckoned from its handset alone: what its holder heard, what they did, and what of that reached us.

The question that was heard, and the campaign's content, say what a key means; no session and no journal of ours is asked.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from ringback.domain.campaigns import Campaign
from ringback.domain.nodes import (
    BACK,
    OPT_OUT,
    REPEAT,
    ChooseLanguage,
    Gather,
    Hangup,
    Menu,
    OptIn,
    Pledge,
    Record,
    Rsvp,
    Say,
    Vote,
    ways_on,
)
from ringback_cli.stories.phones import Happening, WalkedCall
from ringback_local.network import SORRY

KEEP, AGAIN = "1", "2"
"""The keys after a recording was played back, as the prompt `review` tells them."""

_SILENT = "…"
"""What a Gather says that has nothing to say."""


@dataclass(frozen=True, slots=True)
class Doing:
    """What a holder did between two tellings that reached us; the later one told us of it."""

    at: datetime
    question: str = ""
    """The last words heard before it."""
    key: str = ""
    """Empty: none."""
    recording: str = ""
    """The name of the recording they made."""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer to a topic: `poll:first-need`, `gathering:training-day`, `issue:piped-water`."""

    at: datetime
    topic: str
    answer: str


@dataclass(slots=True)
class Outcome:
    """What a call came to."""

    call: WalkedCall
    menu: str
    language: str
    """The caller's in the end."""
    reached: bool = False
    """Whether any telling of the call reached us."""
    keys: list[str] = field(default_factory=list)
    """For each telling that reached us, the key it told of; empty for none."""
    said: list[Said] = field(default_factory=list)
    opted_out_at: datetime | None = None
    opted_in_at: datetime | None = None
    """When they agreed to SMS."""
    language_chosen: bool = False
    kept: list[str] = field(default_factory=list)
    """The names of the recordings that are to be kept."""
    complete: bool = False
    furthest: str = ""
    in_other_words: list[str] = field(default_factory=list)
    """What was heard that is not in the caller's language, or not of the menu."""


def reckon(call: WalkedCall, campaign: Campaign, language: str, is_offered: bool = True) -> Outcome:
    """What a call came to whose caller begins in `language`; `is_offered`: whether the menu may offer them languages, which it does
    until they have been offered them once.
    """
    return _Reckoning(call, _menu(campaign, call.exophone), language, is_offered).outcome()


def recordings_of(call: WalkedCall) -> Iterator[str]:
    """The names under which the provider keeps a call's recordings, in order. SOURCE: docs/providers/exotel.md."""
    yield f"{call.call_id}.mp3"
    nth = 2
    while True:
        yield f"{call.call_id}.{nth}_0.mp3"
        nth += 1


def _menu(campaign: Campaign, number: str) -> Menu:
    name = campaign.numbers[number].menu
    assert campaign.voice is not None
    assert name is not None
    return campaign.voice.menus[name]


class _Reckoning:
    """Goes along a call's log, telling by telling."""

    def __init__(self, call: WalkedCall, menu: Menu, language: str, is_offered: bool) -> None:
        self._menu = menu
        self._is_offered = is_offered
        self._told = Outcome(call, menu.id, language, furthest=menu.start)
        self._place: str | None = None
        """The node that waits for the caller; None where they went back, until they hear where to."""
        self._pending = ""
        """The recording that waits for its maker's word."""
        self._names = recordings_of(call)
        self._before: tuple[object, ...] = ()
        """The telling before, by all that tells it from another."""

    def outcome(self) -> Outcome:
        call, doing = self._told.call, Doing(self._told.call.began_at)
        answers = iter(call.answers)
        for happening in call.log:
            doing = self._noted(happening, doing)
            if happening.what == "told":
                if next(answers) and not self._is_alike(happening, doing):
                    self._taken(doing)
                doing = Doing(happening.at)
        if self._pending:  # who leaves without a word leaves it with us
            self._told.kept.append(self._pending)
        return self._told

    def _noted(self, happening: Happening, doing: Doing) -> Doing:
        """What the doing has become by another line of the log."""
        detail = happening.detail
        match happening.what:
            case "heard" if text := detail.get("text", ""):
                self._hear(text)
                return Doing(doing.at, text, doing.key, doing.recording)
            case "pressed" if detail["taken"] and (key := detail.get("kept", detail["keys"])):
                return Doing(happening.at, doing.question, key, doing.recording)
            case "recorded":
                return Doing(happening.at, doing.question, doing.key, next(self._names))
        return doing

    # what reached us

    def _is_alike(self, telling: Happening, doing: Doing) -> bool:
        """Whether a telling is the one before again, as far as anybody can tell: a Greeting that could not be played takes no time, and
        the provider's times are whole seconds."""
        told = (telling.detail["digits"], telling.detail["current_time"], doing.recording)
        before, self._before = self._before, (*told[:2], "")
        return not doing.recording and before == told

    def _taken(self, doing: Doing) -> None:
        told = self._told
        told.keys.append(doing.key)
        if not told.reached:
            told.reached = True
            self._walk(self._menu.start, doing.at)
            return
        self._find(doing.question)
        if doing.recording:
            self._record(doing)
        elif doing.key in (OPT_OUT, REPEAT, BACK):
            self._reserved(doing)
        else:
            self._answer(doing)

    def _reserved(self, doing: Doing) -> None:
        if doing.key == REPEAT:
            return
        self._pending = ""
        if doing.key == BACK:
            self._place = None
        else:
            self._told.opted_out_at = doing.at

    def _answer(self, doing: Doing) -> None:
        match self._menu.nodes.get(self._place or ""):
            case Gather(options=options) if doing.key in options:
                self._walk(options[doing.key], doing.at)
            case ChooseLanguage(options=options, next=onward) if doing.key in ("", *options):
                self._told.language = options.get(doing.key, self._told.language)
                self._told.language_chosen, self._is_offered = True, False
                self._walk(onward, doing.at)
            case Record(next=onward) if self._pending and doing.key in ("", KEEP):
                self._keep()
                self._walk(onward, doing.at)
            case Record() if self._pending and doing.key == AGAIN:
                self._pending = ""
            case Say(next=onward):
                self._walk(onward, doing.at)

    def _record(self, doing: Doing) -> None:
        """A recording is kept at once where nobody is asked about it."""
        self._pending = doing.recording
        node = self._menu.nodes.get(self._place or "")
        if isinstance(node, Record) and node.review is None:
            self._keep()
            self._walk(node.next, doing.at)

    def _keep(self) -> None:
        self._told.kept.append(self._pending)
        self._pending = ""

    def _walk(self, name: str, at: datetime) -> None:
        """Go on to the next node that waits for the caller or ends the call, noting what is passed."""
        while True:
            self._arrive(name)
            match node := self._menu.nodes[name]:
                case Hangup():
                    self._told.complete = True
                    return
                case ChooseLanguage() if not self._is_offered:
                    pass
                case Gather() | ChooseLanguage() | Record() | Say(agenda=True):
                    return
                case Vote(poll=poll, option=option):
                    self._say(at, f"poll:{poll}", option)
                case Rsvp(gathering=gathering, yes=yes):
                    self._say(at, f"gathering:{gathering}", "yes" if yes else "no")
                case Pledge(issue=issue):
                    self._say(at, f"issue:{issue}", "pledge")
                case OptIn():
                    self._told.opted_in_at = at
            name = next(iter(ways_on(node).values()))

    def _arrive(self, name: str) -> None:
        depths, told = self._menu.depths, self._told
        if depths.get(name, 0) > depths.get(told.furthest, 0):
            told.furthest = name
        self._place = name

    def _say(self, at: datetime, topic: str, answer: str) -> None:
        self._told.said.append(Said(at, topic, answer))

    def _find(self, question: str) -> None:
        """Know where the caller is by the question they heard; where several nodes put the same, by where they went."""
        places = [
            name for name in self._menu.nodes if any(map(question.endswith, _questions(self._menu, name)))
        ]
        if places and self._place not in places:
            self._place = places[0]

    # what was heard

    def _hear(self, text: str) -> None:
        if text not in (SORRY, _SILENT) and not self._is_in_language(text):
            self._told.in_other_words.append(text)

    def _is_in_language(self, text: str) -> bool:
        """Whether a text is made of the menu's prompts in the caller's language; languages are offered in themselves."""
        prompts = [words[self._told.language].says for words in self._menu.prompts.values()]
        if self._is_offered:
            prompts += _offers(self._menu)
        prompts.sort(key=len, reverse=True)
        left = text
        while left:
            said = next((words for words in prompts if left.startswith(words)), None)
            if said is None:
                return False
            left = left[len(said) :].lstrip()
        return True


def _questions(menu: Menu, name: str) -> list[str]:
    """What a node asks, in every language."""
    match menu.nodes[name]:
        case Gather(prompt=prompt) | ChooseLanguage(prompt=prompt):
            return _words(menu, prompt)
        case Record(prompt=prompt, review=review):
            return _words(menu, prompt) + (_words(menu, review) if review else [])
    return []


def _offers(menu: Menu) -> list[str]:
    return [
        words
        for node in menu.nodes.values()
        if isinstance(node, ChooseLanguage)
        for words in _words(menu, node.prompt)
    ]


def _words(menu: Menu, prompt: str) -> list[str]:
    return [words.says for words in menu.prompts[prompt].values()]
