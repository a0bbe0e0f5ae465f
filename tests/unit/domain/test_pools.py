"""What becomes of a voter after each attempt, who may still be claimed, and how the moves add up."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.pools import (
    Outcome,
    PoolState,
    Redial,
    Settled,
    State,
    Ticket,
    Voter,
    after_outcome,
    counts,
    held,
    is_claimable,
    may_settle,
    predecessors,
    refused,
    shard_of,
    standing,
)
from ringback.domain.rules import Window
from ringback.domain.times import INDIA

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=INDIA)
WINDOW = Window(time(10), time(21))
REDIAL = Redial(attempts_per_voter=3, days_between=2, window=WINDOW)


def a_voter(state: State = State.CLAIMED, claim: str | None = "exotel:1/1", rule: str | None = None) -> Voter:
    return Voter(
        "clean-water/main", "p" * 26, "+919000000101", "en", "l.0.0-7", state=state, claim=claim, rule=rule
    )


@pytest.mark.parametrize(
    ("outcome", "attempts", "expected"),
    [
        (Outcome.REACHED, 1, Settled(State.REACHED, outcome=Outcome.REACHED)),
        (Outcome.REACHED, 3, Settled(State.REACHED, outcome=Outcome.REACHED)),
        (Outcome.NO_ANSWER, 1, Settled(State.WAITING, NOON + timedelta(days=2), Outcome.NO_ANSWER)),
        (Outcome.BUSY, 2, Settled(State.WAITING, NOON + timedelta(days=2), Outcome.BUSY)),
        (Outcome.FAILED, 1, Settled(State.WAITING, NOON + timedelta(days=2), Outcome.FAILED)),
        (Outcome.CANCELLED, 2, Settled(State.WAITING, NOON + timedelta(days=2), Outcome.CANCELLED)),
        (Outcome.NO_ANSWER, 3, Settled(State.DROPPED, outcome=Outcome.NO_ANSWER, rule="attempts")),
        (Outcome.BAD_NUMBER, 1, Settled(State.DROPPED, outcome=Outcome.BAD_NUMBER, rule="bad-number")),
        (Outcome.DECLINED, 1, Settled(State.DROPPED, outcome=Outcome.DECLINED, rule="declined")),
    ],
)
def test_an_outcome_says_where_the_voter_stands(outcome: Outcome, attempts: int, expected: Settled) -> None:
    assert expected == after_outcome(attempts, outcome, REDIAL, NOON)


@pytest.mark.parametrize(
    ("tried", "days", "again"),
    [
        ("2026-03-02 10:00", 1, "2026-03-03 10:00"),
        ("2026-03-02 20:59", 1, "2026-03-03 20:59"),
        ("2026-03-02 21:10", 1, "2026-03-04 10:00"),
        ("2026-03-02 00:30", 1, "2026-03-03 10:00"),
        ("2026-03-02 12:00", 0, "2026-03-02 12:00"),
    ],
)
def test_nobody_is_rung_again_before_the_days_are_over_nor_outside_the_window(
    tried: str, days: int, again: str
) -> None:
    now, expected = (datetime.fromisoformat(text).replace(tzinfo=INDIA) for text in (tried, again))
    settled = after_outcome(1, Outcome.NO_ANSWER, replace(REDIAL, days_between=days), now)

    assert expected == settled.due_at


@given(
    st.sampled_from(Outcome),
    st.integers(1, 9),
    st.integers(1, 5),
    st.integers(0, 30),
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),
)
def test_whoever_waits_has_attempts_left_and_is_due_in_the_window(
    outcome: Outcome, attempts: int, most: int, days: int, now: datetime
) -> None:
    settled = after_outcome(attempts, outcome, Redial(most, days, WINDOW), now)

    assert (settled.state is State.WAITING) is (settled.due_at is not None)
    assert (settled.state is State.REACHED) is (outcome is Outcome.REACHED)
    if settled.due_at is not None:
        assert attempts < most
        assert settled.due_at >= now + timedelta(days=days)
        assert WINDOW.is_open(settled.due_at)


@pytest.mark.parametrize("state", State)
def test_only_a_queued_voter_with_the_very_ticket_may_be_claimed(state: State) -> None:
    voter = a_voter(state)

    assert is_claimable(voter, Ticket(voter.pool, voter.person, "l.0.0-7")) is (state is State.QUEUED)
    assert not is_claimable(replace(voter, state=State.QUEUED), Ticket(voter.pool, voter.person, "l.0.0-8"))
    assert not is_claimable(None, Ticket(voter.pool, voter.person, "l.0.0-7"))


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("state", State)
def test_a_claims_first_outcome_stands_unless_they_talked_after_all(state: State, outcome: Outcome) -> None:
    first = state is State.CLAIMED
    after_all = outcome is Outcome.REACHED and state is not State.REACHED

    assert may_settle(a_voter(state), "exotel:1/1", outcome) is (first or after_all)
    assert not may_settle(a_voter(state), "exotel:1/2", outcome)
    assert not may_settle(a_voter(state, claim=None), "exotel:1/1", outcome)


def test_a_move_is_counted_where_it_comes_from_and_where_it_goes() -> None:
    queued = a_voter(State.QUEUED, None)
    busy = Settled(State.WAITING, NOON, Outcome.BUSY)

    assert counts(a_voter(), busy) == {"waiting": 1}
    assert counts(a_voter(), Settled(State.REACHED)) == {"reached": 1}
    assert counts(queued, refused("opted-out")) == {"dropped opted-out": 1}
    assert counts(queued, held("quiet-hours", NOON)) == {"waiting": 1}
    assert counts(a_voter(State.WAITING), Settled(State.REACHED)) == {"waiting": -1, "reached": 1}
    dropped = a_voter(State.DROPPED, rule="unknown")
    assert counts(dropped, Settled(State.REACHED)) == {"dropped unknown": -1, "reached": 1}


def test_counting_voters_one_by_one_gives_the_same_names() -> None:
    everybody = [a_voter(state) for state in State] + [a_voter(State.DROPPED, rule="dnd")]

    found = standing(everybody)

    assert (found.loaded, found.queued, found.claimed, found.waiting, found.reached) == (6, 1, 1, 1, 1)
    assert found.dropped == {"": 1, "dnd": 1}
    assert found.counts() == {"loaded": 6, "waiting": 1, "reached": 1, "dropped ": 1, "dropped dnd": 1}


@pytest.mark.parametrize("state", PoolState)
def test_every_state_but_a_new_one_can_be_reached_and_a_pool_can_always_be_opened(state: PoolState) -> None:
    assert bool(predecessors(state)) is (state is not PoolState.LOADING)
    assert state is PoolState.OPEN or state in predecessors(PoolState.OPEN)


def test_claims_are_spread_evenly_over_the_shards() -> None:
    shards = [shard_of(f"exotel:{n:032x}/1", 8) for n in range(8_000)]

    assert all(800 < shards.count(shard) < 1_200 for shard in range(8))
