"""Gatherings: meetings, trainings, rallies to which callers say yes or no (F65–F70)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

REMIND_BEFORE = timedelta(hours=20)
"""How long before the start people are reminded, unless the content says otherwise: the afternoon before a morning."""


@dataclass(frozen=True, slots=True)
class GatheringTexts:
    """What people read about their answer by SMS; each is the name of a text of the campaign."""

    confirmation: str
    """A place is theirs."""
    waiting_list: str
    """All places are taken; we write when one becomes free."""
    place_free: str
    """A place became free for somebody on the waiting list."""
    reminder: str

    @property
    def all(self) -> frozenset[str]:
        return frozenset({self.confirmation, self.waiting_list, self.place_free, self.reminder})


@dataclass(frozen=True, slots=True)
class Gathering:
    """Where and when people meet, and how many fit in. What callers hear and read of it is by language."""

    id: str
    names: Mapping[str, str]
    places: Mapping[str, str]
    times: Mapping[str, str]
    """`starts_at` as it is said: `Sunday, 6 December, at ten in the morning`."""
    starts_at: datetime
    capacity: int
    texts: GatheringTexts | None = None
    """None: nobody is written to about it."""
    remind_before: timedelta = REMIND_BEFORE

    @property
    def remind_at(self) -> datetime:
        return self.starts_at - self.remind_before
