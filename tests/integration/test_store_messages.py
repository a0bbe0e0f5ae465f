"""The effect ledger: each move is one conditional write, and exactly the moves of the domain succeed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ringback.domain.messages import CLAIMABLE, Message, State, may_follow
from ringback.store import messages as ledger
from ringback.store.tables import MessageRow
from tests.deployment import Deployment

NOW = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
MESSAGE = Message("p", "clean-water.welcome.d", "clean-water", "welcome", "en", "exotel:1", NOW)
CLAIMED = replace(MESSAGE, state=State.CLAIMED, claim="mine", claimed_at=NOW)


def stands_in(state: State) -> None:
    """Put the message into a state by hand."""
    ledger.plan(MESSAGE)
    MessageRow("p", MESSAGE.name).update(
        [MessageRow.state.set(str(state)), MessageRow.claim.set("mine"), MessageRow.bucket.remove()]
    )


def now_stands() -> Message:
    message = ledger.load("p", MESSAGE.name)
    assert message is not None
    return message


MOVES: dict[str, tuple[Callable[[], bool], State, tuple[State, ...]]] = {
    "claim": (lambda: ledger.claim(replace(CLAIMED, claim="another")), State.CLAIMED, CLAIMABLE),
    "refuse": (lambda: ledger.refuse(MESSAGE, "stale"), State.REFUSED, CLAIMABLE),
    "hold": (lambda: ledger.hold(MESSAGE, "pace", LATER), State.HELD, CLAIMABLE),
    "hold what is claimed": (lambda: ledger.hold(CLAIMED, "throttled", LATER), State.HELD, (State.CLAIMED,)),
    "sent": (lambda: ledger.sent(CLAIMED, "s", 1), State.SENT, (State.CLAIMED,)),
    "declined": (lambda: ledger.declined(CLAIMED, "40001"), State.FAILED, (State.CLAIMED,)),
    "lose sight": (lambda: ledger.lost_sight(CLAIMED, "time-out", LATER), State.UNKNOWN, (State.CLAIMED,)),
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


def test_the_same_claim_twice_is_one_claim(deployment: Deployment) -> None:
    """The AWS client makes a request again whose answer was lost."""
    stands_in(State.PLANNED)

    assert [ledger.claim(claimed) for claimed in (CLAIMED, CLAIMED, replace(CLAIMED, claim="another"))] == [
        True,
        True,
        False,
    ]


def test_only_the_claim_that_was_looked_at_is_lost_sight_of(deployment: Deployment) -> None:
    stands_in(State.CLAIMED)

    assert not ledger.lost_sight(replace(CLAIMED, claim="an earlier one"), "worker-lost", LATER)


@pytest.mark.parametrize("after", [State.SENT, State.DELIVERED, State.FAILED])
def test_a_report_moves_a_message_forward_only(deployment: Deployment, after: State) -> None:
    for before in State:
        stands_in(before)
        moved = ledger.report("p", MESSAGE.name, after, code="20005", provider_id="s", parts=2)

        assert may_follow(before, after) is moved, before
        assert (after if moved else before) is now_stands().state


def test_a_report_on_a_message_nobody_knows_makes_none(deployment: Deployment) -> None:
    assert not ledger.report("p", "c.t.d", State.DELIVERED, code="20005", provider_id=None, parts=None)
    assert ledger.load("p", "c.t.d") is None


@pytest.mark.parametrize(
    "write",
    [
        lambda stale: ledger.sent(stale, "s", 1),
        lambda stale: ledger.declined(stale, "1"),
        lambda stale: ledger.hold(stale, "throttled", LATER),
    ],
    ids=["sent", "declined", "hold"],
)
def test_the_holder_of_another_claim_changes_nothing(
    deployment: Deployment, write: Callable[[Message], bool]
) -> None:
    """R15: a fencing token. Only who holds the claim may say how it ended."""
    ledger.plan(MESSAGE)
    ledger.claim(CLAIMED)

    assert not write(replace(CLAIMED, claim="yours"))
    assert now_stands() == CLAIMED


def test_planning_again_changes_nothing_wherever_the_message_stands(deployment: Deployment) -> None:
    assert ledger.plan(MESSAGE)
    ledger.claim(CLAIMED)

    assert not ledger.plan(MESSAGE)
    assert now_stands() == CLAIMED
    assert [CLAIMED] == ledger.of_person("p") == list(ledger.every())


def test_a_hold_ends_as_it_was_read_or_not_at_all(deployment: Deployment) -> None:
    """What has been held anew, claimed or released since is no longer the reader's to release; what was released stays in the list."""
    ledger.plan(MESSAGE)
    ledger.hold(MESSAGE, "throttled", LATER)
    read = now_stands()
    ledger.hold(MESSAGE, "quiet-hours", LATER + timedelta(hours=1))
    assert not ledger.release(read, LATER + timedelta(hours=2))
    held = now_stands()
    assert ledger.release(held, LATER + timedelta(hours=2))
    assert not ledger.release(held, LATER + timedelta(hours=2))
    released = now_stands()
    assert (released.state, released.due_at) == (State.PLANNED, LATER + timedelta(hours=2))
    assert ledger.release(released, LATER + timedelta(hours=3)), "its ticket came to nothing"
    last = now_stands()
    ledger.claim(CLAIMED)

    assert not ledger.release(last, LATER + timedelta(hours=4))
    assert now_stands() == CLAIMED


def test_what_waits_is_listed_when_it_is_due_and_leaves_the_list_when_it_moves(
    deployment: Deployment,
) -> None:
    ledger.plan(MESSAGE)
    key = ("p", MESSAGE.name)
    ledger.hold(MESSAGE, "quiet-hours", LATER)
    assert list(ledger.waiting("held", LATER - timedelta(milliseconds=1))) == []
    assert [key] == list(ledger.waiting("held", LATER))
    ledger.release(now_stands(), LATER + timedelta(minutes=2))
    assert list(ledger.waiting("held", LATER)) == []
    assert [key] == list(ledger.waiting("held", LATER + timedelta(minutes=2)))
    ledger.claim(CLAIMED)
    assert list(ledger.waiting("held", LATER + timedelta(minutes=2))) == []
    ledger.lost_sight(CLAIMED, "time-out", LATER)
    assert [key] == list(ledger.waiting("unknown", LATER))
    assert ledger.list_for_a_person(MESSAGE, LATER)
    assert list(ledger.waiting("unknown", LATER)) == []
    assert [key] == list(ledger.waiting("listed", LATER))
    assert State.UNKNOWN is now_stands().state
    ledger.report(*key, State.DELIVERED, code="20005", provider_id=None, parts=None)

    assert list(ledger.waiting("listed", LATER)) == []
    assert not ledger.list_for_a_person(MESSAGE, LATER)


def test_the_ledger_can_be_searched_by_campaign_and_state(deployment: Deployment) -> None:
    other = replace(MESSAGE, name="library-hours.evening.d", campaign="library-hours")
    for message in (MESSAGE, other):
        ledger.plan(message)
    ledger.refuse(other, "stale")

    assert list(ledger.every("clean-water")) == [MESSAGE]
    assert list(ledger.every(state=State.PLANNED)) == [MESSAGE]
    assert list(ledger.every("clean-water", State.REFUSED)) == []
    assert len(list(ledger.every("library-hours", State.REFUSED))) == 1
