"""Many callers at once, over HTTP: each gets a voter of their own (F42, X1). Runs against any DynamoDB that AWS_ENDPOINT_URL_DYNAMODB names."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ringback import settings
from ringback.domain.pools import PoolState
from ringback.runtime import Runtime
from ringback.services.pools import Pools, change, find, recount
from ringback.store import pools as store
from ringback_local import dynamodb
from tests.deployment import StandingClock, callers, environment
from tests.integration.voters import POOL, claimed, load

pytestmark = pytest.mark.enable_socket

CALLERS = 250


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    with dynamodb.running("test-pools-"):
        yield Runtime(settings.from_environment(environment(TABLE_PREFIX="test-pools-")), StandingClock())


def test_250_callers_at_once_on_250_voters_get_250_different_ones(runtime: Runtime, tmp_path: Path) -> None:
    load(runtime, tmp_path, callers(CALLERS))
    change(runtime, POOL, PoolState.OPEN)
    doors = [Pools(runtime) for _ in range(25)]

    def call(n: int) -> str | None:
        ticket = claimed(runtime, doors[n % len(doors)], f"exotel:{n}/1")
        return ticket.person if ticket else None

    with ThreadPoolExecutor(CALLERS) as phones:
        people = list(phones.map(call, range(CALLERS + 10)))

    assert people.count(None) == 10
    assert len(set(people)) == CALLERS + 1
    assert (store.standing(find(POOL)).queued, recount(POOL)[0].claimed) == (0, CALLERS)
