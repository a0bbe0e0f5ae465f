"""Placing a call through both clients, against a real HTTP server on this machine: asked once, and every failure is an outcome."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from ringback.domain.facts import FailureAction
from ringback.providers import exotel, twilio
from ringback.providers.base import (
    Accepted,
    AccountBlocked,
    Declined,
    Outcome,
    OutgoingCall,
    Provider,
    Throttled,
    Unclear,
)
from tests.integration.providers.server import Server, http

pytestmark = [pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]

DIAL = "m2pbkf5zmukzow4hzyryepb77i.clean-water.main.7pn5nw2h7h63btyp"
CALL = OutgoingCall(
    to="+919000000101",
    number="+918040001027",
    flow="11754",
    menu_url=f"https://api.example/voice/dial/{DIAL}/p1/turn",
    callback_url=f"https://api.example/voice/dial/{DIAL}/p1/status",
    custom_field=DIAL,
    ring_seconds=30,
    longest_seconds=300,
)
TAKEN: dict[str, dict[str, object]] = {
    "exotel": {"Call": {"Sid": "e12e87v", "Status": "in-progress", "Direction": "outbound-api"}},
    "twilio": {"sid": "e12e87v", "status": "queued", "direction": "outbound-api"},
}
CLIENTS: dict[str, Callable[[str], Any]] = {
    "exotel": lambda url: exotel.Client("ngo1", "a-key", "a-token", url, timeouts=(0.5, 0.2)),
    "twilio": lambda url: twilio.Client("AC1", "a-token", url, timeouts=(0.5, 0.2)),
}


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture(params=CLIENTS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(name: str, server: Server) -> Iterator[Provider]:
    client: Provider = CLIENTS[name](server.url)
    yield client
    client.close()


def placed(client: Provider, server: Server, answer: bytes | None) -> Outcome:
    server.answers.append(answer)
    return client.place_call(CALL)


@pytest.mark.parametrize("name", ["exotel"], indirect=True)
def test_exotel_rings_a_person_and_connects_them_to_the_flow(client: Provider, server: Server) -> None:
    outcome = placed(client, server, http(200, TAKEN["exotel"]))

    assert outcome == Accepted("e12e87v", None)
    assert server.requests[0].startswith(b"POST /v1/Accounts/ngo1/Calls/connect.json HTTP/1.1")
    assert server.form() == {
        "From": "+919000000101",
        "CallerId": "+918040001027",
        "Url": "http://my.exotel.com/ngo1/exoml/start_voice/11754",
        "CallType": "trans",
        "TimeLimit": "300",
        "TimeOut": "30",
        "CustomField": DIAL,
        "StatusCallback": CALL.callback_url,
        "StatusCallbackContentType": "application/json",
    }


@pytest.mark.parametrize("name", ["twilio"], indirect=True)
def test_twilio_rings_a_person_and_asks_our_door_what_they_hear(client: Provider, server: Server) -> None:
    outcome = placed(client, server, http(201, TAKEN["twilio"]))

    assert outcome == Accepted("e12e87v", None)
    assert server.requests[0].startswith(b"POST /2010-04-01/Accounts/AC1/Calls.json HTTP/1.1")
    assert server.form() == {
        "To": "+919000000101",
        "From": "+918040001027",
        "Url": CALL.menu_url,
        "Method": "POST",
        "StatusCallback": CALL.callback_url,
        "StatusCallbackMethod": "POST",
        "Timeout": "30",
        "TimeLimit": "300",
    }


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(http(200, {}), Unclear, id="taken without an id"),
        pytest.param(http(200, "<html>"), Unclear, id="no JSON"),
        pytest.param(http(400, {}), Declined, id="400"),
        pytest.param(http(401, {}), AccountBlocked, id="401"),
        pytest.param(http(402, {}), AccountBlocked, id="402"),
        pytest.param(http(429, {}), Throttled, id="429"),
        pytest.param(http(500, {}), Unclear, id="500"),
        pytest.param(http(502, "<html>"), Unclear, id="502"),
        pytest.param(None, Unclear, id="reset"),
        pytest.param(http(200, {}, X="1")[:20], Unclear, id="a time-out in the middle"),
    ],
)
def test_whatever_may_have_rung_is_unclear_and_asked_once(
    client: Provider, server: Server, answer: bytes | None, kind: type[Outcome]
) -> None:
    """X13."""
    assert isinstance(placed(client, server, answer), kind)
    assert len(server.requests) == 1


def test_a_provider_that_cannot_be_reached_has_rung_nobody(client: Provider, server: Server) -> None:
    server.close()

    assert client.place_call(CALL) == Throttled(None, is_reached=False)


@pytest.mark.parametrize("name", ["exotel"], indirect=True)
def test_a_number_without_a_flow_cannot_call_through_exotel(client: Provider, server: Server) -> None:
    assert client.place_call(replace(CALL, flow=None)) == Declined(
        "no-flow", "the number has no flow to call with", FailureAction.NONE
    )
    with pytest.raises(ValueError, match="128"):
        client.place_call(replace(CALL, custom_field="x" * 129))
    assert server.requests == []
