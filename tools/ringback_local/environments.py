"""Execution environments: for each function a pool of warm child processes that run its handler from the sources.

A pool grows when invocations come at the same time, up to a limit, and makes callers wait beyond it. Lambda would go on
growing; on one machine more processes than that only make every answer late.
"""

import json
import os
import select
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ringback_local.faults import Faults, Kill
from ringback_local.nursery import Birth, Nursery

SOURCE_VARIABLE = "RINGBACK_LOCAL_SOURCE"
"""Carries a function's source folder through a deployment; taken out again before the handler sees it."""
INIT_SECONDS = 10.0
"""How long a handler's import may take. SOURCE: AWS, Lambda runtime environment, Init phase."""
IDLE_SECONDS = 60.0
"""How long an environment beyond the first is kept without work."""


@dataclass(frozen=True, slots=True)
class Function:
    """What is needed to run a function."""

    name: str
    arn: str
    folder: Path
    handler: str
    timeout_seconds: float
    memory_mb: int
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended: with a result, or with an error as Lambda reports it."""

    result: Any = None
    error: dict[str, Any] | None = None


class Died(Exception):
    """The environment's process ended in the middle of its work."""


class TimedOut(Exception):
    """The environment did not answer in time."""


class Environment:
    """One child process. Not safe for two threads at once: a pool lends it to one invocation at a time."""

    def __init__(self, function: Function, nursery: Nursery, on_log: Callable[[str], None]) -> None:
        self._on_log = on_log
        self._unread = b""
        self.idle_since = time.monotonic()
        self._child = nursery.start(Birth(function.folder, function.handler, process_environment(function)))
        self._poll = select.poll()
        self._poll.register(self._child.stdout, select.POLLIN)
        try:
            self.init_error = self._answer(INIT_SECONDS).error
        except (Died, TimedOut) as error:
            self.init_error = {"errorType": "Runtime.InitError", "errorMessage": type(error).__name__}
        if self.init_error:
            self.close()

    def invoke(self, event: Any, request_id: str, function: Function, kill: Kill | None) -> Outcome:
        """Run the handler once. Raises `Died` or `TimedOut`; after either this environment is of no more use."""
        timeout = function.timeout_seconds
        invocation = {
            "event": event,
            "request_id": request_id,
            "arn": function.arn,
            "timeout_seconds": timeout,
            "kill": kill,
        }
        self._write(json.dumps(invocation).encode() + b"\n")
        return self._answer(timeout)

    def kill(self) -> None:
        """End the process at once; whoever waits for its answer gets `Died`."""
        self._child.kill()

    def close(self) -> None:
        """Let the process end, and give up its pipes."""
        self._child.close()

    def _write(self, line: bytes) -> None:
        unwritten = memoryview(line)
        while unwritten:
            try:
                unwritten = unwritten[os.write(self._child.stdin, unwritten) :]
            except BrokenPipeError as error:
                raise Died from error

    def _answer(self, timeout_seconds: float) -> Outcome:
        deadline = time.monotonic() + timeout_seconds
        while True:
            message = json.loads(self._line(deadline))
            if "log" in message:
                self._on_log(message["log"])
            else:
                return Outcome(message.get("result"), message.get("error"))

    def _line(self, deadline: float) -> bytes:
        while b"\n" not in self._unread:
            left = deadline - time.monotonic()
            if left <= 0 or not self._poll.poll(left * 1000):
                raise TimedOut
            read = os.read(self._child.stdout, 1 << 20)
            if not read:
                raise Died
            self._unread += read
        line, _, self._unread = self._unread.partition(b"\n")
        return line


@dataclass(slots=True)
class Pool:
    """The environments of one function, each as its code and settings are now."""

    function: Function
    limit: int
    on_log: Callable[[str], None]
    faults: Faults
    nursery: Nursery
    _idle: list[Environment] = field(default_factory=list)
    _busy: list[Environment] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _places: threading.BoundedSemaphore = field(init=False)

    def __post_init__(self) -> None:
        self._places = threading.BoundedSemaphore(self.limit)

    def invoke(self, event: Any, request_id: str) -> Outcome:
        """Run the function once, in a warm environment if one is free; waits when the pool is at its limit."""
        with self._places:
            environment = self._take()
            if environment.init_error:
                return Outcome(error=environment.init_error)
            kill = self.faults.kill()
            try:
                outcome = environment.invoke(event, request_id, self.function, kill)
            except TimedOut:
                environment.kill()
                self._forget(environment)
                message = f"{request_id} Task timed out after {self.function.timeout_seconds:.2f} seconds"
                return Outcome(error={"errorType": "Sandbox.Timedout", "errorMessage": message})
            except Died:
                self._forget(environment)
                if kill:
                    self.faults.killed(kill)
                message = f"{request_id} Error: Runtime exited with error: signal: killed"
                return Outcome(error={"errorType": "Runtime.ExitError", "errorMessage": message})
            self._give_back(environment)
            return outcome

    def warm(self) -> None:
        """Have one environment ready."""
        with self._places:
            environment = self._take()
            if not environment.init_error:
                self._give_back(environment)

    def stop(self) -> None:
        """End every environment: the idle ones, and in the middle of their work the others."""
        with self._lock:
            idle, self._idle = self._idle, []
            for environment in self._busy:
                environment.kill()
        for environment in idle:
            environment.close()

    def _take(self) -> Environment:
        with self._lock:
            environment = self._idle.pop() if self._idle else None
        environment = environment or Environment(self.function, self.nursery, self.on_log)
        if environment.init_error is None:
            with self._lock:
                self._busy.append(environment)
        return environment

    def _forget(self, environment: Environment) -> None:
        with self._lock:
            self._busy.remove(environment)
        environment.close()

    def _give_back(self, environment: Environment) -> None:
        now = environment.idle_since = time.monotonic()
        with self._lock:
            self._busy.remove(environment)
            self._idle.append(environment)
            spare = self._idle.pop(0) if now - self._idle[0].idle_since > IDLE_SECONDS else None
        if spare:
            spare.close()


def function_of(config: Mapping[str, Any], endpoint: str, credentials: Mapping[str, str]) -> Function:
    """Read a function from its configuration as Lambda's API gives it; its source folder comes with its variables."""
    variables: dict[str, str] = dict(config["Environment"]["Variables"])
    folder = Path(variables.pop(SOURCE_VARIABLE))
    region = config["FunctionArn"].split(":")[3]
    aws = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region, "AWS_ENDPOINT_URL": endpoint, **credentials}
    return Function(
        name=config["FunctionName"],
        arn=config["FunctionArn"],
        folder=folder,
        handler=config["Handler"],
        timeout_seconds=config["Timeout"],
        memory_mb=config["MemorySize"],
        environment={**aws, **variables},
    )


def process_environment(function: Function) -> dict[str, str]:
    """The variables that Lambda gives a function, and what it takes to find our sources and this machine's Python."""
    inherited = {name: os.environ[name] for name in ("PATH", "LANG", "HOME", "TMPDIR") if name in os.environ}
    package = function.folder.parents[1] / "layers" / "ringback"
    return {
        **inherited,
        "TZ": ":UTC",
        "PYTHONPATH": str(package),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "LAMBDA_TASK_ROOT": str(function.folder),
        "_HANDLER": function.handler,
        **function.environment,
    }
