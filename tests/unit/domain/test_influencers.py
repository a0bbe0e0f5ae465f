"""An influencer's stages: one table of moves, and what takes a go-ahead back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain import influencers
from ringback.domain.influencers import (
    HISTORY_KEPT,
    Blocked,
    Change,
    Influencer,
    Limits,
    Stage,
    after,
    may_be_patched,
    moved,
)

NOW = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)
SOMEBODY = Influencer("a" * 26, "clean-water", "+919000000101", "hi", NOW)
APPROVED = replace(SOMEBODY, stage=Stage.APPROVED, stage_at=NOW, revision=3, review=1)
LIMITS = Limits(calls_per_day=3, most_short_calls=4, most_complaints=2, valid_for=timedelta(days=30))
"""The shares are the usual ones: a fifth of the day's talks, and two in a hundred since the go-ahead."""

TABLE = {
    Stage.NEW: {Change.INFORMED: Stage.INFORMED, Change.REVOKED: Stage.REVOKED},
    Stage.INFORMED: {Change.REVIEW_OPENED: Stage.IN_REVIEW, Change.REVOKED: Stage.REVOKED},
    Stage.IN_REVIEW: {
        Change.APPROVED: Stage.APPROVED,
        Change.REJECTED: Stage.REJECTED,
        Change.EXPIRED: Stage.INFORMED,
        Change.REVOKED: Stage.REVOKED,
    },
    Stage.APPROVED: {
        Change.EXPIRED: Stage.INFORMED,
        Change.HELD: Stage.INFORMED,
        Change.REVOKED: Stage.REVOKED,
    },
    Stage.REJECTED: {Change.REOPENED: Stage.INFORMED, Change.REVOKED: Stage.REVOKED},
    Stage.REVOKED: {Change.REOPENED: Stage.INFORMED},
}


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("change", Change)
def test_a_change_follows_from_the_stages_in_the_table_and_from_no_other(
    stage: Stage, change: Change
) -> None:
    assert after(stage, change) is TABLE[stage].get(change)
    assert (stage in influencers.predecessors(change)) is (change in TABLE[stage])


@given(st.lists(st.sampled_from(Change)))
def test_nobody_is_approved_but_after_manifesto_and_review_in_whatever_order_news_comes(
    changes: list[Change],
) -> None:
    influencer = SOMEBODY
    for n, change in enumerate(changes):
        influencer = moved(influencer, change, f"cause-{n}", NOW) or influencer

    stages = [Stage.NEW, *(move.stage for move in influencer.history)]
    for before, move in zip(stages, influencer.history, strict=False):
        if len(influencer.history) < HISTORY_KEPT:
            assert TABLE[before][move.change] is move.stage
        if move.stage is Stage.APPROVED and len(influencer.history) < HISTORY_KEPT:
            assert before is Stage.IN_REVIEW
    assert influencer.stage is stages[-1]
    assert len(influencer.history) <= HISTORY_KEPT


def test_a_move_keeps_its_cause_and_a_change_that_does_not_follow_is_none() -> None:
    informed = moved(SOMEBODY, Change.INFORMED, "exotel:call-1/turn-2", NOW)

    assert informed is not None
    assert (informed.stage, informed.because, informed.revision) == (
        Stage.INFORMED,
        "exotel:call-1/turn-2",
        1,
    )
    assert moved(informed, Change.INFORMED, "exotel:call-1/turn-2", NOW) is None
    assert moved(informed, Change.APPROVED, "r001", NOW) is None


def test_every_review_of_an_influencer_has_a_number_of_its_own() -> None:
    first = moved(replace(SOMEBODY, stage=Stage.INFORMED), Change.REVIEW_OPENED, "call-1", NOW)
    assert first is not None
    back = moved(first, Change.EXPIRED, "r001", NOW)
    assert back is not None
    second = moved(back, Change.REVIEW_OPENED, "call-2", NOW)

    assert second is not None
    assert (first.review, second.review) == (1, 2)


def test_who_is_held_talks_to_a_tracker_again_and_a_new_go_ahead_clears_the_count() -> None:
    held = moved(replace(APPROVED, short=9), Change.HELD, "short-calls", NOW)

    assert held is not None
    assert (held.stage, held.held) == (Stage.INFORMED, "short-calls")
    in_review = moved(held, Change.REVIEW_OPENED, "call-2", NOW)
    assert in_review is not None
    again = moved(in_review, Change.APPROVED, "r002", NOW)
    assert again is not None
    assert (again.held, again.short) == (None, 0)


@pytest.mark.parametrize(
    ("influencer", "blocked"),
    [
        (None, Blocked.NOT_APPROVED),
        *(
            (replace(APPROVED, stage=stage), Blocked.NOT_APPROVED)
            for stage in Stage
            if stage is not Stage.APPROVED
        ),
        (replace(APPROVED, stage_at=NOW - timedelta(days=30)), Blocked.EXPIRED),
        (replace(APPROVED, short=4, talks_today=19), Blocked.HELD),
        (replace(APPROVED, short=4, talks_today=20), None),
        (replace(APPROVED, short=30, talks_today=750), None),
        (replace(APPROVED, short=3, talks_today=3), None),
        (replace(APPROVED, complaints=2, talks=99), Blocked.HELD),
        (replace(APPROVED, complaints=2, talks=100), None),
        (replace(APPROVED, complaints=1, talks=1), None),
        (replace(APPROVED, day="2026-03-02", today=3), Blocked.DAY_CAP),
        (replace(APPROVED, day="2026-03-01", today=3), None),
        (replace(APPROVED, day="2026-03-02", today=2, short=3, complaints=1), None),
    ],
)
def test_a_voter_is_opened_for_the_approved_within_their_limits_alone(
    influencer: Influencer | None, blocked: Blocked | None
) -> None:
    assert may_be_patched(influencer, LIMITS, NOW) is blocked


@pytest.mark.parametrize(
    ("others", "blocked"), [(0, None), (2, None), (3, Blocked.AT_ONCE), (9, Blocked.AT_ONCE)]
)
def test_no_more_calls_of_one_caller_go_on_at_once_than_the_limit(
    others: int, blocked: Blocked | None
) -> None:
    assert may_be_patched(APPROVED, LIMITS, NOW, others) is blocked


def test_a_call_whose_lease_is_over_no_longer_goes_on_and_the_call_itself_is_no_other() -> None:
    calls = {"a": NOW + timedelta(seconds=1), "b": NOW, "c": NOW + timedelta(seconds=1)}

    assert replace(APPROVED, live=calls).live_beside("c", NOW).keys() == {"a"}


def test_a_day_is_an_indian_day() -> None:
    late = datetime(2026, 3, 1, 18, 31, tzinfo=UTC)

    assert influencers.india_day(late).isoformat() == "2026-03-02"
