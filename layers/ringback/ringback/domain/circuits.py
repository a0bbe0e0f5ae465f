"""The circuit to one account of a provider: open while the provider fails, so that nothing more is thrown into a storm (R18).

Closed, everything passes. Enough failures in a row open it; when its time is up, one request tries the provider (half-open), and what
comes of that closes it or opens it again, for longer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

OPENS_AFTER = 5
"""Failures in a row. SOURCE: the reliability list, R18: "circuit opens after 5"."""

LONGEST = 10
"""Times the first opening, which is a minute on AWS (`settings`). Our assumption: each try may cost a message whose fate a person must
settle, so tries get rarer; but what waits should not lose more than ten minutes of its window after the provider has recovered."""

TRY_IS_OVER_AFTER = timedelta(seconds=5)
"""When to ask what came of a try. Our assumption: a provider that has recovered answers by then. One that has not may take longer, and
then what waits is looked at once more: cheap, while waiting out the lease of the worker that tries would cost a minute and a half."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """Where a circuit stands. `Circuit()` is closed, with nothing against the provider."""

    failures: int = 0
    """In a row, while it is closed."""
    openings: int = 0
    """How often it has opened since it was last closed."""
    open_until: datetime | None = None
    """None: it is closed. Past: it waits for one to try. It also stands for the end of a try, while one is being made."""
    is_tried: bool = False
    """Whether it is open only because one is trying."""

    def opened(self, now: datetime, first: timedelta) -> "Circuit":
        """As it stands after a failure too many, or after a try that failed: twice as long as the time before, within the bound.

        `first` is for how long it opens the first time.
        """
        # The exponent is bounded as well: a provider may be gone for a week.
        longer = first * min(2 ** min(self.openings, 10), LONGEST)
        return Circuit(openings=self.openings + 1, open_until=now + longer)

    def tried_until(self, until: datetime) -> "Circuit":
        """As it stands while one request tries the provider: open to all others, at the longest until `until`."""
        return Circuit(openings=self.openings, open_until=until, is_tried=True)

    def asked_again_at(self, now: datetime) -> datetime | None:
        """When whoever finds it open now should ask again: when its time is up, but soon while one tries. None when it is not open."""
        if self.open_until is None or self.open_until <= now:
            return None
        return min(self.open_until, now + TRY_IS_OVER_AFTER) if self.is_tried else self.open_until

    @property
    def must_open(self) -> bool:
        return self.open_until is None and self.failures >= OPENS_AFTER
