"""Faults on our side of the wire, by a seeded plan: deliveries doubled, workers killed around a provider call.

They live in the local run only. The code in Lambda knows nothing of them; Lambda, SQS and DynamoDB streams do all of this
to it on AWS, only more rarely.
"""

import json
import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum


class Kill(StrEnum):
    """When a worker dies, as seen from its first call to the provider in an invocation."""

    BEFORE = "before"
    """The provider never hears of it."""
    AFTER = "after"
    """The provider has done it, and we never learn so."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How often each fault strikes, 0 to 1, per delivery or invocation."""

    seed: int = 0
    stream_twice: float = 0.0
    """A batch of the journal's stream arrives a second time, half of these while the first is being worked on."""
    queue_twice: float = 0.0
    """A batch of a queue's messages is given to two workers at once."""
    kill_before: float = 0.0
    kill_after: float = 0.0

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        return cls(**json.loads(text))


ROUGH = Plan(stream_twice=0.2, queue_twice=0.2, kill_before=0.02, kill_after=0.02)
"""What `--faults rough` means on our side."""


class Faults:
    """Strikes by a plan, and counts how often it did. Safe for threads; the seed fixes the sequence of decisions."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.struck: Counter[str] = Counter()
        self._random = random.Random(plan.seed)
        self._lock = threading.Lock()

    def stream(self, deliver: Callable[[], bool]) -> bool:
        """Deliver a stream batch, perhaps twice: one after the other or both at once. Tells how the first one went."""
        if not self._strikes("stream_twice", self.plan.stream_twice):
            return deliver()
        if self._chance(0.5):
            return self._at_once(deliver)
        first = deliver()
        deliver()
        return first

    def queue(self, deliver: Callable[[], None], again: Callable[[], None]) -> None:
        """Deliver a queue batch, perhaps giving it to a second worker at the same time (`again`)."""
        if not self._strikes("queue_twice", self.plan.queue_twice):
            deliver()
            return
        second = threading.Thread(target=again, daemon=True)
        second.start()
        deliver()
        second.join()

    def kill(self) -> Kill | None:
        """Whether the worker of this invocation dies, and when."""
        if self._chance(self.plan.kill_before):
            return Kill.BEFORE
        if self._chance(self.plan.kill_after):
            return Kill.AFTER
        return None

    def killed(self, kill: Kill) -> None:
        """Count a worker that did die: one that calls no provider survives."""
        self._count(f"kill_{kill}")

    def _at_once(self, deliver: Callable[[], bool]) -> bool:
        second = threading.Thread(target=deliver, daemon=True)
        second.start()
        first = deliver()
        second.join()
        return first

    def _strikes(self, name: str, chance: float) -> bool:
        strikes = self._chance(chance)
        if strikes:
            self._count(name)
        return strikes

    def _count(self, name: str) -> None:
        with self._lock:
            self.struck[name] += 1

    def _chance(self, chance: float) -> bool:
        with self._lock:
            return chance > 0 and self._random.random() < chance
