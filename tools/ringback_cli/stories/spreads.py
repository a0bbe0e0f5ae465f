"""Rates and spreads of what was watched."""

from collections.abc import Sequence
from datetime import datetime


def per_second(moments: Sequence[datetime]) -> float:
    """How many there were a second between the first and the last."""
    if len(moments) < 2:
        return 0.0
    span = (max(moments) - min(moments)).total_seconds()
    return round(len(moments) / span, 1) if span else 0.0


def spread(seconds: Sequence[float], share: float) -> float:
    """The value that `share` of all are not above; 0 for none at all."""
    if not seconds:
        return 0.0
    ordered = sorted(seconds)
    return round(ordered[round((len(ordered) - 1) * share)], 3)
