"""The figures of a story, made of what was watched."""

from datetime import UTC, datetime, timedelta

import pytest

from ringback_cli.stories.missed_calls.figures import times_to_count
from ringback_cli.stories.spreads import per_second, spread

START = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_a_call_is_counted_when_the_count_has_reached_its_place() -> None:
    looks = [(at(0.5), 0), (at(1.0), 1), (at(2.0), 3)]

    assert pytest.approx(times_to_count([at(0), at(0.1), at(0.2)], looks)) == [1.0, 1.9, 1.8]


def test_a_call_that_nobody_saw_counted_gives_no_figure() -> None:
    assert times_to_count([at(0), at(0.5)], [(at(1), 1)]) == [1.0]


def test_a_rate_is_over_the_time_between_the_first_and_the_last() -> None:
    assert per_second([at(0), at(2), at(1)]) == 1.5
    assert per_second([at(0)]) == 0.0


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, 1.0), (0.5, 3.0), (0.95, 5.0), (1.0, 5.0)],
    ids=["least", "p50", "p95", "most"],
)
def test_a_spread_is_the_value_that_a_share_is_not_above(share: float, expected: float) -> None:
    assert expected == spread([5.0, 1.0, 3.0, 2.0, 4.0], share)


def test_a_spread_of_nothing_is_nothing() -> None:
    assert spread([], 0.95) == 0.0
