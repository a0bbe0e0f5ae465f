"""Delivery reports: their three encodings, their retries, and what can go wrong with them."""

import email
import json
import re
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

FIELDS = ["SmsSid", "To", "Status", "DetailedStatus", "DetailedStatusCode", "SmsUnits", "DateSent"]


def fields(request: Any) -> dict[str, Any]:
    """Read a report, whatever its encoding."""
    content_type = request.headers["Content-Type"]
    if content_type == "application/json":
        read: dict[str, Any] = json.loads(request.body)
        return read
    if content_type == "application/x-www-form-urlencoded":
        return dict(urllib.parse.parse_qsl(request.body.decode()))
    message = email.message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + request.body)
    return {
        str(part.get_param("name", header="content-disposition")): str(part.get_payload())
        for part in message.walk()
        if not part.is_multipart()
    }


def test_a_delivered_sms_is_in_the_inbox_and_reported(
    serve: Callable[..., Any], our_side: Any, a_form: Callable[..., Any]
) -> None:
    stage = serve()
    sid = stage.exotel("Sms/send.json", a_form(CustomField="m1")).json["SMSMessage"]["Sid"]
    (request,) = our_side.wait_for(1)

    (sms,) = stage.control("handsets/+919000000101")["inbox"]
    assert (sms["header"], sms["body"], sms["sms_sid"]) == ("CLNWTR", "Thank you Asha", sid)
    report = fields(request)
    assert (request.method, request.path) == ("POST", "/sms/token/status/m1/mac")
    assert list(report) == FIELDS
    assert report | {"DateSent": ""} == {
        "SmsSid": sid,
        "To": "09000000101",
        "Status": "sent",
        "DetailedStatus": "DELIVERED_TO_HANDSET",
        "DetailedStatusCode": "20005",
        "SmsUnits": "1",
        "DateSent": "",
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", report["DateSent"])


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        (None, r"multipart/form-data; boundary=form-data-boundary-\w{16}"),
        ("application/json", "application/json"),
        ("application/x-www-form-urlencoded", "application/x-www-form-urlencoded"),
    ],
    ids=["default", "json", "form"],
)
def test_the_encoding_is_the_one_asked_for(
    serve: Callable[..., Any], our_side: Any, a_form: Callable[..., Any], asked: str | None, sent: str
) -> None:
    serve().exotel("Sms/send.json", a_form(StatusCallbackContentType=asked))
    (request,) = our_side.wait_for(1)

    assert re.fullmatch(sent, request.headers["Content-Type"])
    assert list(fields(request)) == FIELDS
    assert str(fields(request)["DetailedStatusCode"]) == "20005"


def test_a_failed_sms_is_reported_with_its_code(
    serve: Callable[..., Any], our_side: Any, a_form: Callable[..., Any]
) -> None:
    handsets = [{"number": "+919000000101", "is_dnd": True}]
    serve(handsets=handsets).exotel("Sms/send.json", a_form(SmsType="promotional", From="600123"))
    (request,) = our_side.wait_for(1)

    report = fields(request)
    assert (report["Status"], report["DetailedStatusCode"]) == ("failed-dnd", "23005")


@pytest.mark.parametrize(
    ("statuses", "count"),
    [([404], 2), ([500, 302], 3), ([500, 500, 500, 500], 3)],
    ids=["404", "302", "always"],
)
def test_a_report_that_is_not_taken_is_sent_at_most_twice_more(
    serve: Callable[..., Any], our_side: Any, a_form: Callable[..., Any], statuses: list[int], count: int
) -> None:
    our_side.statuses = statuses
    stage = serve()
    stage.exotel("Sms/send.json", a_form())
    stage.wait_until_idle()

    assert len(our_side.received) == count
    assert len({fields(request)["SmsSid"] for request in our_side.received}) == 1


def test_a_report_that_is_not_answered_in_time_is_sent_again(
    serve: Callable[..., Any], our_side: Any, a_form: Callable[..., Any]
) -> None:
    our_side.answer_after_seconds = 0.3
    stage = serve(timing={"report_timeout_seconds": 0.1})
    stage.exotel("Sms/send.json", a_form())
    stage.wait_until_idle()

    assert len(our_side.received) == 3
    reports = stage.control("summary")["reports"]
    assert (reports["sent"], reports["unanswered"]) == (3, 3)


@pytest.mark.parametrize("callback", [None, "not an address", "http://127.0.0.1:1/closed"])
def test_an_sms_without_a_usable_callback_is_delivered_all_the_same(
    serve: Callable[..., Any], our_side: Any, a_form: Callable[..., Any], callback: str | None
) -> None:
    stage = serve()
    stage.exotel("Sms/send.json", a_form(StatusCallback=callback))
    stage.wait_until_idle()

    assert len(stage.control("handsets/+919000000101")["inbox"]) == 1
    assert our_side.received == []


@pytest.mark.parametrize(
    ("fault", "statuses"),
    [
        ("dlr_never", []),
        ("dlr_delay", ["sent"]),
        ("dlr_duplicate", ["sent", "sent"]),
        ("dlr_concurrent", ["sent", "sent", "sent"]),
        ("dlr_reorder", ["sent", "submitted"]),
        ("dlr_two_terminals", ["sent", "failed"]),
        ("dlr_sparse", ["sent"]),
    ],
)
def test_a_fault_of_the_report_reaches_our_side(
    serve: Callable[..., Any], our_side: Any, a_form: Callable[..., Any], fault: str, statuses: list[str]
) -> None:
    stage = serve(faults={fault: 1})
    stage.exotel("Sms/send.json", a_form())
    stage.wait_until_idle()

    assert [fields(request)["Status"] for request in our_side.received] == statuses
    assert len(stage.control("handsets/+919000000101")["inbox"]) == 1


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("sms_dnd", "failed-dnd", "23005"),
        ("sms_expired", "failed", "23050"),
        ("sms_unknown_subscriber", "failed", "23040"),
        ("sms_operator_error", "failed", "24110"),
    ],
)
def test_an_sms_struck_by_a_fault_is_reported_failed_and_not_received(
    serve: Callable[..., Any], our_side: Any, a_form: Callable[..., Any], fault: str, status: str, code: str
) -> None:
    stage = serve(faults={fault: 1})
    stage.exotel("Sms/send.json", a_form())
    (request,) = our_side.wait_for(1)

    assert (fields(request)["Status"], fields(request)["DetailedStatusCode"]) == (status, code)
    assert stage.control("handsets/+919000000101")["inbox"] == []
