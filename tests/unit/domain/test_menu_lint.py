"""What keeps a menu from being published, and what it is warned about (X9): each with its place and language."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ringback.domain import menu_documents, menu_lint
from ringback.domain.announcements import announced, tells_of_recording
from ringback.domain.errors import Rejected
from ringback.domain.nodes import (
    Branch,
    Connect,
    Duty,
    EnterPin,
    GiveReason,
    GiveVerdict,
    OptIn,
    OptOut,
    Recruit,
    RequestCallback,
    Rsvp,
    SetDisposition,
    SetField,
    Subject,
    Transfer,
    ways_on,
)
from ringback.domain.speech import seconds, spoken_words, understood
from ringback.domain.turns import Party, Sound
from ringback_cli import menus
from tests.unit.domain.content import CATALOG
from tests.unit.domain.menu_content import LANGUAGES, VALUES, a_document, parsed, said

_PIN = {"enter_pin": "agenda", "wrong": "goodbye", "next": "said"}
_VOTER = {"connect": "voter", "reached": "said", "missed": "bye", "none": "bye"}

LONG = "For wells, press 1. " + "We dig and test and dig again. " * 19 + "Enough."


def reasons(document: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(Rejected) as caught:
        parsed(document)
    return caught.value.reasons


def test_the_shipped_menus_pass_without_a_warning() -> None:
    voice = menus.load(CATALOG / "menus", "clean-water")

    assert menu_lint.warnings(voice) == ()
    assert {menu.languages for menu in voice.menus.values()} == {("en", "hi", "mr", "ta", "ur")}


def test_the_small_menu_is_valid() -> None:
    assert menu_lint.warnings(parsed(a_document())) == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param(
            {
                "nodes__ask__options": {str(key): "bye" for key in range(1, 6)}
                | {"6": "agenda", "7": "complain", "8": "vote"}
            },
            "menus.line.nodes.ask: offers 8 choices, 1 to 4 are allowed",
            id="more than four choices",
        ),
        pytest.param(
            {"nodes__language__options": {str(key): "en" for key in range(1, 7)}},
            "menus.line.nodes.language: offers 6 choices, 1 to 5 are allowed",
            id="more than five languages",
        ),
        pytest.param(
            {"prompts__after__en": LONG},
            "menus.line.nodes.after.en: takes about 51 seconds to say, 30 are allowed",
            id="a prompt over 30 seconds",
        ),
        pytest.param(
            {"prompts__after__audio": {"hi": {"url": "https://m.example/1.wav", "seconds": 31}}},
            "menus.line.nodes.after.hi: takes about 31 seconds to say, 30 are allowed",
            id="a sound over 30 seconds",
        ),
        pytest.param(
            {"nodes__complain__max_seconds": 45},
            "menus.line.nodes.complain: records for 45 seconds, 30 are allowed",
            id="a recording over 30 seconds",
        ),
        pytest.param(
            {"prompts__after__hi": ...}, "menus.line.prompts.after.hi: is missing", id="a missing translation"
        ),
        pytest.param(
            {"prompts__after__hi": "{who} के लिए 1 दबाएँ।"},
            "menus.line.prompts.after.hi: the variable {who} has no value",
            id="a missing variable",
        ),
        pytest.param(
            {"prompts__after__hi": "{ who } के लिए 1 दबाएँ।"},
            "menus.line.prompts.after.hi: has braces that are not a {variable}",
            id="a misspelt variable",
        ),
        pytest.param(
            {"nodes__island": {"say": "welcome", "next": "bye"}},
            "menus.line.nodes.island: is never reached",
            id="an unreachable node",
        ),
        pytest.param(
            {"nodes__vote": {"gather": "ask", "options": {"1": "vote"}}},
            "menus.line.nodes.vote: has no way out: no path from here hangs up",
            id="a loop without a way out",
        ),
        pytest.param(
            {
                "nodes__vote": {"say": "agenda", "next": "branch"},
                "nodes__branch": {"branch": "role", "cases": {"voter": "vote"}, "otherwise": "bye"},
            },
            "menus.line.nodes.vote: leads back to itself without asking anything",
            id="a loop that never asks",
        ),
        pytest.param(
            {"prompts__welcome__hi": "नमस्ते।"},
            "menus.line.nodes.welcome.hi: is said first and does not say who speaks: {sponsor}",
            id="no sponsor",
        ),
        pytest.param(
            {"start": "language", "nodes__welcome": ...},
            "menus.line.nodes.ask.en: is said first and does not say who speaks: {sponsor}",
            id="no sponsor for callers who were offered languages before",
        ),
        pytest.param(
            {"prompts__complain__en": "Speak after the beep."},
            "menus.line.nodes.complain.en: records a caller who has not been told so",
            id="no recording notice",
        ),
        pytest.param(
            {"nodes__ask__options__9": "bye"},
            "menus.line.nodes.ask: the key '9' must be one of 1 to 8: 9 opts out, 0 repeats, * goes back, # ends a recording",
            id="a reserved key",
        ),
        pytest.param(
            {"nodes__after__options__1": "gone"},
            "menus.line.nodes.after: 1 leads to 'gone', which is no node",
            id="an unknown node",
        ),
        pytest.param(
            {"nodes__agenda__next": "gone"},
            "menus.line.nodes.agenda: next leads to 'gone', which is no node",
            id="an unknown next node",
        ),
        pytest.param({"start": "gone"}, "menus.line.start: there is no node 'gone'", id="an unknown start"),
        pytest.param(
            {"nodes__bye__hang_up": "gone"},
            "menus.line.nodes.bye: there is no prompt 'gone'",
            id="an unknown prompt",
        ),
        pytest.param(
            {"nodes__complain__topic": "x"},
            "menus.line.nodes.complain: there is no topic 'x'",
            id="an unknown topic",
        ),
        pytest.param(
            {"nodes__complain__issue": "x"},
            "menus.line.nodes.complain: there is no issue 'x'",
            id="an unknown issue",
        ),
        pytest.param(
            {"nodes__vote": {"pledge": "x", "next": "bye"}},
            "menus.line.nodes.vote: there is no issue 'x'",
            id="an unknown issue to pledge for",
        ),
        pytest.param(
            {"nodes__vote__vote": "x"}, "menus.line.nodes.vote: there is no poll 'x'", id="an unknown poll"
        ),
        pytest.param(
            {"nodes__vote__option": "x"},
            "menus.line.nodes.vote: there is no option of the poll first 'x'",
            id="an unknown option",
        ),
        pytest.param(
            {"nodes__vote": {"attend": "x", "next": "bye"}},
            "menus.line.nodes.vote: there is no gathering 'x'",
            id="an unknown gathering",
        ),
        pytest.param(
            {"nodes__vote": {"call_back": "help", "menu": "x", "next": "bye"}},
            "menus.line.nodes.vote: there is no menu 'x'",
            id="an unknown menu",
        ),
        pytest.param(
            {"nodes__language__options__2": "te"},
            "menus.line.nodes.language: there is no language 'te'",
            id="an unknown language",
        ),
        pytest.param(
            {"nodes__ask__speech": {"4": {"en": ["x"]}}},
            "menus.line.nodes.ask: there is no option '4'",
            id="words for a key that is none",
        ),
        pytest.param(
            {"nodes__ask__speech": {"1": {"te": ["x"]}}},
            "menus.line.nodes.ask: there is no language 'te'",
            id="words in a language that is none",
        ),
        pytest.param(
            {"nodes__vote": {"branch": "language", "cases": {"te": "bye"}, "otherwise": "bye"}},
            "menus.line.nodes.vote: there is no language 'te'",
            id="a case that cannot be",
        ),
        pytest.param(
            {"nodes__vote": {"branch": "time", "cases": {"morning": "bye"}, "otherwise": "bye"}},
            "menus.line.nodes.vote: 'morning' are no hours such as `10:00-13:00`",
            id="hours that are none",
        ),
        pytest.param(
            {"nodes__vote": {"transfer": "1800", "next": "bye"}},
            "menus.line.nodes.vote: '1800' is no number in E.164, such as `+918040001001`",
            id="a number that is none",
        ),
        pytest.param(
            {"nodes__vote": {"transfer": "08040001001", "next": "bye"}},
            "menus.line.nodes.vote: '08040001001' is no number in E.164, such as `+918040001001`",
            id="a number that is not in E.164",
        ),
        pytest.param(
            {"root__prompts__no_key": ...},
            "menus.line.prompts.no-key: is missing: every menu needs it",
            id="a prompt every menu needs",
        ),
        pytest.param(
            {"nodes__vote": {"say": "agenda", "hang_up": "goodbye"}},
            "menus.line.nodes.vote.hang_up: a node does one thing, and this one has `say` already",
            id="a node that does two things",
        ),
        pytest.param(
            {"nodes__vote": {"next": "bye"}},
            "menus.line.nodes.vote.say: is missing, or another of",
            id="a node that does nothing",
        ),
        pytest.param(
            {"nodes__vote": {"vote": "first", "option": "wells", "nxt": "bye"}},
            "menus.line.nodes.vote.nxt: is not a key we know",
            id="a misspelt key",
        ),
        pytest.param(
            {"nodes__Vote!": {"hang_up": "goodbye"}},
            "menus.line.nodes.Vote!: the name must be lower-case letters",
            id="a misspelt name",
        ),
        pytest.param(
            {"prompts__after__audio": {"te": {"url": "https://m.example/1.wav", "seconds": 3}}},
            "menus.line.prompts.after.audio.te: is in no language of the campaign",
            id="a sound in no language",
        ),
        pytest.param(
            {"root__polls__first__closes_at": "2026-11-01 07:00"},
            "polls.first.closes_at: must be later than the opening",
            id="a poll that never opens",
        ),
        pytest.param(
            {"root__polls__first__opens_at": "2026-13-01 07:00"},
            "polls.first.opens_at: must be a moment in India such as `2026-12-06 10:00`, not '2026-13-01 07:00'",
            id="a day that is none",
        ),
        pytest.param(
            {"root__gatherings__rally__starts_at": ""}, "gatherings.rally.starts_at: is empty", id="no day"
        ),
        pytest.param(
            {"nodes__vote": {"give_verdict": "genuine", "next": "bye"}},
            "menus.line.nodes.vote: is for trackers, and can be reached without a PIN",
            id="a verdict without a PIN",
        ),
        pytest.param(
            {"nodes__vote": {"give_reason": "other-party", "next": "bye"}},
            "menus.line.nodes.vote: is for trackers, and can be reached without a PIN",
            id="a verdict's reason without a PIN",
        ),
        pytest.param(
            {"nodes__vote": {"duty": "begins", "next": "bye"}},
            "menus.line.nodes.vote: is for trackers, and can be reached without a PIN",
            id="a shift without a PIN",
        ),
        pytest.param(
            {"nodes__vote": {"set_disposition": "for", "next": "bye"}},
            "menus.line.nodes.vote: judges a voter, and can be reached without having been connected to one",
            id="a leaning of nobody",
        ),
        pytest.param(
            {"nodes__vote": {"connect": "voter", "reached": "bye", "missed": "vote", "none": "bye"}},
            "menus.line.nodes.vote: leads back to itself without asking anything",
            id="one voter after the other",
        ),
        pytest.param(
            {"nodes__vote": {"connect": "mayor", "reached": "bye", "missed": "bye", "none": "bye"}},
            "menus.line.nodes.vote.connect: must be one of voter, tracker, not 'mayor'",
            id="nobody we connect to",
        ),
        pytest.param(
            {"nodes__vote": {"enter_pin": "gone", "wrong": "lost", "next": "bye"}},
            "menus.line.nodes.vote: there is no prompt 'lost'",
            id="a wrong PIN that is not told of",
        ),
        pytest.param(
            {"nodes__vote": {"branch": "stage", "cases": {"OLD": "bye"}, "otherwise": "bye"}},
            "menus.line.nodes.vote: there is no stage 'OLD'",
            id="a stage nobody reaches",
        ),
        pytest.param(
            {"nodes__vote": {"set": "tracker", "value": "me", "next": "bye"}},
            "menus.line.nodes.vote: sets the field 'tracker', which only the call itself may",
            id="a menu that makes a tracker",
        ),
        pytest.param(
            {"nodes__vote": {"set": "judged", "value": "me", "next": "bye"}},
            "menus.line.nodes.vote: sets the field 'judged', which only the call itself may",
            id="a menu that makes a verdict",
        ),
        pytest.param(
            {"nodes__vote": {"recruit": "tracker", "next": "bye"}},
            "menus.line.nodes.vote.recruit: must be `influencer`, not 'tracker'",
            id="recruiting a tracker",
        ),
    ],
)
def test_each_fault_is_told_with_its_place(changes: dict[str, Any], reason: str) -> None:
    assert any(told.startswith(reason) for told in reasons(a_document(**changes))), reasons(
        a_document(**changes)
    )


def test_every_fault_is_told_at_once() -> None:
    document = a_document(
        nodes__ask__options__9="bye",
        prompts__welcome__hi="नमस्ते।",
        nodes__vote__vote="x",
        prompts__after__en=LONG,
    )

    assert len(reasons(document)) == 4


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        pytest.param(
            {"prompts__after__en": "Press 1 for the menu. To end, press 2."},
            "menus.line.nodes.after.en: announces 1 before what it is for",
            id="a key before its purpose",
        ),
        pytest.param(
            {"prompts__after__hi": "1 दबाएँ मेनू के लिए। समाप्त करने के लिए 2 दबाएँ।"},
            "menus.line.nodes.after.hi: announces 1 before what it is for",
            id="a key before its purpose in Hindi",
        ),
        pytest.param(
            {"prompts__language__hi": "2 दबाएँ हिंदी के लिए।"},
            "menus.line.nodes.language.hi: announces 2 before what it is for",
            id="a key before its language",
        ),
        pytest.param(
            {"prompts__after__hi": "मेनू के लिए 1 दबाएँ।"},
            "menus.line.nodes.after.hi: does not say what 2 is for",
            id="a choice nobody hears of",
        ),
        pytest.param(
            {"prompts__after__en": "For the menu, press 1. To end, press 2. For fun, press 3."},
            "menus.line.nodes.after.en: announces 3, which is no choice",
            id="a choice that is none",
        ),
        pytest.param(
            {"prompts__ask__hi": "एजेंडा के लिए 1 दबाएँ। शिकायत के लिए 2 दबाएँ। मतदान के लिए 3 दबाएँ।"},
            "menus.line.hi: never says that 9 opts out",
            id="no opt-out",
        ),
        pytest.param(
            {"prompts__spare": said("Spare.", "फालतू।")},
            "menus.line.prompts.spare: no node says it",
            id="an unused prompt",
        ),
        pytest.param(
            {"root__prompts__spare": said("Spare.", "फालतू।")},
            "prompts.spare: no menu says it",
            id="an unused shared prompt",
        ),
    ],
)
def test_each_warning_is_told_with_its_place(changes: dict[str, Any], warning: str) -> None:
    assert menu_lint.warnings(parsed(a_document(**changes))) == (warning,)


def test_a_language_we_know_too_little_of_is_published_with_a_warning() -> None:
    document = a_document()
    for name in list(document["menus"]["line"]["prompts"]):
        document["menus"]["line"]["prompts"][name]["te"] = "న్యాసం"
    for name in document["prompts"]:
        document["prompts"][name]["te"] = "న్యాసం"
    for named in (document["polls"]["first"]["question"], document["polls"]["first"]["options"]["wells"]):
        named["te"] = "బావులు"
    for key in ("name", "time", "place"):
        document["gatherings"]["rally"][key]["te"] = "ర్యాలీ"
    document["menus"]["line"]["nodes"]["language"]["options"]["3"] = "te"
    values = {"sponsor": {**VALUES["sponsor"], "te": "న్యాసం"}}

    voice = menu_documents.parse(document, (*LANGUAGES, "te"), "en", values)

    assert menu_lint.warnings(voice) == (
        "menus.line.te: we know too little of this language to check keys and recording notices: listen to it",
    )


# ── reading ──


def test_a_gathering_and_a_poll_are_read_in_indian_time() -> None:
    voice = parsed(a_document())

    assert voice.gatherings["rally"].starts_at == datetime(2026, 12, 6, 4, 30, tzinfo=UTC)
    assert voice.polls["first"].closes_at == datetime(2026, 12, 1, 14, 30, tzinfo=UTC)


def test_a_prompt_may_tell_of_a_gathering() -> None:
    document = a_document(
        prompts__agenda=said("Come to {rally_name} {rally_time}.", "{rally_name}, {rally_place}")
    )
    prompt = parsed(document).menus["line"].prompts["agenda"]

    assert {language: words.says for language, words in prompt.items()} == said(
        "Come to the rally at ten.", "रैली, पार्क"
    )


def test_a_prompt_may_be_a_sound_in_one_language() -> None:
    document = a_document(prompts__agenda__audio={"hi": {"url": "https://m.example/a.wav", "seconds": 12}})
    prompt = parsed(document).menus["line"].prompts["agenda"]

    assert prompt["hi"] == Sound("https://m.example/a.wav", 12, "हमें कुएँ चाहिए।")


@pytest.mark.parametrize(
    ("written", "node"),
    [
        ({"set": "interest", "value": "wells", "next": "bye"}, SetField("interest", "wells", "bye")),
        ({"opt_in": "whatsapp", "next": "bye"}, OptIn("whatsapp", "bye")),
        ({"opt_out": "all", "next": "bye"}, OptOut("bye")),
        ({"attend": "rally", "next": "bye"}, Rsvp("rally", True, "bye")),
        ({"decline": "rally", "next": "bye"}, Rsvp("rally", False, "bye")),
        ({"call_back": "help", "menu": "line", "next": "bye"}, RequestCallback("help", "bye", "line")),
        ({"transfer": "+918040001001", "next": "bye"}, Transfer("+918040001001", "bye")),
        ({"recruit": "influencer", "next": "bye"}, Recruit("bye")),
        (
            {"connect": "tracker", "reached": "bye", "missed": "bye", "none": "bye"},
            Connect(Party.TRACKER, "bye", "bye", "bye"),
        ),
        (
            {"enter_pin": "agenda", "wrong": "goodbye", "next": "bye", "timeout_seconds": 9},
            EnterPin("agenda", "goodbye", "bye", 9),
        ),
        (
            {"branch": "field", "field": "age", "cases": {"18": "bye"}, "otherwise": "bye"},
            Branch(Subject.FIELD, {"18": "bye"}, "bye", "age"),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_node_is_written_as_what_it_does(written: dict[str, Any], node: object) -> None:
    menu = parsed(a_document(nodes__vote=written)).menus["line"]

    assert menu.nodes["vote"] == node
    assert set(ways_on(menu.nodes["vote"]).values()) == {"bye"}


@pytest.mark.parametrize(
    ("opening", "written", "node"),
    [
        (_PIN, {"give_verdict": "not-genuine", "next": "bye"}, GiveVerdict("not-genuine", "bye")),
        (_PIN, {"give_reason": "other-party", "next": "bye"}, GiveReason("other-party", "bye")),
        (_PIN, {"duty": "begins", "next": "bye"}, Duty(True, "bye")),
        (_PIN, {"duty": "ends", "next": "bye"}, Duty(False, "bye")),
        (_VOTER, {"set_disposition": "do-not-call", "next": "bye"}, SetDisposition("do-not-call", "bye")),
    ],
)
def test_what_needs_a_pin_or_a_voter_may_follow_one(
    opening: dict[str, Any], written: dict[str, Any], node: object
) -> None:
    menu = parsed(a_document(nodes__vote=opening, nodes__said=written)).menus["line"]

    assert menu.nodes["said"] == node


def test_who_was_connected_to_a_tracker_has_met_no_voter() -> None:
    document = a_document(
        nodes__vote=_VOTER | {"connect": "tracker"}, nodes__said={"set_disposition": "for", "next": "bye"}
    )

    assert reasons(document) == (
        "menus.line.nodes.said: judges a voter, and can be reached without having been connected to one",
    )


def test_a_menu_knows_what_has_to_be_looked_up_for_it() -> None:
    by_role = {"branch": "role", "cases": {"tracker": "bye"}, "otherwise": "bye"}
    menu = parsed(a_document(nodes__vote=by_role)).menus["line"]

    assert (menu.looks_at(Subject.ROLE, Subject.STAGE), menu.looks_at(Subject.STAGE)) == (True, False)
    assert not menu.has_secrets
    assert parsed(a_document(nodes__vote=_PIN | {"next": "bye"})).menus["line"].has_secrets


def test_opting_out_of_less_than_all_is_refused() -> None:
    assert reasons(a_document(nodes__vote={"opt_out": "sms", "next": "bye"}))[0].startswith(
        "menus.line.nodes.vote.opt_out: must be `all`"
    )


def test_every_node_knows_how_far_from_the_start_it_is() -> None:
    menu = parsed(a_document()).menus["line"]

    assert menu.depths == {
        "welcome": 0,
        "language": 1,
        "ask": 2,
        **dict.fromkeys(("agenda", "complain", "vote"), 3),
        **dict.fromkeys(("after", "bye"), 4),
    }
    assert replace(menu, start="after").depths["after"] == 0


# ── languages ──


@pytest.mark.parametrize(
    ("language", "text", "keys"),
    [
        (
            "en",
            "For wells, press 1. For water press two, for pumps press 3.",
            {"1": True, "2": True, "3": True},
        ),
        ("en", "Press 1 for wells, press 2 for water.", {"1": False, "2": False}),
        ("en", "Please now press 1 for wells.", {"1": False}),
        ("en", "You can press 1 for the wells of your village.", {"1": False}),
        ("en", "On 6 December there are 3 wells.", {}),
        ("hi", "कुओं के लिए एक दबाएँ। पंप के लिए २ दबाएँ।", {"1": True, "2": True}),
        ("hi", "एक दबाइए कुओं के लिए।", {"1": False}),
        ("mr", "विहिरींसाठी 1 दाबा. 2 दाबा पाण्यासाठी.", {"1": True, "2": False}),
        ("ta", "குழாய் நீருக்கு 1-ஐ அழுத்தவும். ஒன்றை அழுத்தவும்.", {"1": False}),
        ("ta", "2-ஐ அழுத்தவும் குழாய் நீருக்கு.", {"2": False}),
        ("ur", "کنوؤں کے لیے 1 دبائیں۔ 2 دبائیں پانی کے لیے۔", {"1": True, "2": False}),
        ("te", "బావుల కోసం 1 నొక్కండి.", {}),
    ],
)
def test_keys_are_found_with_whether_their_purpose_comes_first(
    language: str, text: str, keys: dict[str, bool]
) -> None:
    assert announced(text, language) == keys


@pytest.mark.parametrize(
    ("language", "text", "tells"),
    [
        ("en", "This call is recorded.", True),
        ("en", "Speak after the beep.", False),
        ("hi", "आपकी बात रिकॉर्ड होगी।", True),
        ("mr", "तुमचे बोलणे रेकॉर्ड होईल.", True),
        ("ta", "உங்கள் செய்தி பதிவு செய்யப்படும்.", True),
        ("ur", "آپ کی بات ریکارڈ ہوگی۔", True),
        ("te", "రికార్డ్", False),
    ],
)
def test_a_recording_notice_is_recognised(language: str, text: str, tells: bool) -> None:
    assert tells_of_recording(text, language) is tells


def test_words_are_alike_however_they_were_written() -> None:
    assert spoken_words("Press-1, ＰＬＥＡＳＥ!\u200b") == ("press", "1", "please")


def test_a_word_within_another_is_not_that_word() -> None:
    assert understood("I know nothing", {"2": ("no",)}) is None


def test_a_telephone_number_takes_longer_than_its_letters() -> None:
    assert seconds("08040001009", "en") == pytest.approx(11 * 0.45)
    assert seconds("Call us.", "en") < seconds("Call 1950.", "en") < seconds("Call 08040001009.", "en")
