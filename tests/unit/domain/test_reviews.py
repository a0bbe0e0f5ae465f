"""A verdict counts for one review, one tracker and two calls; everything else is refused by its rule."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ringback.domain import reviews
from ringback.domain.conversations import Call
from ringback.domain.documents import Section
from ringback.domain.influencers import Influencer, Stage
from ringback.domain.menus import Session
from ringback.domain.reviews import (
    Awaited,
    Decision,
    Given,
    Kind,
    Lapse,
    Review,
    Rule,
    Rules,
    State,
    judge,
    meant,
)
from ringback.domain.trackers import Tracker
from ringback.domain.turns import Knowledge, Verdict
from ringback.workflows import LONGEST_NAME

NOW = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)
WHO, STAFF, OTHER = "a" * 26, "b" * 26, "c" * 26
RULES = Rules("influencer", "+918040001031", "manifesto", "tracker", "+918040001033", approvals_per_hour=2)
INFLUENCER = Influencer(
    WHO, "clean-water", "+919000000101", "hi", NOW, stage=Stage.IN_REVIEW, stage_at=NOW, review=1
)
TRACKER = Tracker("clean-water", STAFF, "+919000000201", "Asha", pin="", on_duty=True)
REVIEW = Review(
    person=WHO,
    n="r001",
    campaign="clean-water",
    kind=Kind.VERIFICATION,
    opened_at=NOW,
    expires_at=NOW + timedelta(minutes=30),
    state=State.ASKED,
    tracker=STAFF,
    call="exotel:call-1",
    attempt=1,
    talked_at=NOW,
    talked_seconds=60,
    asked=(STAFF,),
)


def call(person: str | None = STAFF, name: str = "exotel:call-2", pin_of: str = STAFF, **more: Any) -> Call:
    """A call on the tracker line in which a PIN was given."""
    session = Session(Knowledge(fields={"tracker": pin_of} if pin_of else {}), "node", "node")
    plain = Call(name, "clean-water", 1, "tracker", "+918040001033", None, person, session, NOW, NOW)
    return replace(plain, **more)


def given(verdict: Verdict = Verdict.GENUINE, at: datetime = NOW, told: Call | None = None) -> Given:
    return Given(verdict, told or call(), "exotel:call-2/turn-4", at)


def judged(**changes: Any) -> Decision | Rule:
    parts: dict[str, Any] = {
        "review": REVIEW,
        "influencer": INFLUENCER,
        "tracker": TRACKER,
        "given": given(),
        "rules": RULES,
    } | changes
    return judge(**parts)


@pytest.mark.parametrize(
    ("verdict", "decision"),
    [
        (Verdict.GENUINE, Decision.APPROVE),
        (Verdict.NOT_GENUINE, Decision.REJECT),
        (Verdict.UNSURE, Decision.ASK_ANOTHER),
    ],
)
@pytest.mark.parametrize("state", [State.TALKED, State.ASKED])
def test_the_tracker_who_talked_decides_asked_or_not(
    verdict: Verdict, decision: Decision, state: State
) -> None:
    assert judged(review=replace(REVIEW, state=state), given=given(verdict)) is decision


@pytest.mark.parametrize("verdict", Verdict)
def test_a_verdict_before_the_news_of_the_talk_waits(verdict: Verdict) -> None:
    assert judged(review=replace(REVIEW, state=State.OPEN), given=given(verdict)) is Decision.WAIT


def test_of_two_verdicts_that_come_before_the_talk_is_told_the_first_waits() -> None:
    first = given(Verdict.GENUINE)
    waiting = replace(REVIEW, state=State.OPEN, verdict=first.verdict, verdict_cause=first.cause)

    assert judged(review=waiting, given=first) is Decision.WAIT
    assert judged(review=waiting, given=replace(first, cause="exotel:another/turn-4")) is Rule.MOVED_ON


REFUSED: dict[str, tuple[Rule, dict[str, Any]]] = {
    "from somebody who is no tracker": (Rule.NOT_ENROLLED, {"tracker": None}),
    "from another campaign's tracker": (
        Rule.NOT_ENROLLED,
        {"tracker": replace(TRACKER, campaign="library-hours")},
    ),
    "in another campaign's call": (Rule.NOT_ENROLLED, {"given": given(told=call(campaign="library-hours"))}),
    "about themselves": (
        Rule.SELF_APPROVAL,
        {"tracker": replace(TRACKER, person=WHO), "given": given(told=call(WHO, pin_of=WHO))},
    ),
    "about their own number": (Rule.SELF_APPROVAL, {"tracker": replace(TRACKER, phone=INFLUENCER.phone)}),
    "without a PIN in the call": (Rule.NOT_IDENTIFIED, {"given": given(told=call(pin_of=""))}),
    "with a colleague's PIN": (Rule.NOT_IDENTIFIED, {"given": given(told=call(pin_of=OTHER))}),
    "in a colleague's call": (Rule.NOT_IDENTIFIED, {"given": given(told=call(OTHER))}),
    "when a colleague talked": (Rule.NOT_THEIRS, {"review": replace(REVIEW, tracker=OTHER)}),
    "when an operator decides": (Rule.NOT_THEIRS, {"review": replace(REVIEW, tracker=None)}),
    "in the influencer's own call": (Rule.SAME_CALL, {"given": given(told=call(name="exotel:call-1"))}),
    "after another verdict": (
        Rule.MOVED_ON,
        {"review": replace(REVIEW, state=State.REJECTED, verdict_cause="exotel:call-9/turn-4")},
    ),
    "after it expired": (Rule.MOVED_ON, {"review": replace(REVIEW, state=State.EXPIRED)}),
    "after it was withdrawn": (Rule.MOVED_ON, {"review": replace(REVIEW, state=State.WITHDRAWN)}),
    "in the influencer's next review": (Rule.MOVED_ON, {"influencer": replace(INFLUENCER, review=2)}),
    "after the influencer was revoked": (
        Rule.MOVED_ON,
        {"influencer": replace(INFLUENCER, stage=Stage.REVOKED)},
    ),
    "when its time is over": (Rule.TOO_LATE, {"given": given(at=REVIEW.expires_at)}),
    "after a talk of seconds": (Rule.NO_TALK, {"review": replace(REVIEW, talked_seconds=19)}),
    "as the third of an hour": (
        Rule.TOO_MANY,
        {"tracker": replace(TRACKER, hour="2026-03-02T05", approvals=2)},
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_go_ahead_is_refused(case: str) -> None:
    rule, changes = REFUSED[case]

    assert judged(**changes) is rule


def test_the_count_of_an_hour_starts_anew_with_the_next_and_late_news_widens_nothing() -> None:
    busy = replace(TRACKER, hour="2026-03-02T05", approvals=2)
    full = replace(TRACKER, hour="2026-03-02T06", approvals=2)

    assert judged(
        tracker=busy,
        review=replace(REVIEW, expires_at=NOW + timedelta(hours=2)),
        given=given(at=NOW + timedelta(hours=1)),
    ) is (Decision.APPROVE)
    assert judged(tracker=full) is Rule.TOO_MANY


def test_a_rejection_needs_no_long_talk_and_is_not_counted_by_the_hour() -> None:
    busy = replace(TRACKER, hour="2026-03-02T05", approvals=2)
    short = replace(REVIEW, talked_seconds=1)

    assert judged(tracker=busy, review=short, given=given(Verdict.NOT_GENUINE)) is Decision.REJECT


def test_the_same_turn_told_again_is_a_repeat_whatever_has_become_of_everybody_since() -> None:
    decided = replace(REVIEW, state=State.APPROVED, verdict_cause="exotel:call-2/turn-4")

    assert judged(review=decided) is Decision.REPEATED
    assert judged(review=decided, influencer=replace(INFLUENCER, stage=Stage.REVOKED)) is Decision.REPEATED
    assert judged(review=decided, tracker=None) is Decision.REPEATED


def test_a_mystery_review_asks_for_no_stage_and_still_for_the_tracker() -> None:
    mystery = replace(REVIEW, n="m-0123456789abcdef", kind=Kind.MYSTERY)
    approved = replace(INFLUENCER, stage=Stage.APPROVED)

    assert judged(review=mystery, influencer=approved, given=given(Verdict.NOT_GENUINE)) is Decision.REJECT
    assert judged(review=mystery, influencer=approved) is Decision.APPROVE
    assert judged(review=replace(mystery, tracker=OTHER), influencer=approved) is Rule.NOT_THEIRS


@pytest.mark.parametrize("state", State)
def test_a_review_only_moves_forward(state: State) -> None:
    later = {after for after in State if reviews.may_follow(state, after)}

    assert state not in later
    assert State.OPEN not in later
    assert not (later and state in (State.EXPIRED, State.WITHDRAWN))
    assert all(state in reviews.predecessors(after) for after in later)


def test_the_machine_hears_of_the_end_once_it_has_come() -> None:
    assert [state for state in State if not Awaited.END.has_come(state)] == [State.OPEN]
    assert [state for state in State if not Awaited.VERDICT.has_come(state)] == [
        State.OPEN,
        State.TALKED,
        State.ASKED,
    ]


def test_other_trackers_are_asked_so_many_times_and_never_one_who_was_asked() -> None:
    rules = replace(RULES, ask_again=1)
    first = replace(REVIEW, state=State.EXPIRED, reason=Lapse.NO_VERDICT)
    second = replace(first, asked=(STAFF, OTHER))

    assert reviews.asks_another(first, rules)
    assert reviews.asked_before(first, rules) == (STAFF,)
    assert not reviews.asks_another(second, rules)
    assert reviews.asked_before(second, rules) == ()
    assert not reviews.asks_another(replace(first, reason=Lapse.NOBODY_TALKED), rules)
    assert reviews.asked_before(None, rules) == ()


def test_an_id_names_person_and_number_and_fits_an_execution() -> None:
    for n in ("r001", "r1000", reviews.mystery_number("exotel:call-1/1")):
        review = replace(REVIEW, n=n)
        assert reviews.split_id(review.id) == (WHO, n)
        assert len(review.id) <= LONGEST_NAME
    assert reviews.has_machine(f"{WHO}-r001")
    assert not reviews.has_machine(f"{WHO}-{reviews.mystery_number('x')}")


@pytest.mark.parametrize("text", ["", WHO, f"{WHO}-r01", f"{WHO}-x001", f"{WHO}-r001\n", f"+91{WHO}-r001"])
def test_what_is_no_id_is_told_so(text: str) -> None:
    with pytest.raises(ValueError, match="not a review"):
        reviews.split_id(text)


def test_the_section_reads_with_its_defaults() -> None:
    problems: list[str] = []
    section = Section(
        {
            "menu": "influencer",
            "number": "+918040001031",
            "manifesto": "manifesto",
            "tracker_menu": "tracker",
            "tracker_number": "+918040001033",
            "pin": {"most_wrong": 3},
        },
        "reviews",
        problems,
    )

    rules = reviews.read_rules(section)
    section.close()

    assert problems == []
    assert (rules.answer_within, rules.ask_again, rules.pin.most_wrong) == (timedelta(minutes=30), 2, 3)


# Which review is meant


MYSTERY = replace(
    REVIEW, person=OTHER, n=reviews.mystery_number("exotel:call-0/1"), kind=Kind.MYSTERY, call="exotel:call-0"
)


def test_who_is_rung_about_an_influencer_does_not_judge_whom_they_were_rung_by_as_a_voter() -> None:
    owed = [MYSTERY, replace(REVIEW, opened_at=NOW - timedelta(hours=1))]

    for order in (owed, owed[::-1]):
        assert meant(order, TRACKER, REVIEW.id) == owed[1]
        assert meant(order, TRACKER, MYSTERY.id) == MYSTERY


@pytest.mark.parametrize("change", [{"state": State.EXPIRED}, {"tracker": OTHER}])
def test_who_is_rung_about_a_review_that_is_no_longer_theirs_judges_nobody(change: dict[str, Any]) -> None:
    assert meant([MYSTERY, replace(REVIEW, **change)], TRACKER, REVIEW.id) is None


def test_who_rings_us_means_the_talk_they_were_last_taken_for_or_else_the_last() -> None:
    later = replace(MYSTERY, talked_at=NOW + timedelta(minutes=5))

    assert meant([REVIEW, later], TRACKER, None) == later
    assert meant([REVIEW, later], replace(TRACKER, busy_call="exotel:call-1/1"), None) == REVIEW
    assert meant([], TRACKER, None) is None
