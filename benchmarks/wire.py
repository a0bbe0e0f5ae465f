"""Counting what a function asks of AWS where it cannot be missed: on the wire, between the function and the endpoint."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from benchmarks.units import Index, Item, Shape, failed_write_units, query_units, read_units, write_units

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


Forward = Callable[[Request], Answer]
Around = Callable[[Request, Forward], Answer]


class Relay:
    """A server on loopback that passes every request on to `target`, by way of `around`."""

    def __init__(self, target: str, around: Around) -> None:
        self._target = urlsplit(target)
        self._around = around
        self._kept = threading.local()
        handler = type("Handler", (_Handler,), {"relay": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, request: Request) -> Answer:
        return self._around(request, self._forward)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _forward(self, request: Request) -> Answer:
        connection = HTTPConnection(self._target.hostname or "", self._target.port, timeout=60)
        try:
            headers = {name: value for name, value in request.headers.items() if name not in _HOP_BY_HOP}
            connection.request(request.method, request.path, request.body, headers)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    relay: Relay

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.relay.answer(Request(self.command, self.path, headers, body))
        lines = [f"HTTP/1.1 {answer.status} OK", f"content-length: {len(answer.body)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items() if name not in _HOP_BY_HOP]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode() + answer.body)

    do_GET = do_POST = do_PUT = _pass_on

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


def late(seconds: float) -> Around:
    """Answer each request only after so long: a provider that takes its time."""

    def delaying(request: Request, forward: Forward) -> Answer:
        time.sleep(seconds)
        return forward(request)

    return delaying


@dataclass(frozen=True, slots=True)
class Used:
    """How often something was asked, and the units that it took."""

    requests: int = 0
    writes: float = 0.0
    reads: float = 0.0

    def __add__(self, other: "Used") -> "Used":
        return Used(self.requests + other.requests, self.writes + other.writes, self.reads + other.reads)


Bill = dict[str, Used]
"""What was used by service and operation, DynamoDB's with the table: `dynamodb PutItem journal`; a failed condition stands apart."""


class Meter:
    """Notes the units of every request that passes. `look` reads an item without being counted."""

    def __init__(
        self, prefix: str, shapes: Mapping[str, Shape], look: Callable[[str, Item], Item | None]
    ) -> None:
        self._prefix = prefix
        self._shapes = shapes
        self._look = look
        self._lock = threading.Lock()
        self._bill: Bill = {}

    def __call__(self, request: Request, forward: Forward) -> Answer:
        service, _, operation = request.headers.get("x-amz-target", "").partition(".")
        asked: dict[str, Any] = json.loads(request.body)
        if not service.startswith("DynamoDB"):
            self._note(f"{service.removeprefix('Amazon').lower()} {operation}")
            return forward(request)
        match operation:
            case "PutItem" | "UpdateItem" | "DeleteItem":
                return self._write(operation, asked, lambda: forward(request))
            case "TransactWriteItems":
                return self._transact(asked, lambda: forward(request))
            case "GetItem" | "BatchGetItem" | "Query" | "Scan":
                answer = forward(request)
                self._read(operation, asked, json.loads(answer.body))
                return answer
            case _:
                raise ValueError(f"no rule for the units of {operation}")

    def _write(self, operation: str, asked: Mapping[str, Any], forward: Callable[[], Answer]) -> Answer:
        table, shape, key = self._item(asked)
        before = self._look(table, key)
        answer = forward()
        name = f"dynamodb {operation} {table.removeprefix(self._prefix)}"
        if answer.status == 200:
            self._note(name, writes=write_units(shape, before, self._look(table, key)))
        elif b"ConditionalCheckFailed" in answer.body:
            self._note(f"{name} (condition failed)", writes=failed_write_units(before, asked.get("Item")))
        return answer

    def _transact(self, asked: Mapping[str, Any], forward: Callable[[], Answer]) -> Answer:
        """One request, and twice the units of each write in it, done or cancelled."""
        writes = []
        for item in asked["TransactItems"]:
            ((_, write),) = item.items()
            table, shape, key = self._item(write)
            writes.append((write, shape, key, self._look(table, key)))
        answer = forward()
        for number, (write, shape, key, before) in enumerate(writes):
            if answer.status == 200:
                after, why = self._look(write["TableName"], key), ""
                units = write_units(shape, before, after, in_transaction=True)
            else:
                units, why = 2 * failed_write_units(before, write.get("Item")), " (cancelled)"
            name = f"dynamodb TransactWriteItems {write['TableName'].removeprefix(self._prefix)}{why}"
            self._note(name, writes=units, requests=int(number == 0))
        return answer

    def _item(self, asked: Mapping[str, Any]) -> tuple[str, Shape, Item]:
        """Table, shape and key of what a write is about."""
        table, shape = asked["TableName"], self._shapes[asked["TableName"]]
        return table, shape, asked.get("Key") or {name: asked["Item"][name] for name in shape.keys}

    def _read(self, operation: str, asked: Mapping[str, Any], told: Mapping[str, Any]) -> None:
        if operation == "BatchGetItem":
            for table, wanted in asked["RequestItems"].items():
                found = told["Responses"].get(table, [])
                missing = [None] * (len(wanted["Keys"]) - len(found))
                units = read_units([*found, *missing], consistent=wanted.get("ConsistentRead", False))
                self._note(f"dynamodb {operation} {table.removeprefix(self._prefix)}", reads=units)
            return
        consistent = asked.get("ConsistentRead", False)
        units = (
            read_units([told.get("Item")], consistent=consistent)
            if operation == "GetItem"
            else query_units(told["Items"], consistent=consistent)
        )
        self._note(f"dynamodb {operation} {asked['TableName'].removeprefix(self._prefix)}", reads=units)

    def take(self) -> Bill:
        """What was noted since the last time."""
        with self._lock:
            taken, self._bill = self._bill, {}
        return taken

    def _note(self, name: str, *, writes: float = 0, reads: float = 0, requests: int = 1) -> None:
        with self._lock:
            self._bill[name] = self._bill.get(name, Used()) + Used(requests, writes, reads)


def shape_of(described: Mapping[str, Any]) -> Shape:
    """A table's shape from what `DescribeTable` tells."""
    return Shape(
        tuple(key["AttributeName"] for key in described["KeySchema"]),
        tuple(
            Index(
                tuple(key["AttributeName"] for key in index["KeySchema"]),
                keeps_all=index["Projection"]["ProjectionType"] == "ALL",
            )
            for index in described.get("GlobalSecondaryIndexes", ())
        ),
    )
