"""A call in a menu between its turns: what is kept survives the table, old answers are found again, silence ends."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ringback.domain import conversations
from ringback.domain.conversations import Call, Saved
from ringback.domain.facts import TurnTaken
from ringback.domain.menus import PLAYBACK, Session, State, Turn, step
from ringback.domain.metrics import of_turn
from ringback.domain.nodes import Menu
from ringback.domain.turns import (
    Ask,
    Begin,
    Dial,
    Effect,
    KeyPressed,
    Keys,
    Knowledge,
    MenuEnded,
    Nothing,
    OptedIn,
    Party,
    Reach,
    Recording,
    Sound,
    Utterance,
    Words,
    read_ask,
    written,
)

NOW = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)
MENU = Menu("m", 1, "n", {}, {"hello": {"en": Words("Hello"), "hi": Words("नमस्ते")}}, ("en", "hi"), "en")


def a_call(*answers: Saved, state: State = State.TALKING) -> Call:
    session = Session(Knowledge(language="en"), "n", "n", state)
    fingerprints = tuple(f"f{answer.turn}" for answer in answers)
    return Call(
        "exotel:c", "clean-water", 1, "m", "+918040001021", None, None, session, NOW, NOW,
        len(answers), fingerprints, answers,
    )  # fmt: skip


def an_answer(turn: int, ask: Ask = Nothing()) -> Saved:  # noqa: B008 - frozen
    return Saved(turn, (("hello", "en"),), ask)


def a_turn(turn: int, *effects: Effect) -> TurnTaken:
    return TurnTaken("exotel:c", turn, "main", 2, "+918040001021", "09000000101", "n", "hi", effects, NOW)


@pytest.mark.parametrize(
    "ask",
    [
        Keys(8, words=("yes", "हाँ")),
        Keys(8, max_digits=6, finish_on="#", secret=True),
        Recording(30),
        Dial("+919000000101"),
        Reach(Party.VOTER),
        Nothing(),
        Nothing(end=False),
    ],
)
def test_a_question_survives_json(ask: Ask) -> None:
    assert ask == read_ask(json.loads(json.dumps(written(ask))))


def test_a_question_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no question 'riddle'"):
        read_ask({"is": "riddle"})


def test_an_answer_is_kept_by_the_names_of_its_prompts_and_said_again_word_for_word() -> None:
    playback = Utterance(PLAYBACK, Sound("https://r.example/1.wav", None, ""), "hi")
    turn = Turn(
        step(MENU, None, Begin()).session, (Utterance("hello", Words("नमस्ते"), "hi"), playback), Keys(8), ()
    )
    saved = conversations.saved(3, turn)

    assert saved.speak == (("hello", "hi"), (PLAYBACK, "hi", "https://r.example/1.wav"))
    assert saved == Saved.from_document(json.loads(json.dumps(saved.to_document())))
    assert saved.spoken(MENU) == turn.speak


def test_a_prompt_that_the_menu_does_not_have_is_left_out() -> None:
    assert Saved(1, (("hello", "ta"), ("bye", "en")), Nothing()).spoken(MENU) == ()


def test_a_request_that_came_before_gets_its_old_answer_or_the_last() -> None:
    first, second, third, fourth = (an_answer(n) for n in range(1, 5))
    call = replace(a_call(first, second, third, fourth), answers=(second, third, fourth))

    assert call.answer_to("f3") is third
    assert call.answer_to("f1") is fourth
    assert call.answer_to("new") is None


@pytest.mark.parametrize(
    ("call", "minutes", "is_quiet"),
    [
        (a_call(an_answer(1, Keys(8))), 5, False),
        (a_call(an_answer(1, Keys(8))), 6, True),
        (a_call(), 6, True),
        (a_call(an_answer(1, Dial("+919000000101"))), 69, False),
        (a_call(an_answer(1, Dial("+919000000101"))), 71, True),
        (a_call(an_answer(1, Reach(Party.VOTER))), 69, False),
        (a_call(an_answer(1, Keys(8)), state=State.ENDED), 600, False),
    ],
    ids=[
        "not yet",
        "gone",
        "nothing said yet",
        "talking to somebody",
        "talked too long",
        "talking to a voter",
        "ended already",
    ],
)
def test_a_call_without_turns_is_over_after_a_while(call: Call, minutes: int, is_quiet: bool) -> None:
    assert is_quiet == call.has_gone_quiet(NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    "turn",
    [a_turn(1), a_turn(4, KeyPressed("n", "1", True), OptedIn("sms"), MenuEnded(True, "n"))],
    ids=["nothing happened", "much happened"],
)
def test_a_turn_survives_the_journal(turn: TurnTaken) -> None:
    document = json.loads(json.dumps(turn.to_document()))

    assert turn == TurnTaken.from_document("exotel:c", document)
    assert (turn.name, turn.cause) == (f"turn-{turn.turn}", f"exotel:c/turn-{turn.turn}")


def test_a_turn_of_a_hidden_caller_survives_the_journal() -> None:
    hidden = replace(a_turn(1), caller=None)

    assert hidden == TurnTaken.from_document("exotel:c", hidden.to_document())


@pytest.mark.parametrize(
    ("turn", "counts"),
    [
        (a_turn(1), {"ivr": 1}),
        (a_turn(2, KeyPressed("n", "1", True)), {}),
        (a_turn(3, OptedIn("sms")), {"opted-in": 1}),
        (a_turn(4, MenuEnded(True, "bye")), {"ivr-complete": 1, "furthest main bye": 1}),
        (a_turn(1, MenuEnded(False, "n")), {"ivr": 1, "ivr-abandoned": 1, "furthest main n": 1}),
    ],
)
def test_a_turn_counts_its_call_once_and_how_far_it_came(turn: TurnTaken, counts: dict[str, int]) -> None:
    """F30."""
    assert counts == of_turn(turn)
