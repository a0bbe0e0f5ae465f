"""Starts processes that run a handler: by a fork of a prepared process on Linux, as fresh ones elsewhere."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

HANDLER_PROCESS = Path(__file__).with_name("handler_process.py")


@dataclass(frozen=True, slots=True)
class Birth:
    """What a handler's process is started with."""

    folder: Path
    handler: str
    environment: Mapping[str, str]


class Child(Protocol):
    """A handler's process with the ends of its pipes that are ours."""

    stdin: int
    stdout: int

    def kill(self) -> None:
        """End it at once. To be called only while it is known to run."""

    def close(self) -> None:
        """Close our ends of its pipes, on which it ends if it has not."""


class Nursery:
    """Starts children. Safe for threads."""

    def __init__(self) -> None:
        self._orders: socket.socket | None = None
        self._lock = threading.Lock()
        if sys.platform == "linux":  # elsewhere system libraries may not survive a fork
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            command = [sys.executable, "-m", "ringback_local.nursery_process", str(theirs.fileno())]
            subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
            theirs.close()
            self._orders = ours

    def start(self, birth: Birth) -> Child:
        return _Fresh(birth) if self._orders is None else self._fork(birth, self._orders)

    def stop(self) -> None:
        """End the prepared process; its children end when their pipes close."""
        if self._orders:
            self._orders.close()

    def _fork(self, birth: Birth, orders: socket.socket) -> Child:
        order = {
            "folder": str(birth.folder),
            "handler": birth.handler,
            "environment": dict(birth.environment),
        }
        their_stdin, our_stdin = os.pipe()
        our_stdout, their_stdout = os.pipe()
        with self._lock:
            socket.send_fds(orders, [json.dumps(order).encode()], [their_stdin, their_stdout])
            pid = int(orders.recv(32))
        os.close(their_stdin)
        os.close(their_stdout)
        return _Forked(pid, our_stdin, our_stdout)


@dataclass(slots=True)
class _Forked:
    pid: int
    stdin: int
    stdout: int

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        os.close(self.stdin)
        os.close(self.stdout)


class _Fresh:
    def __init__(self, birth: Birth) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HANDLER_PROCESS), birth.handler],
            cwd=birth.folder,
            env=birth.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.stdin = self._process.stdin.fileno()
        self.stdout = self._process.stdout.fileno()

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self._process.communicate()
