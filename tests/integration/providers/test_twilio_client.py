"""The Twilio client against a real HTTP server on this machine that answers as Twilio documents it, and worse."""

import logging
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest

from ringback.domain.campaigns import Sender
from ringback.domain.errors import ProviderError
from ringback.domain.facts import FailureAction
from ringback.providers import twilio
from ringback.providers.base import (
    Accepted,
    AccountBlocked,
    Declined,
    Direction,
    ListedCall,
    Outcome,
    OutgoingSms,
    Provider,
    Throttled,
    Unclear,
)
from tests.integration.providers.server import Server, http

pytestmark = [pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]

ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "a-secret-auth-token"
SID = "SM30000000000000000000000000000001"
TAKEN = {"sid": SID, "status": "queued", "num_segments": "2", "error_code": None, "error_message": None}
SINCE, UNTIL = datetime(2024, 7, 31, 11, 0, tzinfo=UTC), datetime(2024, 7, 31, 11, 30, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def client(server: Server) -> Iterator[twilio.Client]:
    client = twilio.Client(ACCOUNT, TOKEN, server.url, timeouts=(0.5, 0.2))
    yield client
    client.close()


def an_sms() -> OutgoingSms:
    sender = Sender(header="CLNWTR", dlt_entity_id="1101490000000012345", sms_type="promotional")
    return OutgoingSms(
        "+919000000101",
        "आपका धन्यवाद & नमस्ते -CLNWTR",
        sender,
        "1107160000000000001",
        "https://api.example/sms/status/m1/p1",
        "m1",
    )


def error(status: int, code: int | None = None, message: str = "No.") -> dict[str, object]:
    return {"status": status, "message": message} | ({} if code is None else {"code": code})


def sent(client: twilio.Client, server: Server, answer: bytes | None) -> Outcome:
    server.answers.append(answer)
    return client.send_sms(an_sms())


def test_the_client_is_a_provider(client: twilio.Client) -> None:
    provider: Provider = client

    assert provider.name == "twilio"


def test_an_sms_goes_out_once_with_credentials_and_the_reports_address(
    client: twilio.Client, server: Server
) -> None:
    outcome = sent(client, server, http(201, TAKEN))
    key = b64encode(f"{ACCOUNT}:{TOKEN}".encode())

    assert outcome == Accepted(SID, 2)
    assert server.requests[0].startswith(b"POST /2010-04-01/Accounts/%b/Messages.json " % ACCOUNT.encode())
    assert b"Authorization: Basic " + key in server.requests[0]
    assert server.form() == {
        "To": "+919000000101",
        "From": "CLNWTR",
        "Body": "आपका धन्यवाद & नमस्ते -CLNWTR",
        "StatusCallback": "https://api.example/sms/status/m1/p1",
    }


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (http(201, TAKEN | {"num_segments": None}), Accepted(SID, None)),
        (
            http(201, TAKEN | {"status": "failed", "error_code": 30007, "error_message": "Filtered"}),
            Declined("30007", "Filtered", FailureAction.FIX_TEMPLATE),
        ),
        (http(201, {"status": "queued"}), Unclear("201 without the id of a message")),
        (http(200, "<html>"), Unclear("200 without the id of a message")),
        (http(200, [TAKEN]), Unclear("200 without the id of a message")),
        (
            http(400, error(400, 21211, "The 'To' number +919000000101 is not valid.")),
            Declined("21211", "The 'To' number +9190••••01 is not valid.", FailureAction.BAD_NUMBER),
        ),
        (http(400, error(400, 21610)), Declined("21610", "No.", FailureAction.SUPPRESS_CONTACT)),
        (http(400, error(400, 21612)), Declined("21612", "No.", FailureAction.FIX_ENTITY)),
        (http(400, error(400, 29999)), Declined("29999", "No.", FailureAction.NONE)),
        (http(400, "<html>"), Declined("400", "", FailureAction.NONE)),
        (http(403, error(403, 21408)), Declined("21408", "No.", FailureAction.BAD_NUMBER)),
        (http(401, error(401, 20003, "Authenticate")), AccountBlocked("20003", "Authenticate")),
        (http(403, error(403, 20005)), AccountBlocked("20005", "No.")),
        (http(404, error(404, 20404)), AccountBlocked("20404", "No.")),
        (http(301, b"", Location="https://elsewhere.example/"), AccountBlocked("301", "")),
        (http(429, error(429, 20429)), Throttled(None)),
        (http(429, error(429, 20429), Retry_After="3"), Throttled(3.0)),
        (http(429, b"", Retry_After="Wed, 21 Oct 2026 07:28:00 GMT"), Throttled(None)),
        (http(500, error(500, 20500)), Unclear("20500: No.")),
        (http(503, b"busy"), Unclear("503: ")),
        (http(408), Unclear("408: ")),
        (http(409), Unclear("409: ")),
    ],
)
def test_an_answer_means(client: twilio.Client, server: Server, answer: bytes, outcome: Outcome) -> None:
    assert sent(client, server, answer) == outcome
    assert len(server.requests) == 1


def test_a_hanging_or_broken_connection_is_unclear_and_asked_once(
    client: twilio.Client, server: Server
) -> None:
    """R15: the message may have left."""
    assert isinstance(sent(client, server, b""), Unclear)
    assert isinstance(sent(client, server, None), Unclear)
    assert len(server.requests) == 2


def test_a_refused_connection_reached_nobody(client: twilio.Client, server: Server) -> None:
    server.close()

    assert client.send_sms(an_sms()) == Throttled(None, is_reached=False)


def test_no_secret_and_no_number_is_shown(
    client: twilio.Client, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sent(client, server, http(500, error(500, 20500, "to +919000000101")))

    assert TOKEN not in repr(client) + caplog.text
    assert "9000000101" not in caplog.text


# Listing


def a_record(sid: str = "CA1", **changed: object) -> dict[str, object]:
    return {
        "sid": sid,
        "from": "+919000000101",
        "to": "+918040002001",
        "direction": "inbound",
        "status": "busy",
        "start_time": "Wed, 31 Jul 2024 11:12:56 +0000",
        "date_created": "Wed, 31 Jul 2024 11:12:50 +0000",
    } | changed


def a_page(*records: object, following: str | None = None) -> bytes:
    return http(200, {"calls": list(records), "next_page_uri": following})


def test_calls_are_listed_page_by_page(client: twilio.Client, server: Server) -> None:
    uri = (
        f"https://elsewhere.example/2010-04-01/Accounts/{ACCOUNT}/Calls.json?PageSize=100&Page=1&PageToken=P"
    )
    server.answers += [
        a_page(a_record(), following=uri),
        a_page(a_record("CA2", direction="outbound-api", start_time=None)),
    ]
    first = client.list_calls(SINCE, UNTIL)
    last = client.list_calls(SINCE, UNTIL, first.next)
    asked = [request.split(b" ")[1].decode() for request in server.requests]

    assert first.calls == (
        ListedCall(
            "CA1",
            "+918040002001",
            "+919000000101",
            Direction.INCOMING,
            "busy",
            datetime(2024, 7, 31, 11, 12, 56, tzinfo=UTC),
            None,
        ),
    )
    assert last.calls[0].direction is Direction.OUTGOING
    assert last.calls[0].started_at == datetime(2024, 7, 31, 11, 12, 50, tzinfo=UTC)
    assert (last.complete, last.next) == (True, None)
    assert parse_qs(asked[0].partition("?")[2]) == {
        "StartTime>": ["2024-07-31T10:59:59Z"],
        "StartTime<": ["2024-07-31T11:30:01Z"],
        "PageSize": ["100"],
    }
    assert asked[1] == f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json?PageSize=100&Page=1&PageToken=P"


def test_a_record_nobody_can_read_is_no_reason_to_lose_the_others(
    client: twilio.Client, server: Server
) -> None:
    server.answers.append(a_page("?", {"sid": ""}, a_record(), a_record()))
    page = client.list_calls(SINCE, UNTIL)

    assert ([call.call_id for call in page.calls], page.skipped) == (["CA1"], 2)


def test_a_page_that_names_itself_as_the_next_is_the_last(client: twilio.Client, server: Server) -> None:
    server.answers.append(a_page(a_record(), following="/x?Page=1"))

    assert client.list_calls(SINCE, UNTIL, "Page=1").next is None


@pytest.mark.parametrize(
    ("answer", "code", "retryable"),
    [
        (http(401, error(401, 20003)), "20003", False),
        (http(429, error(429, 20429)), "20429", True),
        (http(500, b"oops"), "500", True),
        (http(200, b"oops"), "no-listing", True),
        (http(200, {"calls": None}), "no-listing", True),
        (None, "no-answer", True),
    ],
)
def test_a_listing_that_fails_says_whether_to_ask_again(
    client: twilio.Client, server: Server, answer: bytes | None, code: str, retryable: bool
) -> None:
    server.answers.append(answer)
    with pytest.raises(ProviderError) as problem:
        client.list_calls(SINCE, UNTIL)

    assert (problem.value.code, problem.value.retryable) == (code, retryable)


def test_a_call_that_goes_on_is_ended(client: twilio.Client, server: Server) -> None:
    server.answers.append(http(200, {"sid": "CA1", "status": "in-progress"}))

    assert client.end_call("CA1")
    assert server.requests[0].startswith(b"POST /2010-04-01/Accounts/%b/Calls/CA1.json " % ACCOUNT.encode())
    assert server.form() == {"Status": "completed"}


@pytest.mark.parametrize("answer", [http(400, error(400, 21220)), http(404, error(404, 20404))])
def test_a_call_that_is_over_or_unknown_is_not_ended_again(
    client: twilio.Client, server: Server, answer: bytes
) -> None:
    server.answers.append(answer)

    assert not client.end_call("CA1")


@pytest.mark.parametrize(
    ("answer", "retryable"),
    [
        (http(503), True),
        (http(429, error(429, 20429)), True),
        (http(401, error(401, 20003)), False),
        (None, True),
    ],
)
def test_a_call_that_could_not_be_ended_says_so(
    client: twilio.Client, server: Server, answer: bytes | None, retryable: bool
) -> None:
    server.answers.append(answer)

    with pytest.raises(ProviderError) as problem:
        client.end_call("CA1")
    assert problem.value.retryable is retryable
