"""Moments as operators write them: a date or time of Indian time, or how long ago."""

import re
from datetime import datetime, timedelta

import click

from ringback.domain.times import INDIA

Written = datetime | timedelta
"""A moment, or the time between it and now."""

_AGO = re.compile(r"(\d{1,6})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Moment(click.ParamType[Written]):
    """`2026-11-21`, `2026-11-21T11:30` (Indian time unless it says another), or `45m`, `2h`, `3d` ago."""

    name = "moment"

    def convert(
        self, value: str | Written, param: click.Parameter | None, ctx: click.Context | None
    ) -> Written:
        if not isinstance(value, str):
            return value
        if ago := _AGO.fullmatch(value):
            return timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"{value!r} is no moment: write 2026-11-21, 2026-11-21T11:30 (Indian time), or 2h or 3d for so long ago",
                param,
                ctx,
            )
        return at if at.tzinfo else at.replace(tzinfo=INDIA)


MOMENT = Moment()


def spoken(duration: timedelta) -> str:
    """A duration in words, to its two largest units: `3 min 20 s`, `30 days`."""
    seconds = round(duration.total_seconds())
    days = seconds // 86400
    units = [
        (days, "day" if days == 1 else "days"),
        (seconds // 3600 % 24, "h"),
        (seconds // 60 % 60, "min"),
        (seconds % 60, "s"),
    ]
    return " ".join([f"{n} {unit}" for n, unit in units if n][:2]) or "0 s"


def read(written: Written, now: datetime) -> datetime:
    """The moment meant."""
    return now - written if isinstance(written, timedelta) else written
