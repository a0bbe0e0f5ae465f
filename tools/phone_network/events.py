"""The feed of what happens in the network, for someone who watches.

Event: `{"seq": 12, "at": "2026-01-05T05:30:01.200000+00:00", "event": "sms.delivered", "to":
"+919000000101", ...}`.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from itertools import islice
from typing import Any

from phone_network.clock import Clock

_KEPT = 50_000

Event = dict[str, Any]


class Feed:
    """The last 50,000 events, and those to come."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: deque[Event] = deque(maxlen=_KEPT)
        self._seq = 0
        self._more = asyncio.Event()

    def tell(self, event: str, **data: object) -> None:
        """Add an event."""
        self._seq += 1
        self._events.append({"seq": self._seq, "at": self._clock.now().isoformat(), "event": event, **data})
        self._more.set()

    def since(self, seq: int) -> list[Event]:
        """Return the kept events after this one, oldest first."""
        missing = self._seq - seq
        if missing <= 0:
            return []
        return list(islice(reversed(self._events), missing))[::-1]

    async def follow(self, seq: int, patience_seconds: float) -> AsyncIterator[list[Event]]:
        """Yield the events after this one as they happen; an empty list when nothing happened for a while."""
        while True:
            self._more.clear()
            fresh = self.since(seq)
            if fresh:
                seq = fresh[-1]["seq"]
            else:
                try:
                    async with asyncio.timeout(patience_seconds):
                        await self._more.wait()
                    continue
                except TimeoutError:
                    pass
            yield fresh
