"""Election silence: the hours before a poll closes in which nobody in its area is campaigned at (E1, E2).

A silence is content, because each polling area has its own day and its officer may ask for more than the law's 48 hours.
SOURCE: Representation of the People Act 1951, section 126, and the ECI on bulk SMS and voice messages, as reported by
deccanchronicle.com/news/politics/ec-bans-bulk-smss-during-silence-period-1910085; 72 hours in one district: …/891897.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ringback.domain.documents import Section

_AREA = re.compile(r"[a-z]{2,12}:[A-Za-z0-9-]{1,20}(/[A-Za-z0-9-]{1,20}){0,6}")


@dataclass(frozen=True, slots=True)
class Silence:
    """From `start` up to, not including, `end`, nothing leaves to people in `area` (`eci:S13/26/112`, or a larger `eci:S13`)."""

    area: str
    start: datetime
    end: datetime
    source: str
    """Who says so: the notification, or the officer's order."""

    def concerns(self, place: str | None) -> bool:
        """Whether somebody at `place` may be in the area. Who may be is: nobody knows better of an unknown place, of one told less
        exactly than the area, or of one named in another gazetteer.
        """
        if place is None or place.partition(":")[0] != self.area.partition(":")[0]:
            return True
        return _is_within(place, self.area) or _is_within(self.area, place)


def _is_within(place: str, area: str) -> bool:
    return f"{place}/".startswith(f"{area}/")


def silent_until(silences: Iterable[Silence], place: str | None, now: datetime) -> datetime | None:
    """When the silence that keeps somebody at `place` from being contacted `now` ends; None when there is none."""
    running = (each.end for each in silences if each.start <= now < each.end and each.concerns(place))
    return max(running, default=None)


def read_silences(sections: Iterable[Section]) -> tuple[Silence, ...]:
    """Read `silences`: a list of `{area, from, until, source}`."""
    return tuple(map(_silence, sections))


def _silence(section: Section) -> Silence:
    silence = Silence(
        area=section.text("area", _AREA, "a place such as `eci:S13/26/112`"),
        start=section.moment("from"),
        end=section.moment("until"),
        source=section.text("source"),
    )
    if silence.end <= silence.start:
        section.problem("until", "must be later than `from`")
    return silence
