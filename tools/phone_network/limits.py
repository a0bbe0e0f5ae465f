"""Counting requests in a window of 60 seconds: to refuse what is too much, and to know the most there was."""

from collections import deque

WINDOW_SECONDS = 60.0


class Limit:
    """At most so many requests in any 60 seconds; 0 = no limit. Refused requests do not count."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._admitted: deque[float] = deque()

    def admits(self, now: float) -> bool:
        """Say whether a request at this monotonic time may pass, and count it if so."""
        if not self._per_minute:
            return True
        _forget(self._admitted, now)
        if len(self._admitted) >= self._per_minute:
            return False
        self._admitted.append(now)
        return True


class Busiest:
    """The most that was seen in any 60 seconds."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque()
        self.total = 0
        self.most = 0

    def add(self, now: float) -> None:
        """Count one at this monotonic time."""
        _forget(self._recent, now)
        self._recent.append(now)
        self.total += 1
        self.most = max(self.most, len(self._recent))


def _forget(times: deque[float], now: float) -> None:
    while times and times[0] <= now - WINDOW_SECONDS:
        times.popleft()
