"""The verification of an influencer through the doors and the journal: two telephones walk the sample menus, `react` does the rest."""

import pytest

from ringback.domain.influencers import Stage
from ringback.domain.reviews import Review, State
from ringback.domain.trackers import LEASE
from ringback.domain.turns import ReasonGiven, Verdict
from ringback.services import reviews
from ringback.store import reviews as store
from ringback.store import trackers as tracker_store
from tests.deployment import CALLER, OTHER_CALLER, Deployment, Handset
from tests.integration.people import (
    ASHA,
    BINA,
    PIN,
    enrol,
    inform,
    known,
    open_review,
    ring_tracker_line,
    stage,
    stored,
    talk,
)

INFLUENCERS = "+918040001031"
TRACKERS = "+918040001033"


pytestmark = pytest.mark.usefixtures("tokens")


def rings(deployment: Deployment, phone: str, number: str, call_id: str) -> Handset:
    """A call up to the first thing that is not the choice of a language."""
    handset = deployment.begin(phone, number, call_id=call_id)
    handset.press("1")
    return handset


def hears_the_manifesto(deployment: Deployment, call_id: str = "call-a") -> None:
    handset = rings(deployment, CALLER, INFLUENCERS, call_id)
    handset.wait()
    deployment.react()


def tracker_says(deployment: Deployment, key: str, call_id: str = "call-t", pin: str = PIN) -> Handset:
    handset = rings(deployment, ASHA, TRACKERS, call_id)
    handset.do(digits=f'"{pin}"')
    handset.press(key)
    deployment.react()
    return handset


def test_the_first_call_informs_and_the_go_ahead_comes_from_the_trackers_telephone(
    deployment: Deployment,
) -> None:
    tracker = enrol(deployment)
    hears_the_manifesto(deployment)
    assert stage(deployment) is Stage.INFORMED
    assert known(deployment).because == "exotel:call-a/turn-3"
    review = talk(deployment, open_review(deployment, tracker, call="exotel:call-b"))

    tracker_says(deployment, "1")

    done = stored(review)
    assert (done.state, done.verdict_call) == (State.APPROVED, "exotel:call-t")
    assert stage(deployment) is Stage.APPROVED


def test_the_same_facts_again_change_nothing(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    hears_the_manifesto(deployment)
    talk(deployment, open_review(deployment, tracker, call="exotel:call-b"))
    tracker_says(deployment, "1")
    before = known(deployment)

    for order in (deployment.entries(), list(reversed(deployment.entries()))):
        assert deployment.reaction.react(order) == []

    assert known(deployment) == before


def test_who_hangs_up_before_the_end_of_the_manifesto_is_not_informed(deployment: Deployment) -> None:
    deployment.begin(CALLER, INFLUENCERS, call_id="call-a").press("1")
    deployment.react()

    assert stage(deployment) is Stage.NEW


def test_who_refuses_somebody_is_asked_why_and_the_reason_stands_with_the_review(
    deployment: Deployment,
) -> None:
    tracker = enrol(deployment)
    hears_the_manifesto(deployment)
    review = talk(deployment, open_review(deployment, tracker, call="exotel:call-b"))

    handset = tracker_says(deployment, "2")
    assert stage(deployment) is Stage.REJECTED
    assert stored(review).verdict_reason is None
    handset.press("1")
    deployment.react()

    assert (stored(review).verdict, stored(review).verdict_reason) == (Verdict.NOT_GENUINE, "other-party")
    assert (stored(review).call, stored(review).verdict_call) == ("exotel:call-b", "exotel:call-t")
    assert "noted" in handset.heard[-1]


@pytest.mark.parametrize("phone", [ASHA, CALLER], ids=["without a PIN", "not a tracker"])
def test_nobody_else_says_why_somebody_was_refused(deployment: Deployment, phone: str) -> None:
    tracker = enrol(deployment)
    hears_the_manifesto(deployment)
    review = talk(deployment, open_review(deployment, tracker, call="exotel:call-b"))
    tracker_says(deployment, "2")
    ring_tracker_line(deployment, phone, "exotel:call-f", pin=False)

    reason = ReasonGiven(review.id, "misled")

    assert not reviews.reason_given("clean-water", reason, "exotel:call-f")
    assert not reviews.reason_given("clean-water", reason, "exotel:nobodys")
    assert stored(review).verdict_reason is None


def test_the_reason_is_that_of_the_verdict_which_counts_whatever_is_told_first(
    deployment: Deployment,
) -> None:
    tracker, other = enrol(deployment), enrol(deployment, BINA)
    hears_the_manifesto(deployment)
    review = talk(deployment, open_review(deployment, tracker, call="exotel:call-b"))
    for phone, call in ((other.phone, "exotel:call-o"), (tracker.phone, "exotel:call-u")):
        ring_tracker_line(deployment, phone, call)

    assert not reviews.reason_given("clean-water", ReasonGiven(review.id, "misled"), "exotel:call-o")
    for _ in range(2):
        assert reviews.reason_given("clean-water", ReasonGiven(review.id, "misled"), "exotel:call-u")
    tracker_says(deployment, "2").press("1")
    assert stored(review).verdict_reason is None
    deployment.react()

    assert stored(review).verdict_reason == "other-party"
    before = stored(review)
    deployment.reaction.react(list(reversed(deployment.entries())))
    assert stored(review) == before


def test_with_a_wrong_pin_no_key_is_a_verdict(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    hears_the_manifesto(deployment)
    review = talk(deployment, open_review(deployment, tracker, call="exotel:call-b"))

    tracker_says(deployment, "1", pin="9026")

    assert stored(review).state is State.TALKED
    assert stored(review).refusals == ()


def test_a_tracker_who_is_not_sure_has_somebody_else_talk_to_them(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    hears_the_manifesto(deployment)
    talk(deployment, open_review(deployment, tracker, call="exotel:call-b"))

    tracker_says(deployment, "3")

    assert stage(deployment) is Stage.INFORMED
    assert known(deployment).promised_at is not None


def test_a_tracker_begins_and_ends_a_shift_by_key(deployment: Deployment) -> None:
    tracker = enrol(deployment, on_duty=False)
    for key, on in (("1", True), ("2", False)):
        tracker_says(deployment, key, call_id=f"call-{key}")
        found = tracker_store.load("clean-water", tracker.person)
        assert found is not None
        assert found.on_duty is on


def test_an_early_verdict_waits_for_the_news_of_the_talk(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    hears_the_manifesto(deployment)
    review = open_review(deployment, tracker, call="exotel:call-b")

    tracker_says(deployment, "1")
    assert stage(deployment) is Stage.IN_REVIEW
    talk(deployment, review)

    assert stage(deployment) is Stage.APPROVED
    assert [row.state for row in store.of_person(deployment.person())] == [State.APPROVED]
    assert reviews.sweep(deployment.runtime).expired == 0


# Whom a verdict is about


def owed(deployment: Deployment) -> tuple[Review, Review]:
    """A tracker talked to one influencer and then to another, and owes both a verdict."""
    tracker = enrol(deployment)
    talks = []
    for phone, call in ((CALLER, "exotel:call-b"), (OTHER_CALLER, "exotel:call-c")):
        inform(deployment, phone)
        talks.append(talk(deployment, open_review(deployment, tracker, phone, call)))
        deployment.clock.move(minutes=1)
    earlier, later = talks
    return earlier, later


def is_rung_about(deployment: Deployment, review: Review) -> Handset:
    """We ring the tracker for a verdict, and the PIN is given."""
    reviews.ask(deployment.runtime, review.id)
    deployment.place(deployment.to_dial())
    called = deployment.provider.called
    handset = deployment.pick_up(called[-1], f"out-{len(called)}")
    handset.press("1")
    handset.do(digits=f'"{PIN}"')
    return handset


def test_a_verdict_is_about_whom_the_tracker_was_rung_about(deployment: Deployment) -> None:
    earlier, later = owed(deployment)

    for review, key in ((earlier, "2"), (later, "1")):
        is_rung_about(deployment, review).press(key)
        deployment.react()

    assert (stage(deployment), stage(deployment, OTHER_CALLER)) == (Stage.REJECTED, Stage.APPROVED)


def test_who_was_rung_about_a_review_that_is_over_judges_no_other(deployment: Deployment) -> None:
    earlier, later = owed(deployment)
    reviews.ask(deployment.runtime, later.id)
    deployment.place(deployment.to_dial())
    reviews.withdraw(deployment.runtime, later.id, "a misunderstanding")
    handset = deployment.pick_up(deployment.provider.called[-1])
    handset.press("1")

    assert "No verdict of yours is awaited" in handset.do(digits=f'"{PIN}"')
    handset.press("2")
    deployment.react()

    assert stored(earlier).state is State.TALKED


def test_who_rings_the_team_line_judges_whom_they_talked_to_last(deployment: Deployment) -> None:
    earlier, later = owed(deployment)

    tracker_says(deployment, "2")

    assert stored(later).state is State.REJECTED
    assert stored(earlier).state is State.TALKED
    tracker_says(deployment, "1", call_id="call-u")
    assert stored(earlier).state is State.APPROVED


def test_a_review_that_a_tracker_took_over_in_the_same_call_is_the_last_talk(deployment: Deployment) -> None:
    """It was opened while they still talked to somebody else, for a colleague who did not answer. That they owe a verdict on the other talk
    is written by a reaction, and here it is late.
    """
    deployment.clock.move(minutes=1)
    colleague = enrol(deployment, "+919000000202")
    tracker = enrol(deployment)
    inform(deployment)
    first = open_review(deployment, tracker, CALLER, "exotel:call-b")
    inform(deployment, OTHER_CALLER)
    open_review(deployment, colleague, OTHER_CALLER, "exotel:call-c")
    deployment.clock.move(minutes=1)
    talk(deployment, first)
    tracker_store.owe_no_more("clean-water", tracker.person, first.id)
    taken = tracker_store.take(
        tracker, "exotel:call-c/2", deployment.clock.now(), deployment.clock.now() + LEASE
    )
    assert taken is not None
    tracker_store.owe("clean-water", tracker.person, first.id)
    second = open_review(deployment, tracker, OTHER_CALLER, "exotel:call-c", attempt=2)

    tracker_says(deployment, "2")
    assert stored(first).state is State.TALKED
    talk(deployment, second)

    assert stored(second).state is State.REJECTED
