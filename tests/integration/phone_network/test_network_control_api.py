"""The controls: many calls, handsets, summary, faults, clock, events, idle, reset."""

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

EXOPHONE = "+918040001001"


def test_many_calls_are_given_at_the_asked_rate(serve: Callable[..., Any], our_side: Any) -> None:
    stage = serve()
    calls = [{"from": f"+9190000004{index:02}", "to": EXOPHONE} for index in range(11)]
    started = time.monotonic()

    assert stage.control("ring-many", {"calls": calls, "per_second": 50}) == {"calls": 11}
    stage.wait_until_idle()

    assert time.monotonic() - started >= 0.2
    assert len(our_side.received) == 11


def test_many_calls_can_be_held_to_so_many_at_once(serve: Callable[..., Any], our_side: Any) -> None:
    our_side.answer_after_seconds = 0.02
    stage = serve()
    calls = [{"from": f"+9190000004{index:02}", "to": EXOPHONE} for index in range(20)]
    stage.control("ring-many", {"calls": calls, "at_once": 4})
    stage.wait_until_idle()

    assert len(our_side.received) == 20
    assert stage.control("summary")["passthru"]["most_in_flight"] <= 4


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        (
            "ring",
            {"from": "112", "to": EXOPHONE},
            "from: '112' is not a phone number; write it like +919000000101.",
        ),
        ("ring", {"from": "+919000000101"}, "to: None is not a phone number; write it like +919000000101."),
        (
            "ring",
            {"from": "+919000000101", "to": "+918040001099"},
            "No account has the number +918040001099.",
        ),
        ("ring", [], "The body must be a JSON object."),
        ("ring-many", {"calls": {}}, "calls: must be a list of objects with from and to."),
        ("ring-many", {"calls": [], "per_second": 0}, "per_second: must be a number above 0."),
        ("faults", {"plan": "smooth"}, "plan: must be none, rough, or an object of rates by fault name."),
        (
            "handsets/+919000000101",
            {"is_loud": True},
            "is_loud: only is_on, is_known, is_dnd, withholds_number, answers, is_busy can be set, to true or false.",
        ),
        (
            "clock",
            {"minutes": 3},
            "minutes: only offset_seconds and advance_seconds can be set, to a number.",
        ),
    ],
)
def test_a_mistake_at_the_controls_is_explained(
    serve: Callable[..., Any], path: str, body: object, error: str
) -> None:
    answer = serve().ask(f"/control/{path}", json.dumps(body).encode())

    assert (answer.status, answer.json) == (400, {"error": error})


def test_the_summary_counts_what_people_received(
    serve: Callable[..., Any], our_side: Any, a_form: Callable[..., Any]
) -> None:
    stage = serve()
    for to, body in (
        ("9000000101", "Thank you A"),
        ("9000000101", "Thank you A"),
        ("9000000102", "Thank you B"),
    ):
        stage.exotel("Sms/send.json", a_form(To=to, Body=body, CustomField="m1"))
    stage.wait_until_idle()
    summary = stage.control("summary")

    assert {phone: [text["count"] for text in texts] for phone, texts in summary["received"].items()} == {
        "+919000000101": [2],
        "+919000000102": [1],
    }
    assert summary["received"]["+919000000102"][0] | {"body_hash": ""} == {
        "header": "CLNWTR",
        "template_id": "1107000000000000001",
        "body_hash": "",
        "count": 1,
    }
    assert summary["sms"] == {
        "accepted": 3,
        "answer_lost": 0,
        "delivered": 3,
        "by_status": {"DELIVERED_TO_HANDSET": 3},
        "people": 2,
    }
    accepted = summary["accepted_sms"][2]
    assert (accepted["to"], accepted["body"], accepted["custom_field"]) == (
        "+919000000102",
        "Thank you B",
        "m1",
    )
    assert (accepted["answer_reached_client"], accepted["status"], accepted["reports_accepted"]) == (
        True,
        "sent",
        1,
    )
    assert "accepted_sms" not in stage.control("summary?brief=1")


def test_the_latency_of_our_answers_is_measured(serve: Callable[..., Any], our_side: Any) -> None:
    our_side.answer_after_seconds = 0.05
    stage = serve()
    stage.ring()
    stage.wait_until_idle()

    latency = stage.control("summary")["passthru"]["latency_seconds"]
    assert 0.05 <= latency["p50"] == latency["p95"] == latency["max"] < 1


def test_a_handset_can_be_switched_off_and_on(serve: Callable[..., Any], a_form: Callable[..., Any]) -> None:
    stage = serve()
    for is_on in (False, True):
        stage.control("handsets/+919000000101", {"is_on": is_on})
        stage.exotel("Sms/send.json", a_form(Body=f"Thank you {is_on}"))
        stage.wait_until_idle()

    assert [sms["body"] for sms in stage.control("handsets/+919000000101")["inbox"]] == ["Thank you True"]


def test_faults_can_be_changed_while_running(serve: Callable[..., Any], our_side: Any) -> None:
    stage = serve(seed=4)
    plan = stage.control("faults", {"plan": {"passthru_drop": 1, "queue_message_twice": 0.5}})
    stage.ring()
    stage.wait_until_idle()

    assert plan == {"seed": 4, "network": {"passthru_drop": 1.0}, "ours": {"queue_message_twice": 0.5}}
    assert our_side.received == []
    assert "passthru_drop" in stage.control("faults")["known"]


def test_an_unknown_fault_is_refused_with_the_list(serve: Callable[..., Any]) -> None:
    answer = serve().ask("/control/faults", b'{"plan": {"gremlins": 1}}')

    assert answer.status == 400
    assert answer.json["error"].startswith("Unknown faults: gremlins. Known faults: passthru_drop, ")


def test_events_can_be_followed_as_they_happen(serve: Callable[..., Any], a_form: Callable[..., Any]) -> None:
    stage = serve()
    with urllib.request.urlopen(f"{stage.url}/control/events", timeout=5) as stream:
        stage.ring()
        stage.exotel("Sms/send.json", a_form())
        events: list[dict[str, Any]] = []
        while not events or events[-1]["event"] != "report.sent":
            events.append(json.loads(stream.readline()))

    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    names = [event["event"] for event in events]
    assert names[:2] == ["call.ringing", "call.ended"]
    assert {"callback.sent", "sms.accepted", "sms.delivered"} < set(names)
    delivered = next(event for event in events if event["event"] == "sms.delivered")
    assert (delivered["from"], delivered["to"], delivered["body"]) == (
        "CLNWTR",
        "+919000000101",
        "Thank you Asha",
    )


def test_events_can_be_read_from_where_one_stopped(serve: Callable[..., Any]) -> None:
    stage = serve()
    stage.ring()
    stage.wait_until_idle()
    lines = stage.ask("/control/events?after=2&follow=0").text.splitlines()

    assert [json.loads(line)["seq"] for line in lines] == [3]


def test_idle_tells_what_is_pending(serve: Callable[..., Any], our_side: Any) -> None:
    our_side.answer_after_seconds = 0.2
    stage = serve()
    stage.ring()

    assert stage.control("idle") == {"idle": False, "pending": {"callbacks": 1}}
    assert stage.control("idle?wait=5") == {"idle": True, "pending": {}}


def test_a_reset_forgets_everything_but_the_configuration(
    serve: Callable[..., Any], our_side: Any, a_form: Callable[..., Any]
) -> None:
    stage = serve(timing={"ring_seconds": 60})
    stage.control("ring", {"from": "+919000000101", "to": EXOPHONE})
    stage.exotel("Sms/send.json", a_form())
    stage.control("reset", {})

    summary = stage.control("summary")
    assert (summary["calls"]["made"], summary["sms"]["accepted"], summary["received"]) == (0, 0, {})
    assert stage.control("idle")["idle"]
    assert stage.exotel("Calls.json").json["Calls"] == []
