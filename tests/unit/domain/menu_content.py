"""Menus to test with: one small and valid in two languages, and any valid menu at all."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from typing import Any

from hypothesis import strategies as st

from ringback.domain import menu_documents
from ringback.domain.nodes import Manner, Menu, Subject
from ringback.domain.turns import (
    Begin,
    Connected,
    Heard,
    HungUp,
    Identified,
    Input,
    Knowledge,
    Pressed,
    Recorded,
    Silence,
    Spoken,
)
from ringback.domain.voices import Voice

LANGUAGES = ("en", "hi")
VALUES = {"sponsor": {"en": "the Trust", "hi": "न्यास"}}


def said(en: str, hi: str) -> dict[str, str]:
    return {"en": en, "hi": hi}


_DOCUMENT: dict[str, Any] = {
    "topics": ["grievance"],
    "issues": ["wells"],
    "polls": {
        "first": {
            "opens_at": "2026-11-01 08:00",
            "closes_at": "2026-12-01 20:00",
            "question": said("Which?", "कौन सा?"),
            "options": {"wells": said("wells", "कुएँ")},
        }
    },
    "gatherings": {
        "rally": {
            "starts_at": "2026-12-06 10:00",
            "capacity": 50,
            "name": said("the rally", "रैली"),
            "time": said("at ten", "दस बजे"),
            "place": said("the park", "पार्क"),
        }
    },
    "prompts": {
        "invalid-key": said("No such choice.", "यह विकल्प नहीं है।"),
        "no-key": said("Nothing came.", "उत्तर नहीं मिला।"),
        "give-up": said("Call again.", "फिर फ़ोन करें।"),
        "opted-out": said("We leave you alone.", "अब संपर्क नहीं करेंगे।"),
        "goodbye": said("Goodbye.", "नमस्ते।"),
        "review": said(
            "To keep it, press 1. For another try, press 2.", "रखने के लिए 1 दबाएँ। दोबारा के लिए 2 दबाएँ।"
        ),
    },
    "menus": {
        "line": {
            "start": "welcome",
            "nodes": {
                "welcome": {"say": "welcome", "next": "language"},
                "language": {"choose_language": "language", "options": {"1": "en", "2": "hi"}, "next": "ask"},
                "ask": {
                    "gather": "ask",
                    "options": {"1": "agenda", "2": "complain", "3": "vote"},
                    "speech": {"1": {"en": ["agenda"]}, "2": {"en": ["complaint", "a problem"]}},
                },
                "agenda": {"agenda": "agenda", "next": "after"},
                "after": {"gather": "after", "options": {"1": "ask", "2": "bye"}},
                "complain": {
                    "record": "complain",
                    "topic": "grievance",
                    "issue": "wells",
                    "review": "review",
                    "next": "bye",
                },
                "vote": {"vote": "first", "option": "wells", "next": "bye"},
                "bye": {"hang_up": "goodbye"},
            },
            "prompts": {
                "welcome": said("This is {sponsor}.", "यह {sponsor} है।"),
                "language": said("For English, press 1.", "हिंदी के लिए 2 दबाएँ।"),
                "ask": said(
                    "For our agenda, press 1. To complain, press 2. To vote, press 3. To be left alone, press 9.",
                    "एजेंडा के लिए 1 दबाएँ। शिकायत के लिए 2 दबाएँ। मतदान के लिए 3 दबाएँ। संपर्क न चाहें तो 9 दबाएँ।",
                ),
                "agenda": said("We want wells.", "हमें कुएँ चाहिए।"),
                "after": said(
                    "For the menu, press 1. To end, press 2.", "मेनू के लिए 1 दबाएँ। समाप्त करने के लिए 2 दबाएँ।"
                ),
                "complain": said("You are recorded after the beep.", "बीप के बाद रिकॉर्ड होगा।"),
            },
        }
    },
}


def a_document(**changes: Any) -> dict[str, Any]:
    """A valid document of its own. A change names its place (`nodes__ask__options`) within the menu `line`, or from the root when it
    begins with `root`; `...` takes the key away."""
    document = copy.deepcopy(_DOCUMENT)
    for place, value in changes.items():
        *above, key = place.split("__")
        target: Any = document if above[:1] == ["root"] else document["menus"]["line"]
        for step in above[1:] if above[:1] == ["root"] else above:
            target = target[step.replace("_", "-")] if step.replace("_", "-") in target else target[step]
        if value is ...:
            del target[key.replace("_", "-")]
        else:
            target[key] = value
    return document


def parsed(document: Mapping[str, Any]) -> Voice:
    return menu_documents.parse(document, LANGUAGES, "en", VALUES)


def a_menu(**nodes: Any) -> Menu:
    """The small menu, with some nodes added or changed; only the model's rules hold, not those of publishing."""
    menu = parsed(a_document()).menus["line"]
    return replace(menu, nodes={**menu.nodes, **nodes})


# ── any valid menu ──

_PROMPT = said("The Trust speaks, and records. To end, press 1.", "न्यास रिकॉर्ड करता है। अंत के लिए 1 दबाएँ।")
_SUBJECT_CASES = {
    Subject.LANGUAGE: ("en", "hi"),
    Subject.ROLE: ("voter", "tracker"),
    Subject.STAGE: ("NEW", "INFORMED"),
    Subject.PLACE: ("eci:S13", "eci:S13/26"),
    Subject.TIME: ("10:00-13:00", "21:00-10:00"),
    Subject.FIELD: ("yes", "no"),
}


@st.composite
def valid_menus(draw: st.DrawFn) -> Menu:
    """Any menu that may be published; then some of its translations lost, as long as every prompt has one.

    Node after node leads on to the next, so that all are reached and all have a way out; questions may lead anywhere.
    """
    size = draw(st.integers(1, 8))
    nodes = {f"n{index}": draw(_nodes(index, size)) for index in range(size)} | {f"n{size}": {"hang_up": "p"}}
    start = draw(st.sampled_from(["n0", "pin", "connect"]))
    if start != "n0":
        nodes |= draw(_those_who_speak_out(start))
    document = a_document(start=start, nodes=nodes, prompts={"p": _PROMPT, "q": _PROMPT})
    menu = parsed(document).menus["line"]
    lost = draw(st.dictionaries(st.sampled_from(["p", "q", *Manner]), st.sampled_from(LANGUAGES)))
    prompts = {
        name: {language: words for language, words in spoken.items() if language != lost.get(name)}
        for name, spoken in menu.prompts.items()
    }
    return replace(menu, prompts=prompts)


def _those_who_speak_out(start: str) -> st.SearchStrategy[dict[str, dict[str, str]]]:
    """What only a tracker may do, or only whoever was connected to a voter; then the menu goes on as any other."""
    if start == "connect":
        said = st.sampled_from(["for", "undecided", "against", "wrong-number", "do-not-call"])
        connect = {"connect": "voter", "reached": "said", "missed": "n0", "none": "n0"}
        return said.map(lambda what: {"connect": connect, "said": {"set_disposition": what, "next": "n0"}})
    pin = {"enter_pin": "p", "wrong": "q", "next": "said"}
    verdicts = [{"give_verdict": what, "next": "n0"} for what in ("genuine", "not-genuine", "unsure")]
    shifts = [{"duty": what, "next": "n0"} for what in ("begins", "ends")]
    reasons = [{"give_reason": "other-party", "next": "n0"}]
    return st.sampled_from([*verdicts, *reasons, *shifts]).map(lambda said: {"pin": pin, "said": said})


def _nodes(index: int, size: int) -> st.SearchStrategy[dict[str, Any]]:
    on = f"n{index + 1}"
    later = st.integers(index + 1, size).map(lambda at: f"n{at}")
    anywhere = st.integers(0, size).map(lambda at: f"n{at}")
    prompt = st.sampled_from(["p", "q"])
    ways = st.dictionaries(st.sampled_from("2468"), anywhere, max_size=3).map(lambda some: {"1": on} | some)
    gather = st.fixed_dictionaries(
        {"gather": prompt, "options": ways},
        optional={"speech": st.just({"1": {"en": ["wells"], "hi": ["कुएँ"]}})},
    )
    record = st.fixed_dictionaries(
        {"record": prompt, "topic": st.just("grievance"), "next": st.just(on)},
        optional={"issue": st.just("wells"), "review": st.just("review")},
    )
    branch = st.sampled_from(Subject).flatmap(
        lambda subject: st.fixed_dictionaries(
            {
                "branch": st.just(subject.value),
                "cases": st.fixed_dictionaries(dict.fromkeys(_SUBJECT_CASES[subject], later)),
                "otherwise": st.just(on),
            }
            | ({"field": st.just("answer")} if subject is Subject.FIELD else {})
        )
    )
    others = st.sampled_from(
        [
            {"say": "p", "next": on},
            {"agenda": "q", "next": on},
            {"choose_language": "p", "options": {"1": "en", "2": "hi"}, "next": on},
            {"set": "answer", "value": "yes", "next": on},
            {"opt_in": "sms", "next": on},
            {"opt_out": "all", "next": on},
            {"attend": "rally", "next": on},
            {"decline": "rally", "next": on},
            {"vote": "first", "option": "wells", "next": on},
            {"pledge": "wells", "next": on},
            {"call_back": "help", "next": on},
            {"transfer": "+918040001001", "next": on},
            {"enter_pin": "p", "wrong": "q", "next": on},
            {"recruit": "influencer", "next": on},
        ]
    )
    connect = st.fixed_dictionaries(
        {
            "connect": st.sampled_from(["voter", "tracker"]),
            "reached": st.just(on),
            "missed": later,
            "none": later,
        }
    )
    return st.one_of(gather, record, branch, connect, others)


knowledges: st.SearchStrategy[Knowledge] = st.builds(
    Knowledge,
    language=st.sampled_from(["en", "hi", "te", ""]),
    language_offered=st.booleans(),
    role=st.sampled_from([None, "voter"]),
    stage=st.sampled_from([None, "NEW"]),
    place=st.sampled_from([None, "eci:S13/26/112", "eci:S1"]),
    fields=st.sampled_from([{}, {"answer": "no"}]),
    now=st.none() | st.datetimes(timezones=st.just(UTC)),
)
inputs: st.SearchStrategy[Input] = st.one_of(
    st.builds(Pressed, st.sampled_from([*"0123456789*#", "", "12", "१"]) | st.text(max_size=3)),
    st.just(Silence()),
    st.just(Heard()),
    st.builds(Recorded, st.sampled_from(["", "https://r.example/1.wav"]), st.sampled_from([None, 0, 12])),
    st.builds(Spoken, st.sampled_from(["wells", "कुएँ", "1", "noise", ""]), st.sampled_from([0.1, 0.9])),
    st.builds(Connected, st.booleans(), st.sampled_from([None, "slots", "cap"])),
    st.builds(Identified, st.booleans(), st.sampled_from([{}, {"review": "r001", "tracker": "t"}])),
    st.builds(Begin, knowledges),
)
"""Whatever a caller may do but hang up."""
any_inputs = st.lists(inputs | st.just(HungUp()), max_size=20)
