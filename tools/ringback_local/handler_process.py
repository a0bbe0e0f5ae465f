"""One execution environment of a function on this machine: a child process that imports the handler once and runs it
for each event that `environments` writes to it.

Started as ``python handler_process.py app.lambda_handler`` in the function's folder. Both directions carry one JSON
document a line: an invocation comes in; ``{"ready": true}``, any number of ``{"log": line}`` and one ``{"result": …}``
or ``{"error": …}`` go out. Standard library only, so that it starts as fast as the handler's own imports allow.
"""

import importlib
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from http.client import HTTPConnection, HTTPResponse
from typing import Any, BinaryIO, TextIO
from urllib.parse import urlsplit


class Context:
    """The invocation context that a handler may ask, as far as AWS's own has it."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.aws_request_id: str = told["request_id"]
        self.invoked_function_arn: str = told["arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = "$LATEST"
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = None
        self.client_context = None
        self._deadline = time.time() + told["timeout_seconds"]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.time()) * 1000))


class Parent:
    """The line protocol with the process that started us."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._incoming = incoming
        self._outgoing = outgoing

    def tell(self, **message: Any) -> None:
        self._outgoing.write(json.dumps(message).encode() + b"\n")
        self._outgoing.flush()

    def invocations(self) -> Iterator[dict[str, Any]]:
        """Every invocation until the parent goes away."""
        for line in self._incoming:
            yield json.loads(line)


class Log:
    """A text stream that sends each whole line to the parent, so that a line is kept even if we are killed."""

    encoding = "utf-8"

    def __init__(self, parent: Parent) -> None:
        self._parent = parent
        self._begun = ""

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._parent.tell(log=line)
        return len(text)

    def flush(self) -> None:
        """Nothing to do: whole lines have gone already."""

    def isatty(self) -> bool:
        return False


class Killing:
    """The fault that ends this process around its next call to the provider: before it leaves, or after it was answered."""

    def __init__(self, provider_url: str) -> None:
        self._provider = urlsplit(provider_url)
        self._when: str | None = None
        self._is_installed = False

    def arm(self, when: str | None) -> None:
        """From now on die `before` or `after` a call to the provider; None spares us. Installs itself at first need."""
        if when and not self._is_installed:
            self._install()
        self._when = when

    def _install(self) -> None:
        self._is_installed = True
        begin, answer = HTTPConnection.putrequest, HTTPConnection.getresponse

        def putrequest(connection: HTTPConnection, *arguments: Any, **named: Any) -> None:
            self._strike("before", connection)
            begin(connection, *arguments, **named)

        def getresponse(connection: HTTPConnection) -> HTTPResponse:
            response = answer(connection)
            self._strike("after", connection)
            return response

        HTTPConnection.putrequest = putrequest  # type: ignore[method-assign, assignment]
        HTTPConnection.getresponse = getresponse  # type: ignore[method-assign, assignment]

    def _strike(self, when: str, connection: HTTPConnection) -> None:
        if when == self._when and (connection.host, connection.port) == (
            self._provider.hostname,
            self._provider.port,
        ):
            os.kill(os.getpid(), signal.SIGKILL)


def run(handler_name: str, parent: Parent) -> None:
    """Import the handler, then serve invocations until the parent goes away."""
    killing = Killing(os.environ.get("EXOTEL_BASE_URL", ""))
    try:
        handler = load(handler_name)
    except BaseException as error:
        parent.tell(error=describe(error))
        return
    parent.tell(ready=True)
    for invocation in parent.invocations():
        try:
            killing.arm(invocation["kill"])
            result = handler(invocation["event"], Context(invocation))
            parent.tell(result=result)
        except BaseException as error:
            parent.tell(error=describe(error))


def load(handler_name: str) -> Callable[[Any, Context], Any]:
    """Import ``module.function`` from the current folder."""
    module, _, function = handler_name.rpartition(".")
    sys.path.insert(0, os.getcwd())
    handler: Callable[[Any, Context], Any] = getattr(
        importlib.import_module(module.replace("/", ".")), function
    )
    return handler


def describe(error: BaseException) -> dict[str, Any]:
    """An error as Lambda reports it."""
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": traceback.format_tb(error.__traceback__),
    }


def main(handler_name: str) -> None:
    parent = Parent(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)  # whatever writes past sys.stdout must not break the protocol
    log: TextIO = Log(parent)  # type: ignore[assignment]
    with redirect_stdout(log), redirect_stderr(log):
        run(handler_name, parent)


if __name__ == "__main__":
    main(sys.argv[1])
