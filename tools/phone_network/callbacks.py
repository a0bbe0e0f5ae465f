"""Sending callbacks to the campaign's URLs, as the fault plan has it, and counting what came of them."""

import asyncio
import json
import resource
from array import array
from collections import defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from secrets import token_hex
from time import perf_counter
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from phone_network import deliveries
from phone_network.calls import Call
from phone_network.clock import Clock
from phone_network.config import Passthru, Timing
from phone_network.deliveries import Delivery, Fields
from phone_network.events import Feed
from phone_network.faults import FaultPlan
from phone_network.messages import Sms, Stage

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MULTIPART = "multipart/form-data"

_MOST_CONNECTIONS = 2000
_OTHER_FILES = 200

Spawn = Callable[[str, Coroutine[None, None, object]], None]
"""Start something that nobody waits for: its kind, and what to run."""


@dataclass(slots=True)
class Figures:
    """What came of the requests of one kind. Latencies are in seconds, of answered requests only."""

    wanted: int = 0
    sent: int = 0
    extra: int = 0
    dropped: int = 0
    answered_200: int = 0
    answered_otherwise: int = 0
    unanswered: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    latencies: array[float] = field(default_factory=lambda: array("d"))


class Callbacks:
    """The HTTP client side of the network."""

    def __init__(self, clock: Clock, timing: Timing, feed: Feed, spawn: Spawn) -> None:
        self._clock = clock
        self._timing = timing
        self._feed = feed
        self._spawn = spawn
        self._session: ClientSession | None = None
        self._held: defaultdict[str, list[asyncio.Event]] = defaultdict(list)
        self.plan = FaultPlan()
        self.passthru = Figures()
        self.reports = Figures()

    async def open(self) -> None:
        """Get ready to send."""
        self._session = ClientSession(
            connector=TCPConnector(limit=_affordable_connections()),
            cookie_jar=DummyCookieJar(),
            headers={"User-Agent": "phone-network"},
        )

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()

    async def ask(self, call: Call, applet: Passthru, place: str) -> int | None:
        """Send the requests of a Passthru, and return the status of the one the applet meant.

        `place` tells two Passthrus of one flow apart. None: it was dropped, or not answered in time. An
        asynchronous Passthru is never tried again.
        """
        fields = tuple(call.to_flow(self._clock.now()))
        planned = deliveries.of_passthru(
            self.plan, (*call.cause, place), fields, self._timing.fault_delay_seconds
        )
        self.passthru.wanted += 1
        self.passthru.extra += max(0, sum(delivery.copies for delivery in planned) - 1)
        if not planned:
            call.dropped = True
            self.passthru.dropped += 1
            self._feed.tell("callback.dropped", call_sid=call.sid)
            return None
        meant, *extra = planned
        for delivery in extra:
            self._spawn("callbacks", self._pass_on(call, applet.url, delivery))
        return await self._pass_on(call, applet.url, meant)

    async def report(self, sms: Sms, opposite: Stage) -> None:
        """Send the delivery reports of an SMS that has ended; one not answered with 2xx is tried again."""
        if not sms.status_callback:
            return
        now = self._clock.now()
        final, earlier, otherwise = (
            tuple(sms.report(stage, now)) for stage in (sms.stage, Stage.PENDING_ON_OPERATOR, opposite)
        )
        planned = deliveries.of_report(
            self.plan, sms.cause, final, earlier, otherwise, self._timing.fault_delay_seconds
        )
        self.reports.wanted += 1
        self.reports.extra += max(0, sum(delivery.copies for delivery in planned) - 1)
        if not planned:
            self.reports.dropped += 1
            self._feed.tell("report.dropped", sms_sid=sms.sid)
        await asyncio.gather(
            *(self._deliver(sms, delivery) for delivery in planned for _ in range(delivery.copies))
        )

    async def _pass_on(self, call: Call, url: str, delivery: Delivery) -> int | None:
        await asyncio.sleep(delivery.after_seconds)
        if delivery.waits_for_next:
            await self._hold(url)
        full = _joined(url, _encoded(delivery.fields))
        answers = await asyncio.gather(*(self._get(call, full) for _ in range(delivery.copies)))
        self._release(url)
        return answers[0]

    async def _hold(self, url: str) -> None:
        free = asyncio.Event()
        self._held[url].append(free)
        try:
            async with asyncio.timeout(self._timing.fault_delay_seconds):
                await free.wait()
        except TimeoutError:
            self._held[url].remove(free)

    def _release(self, url: str) -> None:
        for free in self._held.pop(url, ()):
            free.set()

    async def _get(self, call: Call, url: str) -> int | None:
        call.requests_sent += 1
        status = await self._send(self.passthru, "GET", url, self._timing.passthru_timeout_seconds)
        if status == 200:
            call.requests_accepted += 1
        self._feed.tell("callback.sent", call_sid=call.sid, status=status)
        return status

    async def _deliver(self, sms: Sms, delivery: Delivery) -> None:
        await asyncio.sleep(delivery.after_seconds)
        body, content_type = _body(delivery.fields, sms.report_type)
        for pause in (*self._timing.report_retry_seconds, None):
            sms.reports_sent += 1
            status = await self._send(
                self.reports,
                "POST",
                sms.status_callback,
                self._timing.report_timeout_seconds,
                body,
                content_type,
            )
            self._feed.tell(
                "report.sent", sms_sid=sms.sid, report=dict(delivery.fields)["Status"], status=status
            )
            if status is not None and 200 <= status < 300:
                sms.reports_accepted += 1
                return
            if pause is not None:
                await asyncio.sleep(pause)

    async def _send(
        self,
        figures: Figures,
        method: str,
        url: str,
        timeout_seconds: float,
        body: bytes | None = None,
        content_type: str | None = None,
    ) -> int | None:
        assert self._session is not None, "open() comes first"
        figures.sent += 1
        figures.in_flight += 1
        figures.most_in_flight = max(figures.most_in_flight, figures.in_flight)
        started = perf_counter()
        try:
            async with self._session.request(
                method,
                URL(url, encoded=True),
                data=body,
                headers={"Content-Type": content_type} if content_type else None,
                timeout=ClientTimeout(total=timeout_seconds),
                allow_redirects=False,
            ) as answer:
                await answer.read()
        except (ClientError, TimeoutError, ValueError):
            figures.unanswered += 1
            return None
        finally:
            figures.in_flight -= 1
        figures.latencies.append(perf_counter() - started)
        if answer.status == 200:
            figures.answered_200 += 1
        else:
            figures.answered_otherwise += 1
        return answer.status


def _affordable_connections() -> int:
    """Raise this process's limit of open files if it may be, and return the connections that fit in it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * _MOST_CONNECTIONS
    if soft < wanted and soft != resource.RLIM_INFINITY:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return (
        _MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(_MOST_CONNECTIONS, soft - _OTHER_FILES)
    )


def _encoded(fields: Fields) -> str:
    return urlencode(fields, errors="surrogateescape")


def _joined(url: str, query: str) -> str:
    """Add the call's parameters to a URL; those it has already stay in front."""
    return f"{url}{'&' if '?' in url else '?'}{query}"


def _body(fields: Fields, content_type: str) -> tuple[bytes, str]:
    """Write a report as form, JSON or multipart, with the boundary that Exotel writes."""
    if content_type == JSON:
        numeric = {"DetailedStatusCode", "SmsUnits"}
        return json.dumps({name: int(v) if name in numeric else v for name, v in fields}).encode(), JSON
    if content_type == FORM:
        return _encoded(fields).encode("ascii"), FORM
    boundary = f"form-data-boundary-{token_hex(8)}"
    parts = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields
    )
    return ("".join(parts) + f"--{boundary}--\r\n").encode(), f"{MULTIPART}; boundary={boundary}"
