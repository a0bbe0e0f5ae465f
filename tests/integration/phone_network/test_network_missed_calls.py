"""A missed call reaches our URL as Exotel would send it, and is never answered."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from phone_network import FaultPlan

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

EXOPHONE = "+918040001001"
PARAMETERS = [
    "CallSid",
    "CallFrom",
    "CallTo",
    "Direction",
    "Created",
    "DialCallDuration",
    "StartTime",
    "EndTime",
    "CallType",
    "DialWhomNumber",
    "flow_id",
    "tenant_id",
    "From",
    "To",
    "CurrentTime",
]


def test_the_request_is_the_one_of_the_captures(serve: Callable[..., Any], our_side: Any) -> None:
    stage = serve()
    call = stage.ring()
    (request,) = our_side.wait_for(1)

    given = request.parameters
    assert (request.method, request.path, request.body) == ("GET", "/voice/token/missed-call", b"")
    assert list(given) == PARAMETERS
    assert given["CallSid"] == call["call_sid"]
    assert {name: given[name] for name in PARAMETERS if not re.search("Sid|Time|Created", name)} == {
        "CallFrom": "09000000101",
        "CallTo": "08040001001",
        "Direction": "incoming",
        "DialCallDuration": "0",
        "CallType": "call-attempt",
        "DialWhomNumber": "",
        "flow_id": "11754",
        "tenant_id": "1409",
        "From": "09000000101",
        "To": "08040001001",
    }
    assert given["EndTime"] == "1970-01-01 05:30:00"


def test_blanks_commas_and_colons_are_encoded_as_exotel_encodes_them(
    serve: Callable[..., Any], our_side: Any
) -> None:
    serve().ring()
    (request,) = our_side.wait_for(1)

    assert re.search(
        r"&Created=[A-Z][a-z]{2}%2C\+\d\d\+[A-Z][a-z]{2}\+\d{4}\+\d\d%3A\d\d%3A\d\d&", request.query
    )
    assert re.search(r"&CurrentTime=\d{4}-\d\d-\d\d\+\d\d%3A\d\d%3A\d\d$", request.query)


def test_parameters_of_our_own_stay_in_front(serve: Callable[..., Any], our_side: Any) -> None:
    url = f"{our_side.url}/voice/token?step=after-menu"
    flow = [{"applet": "passthru", "url": url}, {"applet": "hangup"}]
    serve(exophones=[{"number": "+918040001001", "flow": flow}]).ring()
    (request,) = our_side.wait_for(1)

    assert request.query.startswith("step=after-menu&CallSid=")


def test_the_times_are_those_of_the_networks_clock_in_india(serve: Callable[..., Any], our_side: Any) -> None:
    stage = serve(clock_offset_seconds=86_400 * 365)
    call = stage.ring()
    (request,) = our_side.wait_for(1)

    year = int(call["created_at"][:4])
    assert year >= time.gmtime().tm_year + 1
    assert request.parameters["StartTime"].startswith(str(year))


def test_the_caller_hears_ringing_and_pays_nothing(serve: Callable[..., Any]) -> None:
    stage = serve()
    call = stage.ring()

    (logged,) = stage.control("handsets/+919000000101")["calls"]
    assert (logged["call_sid"], logged["to"]) == (call["call_sid"], "+918040001001")
    assert (logged["rings"], logged["answered"], logged["cost_rupees"]) == (1, False, 0.0)


def test_an_asynchronous_passthru_does_not_hold_the_call_and_is_never_tried_again(
    serve: Callable[..., Any], our_side: Any
) -> None:
    our_side.statuses = [500]
    our_side.answer_after_seconds = 0.2
    stage = serve()
    started = time.monotonic()
    stage.ring()
    took = time.monotonic() - started
    stage.wait_until_idle()

    assert took < 0.2
    assert len(our_side.received) == 1
    assert stage.control("summary")["calls"] == {
        "made": 1,
        "ended": 1,
        "callers": 1,
        "accepted": 0,
        "dropped": 0,
    }


@pytest.mark.parametrize(
    ("status", "paths"),
    [(200, ["/first", "/then"]), (302, ["/first", "/otherwise"]), (500, ["/first", "/otherwise"])],
    ids=["200", "302", "500"],
)
def test_a_synchronous_passthru_goes_on_with_200_and_branches_off_with_anything_else(
    serve: Callable[..., Any], our_side: Any, status: int, paths: list[str]
) -> None:
    our_side.statuses = [status]
    first = {
        "applet": "passthru",
        "url": f"{our_side.url}/first",
        "async": False,
        "otherwise": [{"applet": "passthru", "url": f"{our_side.url}/otherwise"}],
    }
    flow = [first, {"applet": "passthru", "url": f"{our_side.url}/then"}, {"applet": "hangup"}]
    stage = serve(exophones=[{"number": "+918040001001", "flow": flow}])
    stage.ring()
    stage.wait_until_idle()

    assert [request.path for request in our_side.received] == paths


def test_a_synchronous_passthru_that_is_too_slow_takes_the_other_branch(
    serve: Callable[..., Any], our_side: Any
) -> None:
    our_side.answer_after_seconds = 0.3
    first = {"applet": "passthru", "url": f"{our_side.url}/first", "async": False}
    flow = [first, {"applet": "passthru", "url": f"{our_side.url}/then"}]
    stage = serve(
        exophones=[{"number": "+918040001001", "flow": flow}], timing={"passthru_timeout_seconds": 0.1}
    )
    stage.ring()
    stage.wait_until_idle()

    assert [request.path for request in our_side.received] == ["/first"]


def test_an_applet_after_a_hang_up_is_not_reached(serve: Callable[..., Any], our_side: Any) -> None:
    flow = [{"applet": "hangup"}, {"applet": "passthru", "url": f"{our_side.url}/never"}]
    stage = serve(exophones=[{"number": "+918040001001", "flow": flow}])
    stage.ring()
    stage.wait_until_idle()

    assert our_side.received == []


def test_a_withheld_number_is_not_shown_anywhere_but_at_the_controls(
    serve: Callable[..., Any], our_side: Any
) -> None:
    stage = serve(handsets=[{"number": "+919000000102", "withholds_number": True}])
    stage.ring("+919000000102")
    stage.ring("+919000000103", withheld="anonymous")
    requests = our_side.wait_for(2)
    listed = stage.exotel("Calls.json").json["Calls"]

    shown = {request.parameters["From"] for request in requests}
    assert "anonymous" in shown
    assert {call["From"] for call in listed} == shown
    assert not any("900000010" in request.query for request in requests)


def test_each_call_has_an_id_of_its_own_and_a_run_can_be_repeated(serve: Callable[..., Any]) -> None:
    first, again, other = serve(run_id="one"), serve(run_id="one"), serve()
    sids = [first.ring()["call_sid"], first.ring()["call_sid"]]

    assert len(set(sids)) == 2
    assert [again.ring()["call_sid"], again.ring()["call_sid"]] == sids
    assert other.ring()["call_sid"] not in sids


@pytest.mark.parametrize(
    ("fault", "count"),
    [
        ("passthru_drop", 0),
        ("passthru_duplicate", 3),
        ("passthru_concurrent", 3),
        ("passthru_delay", 1),
        ("passthru_reorder", 1),
        ("passthru_changed", 2),
        ("passthru_two_terminals", 3),
        ("passthru_terminal_first", 2),
        ("passthru_sparse", 1),
        ("passthru_malformed", 1),
    ],
)
def test_a_fault_of_the_passthru_reaches_our_side(
    serve: Callable[..., Any], our_side: Any, fault: str, count: int
) -> None:
    stage = serve(faults={fault: 1})
    call = stage.ring()
    stage.wait_until_idle()

    assert [request.parameters["CallSid"] for request in our_side.received] == [call["call_sid"]] * count
    calls = stage.control("summary")["calls"]
    assert (calls["accepted"], calls["dropped"]) == ((1, 0) if count else (0, 1))


def test_a_reordered_request_arrives_right_after_the_next_one(
    serve: Callable[..., Any], our_side: Any
) -> None:
    rates = {"passthru_reorder": 0.5}
    plan = FaultPlan.of(rates, seed=1)
    callers = [f"+9190000002{index:02}" for index in range(20)]
    struck = [plan.strikes("passthru_reorder", caller, EXOPHONE, 1, "0") for caller in callers]
    held, spared = callers[struck.index(True)], callers[struck.index(False)]

    stage = serve(faults=rates, seed=1, timing={"fault_delay_seconds": 30})
    given = [stage.ring(caller)["call_sid"] for caller in (held, spared)]
    arrived = our_side.wait_for(2)

    assert [request.parameters["CallSid"] for request in arrived] == given[::-1]


def test_malformed_extras_travel_as_the_bytes_they_are(serve: Callable[..., Any], our_side: Any) -> None:
    serve(faults={"passthru_malformed": 1}).ring()
    (request,) = our_side.wait_for(1)

    assert "Legs%5B0%5D%5BInsights%5D%5BStatus%5D=%FF%FE" in request.query
    assert request.parameters["From"] == "09000000101"
