"""How long a backlog takes to leave."""

from datetime import datetime, timedelta

import pytest

from ringback.domain.times import INDIA
from ringback_cli.backlog import time_left

NOW = datetime(2026, 11, 21, 11, 0, tzinfo=INDIA)


@pytest.mark.parametrize(
    ("queued", "next_departure", "per_minute", "left"),
    [
        (0, None, 200, timedelta()),
        (0, NOW - timedelta(hours=1), 200, timedelta()),
        (194, None, 200, timedelta(minutes=1)),
        (194, NOW + timedelta(minutes=5), 200, timedelta(minutes=6)),
        (5000, None, 0, timedelta()),
    ],
    ids=[
        "nothing",
        "departures long gone",
        "a minute's worth",
        "after those that have their departure",
        "no limit",
    ],
)
def test_what_is_queued_leaves_after_the_departures_taken_at_the_pace_of_the_sender(
    queued: int, next_departure: datetime | None, per_minute: int, left: timedelta
) -> None:
    assert left == time_left(queued, next_departure, per_minute, NOW)
