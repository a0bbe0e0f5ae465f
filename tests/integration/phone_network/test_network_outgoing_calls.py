"""Calls the API makes: the form, the limits, the person who is rung, and what is told afterwards."""

import json
import re
import time
from collections.abc import Callable
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qsl

import pytest

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

EXOPHONE = "+918040001001"
FLOW_URL = "http://my.exotel.com/cleanwater1/exoml/start_voice/menu"


@pytest.fixture
def stage_of(serve: Callable[..., Any], our_side: Any) -> Callable[..., Any]:
    def start(**changes: Any) -> Any:
        flow = [
            {"applet": "gather", "prompt": "Press a key"},
            {"applet": "passthru", "url": f"{our_side.url}/told", "async": False},
        ]
        return serve(flows={"menu": flow}, **changes)

    return start


def form(our_side: Any, **changes: Any) -> dict[str, Any]:
    usual = {
        "From": "09000000101",
        "CallerId": "08040001001",
        "Url": FLOW_URL,
        "CustomField": "ring-back 7",
        "StatusCallback": f"{our_side.url}/status",
        "StatusCallbackContentType": "application/json",
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def test_a_person_who_answers_walks_the_flow(stage_of: Callable[..., Any], our_side: Any) -> None:
    stage = stage_of(handsets=[{"number": "+919000000101", "script": [{"press": "2"}]}])
    answer = stage.exotel("Calls/connect.json", form(our_side))
    stage.wait_until_idle()
    call = answer.json["Call"]
    (told,), (status,) = our_side.at("/told"), our_side.at("/status")

    assert answer.status == 200
    assert (call["Status"], call["Direction"], call["To"], call["From"]) == (
        "in-progress",
        "outbound-api",
        "08040001001",
        "09000000101",
    )
    assert {name: told.parameters[name] for name in ("Direction", "From", "To", "CallTo", "CustomField")} == {
        "Direction": "outbound-dial",
        "From": "09000000101",
        "To": "08040001001",
        "CallTo": "09000000101",
        "CustomField": "ring-back 7",
    }
    assert (told.parameters["digits"], told.parameters["flow_id"]) == ('"2"', "menu")
    assert (status.method, status.headers["Content-Type"]) == ("POST", "application/json")
    body = json.loads(status.body)
    assert (set(body), body["CallSid"], body["Status"]) == (
        {"CallSid", "Status", "DateUpdated"},
        call["Sid"],
        "completed",
    )
    (logged,) = stage.control("handsets/+919000000101")["calls"]
    assert (logged["is_incoming"], logged["answered"], logged["cost_rupees"]) == (True, True, 0.0)


@pytest.mark.parametrize(
    ("handset", "status"),
    [
        ({"is_busy": True}, "busy"),
        ({"answers": False}, "no-answer"),
        ({"answers_after_seconds": 99}, "no-answer"),
        ({"is_on": False}, "failed"),
        ({"is_known": False}, "failed"),
    ],
)
def test_a_person_who_cannot_be_reached_ends_the_call_with_its_status(
    stage_of: Callable[..., Any], our_side: Any, handset: dict[str, Any], status: str
) -> None:
    stage = stage_of(handsets=[{"number": "+919000000101", **handset}])
    sid = stage.exotel("Calls/connect.json", form(our_side)).json["Call"]["Sid"]
    stage.wait_until_idle()
    shown = stage.exotel(f"Calls/{sid}.json?details=true").json["Call"]

    assert json.loads(our_side.at("/status")[0].body)["Status"] == shown["Status"] == status
    assert (shown["Details"]["Leg1Status"], shown["Details"]["Leg2Status"]) == (status, None)
    assert our_side.at("/told") == []


def fields_of(request: Any) -> dict[str, str]:
    """Read a StatusCallback in whatever encoding it came, as flat fields."""
    kind = request.headers["Content-Type"]
    if kind.startswith("multipart/form-data; boundary=form-data-boundary-"):
        parts = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + request.body)
        return {
            part.get_param("name", header="Content-Disposition"): part.get_payload()
            for part in parts.get_payload()
        }
    if kind == "application/x-www-form-urlencoded":
        return dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    whole = json.loads(request.body)
    legs = whole.pop("Legs")
    return {name: str(value) for name, value in whole.items()} | {
        f"Legs[{index}][{name}]": str(value) for index, leg in enumerate(legs) for name, value in leg.items()
    }


@pytest.mark.parametrize(
    "encoding", [None, "multipart/form-data", "application/x-www-form-urlencoded", "application/json"]
)
def test_two_numbers_are_told_of_by_events_in_every_encoding(
    stage_of: Callable[..., Any], our_side: Any, encoding: str | None
) -> None:
    stage = stage_of()
    events = {"StatusCallbackEvents[0]": "terminal", "StatusCallbackEvents[1]": "answered"}
    changes = {"Url": None, "To": "+919000000201", "StatusCallbackContentType": encoding, "Record": "true"}
    sid = stage.exotel("Calls/connect.json", form(our_side, **changes, **events)).json["Call"]["Sid"]
    stage.wait_until_idle()
    told = [fields_of(request) for request in our_side.at("/status")]
    legs = [(t["EventType"], t["Legs[0][Status]"], t["Legs[1][Status]"]) for t in told]
    end = told[[each[0] for each in legs].index("terminal")]

    assert sorted(legs) == [
        ("answered", "in-progress", ""),
        ("answered", "in-progress", "in-progress"),
        ("terminal", "completed", "completed"),
    ]
    assert (end["CallSid"], end["Status"], end["CustomField"]) == (sid, "completed", "ring-back 7")
    assert (end["ConversationDuration"], end["Legs[0][OnCallDuration]"], end["Legs[1][OnCallDuration]"]) == (
        "30",
        "34",
        "30",
    )
    assert sum("CustomField" in each for each in told) == 1
    assert end["RecordingUrl"].endswith(f"{sid}.mp3")


def test_the_second_person_not_answering_is_seen_in_the_legs(
    stage_of: Callable[..., Any], our_side: Any
) -> None:
    stage = stage_of(handsets=[{"number": "+919000000201", "answers": False}])
    answer = stage.exotel("Calls/connect.json", form(our_side, Url=None, To="+919000000201", TimeOut="20"))
    stage.wait_until_idle()
    shown = stage.exotel(f"Calls/{answer.json['Call']['Sid']}.json?details=true").json["Call"]

    assert (shown["Status"], shown["Details"]["Leg1Status"], shown["Details"]["Leg2Status"]) == (
        "no-answer",
        "completed",
        "no-answer",
    )
    assert (shown["To"], shown["Details"]["ConversationDuration"], shown["Duration"]) == (
        "09000000201",
        0,
        20,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"From": None}, "From is a mandatory field"),
        ({"From": "12"}, "Invalid parameter From"),
        ({"From": EXOPHONE}, "Invalid parameter From: an ExoPhone cannot call itself"),
        ({"CallerId": "+918040009999"}, "Invalid parameter CallerId: not an ExoPhone of this account"),
        ({"Url": None}, "Bad or missing parameters: one of To and Url is needed"),
        ({"To": "+919000000201"}, "Bad or missing parameters: one of To and Url is needed"),
        ({"Url": "http://my.exotel.com/other/exoml/start_voice/menu"}, "Invalid parameter Url"),
        (
            {"Url": "http://my.exotel.com/cleanwater1/exoml/start_voice/x"},
            "Invalid parameter Url: no such flow",
        ),
        ({"CustomField": "x" * 129}, "Invalid parameter CustomField: longer than 128 characters"),
        ({"StatusCallbackEvents": "terminal"}, "Invalid parameter StatusCallbackEvents"),
        ({"StatusCallbackContentType": "text/plain"}, "Invalid parameter StatusCallbackContentType"),
        ({"StatusCallback": "ftp://x"}, "Invalid parameter StatusCallback"),
        ({"TimeLimit": "14401"}, "Invalid parameter TimeLimit"),
        ({"Record": "yes"}, "Invalid parameter Record"),
        ({"CallType": "promo"}, "Invalid parameter CallType"),
        ({"MaxRetries": "3"}, "Invalid parameter MaxRetries"),
    ],
)
def test_a_form_that_is_not_in_order_is_refused(
    stage_of: Callable[..., Any], our_side: Any, change: dict[str, Any], message: str
) -> None:
    stage = stage_of()
    answer = stage.exotel("Calls/connect.json", form(our_side, **change))

    assert (answer.status, answer.json["RestException"]["Message"]) == (400, message)
    assert stage.control("calls")["calls"] == []


def test_the_key_is_asked_for(stage_of: Callable[..., Any], our_side: Any) -> None:
    stage = stage_of()

    assert stage.exotel("Calls/connect.json", form(our_side), key="key1:wrong").status == 401
    assert stage.exotel("Calls/connect.json", form(our_side), key=None).status == 401


def test_more_than_the_limit_a_minute_is_refused(stage_of: Callable[..., Any], our_side: Any) -> None:
    stage = stage_of(calls_per_minute=3)
    statuses = [stage.exotel("Calls/connect.json", form(our_side)).status for _ in range(5)]

    assert statuses == [200, 200, 200, 429, 429]


def test_more_calls_at_once_than_channels_are_refused(stage_of: Callable[..., Any], our_side: Any) -> None:
    handsets = [{"number": "+919000000101", "script": "by hand"}]
    stage = stage_of(channels=3, handsets=handsets)
    two = {"Url": None, "To": "+919000000201"}
    ask = lambda **changes: stage.exotel("Calls/connect.json", form(our_side, **changes))  # noqa: E731
    first = ask()
    wait_for_channels(stage, 1)
    statuses = [ask(From="09000000102", **two).status, ask(From="09000000103", **two).status]

    assert (first.status, statuses) == (200, [200, 429])


def wait_for_channels(stage: Any, calls: int) -> None:
    end = time.monotonic() + 5
    while len(stage.control("calls")["calls"]) < calls and time.monotonic() < end:
        time.sleep(0.01)


def test_a_person_who_is_called_can_be_walked_by_hand(stage_of: Callable[..., Any], our_side: Any) -> None:
    stage = stage_of(handsets=[{"number": "+919000000101", "script": "by hand"}])
    sid = stage.exotel("Calls/connect.json", form(our_side)).json["Call"]["Sid"]
    ended = stage.control(f"calls/{sid}/keys", {"digits": "5"})

    assert (ended["state"], ended["digits"]) == ("ended", "5")


@pytest.mark.parametrize(
    ("fault", "count"),
    [("status_never", 0), ("status_delay", 1), ("status_duplicate", 2), ("status_concurrent", 3)],
)
def test_a_fault_of_the_status_callback_reaches_our_side(
    stage_of: Callable[..., Any], our_side: Any, fault: str, count: int
) -> None:
    stage = stage_of(faults={fault: 1})
    stage.exotel("Calls/connect.json", form(our_side))
    stage.wait_until_idle()

    assert len(our_side.at("/status")) == count


def test_a_status_callback_that_is_not_accepted_is_tried_again(
    stage_of: Callable[..., Any], our_side: Any
) -> None:
    our_side.pages["/status"] = (500, "", "")
    stage = stage_of()
    stage.exotel("Calls/connect.json", form(our_side))
    stage.wait_until_idle()

    assert len(our_side.at("/status")) == 3


@pytest.mark.parametrize(("fault", "made"), [("api_reset_before", 0), ("api_reset_after", 1)])
def test_a_lost_answer_leaves_the_call_unmade_or_made(
    stage_of: Callable[..., Any], our_side: Any, fault: str, made: int
) -> None:
    stage = stage_of(faults={fault: 1})
    with pytest.raises((ConnectionError, OSError)):
        stage.exotel("Calls/connect.json", form(our_side))
    stage.wait_until_idle()
    calls = stage.control("calls")["calls"]

    assert [call["custom_field"] for call in calls] == ["ring-back 7"] * made
    assert not calls or re.fullmatch(r"[0-9a-f]{31}[0-9a-z]", calls[0]["call_sid"])


def test_the_listing_finds_a_call_by_its_direction(stage_of: Callable[..., Any], our_side: Any) -> None:
    stage = stage_of()
    sid = stage.exotel("Calls/connect.json", form(our_side)).json["Call"]["Sid"]
    stage.ring("+919000000105")
    stage.wait_until_idle()
    outbound = stage.exotel("Calls.json?Direction=outbound-api").json["Calls"]
    inbound = stage.exotel("Calls.json?Direction=inbound").json["Calls"]

    assert [call["Sid"] for call in outbound] == [sid]
    assert [call["From"] for call in inbound] == ["09000000105"]
