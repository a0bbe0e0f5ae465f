"""What `play patching` makes of telephones alone: which verdicts were keyed in, and who has a go-ahead by them."""

from datetime import UTC, datetime, timedelta

from ringback_cli.stories.patching import picture, reckoning
from ringback_cli.stories.patching.hearing import Hearing
from ringback_cli.stories.patching.reckoning import Judgement
from ringback_cli.stories.patching.telephones import Leg
from ringback_cli.stories.phones import Answered, Happening, WalkedCall

NOON = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
ANU, BALA, TARA, UMA = "+919000000101", "+919000010102", "+919000030201", "+919000030202"
TEAM = Hearing(
    [
        ("pin", "Your PIN, please."),
        ("wrong-pin", "That is not it."),
        ("verdict", "Are they genuine?"),
        ("shift", "Your shift?"),
        ("noted", "Thank you."),
        ("why", "Why?"),
    ]
)
PIN = "40717"


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def heard(text: str) -> Happening:
    return Happening("heard", NOON, {"text": text})


def pressed(keys: str, *, taken: bool = True) -> Happening:
    return Happening("pressed", NOON, {"keys": keys, "taken": taken, "kept": keys.rstrip("#")})


TOLD = Happening("told", NOON, {"digits": ""})
REACHED = (Answered("say"),)


def a_call(*log: Happening, answers: tuple[tuple[Answered, ...], ...]) -> WalkedCall:
    return WalkedCall("call-1", TARA, TARA, "+918040001033", NOON, log, answers)


def verdicts(*log: Happening, lost: int | None = None) -> list[bool]:
    answers = tuple(() if nth == lost else REACHED for nth in range(sum(each.what == "told" for each in log)))
    call = a_call(*log, answers=answers)
    found = reckoning.judgements([call], {TARA: PIN}, TEAM, {"call-1": at(5)})
    return [each.is_genuine for each in found]


ASKED_FOR_PIN = (TOLD, heard("Welcome. Your PIN, please."))
GAVE_PIN = (*ASKED_FOR_PIN, pressed(f"{PIN}#"), TOLD, heard("Are they genuine?"))


def test_a_verdict_is_the_key_at_the_question_after_the_pin() -> None:
    assert verdicts(*GAVE_PIN, pressed("1"), TOLD, heard("Your shift?"), pressed("3"), TOLD) == [True]
    assert verdicts(*GAVE_PIN, pressed("2"), TOLD) == [False]


def noted(*log: Happening) -> list[bool]:
    call = a_call(*log, answers=(REACHED,) * len(log))
    return [each.is_noted for each in reckoning.judgements([call], {TARA: PIN}, TEAM, {"call-1": at(5)})]


def test_a_verdict_counts_when_its_tracker_hears_so() -> None:
    given = (*GAVE_PIN, pressed("2"), TOLD)
    assert noted(*given, heard("Why?"), pressed("1"), TOLD, heard("Thank you. Your shift?")) == [True]
    assert noted(*given, heard("Thank you.")) == [True]
    assert noted(*given, heard("Thank you. Your shift?")) == [True]
    assert noted(*given, heard("Your shift?")) == [False]
    assert noted(*given) == [False]


def test_what_is_pressed_elsewhere_or_never_told_to_us_is_none() -> None:
    assert verdicts(*GAVE_PIN, pressed("1"), TOLD, lost=2) == []
    assert verdicts(*GAVE_PIN, pressed("1", taken=False), TOLD) == []
    assert verdicts(*GAVE_PIN, pressed("3"), TOLD, heard("Your shift?"), pressed("1"), TOLD) == []


def test_without_the_pin_nothing_is_a_verdict() -> None:
    wrong = (*ASKED_FOR_PIN, pressed("99999#"), TOLD, heard("That is not it. Your PIN, please."), TOLD)
    assert verdicts(*wrong, heard("Are they genuine?"), pressed("1"), TOLD) == []


def test_a_pin_given_at_the_second_try_is_as_good() -> None:
    wrong = (*ASKED_FOR_PIN, pressed("99999#"), TOLD, heard("That is not it. Your PIN, please."))
    assert verdicts(*wrong, pressed(f"{PIN}#"), TOLD, heard("Are they genuine?"), pressed("1"), TOLD) == [
        True
    ]


def a_talk(caller: str, callee: str, began: float, seconds: float = 40.0) -> Leg:
    return Leg("call-2", caller, callee, "", "", at(began), at(began), at(began + 4), "completed", seconds)


def a_judgement(began: float, *, genuine: bool, tracker: str = TARA) -> Judgement:
    return Judgement("call-3", tracker, genuine, at(began), at(began + 2))


def go_aheads(given: list[Judgement], *legs: Leg) -> list[str]:
    found = reckoning.findings(given, legs, (TARA, UMA), 10)
    return [each.influencer for each in found if each.judgement.is_genuine]


def test_a_go_ahead_is_for_the_last_talk_before_it() -> None:
    legs = (a_talk(ANU, TARA, 0), a_talk(BALA, TARA, 10))
    assert go_aheads([a_judgement(5, genuine=True), a_judgement(15, genuine=False)], *legs) == [ANU]
    assert go_aheads([a_judgement(5, genuine=False), a_judgement(15, genuine=True)], *legs) == [BALA]
    assert go_aheads([a_judgement(15, genuine=True), a_judgement(20, genuine=True)], *legs) == [BALA]


def test_no_talk_no_go_ahead() -> None:
    assert go_aheads([a_judgement(5, genuine=True)]) == []
    assert go_aheads([a_judgement(5, genuine=True)], a_talk(ANU, UMA, 0)) == []
    assert go_aheads([a_judgement(5, genuine=True)], a_talk(ANU, TARA, 20)) == []
    assert go_aheads([a_judgement(5, genuine=True)], a_talk(ANU, TARA, 0, seconds=3)) == []


def test_the_picture_has_the_limit_and_never_draws_above_it() -> None:
    legs = [a_talk(ANU, TARA, second) for second in range(20)]
    drawn = picture.svg(legs, [at(3)], 4, "a story")
    assert "4 slots" in drawn
    assert drawn.startswith("<svg")
    assert drawn.count("<polygon") == 2


def test_a_story_without_a_second_leg_has_a_picture_too() -> None:
    assert "Nobody was rung." in picture.svg([], [], 4, "a story")


def test_prompts_are_known_again_in_the_order_they_were_heard() -> None:
    assert TEAM.names(["Hello. Are they genuine? Your shift?", "Your PIN, please."]) == [
        "verdict",
        "shift",
        "pin",
    ]
