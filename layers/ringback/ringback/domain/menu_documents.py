"""Reading what a campaign says and asks by voice: menus, and the polls, gatherings and topics they name.

A node is written as what it does: `gather: choose`, `vote: first-need`, `hang_up: goodbye`; `catalog/menus/README.md` shows them all.
Prompts are written once for all menus or in the menu that needs them, each in every language, with an audio file where there is one.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum

from ringback.domain import menu_lint
from ringback.domain.documents import Section
from ringback.domain.errors import Rejected
from ringback.domain.gatherings import REMIND_BEFORE, Gathering, GatheringTexts
from ringback.domain.nodes import (
    Branch,
    ChooseLanguage,
    Connect,
    Duty,
    EnterPin,
    Gather,
    GiveReason,
    GiveVerdict,
    Hangup,
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
from ringback.domain.polls import Poll
from ringback.domain.texts import render, stray_braces, variables
from ringback.domain.turns import Disposition, Party, Sound, Verdict, Words
from ringback.domain.voices import Voice

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_NAME_MEANS = "lower-case letters, digits and dashes, beginning with a letter, at most 40"
_ALL = re.compile("all")
_INFLUENCER = re.compile("influencer")
_LINK = re.compile(r"https://\S+")

Values = Mapping[str, Mapping[str, str]]
"""Variable → language → what stands there."""


class Channel(StrEnum):
    """By which ways updates come (F31)."""

    SMS = "sms"
    WHATSAPP = "whatsapp"
    VOICE = "voice"


class Shift(StrEnum):
    """What becomes of a tracker's duty."""

    BEGINS = "begins"
    ENDS = "ends"


def parse(
    document: Mapping[str, object],
    languages: Iterable[str],
    default_language: str,
    values: Values,
    version: int = 0,
) -> Voice:
    """Read and check `menus`, `prompts`, `polls`, `gatherings`, `topics` and `issues` of a document.

    `values` must hold `sponsor`: who speaks. Raises `Rejected` with everything that is wrong, each reason with its place:
    `menus.main.nodes.choose.options: …`.
    """
    problems: list[str] = []
    root = Section(document, "", problems)
    voice = read(root, tuple(languages), default_language, values, version)
    root.close()
    if not problems:  # without readable nodes and prompts everything would seem to lead nowhere
        problems += menu_lint.faults(voice)
    if problems:
        raise Rejected(*problems)
    return voice


def read(
    root: Section, languages: tuple[str, ...], default_language: str, values: Values, version: int
) -> Voice:
    """Read the keys of a document that are about voice. What they must be to each other is for `menu_lint.faults` to say.

    Every gathering lends its name, place and time to the prompts: `{training_day_place}`.
    """
    gatherings = {name: _gathering(name, part, languages) for name, part in _each(root, "gatherings")}
    known = {**values, **{name: said for each in gatherings.values() for name, said in _lent(each)}}
    shared = _prompts(root, languages, known)
    return Voice(
        menus={
            name: Menu(
                id=name,
                version=version,
                start=part.text("start"),
                nodes={node: _node(within) for node, within in _each(part, "nodes")},
                prompts={**shared, **_prompts(part, languages, known)},
                languages=languages,
                default_language=default_language,
            )
            for name, part in _each(root, "menus")
        },
        shared_prompts=frozenset(shared),
        polls={name: _poll(name, part, languages) for name, part in _each(root, "polls")},
        gatherings=gatherings,
        topics=frozenset(root.strings("topics")),
        issues=frozenset(root.strings("issues")),
        sponsors=values.get("sponsor", {}),
    )


def _each(section: Section, key: str) -> Iterator[tuple[str, Section]]:
    """The named parts of a part; none of them is a mistake."""
    if not section.has(key):
        return
    within = section.section(key)
    for name in within.names():
        if not _NAME.fullmatch(name):
            within.problem(name, f"the name must be {_NAME_MEANS}")
        yield name, within.section(name)


def _prompts(
    section: Section, languages: tuple[str, ...], values: Values
) -> dict[str, Mapping[str, Words | Sound]]:
    return {name: _prompt(part, languages, values) for name, part in _each(section, "prompts")}


def _prompt(section: Section, languages: tuple[str, ...], values: Values) -> dict[str, Words | Sound]:
    said = {language: _filled(section, language, values) for language in languages}
    sounds = {language: part for language, part in _each(section, "audio")}
    for language in sounds.keys() - said.keys():
        section.problem(f"audio.{language}", "is in no language of the campaign")
    return {
        language: Sound(
            sounds[language].text("url", _LINK, "an https address"), sounds[language].integer("seconds"), text
        )
        if language in sounds
        else Words(text)
        for language, text in said.items()
    }


def _filled(section: Section, language: str, values: Values) -> str:
    text = section.text(language)
    missing = [name for name in variables(text) if language not in values.get(name, {})]
    for name in missing:
        section.problem(language, f"the variable {{{name}}} has no value")
    if stray_braces(text):
        section.problem(language, "has braces that are not a {variable}")
    return text if missing else render(text, {name: values[name][language] for name in variables(text)})


def _lent(gathering: Gathering) -> Iterator[tuple[str, Mapping[str, str]]]:
    name = gathering.id.replace("-", "_")
    yield f"{name}_name", gathering.names
    yield f"{name}_place", gathering.places
    yield f"{name}_time", gathering.times


def _gathering(name: str, section: Section, languages: tuple[str, ...]) -> Gathering:
    return Gathering(
        id=name,
        names=section.translations("name", languages),
        places=section.translations("place", languages),
        times=section.translations("time", languages),
        starts_at=section.moment("starts_at"),
        capacity=section.integer("capacity"),
        texts=_gathering_texts(section.section("texts")) if section.has("texts") else None,
        remind_before=section.duration("remind_before", REMIND_BEFORE),
    )


def _gathering_texts(section: Section) -> GatheringTexts:
    return GatheringTexts(
        confirmation=section.text("confirmation"),
        waiting_list=section.text("waiting_list"),
        place_free=section.text("place_free"),
        reminder=section.text("reminder"),
    )


def _poll(name: str, section: Section, languages: tuple[str, ...]) -> Poll:
    options = section.section("options")
    poll = Poll(
        id=name,
        questions=section.translations("question", languages),
        options={option: options.translations(option, languages) for option in options.names()},
        opens_at=section.moment("opens_at"),
        closes_at=section.moment("closes_at"),
    )
    if poll.closes_at <= poll.opens_at:
        section.problem("closes_at", "must be later than the opening")
    return poll


def _node(section: Section) -> Node:
    verbs = [name for name in section.names() if name in _VERBS]
    if not verbs:
        section.problem("say", f"is missing, or another of {', '.join(_VERBS)}: a node does one thing")
        return Hangup("")
    for further in verbs[1:]:
        section.problem(further, f"a node does one thing, and this one has `{verbs[0]}` already")
    return _VERBS[verbs[0]](section)


def _say(section: Section) -> Node:
    return Say(section.text("say"), section.text("next"))


def _agenda(section: Section) -> Node:
    return Say(section.text("agenda"), section.text("next"), agenda=True)


def _gather(section: Section) -> Node:
    speech = _each_key(section, "speech") if section.has("speech") else {}
    return Gather(
        section.text("gather"),
        _texts(section, "options"),
        _seconds(section, 8),
        {
            key: {language: said.strings(language) for language in said.names()}
            for key, said in speech.items()
        },
    )


def _choose_language(section: Section) -> Node:
    return ChooseLanguage(
        section.text("choose_language"),
        _texts(section, "options"),
        section.text("next"),
        _seconds(section, 5),
    )


def _record(section: Section) -> Node:
    return Record(
        prompt=section.text("record"),
        topic=section.text("topic"),
        next=section.text("next"),
        issue=_optional(section, "issue"),
        review=_optional(section, "review"),
        max_seconds=section.integer("max_seconds") if section.has("max_seconds") else 30,
        timeout_seconds=_seconds(section, 8),
    )


def _branch(section: Section) -> Node:
    on = section.choice("branch", Subject)
    field = section.text("field") if on is Subject.FIELD else None
    return Branch(on, _texts(section, "cases"), section.text("otherwise"), field)


def _transfer(section: Section) -> Node:
    return Transfer(section.text("transfer"), section.text("next"))


def _connect(section: Section) -> Node:
    return Connect(
        section.choice("connect", Party),
        section.text("reached"),
        section.text("missed"),
        section.text("none"),
    )


def _enter_pin(section: Section) -> Node:
    return EnterPin(
        section.text("enter_pin"), section.text("wrong"), section.text("next"), _seconds(section, 8)
    )


def _recruit(section: Section) -> Node:
    section.text("recruit", _INFLUENCER, "`influencer`")
    return Recruit(section.text("next"))


def _call_back(section: Section) -> Node:
    return RequestCallback(
        section.text("call_back", _NAME, _NAME_MEANS), section.text("next"), _optional(section, "menu")
    )


_VERBS: Mapping[str, Callable[[Section], Node]] = {
    "say": _say,
    "agenda": _agenda,
    "gather": _gather,
    "choose_language": _choose_language,
    "record": _record,
    "branch": _branch,
    "set": lambda part: SetField(part.text("set", _NAME, _NAME_MEANS), part.text("value"), part.text("next")),
    "opt_in": lambda part: OptIn(part.choice("opt_in", Channel).value, part.text("next")),
    "opt_out": lambda part: OptOut(part.text("next")) if part.text("opt_out", _ALL, "`all`") else Hangup(""),
    "attend": lambda part: Rsvp(part.text("attend"), True, part.text("next")),
    "decline": lambda part: Rsvp(part.text("decline"), False, part.text("next")),
    "vote": lambda part: Vote(part.text("vote"), part.text("option"), part.text("next")),
    "pledge": lambda part: Pledge(part.text("pledge"), part.text("next")),
    "call_back": _call_back,
    "transfer": _transfer,
    "connect": _connect,
    "enter_pin": _enter_pin,
    "give_verdict": lambda part: GiveVerdict(part.choice("give_verdict", Verdict).value, part.text("next")),
    "give_reason": lambda part: GiveReason(part.text("give_reason", _NAME, _NAME_MEANS), part.text("next")),
    "set_disposition": lambda part: SetDisposition(
        part.choice("set_disposition", Disposition).value, part.text("next")
    ),
    "recruit": _recruit,
    "duty": lambda part: Duty(part.choice("duty", Shift) is Shift.BEGINS, part.text("next")),
    "hang_up": lambda part: Hangup(part.text("hang_up")),
}


def _texts(section: Section, key: str) -> dict[str, str]:
    within = section.section(key)
    return {name: within.text(name) for name in within.names()}


def _each_key(section: Section, key: str) -> dict[str, Section]:
    within = section.section(key)
    return {name: within.section(name) for name in within.names()}


def _optional(section: Section, key: str) -> str | None:
    return section.optional_text(key, _NAME, _NAME_MEANS)


def _seconds(section: Section, usual: int) -> int:
    return section.integer("timeout_seconds") if section.has("timeout_seconds") else usual
