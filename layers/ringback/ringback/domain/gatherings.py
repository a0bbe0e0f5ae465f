"""Gatherings: meetings, trainings, rallies to which callers say yes or no (F65–F70)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


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
