"""Trackers behind a Connect question: to judge an influencer, or in a voter's stead."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ringback.domain.influencers import Stage
from ringback.domain.patches import Kind, Reason
from ringback.domain.pools import PoolState
from ringback.domain.reviews import Decision
from ringback.domain.times import INDIA
from ringback.domain.turns import Verdict
from ringback.services import ledger as booking
from ringback.services import reviews, trackers
from ringback.services.pools import change
from ringback.store import contacts, sending
from ringback.store import reviews as review_store
from ringback.store import trackers as tracker_store
from tests.deployment import CALLER, OTHER_CALLER, Deployment, emitted
from tests.integration import people
from tests.integration.patching import POOL, VOTERS, Caller, Patched
from tests.integration.wire import AwsRequest, Moment, listening

pytestmark = pytest.mark.usefixtures("tokens")


# a tracker


def test_an_informed_influencer_is_connected_to_a_tracker_and_the_review_opens(
    patched: Patched,
) -> None:
    people.enrol(patched.deployment, people.ASHA)
    patched.stage(CALLER, Stage.INFORMED)
    caller = patched.begin()
    assert caller.ask() == people.ASHA
    assert patched.influencer().stage is Stage.IN_REVIEW
    caller.talk(people.ASHA, 50)
    patched.react()
    (review,) = review_store.of_person(patched.deployment.person(CALLER))
    assert review.talked_seconds == 50
    assert patched.patch().attempts[0].kind is Kind.TRACKER
    assert patched.influencer().patched == 0
    assert (emitted("ReviewTalked"), emitted("PatchTalked")) == (1, 0), "they are no voters who were reached"


def test_a_tracker_owes_the_verdict_before_they_are_free(
    patched: Patched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reaction to whom we rang may come after the one to the end of the talk."""
    tracker = people.enrol(patched.deployment, people.ASHA)
    patched.stage(CALLER, Stage.INFORMED)
    caller = patched.begin()
    assert caller.ask() == people.ASHA
    caller.talk(people.ASHA, 50)
    free, owed = tracker_store.free, []

    def freed(campaign: str, person: str, call: str) -> bool:
        owed.append(trackers.find(campaign, person).pending)
        return free(campaign, person, call)

    monkeypatch.setattr(tracker_store, "free", freed)
    booking.settle(patched.runtime, people.content(), "exotel:call-1")
    (review,) = review_store.of_person(patched.deployment.person(CALLER))
    assert owed
    assert {*owed} == {frozenset({review.id})}
    assert trackers.find("clean-water", tracker.person).busy_call is None


def test_a_tracker_who_does_not_answer_is_followed_by_another_in_the_same_call(patched: Patched) -> None:
    for phone in (people.ASHA, people.BINA):
        people.enrol(patched.deployment, phone)
    patched.stage(CALLER, Stage.INFORMED)
    caller = patched.begin()
    first = caller.rung()
    second = caller.failed(first)
    assert {first, second} == {people.ASHA, people.BINA}
    assert second is not None
    assert caller.failed(second) is None
    patched.react()
    assert patched.influencer().stage is Stage.INFORMED
    assert patched.held().total == 0


def test_a_review_whose_question_was_outrun_by_another_of_the_call_waits_for_nobody(
    deployment: Deployment,
) -> None:
    """The first question holds the last line and has opened a review; the second finds every line taken, and ends the patch."""
    patched = Patched(deployment, slots={"account": 1, "per_number": 1})
    people.enrol(deployment, people.ASHA)
    patched.approve(CALLER)
    patched.stage(CALLER, Stage.INFORMED)
    caller = patched.begin()

    outrun(caller, transaction=2)

    patched.react()
    (review,) = review_store.of_person(patched.influencer().person)
    assert not review.is_waiting
    assert patched.influencer().stage is Stage.INFORMED
    assert patched.held().total == 0
    assert is_free(patched, people.ASHA)


def test_a_tracker_in_a_voters_stead_whose_question_was_outrun_is_free_again(
    deployment: Deployment, tmp_path: Path
) -> None:
    patched = Patched(deployment, slots={"account": 1, "per_number": 1}, mystery_percent=100)
    patched.fill(tmp_path, VOTERS)
    people.enrol(deployment, people.ASHA, mystery=True)
    patched.approve(CALLER)

    outrun(patched.begin(), transaction=1)

    assert is_free(patched, people.ASHA)
    assert patched.held().total == 0


def outrun(caller: Caller, transaction: int) -> None:
    """A Connect question holds the last line, and before its transaction of that number another one finds every line taken."""
    transactions: list[AwsRequest] = []

    def meanwhile(moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.BEFORE and request.operation == "TransactWriteItems":
            transactions.append(request)
            if len(transactions) == transaction:
                assert caller.ask() is None

    with listening(meanwhile):
        assert caller.ask() is None
    assert len(transactions) >= transaction


def is_free(patched: Patched, phone: str) -> bool:
    tracker = trackers.find("clean-water", patched.deployment.person(phone))
    return tracker.is_free(patched.clock.now())


def test_a_talk_with_a_tracker_counts_though_the_callers_end_was_told_before_the_legs(
    patched: Patched,
) -> None:
    people.enrol(patched.deployment, people.ASHA)
    patched.stage(CALLER, Stage.INFORMED)
    caller = patched.begin()
    patched.told("call-1", "Answered", caller.rung())
    patched.clock.move(seconds=50)
    caller.come_back(CallStatus="completed")
    patched.react()
    (review,) = review_store.of_person(patched.deployment.person(CALLER))
    assert review.state == "talked"
    assert review.talked_seconds == 53  # with the three until the end was told


def connected_to_asha(deployment: Deployment, tmp_path: Path, *, is_mystery: bool) -> tuple[Patched, Caller]:
    """An influencer for whom she is rung: to judge them, or in a voter's stead."""
    patched = Patched(deployment, mystery_percent=100)
    patched.approve(CALLER)
    patched.fill(tmp_path, VOTERS)
    if not is_mystery:
        patched.stage(CALLER, Stage.INFORMED)
    people.enrol(deployment, people.ASHA, mystery=is_mystery)
    caller = patched.begin()
    assert caller.ask() == people.ASHA
    return patched, caller


def passed_on_by_asha(deployment: Deployment, tmp_path: Path) -> tuple[Patched, Caller]:
    """She was rung in a voter's stead, nobody told how that ended, and a voter has been rung since."""
    patched, caller = connected_to_asha(deployment, tmp_path, is_mystery=True)
    patched.clock.move(seconds=60)
    assert caller.ask() in VOTERS
    patched.react()
    return patched, caller


@pytest.mark.parametrize("is_mystery", [False, True])
def test_a_talk_of_which_nobody_told_before_the_end_of_the_call_can_be_judged_when_it_is_told(
    deployment: Deployment, tmp_path: Path, is_mystery: bool
) -> None:
    """That the tracker took the phone was not told either, so for a moment they seem not to have talked."""
    patched, caller = connected_to_asha(deployment, tmp_path, is_mystery=is_mystery)
    patched.clock.move(seconds=50)
    caller.come_back(CallStatus="completed")
    patched.react()

    caller.talk(people.ASHA, 50)
    patched.react()

    (review,) = review_store.of_person(deployment.person(CALLER))
    assert review.is_waiting
    assert review.talked_seconds == 50
    assert patched.influencer().stage is (Stage.APPROVED if is_mystery else Stage.IN_REVIEW)


@pytest.mark.parametrize("is_mystery", [False, True])
def test_a_talk_of_which_nobody_ever_tells_is_waited_for_ten_minutes(
    deployment: Deployment, tmp_path: Path, is_mystery: bool
) -> None:
    patched, caller = connected_to_asha(deployment, tmp_path, is_mystery=is_mystery)
    caller.come_back(CallStatus="completed")
    patched.react()
    patched.clock.move(minutes=9)
    reviews.sweep(patched.runtime)
    (review,) = review_store.of_person(patched.deployment.person(CALLER))
    assert review.is_waiting

    patched.clock.move(minutes=2)
    reviews.sweep(patched.runtime, gives_up=False)
    (review,) = review_store.of_person(patched.deployment.person(CALLER))
    assert review.is_waiting, "the provider could not be asked yet"
    reviews.sweep(patched.runtime)

    assert patched.influencer().stage is (Stage.APPROVED if is_mystery else Stage.INFORMED)
    (review,) = review_store.of_person(patched.deployment.person(CALLER))
    assert (review.state, review.reason) == ("expired", "no-end")
    assert is_free(patched, people.ASHA)


def test_a_bad_word_on_a_talk_of_which_nobody_has_told_waits_for_the_news_and_frees_its_tracker(
    deployment: Deployment, tmp_path: Path
) -> None:
    patched, caller = connected_to_asha(deployment, tmp_path, is_mystery=True)
    caller.come_back(CallStatus="completed")
    patched.react()
    (review,) = review_store.of_person(deployment.person(CALLER))
    assert people.judge(deployment, review, Verdict.NOT_GENUINE, phone=people.ASHA) is Decision.WAIT
    assert patched.influencer().stage is Stage.INFORMED
    assert not is_free(patched, people.ASHA), "they would be put through to whom they have just heard"
    patched.clock.move(minutes=11)
    reviews.sweep(patched.runtime)
    assert is_free(patched, people.ASHA)

    caller.talk(people.ASHA, 50)
    deployment.react()
    deployment.react()

    assert patched.influencer().stage is Stage.REVOKED


def test_a_tracker_of_whom_nobody_tells_is_free_ten_minutes_after_the_next_voter_was_rung(
    deployment: Deployment, tmp_path: Path
) -> None:
    """However long the call goes on with that one."""
    patched, _ = passed_on_by_asha(deployment, tmp_path)
    patched.clock.move(minutes=9)
    reviews.sweep(patched.runtime)
    assert not is_free(patched, people.ASHA)

    patched.clock.move(minutes=2)
    reviews.sweep(patched.runtime)

    assert is_free(patched, people.ASHA)


def test_a_mystery_talk_that_is_told_after_the_next_voter_was_rung_can_still_be_judged(
    deployment: Deployment, tmp_path: Path
) -> None:
    patched, caller = passed_on_by_asha(deployment, tmp_path)

    caller.talk(people.ASHA, 50)
    patched.react()

    (review,) = review_store.of_person(deployment.person(CALLER))
    assert (review.state, review.talked_seconds) == ("talked", 50)


def test_a_mystery_talk_of_which_nobody_told_the_length_can_still_be_judged(
    deployment: Deployment, tmp_path: Path
) -> None:
    patched = Patched(deployment, mystery_percent=100)
    patched.approve(CALLER)
    people.enrol(deployment, people.ASHA, mystery=True)
    patched.fill(tmp_path, VOTERS)
    caller = patched.begin()
    caller.come_back(DialWhomNumber=caller.rung(), DialCallStatus="completed")
    patched.react()
    (review,) = review_store.of_person(deployment.person(CALLER))
    assert review.state == "talked"


def test_no_tracker_on_duty_is_nobody_free(patched: Patched) -> None:
    patched.stage(CALLER, Stage.INFORMED)
    assert patched.begin().ask() is None
    assert patched.patch().reason is Reason.NOBODY_FREE
    assert patched.held().total == 0


def test_a_tracker_who_asked_to_be_left_alone_is_rung_no_more(patched: Patched) -> None:
    """Their shift goes on; the next in turn is rung."""
    opted_out = people.enrol(patched.deployment, people.ASHA)
    contacts.opt_out(opted_out.person, patched.clock.now())
    patched.stage(CALLER, Stage.INFORMED)
    caller = patched.begin()
    assert caller.ask() is None
    assert patched.patch().reason is Reason.NOBODY_FREE
    assert is_free(patched, people.ASHA)
    people.enrol(patched.deployment, people.BINA)
    assert patched.begin(call_id="call-2").ask() == people.BINA


def test_the_trackers_behind_many_who_asked_to_be_left_alone_are_rung(patched: Patched) -> None:
    for n in range(9):
        opted_out = people.enrol(patched.deployment, f"+9190000002{n:02}")
        contacts.opt_out(opted_out.person, patched.clock.now())
        tracker_store.take(opted_out, f"exotel:x/{n}", patched.clock.now(), patched.clock.now())
    patched.clock.move(seconds=1)
    last = people.enrol(patched.deployment, "+919000000299")
    tracker_store.take(last, "exotel:x/9", patched.clock.now(), patched.clock.now())
    patched.stage(CALLER, Stage.INFORMED)
    assert patched.begin().ask() == last.phone


def test_outside_the_hours_no_tracker_is_rung_and_the_promise_is_kept_when_they_begin(
    patched: Patched,
) -> None:
    people.enrol(patched.deployment, people.ASHA)
    patched.stage(CALLER, Stage.INFORMED)
    patched.clock.set(datetime(2026, 3, 3, 3, 0, tzinfo=INDIA))
    caller = patched.begin()
    assert caller.ask() is None
    assert "call you back" in caller.come_back()
    patched.react()
    assert patched.influencer().promised_at is not None

    assert trackers.keep_promises(patched.runtime) == 0
    assert patched.influencer().promised_at is not None
    patched.clock.set(datetime(2026, 3, 3, 10, 0, tzinfo=INDIA))
    assert trackers.keep_promises(patched.runtime) == 1


def test_while_sending_is_paused_no_tracker_is_rung(patched: Patched) -> None:
    people.enrol(patched.deployment, people.ASHA)
    patched.stage(CALLER, Stage.INFORMED)
    sending.pause("clean-water", "by a person")
    assert patched.begin().ask() is None
    sending.resume("clean-water")
    assert patched.begin(call_id="call-2").ask() == people.ASHA


# a mystery voter


def test_nobody_who_asked_to_be_left_alone_is_rung_in_a_voters_stead(
    deployment: Deployment, tmp_path: Path
) -> None:
    patched = Patched(deployment, mystery_percent=100)
    patched.approve(CALLER)
    opted_out = people.enrol(deployment, people.ASHA, mystery=True)
    contacts.opt_out(opted_out.person, deployment.clock.now())
    patched.fill(tmp_path, VOTERS)
    assert patched.begin().rung() in VOTERS


def test_a_mystery_voter_looks_like_any_other_to_the_caller(deployment: Deployment, tmp_path: Path) -> None:
    patched = Patched(deployment, mystery_percent=100)
    patched.approve(CALLER, OTHER_CALLER)
    people.enrol(deployment, people.ASHA, mystery=True)
    patched.fill(tmp_path, VOTERS)
    mystery = patched.begin()
    assert mystery.rung() == people.ASHA
    usual = patched.begin(OTHER_CALLER, "call-2")
    assert usual.rung() in VOTERS

    def shape(order: dict[str, Any]) -> dict[str, Any]:
        hidden = {"destination", "start_call_playback"}
        return {name: value for name, value in order.items() if name not in hidden}

    assert shape(mystery.order) == shape(usual.order)
    assert mystery.order["start_call_playback"].keys() == usual.order["start_call_playback"].keys()
    patched.react()
    (review,) = review_store.of_person(deployment.person(CALLER))
    assert review.kind == "mystery"
    assert patched.influencer().stage is Stage.APPROVED
    mystery.talk(people.ASHA, 30)
    patched.react()
    assert patched.influencer().patched == 1


@pytest.mark.parametrize(
    ("loaded", "state", "budget"),
    [
        (0, PoolState.OPEN, 10_000),
        (2, PoolState.PAUSED, 10_000),
        (2, PoolState.CLOSED, 10_000),
        (2, PoolState.OPEN, 1),
    ],
    ids=["empty", "paused", "closed", "budget"],
)
def test_where_no_voter_is_rung_no_tracker_is_in_a_voters_stead(
    deployment: Deployment, tmp_path: Path, loaded: int, state: PoolState, budget: int
) -> None:
    """Who gets through then would know that they talk to one of us."""
    patched = Patched(deployment, mystery_percent=100)
    deployment.publish(
        "clean-water",
        lambda document: (
            document["patching"].update(pool="voters", mystery_percent=100)
            or document["limits"].update(voice_budget_rupees=budget)
        ),
    )
    patched.approve(CALLER)
    people.enrol(deployment, people.ASHA, mystery=True)
    patched.fill(tmp_path, VOTERS[:loaded])
    change(patched.runtime, POOL, state)
    patched.clock.move(minutes=1)
    patched.restart()

    assert patched.begin().ask() is None
    assert is_free(patched, people.ASHA)


def test_the_share_of_mystery_voters_is_the_one_asked_for(deployment: Deployment) -> None:
    patched = Patched(deployment, mystery_percent=20)

    class Question:
        patching = people.content().patching

        def __init__(self, n: int) -> None:
            self.call_id = f"exotel:call-{n}"

    chosen = [patched.door._is_mystery(Question(n), 1) for n in range(2000)]  # type: ignore[arg-type]
    assert 0.17 < sum(chosen) / 2000 < 0.23
    assert chosen == [patched.door._is_mystery(Question(n), 1) for n in range(2000)]  # type: ignore[arg-type]
