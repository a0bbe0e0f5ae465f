"""People who are rung in the course of somebody else's call: what their phones saw, and how many talk at once.

Times here are the network's own, not a call's voice time, so that two calls can be held against each other.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from phone_network.clock import Clock
from phone_network.events import Feed
from phone_network.handsets import Handset


@dataclass(slots=True, eq=False)
class SecondLeg:
    """One ringing of a second person. `status` is empty until it has ended; `shown`: the number they saw."""

    call_sid: str
    caller: str
    callee: str
    number: str
    shown: str
    rang_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    status: str = ""
    talked_seconds: float = 0.0
    whispered: list[str] = field(default_factory=list)


class SecondLegs:
    """All of them, in the order of ringing; and of every number of ours, how many patched calls it held at once."""

    def __init__(self, clock: Clock, feed: Feed) -> None:
        self._clock = clock
        self._feed = feed
        self.all: list[SecondLeg] = []
        self.bridged: Counter[str] = Counter()
        self.most_bridged: Counter[str] = Counter()
        self.most_bridged_in_all = 0
        self.answer_seconds: list[float] = []
        """How long a caller waited each time until we had said whom to ring."""

    @contextmanager
    def ringing(
        self, call_sid: str, caller: str, handset: Handset, number: str, shown: str
    ) -> Iterator[SecondLeg]:
        """Note that a phone rings, and that its holder is engaged, for as long as the leg lasts."""
        leg = SecondLeg(call_sid, caller, handset.phone, number, shown, self._clock.now())
        self.all.append(leg)
        self._tell("leg.ringing", leg)
        try:
            with handset.engaged(is_rung=True):
                yield leg
        finally:
            leg.ended_at = self._clock.now()
            self._tell(
                "leg.ended",
                leg,
                status=leg.status,
                talked_seconds=round(leg.talked_seconds, 3),
                whispered=leg.whispered,
            )

    @contextmanager
    def bridging(self, leg: SecondLeg) -> Iterator[None]:
        """Note that two people talk, for as long as they do."""
        leg.answered_at = self._clock.now()
        self._tell("leg.bridged", leg)
        self.bridged[leg.number] += 1
        self.most_bridged[leg.number] = max(self.most_bridged[leg.number], self.bridged[leg.number])
        self.most_bridged_in_all = max(self.most_bridged_in_all, self.bridged.total())
        try:
            yield
        finally:
            self.bridged[leg.number] -= 1

    def _tell(self, event: str, leg: SecondLeg, **more: object) -> None:
        self._feed.tell(event, call_sid=leg.call_sid, **{"from": leg.caller, "to": leg.callee}, **more)
