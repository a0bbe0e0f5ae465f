"""The life of one SMS in the ledger: which moves there are, and the names that come from causes."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.domain import messages
from ringback.domain.facts import Delivery
from ringback.domain.messages import Message, State

NOW = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)
MESSAGE = Message(
    "p",
    messages.name_for("clean-water", "welcome", "exotel:1"),
    "clean-water",
    "welcome",
    "en",
    "exotel:1",
    NOW,
)


@pytest.mark.parametrize("before", State)
def test_no_state_but_a_hold_follows_itself_and_nothing_follows_a_final_one(before: State) -> None:
    assert (before is State.HELD) is messages.may_follow(before, before)
    if before in messages.FINAL:
        assert not any(messages.may_follow(before, after) for after in State)


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_the_condition_of_a_move_is_the_list_of_its_predecessors(before: State, after: State) -> None:
    assert messages.may_follow(before, after) is (before in messages.predecessors(after))


def test_nothing_leads_back_from_unknown_or_sent_to_where_it_could_be_sent() -> None:
    for left in (State.UNKNOWN, State.SENT):
        assert not any(messages.may_follow(left, after) for after in (*messages.CLAIMABLE, State.CLAIMED))


@settings(derandomize=True, max_examples=200)
@given(st.lists(st.sampled_from(State), max_size=12))
def test_along_any_path_a_message_is_claimed_again_only_after_a_hold(wanted: list[State]) -> None:
    """Two claims without a hold in between would be two workers that may both have asked the provider."""
    path = [State.PLANNED]
    for after in wanted:
        if messages.may_follow(path[-1], after):
            path.append(after)
    between = [index for index, state in enumerate(path) if state is State.CLAIMED]
    assert all(State.HELD in path[one:other] for one, other in pairwise(between))


@pytest.mark.parametrize(
    ("delivery", "state"),
    [
        (Delivery.DELIVERED, State.DELIVERED),
        (Delivery.FAILED, State.FAILED),
        (Delivery.IN_PROGRESS, State.SENT),
        (Delivery.UNRECOGNISED, None),
    ],
)
def test_a_report_stands_for_a_state_and_an_unrecognised_one_for_none(
    delivery: Delivery, state: State | None
) -> None:
    assert state is messages.state_reported(delivery)


def test_a_name_comes_from_its_cause_alone() -> None:
    assert MESSAGE.name == messages.name_for("clean-water", "welcome", "exotel:1")
    others = {
        messages.name_for("clean-water", "welcome", "exotel:2"),
        messages.name_for("clean-water", "training", "exotel:1"),
        messages.name_for("library-hours", "welcome", "exotel:1"),
    }
    assert len(others - {MESSAGE.name}) == 3


def test_an_id_says_whose_message_it_is_and_of_which_campaign() -> None:
    assert ("p", MESSAGE.name) == messages.split_id(MESSAGE.message_id)
    assert messages.campaign_of(MESSAGE.message_id) == "clean-water"
    assert len(MESSAGE.message_id) <= 128


@pytest.mark.parametrize("text", ["", "p", "p.", ".c.t.d", "p.c.t", "p.c.t.d.e"])
def test_what_is_not_an_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a message id"):
        messages.split_id(text)


@pytest.mark.parametrize(
    ("claimed_at", "expired"),
    [
        (None, False),
        (NOW - timedelta(seconds=90), False),
        (NOW - timedelta(seconds=90, milliseconds=1), True),
    ],
)
def test_a_claim_ends_with_its_lease(claimed_at: datetime | None, expired: bool) -> None:
    assert expired is messages.claim_expired(claimed_at, 90, NOW)
