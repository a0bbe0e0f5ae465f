"""The functions as Lambda runs them: their own environment, a fresh import, events in, replies out."""

import importlib
import json
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
import responses

from ringback import runtime
from ringback.domain.facts import Entry
from ringback.domain.messages import Message
from ringback.services import callbacks
from tests.deployment import (
    CALLER,
    TOKENS,
    VOLUNTEER,
    Deployment,
    StandingClock,
    client,
    emulated,
    environment,
    local,
    prepared,
)
from tests.integration.wire import AwsRequest, Moment, listening

NAMES = (
    "voice_webhook",
    "sms_webhook",
    "react",
    "send_message",
    "place_call",
    "release",
    "reconcile",
    "copy_recording",
    "grievance_clock",
    "verify_influencer",
    "patch_call",
)
SEND_URL = "https://exotel.example/v1/Accounts/ringback1/Sms/send.json"
CONNECT_URL = "https://exotel.example/v1/Accounts/ringback1/Calls/connect.json"
LISTING_URL = "https://exotel.example/v1/Accounts/ringback1/Calls.json"

Event = dict[str, Any]


class Functions(Deployment):
    """All functions in one process, each imported anew, with Exotel's HTTP API played by the test."""

    def __init__(self, exotel: responses.RequestsMock, recorder: "Recorder", clock: StandingClock) -> None:
        runtime.current.cache_clear()
        current = runtime.current()
        current.clock = clock  # type: ignore[assignment]
        super().__init__(current, clock)
        self.exotel = exotel
        self.recorder = recorder
        self._apps = {name: self._started(name) for name in NAMES}

    def _started(self, name: str) -> Any:
        vars(self.runtime).pop(
            "secrets", None
        )  # Each function is a process of its own and reads them itself.
        with self.recorder.during(name):
            return fresh(name)

    def invoke(self, name: str, event: Event, *, seconds_left: float = 60.0) -> Any:
        """Invoke a function as Lambda does; whatever it raises comes out."""
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: seconds_left * 1000)
        vars(self.runtime).pop("secrets", None)
        with self.recorder.during(name):
            reply = self._apps[name].lambda_handler(event, context)
        json.dumps(reply)  # Lambda would refuse anything else.
        return reply

    def calls_placed(self) -> list[str]:
        """The bodies of the requests in which Exotel was asked to place a call, as it got them."""
        return [str(call.request.body) for call in self.exotel.calls if call.request.url == CONNECT_URL]

    def sms_taken(self) -> list[str]:
        """The bodies of the requests in which Exotel was asked to send, as it got them."""
        return [str(call.request.body) for call in self.exotel.calls if call.request.url == SEND_URL]


def fresh(name: str) -> Any:
    """Import a handler as a new process would."""
    sys.modules.pop(f"functions.{name}.app", None)
    return importlib.import_module(f"functions.{name}.app")


@contextmanager
def running(monkeypatch: pytest.MonkeyPatch, **changes: str) -> Iterator[Functions]:
    """A deployed stack with its functions; Exotel accepts every SMS and lists no calls unless a test says otherwise."""
    with emulated(**changes) as stack, responses.RequestsMock(assert_all_requests_are_fired=False) as exotel:
        for key, value in environment(**stack).items():
            monkeypatch.setenv(key, value)
        exotel.post(SEND_URL, json={"SMSMessage": {"Sid": "9f1c", "Status": "queued"}})
        exotel.post(CONNECT_URL, json={"Call": {"Sid": "out-1", "Status": "in-progress"}})
        exotel.get(LISTING_URL, json={"Metadata": {"Total": 0}, "Calls": []})
        recorder = Recorder()
        with listening(recorder):
            functions = Functions(exotel, recorder, StandingClock())
            with prepared(functions):
                yield functions
        runtime.current.cache_clear()


class Recorder:
    """What each function asked of AWS: (function, operation, place)."""

    def __init__(self) -> None:
        self.function = "tests"
        self.asked: set[tuple[str, str, str]] = set()

    def __call__(self, moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.BEFORE:
            for action, place in request.actions:
                self.asked.add((self.function, action, place))

    @contextmanager
    def during(self, function: str) -> Iterator[None]:
        before, self.function = self.function, function
        try:
            yield
        finally:
            self.function = before


# Events, as AWS writes them


def http(
    path: str,
    query: str = "",
    *,
    method: str = "GET",
    body: bytes | str | None = None,
    content_type: str = "application/x-www-form-urlencoded",
) -> Event:
    """An HTTP API event, payload version 2.0; a body of bytes arrives in base64."""
    event: Event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "ringback.example", "user-agent": "Exotel"},
        "requestContext": {"http": {"method": method, "path": path}, "requestId": "r", "stage": "$default"},
        "isBase64Encoded": isinstance(body, bytes),
    }
    if body is not None:
        event["headers"]["content-type"] = content_type
        event["body"] = b64encode(body).decode() if isinstance(body, bytes) else body
    return event


def missed_call(call_id: str = "call-1", caller: str = CALLER, number: str = VOLUNTEER, **more: str) -> Event:
    told = {"CallSid": call_id, "From": local(caller), "To": local(number), "Direction": "incoming"} | more
    return http(f"/voice/{TOKENS['clean-water']}/missed-call", urlencode(told))


def turn(
    call_id: str, number: str, second: int, step: str = "turn", caller: str = CALLER, **more: str
) -> Event:
    """A question about a call in a menu, `second` seconds into it."""
    told = {"CallSid": call_id, "From": local(caller), "To": local(number), "Direction": "incoming"}
    told |= {"CurrentTime": f"2026-03-02 11:00:{second:02}"} | more
    return http(f"/voice/{TOKENS['clean-water']}/{step}", urlencode(told))


def delivery_report(functions: Functions, message: Message, status: str, code: str) -> Event:
    address = callbacks.report_address(functions.runtime, message.message_id)
    told = urlencode({"SmsSid": "9f1c", "Status": status, "DetailedStatusCode": code})
    return http(address.removeprefix("https://ringback.example"), method="POST", body=told.encode())


def stream(*entries: Entry, name: str = "INSERT") -> Event:
    """A batch of the journal's stream. The images are read back from the table, as DynamoDB would send them."""
    records = []
    for entry in entries:
        key = {"source_id": {"S": entry.source_id}, "fact": {"S": entry.key}}
        image = client("dynamodb").get_item(TableName="test-journal", Key=key)["Item"]
        records.append(
            {"eventName": name, "eventSource": "aws:dynamodb", "dynamodb": {"Keys": key, "NewImage": image}}
        )
    return {"Records": records}


def sqs(*bodies: str) -> Event:
    return {
        "Records": [
            {"messageId": f"message-{index}", "eventSource": "aws:sqs", "body": body}
            for index, body in enumerate(bodies)
        ]
    }


SCHEDULED: Event = {"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}
