"""Moments as text, and Indian time."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.domain import times

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(times.INDIA))


def test_a_moment_is_written_in_utc_to_the_millisecond() -> None:
    assert times.written(datetime(2026, 11, 21, 11, tzinfo=times.INDIA)) == "2026-11-21T05:30:00.000+00:00"


def test_india_is_five_and_a_half_hours_ahead() -> None:
    assert datetime(2026, 11, 21, 5, 30, tzinfo=UTC) == datetime(2026, 11, 21, 11, tzinfo=times.INDIA)
    assert datetime(2026, 11, 21, tzinfo=times.INDIA).tzname() == "IST"


@settings(derandomize=True, max_examples=100)
@given(MOMENTS)
def test_reading_gives_back_what_was_written_to_the_millisecond(moment: datetime) -> None:
    assert timedelta() <= moment - times.read(times.written(moment)) < timedelta(milliseconds=1)


@settings(derandomize=True, max_examples=100)
@given(MOMENTS, MOMENTS)
def test_texts_sort_as_moments_do(one: datetime, other: datetime) -> None:
    if one <= other:
        assert times.written(one) <= times.written(other)
    else:
        assert times.written(one) >= times.written(other)
