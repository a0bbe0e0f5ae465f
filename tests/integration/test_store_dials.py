"""The ledger of calls that we place: exactly the moves of the domain succeed, each one conditional write."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ringback.domain.dials import UNSETTLED, Dial, Kind, State, may_follow
from ringback.store import dials as ledger
from ringback.store.tables import DialRow
from tests.deployment import CALL_BACK_LINE, Deployment

NOW = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
NAME = "clean-water.main.7pn5nw2h7h63btyp"
DIAL = Dial(
    "p", NAME, "clean-water", CALL_BACK_LINE, "main", Kind.DUTY, "exotel:1", NOW, {"review": "7", "स": "त"}
)
CLAIMED = replace(DIAL, state=State.CLAIMED, claim="mine", claimed_at=NOW)
CLAIMABLE = (State.PLANNED, State.HELD)


def stands_in(state: State) -> None:
    """Put the dial into a state by hand."""
    ledger.plan(DIAL)
    DialRow("p", NAME).update(
        [
            DialRow.state.set(str(state)),
            DialRow.claim.set("mine"),
            DialRow.bucket.remove(),
            DialRow.code.remove(),
        ]
    )


def now_stands() -> Dial:
    dial = ledger.load("p", NAME)
    assert dial is not None
    return dial


MOVES: dict[str, tuple[Callable[[], bool], State, tuple[State, ...]]] = {
    "claim": (lambda: ledger.claim(replace(CLAIMED, claim="another")), State.CLAIMED, CLAIMABLE),
    "refuse": (lambda: ledger.refuse(DIAL, "stale"), State.REFUSED, CLAIMABLE),
    "hold": (lambda: ledger.hold(DIAL, "pace", LATER), State.HELD, CLAIMABLE),
    "hold what is claimed": (lambda: ledger.hold(CLAIMED, "throttled", LATER), State.HELD, (State.CLAIMED,)),
    "placed": (lambda: ledger.placed(CLAIMED, "c", LATER), State.PLACED, (State.CLAIMED,)),
    "declined": (lambda: ledger.declined(CLAIMED, "no-flow"), State.FAILED, (State.CLAIMED,)),
    "lose sight": (lambda: ledger.lost_sight(CLAIMED, "time-out", LATER), State.UNKNOWN, (State.CLAIMED,)),
    "settle: rang": (lambda: ledger.settle(DIAL, rang=True), State.ENDED, UNSETTLED),
    "settle: did not ring": (lambda: ledger.settle(DIAL, rang=False), State.FAILED, UNSETTLED),
}


@pytest.mark.parametrize("move", MOVES)
def test_a_move_succeeds_from_its_states_only_and_otherwise_changes_nothing(
    deployment: Deployment, move: str
) -> None:
    make, after, allowed = MOVES[move]
    for before in State:
        stands_in(before)
        stood = now_stands()
        assert (before in allowed) is make(), before
        if before in allowed:
            assert may_follow(before, after)
            assert after is now_stands().state
        else:
            assert stood == now_stands()


@pytest.mark.parametrize("after", [State.ANSWERED, State.BUSY, State.NO_ANSWER, State.FAILED, State.ENDED])
def test_an_ending_moves_a_dial_forward_only(deployment: Deployment, after: State) -> None:
    for before in State:
        stands_in(before)
        moved = ledger.ended("p", NAME, after, provider_id="c")

        assert may_follow(before, after) is moved, before
        assert (after if moved else before) is now_stands().state


def test_an_ending_of_a_dial_nobody_knows_makes_none(deployment: Deployment) -> None:
    assert not ledger.ended("p", NAME, State.BUSY)
    assert ledger.load("p", NAME) is None


def test_a_dial_is_kept_as_it_was_planned_and_only_once(deployment: Deployment) -> None:
    held = replace(DIAL, state=State.HELD, rule="after-busy", due_at=LATER, attempt=2, name=f"{NAME}.2")

    assert [ledger.plan(DIAL), ledger.plan(held), ledger.plan(held)] == [True, True, False]
    assert ledger.of_person("p") == [DIAL, held]
    assert list(ledger.waiting("held", LATER)) == [("p", held.name)]
    assert list(ledger.waiting("held", LATER - timedelta(seconds=1))) == []


@pytest.mark.parametrize(("settled", "told"), [(True, State.BUSY), (False, State.ANSWERED)])
def test_evidence_knows_better_than_whoever_settled_it(
    deployment: Deployment, settled: bool, told: State
) -> None:
    stands_in(State.UNKNOWN)
    ledger.settle(DIAL, rang=settled)

    assert ledger.ended("p", NAME, told)
    assert not ledger.ended("p", NAME, State.FAILED)
    assert now_stands().state is told
