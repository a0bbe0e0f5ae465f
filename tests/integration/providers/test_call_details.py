"""One call in a provider's own records: what settles a patch whose callbacks were lost."""

import json
from collections.abc import Iterator

import pytest

from ringback.domain.errors import ProviderError
from ringback.domain.legs import Ending, LegEvent, Progress
from ringback.providers import exotel, twilio
from tests.integration.providers.server import Server
from tests.integration.providers.test_exotel_client import error, http

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def exotel_client(server: Server) -> exotel.Client:
    return exotel.Client("account-1", "key", "token", server.url, timeouts=(0.5, 0.5))


def twilio_client(server: Server) -> twilio.Client:
    return twilio.Client("AC1", "token", server.url, timeouts=(0.5, 0.5))


def record(status: str = "completed", **details: object) -> dict[str, object]:
    return {"Call": {"Sid": "call-1", "Status": status, "EndTime": "2026-03-02 11:05:00", "Details": details}}


@pytest.mark.parametrize(
    ("details", "ending", "talked"),
    [
        ({"ConversationDuration": 41, "Leg2Status": "completed"}, Ending.COMPLETED, 41),
        ({"ConversationDuration": "0", "Leg2Status": "completed"}, Ending.COMPLETED, 0),
        ({"ConversationDuration": 0, "Leg2Status": "no-answer"}, Ending.NO_ANSWER, 0),
        ({"ConversationDuration": None, "Leg2Status": "busy"}, Ending.BUSY, None),
        (
            {
                "Leg2Status": "completed",
                "Legs": [{"Leg": {"Id": 1, "OnCallDuration": 73}}, {"Leg": {"Id": 2, "OnCallDuration": 12}}],
            },
            Ending.COMPLETED,
            12,
        ),
    ],
)
def test_exotels_second_leg_decides(
    server: Server, details: dict[str, object], ending: Ending, talked: int | None
) -> None:
    """exotel.md, trap 7: the call is completed in each of these."""
    server.answers.append(http(200, record(**details)))
    found = exotel_client(server).find_call("call-1")
    assert found is not None
    assert found.is_over
    assert found.legs == (LegEvent("call-1", None, Progress.TERMINAL, ending, talked, None, None),)
    assert b"GET /v1/Accounts/account-1/Calls/call-1.json?details=true" in server.requests[0]


@pytest.mark.parametrize("leg", [None, "null", ""])
def test_a_call_in_which_nobody_was_dialled_has_no_leg(server: Server, leg: str | None) -> None:
    server.answers.append(http(200, record(Leg2Status=leg, ConversationDuration=0)))
    found = exotel_client(server).find_call("call-1")
    assert found is not None
    assert found.legs == ()


@pytest.mark.parametrize("status", ["in-progress", "ringing", "queued"])
def test_a_call_that_goes_on_has_not_ended_and_tells_of_no_leg(server: Server, status: str) -> None:
    server.answers.append(http(200, record(status, Leg2Status="completed", ConversationDuration=3)))
    found = exotel_client(server).find_call("call-1")
    assert found is not None
    assert not found.is_over
    assert found.legs == ()


@pytest.mark.parametrize("status", [200, 400, 404])
def test_a_call_that_exotel_does_not_know_is_none_under_any_status(server: Server, status: int) -> None:
    server.answers.append(http(status, error(404, None, "No matching results")))
    assert exotel_client(server).find_call("call-1") is None


def test_another_call_in_the_answer_is_none(server: Server) -> None:
    server.answers.append(http(200, record()))
    assert exotel_client(server).find_call("call-2") is None


@pytest.mark.parametrize("answer", [http(503), http(429), http(401), None])
def test_a_provider_that_cannot_be_asked_says_so(server: Server, answer: bytes | None) -> None:
    server.answers += [answer, answer]
    for client in (exotel_client(server), twilio_client(server)):
        with pytest.raises(ProviderError):
            client.find_call("call-1")


def test_twilios_children_are_the_legs(server: Server) -> None:
    children = [
        {"sid": "CA2", "to": "+919001000001", "status": "no-answer", "duration": "0"},
        {"sid": "CA3", "to": "+919001000002", "status": "completed", "duration": "41"},
        {"sid": "CA4", "to": "+919001000003", "status": "in-progress", "duration": None},
    ]
    server.answers += [
        http(200, {"sid": "CA1", "status": "completed", "end_time": "Mon, 02 Mar 2026 05:35:00 +0000"}),
        http(200, {"calls": children}),
    ]
    found = twilio_client(server).find_call("CA1")
    assert found is not None
    assert found.is_over
    assert [(leg.number, leg.status, leg.talked_seconds) for leg in found.legs] == [
        ("+919001000001", Ending.NO_ANSWER, 0),
        ("+919001000002", Ending.COMPLETED, 41),
    ]
    assert b"ParentCallSid=CA1" in server.requests[1]


def test_a_call_that_twilio_does_not_know_is_none(server: Server) -> None:
    server.answers.append(http(404, json.loads("{}")))
    assert twilio_client(server).find_call("CA1") is None
