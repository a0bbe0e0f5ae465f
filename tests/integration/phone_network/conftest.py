"""A phone network served for a test, somebody to call back, and clients for both of its doors."""

import base64
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from phone_network import FaultPlan, running
from phone_network.config import parse

EXOPHONE = "+918040001001"
ENTITY = "1101000000000000001"
TEMPLATE = "1107000000000000001"


@dataclass(frozen=True)
class Received:
    """A request that our side got."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def parameters(self) -> dict[str, str]:
        """Its query, decoded."""
        return dict(urllib.parse.parse_qsl(self.query, keep_blank_values=True, errors="surrogateescape"))


Page = tuple[int, str, str | bytes]
"""An answer: status, content type, body."""


@dataclass
class OurSide:
    """The campaign's end: keeps what it gets, answers with the next of `statuses`, then with 200.

    A path in `pages` is answered with its page, or with what its function makes of the request.
    """

    url: str = ""
    received: list[Received] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    pages: dict[str, Page | Callable[[Received], Page]] = field(default_factory=dict)
    answer_after_seconds: float = 0.0

    def at(self, path: str, method: str | None = None) -> list[Received]:
        """Return the requests to a path."""
        return [each for each in self.received if each.path == path and method in (None, each.method)]

    def wait_for(self, count: int, seconds: float = 5.0) -> list[Received]:
        """Return the requests once there are so many, or fail."""
        end = time.monotonic() + seconds
        while len(self.received) < count and time.monotonic() < end:
            time.sleep(0.005)
        assert len(self.received) >= count, f"{len(self.received)} of {count} requests came"
        return self.received


@dataclass(frozen=True)
class Answer:
    """What a door of the network answered."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.text)


@dataclass(frozen=True)
class Stage:
    """A served network and its two doors."""

    url: str

    def control(self, path: str, body: object = None) -> Any:
        """GET, or POST a body, and return the JSON of a success."""
        answer = self.ask(f"/control/{path}", None if body is None else json.dumps(body).encode())
        assert answer.status == 200, answer.text
        return answer.json

    def ask(
        self,
        path: str,
        body: bytes | None = None,
        key: str | None = None,
        timeout: float = 5.0,
        content_type: str | None = None,
        method: str | None = None,
    ) -> Answer:
        """Send one request; `key` is `api_key:api_token`. A body is a form unless it says otherwise."""
        request = urllib.request.Request(self.url + path, data=body)
        if key is not None:
            request.add_header("Authorization", f"Basic {base64.b64encode(key.encode()).decode()}")
        if content_type is not None:
            request.add_header("Content-Type", content_type)
        if method is not None:
            request.method = method
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return Answer(response.status, dict(response.headers), response.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read().decode())

    def exotel(
        self, path: str, form: dict[str, Any] | None = None, key: str = "key1:token1", **more: Any
    ) -> Answer:
        """Ask the REST API of the account, with a form if it is to be a POST."""
        body = None if form is None else urllib.parse.urlencode(form, doseq=True).encode()
        return self.ask(f"/v1/Accounts/cleanwater1/{path}", body, key, **more)

    def ring(self, caller: str = "+919000000101", to: str = EXOPHONE, **more: object) -> Any:
        """Let a handset give a missed call, and return the call once it has ended."""
        return self.control("ring", {"from": caller, "to": to, "wait": True, **more})

    def call(self, caller: str = "+919000000101", script: Iterable[object] = (), **more: object) -> Any:
        """Let a handset call and act by a script; return the whole call once it has ended."""
        row = self.ring(caller, script=list(script), **more)
        return self.control(f"calls/{row['call_sid']}")

    def wait_until_idle(self, seconds: float = 10.0) -> None:
        """Return when nothing is under way any more."""
        assert self.control(f"idle?wait={seconds}")["idle"]


@pytest.fixture
def our_side() -> Iterator[OurSide]:
    """Somebody to call back, on 127.0.0.1."""
    side = OurSide()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Received(self.command, path, query, dict(self.headers), body)
            side.received.append(request)
            time.sleep(side.answer_after_seconds)
            page = side.pages.get(path)
            if callable(page):
                page = page(request)
            status, kind, content = page or (side.statuses.pop(0) if side.statuses else 200, "", b"")
            content = content.encode() if isinstance(content, str) else content
            self.send_response(status)
            if kind:
                self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_POST = do_HEAD = do_GET

        def log_message(self, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A caller that hangs up before it is answered is part of some stories."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    side.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield side
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def a_config(our_side: OurSide) -> Callable[..., dict[str, Any]]:
    """Return a factory of configurations; keywords change the first account or, if known there, the top."""

    def make(**changes: Any) -> dict[str, Any]:
        timing = {
            "ring_seconds": 0,
            "speech_speed": 1000,
            "recording_ready_seconds": 0,
            "sms_seconds": 0.02,
            "passthru_timeout_seconds": 1,
            "report_timeout_seconds": 1,
            "report_retry_seconds": [0.02, 0.04],
            "fault_delay_seconds": 0.1,
            "hang_seconds": 5,
        }
        top: dict[str, Any] = {"timing": {**timing, **changes.pop("timing", {})}}
        for name in ("handsets", "clock_offset_seconds", "run_id", "fetches_sounds"):
            if name in changes:
                top[name] = changes.pop(name)
        passthru = {"applet": "passthru", "url": f"{our_side.url}/voice/token/missed-call", "async": True}
        account: dict[str, Any] = {
            "sid": "cleanwater1",
            "api_key": "key1",
            "api_token": "token1",
            "tenant_id": "1409",
            "sms_per_minute": 0,
            "calls_per_minute": 0,
            "exophones": [{"number": EXOPHONE, "flow": [passthru, {"applet": "hangup"}], "flow_id": "11754"}],
            "headers": ["CLNWTR", "600123"],
            "dlt": {"entity_ids": [ENTITY], "templates": {TEMPLATE: "Thank you {#var#}"}},
        }
        more = changes.pop("more_accounts", [])
        return {**top, "accounts": [{**account, **changes}, *more]}

    return make


@pytest.fixture
def serve(a_config: Callable[..., dict[str, Any]]) -> Iterator[Callable[..., Stage]]:
    """Return a factory of served networks: keywords of `a_config`, and `faults` with their rates."""
    with ExitStack() as stack:

        def start(faults: dict[str, float] | None = None, seed: int = 0, **changes: Any) -> Stage:
            plan = FaultPlan.of(faults or {}, seed)
            return Stage(stack.enter_context(running(parse(a_config(**changes)), plan)).url)

        yield start


@pytest.fixture
def a_form(our_side: OurSide) -> Callable[..., dict[str, Any]]:
    """Return a factory of forms that send an SMS; a keyword of None leaves a field out."""

    def make(**changes: Any) -> dict[str, Any]:
        form: dict[str, Any] = {
            "From": "CLNWTR",
            "To": "+919000000101",
            "Body": "Thank you Asha",
            "DltEntityId": ENTITY,
            "DltTemplateId": TEMPLATE,
            "SmsType": "transactional",
            "StatusCallback": f"{our_side.url}/sms/token/status/m1/mac",
            **changes,
        }
        return {name: value for name, value in form.items() if value is not None}

    return make
