"""Sending callbacks to the campaign's URLs, as the fault plan has it, and counting what came of them."""

import asyncio
import json
import re
import resource
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from time import perf_counter
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from phone_network import deliveries
from phone_network.applets import Passthru
from phone_network.calls import Call
from phone_network.clock import Clock
from phone_network.config import Timing
from phone_network.deliveries import Delivery, Fields
from phone_network.events import Feed
from phone_network.faults import FaultPlan
from phone_network.fragments import Answer, BadAnswer, NeverSent
from phone_network.messages import Sms, Stage

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MULTIPART = "multipart/form-data"

_NUMERIC = frozenset({"DetailedStatusCode", "SmsUnits", "ConversationDuration"})
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
    latencies: list[float] = field(default_factory=list)


class Callbacks:
    """The HTTP client side of the network."""

    def __init__(self, clock: Clock, timing: Timing, feed: Feed, spawn: Spawn) -> None:
        self._clock = clock
        self._timing = timing
        self._feed = feed
        self._spawn = spawn
        self._session: ClientSession | None = None
        self._held: defaultdict[str, list[asyncio.Event]] = defaultdict(list)
        self._places = asyncio.Semaphore(1)
        self.plan = FaultPlan()
        self.passthru = Figures()
        self.fragments = Figures()
        self.sounds = Figures()
        self.statuses = Figures()
        self.documents = Figures()
        self.reports = Figures()

    async def open(self) -> None:
        """Get ready to send."""
        connections = _affordable_connections()
        self._places = asyncio.Semaphore(connections)
        self._session = ClientSession(
            connector=TCPConnector(limit=connections),
            cookie_jar=DummyCookieJar(),
            headers={"User-Agent": "phone-network"},
        )

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()

    async def ask(
        self, call: Call, applet: Passthru, cause: tuple[object, ...], now: datetime
    ) -> Answer | None:
        """Send the requests of a Passthru, and return the answer to the one the applet meant.

        `cause` tells one visit to one Passthru from all others. None: no answer came in time. An asynchronous
        Passthru is never tried again.

        Raises:
            NeverSent: the plan dropped a synchronous one.
        """
        plan, late = self.plan, self._timing.fault_delay_seconds
        fields = tuple(call.to_flow(now))
        if call.was_asked_for_keys:
            fields = deliveries.respelt(plan, cause, fields)
        planned = deliveries.of_passthru(plan, cause, fields, late, is_live=not applet.is_async)
        call.earlier_url = _joined(
            applet.url, _encoded(tuple(each for each in fields if each[0] != "passthru"))
        )
        passthru = len(call.answers)
        call.answers.append([])
        self.passthru.wanted += 1
        self.passthru.extra += max(0, sum(delivery.copies for delivery in planned) - 1)
        if not planned:
            call.dropped = True
            self.passthru.dropped += 1
            self._feed.tell("callback.dropped", call_sid=call.sid)
            if not applet.is_async:
                raise NeverSent("the request was lost")
            return None
        meant, *extra = planned
        for delivery in extra:
            self._spawn("callbacks", self._pass_on(call, applet.url, delivery, passthru))
        answer = await self._pass_on(call, applet.url, meant, passthru)
        if not applet.is_async and plan.strikes("passthru_retry", *cause):
            self.passthru.extra += 1
            return await self._pass_on(call, applet.url, deliveries.Delivery(meant.fields), passthru)
        if not applet.is_async and plan.strikes("passthru_timeout", *cause):
            return None
        return answer

    async def notify(self, call: Call, url: str, cause: tuple[object, ...], fields: Fields) -> None:
        """Send what a Connect applet tells of an attempt; as unreliable as an asynchronous Passthru, and lost more often."""
        planned = deliveries.of_leg(self.plan, cause, fields, self._timing.fault_delay_seconds)
        self.passthru.wanted += 1
        self.passthru.dropped += not planned
        self.passthru.extra += max(0, sum(delivery.copies for delivery in planned) - 1)
        await asyncio.gather(*(self._pass_on(call, url, delivery) for delivery in planned))

    async def fetch(
        self,
        url: str,
        fields: Fields,
        cause: tuple[object, ...],
        headers: Mapping[str, str] | None = None,
        head_type: str = "",
    ) -> Answer:
        """Ask a URL for a fragment of the call, by GET; before it by HEAD, if that must say a content type.

        Raises:
            BadAnswer: no answer came in time, or HEAD and GET do not agree.
        """
        seconds = self._timing.fragment_timeout_seconds
        figures = self.fragments
        figures.wanted += 1
        if head_type:
            head = await self._send(figures, "HEAD", _joined(url, _encoded(fields)), seconds, headers=headers)
            if head is None:
                raise BadAnswer(f"HEAD was not answered in {seconds:g} s")
            if head.status != 200 or head.content_type != head_type:
                raise BadAnswer(f"HEAD was answered with {head.status}, {head.content_type or 'no type'}")
        planned = deliveries.of_fragment(self.plan, cause, fields, self._timing.fault_delay_seconds)
        figures.extra += max(0, sum(delivery.copies for delivery in planned) - 1)
        if not planned:
            figures.dropped += 1
            raise NeverSent("the request was lost")
        meant, *extra = planned
        for delivery in extra:
            self._spawn("callbacks", self._get_fragment(url, delivery, headers))
        answer = await self._get_fragment(url, meant, headers)
        if answer is None or self.plan.strikes("fragment_timeout", *cause):
            raise BadAnswer(f"no answer in {seconds:g} s")
        if head_type and answer.content_type != head_type:
            raise BadAnswer(f"HEAD said {head_type}, GET {answer.content_type or 'nothing'}")
        return answer

    async def load(self, url: str) -> Answer | None:
        """Get a sound file."""
        return await self._send(self.sounds, "GET", url, self._timing.fragment_timeout_seconds)

    async def post(
        self,
        url: str,
        fields: Fields,
        cause: tuple[object, ...],
        headers: Mapping[str, str],
        timeout_seconds: float,
    ) -> Answer:
        """Post a form, under the plan's faults of fragments.

        Raises:
            BadAnswer: no answer came in time.
        """
        planned = deliveries.of_fragment(self.plan, cause, fields, self._timing.fault_delay_seconds)
        self.documents.wanted += 1
        self.documents.extra += max(0, sum(delivery.copies for delivery in planned) - 1)
        if not planned:
            self.documents.dropped += 1
            raise NeverSent("the request was lost")
        meant, *extra = planned
        for delivery in extra:
            self._spawn("callbacks", self._post(url, delivery, headers, timeout_seconds))
        answer = await self._post(url, meant, headers, timeout_seconds)
        if answer is None or self.plan.strikes("fragment_timeout", *cause):
            raise BadAnswer(f"no answer in {timeout_seconds:g} s")
        return answer

    async def _post(
        self, url: str, delivery: Delivery, headers: Mapping[str, str], timeout_seconds: float
    ) -> Answer | None:
        await asyncio.sleep(delivery.after_seconds)
        body = _encoded(delivery.fields).encode("ascii")
        answers = await asyncio.gather(
            *(
                self._send(self.documents, "POST", url, timeout_seconds, body, FORM, headers)
                for _ in range(delivery.copies)
            )
        )
        return answers[0]

    async def tell(
        self, call: Call, url: str, content_type: str, cause: tuple[object, ...], fields: Fields
    ) -> None:
        """Send the StatusCallback of one event of a call; one not answered with 2xx is tried again."""
        planned = deliveries.of_status(self.plan, cause, fields, self._timing.fault_delay_seconds)
        self.statuses.wanted += 1
        self.statuses.extra += max(0, sum(delivery.copies for delivery in planned) - 1)
        if not planned:
            self.statuses.dropped += 1
            self._feed.tell("status.dropped", call_sid=call.sid)
        await asyncio.gather(
            *(
                self._insist_on_status(call, url, content_type, delivery)
                for delivery in planned
                for _ in range(delivery.copies)
            )
        )

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

    async def _pass_on(
        self, call: Call, url: str, delivery: Delivery, passthru: int | None = None
    ) -> Answer | None:
        """Send one delivery; `passthru`: which Passthru of the call it is of, None for another applet's."""
        await asyncio.sleep(delivery.after_seconds)
        if delivery.waits_for_next:
            await self._hold(url)
        full = _joined(url, _encoded(delivery.fields))
        answers = await asyncio.gather(*(self._get(call, full, passthru) for _ in range(delivery.copies)))
        self._release(url)
        return answers[0]

    async def _get_fragment(
        self, url: str, delivery: Delivery, headers: Mapping[str, str] | None
    ) -> Answer | None:
        await asyncio.sleep(delivery.after_seconds)
        if delivery.waits_for_next:
            await self._hold(url)
        full = _joined(url, _encoded(delivery.fields))
        seconds = self._timing.fragment_timeout_seconds
        answers = await asyncio.gather(
            *(
                self._send(self.fragments, "GET", full, seconds, headers=headers)
                for _ in range(delivery.copies)
            )
        )
        self._release(url)
        return answers[0]

    async def _hold(self, url: str) -> None:
        free = asyncio.Event()
        self._held[url].append(free)
        try:
            async with asyncio.timeout(self._timing.fault_delay_seconds):
                await free.wait()
        except TimeoutError:
            if free in self._held.get(url, ()):
                self._held[url].remove(free)

    def _release(self, url: str) -> None:
        for free in self._held.pop(url, ()):
            free.set()

    async def _get(self, call: Call, url: str, passthru: int | None) -> Answer | None:
        call.requests_sent += 1
        answer = await self._send(self.passthru, "GET", url, self._timing.passthru_timeout_seconds)
        if answer is not None and answer.status == 200:
            call.requests_accepted += 1
            call.tellings_accepted.add(url)
            if passthru is not None:
                call.note_answer(passthru, answer.body)
        self._feed.tell(
            "callback.sent",
            call_sid=call.sid,
            status=answer and answer.status,
            seconds=round(answer.seconds, 3) if answer else None,
        )
        return answer

    async def _deliver(self, sms: Sms, delivery: Delivery) -> None:
        await asyncio.sleep(delivery.after_seconds)
        async for answer in self._insist(
            self.reports, sms.status_callback, *_body(delivery.fields, sms.report_type)
        ):
            sms.reports_sent += 1
            status = answer and answer.status
            self._feed.tell(
                "report.sent", sms_sid=sms.sid, report=dict(delivery.fields)["Status"], status=status
            )
            sms.reports_accepted += _is_accepted(answer)

    async def _insist_on_status(self, call: Call, url: str, content_type: str, delivery: Delivery) -> None:
        await asyncio.sleep(delivery.after_seconds)
        async for answer in self._insist(self.statuses, url, *_body(delivery.fields, content_type)):
            call.callbacks_sent += 1
            call.callbacks_accepted += _is_accepted(answer)
            self._feed.tell("status.sent", call_sid=call.sid, status=answer and answer.status)

    async def _insist(
        self, figures: Figures, url: str, body: bytes, content_type: str
    ) -> AsyncIterator[Answer | None]:
        """Post until it is answered with 2xx or the tries are used up; yield what each try brought."""
        for pause in (*self._timing.report_retry_seconds, None):
            answer = await self._send(
                figures, "POST", url, self._timing.report_timeout_seconds, body, content_type
            )
            yield answer
            if _is_accepted(answer):
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
        headers: Mapping[str, str] | None = None,
    ) -> Answer | None:
        """Send one request. Its time begins when a connection is free: waiting for one is not our side's fault."""
        assert self._session is not None, "open() comes first"
        async with self._places:
            figures.sent += 1
            figures.in_flight += 1
            figures.most_in_flight = max(figures.most_in_flight, figures.in_flight)
            started = perf_counter()
            try:
                async with self._session.request(
                    method,
                    URL(url, encoded=True),
                    data=body,
                    headers={**({"Content-Type": content_type} if content_type else {}), **(headers or {})},
                    timeout=ClientTimeout(total=timeout_seconds),
                    allow_redirects=False,
                ) as got:
                    body_told = await got.read()
                    kind = _kind(got.headers.get("Content-Type", ""))
                    answer = Answer(got.status, kind, body_told, perf_counter() - started)
            except (ClientError, TimeoutError, ValueError):
                figures.unanswered += 1
                return None
            finally:
                figures.in_flight -= 1
        figures.latencies.append(answer.seconds)
        if answer.status == 200:
            figures.answered_200 += 1
        else:
            figures.answered_otherwise += 1
        return answer


def _is_accepted(answer: Answer | None) -> bool:
    return answer is not None and 200 <= answer.status < 300


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


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
        return json.dumps(_nested(fields)).encode(), JSON
    if content_type == FORM:
        return _encoded(fields).encode("ascii"), FORM
    boundary = f"form-data-boundary-{token_hex(8)}"
    parts = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields
    )
    return ("".join(parts) + f"--{boundary}--\r\n").encode(), f"{MULTIPART}; boundary={boundary}"


def _nested(fields: Fields) -> dict[str, object]:
    """Return fields as a JSON object: `Legs[0][Status]` becomes the Status of the first of a list of Legs."""
    whole: dict[str, object] = {}
    legs: list[dict[str, object]] = []
    for name, value in fields:
        written: object = int(value) if name in _NUMERIC or name.endswith("[OnCallDuration]") else value
        if leg := re.fullmatch(r"Legs\[(\d)\]\[(\w+)\]", name):
            legs += [{} for _ in range(int(leg[1]) + 1 - len(legs))]
            legs[int(leg[1])][leg[2]] = written
        else:
            whole[name] = written
    return {**whole, "Legs": legs} if legs else whole
