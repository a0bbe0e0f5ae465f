"""A message that two workers have at once, of which the one with the claim dies."""

from dataclasses import replace
from datetime import timedelta

from ringback.domain.messages import State
from ringback.store import messages as ledger
from ringback.store import sending
from tests.deployment import deployed


def test_the_ticket_of_a_worker_that_lost_the_race_comes_round_again_until_the_claim_is_settled() -> None:
    with deployed(SMS_PER_MINUTE="60") as deployment:
        deployment.ring()
        deployment.react()
        tickets = deployment.queued()
        clock = deployment.clock
        sending.depart(
            "exotel-sms", clock.now(), timedelta(seconds=2)
        )  # somebody departs before us, so we wait
        wait, taken = clock.sleep, []

        def another_worker_is_faster(seconds: float) -> None:
            waiting = deployment.message()
            claimed = replace(waiting, state=State.CLAIMED, claim="another", claimed_at=clock.now())
            assert ledger.claim(claimed)
            taken.append(claimed)
            wait(seconds)

        clock.sleep = another_worker_is_faster  # type: ignore[method-assign]
        again = deployment.sender.send(tickets)
        clock.sleep = wait  # type: ignore[method-assign]

        (claimed,) = taken
        assert [(claimed.person, claimed.name)] == [(ticket.hash_key, ticket.range_key) for ticket in again]
        assert again == deployment.sender.send(again)

        clock.move(seconds=120)
        assert deployment.sender.send(again) == []
        settled = ledger.load(claimed.person, claimed.name)
        assert settled is not None
        assert State.UNKNOWN is settled.state
        assert deployment.provider.taken == []
