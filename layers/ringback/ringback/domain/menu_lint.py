"""What is wrong with a menu that can be read (X9): told when it is published, with menu, node and language.

`faults` refuse publication. `warnings` do not: they are guesses about the order of words in a language, or tell of what looks
forgotten.
"""

import re
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping

from ringback.domain import phones
from ringback.domain.announcements import announced, are_readable_in, tells_of_recording
from ringback.domain.influencers import Stage
from ringback.domain.menus import CONNECTED, JUDGED, REVIEW
from ringback.domain.nodes import (
    KEYS,
    OPT_OUT,
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
    Pledge,
    Record,
    RequestCallback,
    Rsvp,
    Say,
    SetDisposition,
    SetField,
    Subject,
    Transfer,
    Vote,
    ways_on,
)
from ringback.domain.speech import seconds, spoken_words
from ringback.domain.turns import Party, Sound, Words
from ringback.domain.voices import Voice

MOST_CHOICES = 4
"""SOURCE: the campaigns' own practice (F29): menus of three or four choices."""

LONGEST_PROMPT_SECONDS = 30
LONGEST_RECORDING_SECONDS = 30
"""SOURCE: F82."""

_HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")
_SPEAKING = (Say, Gather, ChooseLanguage, Record, EnterPin, Hangup)

_OURS = frozenset({CONNECTED, JUDGED, REVIEW, "tracker"})
"""Fields that a call is told and a menu must not set: `tracker` is who gave their PIN."""


def faults(voice: Voice) -> tuple[str, ...]:
    """Everything for which the menus must not be published."""
    return tuple(_told(voice, _menu_faults, _node_faults, _prompt_faults))


def warnings(voice: Voice) -> tuple[str, ...]:
    """What is allowed, but makes a menu hard to use or looks forgotten."""
    unused = [f"prompts.{name}: no menu says it" for name in sorted(_unused_everywhere(voice))]
    return (*_told(voice, _menu_warnings, _announcement_warnings), *unused)


_Check = Callable[[Voice, Menu], Iterator[tuple[str, str]]]


def _told(voice: Voice, *checks: _Check) -> Iterator[str]:
    for menu in voice.menus.values():
        for check in checks:
            for place, what in check(voice, menu):
                yield f"menus.{menu.id}{place}: {what}"


# ── faults ──


def _menu_faults(voice: Voice, menu: Menu) -> Iterator[tuple[str, str]]:
    """Where the menu leads, and what the law wants said before it goes there."""
    if menu.start not in menu.nodes:
        yield ".start", f"there is no node {menu.start!r}"
        return
    reached = _reachable(menu, [menu.start])
    for name, node in menu.nodes.items():
        at = f".nodes.{name}"
        if name not in reached:
            yield at, "is never reached"
        onward = _reachable(menu, ways_on(node).values())
        if not isinstance(node, Hangup) and not any(isinstance(menu.nodes[to], Hangup) for to in onward):
            yield at, "has no way out: no path from here hangs up"
        if _passes(node) and name in _reachable(menu, ways_on(node).values(), _passes):
            yield at, "leads back to itself without asking anything"
    yield from _silent_about_the_sponsor(voice, menu)
    yield from _silent_about_recording(menu)
    yield from _out_of_turn(menu)
    for manner in Manner:
        if manner not in menu.prompts:
            yield f".prompts.{manner}", "is missing: every menu needs it"


def _node_faults(voice: Voice, menu: Menu) -> Iterator[tuple[str, str]]:
    for name, node in menu.nodes.items():
        for way, to in ways_on(node).items():
            if to not in menu.nodes:
                yield f".nodes.{name}", f"{way or 'next'} leads to {to!r}, which is no node"
        for prompt in _prompts_of(node):
            if prompt not in menu.prompts:
                yield f".nodes.{name}", f"there is no prompt {prompt!r}"
        for what in _faults_of(node, voice, menu):
            yield f".nodes.{name}", what


def _faults_of(node: Node, voice: Voice, menu: Menu) -> Iterator[str]:
    match node:
        case Gather(options=options, speech=speech):
            yield from _wrong_keys(options, MOST_CHOICES)
            yield from _unknown("option", speech, options)
            for words in speech.values():
                yield from _unknown("language", words, menu.languages)
        case ChooseLanguage(options=options):
            yield from _wrong_keys(options, MOST_CHOICES + 1)  # the caller's own is not read out
            yield from _unknown("language", options.values(), menu.languages)
        case Record(topic=topic, issue=issue, max_seconds=longest):
            yield from _unknown("topic", [topic], voice.topics)
            yield from _unknown("issue", [issue] if issue else [], voice.issues)
            if longest > LONGEST_RECORDING_SECONDS:
                yield f"records for {longest} seconds, {LONGEST_RECORDING_SECONDS} are allowed"
        case Branch(on=Subject.LANGUAGE, cases=cases):
            yield from _unknown("language", cases, menu.languages)
        case Branch(on=Subject.TIME, cases=cases):
            yield from (
                f"{case!r} are no hours such as `10:00-13:00`" for case in cases if not _HOURS.fullmatch(case)
            )
        case Branch(on=Subject.STAGE, cases=cases):
            yield from _unknown("stage", cases, [stage.value for stage in Stage])
        case SetField(field=name) if name in _OURS:
            yield f"sets the field {name!r}, which only the call itself may"
        case Rsvp(gathering=gathering):
            yield from _unknown("gathering", [gathering], voice.gatherings)
        case Vote(poll=poll, option=option):
            yield from _unknown("poll", [poll], voice.polls)
            if poll in voice.polls:
                yield from _unknown(f"option of the poll {poll}", [option], voice.polls[poll].options)
        case Pledge(issue=issue):
            yield from _unknown("issue", [issue], voice.issues)
        case RequestCallback(menu=str(called)):
            yield from _unknown("menu", [called], voice.menus)
        case Transfer(to=to) if not _is_number(to):
            yield f"{to!r} is no number in E.164, such as `+918040001001`"


def _wrong_keys(options: Mapping[str, str], most: int) -> Iterator[str]:
    for key in options:
        if key not in KEYS:
            yield f"the key {key!r} must be one of 1 to 8: 9 opts out, 0 repeats, * goes back, # ends a recording"
    if not 1 <= len(options) <= most:
        yield f"offers {len(options)} choices, 1 to {most} are allowed"


def _unknown(kind: str, named: Iterable[str], known: Container[str]) -> Iterator[str]:
    return (f"there is no {kind} {name!r}" for name in named if name not in known)


def _is_number(to: str) -> bool:
    try:
        return phones.read(to) == to
    except (phones.Unreadable, phones.Withheld):
        return False


def _prompt_faults(voice: Voice, menu: Menu) -> Iterator[tuple[str, str]]:
    """What takes too long to listen to."""
    for at, language, content in _said(menu):
        takes = _seconds(content, language)
        if takes > LONGEST_PROMPT_SECONDS:
            yield at, f"takes about {takes:.0f} seconds to say, {LONGEST_PROMPT_SECONDS} are allowed"


def _silent_about_the_sponsor(voice: Voice, menu: Menu) -> Iterator[tuple[str, str]]:
    """Whatever is said first must say who speaks. SOURCE: ECI, disclosure in recorded messages (E8)."""

    def is_silent(node: Node) -> bool:
        return not isinstance(node, _SPEAKING) or isinstance(node, ChooseLanguage)  # may be passed in silence

    for name in _reachable(menu, [menu.start], is_silent):
        node = menu.nodes[name]
        if isinstance(node, _SPEAKING):
            for language, content in menu.prompts.get(node.prompt, {}).items():
                if not _mentions(content.says, voice.sponsors.get(language, "")):
                    yield f".nodes.{name}.{language}", "is said first and does not say who speaks: {sponsor}"


def _silent_about_recording(menu: Menu) -> Iterator[tuple[str, str]]:
    """Nobody may come to a beep without having heard that they will be recorded."""
    for language in filter(are_readable_in, menu.languages):

        def is_mute(node: Node, language: str = language) -> bool:
            return not any(
                tells_of_recording(menu.prompts[prompt][language].says, language)
                for prompt in _prompts_of(node)[:1]  # a review comes too late
                if language in menu.prompts.get(prompt, {})
            )

        for name in _reachable(menu, [menu.start], is_mute):
            if isinstance(menu.nodes[name], Record) and is_mute(menu.nodes[name]):
                yield f".nodes.{name}.{language}", "records a caller who has not been told so"


def _out_of_turn(menu: Menu) -> Iterator[tuple[str, str]]:
    """Who speaks as a tracker must have said their PIN before, whichever way they came; and who judges a voter must have been connected."""

    def is_unknown(node: Node) -> bool:
        return not isinstance(node, EnterPin)

    def is_alone(node: Node) -> bool:
        return not (isinstance(node, Connect) and node.party is Party.VOTER)

    for name in _reachable(menu, [menu.start], is_unknown):
        if isinstance(menu.nodes[name], GiveVerdict | GiveReason | Duty):
            yield f".nodes.{name}", "is for trackers, and can be reached without a PIN"
    for name in _reachable(menu, [menu.start], is_alone):
        if isinstance(menu.nodes[name], SetDisposition):
            yield f".nodes.{name}", "judges a voter, and can be reached without having been connected to one"


# ── warnings ──


def _menu_warnings(voice: Voice, menu: Menu) -> Iterator[tuple[str, str]]:
    own = menu.prompts.keys() - voice.shared_prompts
    for prompt in sorted(own - _used(menu)):
        yield f".prompts.{prompt}", "no node says it"
    for language in menu.languages:
        if not are_readable_in(language):
            yield (
                f".{language}",
                "we know too little of this language to check keys and recording notices: listen to it",
            )
        elif not any(OPT_OUT in announced(said.says, of) for _, of, said in _said(menu) if of == language):
            yield f".{language}", f"never says that {OPT_OUT} opts out"


def _announcement_warnings(voice: Voice, menu: Menu) -> Iterator[tuple[str, str]]:
    """Every choice is announced, none that is not there, and each after what it is for."""
    for name, node in menu.nodes.items():
        match node:
            case Gather(prompt=prompt, options=options):
                for language in filter(are_readable_in, menu.prompts[prompt]):
                    said = announced(menu.prompts[prompt][language].says, language)
                    for what in _badly_announced(said, options):
                        yield f".nodes.{name}.{language}", what
            case ChooseLanguage(prompt=prompt, options=options):
                for key, language in options.items():
                    if are_readable_in(language):
                        said = announced(menu.prompts[prompt][language].says, language)
                        for what in _badly_announced(said, {key: ""}):
                            yield f".nodes.{name}.{language}", what


def _badly_announced(said: Mapping[str, bool], options: Collection[str]) -> Iterator[str]:
    yield from (f"does not say what {key} is for" for key in options if key not in said)
    yield from (f"announces {key}, which is no choice" for key in said if key in KEYS and key not in options)
    yield from (f"announces {key} before what it is for" for key, is_first in said.items() if not is_first)


def _unused_everywhere(voice: Voice) -> set[str]:
    used = {prompt for menu in voice.menus.values() for prompt in _used(menu)}
    return set(voice.shared_prompts - used)


# ── looking at a menu ──


def _passes(node: Node) -> bool:
    """Whether a call may go through a node without waiting for the caller. Connecting is no waiting: there may be nobody to ring, and
    whoever was talked to, the caller must say so before somebody else is rung.
    """
    waits = isinstance(node, Gather | Record | Transfer | EnterPin | Hangup)
    return not waits and not (isinstance(node, Say) and node.agenda)


def _reachable(
    menu: Menu, starts: Iterable[str], through: Callable[[Node], bool] = lambda node: True
) -> dict[str, None]:
    """The nodes on all paths that go on only `through` some nodes; the one a path stops at is among them."""
    found: dict[str, None] = {}
    waiting = [name for name in starts if name in menu.nodes]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = None
            node = menu.nodes[name]
            waiting += [to for to in ways_on(node).values() if to in menu.nodes] if through(node) else []
    return found


def _prompts_of(node: Node) -> tuple[str, ...]:
    match node:
        case Record(prompt=prompt, review=str(review)):
            return prompt, review
        case EnterPin(prompt=prompt, wrong=wrong):
            return prompt, wrong
        case Say() | Gather() | ChooseLanguage() | Record() | Hangup():
            return (node.prompt,)
    return ()


def _used(menu: Menu) -> set[str]:
    return {*Manner, *(prompt for node in menu.nodes.values() for prompt in _prompts_of(node))}


def _said(menu: Menu) -> Iterator[tuple[str, str, Words | Sound]]:
    """What is said at each node, with its place and language; then the manners."""
    at_nodes = [
        (f".nodes.{name}", prompt) for name, node in menu.nodes.items() for prompt in _prompts_of(node)
    ]
    for at, prompt in (*at_nodes, *((f".prompts.{manner}", manner.value) for manner in Manner)):
        for language, content in menu.prompts.get(prompt, {}).items():
            yield f"{at}.{language}", language, content


def _seconds(content: Words | Sound, language: str) -> float:
    match content:
        case Sound(seconds=float() | int() as known):
            return known
    return seconds(content.says, language)


def _mentions(text: str, name: str) -> bool:
    return bool(name) and " ".join(spoken_words(name)) in " ".join(spoken_words(text))
