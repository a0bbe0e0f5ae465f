"""Delivers a table's stream to a function as an event source mapping of AWS does: in lanes by key, with finite retries,
bisection and a failure destination. MiniStack delivers one batch at a time and repeats a failing one for ever."""

import json
import threading
import time
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

Record = dict[str, Any]

RETRY_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8)
"""The wait before each further attempt, the last one also before all that follow: shorter than on AWS."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """The settings of a stream's event source mapping that shape its deliveries."""

    batch_size: int = 100
    lanes: int = 1
    retries: int = -1
    """Attempts after the first; -1 is without end."""
    bisects: bool = False


class Interrupted(Exception):
    """The stack is being stopped: what is not delivered stays undelivered."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Delivers batches. `invoke` tells whether the function took a batch, or raises `Interrupted`; `give_up` keeps what it
    never took."""

    mapping: Mapping
    invoke: Callable[[list[Record]], bool]
    give_up: Callable[[list[Record]], None]
    wait: Callable[[float], None] = time.sleep

    def deliver(self, records: Iterable[Record]) -> None:
        """Deliver every record. Records of one key arrive in order; different keys may arrive at the same time."""
        lanes = split(records, self.mapping.lanes)
        if len(lanes) == 1:
            self._in_order(lanes[0])
            return
        with ThreadPoolExecutor(len(lanes) or 1, thread_name_prefix="stream-lane") as threads:
            for done in [threads.submit(self._in_order, lane) for lane in lanes]:
                done.result()

    def _in_order(self, lane: list[Record]) -> None:
        for start in range(0, len(lane), self.mapping.batch_size):
            self._batch(lane[start : start + self.mapping.batch_size])

    def _batch(self, batch: list[Record]) -> None:
        attempt = 0
        while not self.invoke(batch):
            if self.mapping.bisects and len(batch) > 1:
                middle = len(batch) // 2
                self._batch(batch[:middle])
                self._batch(batch[middle:])
                return
            if attempt == self.mapping.retries:
                self.give_up(batch)
                return
            self.wait(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
            attempt += 1


def split(records: Iterable[Record], lanes: int) -> list[list[Record]]:
    """Spread records over lanes by the hash of their key, keeping their order; empty lanes are left out."""
    filled: dict[int, list[Record]] = {}
    for record in records:
        key = json.dumps(record["dynamodb"]["Keys"], sort_keys=True)
        filled.setdefault(zlib.crc32(key.encode()) % lanes, []).append(record)
    return list(filled.values())


class Rounds:
    """Runs at most one round of deliveries per mapping at a time, each on a thread of its own."""

    def __init__(self) -> None:
        self._running: set[str] = set()
        self._lock = threading.Lock()

    def begin(self, mapping_id: str, work: Callable[[], None]) -> bool:
        """Start a round, unless one of this mapping is still running; tells whether it started."""
        with self._lock:
            if mapping_id in self._running:
                return False
            self._running.add(mapping_id)
        threading.Thread(target=self._run, args=(mapping_id, work), daemon=True, name="stream-round").start()
        return True

    def is_running(self, mapping_id: str) -> bool:
        with self._lock:
            return mapping_id in self._running

    def count(self) -> int:
        with self._lock:
            return len(self._running)

    def _run(self, mapping_id: str, work: Callable[[], None]) -> None:
        try:
            with suppress(Interrupted):
                work()
        finally:
            with self._lock:
                self._running.discard(mapping_id)
