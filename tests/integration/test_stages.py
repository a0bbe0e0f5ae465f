"""No stage is skipped, whatever comes in whatever order: facts once, twice and late, forged, from two handsets; and a worker that dies
between any two requests loses and doubles nothing (F106, F107)."""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ringback.domain.errors import Conflict
from ringback.domain.influencers import Stage, after
from ringback.domain.reviews import Awaited, Decision, Kind, State
from ringback.domain.turns import Verdict
from ringback.services import influencers, reviews
from ringback.store import influencers as influencer_store
from ringback.store import reviews as store
from ringback.store import trackers as tracker_store
from tests.deployment import CALLER, OTHER_CALLER, Deployment, deployed
from tests.integration.people import (
    ASHA,
    BINA,
    content,
    enrol,
    inform,
    judge,
    known,
    meet,
    open_review,
    ring_tracker_line,
    stage,
    stored,
    talk,
    told,
)
from tests.integration.wire import Killed, Killer, Moment, listening

HANDSETS = (CALLER, OTHER_CALLER)
STAFF = (ASHA, BINA)


class AnyOrder(RuleBasedStateMachine):
    """Two handsets, two trackers, one of whom rings as an influencer too; every fact may be told at any time, and again."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self._deployment = self._stack.enter_context(deployed())
        patch = self._stack.enter_context(pytest.MonkeyPatch.context())
        told(patch)

    @initialize()
    def staff(self) -> None:
        for phone in STAFF:
            enrol(self._deployment, phone)

    def teardown(self) -> None:
        self._stack.close()

    @rule(phone=st.sampled_from((*HANDSETS, ASHA)), completed=st.booleans())
    def rings(self, phone: str, completed: bool) -> None:
        inform(self._deployment, phone) if completed else meet(self._deployment, phone)

    @rule(
        phone=st.sampled_from((*HANDSETS, ASHA)),
        tracker=st.sampled_from(STAFF),
        call=st.integers(1, 3),
        attempt=st.integers(1, 2),
    )
    def is_connected(self, phone: str, tracker: str, call: int, attempt: int) -> None:
        influencer = influencer_store.load(self._deployment.person(phone))
        staff = tracker_store.load("clean-water", self._deployment.person(tracker))
        assert staff is not None
        if influencer is not None:
            name = f"exotel:{phone[-3:]}-{call}"
            reviews.open(self._deployment.runtime, content(), influencer, staff, name, attempt)

    @rule(phone=st.sampled_from((*HANDSETS, ASHA)), n=st.integers(1, 3), seconds=st.sampled_from([0, 19, 60]))
    def hangs_up(self, phone: str, n: int, seconds: int) -> None:
        review = store.load(f"{self._deployment.person(phone)}-r{n:03}")
        if review is not None and review.tracker is not None:
            talk(self._deployment, review, seconds)

    @rule(
        about=st.sampled_from((*HANDSETS, ASHA)),
        n=st.integers(1, 3),
        verdict=st.sampled_from(Verdict),
        by=st.sampled_from((*STAFF, *HANDSETS)),
        call=st.integers(1, 3),
        pin=st.booleans(),
    )
    def is_judged(self, about: str, n: int, verdict: Verdict, by: str, call: int, pin: bool) -> None:
        """By whom it may be, without PIN, about anybody; a call's verdict is told as often as it comes."""
        name = f"exotel:line-{by[-3:]}-{call}-{pin}"
        review = f"{self._deployment.person(about)}-r{n:03}"
        judge(self._deployment, review, verdict, phone=by, call=name, pin=pin)

    @rule(about=st.sampled_from(HANDSETS), by=st.sampled_from(STAFF), call=st.integers(1, 2))
    def behaves_badly(self, about: str, by: str, call: int) -> None:
        influencer = influencer_store.load(self._deployment.person(about))
        staff = tracker_store.load("clean-water", self._deployment.person(by))
        if influencer is not None and staff is not None and influencer.stage is Stage.APPROVED:
            review = reviews.open_mystery(self._deployment.runtime, influencer, staff, f"exotel:p-{call}", 1)
            talk(self._deployment, review, 9)
            judge(self._deployment, review, Verdict.NOT_GENUINE, phone=by, call=f"exotel:m-{by[-3:]}")

    @rule(about=st.sampled_from(HANDSETS), what=st.sampled_from(["hold", "revoke", "reopen", "withdraw"]))
    def operator(self, about: str, what: str) -> None:
        person, runtime = self._deployment.person(about), self._deployment.runtime
        if influencer_store.load(person) is None:
            return
        with suppress(Conflict):
            match what:
                case "hold":
                    influencers.hold(runtime, person, "complaints")
                case "revoke":
                    reviews.revoke(runtime, person, "blocked")
                case "reopen":
                    influencers.reopen(runtime, person, "heard out")
                case "withdraw" if store.load(f"{person}-r001"):
                    reviews.withdraw(runtime, f"{person}-r001", "a mistake")

    @rule(minutes=st.sampled_from([1, 20, 120]))
    def time_passes(self, minutes: int) -> None:
        self._deployment.clock.move(minutes=minutes)
        reviews.sweep(self._deployment.runtime)

    @invariant()
    def every_move_is_in_the_table(self) -> None:
        for influencer in influencer_store.every():
            before = Stage.NEW
            for move in influencer.history:
                assert after(before, move.change) is move.stage
                before = move.stage
            assert influencer.stage is before

    @invariant()
    def every_approval_has_a_talk_and_a_verdict_behind_it(self) -> None:
        for influencer in influencer_store.every():
            rows = store.of_person(influencer.person)
            if influencer.stage is Stage.APPROVED:
                (review,) = [row for row in rows if row.n == f"r{influencer.review:03}"]
                assert review.state is State.APPROVED
            for review in rows:
                if review.state is State.APPROVED and review.kind is Kind.VERIFICATION:
                    assert review.talked_seconds >= 20
                    assert review.tracker not in (None, influencer.person)
                    assert review.verdict_call is not None
                    assert review.verdict_call.endswith("-True"), "in a call with the PIN"
                    assert review.verdict_call != review.call

    @invariant()
    def who_is_in_review_has_one_that_waits(self) -> None:
        for influencer in influencer_store.every():
            waiting = [
                row.n
                for row in store.of_person(influencer.person)
                if row.is_waiting and row.kind is Kind.VERIFICATION
            ]
            in_review = influencer.stage is Stage.IN_REVIEW
            assert waiting == ([f"r{influencer.review:03}"] if in_review else [])


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(
    max_examples=12,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


# A worker that dies between any two requests

Step = Callable[[Deployment], Any]


def opens(deployment: Deployment) -> None:
    tracker = tracker_store.load("clean-water", deployment.person(ASHA))
    assert tracker is not None
    open_review(deployment, tracker)


def hangs_up(deployment: Deployment) -> None:
    review = store.load(f"{deployment.person()}-r001")
    assert review is not None
    talk(deployment, review)


def approves(deployment: Deployment) -> None:
    judge(deployment, f"{deployment.person()}-r001")


def rejects(deployment: Deployment) -> None:
    judge(deployment, f"{deployment.person()}-r001", Verdict.NOT_GENUINE)


def is_unsure(deployment: Deployment) -> None:
    judge(deployment, f"{deployment.person()}-r001", Verdict.UNSURE)


def begins(deployment: Deployment) -> None:
    enrol(deployment)
    inform(deployment)
    ring_tracker_line(deployment)


CASES: dict[str, tuple[list[Step], Step, Stage, State]] = {
    "opening": ([begins], opens, Stage.IN_REVIEW, State.OPEN),
    "the end of the call": ([begins, opens], hangs_up, Stage.IN_REVIEW, State.TALKED),
    "an approval": ([begins, opens, hangs_up], approves, Stage.APPROVED, State.APPROVED),
    "a rejection": ([begins, opens, hangs_up], rejects, Stage.REJECTED, State.REJECTED),
    "no certain verdict": ([begins, opens, hangs_up], is_unsure, Stage.INFORMED, State.EXPIRED),
    "an early verdict": ([begins, opens, approves], hangs_up, Stage.APPROVED, State.APPROVED),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("moment", Moment)
def test_a_worker_that_dies_at_any_request_loses_and_doubles_nothing(
    monkeypatch: pytest.MonkeyPatch, case: str, moment: Moment
) -> None:
    deaths = 0
    while dies(monkeypatch, case, moment, deaths):
        deaths += 1
    assert deaths > 1


def dies(monkeypatch: pytest.MonkeyPatch, case: str, moment: Moment, at: int) -> bool:
    """Let a worker die at its request number `at`, and hold what comes of it to the promise; False when it makes fewer."""
    before, step, expected, state = CASES[case]
    with deployed() as deployment:
        tokens = told(monkeypatch)
        for each in before:
            each(deployment)
        if state not in (State.OPEN, State.TALKED):
            store.wait(f"{deployment.person()}-r001", Awaited.VERDICT, "token-1")
        killer = Killer(at, moment)
        with listening(killer), suppress(Killed):
            step(deployment)
        if killer.victim is None:
            return False

        step(deployment)  # the fact comes again
        reviews.sweep(deployment.runtime)

        assert stage(deployment) is expected
        (review,) = store.of_person(deployment.person())
        assert review.state is state
        assert known(deployment).review == 1
        assert len(known(deployment).history) == (2 if expected is Stage.IN_REVIEW else 3)
        tracker = tracker_store.load("clean-water", deployment.person(ASHA))
        assert tracker is not None
        counted = state in (State.APPROVED, State.REJECTED)
        assert tracker.reviews_given == (1 if counted else 0)
        is_owed = state in (State.OPEN, State.TALKED)
        assert tracker.pending == (frozenset({review.id}) if is_owed else frozenset())
        if state not in (State.OPEN, State.TALKED):
            assert set(tokens) == {"token-1"}
            assert stored(review).token is None
        if step is is_unsure:
            assert known(deployment).promised_at is not None
    return True


def test_the_same_verdict_from_two_workers_at_once_counts_once(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second reads everything before the first writes."""
    told(monkeypatch)
    for each in (begins, opens, hangs_up):
        each(deployment)
    decided: list[Any] = []

    def meanwhile(moment: Moment, request: Any) -> None:
        if moment is Moment.BEFORE and request.operation == "TransactWriteItems" and not decided:
            decided.append(None)
            decided[0] = judge(deployment, f"{deployment.person()}-r001")

    with listening(meanwhile):
        last = judge(deployment, f"{deployment.person()}-r001")

    assert [*decided, last] == [Decision.APPROVE, Decision.REPEATED]
    assert len(known(deployment).history) == 3
