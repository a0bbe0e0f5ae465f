"""Runs a handler under AWS's own Lambda runtime client (awslambdaric), which speaks to a Runtime API served here.

This is the truest run of a function short of Lambda: its import, its call and its errors go the way they go there.
`make invoke` uses it for one event, the benchmarks for many. Linux only, as the runtime client is.

SOURCE: AWS, "Using the Lambda runtime API", version 2018-06-01.
"""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

ARN = "arn:aws:lambda:ap-south-1:000000000000:function:local"
RUNTIME_CLIENT = ("awslambdaric", "runtime_client*.so", "simplejson", "snapshot_restore_py*")


class InitFailed(Exception):
    """The handler's module could not be imported; the message is Lambda's own JSON."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event, answered."""

    result: Any
    error: dict[str, Any] | None
    milliseconds: float


class Worker:
    """An execution environment under the runtime client. One invocation at a time.

    `path` comes after the function's folder on `sys.path`, and nothing else does but the standard library: for built
    artefacts the layers' `python` folders, for the sources what `source_path` returns.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        path: Sequence[Path],
        *,
        handler: str = "app.lambda_handler",
        python: str = sys.executable,
        timeout_seconds: float = 30.0,
        output: int | None = None,
    ) -> None:
        self._timeout = timeout_seconds
        self._server = _Server()
        self._links = tempfile.TemporaryDirectory(prefix="runtime-client-")
        link_runtime_client(packages_of(python), Path(self._links.name))
        search = os.pathsep.join(map(str, [folder, *path, self._links.name]))
        started = time.perf_counter()
        self._process = subprocess.Popen(
            [python, "-S", "-m", "awslambdaric", handler],
            cwd=folder,
            env={
                **environment,
                **lambda_variables(folder, handler, self._server.address),
                "PYTHONPATH": search,
            },
            stdout=output,
            stderr=output,
        )
        self._await(self._server.ready)
        self.init_seconds = time.perf_counter() - started
        """From the process's start until it asks for its first event."""

    def invoke(self, event: Any) -> Invocation:
        """Give the handler an event and wait for its answer. Raises `TimeoutError`, or `InitFailed` if it has ended."""
        started = time.perf_counter()
        self._server.events.put(_Event(json.dumps(event).encode(), time.time() + self._timeout))
        kind, body = self._await(self._server.answers)
        milliseconds = (time.perf_counter() - started) * 1000
        document = json.loads(body) if body else None
        if kind == "response":
            return Invocation(document, None, milliseconds)
        return Invocation(None, document, milliseconds)

    def cpu_seconds(self) -> float:
        """Processor time that the process has used so far, over all its threads, also those that have ended."""
        process_clock = (~self._process.pid << 3) | 2  # what clock_getcpuclockid(3) makes of a process id
        return time.clock_gettime(process_clock)

    def peak_memory_mb(self) -> float:
        """The most memory that the process has held at once."""
        return self._status_mb("VmHWM")

    def memory_mb(self) -> float:
        """The memory that the process holds now."""
        return self._status_mb("VmRSS")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._server.close()
        self._links.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _status_mb(self, name: str) -> float:
        """SOURCE: proc(5), "/proc/pid/status": kilobytes."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def _await(self, answers: "queue.Queue[tuple[str, bytes]]") -> tuple[str, bytes]:
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                kind, body = answers.get(timeout=0.2)
            except queue.Empty:
                if self._process.poll() is not None:
                    failed = InitFailed(f"the runtime ended with status {self._process.returncode}")
                elif time.monotonic() > deadline:
                    self.close()
                    raise TimeoutError(f"no answer within {self._timeout} s") from None
                else:
                    continue
            else:
                if kind != "init-error":
                    return kind, body
                failed = InitFailed(body.decode())
            self.close()
            raise failed


@dataclass(frozen=True, slots=True)
class _Event:
    body: bytes
    deadline: float


class _QuietServer(ThreadingHTTPServer):
    """A server that says nothing when its client is killed in the middle of a request."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The worker has noticed already that its process is gone."""


class _Server:
    """The Runtime API for one environment, on a port of its own."""

    def __init__(self) -> None:
        self.ready: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.events: queue.Queue[_Event] = queue.Queue()
        self.answers: queue.Queue[tuple[str, bytes]] = queue.Queue()
        handler = type("Handler", (_Handler,), {"api": self})
        self._http = _QuietServer(("127.0.0.1", 0), handler)
        self.address = f"127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Routes of the Runtime API. An answer leaves in one write: two would wait for each other's acknowledgement."""

    protocol_version = "HTTP/1.1"
    api: _Server

    def do_GET(self) -> None:
        self.api.ready.put(("ready", b""))
        event = self.api.events.get()
        self._answer(
            200,
            event.body,
            {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": str(uuid4()),
                "Lambda-Runtime-Deadline-Ms": str(int(event.deadline * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": ARN,
            },
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = "init-error" if self.path.endswith("/init/error") else self.path.rpartition("/")[2]
        self._answer(202, b"{}", {"Content-Type": "application/json"})
        (self.api.ready if kind == "init-error" else self.api.answers).put((kind, body))

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} OK", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode() + body)

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent: only the handler's own lines are of interest."""


def lambda_variables(folder: Path, handler: str, address: str) -> dict[str, str]:
    """The variables that the runtime client itself needs, over the function's."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "AWS_LAMBDA_RUNTIME_API": address,
        "LAMBDA_TASK_ROOT": str(folder),
        "_HANDLER": handler,
    }


def source_path(root: Path, python: str = sys.executable) -> list[Path]:
    """What a function runs with when its layers are not built: our package, and the environment's third-party ones."""
    return [root / "layers" / "ringback", packages_of(python)]


@cache
def packages_of(python: str) -> Path:
    """Where a Python keeps its installed packages. Raises `ModuleNotFoundError` when the runtime client is not there."""
    program = "import awslambdaric, pathlib; print(pathlib.Path(awslambdaric.__file__).parents[1])"
    told = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False)
    if told.returncode:
        raise ModuleNotFoundError(f"{python} has no awslambdaric; it exists for Linux only")
    return Path(told.stdout.strip())


def link_runtime_client(packages: Path, folder: Path) -> None:
    """Put links to the runtime client's modules, and to nothing that lies beside them, into a folder."""
    for pattern in RUNTIME_CLIENT:
        for module in packages.glob(pattern):
            (folder / module.name).symlink_to(module)
