"""The local clock: a run starts at eleven in the morning Indian time, whenever it is started, and never goes back."""

from datetime import datetime, time, timedelta, timezone

INDIA = timezone(timedelta(hours=5, minutes=30))
STARTS_AT = time(11, 0)
LATEST_START = time(20, 0)
"""A clock that stood later than this when its stack stopped goes on at the next day's start: at night nothing is sent."""


def offset(now: datetime, stood_at: datetime | None) -> timedelta:
    """What to add to `now` for a run that starts now. `stood_at` is where the clock of the run before it stopped."""
    today = datetime.combine(now.astimezone(INDIA), STARTS_AT, INDIA)
    if stood_at is None:
        return today - now
    local = stood_at.astimezone(INDIA)
    if STARTS_AT <= local.time() <= LATEST_START:
        return stood_at - now
    start = datetime.combine(local, STARTS_AT, INDIA)
    return (start if start >= local else start + timedelta(days=1)) - now
