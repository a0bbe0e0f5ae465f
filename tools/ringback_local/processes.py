"""Child processes of the local run: loopback ports, starting, waiting until they answer, stopping gracefully."""

import os
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

HOST = "127.0.0.1"
FREE_PORTS = range(20_000, 30_000)
START_SECONDS = 30.0
STOP_SECONDS = 30.0


class DidNotStart(Exception):
    """A process of the local run ended, or did not answer, while it was starting."""


class ServerProcess:
    """A process that serves HTTP on loopback. It has a session of its own, so that Ctrl-C reaches only us."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_it_answers(self, url: str) -> None:
        """Return once `url` answers, with whatever status. Raises `DidNotStart` with the end of the log."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            if answers(url) and self._process.poll() is None:
                return
            time.sleep(0.02)
        tail = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
        self.stop()
        raise DidNotStart(f"{self.name} did not start; the end of {self.log}:\n{tail}")

    def is_running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """Ask it to stop and wait; after `STOP_SECONDS` end it. Does nothing when it has ended."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()


def answers(url: str) -> bool:
    """Whether something serves HTTP there."""
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def free_ports(preferred: Sequence[int]) -> list[int]:
    """Each preferred port if nothing listens there, else one that the system does not give to outgoing connections; 0 prefers
    none. All are different."""
    others = iter(random.sample(FREE_PORTS, 200))
    ports = [
        port if port and _may_be_bound(port) else next((other for other in others if _may_be_bound(other)), 0)
        for port in preferred
    ]
    if not all(ports):
        raise DidNotStart("no free port on loopback")
    return ports


def _may_be_bound(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def is_process(pid: int, module: str) -> bool:
    """Whether `pid` is a running process of `module`, and not one that got the number of an old one."""
    listed = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return module in listed.stdout


def stop_process(pid: int, module: str) -> bool:
    """Stop a process of `module` that is not our child, as `ServerProcess.stop` does; tells whether it ran."""
    if not is_process(pid, module):
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while is_process(pid, module):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    return True
