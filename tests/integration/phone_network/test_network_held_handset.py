"""Somebody holds the phone: a call stays up and is walked through the controls."""

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

FROM, TO = "+919000000101", "+918040001001"


@pytest.fixture
def stage(serve: Callable[..., Any], our_side: Any) -> Any:
    told = {"applet": "passthru", "url": f"{our_side.url}/told", "async": False}
    gather = {"applet": "gather", "prompt": "Press a key", "input_timeout": 4}
    flow = [gather, told, gather, told, {"applet": "voicemail", "prompt": "Speak"}, told]
    return serve(exophones=[{"number": TO, "flow": [*flow, {"applet": "greeting", "prompt": "Bye"}]}])


def place(stage: Any, **more: Any) -> Any:
    return stage.control("calls", {"from": FROM, "to": TO, **more})


def act(stage: Any, call: Any, what: str, **body: Any) -> Any:
    return stage.control(f"calls/{call['call_sid']}/{what}", body)


def test_a_menu_is_walked_key_by_key(stage: Any, our_side: Any) -> None:
    call = place(stage)
    after_key = act(stage, call, "keys", digits="1")
    after_silence = act(stage, call, "silence")
    ended = act(stage, call, "speak", seconds=12, text="no water")

    assert (call["state"], call["heard"]) == ("asked", ["Press a key"])
    assert (after_key["state"], after_key["heard"]) == ("asked", ["Press a key"] * 2)
    assert (after_silence["state"], after_silence["heard"][-1]) == ("recording", "Speak")
    assert (ended["state"], ended["heard"][-1], ended["status"]) == ("ended", "Bye", "completed")
    assert [request.parameters.get("digits") for request in our_side.received] == ['"1"', None, None]
    spoke = next(entry for entry in ended["log"] if entry["event"] == "spoke")
    assert (spoke["seconds"], spoke["text"], spoke["taken"]) == (12.0, "no water", True)


def test_the_clock_of_a_call_stands_still_while_a_person_makes_up_their_mind(
    stage: Any, our_side: Any
) -> None:
    call = place(stage)
    before = stage.control(f"calls/{call['call_sid']}")["second"]
    again = stage.control(f"calls/{call['call_sid']}")

    assert (again["state"], again["second"]) == ("asked", before)
    assert act(stage, call, "silence")["second"] == pytest.approx(2 * before + 4, abs=2)


def test_an_impatient_call_takes_waiting_for_silence(stage: Any) -> None:
    call = place(stage, patient=False, wait_seconds=0)
    stage.wait_until_idle()
    shown = stage.control(f"calls/{call['call_sid']}")

    assert (shown["state"], shown["keys"]) == ("ended", [])
    assert [entry["event"] for entry in shown["log"]].count("silent") == 2


def test_hanging_up_ends_the_call_and_tells_nobody(stage: Any, our_side: Any) -> None:
    call = place(stage)
    ended = act(stage, call, "hangup")

    assert (ended["state"], ended["log"][-1]["by"], our_side.received) == ("ended", "caller", [])
    assert stage.control("idle?wait=5")["idle"]


@pytest.mark.parametrize(
    ("what", "body", "error"),
    [
        ("keys", {"digits": "1a"}, "digits: '1a' is not keys: 0 to 9, * and #."),
        ("keys", {}, "digits: is missing."),
        ("keys", {"digits": "1", "key": 2}, "key: is not a known key."),
        ("speak", {"seconds": -1}, "seconds: must be a number of seconds, 0 or more."),
        ("speak", {"seconds": 9999}, "seconds: must be at most 3600 seconds."),
    ],
)
def test_a_mistake_is_explained(stage: Any, what: str, body: Any, error: str) -> None:
    call = place(stage)
    answer = stage.ask(f"/control/calls/{call['call_sid']}/{what}", json.dumps(body).encode())

    assert (answer.status, answer.json) == (400, {"error": error})


def test_a_call_that_is_not_there_has_ended_or_acts_by_a_script_is_refused(stage: Any) -> None:
    scripted = place(stage, script=[{"press": "1"}])
    ended = act(stage, place(stage), "hangup")
    answers = [
        stage.ask(f"/control/calls/{sid}/keys", b'{"digits": "1"}')
        for sid in ("nobody", ended["call_sid"], scripted["call_sid"])
    ]

    assert [(answer.status, answer.json["error"]) for answer in answers] == [
        (404, "There is no such call."),
        (409, "The call has ended."),
        (409, "This handset acts by a script."),
    ]


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ([{"press": "A"}], "script[0].press: 'A' is not keys: 0 to 9, * and #."),
        ([{"press": "1"}, {"jump": 1}], "script[1]: a step is one of press, silence, speak, hang_up."),
        ([{"silence": False}], "script[0].silence: must be true."),
        ([{"press": "1", "after": 1}], "script[0].after: is not a known key."),
        ("by foot", "script: must be a list."),
    ],
)
@pytest.mark.parametrize("path", ["ring", "calls", "handsets/+919000000101"])
def test_a_script_that_cannot_be_acted_is_refused(stage: Any, path: str, script: Any, error: str) -> None:
    body = {"script": script} if path.startswith("handsets") else {"from": FROM, "to": TO, "script": script}
    answer = stage.ask(f"/control/{path}", json.dumps(body).encode())

    assert (answer.status, answer.json) == (400, {"error": error})


def test_a_handset_keeps_the_script_it_was_given(stage: Any, our_side: Any) -> None:
    stage.control(f"handsets/{FROM}", {"script": [{"press": "4"}]})
    stage.ring(FROM)

    assert our_side.received[0].parameters["digits"] == '"4"'
