"""The network's own clock, and Exotel's ways to write a time."""

from datetime import UTC, datetime, timedelta

import pytest

from phone_network.clock import Clock, parse_wall, stamp, wall

AT = datetime(2024, 12, 31, 20, 12, 56, tzinfo=UTC)


def test_times_are_written_in_indian_wall_time_across_the_turn_of_the_year() -> None:
    assert wall(AT) == "2025-01-01 01:42:56"
    assert stamp(AT) == "Wed, 01 Jan 2025 01:42:56"


def test_a_written_time_is_read_back_as_indian_time() -> None:
    assert parse_wall("2025-01-01 01:42:56") == AT


def test_a_time_with_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="unconverted data"):
        parse_wall("2025-01-01 01:42:56+05:30")


def test_the_clock_is_off_by_its_offset() -> None:
    off = Clock(3600.0).now() - datetime.now(UTC)

    assert timedelta(seconds=3590) < off <= timedelta(seconds=3600)
