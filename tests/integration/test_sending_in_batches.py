"""What a batch of messages shares: departures, budget, and the way back of those that must wait."""

from collections import Counter
from datetime import timedelta
from typing import Any

from ringback.domain.messages import State
from ringback.domain.policy import Rule
from ringback.providers.base import Unclear
from ringback.store import sending
from tests.deployment import Deployment, callers, deployed
from tests.integration.wire import AwsRequest, Moment, listening


def planned(deployment: Deployment, people: int) -> list[str]:
    """So many people whose welcome is planned; returns who they are."""
    called = callers(people)
    for index, caller in enumerate(called):
        deployment.ring(caller, call_id=f"call-{index}")
    deployment.react()
    return called


def test_a_departure_before_the_next_release_is_met_without_it() -> None:
    """`release` may have run a moment ago: the queue itself gives the message out again just before its departure."""
    with deployed(SMS_PER_MINUTE="60") as paced:
        (caller,) = planned(paced, 1)
        tickets = paced.queued()
        sending.back_off("exotel-sms", paced.clock.now() + timedelta(seconds=30))
        paced.send(tickets)

        assert paced.message(caller).state is State.HELD
        paced.clock.move(seconds=27)
        assert paced.queued() == []
        paced.clock.move(seconds=2)
        paced.send(paced.queued())
        assert paced.message(caller).state is State.SENT


def test_a_later_departure_is_left_to_release() -> None:
    """The queue can keep a message back for a quarter of an hour only, the ledger for as long as need be."""
    with deployed(SMS_PER_MINUTE="60") as paced:
        (caller,) = planned(paced, 1)
        tickets = paced.queued()
        sending.back_off("exotel-sms", paced.clock.now() + timedelta(minutes=5))
        paced.send(tickets)
        paced.clock.move(minutes=4)

        assert paced.queued() == []
        assert paced.release() == 1
        paced.clock.move(seconds=59)
        paced.send(paced.queued())
        assert paced.message(caller).state is State.SENT


def test_a_batch_takes_its_money_at_once_and_only_what_no_longer_fits_is_refused() -> None:
    """Three messages, money for two: two are sent, one is refused, and nothing more is spent than the budget."""

    def money_for_two(document: dict[str, Any]) -> None:
        document["limits"]["sms_budget_rupees"] = 1

    with deployed() as deployment:
        content = deployment.publish("clean-water", money_for_two)
        cost = content.rendered("welcome", "en").cost_paise
        fit = content.limits.sms_budget_paise // cost
        people = planned(deployment, fit + 1)
        deployment.send(deployment.queued())
        states = [deployment.message(caller).state for caller in people]

        assert states.count(State.SENT) == fit
        assert states.count(State.REFUSED) == 1
        refused = next(m for who in people if (m := deployment.message(who)).state is State.REFUSED)
        assert refused.rule == Rule.BUDGET
        assert sending.standing("clean-water", ()).paise == fit * cost


def test_a_circuit_costs_nothing_until_the_provider_fails() -> None:
    """It comes with the pace's row; one write counts a failure, and one forgets it after the next answer."""
    asked: Counter[str] = Counter()

    def heard(moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.BEFORE and "test-counters" in request.places:
            asked[request.operation] += 1

    with deployed(SMS_PER_MINUTE="60") as paced:
        planned(paced, 4)
        costs = []
        paced.provider.answers = [paced.provider.take, Unclear("503")]
        for ticket in paced.queued():
            paced.clock.move(seconds=3)
            asked.clear()
            with listening(heard):
                paced.send([ticket])
            costs.append(dict(asked))

        # Standing; pace and circuit; the departure (two where nobody waits), the money.
        usual = {"BatchGetItem": 1, "GetItem": 1, "UpdateItem": 3}
        one_more = usual | {"UpdateItem": 4}
        assert costs == [usual, one_more, one_more, usual]
