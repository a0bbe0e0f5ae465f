"""Reviews from the first ring to the verdict: who may give it, when it counts, and who hears of it."""

from collections import Counter
from datetime import timedelta

import pytest

from ringback.domain.dials import State as DialState
from ringback.domain.errors import Conflict, NotFound, Rejected
from ringback.domain.influencers import Change, Stage
from ringback.domain.reviews import Awaited, Decision, Kind, Lapse, Rule, State
from ringback.domain.trackers import LEASE
from ringback.domain.turns import AgendaHeard, Verdict, VerdictGiven
from ringback.services import influencers, reviews, trackers
from ringback.store import contacts, dials
from ringback.store import influencers as influencer_store
from ringback.store import reviews as store
from ringback.store import trackers as tracker_store
from ringback.store.transactions import together
from tests.deployment import CALLER, OTHER_CALLER, Deployment, client, emitted
from tests.integration.people import (
    ASHA,
    BINA,
    CALL,
    CHARU,
    TRACKER_CALL,
    approved,
    choose,
    content,
    enrol,
    inform,
    judge,
    known,
    meet,
    open_review,
    ring,
    ring_tracker_line,
    stage,
    stored,
    talk,
)
from tests.integration.wire import Requests, listening

pytestmark = pytest.mark.usefixtures("tokens")


# The way through


def test_a_genuine_influencer_is_approved_with_both_calls_behind_the_verdict(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    inform(deployment)
    review = open_review(deployment, tracker)
    assert stage(deployment) is Stage.IN_REVIEW
    review = talk(deployment, review)
    assert (review.state, review.talked_seconds, review.asked) == (State.TALKED, 60, (tracker.person,))

    assert judge(deployment, review) is Decision.APPROVE

    done = stored(review)
    assert (done.state, done.verdict, done.tracker) == (State.APPROVED, Verdict.GENUINE, tracker.person)
    assert (done.call, done.verdict_call, done.verdict_cause) == (
        CALL,
        "exotel:call-2",
        "exotel:call-2/turn-4",
    )
    influencer = known(deployment)
    assert [(move.change, move.stage) for move in influencer.history] == [
        (Change.INFORMED, Stage.INFORMED),
        (Change.REVIEW_OPENED, Stage.IN_REVIEW),
        (Change.APPROVED, Stage.APPROVED),
    ]
    assert influencer.because == review.id
    assert trackers.find("clean-water", tracker.person).reviews_given == 1


def test_an_impostor_is_rejected_and_stays_out_until_a_person_reopens_them(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    inform(deployment)
    review = talk(deployment, open_review(deployment, tracker))

    judge(deployment, review, Verdict.NOT_GENUINE)

    assert stage(deployment) is Stage.REJECTED
    assert reviews.open(deployment.runtime, content(), known(deployment), tracker, "exotel:call-9", 1) is None
    inform(deployment)
    assert stage(deployment) is Stage.REJECTED
    influencers.reopen(deployment.runtime, deployment.person(), "a misunderstanding")
    assert stage(deployment) is Stage.INFORMED
    assert known(deployment).history[-1].because == "a misunderstanding"


def test_only_the_informed_come_to_a_tracker(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    meet(deployment)

    assert reviews.open(deployment.runtime, content(), known(deployment), tracker, CALL, 1) is None
    assert stage(deployment) is Stage.NEW


def test_a_manifesto_cut_short_informs_nobody(deployment: Deployment) -> None:
    meet(deployment)
    for effect in (AgendaHeard("manifesto", completed=False), AgendaHeard("facts", completed=True)):
        assert not influencers.heard(content(), deployment.person(), effect, "cause", deployment.clock.now())
    assert stage(deployment) is Stage.NEW


# Opening, again and again


def test_a_repeated_ring_opens_one_review(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    before = inform(deployment)
    first = open_review(deployment, tracker)

    assert reviews.open(deployment.runtime, content(), known(deployment), tracker, CALL, 1) == first
    # A door that had read the influencer before the first one wrote:
    assert reviews.open(deployment.runtime, content(), before, tracker, CALL, 1) == first
    assert known(deployment).review == 1
    assert emitted("ReviewOpened") == 1


def test_the_next_tracker_in_the_same_call_takes_over_the_review(deployment: Deployment) -> None:
    first, second = enrol(deployment), enrol(deployment, BINA)
    inform(deployment)
    review = open_review(deployment, first)

    taken_over = open_review(deployment, second, attempt=2)

    assert (taken_over.id, taken_over.tracker, taken_over.attempt) == (review.id, second.person, 2)
    assert reviews.open(deployment.runtime, content(), known(deployment), first, CALL, 1) is None
    talk(deployment, taken_over)
    assert judge(deployment, review, phone=ASHA) is Rule.NOT_THEIRS
    assert judge(deployment, review, phone=BINA, call="exotel:call-3") is Decision.APPROVE


def test_what_a_tracker_said_who_did_not_take_the_call_is_forgotten_with_the_takeover(
    deployment: Deployment,
) -> None:
    first, second = enrol(deployment), enrol(deployment, BINA)
    inform(deployment)
    review = open_review(deployment, first)
    assert judge(deployment, review, phone=ASHA) is Decision.WAIT

    taken_over = open_review(deployment, second, attempt=2)

    assert (taken_over.verdict, taken_over.verdict_cause) == (None, None)
    assert judge(deployment, review, phone=BINA, call="exotel:call-3") is Decision.WAIT
    assert stored(talk(deployment, taken_over)).state is State.APPROVED


def test_a_takeover_that_is_asked_for_again_is_the_same(deployment: Deployment) -> None:
    """A request whose answer was lost is made again by the AWS client itself."""
    inform(deployment)
    review = open_review(deployment, enrol(deployment))
    other = enrol(deployment, BINA)
    first = store.rebind(review, other.person, 2)
    assert first is not None
    assert store.rebind(review, other.person, 2) == first
    assert store.rebind(review, review.tracker or "", 2) is None


def test_a_second_call_during_a_review_reaches_no_tracker(deployment: Deployment) -> None:
    tracker, other = enrol(deployment), enrol(deployment, BINA)
    inform(deployment)
    review = open_review(deployment, tracker)

    assert reviews.open(deployment.runtime, content(), known(deployment), other, "exotel:call-9", 1) is None
    assert stored(review).tracker == tracker.person


def test_the_machine_is_named_after_the_review_and_started_once(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    inform(deployment)
    review = open_review(deployment, tracker)

    for name in (review.id, review.id, "no-review"):
        reviews.begin(deployment.runtime, name)
    deployment.clock.move(seconds=9)
    reviews.begin(deployment.runtime, review.id)
    judge(deployment, talk(deployment, review))
    reviews.begin(deployment.runtime, review.id)
    assert _executions(deployment) == [f"{deployment.person()}-r001"]


def _executions(deployment: Deployment) -> list[str]:
    arn = deployment.runtime.settings.verify_influencer_arn
    listed = client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]
    return [each["name"] for each in listed]


def test_a_machine_that_was_never_started_is_started_by_the_sweep(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    inform(deployment)
    review = reviews.open(deployment.runtime, content(), known(deployment), tracker, CALL, 1)
    assert review is not None

    reviews.sweep(deployment.runtime)
    reviews.sweep(deployment.runtime)

    assert _executions(deployment) == [review.id]


# The talk


@pytest.mark.parametrize("seconds", [0, 19])
def test_who_did_not_talk_for_long_enough_goes_back(deployment: Deployment, seconds: int) -> None:
    """The provider may say `completed` all the same: the seconds on the line decide."""
    tracker = enrol(deployment)
    inform(deployment)

    review = talk(deployment, open_review(deployment, tracker), seconds)

    assert (review.state, review.reason) == (State.EXPIRED, Lapse.NOBODY_TALKED)
    assert stage(deployment) is Stage.INFORMED
    assert known(deployment).promised_at is None


def test_news_of_another_call_or_tracker_ends_nothing(deployment: Deployment) -> None:
    tracker, other = enrol(deployment), enrol(deployment, BINA)
    inform(deployment)
    review = open_review(deployment, tracker)
    now = deployment.clock.now()

    for call, who in (("exotel:call-9", tracker.person), (CALL, other.person)):
        assert reviews.call_ended(deployment.runtime, content(), review.id, call, who, 60, now) is None
    assert stored(review).state is State.OPEN


def test_the_tracker_is_free_again_when_the_call_is_over_and_the_verdict_is_given(
    deployment: Deployment,
) -> None:
    enrol(deployment)
    inform(deployment)
    taken = choose(deployment)
    assert taken is not None
    assert choose(deployment, call="exotel:x") is None

    review = talk(deployment, open_review(deployment, taken))

    assert trackers.find("clean-water", taken.person).busy_call is None
    assert choose(deployment, call="exotel:x") is None, "the next verdict might be given for the wrong person"
    judge(deployment, review)
    assert choose(deployment, call="exotel:x") is not None


# A verdict and its order


def test_a_verdict_that_comes_before_the_news_of_the_talk_counts_with_it(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    inform(deployment)
    review = open_review(deployment, tracker)

    assert judge(deployment, review) is Decision.WAIT
    assert stage(deployment) is Stage.IN_REVIEW
    talk(deployment, review)

    assert stage(deployment) is Stage.APPROVED


def test_a_verdict_before_a_talk_that_never_was_approves_nobody(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    inform(deployment)
    review = open_review(deployment, tracker)
    judge(deployment, review)

    talk(deployment, review, seconds=3)

    assert stage(deployment) is Stage.INFORMED


def test_an_unsure_tracker_leaves_it_to_another_who_talks_to_the_influencer(deployment: Deployment) -> None:
    first = enrol(deployment)
    second = enrol(deployment, BINA)
    inform(deployment)
    review = talk(deployment, open_review(deployment, first))

    assert judge(deployment, review, Verdict.UNSURE) is Decision.ASK_ANOTHER

    assert (stored(review).state, stored(review).reason) == (State.EXPIRED, Lapse.UNSURE)
    influencer = known(deployment)
    assert influencer.stage is Stage.INFORMED
    assert influencer.promised_at == deployment.clock.now()
    exclude = influencers.must_not_be_asked(content(), influencer)
    assert exclude == (first.person,)
    chosen = choose(deployment, call="exotel:call-5", exclude=exclude)
    assert chosen is not None
    assert chosen.person == second.person
    again = open_review(deployment, chosen, call="exotel:call-5")
    assert (again.n, again.asked) == ("r002", (first.person,))
    assert known(deployment).promised_at is None
    assert judge(deployment, review, Verdict.UNSURE) is Decision.REPEATED


def test_without_a_verdict_other_trackers_are_asked_a_bounded_number_of_times(deployment: Deployment) -> None:
    inform(deployment)
    promised = []
    for n, phone in enumerate((ASHA, BINA, CHARU, "+919000000204")):
        review = talk(deployment, open_review(deployment, enrol(deployment, phone), call=f"exotel:talk-{n}"))
        reviews.ask(deployment.runtime, review.id)
        deployment.clock.move(minutes=31)
        reviews.no_verdict(deployment.runtime, review.id)
        promised.append(known(deployment).promised_at is not None)
        assert stage(deployment) is Stage.INFORMED

    assert promised == [True, True, False, True]  # after the bound, it begins anew when the influencer rings
    assert emitted("ReviewExpired") == 4


def test_a_tracker_who_was_busy_and_then_rang_the_line_themselves_is_not_rung_for_the_verdict(
    deployment: Deployment,
) -> None:
    inform(deployment)
    tracker = enrol(deployment)
    review = talk(deployment, open_review(deployment, tracker))
    reviews.ask(deployment.runtime, review.id)
    deployment.place(deployment.to_dial())
    deployment.end(deployment.dial(ASHA), "busy")
    deployment.react()
    judge(deployment, review)
    deployment.clock.move(minutes=6)
    deployment.release()
    deployment.place(deployment.to_dial())

    first, second = deployment.dials(ASHA)
    assert (first.state, second.state, second.rule) == (DialState.BUSY, DialState.REFUSED, "settled")
    assert len(deployment.provider.called) == 1


def test_a_late_verdict_does_not_count(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    inform(deployment)
    review = talk(deployment, open_review(deployment, tracker))
    deployment.clock.move(minutes=30)

    assert judge(deployment, review) is Rule.TOO_LATE
    assert [refusal.rule for refusal in stored(review).refusals] == ["too-late"]
    assert stage(deployment) is Stage.IN_REVIEW


def test_a_replayed_verdict_changes_nothing_even_after_the_go_ahead_is_gone(deployment: Deployment) -> None:
    influencer = approved(deployment)
    reviews.revoke(deployment.runtime, influencer.person, "sold the campaign's list")

    call = f"exotel:verdict-{CALLER[-3:]}"
    assert judge(deployment, f"{influencer.person}-r001", call=call) is Decision.REPEATED
    assert stage(deployment) is Stage.REVOKED
    influencers.reopen(deployment.runtime, influencer.person, "again")
    assert judge(deployment, f"{influencer.person}-r001", call=call) is Decision.REPEATED
    assert judge(deployment, f"{influencer.person}-r001", call=call, turn=6) is Rule.MOVED_ON
    assert stage(deployment) is Stage.INFORMED


def test_a_refusal_is_kept_once_with_its_rule(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    enrol(deployment, BINA)
    inform(deployment)
    review = talk(deployment, open_review(deployment, tracker))

    for _ in range(3):
        assert judge(deployment, review, phone=BINA) is Rule.NOT_THEIRS

    (refusal,) = stored(review).refusals
    assert (refusal.rule, refusal.tracker) == ("not-theirs", deployment.person(BINA))
    assert emitted("VerdictRefused") == 1


@pytest.mark.parametrize("review", ["", "nonsense", f"{'a' * 26}-r001"])
def test_a_verdict_about_no_review_is_refused(deployment: Deployment, review: str) -> None:
    enrol(deployment)

    assert judge(deployment, review) is Rule.MOVED_ON


# Withdrawing, revoking, an operator's word


def test_a_go_ahead_can_be_withdrawn_and_the_next_call_talks_to_a_tracker(deployment: Deployment) -> None:
    influencer = approved(deployment)

    reviews.withdraw(deployment.runtime, f"{influencer.person}-r001", "given by mistake")

    assert stage(deployment) is Stage.INFORMED
    assert "given by mistake" in (known(deployment).held or "")
    with pytest.raises(Conflict, match="withdrawn already"):
        reviews.withdraw(deployment.runtime, f"{influencer.person}-r001", "given by mistake")


def test_a_withdrawn_rejection_lets_them_try_again_and_an_old_one_moves_nobody(
    deployment: Deployment,
) -> None:
    tracker = enrol(deployment)
    inform(deployment)
    review = talk(deployment, open_review(deployment, tracker))
    judge(deployment, review, Verdict.NOT_GENUINE)
    reviews.withdraw(deployment.runtime, review.id, "the wrong key")
    assert stage(deployment) is Stage.INFORMED

    second = talk(deployment, open_review(deployment, tracker, call="exotel:call-5"))
    judge(deployment, second, call="exotel:call-6")
    with pytest.raises(Conflict):
        reviews.withdraw(deployment.runtime, review.id, "again")
    assert stage(deployment) is Stage.APPROVED


def test_revoking_works_from_the_next_call_on_and_takes_a_waiting_review_along(
    deployment: Deployment,
) -> None:
    tracker = enrol(deployment)
    inform(deployment)
    review = talk(deployment, open_review(deployment, tracker))

    reviews.revoke(deployment.runtime, deployment.person(), "a rival's member")

    assert stage(deployment) is Stage.REVOKED
    assert stored(review).state is State.WITHDRAWN
    assert judge(deployment, review) is Rule.MOVED_ON
    with pytest.raises(Conflict, match="REVOKED already"):
        influencers.revoke(deployment.runtime, deployment.person(), "once more")
    with pytest.raises(NotFound):
        influencers.revoke(deployment.runtime, deployment.person(OTHER_CALLER), "who?")


def test_an_operators_go_ahead_needs_a_talk_behind_it_or_a_reason_why_there_was_none(
    deployment: Deployment,
) -> None:
    tracker = enrol(deployment)
    person = inform(deployment).person
    with pytest.raises(Conflict, match="without-call"):
        reviews.approve(deployment.runtime, person, "known to us")
    review = open_review(deployment, tracker)
    with pytest.raises(Rejected, match="no tracker has talked"):
        reviews.approve(deployment.runtime, person, "known to us")
    talk(deployment, review)

    reviews.approve(deployment.runtime, person, "the tracker's phone is dead")

    assert stage(deployment) is Stage.APPROVED
    assert stored(review).reason == "an operator: the tracker's phone is dead"


def test_an_operators_go_ahead_without_a_call_goes_through_a_review_all_the_same(
    deployment: Deployment,
) -> None:
    person = inform(deployment).person

    reviews.approve(deployment.runtime, person, "our own district head", without_call=True)

    assert [move.stage for move in known(deployment).history] == [
        Stage.INFORMED,
        Stage.IN_REVIEW,
        Stage.APPROVED,
    ]
    (review,) = store.of_person(person)
    assert (review.state, review.talked_seconds, review.tracker) == (State.APPROVED, 0, None)
    assert review.reason == "an operator, without a call: our own district head"
    with pytest.raises(Conflict):
        reviews.approve(deployment.runtime, person, "again", without_call=True)


def test_an_operator_reopens_before_approving_who_was_rejected(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    inform(deployment)
    judge(deployment, talk(deployment, open_review(deployment, tracker)), Verdict.NOT_GENUINE)

    with pytest.raises(Conflict, match="reopen"):
        reviews.approve(deployment.runtime, deployment.person(), "sorry", without_call=True)


# Mystery reviews


def test_a_bad_word_from_a_tracker_in_a_voters_stead_revokes_at_once_and_once(deployment: Deployment) -> None:
    influencer = approved(deployment)
    tracker = enrol(deployment, BINA, mystery=True)
    review = reviews.open_mystery(deployment.runtime, influencer, tracker, "exotel:call-7", 2)
    assert reviews.open_mystery(deployment.runtime, influencer, tracker, "exotel:call-7", 2) == review
    assert review.kind is Kind.MYSTERY
    assert stage(deployment) is Stage.APPROVED
    talk(deployment, review, seconds=8)

    assert judge(deployment, review, Verdict.NOT_GENUINE, phone=BINA) is Decision.REJECT

    assert stage(deployment) is Stage.REVOKED
    assert known(deployment).because == review.id
    influencers.reopen(deployment.runtime, influencer.person, "heard them out")
    assert judge(deployment, review, Verdict.NOT_GENUINE, phone=BINA) is Decision.REPEATED
    assert stage(deployment) is Stage.INFORMED


def test_a_bad_word_before_anybody_told_that_the_talk_is_over_holds_at_once_and_then_revokes(
    deployment: Deployment,
) -> None:
    influencer = approved(deployment)
    tracker = enrol(deployment, BINA, mystery=True)
    review = reviews.open_mystery(deployment.runtime, influencer, tracker, "exotel:call-7", 2)

    assert judge(deployment, review, Verdict.NOT_GENUINE, phone=BINA) is Decision.WAIT

    assert (stage(deployment), known(deployment).held) == (Stage.INFORMED, "accused")
    deployment.clock.move(minutes=1)
    again = talk(deployment, open_review(deployment, enrol(deployment, CHARU), call="exotel:call-9"))
    judge(deployment, again, phone=CHARU, call="exotel:call-10")
    assert stage(deployment) is Stage.APPROVED
    accused_at = deployment.clock.now() - timedelta(minutes=1)
    told_again = VerdictGiven(review.id, "not-genuine")
    cause = f"{TRACKER_CALL}/turn-4"
    reviews.verdict_given(deployment.runtime, content(), told_again, TRACKER_CALL, cause, accused_at)
    assert stage(deployment) is Stage.APPROVED, "a replay takes no later go-ahead back"
    talk(deployment, review, seconds=8)
    assert (stage(deployment), known(deployment).because) == (Stage.REVOKED, review.id)


def test_a_word_of_anybody_who_did_not_pose_as_a_voter_holds_nobody(deployment: Deployment) -> None:
    influencer = approved(deployment)
    review = reviews.open_mystery(
        deployment.runtime, influencer, enrol(deployment, BINA, mystery=True), "exotel:call-7", 2
    )
    enrol(deployment, CHARU)

    assert judge(deployment, review, Verdict.NOT_GENUINE, phone=CHARU) is Rule.NOT_THEIRS
    assert judge(deployment, review, phone=BINA, call="exotel:call-9") is Decision.WAIT
    assert stage(deployment) is Stage.APPROVED


def test_a_good_word_from_a_tracker_in_a_voters_stead_changes_nothing(deployment: Deployment) -> None:
    influencer = approved(deployment)
    tracker = enrol(deployment, BINA, mystery=True)
    review = talk(deployment, reviews.open_mystery(deployment.runtime, influencer, tracker, "exotel:c", 1), 8)

    assert judge(deployment, review, phone=BINA) is Decision.APPROVE
    assert known(deployment) == influencer


def test_a_mystery_call_that_nobody_took_says_nothing_about_the_influencer(deployment: Deployment) -> None:
    influencer = approved(deployment)
    tracker = enrol(deployment, BINA, mystery=True)
    review = talk(deployment, reviews.open_mystery(deployment.runtime, influencer, tracker, "exotel:c", 1), 0)

    assert review.state is State.EXPIRED
    assert known(deployment) == influencer


# The machine and what goes missing


def test_the_machine_hears_of_the_end_and_of_the_verdict_whichever_side_comes_first(
    deployment: Deployment, tokens: list[str]
) -> None:
    tracker = enrol(deployment)
    inform(deployment)
    review = open_review(deployment, tracker)
    reviews.wait(deployment.runtime, review.id, Awaited.END, "token-1")
    assert tokens == []
    talk(deployment, review)
    assert tokens == ["token-1"]
    assert reviews.ask(deployment.runtime, review.id)["answer_within"] == 1_800
    judge(deployment, review)
    assert tokens == ["token-1"]

    assert reviews.wait(deployment.runtime, review.id, Awaited.VERDICT, "token-2") == {
        "state": "approved",
        "another": False,
    }

    assert tokens == ["token-1", "token-2"]
    assert stored(review).token is None
    assert list(store.waiting("settling", deployment.clock.now() + timedelta(days=9))) == []


def test_a_token_that_nobody_answered_is_answered_by_the_sweep(
    deployment: Deployment, tokens: list[str]
) -> None:
    """The process died between the verdict and telling the machine."""
    tracker = enrol(deployment)
    inform(deployment)
    review = talk(deployment, open_review(deployment, tracker))
    judge(deployment, review)
    store.wait(review.id, Awaited.VERDICT, "token-2")

    assert reviews.sweep(deployment.runtime).settled == 1
    assert tokens == ["token-2"]
    assert reviews.sweep(deployment.runtime).settled == 0


def test_a_call_whose_end_was_never_told_ends_in_the_sweep(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    inform(deployment)
    review = open_review(deployment, tracker)
    ring(deployment, review, tracker)
    deployment.clock.move(hours=1, minutes=34)
    assert reviews.sweep(deployment.runtime).expired == 0
    deployment.clock.move(minutes=2)

    assert reviews.sweep(deployment.runtime).expired == 1

    assert (stored(review).state, stored(review).reason) == (State.EXPIRED, Lapse.NO_END)
    assert stage(deployment) is Stage.INFORMED
    assert reviews.sweep(deployment.runtime).expired == 0


def test_a_review_whose_tracker_was_never_rung_ends_in_the_sweep_after_some_minutes(
    deployment: Deployment,
) -> None:
    """The door that opened it died before it wrote whom it rings."""
    enrol(deployment)
    inform(deployment)
    taken = choose(deployment)
    assert taken is not None
    review = open_review(deployment, taken)
    assert reviews.sweep(deployment.runtime).expired == 0
    deployment.clock.move(minutes=6)

    assert reviews.sweep(deployment.runtime).expired == 1

    assert (stored(review).state, stored(review).reason) == (State.EXPIRED, Lapse.NO_END)
    assert stage(deployment) is Stage.INFORMED
    assert choose(deployment, call="exotel:x") is not None


def test_a_review_whose_machine_is_gone_expires_in_the_sweep(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    inform(deployment)
    review = talk(deployment, open_review(deployment, tracker))
    deployment.clock.move(minutes=36)

    assert reviews.sweep(deployment.runtime).expired == 1

    assert stored(review).reason == Lapse.NO_VERDICT
    assert known(deployment).promised_at is not None
    assert trackers.find("clean-water", tracker.person).pending == frozenset()


def test_a_go_ahead_that_is_too_old_is_taken_back_by_the_sweep(deployment: Deployment) -> None:
    approved(deployment)
    deployment.clock.move(days=89)
    assert influencers.sweep(deployment.runtime) == 0
    deployment.clock.move(days=1)

    assert influencers.sweep(deployment.runtime) == 1

    assert stage(deployment) is Stage.INFORMED
    assert influencers.sweep(deployment.runtime) == 0


# Abuse


def test_who_makes_too_many_short_calls_talks_to_a_tracker_again(deployment: Deployment) -> None:
    influencer = approved(deployment)
    most = influencers.limits_of(content()).most_short_calls
    day = deployment.clock.now().date()
    for _ in range(most):
        write = influencer_store.patched_action(known(deployment), day, "call", 3, is_short=True)
        assert together(write)

    held = influencers.heed(deployment.runtime, content(), influencer.person)

    assert held is not None
    assert (held.stage, held.held, held.today, held.patched) == (Stage.INFORMED, "short-calls", most, most)
    assert influencers.heed(deployment.runtime, content(), influencer.person) is None


def test_complaints_hold_an_influencer(deployment: Deployment) -> None:
    influencer = approved(deployment)
    for _ in range(influencers.limits_of(content()).most_complaints):
        assert together(influencer_store.complain_action(influencer.person))

    held = influencers.heed(deployment.runtime, content(), influencer.person)

    assert held is not None
    assert held.held == "complaints"


# Who brought whom (F49)


def test_the_first_who_brought_somebody_stands_and_no_chain_leads_back(deployment: Deployment) -> None:
    first = meet(deployment)
    deployment.clock.move(minutes=1)
    second = meet(deployment, OTHER_CALLER, by=first.person)
    assert second.chain == first.person
    third = "+919000000103"
    meet(deployment, third)
    deployment.clock.move(minutes=1)

    meet(deployment, OTHER_CALLER, by=known(deployment, third).person)
    meet(deployment, by=second.person)
    meet(deployment, third, by=known(deployment, third).person)

    assert known(deployment, OTHER_CALLER).chain == first.person
    assert known(deployment).chain is None
    assert known(deployment, third).chain is None


def test_one_block_of_numbers_that_brings_too_many_is_told_of(deployment: Deployment) -> None:
    """A village may share one, so nobody is held for it."""
    for n in range(51):
        meet(deployment, f"+9191230{n:05}")
        assert emitted("InfluencersOfOneBlock") == (n == 50)
    first, last = known(deployment, "+919123000000"), known(deployment, "+919123000050")
    assert [influencers.is_one_of_too_many(each) for each in (first, last)] == [False, True]


# Promises


def test_a_promise_is_kept_once_a_tracker_has_begun_a_shift(deployment: Deployment) -> None:
    tracker = enrol(deployment, on_duty=False)
    inform(deployment)
    assert choose(deployment) is None
    now = deployment.clock.now()
    assert influencers.promise(deployment.runtime, deployment.person(), "exotel:call-1/turn-5", now)
    assert not influencers.promise(deployment.runtime, deployment.person(), "exotel:call-1/turn-5", now)
    assert trackers.keep_promises(deployment.runtime) == 0
    ring_tracker_line(deployment)
    at = deployment.clock.now() + timedelta(minutes=1)
    deployment.clock.move(minutes=1)

    assert trackers.duty_changed("clean-water", "exotel:call-2", True, at)
    assert trackers.keep_promises(deployment.runtime) == 1

    assert trackers.find("clean-water", tracker.person).on_duty
    assert known(deployment).promised_at is None
    assert len(dials.of_person(deployment.person())) == 1
    assert trackers.keep_promises(deployment.runtime) == 0
    assert not influencers.promise(deployment.runtime, deployment.person(), "exotel:call-1/turn-5", now)
    late = now - timedelta(days=1)
    assert not influencers.promise(deployment.runtime, deployment.person(), "exotel:call-0/turn-5", late)


def test_a_shift_that_is_told_again_hours_later_changes_nothing(deployment: Deployment) -> None:
    tracker = enrol(deployment, on_duty=False)
    ring_tracker_line(deployment)
    at = deployment.clock.now()
    assert trackers.duty_changed("clean-water", "exotel:call-2", True, at)
    deployment.clock.move(hours=2)
    assert trackers.duty_changed("clean-water", "exotel:call-2", False, deployment.clock.now())

    assert not trackers.duty_changed("clean-water", "exotel:call-2", True, at)

    assert not trackers.find("clean-water", tracker.person).on_duty


def test_who_is_promised_a_call_before_the_news_of_the_missed_tracker_is_rung_after_it(
    deployment: Deployment,
) -> None:
    tracker = enrol(deployment)
    inform(deployment)
    review = open_review(deployment, tracker)
    assert influencers.promise(
        deployment.runtime, deployment.person(), "exotel:call-1/turn-5", deployment.clock.now()
    )
    assert trackers.keep_promises(deployment.runtime) == 0

    talk(deployment, review, seconds=0)

    assert trackers.keep_promises(deployment.runtime) == 1


def test_no_more_are_rung_back_than_trackers_are_free_the_longest_waiting_first(
    deployment: Deployment,
) -> None:
    enrol(deployment)
    callers = [f"+91900000030{n}" for n in range(3)]
    for phone in callers:
        inform(deployment, phone)
        deployment.clock.move(seconds=1)
        influencers.promise(deployment.runtime, deployment.person(phone), "turn-5", deployment.clock.now())

    assert trackers.keep_promises(deployment.runtime) == 1

    assert [known(deployment, phone).promised_at is None for phone in callers] == [True, False, False]


def test_those_who_were_promised_a_call_are_read_the_longest_waiting_first_and_a_hundred_at_a_time(
    deployment: Deployment,
) -> None:
    promised = []
    for n in range(101):
        inform(deployment, f"+919000003{n:03}")
        deployment.clock.move(seconds=1)
        promised.append(deployment.person(f"+919000003{n:03}"))
        influencers.promise(deployment.runtime, promised[-1], "turn-5", deployment.clock.now())
    requests = Requests()

    with listening(requests):
        found = [each.person for each in influencer_store.promised(deployment.clock.now())]

    assert found == promised
    assert Counter(requests.made) == {"Query": influencer_store.BUCKETS, "BatchGetItem": 2}


def test_a_promise_waits_for_a_tracker_who_may_be_asked(deployment: Deployment) -> None:
    """The only one on duty was not sure, and so is no one to ring them back for; nor is one who asked to be left alone, or the influencer."""
    unsure = enrol(deployment)
    inform(deployment)
    review = talk(deployment, open_review(deployment, unsure))
    judge(deployment, review, Verdict.UNSURE)
    enrol(deployment, CALLER)
    contacts.opt_out(enrol(deployment, BINA).person, deployment.clock.now())

    for _ in range(3):
        assert trackers.keep_promises(deployment.runtime) == 0
        deployment.clock.move(minutes=1)

    assert known(deployment).promised_at is not None
    assert dials.of_person(deployment.person()) == []
    enrol(deployment, CHARU)
    assert trackers.keep_promises(deployment.runtime) == 1


def test_a_promise_that_waits_for_somebody_else_keeps_nobody_waiting(deployment: Deployment) -> None:
    unsure = enrol(deployment)
    inform(deployment)
    judge(deployment, talk(deployment, open_review(deployment, unsure)), Verdict.UNSURE)
    inform(deployment, OTHER_CALLER)
    deployment.clock.move(minutes=1)
    influencers.promise(deployment.runtime, deployment.person(OTHER_CALLER), "turn-5", deployment.clock.now())

    assert trackers.keep_promises(deployment.runtime) == 1

    assert known(deployment).promised_at is not None
    assert known(deployment, OTHER_CALLER).promised_at is None


def test_only_who_waits_for_a_tracker_is_promised_a_call(deployment: Deployment) -> None:
    meet(deployment)

    assert not influencers.promise(
        deployment.runtime, deployment.person(), "exotel:call-1/turn-5", deployment.clock.now()
    )


# Trackers


def test_a_repeated_choice_gives_the_same_tracker_and_a_lost_call_frees_them_by_lease(
    deployment: Deployment,
) -> None:
    for phone in (ASHA, BINA):
        enrol(deployment, phone)
    inform(deployment)
    first = choose(deployment, attempt=1)
    assert first is not None
    again = choose(deployment, attempt=1)
    assert again == first
    second = choose(deployment, attempt=2, exclude=(first.person,))
    assert second is not None
    assert second.person != first.person
    assert choose(deployment, attempt=3) is None
    assert not trackers.free("clean-water", first.person, CALL, 2)
    deployment.clock.move(minutes=30)

    assert choose(deployment, attempt=3) is not None


def test_a_tracker_who_is_taken_twice_for_one_attempt_is_taken_once(deployment: Deployment) -> None:
    """Two questions of a call at once, or a request that the AWS client makes again because its answer was lost."""
    for phone in (ASHA, BINA):
        enrol(deployment, phone)
    tracker = tracker_store.load("clean-water", deployment.person(ASHA))
    assert tracker is not None
    now = deployment.clock.now()
    for _ in range(2):
        taken = tracker_store.take(tracker, f"{CALL}/1", now, now + LEASE)
        assert taken is not None
        assert taken.busy_call == f"{CALL}/1"
    assert tracker_store.take(tracker, f"{CALL}/2", now, now + LEASE) is None


def test_who_owes_a_verdict_by_now_is_not_taken_on_the_word_of_an_earlier_look(
    deployment: Deployment,
) -> None:
    """Between a look at who is free and the taking, another call may end and ask for its verdict."""
    looked_at = enrol(deployment)
    now = deployment.clock.now()
    tracker_store.owe("clean-water", looked_at.person, "a-review")
    assert looked_at.is_free(now)

    assert tracker_store.take(looked_at, f"{CALL}/1", now, now + LEASE) is None
    tracker_store.owe_no_more("clean-water", looked_at.person, "a-review")
    assert tracker_store.take(looked_at, f"{CALL}/1", now, now + LEASE) is not None


def test_a_shift_ends_by_the_latest_word_whatever_the_order(deployment: Deployment) -> None:
    tracker = enrol(deployment, on_duty=False)
    now = deployment.clock.now()

    assert tracker_store.duty("clean-water", tracker.person, on=False, at=now + timedelta(minutes=2))
    assert not tracker_store.duty("clean-water", tracker.person, on=True, at=now + timedelta(minutes=1))
    assert not trackers.find("clean-water", tracker.person).on_duty


def test_nobody_begins_a_shift_without_a_pin(deployment: Deployment) -> None:
    tracker = enrol(deployment, on_duty=False)
    ring_tracker_line(deployment, pin=False)
    ring_tracker_line(deployment, CALLER, "exotel:call-3")

    for call in ("exotel:call-2", "exotel:call-3", "exotel:nobody-knows"):
        assert not trackers.duty_changed("clean-water", call, True, deployment.clock.now())
    assert not trackers.find("clean-water", tracker.person).on_duty


def test_whoever_is_removed_has_no_say_any_more(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    inform(deployment)
    review = talk(deployment, open_review(deployment, tracker))
    assert tracker_store.remove("clean-water", tracker.person)

    assert judge(deployment, review) is Rule.NOT_ENROLLED
    assert not tracker_store.remove("clean-water", tracker.person)


def test_enrolling_again_changes_name_and_pin_and_keeps_what_was_done(deployment: Deployment) -> None:
    approved(deployment)
    before = trackers.find("clean-water", deployment.person(ASHA))

    after = trackers.enrol(deployment.runtime, "clean-water", ASHA, "Asha K", "9026", ("hi", "en"))

    assert (after.name, after.reviews_given, after.on_duty) == ("Asha K", 1, True)
    assert after.pin != before.pin
    with pytest.raises(Rejected, match="PIN"):
        trackers.enrol(deployment.runtime, "clean-water", ASHA, "Asha", "1234")
    with pytest.raises(Rejected, match="number"):
        trackers.enrol(deployment.runtime, "clean-water", ASHA, "Asha 9000000201", "9026")


def test_the_tables_name_nobody_by_number_but_where_the_number_belongs(deployment: Deployment) -> None:
    approved(deployment)
    rows = client("dynamodb").scan(TableName="test-reviews")["Items"]

    assert rows
    assert "9000000" not in str(rows)
