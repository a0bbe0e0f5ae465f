"""Which answers count, how they are tallied, and what people at a gathering are told: F67–F76, X8."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain import answers
from ringback.domain.answers import (
    LONGEST_HISTORY,
    NO,
    YES,
    Kind,
    Period,
    Record,
    Said,
    Seat,
    SeatKind,
    Tally,
    Timing,
    Topic,
    Turnout,
)
from ringback.domain.gatherings import Gathering, GatheringTexts
from ringback.domain.policy import Occasion
from ringback.domain.polls import Poll

OPENS = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
CLOSES = datetime(2026, 3, 8, 20, 0, tzinfo=UTC)
PERIOD = Period(OPENS, CLOSES)
MINUTE = timedelta(minutes=1)
TEXTS = GatheringTexts("confirmed", "waiting", "moved-up", "reminder")
STARTS = datetime(2026, 3, 15, 4, 30, tzinfo=UTC)
GATHERING = Gathering(
    "training", {}, {}, {}, STARTS, capacity=2, texts=TEXTS, remind_before=timedelta(hours=20)
)
PLACE = Seat(SeatKind.PLACE, OPENS)
WAITING = Seat(SeatKind.WAITING, OPENS)


def said(answer: str, minutes: float, cause: str = "call") -> Said:
    """An answer so many minutes after the opening."""
    return Said(OPENS + minutes * MINUTE, cause, answer)


def a_record(*all_said: Said, person: str = "p", **more: object) -> Record:
    return replace(Record(person, tuple(sorted(all_said))), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("at", "timing"),
    [
        pytest.param(OPENS - timedelta(microseconds=1), Timing.EARLY, id="just before the opening"),
        pytest.param(OPENS, Timing.IN_TIME, id="at the opening"),
        pytest.param(CLOSES - timedelta(microseconds=1), Timing.IN_TIME, id="just before the close"),
        pytest.param(CLOSES, Timing.LATE, id="at the close"),
    ],
)
def test_answers_count_from_the_opening_on_and_up_to_the_close(at: datetime, timing: Timing) -> None:
    assert timing == PERIOD.timing(at)


def test_without_a_close_no_answer_is_late() -> None:
    assert answers.ALWAYS.timing(datetime(2100, 1, 1, tzinfo=UTC)) == Timing.IN_TIME


def test_a_poll_counts_in_its_time_and_a_gathering_until_it_begins() -> None:
    assert answers.of_poll(Poll("first", {}, {}, OPENS, CLOSES)) == PERIOD
    assert answers.of_gathering(GATHERING).timing(STARTS) == Timing.LATE
    assert answers.of_gathering(GATHERING).timing(STARTS - MINUTE) == Timing.IN_TIME


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        pytest.param((), None, id="nothing said"),
        pytest.param((said("a", 1),), "a", id="one answer"),
        pytest.param((said("a", 1), said("b", 2)), "b", id="the last one"),
        pytest.param((said("a", 1, "call-1"), said("b", 1, "call-2")), "b", id="one moment: the later cause"),
        pytest.param((said("a", 1), said("b", -1)), "a", id="an early one is no answer"),
        pytest.param((said("a", 1), said("b", 60 * 24 * 30)), "a", id="a late one undoes nothing"),
        pytest.param((said("b", -1),), None, id="early only"),
    ],
)
def test_the_last_answer_given_in_time_counts(given: tuple[Said, ...], counts: str | None) -> None:
    answer = answers.counted(a_record(*given), PERIOD)

    assert counts == (answer.answer if answer else None)


def test_a_tally_shows_raw_unique_verified_repeated_early_and_late_apart() -> None:
    records = [
        a_record(said("a", 1), said("b", 2), said("b", 3), person="changed"),
        a_record(said("a", 1), person="verified"),
        a_record(said("b", -5), person="early"),
        a_record(said("b", -5), said("a", 60 * 24 * 30), said("a", 60 * 24 * 31), person="late"),
        a_record(person="attended only"),
    ]

    assert Tally(
        raw=4,
        unique=2,
        verified=1,
        repeated=1,
        early=2,
        late=2,
        people=Counter(a=1, b=1),
        given=Counter(a=2, b=2),
    ) == answers.tally(records, PERIOD, {"verified", "early"})


def test_answers_are_told_apart_by_indian_day() -> None:
    """19:00 in London is half past midnight in Delhi."""
    records = [
        a_record(said("a", 0), said("b", 11 * 60), person="p"),
        a_record(said("b", 1), said("b", -1), person="q"),
    ]

    assert answers.by_day(records, PERIOD) == {
        date(2026, 3, 1): Counter(a=1, b=1),
        date(2026, 3, 2): Counter(b=1),
    }


def test_answers_no_longer_at_hand_are_still_counted_as_given() -> None:
    tallied = answers.tally([a_record(said("a", 1), forgotten=60)], PERIOD)

    assert (tallied.raw, tallied.unique, tallied.repeated) == (61, 1, 1)


ANSWERS = st.lists(
    st.tuples(
        st.sampled_from("pqr"), st.sampled_from("ab"), st.integers(-2, 60 * 24 * 9), st.sampled_from("xyz")
    ),
    max_size=12,
)


@given(ANSWERS, st.randoms(use_true_random=False))
def test_any_order_and_any_repeat_of_answers_gives_the_same_tally(
    given: list[tuple[str, str, int, str]], random: Random
) -> None:
    def tallied(told: list[tuple[str, str, int, str]]) -> Tally:
        kept: dict[str, dict[tuple[datetime, str], Said]] = {}
        for person, option, minutes, cause in told:
            one = said(option, minutes, f"{cause}{option}")
            kept.setdefault(person, {})[one.at, one.cause] = one
        return answers.tally(
            [a_record(*all_said.values(), person=who) for who, all_said in kept.items()], PERIOD
        )

    again = given * 2
    random.shuffle(again)

    assert tallied(given) == tallied(again)


@given(ANSWERS)
def test_everything_said_stands_in_exactly_one_column(given: list[tuple[str, str, int, str]]) -> None:
    records = [
        a_record(said(option, minutes), person=str(n)) for n, (_, option, minutes, _) in enumerate(given)
    ]
    tallied = answers.tally(records, PERIOD)

    assert len(given) == tallied.raw + tallied.early + tallied.late
    assert tallied.unique == tallied.people.total() <= tallied.raw


def test_a_history_is_bounded_and_never_loses_the_answer_that_counts() -> None:
    counts = said("a", 1)
    late = [said("b", 60 * 24 * 30 + n) for n in range(LONGEST_HISTORY + 5)]
    record = a_record(counts, *late)
    superfluous = answers.superfluous(record, PERIOD)

    assert tuple(late[:6]) == superfluous
    assert counts == answers.counted(replace(record, said=tuple(set(record.said) - set(superfluous))), PERIOD)


def test_a_short_history_is_kept_whole() -> None:
    assert answers.superfluous(a_record(*(said("a", n) for n in range(LONGEST_HISTORY))), PERIOD) == ()


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("poll:first-need", Topic(Kind.POLL, "first-need")),
        ("gathering:training", Topic(Kind.GATHERING, "training")),
        ("exotel:0b2f", None),
        ("gathering:", None),
        ("opt-out", None),
    ],
)
def test_a_topic_is_read_as_it_is_written(text: str, topic: Topic | None) -> None:
    assert topic == answers.read_topic(text)
    assert topic is None or text == str(topic)


# ── gatherings ──


@pytest.mark.parametrize(
    ("given", "is_coming"),
    [
        pytest.param((), False, id="no reply"),
        pytest.param((said(YES, 1),), True, id="yes"),
        pytest.param((said(YES, 1), said(NO, 2)), False, id="no after all"),
        pytest.param((said(NO, 1), said(YES, 2)), True, id="yes after all"),
        pytest.param((said(YES, 60 * 24 * 30),), False, id="yes when it is over"),
    ],
)
def test_who_said_yes_last_is_coming(given: tuple[Said, ...], is_coming: bool) -> None:
    assert is_coming == answers.is_coming(a_record(*given), GATHERING)


def test_a_turnout_counts_replies_places_and_those_who_came() -> None:
    came = STARTS + MINUTE
    records = [
        a_record(said(YES, 1), person="in", seat=PLACE, attended_at=came),
        a_record(said(YES, 1), person="in, stayed away", seat=PLACE),
        a_record(said(YES, 1), person="waiting", seat=WAITING),
        a_record(said(NO, 1), person="no"),
        a_record(person="walked in", attended_at=came),
    ]
    asked = {"in", "waiting", "no", "walked in", "silent"}

    assert Turnout(
        yes=3, no=1, no_reply=2, places=2, waiting=1, attended=2, attended_with_place=1
    ) == answers.turnout(records, GATHERING, asked)


LATE_SEAT = Seat(SeatKind.PLACE, GATHERING.remind_at)


@pytest.mark.parametrize(
    ("seat", "texts"),
    [
        pytest.param(None, (), id="nothing held"),
        pytest.param(PLACE, ("confirmed", "reminder"), id="a place"),
        pytest.param(WAITING, ("waiting",), id="waiting"),
        pytest.param(replace(PLACE, from_waiting=True), ("moved-up", "reminder"), id="moved up"),
        pytest.param(LATE_SEAT, ("confirmed",), id="told so late that a reminder says nothing new"),
    ],
)
def test_people_are_told_what_they_hold(seat: Seat | None, texts: tuple[str, ...]) -> None:
    assert texts == answers.texts_owed(GATHERING, seat)
    assert answers.texts_owed(replace(GATHERING, texts=None), seat) == ()


@pytest.mark.parametrize(
    ("gathering", "seat", "text", "occasion"),
    [
        pytest.param(GATHERING, PLACE, "confirmed", Occasion(OPENS, STARTS), id="a confirmation, at once"),
        pytest.param(
            GATHERING,
            PLACE,
            "reminder",
            Occasion(GATHERING.remind_at, STARTS, not_before=GATHERING.remind_at),
            id="a reminder, not before its time",
        ),
        pytest.param(
            GATHERING,
            replace(PLACE, at=OPENS + 9 * MINUTE),
            "confirmed",
            Occasion(OPENS + 9 * MINUTE, STARTS),
            id="yes, no, and yes again: as old as the last",
        ),
        pytest.param(
            GATHERING, None, "confirmed", Occasion(STARTS, STARTS, is_true=False), id="no after all"
        ),
        pytest.param(
            GATHERING, WAITING, "reminder", Occasion(STARTS, STARTS, is_true=False), id="no place any more"
        ),
        pytest.param(None, PLACE, "confirmed", Occasion(OPENS, OPENS), id="no longer planned"),
    ],
)
def test_what_is_said_of_a_gathering_is_bound_to_it(
    gathering: Gathering | None, seat: Seat | None, text: str, occasion: Occasion
) -> None:
    assert occasion == answers.occasion(gathering, seat, text, OPENS)


def test_the_texts_of_a_gathering_are_known_by_name() -> None:
    assert {"confirmed", "waiting", "moved-up", "reminder"} == TEXTS.all
