"""Many requests at once, from one process that does nothing else."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import aiohttp


@dataclass(frozen=True, slots=True)
class Load:
    """How it went: answers by status (0 = none came), seconds for all of it, milliseconds for each."""

    statuses: Counter[int]
    seconds: float
    milliseconds: Sequence[float]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.milliseconds) / self.seconds

    def p(self, percent: int) -> float:
        return statistics.quantiles(self.milliseconds, n=100)[percent - 1]


def get_all(addresses: Sequence[str], at_once: int) -> Load:
    """Get every address once, `at_once` of them at any time, as fast as they are answered."""
    return asyncio.run(_get_all(iter(addresses), at_once))


async def _get_all(addresses: Iterator[str], at_once: int) -> Load:
    statuses: Counter[int] = Counter()
    milliseconds: list[float] = []

    async def client(session: aiohttp.ClientSession) -> None:
        for address in addresses:
            began = time.perf_counter()
            statuses[await _status(session, address)] += 1
            milliseconds.append((time.perf_counter() - began) * 1000)

    started = time.perf_counter()
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(client(session) for _ in range(at_once)))
    return Load(statuses, time.perf_counter() - started, milliseconds)


async def _status(session: aiohttp.ClientSession, address: str) -> int:
    try:
        async with session.get(address) as answer:
            await answer.read()
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return 0
