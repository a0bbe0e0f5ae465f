"""Who was rung in somebody else's call, what they saw and heard, and how many talked at once."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

import pytest

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

EXOPHONE = "+918040001001"
SHOWN = "+918040001002"
TWILIO = "+918040002001"
VOTER = "+919000000201"


def connecting(our_side: Any, **changes: Any) -> dict[str, Any]:
    """A Connect applet whose order names the voter and whispers to them."""
    order = {
        "destination": {"numbers": [VOTER]},
        "outgoing_phone_number": "08040001002",
        "start_call_playback": {"playback_to": "callee", "type": "text", "value": "From the campaign"},
        **changes,
    }
    our_side.pages["/connect"] = (200, "application/json", json.dumps(order))
    return {"applet": "connect", "url": f"{our_side.url}/connect"}


def connected(serve: Callable[..., Any], our_side: Any) -> Any:
    """A network whose only number connects its callers to the voter."""
    flow = [connecting(our_side), {"applet": "hangup"}]
    return serve(exophones=[{"number": EXOPHONE, "flow": flow, "flow_id": "1"}])


def test_a_person_who_is_rung_is_listed_with_what_they_saw_heard_and_talked(
    serve: Callable[..., Any], our_side: Any
) -> None:
    network = connected(serve, our_side)
    call = network.call()
    (leg,) = network.control("second-legs")["second_legs"]

    assert (leg["call_sid"], leg["from"], leg["to"]) == (call["call_sid"], "+919000000101", VOTER)
    assert (leg["status"], leg["talked_seconds"], leg["whispered"]) == (
        "completed",
        30.0,
        ["From the campaign"],
    )
    assert network.control("summary?brief=1")["second_legs"]["most_bridged_by_number"] == {EXOPHONE: 1}


def test_the_records_of_a_call_tell_of_the_last_person_dialled(
    serve: Callable[..., Any], our_side: Any
) -> None:
    network = connected(serve, our_side)
    call = network.call()
    shown = network.exotel(f"Calls/{call['call_sid']}.json?details=true").json["Call"]["Details"]

    assert (shown["Leg1Status"], shown["Leg2Status"], shown["ConversationDuration"]) == (
        "completed",
        "completed",
        30,
    )
    assert shown["Legs"][1] == {"Leg": {"Id": 2, "OnCallDuration": 30}}


def test_the_feed_tells_when_a_second_phone_rings_is_taken_and_is_put_down(
    serve: Callable[..., Any], our_side: Any
) -> None:
    network = connected(serve, our_side)
    call = network.call()
    told = map(json.loads, network.ask("/control/events?follow=0").text.splitlines())
    legs = [event for event in told if event["event"].startswith("leg.")]

    assert [event["event"] for event in legs] == ["leg.ringing", "leg.bridged", "leg.ended"]
    assert {(event["call_sid"], event["to"]) for event in legs} == {(call["call_sid"], VOTER)}
    assert (legs[-1]["status"], legs[-1]["talked_seconds"]) == ("completed", 30.0)
    assert network.control("summary?brief=1")["second_legs"]["answer_seconds"]["max"] > 0


def test_an_event_of_a_leg_may_never_be_told(serve: Callable[..., Any], our_side: Any) -> None:
    applet = connecting(our_side, dial_passthru_event_url=f"{our_side.url}/leg")
    network = serve(
        exophones=[{"number": EXOPHONE, "flow": [applet, {"applet": "hangup"}], "flow_id": "1"}],
        faults={"leg_drop": 1.0},
    )
    network.call()
    network.wait_until_idle()

    assert our_side.at("/leg") == []
    assert network.control("summary?brief=1")["faults"] == {"leg_drop": 3}


def test_somebody_in_a_call_is_busy_for_everybody_else(serve: Callable[..., Any], our_side: Any) -> None:
    flow = [connecting(our_side), {"applet": "hangup"}]
    network = serve(
        exophones=[{"number": EXOPHONE, "flow": flow, "flow_id": "1"}],
        handsets=[{"number": VOTER, "talks_seconds": 600}],
    )
    with ThreadPoolExecutor() as callers:
        list(callers.map(network.call, ["+919000000101", "+919000000102"]))
    legs = network.control("second-legs")["second_legs"]

    assert sorted(leg["status"] for leg in legs) == ["busy", "completed"]
    assert network.control("summary?brief=1")["second_legs"]["most_bridged"] == 1


def test_who_was_rung_rings_nobody_until_the_call_is_over(serve: Callable[..., Any], our_side: Any) -> None:
    def ring(_: object) -> tuple[int, str, str]:
        call = json.dumps({"from": VOTER, "to": SHOWN}).encode()
        answers.append(network.ask("/control/ring", call))
        return (200, "", "")

    answers: list[Any] = []
    our_side.pages["/leg"] = ring
    applet = connecting(our_side, dial_passthru_event_url=f"{our_side.url}/leg")
    network = serve(
        exophones=[
            {"number": EXOPHONE, "flow": [applet, {"applet": "hangup"}], "flow_id": "1"},
            {"number": SHOWN, "flow": [{"applet": "hangup"}], "flow_id": "2"},
        ],
        handsets=[{"number": VOTER, "talks_seconds": 1000}],
    )
    network.call()
    network.wait_until_idle()

    assert (answers[0].status, answers[0].json["error"]) == (
        409,
        "This phone is in a call that somebody else placed: its holder rings nobody meanwhile.",
    )
    assert network.ring(VOTER, SHOWN)["from"] == VOTER


def test_twilio_whispers_to_the_one_who_is_rung_and_tells_of_their_leg(
    serve: Callable[..., Any], our_side: Any
) -> None:
    def twiml(inner: str) -> tuple[int, str, str]:
        return (200, "text/xml", f"<Response>{inner}</Response>")

    number = (
        f'<Number url="/whisper" statusCallback="/leg" statusCallbackEvent="initiated answered completed">'
        f"{VOTER}</Number>"
    )
    our_side.pages["/voice"] = twiml(f'<Dial action="/done" callerId="{SHOWN}">{number}</Dial>')
    our_side.pages["/whisper"] = twiml("<Say>From the campaign</Say>")
    our_side.pages["/done"] = twiml("<Hangup/>")
    account = {
        "kind": "twilio",
        "sid": "AC" + "0" * 31 + "1",
        "auth_token": "12345",
        "numbers": [{"number": TWILIO, "voice_url": f"{our_side.url}/voice"}],
    }
    network = serve(more_accounts=[account])
    call = network.call(to=TWILIO)
    network.wait_until_idle()
    (leg,) = network.control("second-legs")["second_legs"]
    told = [dict(parse_qsl(each.body.decode())) for each in our_side.at("/leg")]

    assert (leg["shown"], leg["whispered"], leg["talked_seconds"]) == (SHOWN, ["From the campaign"], 30.0)
    assert {each["CallStatus"] for each in told} == {"initiated", "in-progress", "completed"}
    assert {each["ParentCallSid"] for each in told} == {call["call_sid"]}
    assert [dict(parse_qsl(each.body.decode()))["DialBridged"] for each in our_side.at("/done")] == ["true"]
