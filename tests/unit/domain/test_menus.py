"""What a caller's doing leads to in a menu (F21–F31), for some menus by example and for all of them by property."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.domain.influencers import Stage
from ringback.domain.menus import MOST_STEPS, PLAYBACK, Session, State, Turn, step
from ringback.domain.nodes import (
    Branch,
    ChooseLanguage,
    Connect,
    Duty,
    EnterPin,
    GiveReason,
    GiveVerdict,
    Menu,
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
)
from ringback.domain.turns import (
    AgendaHeard,
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
    Heard,
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
    Party,
    Pledged,
    Pressed,
    Reach,
    ReasonGiven,
    Recorded,
    Recording,
    Recruited,
    Rsvped,
    Silence,
    Spoken,
    VerdictGiven,
    Voted,
    read_effect,
    written,
)
from ringback.domain.voices import Voice
from ringback_cli import menus as catalog
from ringback_cli.walk import transcript
from tests.unit.domain.content import CATALOG
from tests.unit.domain.menu_content import a_menu, any_inputs, inputs, knowledges, valid_menus

KNOWN = Knowledge(language="en", language_offered=True)
SOUND = Recorded("https://r.example/1.wav", 12)
TRANSCRIPTS = sorted(Path(__file__).parent.glob("transcripts/*.yaml"))


def play(*doings: Input | str, menu: Menu | None = None, known: Knowledge = KNOWN) -> list[Turn]:
    """The turns of a call; a string is a key."""
    menu = menu or a_menu()
    turns = [step(menu, None, Begin(known))]
    for doing in doings:
        turns.append(step(menu, turns[-1].session, Pressed(doing) if isinstance(doing, str) else doing))
    return turns


def prompts(turn: Turn) -> list[str]:
    return [utterance.prompt for utterance in turn.speak]


def test_a_call_begins_with_who_speaks_and_the_first_question() -> None:
    (turn,) = play()

    assert prompts(turn) == ["welcome", "ask"]
    assert turn.ask == Keys(8, words=("agenda", "complaint", "a problem"))
    assert turn.session.node == "ask"


def test_a_key_goes_where_the_menu_says() -> None:
    turn = play("3")[-1]

    assert turn.effects == (KeyPressed("ask", "3", True), Voted("first", "wells"), MenuEnded(True, "bye"))
    assert (prompts(turn), turn.ask, turn.session.state) == (["goodbye"], Nothing(), State.ENDED)


@pytest.mark.parametrize(
    ("doing", "why"),
    [
        pytest.param(Pressed("7"), "invalid-key", id="a key that is no choice"),
        pytest.param(Pressed("11"), "invalid-key", id="two keys where one is asked for"),
        pytest.param(Silence(), "no-key", id="silence"),
        pytest.param(Pressed(""), "no-key", id="no key"),
        pytest.param(SOUND, "no-key", id="a recording nobody asked for"),
        pytest.param(Spoken("nonsense", 0.9), "invalid-key", id="a word that is no choice"),
        pytest.param(Spoken("agenda", 0.2), "invalid-key", id="a word half understood"),
    ],
)
def test_whatever_is_no_answer_is_asked_again_twice_and_then_ends_politely(doing: Input, why: str) -> None:
    _, first, second, third = play(doing, doing, doing)

    assert prompts(first) == prompts(second) == [why, "ask"]
    assert first.ask == Keys(8), "after a first try only keys will do"
    assert prompts(third) == ["give-up"]
    assert third.effects[-1] == MenuEnded(False, "ask")


def test_a_good_answer_forgets_the_tries() -> None:
    assert play("7", "7", "1", "1", "7")[-1].session.tries == 1


@pytest.mark.parametrize("words", ["Agenda!", "the agenda please", "1"])
def test_a_spoken_word_is_the_key_it_stands_for(words: str) -> None:
    turn = play(Spoken(words, 0.9))[-1]

    assert turn.effects == (KeyPressed("ask", "1", True, spoken=True),)
    assert turn.session.node == "agenda"


def test_words_of_two_keys_are_no_answer() -> None:
    assert prompts(play(Spoken("agenda or complaint", 0.9))[-1]) == ["invalid-key", "ask"]


# ── keys that mean the same everywhere ──


@pytest.mark.parametrize(
    "before", [(), ("1",), ("2",), ("2", SOUND)], ids=["gather", "agenda", "record", "review"]
)
def test_nine_opts_out_wherever_a_caller_is(before: tuple[Input | str, ...]) -> None:
    turn = play(*before, "9")[-1]

    assert OptedOut() in turn.effects
    assert not any(isinstance(effect, FeedbackRecorded) for effect in turn.effects)
    assert isinstance(turn.effects[-1], MenuEnded)
    assert (prompts(turn), turn.session.state) == (["opted-out"], State.ENDED)


def test_zero_repeats_the_question_and_counts_as_no_try() -> None:
    turn = play("7", "0")[-1]

    assert (prompts(turn), turn.session.tries) == (["ask"], 1)


def test_star_goes_back_to_the_question_before() -> None:
    assert play("2", "*")[-1].session.node == "ask"
    assert play("1", Heard(), "*")[-1].session.node == "ask"
    assert play("1", "*")[-1].effects == (KeyPressed("agenda", "*", True), AgendaHeard("agenda", False))


def test_star_at_the_first_question_asks_it_again() -> None:
    assert prompts(play("*", "*")[-1]) == ["ask"]


def test_a_question_come_back_to_forgets_what_came_after_it() -> None:
    assert play("1", Heard(), "1", "2")[-1].session.trail == ("ask",)


# ── languages ──


def test_languages_are_offered_each_in_itself_without_the_caller_s_own() -> None:
    (turn,) = play(known=Knowledge(language="en"))

    assert [(spoken.prompt, spoken.language) for spoken in turn.speak] == [
        ("welcome", "en"),
        ("language", "hi"),
    ]
    assert turn.ask == Keys(5)


@pytest.mark.parametrize(
    ("doing", "chosen"),
    [
        pytest.param(Pressed("2"), LanguageChosen("hi", True), id="a key chooses"),
        pytest.param(Silence(), LanguageChosen("en", False), id="silence keeps the guess"),
    ],
)
def test_a_language_is_chosen_once_and_spoken_from_then_on(doing: Input, chosen: LanguageChosen) -> None:
    turn = play(doing, known=Knowledge(language="en"))[-1]

    assert chosen in turn.effects
    assert turn.session.knowledge.language_offered
    assert {spoken.language for spoken in turn.speak} == {chosen.language}


def test_a_wrong_key_at_the_offer_is_asked_again() -> None:
    assert prompts(play("7", known=Knowledge(language="en"))[-1]) == ["invalid-key", "language"]


@pytest.mark.parametrize("language", ["te", ""])
def test_a_caller_of_no_language_of_ours_hears_the_default(language: str) -> None:
    (turn,) = play(known=Knowledge(language=language, language_offered=True))

    assert {spoken.language for spoken in turn.speak} == {"en"}


def test_a_prompt_nobody_has_is_not_said() -> None:
    (turn,) = play(menu=a_menu(welcome=Say("nothing", "language")))

    assert prompts(turn) == ["ask"]


# ── agendas ──


def test_an_agenda_is_heard_alone_so_that_we_know_how_far() -> None:
    _, playing, after = play("1", Heard())

    assert (prompts(playing), playing.ask) == (["agenda"], Nothing(end=False))
    assert (after.effects, prompts(after)) == ((AgendaHeard("agenda", True),), ["after"])


def test_a_key_cuts_an_agenda_short() -> None:
    turn = play("1", "1")[-1]

    assert turn.effects == (KeyPressed("agenda", "1", True), AgendaHeard("agenda", False))
    assert turn.session.node == "after"


def test_zero_plays_an_agenda_again() -> None:
    assert play("1", "0")[-1].ask == Nothing(end=False)


def test_hanging_up_cuts_an_agenda_short() -> None:
    assert play("1", HungUp())[-1].effects == (AgendaHeard("agenda", False), MenuEnded(False, "agenda"))


# ── recordings ──

KEPT = FeedbackRecorded("grievance", SOUND.url, "en", "wells", 12)


def test_a_recording_is_played_back_before_it_is_kept() -> None:
    _, asked, heard, kept = play("2", SOUND, "1")

    assert asked.ask == Recording(30)
    assert (prompts(heard), heard.ask, heard.effects) == ([PLAYBACK, "review"], Keys(8), ())
    assert KEPT in kept.effects
    assert kept.session.recording is None


@pytest.mark.parametrize(
    "doing", [Silence(), HungUp(), Heard()], ids=["silence", "hanging up", "the playback went to its end"]
)
def test_a_recording_is_kept_unless_the_caller_says_otherwise(doing: Input) -> None:
    assert KEPT in play("2", SOUND, doing)[-1].effects


def test_two_records_again() -> None:
    _, _, _, again, kept = play(
        "2", Recorded("https://r.example/0.wav", 3), "2", replace(SOUND, seconds=None)
    )[:5]

    assert (again.ask, again.effects) == (Recording(30), (KeyPressed("complain", "2", True),))
    assert prompts(kept) == [PLAYBACK, "review"]


def test_a_wrong_key_at_the_review_asks_again_and_loses_nothing() -> None:
    turns = play("2", SOUND, "5", "5", "5")

    assert prompts(turns[3]) == ["invalid-key", PLAYBACK, "review"]
    assert KEPT in turns[-1].effects


@pytest.mark.parametrize(
    ("doing", "why"),
    [
        pytest.param(Silence(), "no-key", id="silence"),
        pytest.param(Recorded("https://r.example/1.wav", 0), "no-key", id="an empty recording"),
        pytest.param(Recorded("", 4), "no-key", id="a recording without a place"),
        pytest.param(Pressed("5"), "invalid-key", id="a key"),
    ],
)
def test_nothing_recorded_is_asked_for_again(doing: Input, why: str) -> None:
    turn = play("2", doing)[-1]

    assert (prompts(turn), turn.ask) == ([why, "complain"], Recording(30))


def test_a_recording_without_review_is_kept_at_once() -> None:
    turn = play("2", SOUND, menu=a_menu(complain=Record("complain", "grievance", "bye")))[-1]

    assert turn.effects == (replace(KEPT, issue=None), MenuEnded(True, "bye"))


def test_a_recording_that_hanging_up_ended_is_kept_when_it_comes_and_once() -> None:
    *_, left, came, again = play("2", HungUp(), SOUND, SOUND)

    assert left.effects == (MenuEnded(False, "complain"),)
    assert (came.effects, came.speak, came.ask) == ((KEPT,), (), Nothing())
    assert again.effects == ()


def test_what_was_kept_when_the_caller_hung_up_is_not_kept_twice() -> None:
    assert play("2", SOUND, HungUp(), SOUND)[-1].effects == ()


# ── what a menu does on its way ──


@pytest.mark.parametrize(
    ("node", "effect"),
    [
        (SetField("interest", "wells", "bye"), FieldSet("interest", "wells")),
        (OptIn("sms", "bye"), OptedIn("sms")),
        (OptOut("bye"), OptedOut()),
        (Rsvp("rally", False, "bye"), Rsvped("rally", False)),
        (Pledge("wells", "bye"), Pledged("wells")),
        (RequestCallback("help", "bye"), CallbackRequested("help")),
        (SetDisposition("wrong-number", "bye"), DispositionGiven("wrong-number")),
        (Recruit("bye"), Recruited()),
        (Duty(False, "bye"), DutyChanged(False)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_node_leaves_its_fact(node: Any, effect: Effect) -> None:
    assert effect in play("3", menu=a_menu(vote=node))[-1].effects


def test_a_caller_is_connected_and_comes_back() -> None:
    menu = a_menu(vote=Transfer("+918040001001", "bye"))

    _, dialling, back = play("3", Heard(), menu=menu)

    assert dialling.ask == Dial("+918040001001")
    assert prompts(back) == ["goodbye"]


# ── connected to a second person ──

CONNECTING = a_menu(
    vote=Connect(Party.VOTER, "after", "bye", "why"),
    why=Branch(Subject.FIELD, {"slots": "complain"}, "agenda", "connected"),
)


@pytest.mark.parametrize(
    ("came_to", "node"),
    [
        pytest.param(Connected(True), "after", id="they talked"),
        pytest.param(Connected(False), "bye", id="nobody took the call"),
        pytest.param(
            Connected(False, "slots"), "complain", id="nobody was rung, for a reason the menu knows"
        ),
        pytest.param(Connected(False, "cap"), "agenda", id="nobody was rung, for another"),
        pytest.param(Heard(), "bye", id="nobody told us"),
        pytest.param(Silence(), "bye", id="nobody told us, in another way"),
    ],
)
def test_who_comes_back_from_being_connected_goes_on_by_what_came_of_it(came_to: Input, node: str) -> None:
    _, connecting, back = play("3", came_to, menu=CONNECTING)

    assert (connecting.ask, connecting.speak) == (Reach(Party.VOTER), ())
    assert back.session.node == node
    told = came_to if isinstance(came_to, Connected) else Connected(False)
    assert back.effects[0] == ConnectEnded("voter", told.talked, told.reason)


@pytest.mark.parametrize("key", ["9", "0", "*", "1", "12"])
def test_keys_mean_nothing_while_the_caller_is_connected(key: str) -> None:
    _, connecting, pressed, back = play("3", key, Connected(True), menu=CONNECTING)

    assert (pressed.ask, pressed.effects) == (connecting.ask, ())
    assert back.session.node == "after"


def test_hanging_up_while_connected_ends_the_call() -> None:
    assert play("3", HungUp(), menu=CONNECTING)[-1].effects == (MenuEnded(False, "vote"),)


def test_word_of_a_connection_that_nobody_asked_for_is_no_answer() -> None:
    assert prompts(play(Connected(True))[-1]) == ["no-key", "ask"]


# ── trackers ──

TRACKERS = a_menu(
    vote=EnterPin("complain", "goodbye", "judge"),
    judge=GiveVerdict("genuine", "again"),
    again=GiveVerdict("genuine", "after"),
)
WITH_REASON = a_menu(
    vote=EnterPin("complain", "goodbye", "judge"),
    judge=GiveVerdict("not-genuine", "again"),
    again=GiveReason("other-party", "after"),
)
KNOWN_TRACKER = Identified(True, {"tracker": "t", "review": "p-r001"})


def test_a_pin_is_asked_for_in_secret() -> None:
    assert play("3", menu=TRACKERS)[-1].ask == Keys(8, max_digits=6, finish_on="#", secret=True)


def test_a_verdict_is_about_the_review_that_waits_and_is_given_once() -> None:
    turn = play("3", KNOWN_TRACKER, menu=TRACKERS)[-1]

    assert turn.effects == (VerdictGiven("p-r001", "genuine"),)
    assert turn.session.knowledge.fields == {"tracker": "t", "judged": "p-r001"}


def test_without_a_review_that_waits_there_is_no_verdict_and_no_reason() -> None:
    assert play("3", Identified(True), menu=TRACKERS)[-1].effects == ()
    assert play("3", Identified(True), menu=WITH_REASON)[-1].effects == ()


def test_a_reason_is_of_the_verdict_that_was_given_in_the_call() -> None:
    effects = play("3", KNOWN_TRACKER, menu=WITH_REASON)[-1].effects

    assert effects == (VerdictGiven("p-r001", "not-genuine"), ReasonGiven("p-r001", "other-party"))


@pytest.mark.parametrize(
    "wrong",
    [Identified(False), Pressed("1234"), Pressed("5")],
    ids=["looked at", "not looked at", "half of it"],
)
def test_a_wrong_pin_is_asked_again_twice_and_then_ends_politely_and_is_noted_nowhere(wrong: Input) -> None:
    *_, first, second, third = play("3", wrong, wrong, wrong, menu=TRACKERS)

    assert prompts(first) == prompts(second) == ["goodbye", "complain"]
    assert (prompts(third), third.effects) == (["give-up"], (MenuEnded(False, "vote"),))
    assert (first.effects, second.effects) == ((), ())


def test_a_tracker_who_says_nothing_is_asked_again() -> None:
    assert prompts(play("3", Silence(), menu=TRACKERS)[-1]) == ["no-key", "complain"]


def test_nine_opts_out_where_a_pin_is_asked_for() -> None:
    assert OptedOut() in play("3", "9", menu=TRACKERS)[-1].effects


def test_a_branch_may_ask_whether_anything_is_known() -> None:
    menu = a_menu(welcome=Branch(Subject.FIELD, {"": "agenda"}, "after", "review"))

    assert play(menu=menu)[0].session.node == "agenda"
    assert play(menu=menu, known=replace(KNOWN, fields={"review": "p-r001"}))[0].session.node == "after"


NOON = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
"""In India."""


@pytest.mark.parametrize(
    ("on", "case", "known", "fits"),
    [
        (Subject.LANGUAGE, "hi", Knowledge("hi", True), True),
        (Subject.LANGUAGE, "hi", KNOWN, False),
        (Subject.ROLE, "tracker", replace(KNOWN, role="tracker"), True),
        (Subject.STAGE, "new", replace(KNOWN, stage="informed"), False),
        (Subject.PLACE, "eci:S13", replace(KNOWN, place="eci:S13/26/112"), True),
        (Subject.PLACE, "eci:S1", replace(KNOWN, place="eci:S13/26/112"), False),
        (Subject.PLACE, "eci:S1", KNOWN, False),
        (Subject.FIELD, "yes", replace(KNOWN, fields={"registered": "yes"}), True),
        (Subject.FIELD, "yes", KNOWN, False),
        (Subject.TIME, "10:00-12:00", replace(KNOWN, now=NOON), False),
        (Subject.TIME, "12:00-13:00", replace(KNOWN, now=NOON), True),
        (Subject.TIME, "21:00-13:00", replace(KNOWN, now=NOON), True),
        (Subject.TIME, "21:00-10:00", replace(KNOWN, now=NOON), False),
        (Subject.TIME, "12:00-13:00", KNOWN, False),
    ],
)
def test_a_branch_goes_by_what_we_know(on: Subject, case: str, known: Knowledge, fits: bool) -> None:
    branch = Branch(on, {case: "agenda"}, "after", "registered")

    (turn,) = play(menu=a_menu(welcome=branch), known=known)

    assert turn.session.node == ("agenda" if fits else "after")


def test_what_a_call_has_set_a_later_branch_knows() -> None:
    menu = a_menu(
        vote=SetField("registered", "yes", "branch"),
        branch=Branch(Subject.FIELD, {"yes": "agenda"}, "bye", "registered"),
    )

    assert play("3", menu=menu)[-1].session.node == "agenda"


# ── ends ──


@pytest.mark.parametrize(
    "ending", [HungUp(), Pressed("9"), Pressed("3")], ids=["hung up", "opted out", "finished"]
)
@pytest.mark.parametrize(
    "late", [Pressed("1"), HungUp(), Begin(), SOUND], ids=lambda doing: type(doing).__name__
)
def test_a_call_that_has_ended_stays_ended(ending: Input, late: Input) -> None:
    *_, ended, after = play(ending, late)

    assert after == Turn(ended.session, (), Nothing(), ())


def test_a_call_cannot_go_on_for_ever() -> None:
    turn = play(*["0"] * (MOST_STEPS + 1))[-1]

    assert (prompts(turn), turn.session.state) == (["give-up"], State.ENDED)


def test_asking_to_begin_in_the_middle_asks_the_question_again() -> None:
    turn = play("2", Begin(KNOWN))[-1]

    assert (turn.session.node, prompts(turn)) == ("complain", ["complain"])


def test_a_key_for_a_call_we_never_saw_begins_it() -> None:
    turn = step(a_menu(), None, Pressed("3"))

    assert (prompts(turn), turn.effects) == (["welcome", "language"], ())


def test_a_call_we_only_hear_the_end_of_ends() -> None:
    assert step(a_menu(), None, HungUp()).effects == (MenuEnded(False, "welcome"),)


def test_the_furthest_node_stays_the_furthest_when_the_caller_goes_back() -> None:
    assert play("1", Heard(), "1", HungUp())[-1].effects == (MenuEnded(False, "after"),)


@pytest.mark.parametrize(
    ("changed", "doing"),
    [
        pytest.param({"agenda": Say("agenda", "gone")}, "1", id="a node that leads nowhere"),
        pytest.param({"agenda": Say("a", "b"), "b": Say("a", "agenda")}, "1", id="a loop that never asks"),
    ],
)
def test_a_menu_that_should_not_have_been_published_ends_politely(
    changed: dict[str, Any], doing: str
) -> None:
    turn = play(doing, menu=a_menu(**{"agenda": changed.pop("agenda"), **changed}))[-1]

    assert (prompts(turn)[-1:], turn.session.state) == (["give-up"], State.ENDED)


@pytest.mark.parametrize("node", ["gone", "vote"], ids=["a node that is gone", "a node that asks nothing"])
@pytest.mark.parametrize("doing", [Pressed("1"), Begin()], ids=["a key", "begin"])
def test_a_call_of_another_menu_ends_politely(node: str, doing: Input) -> None:
    turn = step(a_menu(), Session(KNOWN, node, "welcome", recording=SOUND), doing)

    assert (prompts(turn), turn.effects) == (["give-up"], (MenuEnded(False, "welcome"),))


def test_an_effect_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="no effect 'key-eaten'"):
        read_effect({"is": "key-eaten"})


# ── every menu ──


@settings(max_examples=70)
@given(valid_menus(), knowledges, any_inputs)
def test_no_valid_menu_and_no_caller_can_break_a_step(
    menu: Menu, known: Knowledge, doings: list[Input]
) -> None:
    turn = step(menu, None, Begin(known))
    ends = 0
    for doing in doings:
        before = turn.session
        turn = step(menu, _through_json(before), doing)
        ends += sum(isinstance(effect, MenuEnded) for effect in turn.effects)

        _speaks_only_the_caller_s_languages(menu, before, turn)
        assert (turn.session.state is State.TALKING) == (turn.ask != Nothing(end=True))
        assert [read_effect(json.loads(json.dumps(written(effect)))) for effect in turn.effects] == list(
            turn.effects
        )
        if before.state is not State.TALKING:
            assert not turn.speak
    assert ends <= 1


@settings(max_examples=30)
@given(valid_menus(), knowledges, st.lists(inputs, min_size=MOST_STEPS + 1, max_size=MOST_STEPS + 1))
def test_every_call_in_every_valid_menu_comes_to_an_end(
    menu: Menu, known: Knowledge, doings: list[Input]
) -> None:
    turn = step(menu, None, Begin(known))
    for doing in doings:
        turn = step(menu, turn.session, doing)

    assert turn.session.state is State.ENDED


def _through_json(session: Session) -> Session:
    read = Session.from_document(json.loads(json.dumps(session.to_document())))
    assert replace(read, knowledge=session.knowledge) == session
    assert abs((read.knowledge.now or NOON) - (session.knowledge.now or NOON)).total_seconds() < 0.001
    return read


def _speaks_only_the_caller_s_languages(menu: Menu, before: Session, turn: Turn) -> None:
    """Each prompt in the best language of the caller's chain that it has; only an offer of languages speaks each of its own."""
    callers = {before.knowledge.language, turn.session.knowledge.language}
    node = menu.nodes[turn.session.node]
    offer = node.prompt if isinstance(node, ChooseLanguage) else None
    for spoken in turn.speak:
        assert (
            spoken.prompt == PLAYBACK
            or spoken.prompt == offer
            or any(spoken in menu.utterances(spoken.prompt, language) for language in callers)
        )


# ── the shipped menus ──


@cache
def shipped() -> Voice:
    return catalog.load(CATALOG / "menus", "clean-water")


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_the_shipped_menus_say_what_their_golden_transcripts_say(path: Path) -> None:
    """Written by `ringback walk --save`; a change of a menu changes them, and whoever changes it reads what callers will hear."""
    golden = yaml.safe_load(path.read_text(encoding="utf-8"))
    menu = shipped().menus[golden["menu"]]

    doings = [turn["did"] for turn in golden["turns"][1:]]
    walked = transcript(menu, golden["language"], doings, golden.get("stage"))

    assert walked == golden


def test_every_shipped_menu_has_a_golden_transcript_in_every_language() -> None:
    menus = shipped().menus.values()
    golden = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in TRANSCRIPTS]

    assert {(each["menu"], each["language"]) for each in golden} == {
        (menu.id, code) for menu in menus for code in menu.languages
    }
    assert all(
        path.stem.endswith(f"-{each['language']}") for path, each in zip(TRANSCRIPTS, golden, strict=True)
    )


def test_every_stage_of_an_influencer_has_a_golden_transcript() -> None:
    golden = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in TRANSCRIPTS]

    assert {each.get("stage") for each in golden if each["menu"] == "influencer"} == set(Stage)
