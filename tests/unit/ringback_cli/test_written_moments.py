"""Moments and durations as operators write and read them."""

from datetime import datetime, timedelta

import click
import pytest

from ringback.domain.times import INDIA
from ringback_cli import moments

NOW = datetime(2026, 11, 21, 11, 0, tzinfo=INDIA)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=INDIA)),
        ("2026-11-20T09:30", datetime(2026, 11, 20, 9, 30, tzinfo=INDIA)),
        ("2026-11-20T04:00+00:00", datetime(2026, 11, 20, 9, 30, tzinfo=INDIA)),
        ("45m", NOW - timedelta(minutes=45)),
        ("2h", NOW - timedelta(hours=2)),
        ("3d", NOW - timedelta(days=3)),
    ],
)
def test_a_moment_is_indian_time_or_so_long_ago(written: str, meant: datetime) -> None:
    assert meant == moments.read(moments.MOMENT.convert(written, None, None), NOW)


@pytest.mark.parametrize("written", ["yesterday", "2026-13-01", "2w", "-1h", ""])
def test_what_is_no_moment_is_refused_with_examples(written: str) -> None:
    with pytest.raises(click.BadParameter, match="write 2026-11-21"):
        moments.MOMENT.convert(written, None, None)


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=3, seconds=20), "3 min 20 s"),
        (timedelta(hours=2, minutes=5, seconds=9), "2 h 5 min"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=30), "30 days"),
    ],
)
def test_a_duration_is_told_to_its_two_largest_units(duration: timedelta, words: str) -> None:
    assert words == moments.spoken(duration)
