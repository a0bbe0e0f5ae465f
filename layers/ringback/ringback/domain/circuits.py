"""The circuit to one account of a provider: open while the provider fails, so that nothing more is thrown into a storm (R18).

Closed, everything passes. Enough failures in a row open it; when its time is up, one request tries the provider (half-open), and what
comes of that closes it or opens it again, for longer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

OPENS_AFTER = 5
"""Failures in a row. SOURCE: the reliability list, R18: "circuit opens after 5"."""

OPEN_FOR_FIRST = timedelta(minutes=1)
OPEN_FOR_LONGEST = timedelta(minutes=10)
"""Our assumption: each try may cost a message whose fate a person must settle, so tries get rarer; but what waits should not lose
more than ten minutes of its window after the provider has recovered."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """Where a circuit stands. `Circuit()` is closed, with nothing against the provider."""

    failures: int = 0
    """In a row, while it is closed."""
    openings: int = 0
    """How often it has opened since it was last closed."""
    open_until: datetime | None = None
    """None: it is closed. Past: it waits for one to try. It also stands for the end of a try, while one is being made."""

    def opened(self, now: datetime) -> "Circuit":
        """As it stands after a failure too many, or after a try that failed: twice as long as the time before, within the bound."""
        # The exponent is bounded as well: a provider may be gone for a week.
        longer = OPEN_FOR_FIRST * 2 ** min(self.openings, 10)
        return Circuit(openings=self.openings + 1, open_until=now + min(longer, OPEN_FOR_LONGEST))

    def tried_until(self, until: datetime) -> "Circuit":
        """As it stands while one request tries the provider: open to all others, at the longest until `until`."""
        return Circuit(openings=self.openings, open_until=until)

    @property
    def must_open(self) -> bool:
        return self.open_until is None and self.failures >= OPENS_AFTER
