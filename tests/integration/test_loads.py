"""A list gets into a pool once, whole and in order, however often it is loaded and wherever a load was killed (F40)."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from ringback.domain.errors import Conflict
from ringback.domain.loads import Order
from ringback.domain.pools import BLOCK, Outcome, PoolState, State
from ringback.services import pools
from ringback.services.pools import Pools, change
from ringback.store import pools as store
from ringback.store import voters
from ringback.store.tables import VoterRow
from tests.deployment import Deployment, callers
from tests.integration.test_pools import EVERY_DAY
from tests.integration.voters import POOL, claimed, load, opened, queue, voter
from tests.integration.wire import Killed, Killer, Moment, Throttler, listening

ALL = callers(30)


def everybody(deployment: Deployment) -> list[str]:
    """The people in the queue, each with the very ticket that is theirs."""
    people = {each.ticket: each.person for each in voters.every(POOL)}
    return [people[ticket] for ticket in queue()]


def test_a_given_order_is_kept_within_each_shard(deployment: Deployment, tmp_path: Path) -> None:
    load(deployment.runtime, tmp_path, ALL)

    by_shard = [deployment.person(phone) for shard in range(8) for phone in ALL[shard::8]]
    assert by_shard == everybody(deployment)
    assert store.standing(pools.find(POOL)).loaded == 30


def test_a_shuffled_order_is_the_same_for_the_same_seed_whatever_order_the_list_has(
    deployment: Deployment, tmp_path: Path
) -> None:
    load(deployment.runtime, tmp_path, ALL, Order.SHUFFLED, 7)
    first = {each.person: each.ticket.partition(".")[2] for each in voters.every(POOL)}
    for each in list(voters.every(POOL)):
        VoterRow(voters.key(POOL, each.person)).delete()
    load(deployment.runtime, tmp_path, ALL[::-1], Order.SHUFFLED, 7)

    assert first == {each.person: each.ticket.partition(".")[2] for each in voters.every(POOL)}
    assert len(set(first.values())) == 30


def test_a_number_listed_twice_is_one_voter(deployment: Deployment, tmp_path: Path) -> None:
    assert load(deployment.runtime, tmp_path, [*ALL, *ALL]).added == 30
    assert len(queue()) == 30


def test_nobody_is_rung_before_the_pool_is_opened(deployment: Deployment, tmp_path: Path) -> None:
    load(deployment.runtime, tmp_path, ALL)

    assert pools.find(POOL).state is PoolState.LOADING
    assert Pools(deployment.runtime).take(POOL, "exotel:1/1") is None


def test_a_finished_list_loaded_again_changes_nothing(deployment: Deployment, tmp_path: Path) -> None:
    doors = opened(deployment.runtime, tmp_path, 30)
    ticket = claimed(deployment.runtime, doors, "exotel:1/1")
    assert ticket is not None
    doors.settle(POOL, ticket.person, "exotel:1/1", Outcome.REACHED, EVERY_DAY)
    before = sorted(voters.every(POOL), key=lambda each: each.person), queue()

    again = load(deployment.runtime, tmp_path, ALL)

    assert again.was_done
    assert before == (sorted(voters.every(POOL), key=lambda each: each.person), queue())


def test_a_longer_list_adds_only_whom_the_pool_does_not_know(deployment: Deployment, tmp_path: Path) -> None:
    doors = opened(deployment.runtime, tmp_path, 20)
    ticket = claimed(deployment.runtime, doors, "exotel:1/1")
    assert ticket is not None
    doors.settle(POOL, ticket.person, "exotel:1/1", Outcome.REACHED, EVERY_DAY)

    loaded = load(deployment.runtime, tmp_path, ALL)

    assert (loaded.added, loaded.known) == (10, 20)
    assert (voter(ticket.person).state, voter(ticket.person).attempts) == (State.REACHED, 1)
    assert len(everybody(deployment)) == 29
    assert len(set(everybody(deployment))) == 29


@pytest.mark.parametrize("at", range(0, 76, 4))
def test_a_load_killed_after_any_request_goes_on_where_it_stopped(
    deployment: Deployment, tmp_path: Path, at: int
) -> None:
    some = ALL[:11]
    with listening(Killer(at, Moment.AFTER)), suppress(Killed):
        load(deployment.runtime, tmp_path, some)
    deployment.clock.move(minutes=3)
    load(deployment.runtime, tmp_path, some)
    change(deployment.runtime, POOL, PoolState.OPEN)
    doors, people = Pools(deployment.runtime), []
    while ticket := claimed(deployment.runtime, doors, f"exotel:{len(people)}/1"):
        people.append(ticket.person)

    assert sorted(map(deployment.person, some)) == sorted(people)
    assert store.standing(pools.find(POOL)).loaded == 11


def test_a_load_that_was_interrupted_and_overtaken_by_another_keeps_every_voter_once(
    deployment: Deployment, tmp_path: Path
) -> None:
    half = Killer(1, Moment.AFTER)
    with listening(lambda m, r: half(m, r) if r.operation == "BatchWriteItem" else None), suppress(Killed):
        load(deployment.runtime, tmp_path, callers(60))
    deployment.clock.move(minutes=3)
    load(deployment.runtime, tmp_path, ALL[10:])
    load(deployment.runtime, tmp_path, callers(60))

    assert sorted(map(deployment.person, callers(60))) == sorted(everybody(deployment))


def test_only_one_load_at_a_time_has_a_pool_and_a_killed_one_has_it_two_minutes_longer(
    deployment: Deployment, tmp_path: Path
) -> None:
    now = deployment.clock.now()
    load(deployment.runtime, tmp_path, ALL)
    assert store.lock(POOL, "another", now, now + timedelta(minutes=2))
    with pytest.raises(Conflict, match="another load"):
        load(deployment.runtime, tmp_path, callers(40))
    deployment.clock.move(minutes=2, seconds=1)

    assert load(deployment.runtime, tmp_path, callers(40)).added == 10


def test_a_load_whose_lock_was_taken_stops(deployment: Deployment, tmp_path: Path) -> None:
    def suspended(what: str, done: int, total: int) -> None:
        deployment.clock.move(minutes=3)
        store.lock(POOL, "another", deployment.clock.now(), deployment.clock.now() + timedelta(hours=1))

    with pytest.raises(Conflict, match="another load"):
        load(deployment.runtime, tmp_path, ALL, watch=suspended)


def test_rows_that_dynamodb_leaves_undone_are_written_after_a_pause(
    deployment: Deployment, tmp_path: Path
) -> None:
    throttler = Throttler("BatchWriteItem", "test-voters", times=2)
    with listening(throttler):
        load(deployment.runtime, tmp_path, ALL)

    assert throttler.left == 0
    assert len(everybody(deployment)) == 30


def test_a_shard_has_more_than_one_block_when_it_has_to(deployment: Deployment, tmp_path: Path) -> None:
    count = 8 * BLOCK + 3
    load(deployment.runtime, tmp_path, callers(count))

    assert count == len(set(queue()))
    cursors = store.cursors(pools.find(POOL))
    assert [cursor.tail for cursor in cursors] == [BLOCK + 1] * 3 + [BLOCK] * 5
    assert len(list(store.blocks(POOL, 0, 0, BLOCK + 1))) == 2
