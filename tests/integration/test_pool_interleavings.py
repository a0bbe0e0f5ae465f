"""Callers, late workers, lost workers, repeats and schedules in any order: nobody is rung by two live claims, after they were reached,
or more often than the campaign allows (X1).
"""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from hypothesis.strategies import integers, sampled_from

from ringback.domain.pools import Outcome, PoolState, State, Ticket, standing
from ringback.services.pools import Pools, change, find, reissue_due, sweep
from ringback.store import pools as store
from ringback.store import voters
from tests.deployment import callers, deployed
from tests.integration.test_pools import EVERY_DAY
from tests.integration.voters import POOL, claim, load

PEOPLE = 5


class Calls(RuleBasedStateMachine):
    """A pool of a few, so that they meet often."""

    tickets = Bundle("tickets")
    claims = Bundle("claims")

    @initialize()
    def begin(self) -> None:
        self.stack = ExitStack()
        self.deployment = self.stack.enter_context(deployed())
        self.runtime = self.deployment.runtime
        folder = Path(self.stack.enter_context(TemporaryDirectory()))
        load(self.runtime, folder, callers(PEOPLE))
        change(self.runtime, POOL, PoolState.OPEN)
        self.doors = Pools(self.runtime)
        self.live: dict[str, str] = {}
        self.rung: dict[str, int] = {}
        self.reached: set[str] = set()
        self.calls = 0

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.stack.close()

    @rule(target=tickets)
    def take(self) -> Ticket | None:
        """A door takes a ticket; it may die with it, or claim much later."""
        self.calls += 1
        return self.doors.take(POOL, f"exotel:{self.calls}/1")

    @rule(target=claims, ticket=tickets)
    def claim(self, ticket: Ticket | None) -> tuple[str, str] | None:
        self.calls += 1
        key = f"exotel:{self.calls}/1"
        if ticket is None or not claim(self.runtime, ticket, key):
            return None
        assert ticket.person not in self.live
        assert ticket.person not in self.reached
        self.live[ticket.person] = key
        self.rung[ticket.person] = self.rung.get(ticket.person, 0) + 1
        return ticket.person, key

    @rule(claimed=claims, outcome=sampled_from(Outcome))
    def settle(self, claimed: tuple[str, str] | None, outcome: Outcome) -> None:
        """An outcome is told: the first, a repeat, or one of a claim long over."""
        if claimed is None:
            return
        person, key = claimed
        if self.doors.settle(POOL, person, key, outcome, EVERY_DAY):
            if self.live.get(person) == key:
                del self.live[person]
            if outcome is Outcome.REACHED:
                self.reached.add(person)

    @rule(hours=integers(1, 30))
    def schedules_run(self, hours: int) -> None:
        self.deployment.clock.move(hours=hours)
        reissue_due(self.runtime)
        sweep(self.runtime)

    @rule()
    def a_paused_pool_gives_nobody(self) -> None:
        change(self.runtime, POOL, PoolState.PAUSED)
        assert self.doors.take(POOL, "exotel:paused/1") is None
        change(self.runtime, POOL, PoolState.OPEN)

    @invariant()
    def everybody_stands_where_they_should(self) -> None:
        if not hasattr(self, "reached"):
            return
        everybody = list(voters.every(POOL))
        assert len(everybody) == PEOPLE
        for each in everybody:
            assert (each.state is State.CLAIMED) is (each.person in self.live)
            assert (each.state is State.REACHED) is (each.person in self.reached)
            assert each.attempts == self.rung.get(each.person, 0) <= EVERY_DAY.attempts_per_voter
        assert store.standing(find(POOL)).counts() == standing(everybody).counts()


def test_no_order_of_events_rings_a_voter_twice_at_once_or_too_often() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Calls,
        settings=settings(
            max_examples=5,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
