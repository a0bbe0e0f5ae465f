"""The network's own clock, and the three ways Exotel writes a time.

Provider and campaign never share a clock: the offset of this one can be set, and moved while running.
"""

from datetime import UTC, datetime, timedelta, timezone

IST = timezone(timedelta(hours=5, minutes=30), "IST")

# SOURCE: Exotel, "Working with Passthru": in a flow EndTime is always the epoch, written in Indian time.
EPOCH_IN_INDIA = "1970-01-01 05:30:00"

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Clock:
    """The machine's time plus an offset in seconds."""

    def __init__(self, offset_seconds: float = 0.0) -> None:
        self.offset_seconds = offset_seconds

    def now(self) -> datetime:
        """Return the network's time, in UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.offset_seconds)


def wall(at: datetime) -> str:
    """Write a time as `2024-07-31 16:42:56`: Indian wall time, no zone."""
    return at.astimezone(IST).strftime("%Y-%m-%d %H:%M:%S")


def stamp(at: datetime) -> str:
    """Write a time as `Wed, 31 Jul 2024 16:42:56`: Indian wall time, no zone, English in any locale."""
    local = at.astimezone(IST)
    return f"{_DAYS[local.weekday()]}, {local.day:02} {_MONTHS[local.month - 1]} {local:%Y %H:%M:%S}"


def parse_wall(text: str) -> datetime:
    """Read `2024-07-31 16:42:56` as Indian wall time.

    Raises:
        ValueError: the text is written another way.
    """
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=IST)
