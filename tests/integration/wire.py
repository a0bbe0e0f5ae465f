"""Every AWS request of this process on its way out and back: to record what was asked, and to kill the process in between.

botocore tells each session it makes of these hooks, so our code runs unchanged: what dies here dies where a Lambda would.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import pytest
from botocore.endpoint import Endpoint
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.handlers import BUILTIN_HANDLERS


class Moment(StrEnum):
    BEFORE = "before"
    AFTER = "after"
    """AWS has done what it was asked; the process has not heard of it yet."""


@dataclass(frozen=True, slots=True)
class AwsRequest:
    """One request as our code made it."""

    service: str
    operation: str
    params: Mapping[str, Any]

    @property
    def places(self) -> tuple[str, ...]:
        """What it touches: `test-messages`, `test-messages/index/due`, a queue's name, a bucket's, a machine's, a secret's."""
        match self.service:
            case "dynamodb":
                return tuple(self._tables())
            case "sqs":
                return (self.params["QueueUrl"].rpartition("/")[2],)
            case "s3":
                return (self.params["Bucket"],)
            case "states":
                return (self.params.get("stateMachineArn", "*").rpartition(":")[2],)
            case _:
                return (self.params["SecretId"],)

    @property
    def actions(self) -> Iterator[tuple[str, str]]:
        """What it needs the right to, and where: (`dynamodb:UpdateItem`, `test-messages`).

        A transaction has no right of its own, each thing in it has. SOURCE: AWS, "Using IAM with DynamoDB transactions".
        """
        for item in self.params.get("TransactItems", ()):
            for kind, request in item.items():
                yield f"{self.service}:{kind}Item", request["TableName"]
        if "TransactItems" not in self.params:
            for place in self.places:
                yield f"{self.service}:{self.operation}", place

    def _tables(self) -> Iterator[str]:
        if "TableName" in self.params:
            index = self.params.get("IndexName")
            yield f"{self.params['TableName']}/index/{index}" if index else self.params["TableName"]
        yield from self.params.get("RequestItems", {})
        for item in self.params.get("TransactItems", ()):
            yield from (request["TableName"] for request in item.values())


class Requests:
    """What goes to AWS while somebody listens."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.BEFORE:
            self.made.append(request.operation)


class Listener(Protocol):
    def __call__(self, moment: Moment, request: AwsRequest) -> None: ...


_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let `listener` hear of every request; what it raises, the caller of AWS gets."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextmanager
def losing_an_answer(operation: str, place: str) -> Iterator[list[AwsRequest]]:
    """Let the next answer to one operation on one place get lost on its way: AWS has done what it was asked, and the client runs out of
    time. Yields the requests of that kind that went out, its own repeats included.
    """
    asked: list[AwsRequest] = []
    answered = Endpoint._do_get_response  # type: ignore[attr-defined]

    def answer(self: Any, request: Any, model: Any, context: Any) -> Any:
        found = answered(self, request, model, context)
        made = context["ringback_request"]
        if made.operation != operation or place not in made.places:
            return found
        asked.append(made)
        return found if len(asked) > 1 else (None, ReadTimeoutError(endpoint_url=request.url))

    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(Endpoint, "_do_get_response", answer)
        yield asked


class Killed(BaseException):
    """The process is gone. Not an Exception, so nothing of ours can catch it and tidy up."""


class Killer:
    """Kills the process at one request, counted from 0, and keeps it dead: whatever it tries afterwards dies too."""

    def __init__(self, at: int, moment: Moment) -> None:
        self._at, self._moment, self._heard = at, moment, 0
        self.victim: AwsRequest | None = None

    def __call__(self, moment: Moment, request: AwsRequest) -> None:
        if self.victim is not None:
            raise Killed
        if moment is self._moment:
            self._heard += 1
            if self._heard == self._at + 1:
                self.victim = request
                raise Killed


class Throttler:
    """Lets AWS refuse the next requests of one operation on one place, as it does when its retries are used up as well."""

    def __init__(self, operation: str, place: str, times: int = 1) -> None:
        self._operation, self._place, self.left = operation, place, times

    def __call__(self, moment: Moment, request: AwsRequest) -> None:
        is_meant = request.operation == self._operation and self._place in request.places
        if self.left and moment is Moment.BEFORE and is_meant:
            self.left -= 1
            raise ClientError(
                {"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, request.operation
            )


def _going(params: Mapping[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
    request = AwsRequest(model.service_model.endpoint_prefix, model.name, params)
    context["ringback_request"] = request
    for listener in tuple(_listeners):
        listener(Moment.BEFORE, request)


def _done(context: dict[str, Any], **_: Any) -> None:
    for listener in tuple(_listeners):
        listener(Moment.AFTER, context["ringback_request"])


BUILTIN_HANDLERS.append(("provide-client-params", _going))
BUILTIN_HANDLERS.append(("after-call", _done))
