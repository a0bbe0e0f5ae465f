"""What a handset's call came to, by what was heard and done alone."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ringback.domain import campaigns as content
from ringback_cli.stories.ivr.reckoning import Outcome, reckon
from ringback_cli.stories.phones import Answered, Happening, WalkedCall
from ringback_cli.stories.stage import documents

WATER = next(each for each in map(content.parse, documents()) if each.id == "clean-water")
BEGAN = datetime(2026, 11, 22, 5, 30, tzinfo=UTC)
MAIN, MAIN_HINDI, POLL, GRIEVANCE = "+918040001021", "+918040001022", "+918040001024", "+918040001026"
LOST = "lost"
"""A telling that never reached us."""


def words(menu: str, prompt: str, language: str = "en") -> str:
    assert WATER.voice is not None
    return WATER.voice.menus[menu].prompts[prompt][language].says


def heard(menu: str, *prompts: str, language: str = "en") -> dict[str, Any]:
    return {"event": "heard", "text": " ".join(words(menu, prompt, language) for prompt in prompts)}


def pressed(keys: str, kept: str | None = None) -> dict[str, Any]:
    return {"event": "pressed", "keys": keys, "taken": True, **({} if kept is None else {"kept": kept})}


SILENT, RECORDED = {"event": "silent"}, {"event": "recorded", "seconds": 9.0, "ended_by": "silence"}
UNTAKEN = {"event": "pressed", "keys": "1", "taken": False}


def a_call(number: str, *happenings: dict[str, Any] | str) -> WalkedCall:
    """A call of which every `told` (and the first) is told at another second; `LOST` is told and lost."""
    log: list[Happening] = []
    answers: list[Sequence[Answered]] = []
    digits = None
    for nth, happening in enumerate(("told", *happenings)):
        at = BEGAN + timedelta(seconds=3 * nth)
        if isinstance(happening, str):
            log.append(Happening("told", at, {"digits": digits, "current_time": str(at)}))
            answers.append(() if happening == LOST else (Answered("{}"),))
        else:
            detail = {name: value for name, value in happening.items() if name != "event"}
            digits = detail.get("keys") if happening["event"] == "pressed" else digits
            log.append(Happening(str(happening["event"]), at, detail))
    return WalkedCall("call-1", "+919000000101", "09000000101", number, BEGAN, log, answers)


def outcome(number: str, *happenings: dict[str, Any] | str, **more: Any) -> Outcome:
    return reckon(a_call(number, *happenings), WATER, WATER.numbers[number].language, **more)


def offer(menu: str, own: str = "en") -> dict[str, Any]:
    others = (each for each in ("en", "hi", "mr", "ta", "ur") if each != own)
    text = " ".join((words(menu, "welcome", own), *(words(menu, "language", each) for each in others)))
    return {"event": "heard", "text": text}


ASK = heard("poll", "first-need")
CONSENT = heard("grievance", "consent", language="hi")
REVIEW = heard("grievance", "review", language="hi")


def test_a_vote_is_what_the_key_means_where_the_question_was_heard() -> None:
    told = outcome(POLL, offer("poll"), SILENT, "told", ASK, pressed("2"), "told")

    assert told.keys == ["", "", "2"]
    assert [(said.topic, said.answer) for said in told.said] == [("poll:first-need", "well-testing")]
    assert (told.complete, told.furthest, told.language, told.language_chosen) == (
        True,
        "goodbye",
        "en",
        True,
    )
    assert told.in_other_words == []


def test_a_key_that_never_reached_us_means_nothing() -> None:
    told = outcome(POLL, offer("poll"), SILENT, "told", ASK, pressed("2"), LOST)

    assert (told.keys, told.said, told.complete, told.furthest) == (["", ""], [], False, "ask")


def test_a_call_of_which_nothing_reached_us_never_was() -> None:
    call = a_call(POLL)
    told = reckon(WalkedCall("call-1", "", "", POLL, BEGAN, call.log, [()]), WATER, "en")

    assert (told.reached, told.keys) == (False, [])


@pytest.mark.parametrize(
    ("key", "keys", "said", "furthest"),
    [
        (pressed("7"), "7", [], "ask"),
        (pressed("77", kept="7"), "7", [], "ask"),
        (UNTAKEN, "", [], "ask"),
        (pressed("0"), "0", [], "ask"),
        (pressed("*"), "*", [], "ask"),
        (pressed("1"), "1", ["piped-water"], "goodbye"),
    ],
    ids=["wrong", "two at once", "too late", "repeat", "back", "right"],
)
def test_only_a_choice_leads_on(key: dict[str, Any], keys: str, said: list[str], furthest: str) -> None:
    told = outcome(POLL, ASK, key, "told", is_offered=False)

    assert (told.keys, [each.answer for each in told.said], told.furthest) == (["", keys], said, furthest)


def test_nine_is_an_opt_out_wherever_it_is_pressed() -> None:
    assert outcome(POLL, ASK, pressed("9"), "told", is_offered=False).opted_out_at
    assert outcome(POLL, offer("poll"), pressed("9"), "told").opted_out_at
    assert not outcome(POLL, ASK, pressed("9"), LOST, is_offered=False).opted_out_at


def test_who_goes_back_is_where_they_hear_themselves_to_be() -> None:
    """From the sign-up for SMS back to the choices, where 3 is the event; there 1 is a yes, and no longer a consent."""
    choose, updates = heard("main", "choose"), heard("main", "updates")
    event = heard("main", "training-day")
    told = outcome(
        *(MAIN, choose, pressed("4"), "told", updates, pressed("*"), "told", choose, pressed("3"), "told"),
        *(event, pressed("1"), "told"),
        is_offered=False,
    )

    assert [(said.topic, said.answer) for said in told.said] == [("gathering:training-day", "yes")]
    assert not told.opted_in_at


def test_an_agenda_is_over_with_the_next_telling_and_a_pledge_is_support() -> None:
    told = outcome(
        *(MAIN, heard("main", "choose"), pressed("1"), "told", heard("main", "agenda"), "told"),
        *(heard("main", "after-agenda"), pressed("1"), "told"),
        is_offered=False,
    )

    assert told.keys == ["", "1", "", "1"]
    assert [(said.topic, said.answer) for said in told.said] == [("issue:piped-water", "pledge")]


def test_a_telling_like_the_one_before_in_the_same_second_is_that_one_again() -> None:
    """A Greeting that could not be played takes no time; the keys are told again."""
    call = a_call(
        MAIN, heard("main", "choose"), pressed("1"), "told", "told", heard("main", "agenda"), "told"
    )
    at_once = {**call.log[3].detail, "digits": "1"}
    log = [*call.log[:4], Happening("told", call.log[4].at, at_once), *call.log[5:]]
    told = reckon(WalkedCall("call-1", "", "", MAIN, BEGAN, log, call.answers), WATER, "en", is_offered=False)

    assert told.keys == ["", "1", ""]
    assert told.furthest == "after-agenda"


@pytest.mark.parametrize(
    ("afterwards", "kept", "complete"),
    [
        ((), ["call-1.mp3"], False),
        ((REVIEW, SILENT, "told"), ["call-1.mp3"], True),
        ((REVIEW, pressed("1"), "told"), ["call-1.mp3"], True),
        ((REVIEW, pressed("1"), LOST), ["call-1.mp3"], False),
        ((REVIEW, pressed("5"), "told"), ["call-1.mp3"], False),
        ((REVIEW, pressed("9"), "told"), [], False),
        ((REVIEW, pressed("*"), "told"), [], False),
        ((REVIEW, pressed("2"), "told"), [], False),
        ((REVIEW, pressed("2"), "told", RECORDED, "told", REVIEW, pressed("1"), "told"), ["call-1.2_0.mp3"], True),
        ((REVIEW, pressed("2"), "told", RECORDED, LOST), [], False),
    ],
    ids=[
        "leaves", "silence keeps", "keeps", "keeps, and it is lost", "a wrong key", "opts out", "goes back",
        "again, and leaves", "again", "again, and it is lost",
    ],
)  # fmt: skip
def test_a_recording_is_kept_unless_it_is_taken_back(
    afterwards: tuple[dict[str, Any] | str, ...], kept: list[str], complete: bool
) -> None:
    told = outcome(
        *(GRIEVANCE, CONSENT, pressed("1"), "told", heard("grievance", "complaint", language="hi")),
        *(RECORDED, "told", *afterwards),
        is_offered=False,
    )

    assert (told.kept, told.complete) == (kept, complete)


def test_a_recording_that_nobody_told_us_of_is_not_kept() -> None:
    told = outcome(GRIEVANCE, CONSENT, pressed("1"), "told", RECORDED, LOST, is_offered=False)

    assert told.kept == []


def test_everything_heard_must_be_in_the_language_that_was_chosen() -> None:
    tamil = heard("poll", "first-need", language="ta")

    assert outcome(POLL, offer("poll"), pressed("4"), "told", tamil).in_other_words == []
    assert outcome(POLL, offer("poll"), pressed("4"), "told", ASK).in_other_words == [ASK["text"]]
    assert outcome(POLL, offer("poll"), pressed("4"), LOST, tamil).in_other_words == [tamil["text"]]


def test_who_was_offered_languages_before_must_not_be_offered_them_again() -> None:
    assert outcome(POLL, offer("poll"), is_offered=False).in_other_words
    assert not outcome(POLL, offer("poll")).in_other_words


def test_a_callers_own_recording_and_the_networks_excuse_are_in_no_language() -> None:
    played = {"event": "heard", "audio_url": "https://recordings.example/call-1.mp3"}
    sorry = {"event": "heard", "text": "Sorry, something is wrong on our side. Please call again later."}

    assert outcome(GRIEVANCE, played, sorry).in_other_words == []
