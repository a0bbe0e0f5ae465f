"""The local clock starts in the morning and never goes back."""

from datetime import UTC, datetime, timedelta

import pytest

from ringback_local.clock import INDIA, offset

NIGHT = datetime(2026, 11, 21, 20, 45, tzinfo=UTC)


def test_the_first_run_starts_at_eleven_indian_time() -> None:
    started = (NIGHT + offset(NIGHT, None)).astimezone(INDIA)

    assert (started.hour, started.minute, started.date()) == (11, 0, NIGHT.astimezone(INDIA).date())


CASES = {
    "goes on where it stood": ("2026-11-22T11:40", "2026-11-22T11:40"),
    "goes on in the evening": ("2026-11-22T19:59", "2026-11-22T19:59"),
    "waits for morning at night": ("2026-11-22T22:00", "2026-11-23T11:00"),
    "waits for the same morning before eleven": ("2026-11-22T04:00", "2026-11-22T11:00"),
}


@pytest.mark.parametrize(("stood", "starts"), CASES.values(), ids=CASES)
def test_a_later_run(stood: str, starts: str) -> None:
    stood_at = datetime.fromisoformat(stood).replace(tzinfo=INDIA)

    started = NIGHT + offset(NIGHT, stood_at)

    assert started == datetime.fromisoformat(starts).replace(tzinfo=INDIA)
    assert started >= stood_at


def test_it_does_not_matter_when_the_run_is_started() -> None:
    stood = datetime(2026, 11, 22, 12, 0, tzinfo=INDIA)

    assert {now + offset(now, stood) for now in (NIGHT, NIGHT + timedelta(days=3))} == {stood}
