"""The Exotel client against a real HTTP server on this machine that answers as Exotel has been seen to, and worse."""

import logging
import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest

from ringback.domain.campaigns import Sender
from ringback.domain.errors import ProviderError
from ringback.domain.facts import FailureAction
from ringback.providers import exotel
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
from ringback.providers.exotel.transport import ExotelpySms
from tests.integration.providers.server import Server, http

pytestmark = [pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]

TOKEN = "a-secret-api-token"
SID = "9f1c2e3d4a5b6c7d8e9f0a1b2c3d4e5s"
MESSAGE = {"Sid": SID, "Status": "queued", "DetailedStatusCode": 21010, "SmsUnits": 1}
SINCE, UNTIL = datetime(2024, 7, 31, 11, 0, tzinfo=UTC), datetime(2024, 7, 31, 11, 30, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def client(server: Server) -> Iterator[exotel.Client]:
    client = exotel.Client("ngo1", "a-key", TOKEN, server.url, timeouts=(0.5, 0.2))
    yield client
    client.close()


def error(status: int, code: int | None = None, message: str = "No.") -> dict[str, object]:
    given: dict[str, object] = {"Status": status, "Message": message}
    return {"RestException": given if code is None else given | {"Code": code}}


def an_sms(
    body: str = "Thank you. -CLNWTR",
    to: str = "+919000000101",
    url: str = "https://api.example/sms/status/m1/p1",
) -> OutgoingSms:
    sender = Sender(header="CLNWTR", dlt_entity_id="1101490000000012345", sms_type="promotional")
    return OutgoingSms(to, body, sender, "1107160000000000001", url, "m1")


def sent(client: exotel.Client, server: Server, answer: bytes | None) -> Outcome:
    server.answers.append(answer)
    return client.send_sms(an_sms())


# One SMS


def test_an_sms_is_asked_for_with_everything_its_delivery_needs(
    client: exotel.Client, server: Server
) -> None:
    """exotel.md §2.6: DLT ids, our id, and where the report goes; credentials in a header, never in the address."""
    outcome = sent(client, server, http(200, {"SMSMessage": MESSAGE}))

    assert Accepted(SID, 1) == outcome
    assert server.form() == {
        "From": "CLNWTR",
        "To": "+919000000101",
        "Body": "Thank you. -CLNWTR",
        "EncodingType": "plain",
        "StatusCallback": "https://api.example/sms/status/m1/p1",
        "StatusCallbackContentType": "application/json",
        "DltEntityId": "1101490000000012345",
        "DltTemplateId": "1107160000000000001",
        "SmsType": "promotional",
        "CustomField": "m1",
    }
    head = server.requests[0].partition(b"\r\n\r\n")[0]
    assert head.startswith(b"POST /v1/Accounts/ngo1/Sms/send.json HTTP/1.1\r\n")
    assert b"Authorization: Basic " + b64encode(b"a-key:" + TOKEN.encode()) in head


@pytest.mark.parametrize(
    ("body", "encoding"), [("Price: €5 [ok]", "plain"), ("धन्यवाद", "unicode"), ("It’s on", "unicode")]
)
def test_the_encoding_asked_for_is_the_one_the_text_needs(
    client: exotel.Client, server: Server, body: str, encoding: str
) -> None:
    """A text in the wrong encoding arrives as question marks."""
    server.answers.append(http(200, {"SMSMessage": MESSAGE}))
    client.send_sms(an_sms(body))

    assert (body, encoding) == (server.form()["Body"], server.form()["EncodingType"])


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        pytest.param(http(200, {"SMSMessage": MESSAGE | {"SmsUnits": "2"}}), Accepted(SID, 2), id="units-as-text"),
        pytest.param(http(201, {"SMSMessage": {"Sid": SID}}), Accepted(SID, None), id="201-with-only-an-id"),
        pytest.param(http(200, [{"SMSMessage": MESSAGE}]), Accepted(SID, 1), id="list"),
        pytest.param(http(200, {"SMSMessage": [MESSAGE]}), Accepted(SID, 1), id="list-inside"),
        pytest.param(
            http(200, {"SMSMessage": MESSAGE | {"Status": "failed-dnd", "DetailedStatusCode": 23005}}),
            Declined("23005", "", FailureAction.SUPPRESS_CONTACT),
            id="failed-at-once",
        ),
        pytest.param(
            http(200, {"SMSMessage": {"Sid": SID, "Status": "failed", "DetailedStatus": "FAILED"}}),
            Declined("failed", "FAILED", FailureAction.NONE),
            id="failed-at-once-without-a-code",
        ),
        pytest.param(http(200), Unclear("200 without the id of a message"), id="200-empty"),
        pytest.param(http(200, "<html>"), Unclear("200 without the id of a message"), id="200-html"),
        pytest.param(http(200, "[" * 90_000), Unclear("200 without the id of a message"), id="200-endless-json"),
        pytest.param(http(200, {"SMSMessage": {"Sid": None}}), Unclear("200 without the id of a message"), id="200-no-id"),
        pytest.param(http(200, {"SMSMessage": [MESSAGE, MESSAGE]}), Unclear("200 without the id of a message"), id="200-two-ids"),
        pytest.param(http(200, error(500)), Unclear("200 without the id of a message"), id="200-with-an-error"),
        pytest.param(http(200, "9"), Unclear("200 without the id of a message"), id="200-number"),
        pytest.param(
            b"HTTP/1.1 200 X\r\nContent-Length: 999\r\n\r\n{", Unclear("200 without the id of a message"), id="200-body-hangs"
        ),
        pytest.param(http(400, error(400, 40203)), Declined("40203", "No.", FailureAction.BAD_NUMBER), id="400-number"),
        pytest.param(http(400, error(400, 40202)), Declined("40202", "No.", FailureAction.FIX_TEMPLATE), id="400-body"),
        pytest.param(http(400, error(400, 40206)), Declined("40206", "No.", FailureAction.FIX_ENTITY), id="400-from"),
        pytest.param(http(400, error(400)), Declined("400", "No.", FailureAction.NONE), id="400-without-a-code"),
        pytest.param(
            http(400, error(400, None, "Invalid To 09000000101")),
            Declined("400", "Invalid To 090••••01", FailureAction.NONE),
            id="400-naming-a-person",
        ),
        pytest.param(http(422, "?"), Declined("422", "", FailureAction.NONE), id="422-no-json"),
        pytest.param(
            b"HTTP/1.1 400 X\r\nContent-Length: 999\r\n\r\n{", Declined("400", "", FailureAction.NONE), id="400-body-hangs"
        ),
        pytest.param(http(403, error(403, 40003)), Declined("40003", "No.", FailureAction.BAD_NUMBER), id="403-country"),
        pytest.param(http(403, error(403, 40001, "Balance")), AccountBlocked("40001", "Balance"), id="403-balance"),
        pytest.param(http(403, error(403, 340030, "KYC")), AccountBlocked("340030", "KYC"), id="403-kyc"),
        pytest.param(http(401, {"response": "?"}), AccountBlocked("401", ""), id="401-odd-body"),
        pytest.param(http(402), AccountBlocked("402", ""), id="402"),
        pytest.param(http(404, "<html>"), AccountBlocked("404", ""), id="404-wrong-account"),
        pytest.param(http(302, Location="http://127.0.0.1:1/"), AccountBlocked("302", ""), id="302-wrong-host"),
        pytest.param(http(429, error(429, 40402), Retry_After="7"), Throttled(7.0), id="429"),
        pytest.param(http(429, Retry_After="Wed, 31 Jul 2024 11:12:56 GMT"), Throttled(None), id="429-with-a-date"),
        pytest.param(
            http(429, "<TwilioResponse><RestException><Status>429</Status></RestException></TwilioResponse>"),
            Throttled(None),
            id="429-xml",
        ),
        pytest.param(http(503, error(503, 40405), Retry_After="1"), Throttled(1.0), id="503-throttled"),
        pytest.param(
            http(503, "<RestException><Code>40405</Code><Message>Slow</Message></RestException>"),
            Throttled(None),
            id="503-throttled-xml",
        ),
        pytest.param(http(503, error(503)), Unclear("503: No."), id="503"),
        pytest.param(http(500, error(500, 35000)), Unclear("35000: No."), id="500"),
        pytest.param(http(502, "<html>Bad gateway</html>"), Unclear("502"), id="502-html"),
        pytest.param(http(408), Unclear("408"), id="408"),
        pytest.param(http(409), Unclear("409"), id="409"),
        pytest.param(None, Unclear("ConnectionError"), id="closed-unanswered"),
        pytest.param(b"HTTP/1.1 2", Unclear("ReadTimeout"), id="hangs-in-the-status"),
        pytest.param(b"", Unclear("ReadTimeout"), id="never-answers"),
    ],
)  # fmt: skip
def test_every_answer_says_whether_the_sms_may_have_left(
    client: exotel.Client, server: Server, answer: bytes | None, outcome: Outcome
) -> None:
    """Design §1: what may have had an effect is unclear, what had none may be repeated, and nothing is repeated here."""
    assert outcome == sent(client, server, answer)
    assert len(server.requests) == 1


@pytest.mark.parametrize("timeouts", [(0.5, 0.2), (0.0001, 0.2)])
def test_what_never_reached_exotel_may_be_sent_later(server: Server, timeouts: tuple[float, float]) -> None:
    """A refused connection had no effect."""
    server.close()

    assert Throttled(None, is_reached=False) == exotel.Client(
        "ngo1", "k", "t", server.url, timeouts=timeouts
    ).send_sms(an_sms())


def test_a_connection_that_is_not_taken_in_time_sent_nothing() -> None:
    """A full backlog swallows the handshake: connecting takes too long, and nothing has left."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        outcome = exotel.Client("ngo1", "k", "t", url, timeouts=(0.2, 5)).send_sms(an_sms())

    assert Throttled(None, is_reached=False) == outcome


def test_a_hanging_socket_is_given_up_after_the_time_out(client: exotel.Client, server: Server) -> None:
    """exotelpy alone would wait for ever; a worker that waits holds its whole batch."""
    began = time.monotonic()
    outcome = sent(client, server, b"")

    assert Unclear("ReadTimeout") == outcome
    assert 0.2 <= time.monotonic() - began < 1.5


def test_the_machine_has_no_say_in_where_requests_go(
    client: exotel.Client, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy left in an environment must not see texts and numbers."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")

    assert Accepted(SID, 1) == sent(client, server, http(200, {"SMSMessage": MESSAGE}))


def test_the_connection_is_kept_for_the_next_sms(client: exotel.Client, server: Server) -> None:
    """A handshake for each SMS would cost more than the SMS request itself."""
    for _ in range(3):
        assert Accepted(SID, 1) == sent(client, server, http(200, {"SMSMessage": MESSAGE}))

    assert server.connections == 1


def test_a_number_exotelpy_refuses_is_declined_unasked(client: exotel.Client, server: Server) -> None:
    """exotelpy wants 11 to 15 digits, so some foreign numbers never reach Exotel."""
    outcome = client.send_sms(an_sms(to="+6581234567"))

    assert (
        Declined("number", "exotelpy takes E.164 numbers of 11 to 15 digits only", FailureAction.BAD_NUMBER)
        == outcome
    )
    assert not server.requests


def test_a_callback_address_exotelpy_refuses_blocks_the_account(
    client: exotel.Client, server: Server
) -> None:
    """No SMS would ever be reported on, and the address holds a secret, so it is not repeated."""
    outcome = client.send_sms(an_sms(url="https://my_host/sms/status/m1/secret"))

    assert (
        AccountBlocked("callback-address", "exotelpy refuses the address of our delivery reports") == outcome
    )
    assert not server.requests


def test_an_id_too_long_for_the_provider_is_a_mistake_of_ours(client: exotel.Client) -> None:
    """128 characters are the limit of CustomField; a cut id would find nothing again."""
    sms = an_sms()
    with pytest.raises(ValueError, match="128"):
        client.send_sms(
            OutgoingSms(sms.to, sms.body, sms.sender, sms.template_id, sms.callback_url, "m" * 129)
        )


def test_no_secret_text_or_number_is_shown_or_logged(
    client: exotel.Client, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """exotelpy prints its token and logs what it sends; neither may happen, even at DEBUG."""
    caplog.set_level(logging.DEBUG)
    sent(client, server, http(200, {"SMSMessage": MESSAGE | {"To": "09000000101"}}))
    sent(client, server, http(401, error(401)))
    sent(client, server, None)

    shown = (
        caplog.text + repr(client) + repr(vars(client)) + repr(ExotelpySms("ngo1", vars(client)["_http"], {}))
    )
    assert "exotel.Client('ngo1'" in shown
    assert "ExotelpySms('ngo1'" in shown
    assert not [
        secret for secret in (TOKEN, "a-key", "9000000101", "Thank you", "status/m1") if secret in shown
    ]


def test_the_client_is_a_provider(client: exotel.Client) -> None:
    """One Protocol, and it reads with the very functions that the doors use."""
    provider: Provider = client

    assert ("exotel", exotel.read_call) == (provider.name, provider.read_call)


# The call listing


def listed(*records: object, total: object = None, following: object = None) -> dict[str, object]:
    return {"Metadata": {"Total": total, "PageSize": 100, "NextPageUri": following}, "Calls": list(records)}


def a_record(sid: object = "b7e1v", **changes: object) -> dict[str, object]:
    return {
        "Sid": sid,
        "From": "09000000101",
        "To": "08040001001",
        "Direction": "inbound",
        "Status": "no-answer",
        "StartTime": "2024-07-31 16:42:56",
        "CustomField": None,
    } | changes


def a_call(call_id: object = "b7e1v", **changes: object) -> ListedCall:
    at = datetime(2024, 7, 31, 11, 12, 56, tzinfo=UTC)
    usual: dict[str, object] = {
        "call_id": call_id,
        "dialled": "08040001001",
        "caller": "09000000101",
        "direction": Direction.INCOMING,
        "status": "no-answer",
        "started_at": at,
        "custom_field": None,
    }
    return ListedCall(**(usual | changes))  # type: ignore[arg-type]


def query_of(request: bytes) -> dict[str, str]:
    path = request.split(b" ")[1].decode()
    assert path.startswith("/v1/Accounts/ngo1/Calls.json?")
    return dict(parse_qsl(path.partition("?")[2]))


def test_calls_are_asked_for_in_indian_wall_time(client: exotel.Client, server: Server) -> None:
    """exotel.md §2.5: a filter in UTC leaves a hole of five and a half hours."""
    server.answers.append(http(200, listed(a_record(), total=1)))
    page = client.list_calls(SINCE, UNTIL)

    assert ((a_call(),), True, None, 0) == (page.calls, page.complete, page.next, page.skipped)
    assert query_of(server.requests[0]) == {
        "DateCreated": "gte:2024-07-31 16:30:00;lte:2024-07-31 17:00:00",
        "PageSize": "100",
        "SortBy": "DateCreated:asc",
    }


def test_pages_are_followed_to_the_end_and_counted(client: exotel.Client, server: Server) -> None:
    """The provider's total, not an empty page, says that everything came."""
    server.answers += [
        http(200, listed(a_record("a"), a_record("b"), total="3", following="/v1/Accounts/ngo1/Calls.json?After=x%3D&PageSize=100")),
        http(200, listed(a_record("c"), total="3")),
    ]  # fmt: skip
    first = client.list_calls(SINCE, UNTIL)
    second = client.list_calls(SINCE, UNTIL, first.next)

    assert (a_call("a"), a_call("b"), a_call("c")) == first.calls + second.calls
    assert (first.complete, second.complete, second.next) == (True, True, None)
    assert query_of(server.requests[1]) == {"After": "x=", "PageSize": "100"}


@pytest.mark.parametrize(
    ("answer", "complete", "calls", "skipped"),
    [
        pytest.param(listed(a_record("a"), total=3), False, 1, 0, id="fewer-than-counted"),
        pytest.param(
            listed(a_record("a"), a_record("a"), total=2), False, 1, 0, id="a-call-repeated-hides-another"
        ),
        pytest.param(listed(a_record("a")), True, 1, 0, id="not-counted-and-page-not-full"),
        pytest.param(
            listed(*(a_record(str(n)) for n in range(100))), False, 100, 0, id="not-counted-and-page-full"
        ),
        pytest.param({"Calls": [a_record()], "Metadata": None}, True, 1, 0, id="no-metadata"),
        pytest.param(listed(total=0), True, 0, 0, id="none"),
        pytest.param(listed(total=1, following="?After=x"), False, 0, 0, id="an-empty-page-ends-the-listing"),
        pytest.param(
            listed(a_record("a"), 7, None, {}, {"Call": 3}, {"Sid": "a b"}, total=6),
            True,
            1,
            5,
            id="unreadable-records",
        ),
    ],
)
def test_partial_and_repeated_pages_are_noticed(
    client: exotel.Client, server: Server, answer: dict[str, object], complete: bool, calls: int, skipped: int
) -> None:
    """Reconciliation moves its watermark only over a complete listing; one bad record loses no other."""
    server.answers.append(http(200, answer))
    page = client.list_calls(SINCE, UNTIL)

    assert (complete, calls, skipped, None) == (page.complete, len(page.calls), page.skipped, page.next)


def test_a_page_that_names_itself_as_the_next_ends_the_listing(client: exotel.Client, server: Server) -> None:
    """Otherwise one faulty answer is asked for for ever."""
    server.answers += [http(200, listed(a_record(), total=9, following="?After=x"))] * 2
    page = client.list_calls(SINCE, UNTIL)
    again = client.list_calls(SINCE, UNTIL, page.next)

    assert (again.next, again.complete) == (None, False)


def test_a_next_page_on_another_host_is_asked_from_our_own(client: exotel.Client, server: Server) -> None:
    """Credentials go to one host: only the query of the next page's address is used."""
    other = Server()
    server.answers += [
        http(
            200, listed(a_record("a"), total=2, following=f"{other.url}/v1/Accounts/evil/Calls.json?After=x")
        ),
        http(200, listed(a_record("b"), total=2)),
    ]
    page = client.list_calls(SINCE, UNTIL)
    client.list_calls(SINCE, UNTIL, page.next)
    other.close()

    assert query_of(server.requests[1]) == {"After": "x"}
    assert not other.requests


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"Direction": "Incoming"}, {}, id="Incoming"),
        pytest.param({"Direction": "outbound-api"}, {"direction": Direction.OUTGOING}, id="outbound-api"),
        pytest.param({"Direction": None}, {"direction": Direction.UNKNOWN}, id="no-direction"),
        pytest.param({"From": "null"}, {"caller": None}, id="caller-null"),
        pytest.param({"From": 9000000101}, {"caller": "9000000101"}, id="caller-as-a-number"),
        pytest.param({"To": None}, {"dialled": ""}, id="dialled-null"),
        pytest.param({"Status": "Busy"}, {"status": "busy"}, id="status"),
        pytest.param(
            {"StartTime": None, "DateCreated": "2024-07-31 16:42:56"}, {}, id="time-from-DateCreated"
        ),
        pytest.param({"StartTime": {}}, {"started_at": None}, id="no-time"),
        pytest.param({"CustomField": "m1"}, {"custom_field": "m1"}, id="custom-field"),
        pytest.param({"Price": [1], "Duration": 17, "ParentCallSid": ""}, {}, id="other-fields"),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_record_is_read_whatever_its_types(
    client: exotel.Client,
    server: Server,
    changes: dict[str, object],
    expected: dict[str, object],
    wrapped: bool,
) -> None:
    """exotel.md §2.2: the same field is a number, a text or null; a record may be wrapped in `Call`."""
    record = a_record(**changes)
    server.answers.append(http(200, listed({"Call": record} if wrapped else record, total=1)))

    assert (a_call(**expected),) == client.list_calls(SINCE, UNTIL).calls


@pytest.mark.parametrize(
    ("answer", "code", "retryable"),
    [
        pytest.param(http(500, error(500, 35000)), "35000", True, id="500"),
        pytest.param(http(502, "<html>"), "502", True, id="502-html"),
        pytest.param(http(429), "429", True, id="429"),
        pytest.param(http(408), "408", True, id="408"),
        pytest.param(http(401, error(401, 34010)), "34010", False, id="401"),
        pytest.param(http(403), "403", False, id="403"),
        pytest.param(http(404, "<html>"), "404", False, id="404-html"),
        pytest.param(http(200, "<html>"), "no-listing", True, id="200-html"),
        pytest.param(http(200, {"Calls": {}}), "no-listing", True, id="200-no-list"),
        pytest.param(None, "no-answer", True, id="closed-unanswered"),
        pytest.param(b"", "no-answer", True, id="never-answers"),
    ],
)
def test_a_listing_that_cannot_be_had_says_whether_to_try_again(
    client: exotel.Client, server: Server, answer: bytes | None, code: str, retryable: bool
) -> None:
    """Asking for a list is safe to repeat, except where a person has to act first."""
    server.answers.append(answer)
    with pytest.raises(ProviderError) as raised:
        client.list_calls(SINCE, UNTIL)

    assert (code, retryable) == (raised.value.code, raised.value.retryable)


def test_a_listing_from_nowhere_can_be_tried_again(server: Server, client: exotel.Client) -> None:
    """A refused connection is an outage, not a mistake."""
    server.close()
    with pytest.raises(ProviderError) as raised:
        client.list_calls(SINCE, UNTIL)

    assert raised.value.retryable


@pytest.mark.parametrize("status", [200, 400, 404])
def test_nothing_found_is_an_empty_listing_under_any_status(
    client: exotel.Client, server: Server, status: int
) -> None:
    """exotel.md §6.18: not found is 404, 400 or 200, depending on the resource; the answer's own Status says it."""
    server.answers += [http(status, error(404, None, "No matching results"))] * 2
    first, later = client.list_calls(SINCE, UNTIL), client.list_calls(SINCE, UNTIL, "100 After=x")

    assert (first.calls, first.complete, first.next) == ((), True, None)
    assert not later.complete


def test_an_sms_written_out_tells_neither_whom_nor_what_nor_where_it_is_reported() -> None:
    sms = an_sms()

    assert not any(secret in repr(sms) for secret in (sms.to, sms.body, sms.callback_url))
