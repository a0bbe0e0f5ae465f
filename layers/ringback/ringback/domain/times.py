"""Moments: how they are written down, and Indian time.

India has one zone and no daylight saving since 1945, so a fixed offset says it all and needs no zone files at run time.
"""

from datetime import UTC, datetime, timedelta, timezone

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""Before anything that any journal holds."""

INDIA = timezone(timedelta(hours=5, minutes=30), "IST")


def written(at: datetime) -> str:
    """A moment as text that sorts as time does: UTC, milliseconds, always the same width: `2026-11-21T05:30:00.000+00:00`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def read(text: str) -> datetime:
    """The moment that `written` wrote."""
    return datetime.fromisoformat(text)
