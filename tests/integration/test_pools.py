"""One voter, one claim: however late a worker comes, however often an outcome is told, whoever died in between (X1, F42, F43)."""

from datetime import timedelta
from pathlib import Path

import pytest

from ringback.domain.errors import NotFound, Rejected
from ringback.domain.pools import Outcome, PoolState, Redial, Rung, State, Ticket, held, refused
from ringback.domain.rules import Window
from ringback.services import pools
from ringback.services.pools import LOST_AFTER, Pools, change, recount, reissue_due, sweep
from ringback.store import pools as store
from ringback.store import voters
from ringback.store.pools import Block
from tests.deployment import MORNING, Deployment, callers
from tests.integration.voters import POOL, claim, claimed, load, opened, queue, voter

EVERY_DAY = Redial(
    attempts_per_voter=2, days_between=1, window=Window(MORNING.time(), MORNING.time().replace(hour=21))
)


def standing() -> tuple[int, int, int, int, int]:
    found = store.standing(pools.find(POOL))
    return found.queued, found.claimed, found.waiting, found.reached, sum(found.dropped.values())


def swept(deployment: Deployment) -> int:
    """`reconcile` runs twice, as far apart as makes it sweep everything taken before."""
    given = sweep(deployment.runtime)
    deployment.clock.move(seconds=LOST_AFTER.total_seconds())
    return given + sweep(deployment.runtime)


def test_as_many_calls_as_voters_get_one_each_and_the_next_gets_nobody(
    deployment: Deployment, tmp_path: Path
) -> None:
    doors = opened(deployment.runtime, tmp_path, 30)

    tickets = [claimed(deployment.runtime, doors, f"exotel:{n}/1") for n in range(31)]

    people = [ticket.person for ticket in tickets if ticket]
    assert set(map(deployment.person, callers(30))) == set(people)
    assert len(people) == 30
    assert standing() == (0, 30, 0, 0, 0)


@pytest.mark.parametrize("size", [0, 1])
def test_a_pool_of_nobody_or_of_one_is_soon_empty(deployment: Deployment, tmp_path: Path, size: int) -> None:
    doors = opened(deployment.runtime, tmp_path, size)

    assert size == sum(claimed(deployment.runtime, doors, f"exotel:{n}/1") is not None for n in range(9))
    assert doors.take(POOL, "exotel:x/1") is None


def test_there_is_nobody_in_a_pool_that_was_never_made(deployment: Deployment) -> None:
    assert Pools(deployment.runtime).take(POOL, "exotel:1/1") is None
    with pytest.raises(NotFound, match="pool load"):
        change(deployment.runtime, POOL, PoolState.OPEN)


def test_a_pool_of_people_who_all_opted_out_is_dropped_to_the_last(
    deployment: Deployment, tmp_path: Path
) -> None:
    doors, refusals = opened(deployment.runtime, tmp_path, 12), 0
    while ticket := doors.take(POOL, f"exotel:1/{refusals}"):
        known = voters.load_known(POOL, ticket.person)
        assert known.voter is not None
        assert (known.contact, known.rung) == (None, Rung())
        assert doors.set_aside(known.voter, ticket, refused("opted-out"))
        assert not doors.set_aside(known.voter, ticket, refused("opted-out"))
        refusals += 1

    assert refusals == 12
    assert pools.recount(POOL)[0].dropped == {"opted-out": 12}


def test_what_the_gate_said_is_counted_with_the_next_ticket(deployment: Deployment, tmp_path: Path) -> None:
    doors = opened(deployment.runtime, tmp_path, 3)
    for settled in (refused("dnd"), held("quiet-hours", MORNING + timedelta(days=1))):
        ticket = doors.take(POOL, "exotel:1/1")
        assert ticket is not None
        assert doors.set_aside(voter(ticket.person), ticket, settled)
    claimed(deployment.runtime, doors, "exotel:1/1")

    assert standing() == (0, 1, 1, 0, 1)
    assert not recount(POOL)[1]


def test_two_claims_with_one_ticket_are_one_claim(deployment: Deployment, tmp_path: Path) -> None:
    ticket = claimed(deployment.runtime, opened(deployment.runtime, tmp_path, 1), "exotel:1/1")
    assert ticket is not None

    assert not claim(deployment.runtime, ticket, "exotel:2/1")
    assert (voter(ticket.person).claim, voter(ticket.person).attempts) == ("exotel:1/1", 1)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(Outcome.REACHED, State.REACHED), (Outcome.BUSY, State.WAITING), (Outcome.BAD_NUMBER, State.DROPPED)],
)
def test_an_outcome_told_twice_is_told_once(
    deployment: Deployment, tmp_path: Path, outcome: Outcome, state: State
) -> None:
    doors = opened(deployment.runtime, tmp_path, 1)
    ticket = claimed(deployment.runtime, doors, "exotel:1/1")
    assert ticket is not None

    told = [doors.settle(POOL, ticket.person, "exotel:1/1", outcome, EVERY_DAY) for _ in range(3)]

    assert told == [True, False, False]
    assert (state, outcome) == (voter(ticket.person).state, voter(ticket.person).outcome)
    assert not recount(POOL)[1]


def test_that_they_talked_stands_though_it_was_told_late(deployment: Deployment, tmp_path: Path) -> None:
    doors = opened(deployment.runtime, tmp_path, 1)
    ticket = claimed(deployment.runtime, doors, "exotel:1/1")
    assert ticket is not None
    for outcome in (Outcome.NO_ANSWER, Outcome.REACHED, Outcome.NO_ANSWER):
        doors.settle(POOL, ticket.person, "exotel:1/1", outcome, EVERY_DAY)
    deployment.clock.move(days=5)

    assert reissue_due(deployment.runtime) == 0
    assert voter(ticket.person).state is State.REACHED
    assert standing() == (0, 0, 0, 1, 0)


def test_who_did_not_answer_is_rung_again_when_the_days_are_over_and_no_more_than_the_campaign_allows(
    deployment: Deployment, tmp_path: Path
) -> None:
    doors = opened(deployment.runtime, tmp_path, 1)
    for attempt in (1, 2):
        ticket = claimed(deployment.runtime, doors, f"exotel:{attempt}/1")
        assert ticket is not None
        doors.settle(POOL, ticket.person, f"exotel:{attempt}/1", Outcome.NO_ANSWER, EVERY_DAY)
        deployment.clock.move(hours=23)
        assert reissue_due(deployment.runtime) == 0
        deployment.clock.move(hours=1)
        assert (2 - attempt) == reissue_due(deployment.runtime)
        assert reissue_due(deployment.runtime) == 0

    assert doors.take(POOL, "exotel:3/1") is None
    assert store.standing(pools.find(POOL)).dropped == {"attempts": 1}
    assert voter(ticket.person).attempts == 2


def test_an_outcome_of_an_earlier_claim_says_nothing_of_a_later_one(
    deployment: Deployment, tmp_path: Path
) -> None:
    doors = opened(deployment.runtime, tmp_path, 1)
    first = claimed(deployment.runtime, doors, "exotel:1/1")
    assert first is not None
    doors.settle(POOL, first.person, "exotel:1/1", Outcome.BUSY, EVERY_DAY)
    deployment.clock.move(days=1)
    reissue_due(deployment.runtime)
    claimed(deployment.runtime, doors, "exotel:2/1")

    assert not doors.settle(POOL, first.person, "exotel:1/1", Outcome.REACHED, EVERY_DAY)
    assert (voter(first.person).claim, voter(first.person).state) == ("exotel:2/1", State.CLAIMED)


def test_a_worker_that_died_with_a_ticket_costs_the_voter_only_time(
    deployment: Deployment, tmp_path: Path
) -> None:
    doors = opened(deployment.runtime, tmp_path, 5)
    lost = [doors.take(POOL, f"exotel:{n}/1") for n in range(3)]
    kept = claimed(deployment.runtime, doors, "exotel:4/1")
    assert kept is not None

    assert swept(deployment) == 3
    assert swept(deployment) == 0
    again = [claimed(deployment.runtime, doors, f"exotel:{n}/2") for n in range(5)]

    people = [ticket.person for ticket in again if ticket]
    assert len(people) == 4
    assert {ticket.person for ticket in lost if ticket} < set(people)
    assert kept.person not in people


def test_a_slow_claimer_and_the_one_who_got_the_new_ticket_never_both_win(
    deployment: Deployment, tmp_path: Path
) -> None:
    doors = opened(deployment.runtime, tmp_path, 1)
    slow = doors.take(POOL, "exotel:1/1")
    assert slow is not None
    swept(deployment)
    assert not claim(deployment.runtime, slow, "exotel:1/1")

    new = claimed(deployment.runtime, doors, "exotel:2/1")

    assert new is not None
    assert (slow.person, False) == (new.person, slow.name == new.name)
    assert not claim(deployment.runtime, slow, "exotel:1/1")
    assert voter(new.person).claim == "exotel:2/1"


def test_tickets_are_given_up_only_after_ten_minutes_and_no_position_is_seen_to_twice(
    deployment: Deployment, tmp_path: Path
) -> None:
    doors = opened(deployment.runtime, tmp_path, 8)
    doors.take(POOL, "exotel:1/1")
    sweep(deployment.runtime)
    deployment.clock.move(seconds=LOST_AFTER.total_seconds() - 1)
    assert sweep(deployment.runtime) == 0
    late = doors.take(POOL, "exotel:2/1")
    deployment.clock.move(seconds=1)

    assert sweep(deployment.runtime) == 1
    assert late is not None
    assert f"{late.name}" == voter(late.person).ticket
    assert sum(cursor.swept for cursor in store.cursors(pools.find(POOL))) == 1


def test_two_sweepers_at_once_give_one_new_ticket(deployment: Deployment, tmp_path: Path) -> None:
    doors = opened(deployment.runtime, tmp_path, 1)
    ticket = doors.take(POOL, "exotel:1/1")
    assert ticket is not None
    as_read = voter(ticket.person)

    assert voters.requeue(as_read, "another-0")
    assert not voters.requeue(as_read, "a-third-0")


@pytest.mark.parametrize("died_after", ["the block", "the voters"])
def test_a_release_that_dies_in_between_loses_nobody(
    deployment: Deployment, tmp_path: Path, died_after: str
) -> None:
    doors = opened(deployment.runtime, tmp_path, 1)
    ticket = claimed(deployment.runtime, doors, "exotel:1/1")
    assert ticket is not None
    doors.settle(POOL, ticket.person, "exotel:1/1", Outcome.BUSY, EVERY_DAY)
    deployment.clock.move(days=1)
    block = Block("rdead", [ticket.person])
    store.place(POOL, 3, block)
    if died_after == "the voters":
        assert voters.requeue(voter(ticket.person), block.ticket(0))

    reissue_due(deployment.runtime)
    found = [doors.take(POOL, f"exotel:{n}/2") for n in range(3)]

    good = [each for each in found if each and each.name == voter(ticket.person).ticket]
    assert len(good) == 1
    assert claim(deployment.runtime, good[0], "exotel:2/1")


def test_what_two_writers_append_at_once_is_all_in_the_queue(deployment: Deployment, tmp_path: Path) -> None:
    opened(deployment.runtime, tmp_path, 1)
    one, other = Block("one", ["a" * 26, "b" * 26]), Block("other", ["c" * 26])
    start = store.place(POOL, 5, one)
    behind = store.place(POOL, 5, other)
    store.advance(POOL, 5, behind, other)
    store.advance(POOL, 5, start, one)

    assert [name for name in queue() if name.startswith("o")] == ["one-0", "one-1", "other-0"]


def test_a_paused_pool_gives_nobody_and_goes_on_where_it_stopped(
    deployment: Deployment, tmp_path: Path
) -> None:
    doors = opened(deployment.runtime, tmp_path, 2)
    change(deployment.runtime, POOL, PoolState.PAUSED)
    assert doors.take(POOL, "exotel:1/1") is None
    change(deployment.runtime, POOL, PoolState.OPEN)

    assert doors.take(POOL, "exotel:1/1") is not None


def test_a_draining_pool_rings_who_is_queued_nobody_again_and_closes(
    deployment: Deployment, tmp_path: Path
) -> None:
    doors = opened(deployment.runtime, tmp_path, 2)
    first = claimed(deployment.runtime, doors, "exotel:1/1")
    assert first is not None
    doors.settle(POOL, first.person, "exotel:1/1", Outcome.NO_ANSWER, EVERY_DAY)
    change(deployment.runtime, POOL, PoolState.DRAINING)
    deployment.clock.move(days=2)

    assert reissue_due(deployment.runtime) == 0
    assert claimed(deployment.runtime, doors, "exotel:2/1") is not None
    assert reissue_due(deployment.runtime) == 0
    assert pools.find(POOL).state is PoolState.CLOSED
    with pytest.raises(Rejected, match="cannot become paused"):
        change(deployment.runtime, POOL, PoolState.PAUSED)


def test_those_pools_are_looked_into_beside_one_out_of_which_somebody_may_be_rung(
    deployment: Deployment,
) -> None:
    def made(name: str, *states: PoolState) -> str:
        store.create(f"clean-water/{name}", shards=1)
        for state in states:
            change(deployment.runtime, f"clean-water/{name}", state)
        return f"clean-water/{name}"

    made("rung", PoolState.OPEN)
    made("loading")
    made("never-opened", PoolState.CLOSED)
    made("long-closed", PoolState.OPEN, PoolState.CLOSED)
    again = made("closed-and-opened", PoolState.OPEN, PoolState.CLOSED)
    deployment.clock.move(days=1)
    change(deployment.runtime, again, PoolState.OPEN)
    paused = made("paused", PoolState.OPEN, PoolState.PAUSED)
    closed = made("closed", PoolState.OPEN, PoolState.CLOSED)
    made("long-closed", PoolState.CLOSED)

    assert {*Pools(deployment.runtime).others("clean-water/rung")} == {again, paused, closed}


def test_a_recount_puts_right_what_a_crash_left_uncounted(deployment: Deployment, tmp_path: Path) -> None:
    doors = opened(deployment.runtime, tmp_path, 4)
    ticket = doors.take(POOL, "exotel:1/1")
    assert ticket is not None
    Pools(deployment.runtime).set_aside(voter(ticket.person), ticket, refused("dnd"))

    exact, off = recount(POOL)

    assert off == {"dropped dnd": 1}
    assert exact == store.standing(pools.find(POOL))


def test_what_callers_keyed_in_is_kept_and_the_latest_stands(deployment: Deployment, tmp_path: Path) -> None:
    doors = opened(deployment.runtime, tmp_path, 1)
    ticket = claimed(deployment.runtime, doors, "exotel:1/1")
    assert ticket is not None
    for disposition, minutes in (("for", 5), ("against", 1), ("for", 5)):
        voters.lean(POOL, ticket.person, "exotel:1/1", disposition, MORNING + timedelta(minutes=minutes))

    known = voter(ticket.person)
    assert known.leaning == "for"
    assert [(said.at - MORNING, said.claim, said.disposition) for said in known.leanings] == [
        (timedelta(minutes=1), "exotel:1/1", "against"),
        (timedelta(minutes=5), "exotel:1/1", "for"),
    ]


def test_a_ticket_of_nobody_is_worth_nothing(deployment: Deployment, tmp_path: Path) -> None:
    opened(deployment.runtime, tmp_path, 1)
    somebody = Ticket(POOL, deployment.person(callers(1)[0]), "made-up-0")

    assert not claim(deployment.runtime, somebody, "exotel:1/1")
    assert not claim(deployment.runtime, Ticket(POOL, "z" * 26, "made-up-0"), "exotel:1/1")


def test_loading_while_people_are_rung_again_keeps_everybody(deployment: Deployment, tmp_path: Path) -> None:
    doors = opened(deployment.runtime, tmp_path, 10)
    first = claimed(deployment.runtime, doors, "exotel:1/1")
    assert first is not None
    doors.settle(POOL, first.person, "exotel:1/1", Outcome.BUSY, EVERY_DAY)
    deployment.clock.move(days=1)
    reissue_due(deployment.runtime)
    load(deployment.runtime, tmp_path, callers(30))
    people = []
    while ticket := claimed(deployment.runtime, doors, f"exotel:{len(people)}/2"):
        people.append(ticket.person)

    assert sorted(map(deployment.person, callers(30))) == sorted(people)
