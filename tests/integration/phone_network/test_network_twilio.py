"""The second dialect: signed requests, TwiML carried out, and the same handset script as in the first."""

import base64
import hmac
import json
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

NUMBER = "+918040002001"
EXOPHONE = "+918040001001"
SID = "AC" + "0" * 31 + "1"
TOKEN = "12345"
XML = "text/xml"


@pytest.fixture
def stage(serve: Callable[..., Any], our_side: Any, a_config: Callable[..., Any]) -> Callable[..., Any]:
    """Return a factory of networks with one number of each dialect."""

    def start(**changes: Any) -> Any:
        number = {"number": NUMBER, "voice_url": f"{our_side.url}/voice?campaign=a"}
        twilio = {
            "kind": "twilio",
            "sid": SID,
            "auth_token": TOKEN,
            "numbers": [{**number, "status_callback": f"{our_side.url}/status"}],
        }
        return serve(more_accounts=[twilio], **changes)

    return start


def twiml(inner: str) -> tuple[int, str, str]:
    return (200, XML, f'<?xml version="1.0" encoding="UTF-8"?><Response>{inner}</Response>')


def form(request: Any) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


def call(stage: Any, *script: Any, **more: Any) -> Any:
    return stage.call(script=script, to=NUMBER, **more)


def test_every_request_is_a_signed_form(stage: Callable[..., Any], our_side: Any) -> None:
    our_side.pages["/voice"] = twiml("<Say>Hello</Say>")
    network = stage()
    made = call(network)
    network.wait_until_idle()
    (asked,), (ended,) = our_side.at("/voice"), our_side.at("/status")

    for request, url in ((asked, "/voice?campaign=a"), (ended, "/status")):
        text = our_side.url + url + "".join(f"{k}{v}" for k, v in sorted(form(request).items()))
        signature = base64.b64encode(hmac.digest(TOKEN.encode(), text.encode(), "sha1")).decode()
        assert request.headers["X-Twilio-Signature"] == signature
        assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert form(asked) == {
        "AccountSid": SID,
        "ApiVersion": "2010-04-01",
        "CallSid": made["call_sid"],
        "CallStatus": "ringing",
        "Called": NUMBER,
        "Caller": "+919000000101",
        "Direction": "inbound",
        "From": "+919000000101",
        "To": NUMBER,
    }
    assert (form(ended)["CallStatus"], made["heard"]) == ("completed", ["Hello"])


def test_a_gather_posts_the_keys_to_its_action(stage: Callable[..., Any], our_side: Any) -> None:
    our_side.pages["/voice"] = twiml('<Gather numDigits="1" action="/keys?turn=2"><Say>Press</Say></Gather>')
    our_side.pages["/keys"] = twiml("<Say>Thanks</Say><Hangup/><Say>Never</Say>")
    made = call(stage(), {"press": "3"})
    (keys,) = our_side.at("/keys")

    assert (form(keys)["Digits"], form(keys)["CallStatus"], keys.query) == ("3", "in-progress", "turn=2")
    assert made["heard"] == ["Press", "Thanks"]


@pytest.mark.parametrize(("attribute", "asked"), [("", 0), ('actionOnEmptyResult="true"', 1)])
def test_silence_goes_on_with_the_next_verb_unless_the_action_wants_to_know(
    stage: Callable[..., Any], our_side: Any, attribute: str, asked: int
) -> None:
    our_side.pages["/voice"] = twiml(
        f'<Gather action="/keys" {attribute}><Say>Press</Say></Gather><Say>Bye</Say>'
    )
    our_side.pages["/keys"] = twiml("<Say>Nothing</Say>")
    made = call(stage())

    assert [form(request)["Digits"] for request in our_side.at("/keys")] == [""] * asked
    assert made["heard"][-1] == ("Nothing" if asked else "Bye")


def test_speech_is_recognised_where_it_is_asked_for(stage: Callable[..., Any], our_side: Any) -> None:
    our_side.pages["/voice"] = twiml('<Gather input="dtmf speech" action="/said"><Say>Speak</Say></Gather>')
    our_side.pages["/said"] = twiml("<Hangup/>")
    call(stage(), {"speak": 2, "text": "water"})
    (said,) = our_side.at("/said")

    assert form(said)["SpeechResult"] == "water"
    assert 0 < float(form(said)["Confidence"]) <= 1
    assert "Digits" not in form(said)


@pytest.mark.parametrize(
    ("step", "digits"), [({"speak": 7}, None), ({"speak": 7, "then_hang_up": True}, "hangup")]
)
def test_a_recording_is_told_of_and_served(
    stage: Callable[..., Any], our_side: Any, step: Any, digits: str | None
) -> None:
    our_side.pages["/voice"] = twiml('<Record maxLength="30" action="/recorded"/><Say>Nothing</Say>')
    our_side.pages["/recorded"] = twiml("<Say>Thanks</Say>")
    network = stage()
    made = call(network, step)
    fields = form(our_side.at("/recorded")[0])
    key = base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
    request = urllib.request.Request(fields["RecordingUrl"], headers={"Authorization": f"Basic {key}"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        content = answer.read()
    path = fields["RecordingUrl"].removeprefix(network.url)

    assert (fields["RecordingDuration"], fields.get("Digits")) == ("7", digits)
    assert content.startswith(b"RIFF")
    assert made["heard"] == ([] if digits else ["Thanks"])
    assert network.ask(path).status == 401
    request.method = "DELETE"
    assert urllib.request.urlopen(request, timeout=5).status == 204
    assert network.ask(path, key=f"{SID}:{TOKEN}").status == 404


def test_an_empty_recording_asks_nothing(stage: Callable[..., Any], our_side: Any) -> None:
    our_side.pages["/voice"] = twiml('<Record action="/recorded"/><Say>Nothing</Say>')

    assert call(stage())["heard"] == ["Nothing"]
    assert our_side.at("/recorded") == []


def test_a_redirect_goes_on_with_another_document_until_it_goes_round_in_circles(
    stage: Callable[..., Any], our_side: Any
) -> None:
    our_side.pages["/voice"] = twiml("<Redirect>/voice</Redirect>")
    made = call(stage())

    assert len(our_side.at("/voice")) == 250
    assert made["log"][-2]["code"] == 12400


def test_a_dial_tells_how_it_went(stage: Callable[..., Any], our_side: Any) -> None:
    our_side.pages["/voice"] = twiml(
        '<Dial action="/dialled" timeout="20"><Number>+919000000201</Number></Dial>'
    )
    our_side.pages["/dialled"] = twiml("<Hangup/>")
    network = stage(handsets=[{"number": "+919000000201", "answers": False}])
    call(network)
    network.control("handsets/+919000000201", {"answers": True})
    call(network)

    told = [(form(r)["DialCallStatus"], form(r)["DialCallDuration"]) for r in our_side.at("/dialled")]
    assert told == [("no-answer", "0"), ("completed", "30")]


def test_a_rejected_call_was_never_answered(stage: Callable[..., Any], our_side: Any) -> None:
    our_side.pages["/voice"] = twiml("<Reject/>")
    network = stage()
    made = call(network)
    (logged,) = network.control("handsets/+919000000101")["calls"]

    assert (made["status"], logged["answered"], logged["cost_rupees"]) == ("no-answer", False, 0.0)


@pytest.mark.parametrize(
    ("page", "code"),
    [
        ((200, XML, "<Response><Say>Hi</Response>"), 12100),
        (twiml("<Shout>Hi</Shout>"), 12100),
        (twiml("<Sms>Hi</Sms>"), 12100),
        (twiml('<Say volume="11">Hi</Say>'), 12100),
        (twiml('<Gather numDigits="one"/>'), 12100),
        ((200, "application/json", "{}"), 12300),
        ((500, XML, ""), 11200),
    ],
)
def test_a_document_that_cannot_be_carried_out_ends_the_call_with_its_code(
    stage: Callable[..., Any], our_side: Any, page: Any, code: int
) -> None:
    our_side.pages["/voice"] = page
    made = call(stage())

    assert [entry["code"] for entry in made["log"] if entry["event"] == "failed"] == [code]
    assert (made["state"], made["heard"]) == ("ended", [])


@pytest.mark.parametrize(
    ("fault", "asked"), [("fragment_duplicate", 3), ("fragment_concurrent", 3), ("fragment_drop", 0)]
)
def test_faults_strike_here_too(stage: Callable[..., Any], our_side: Any, fault: str, asked: int) -> None:
    our_side.pages["/voice"] = twiml("<Say>Hi</Say>")
    network = stage(faults={fault: 1})
    call(network)
    network.wait_until_idle()

    assert len(our_side.at("/voice")) == asked


def test_one_script_is_played_through_both_dialects(stage: Callable[..., Any], our_side: Any) -> None:
    told = {"applet": "passthru", "url": f"{our_side.url}/told", "async": False}
    gather = {"applet": "gather", "prompt": "Press a key"}
    network = stage(exophones=[{"number": EXOPHONE, "flow": [gather, told, gather, told]}])
    ask = '<Gather numDigits="1" action="/voice" actionOnEmptyResult="true"><Say>Press a key</Say></Gather>'
    our_side.pages["/voice"] = lambda request: twiml(ask if len(our_side.at("/voice")) < 3 else "<Hangup/>")
    script = [{"press": "2"}, {"silence": True}]
    exotel, twilio = network.call(script=script), call(network, *script)

    assert (exotel["heard"], exotel["keys"]) == (twilio["heard"], twilio["keys"])
    assert [r.parameters.get("digits") for r in our_side.at("/told")] == ['"2"', None]
    assert [form(r).get("Digits") for r in our_side.at("/voice")] == [None, "2", ""]


def test_a_held_handset_walks_this_dialect_too(stage: Callable[..., Any], our_side: Any) -> None:
    our_side.pages["/voice"] = twiml('<Gather numDigits="1" action="/keys"><Say>Press</Say></Gather>')
    our_side.pages["/keys"] = twiml("<Say>Thanks</Say>")
    network = stage()
    made = network.control("calls", {"from": "+919000000101", "to": NUMBER})
    ended = network.control(f"calls/{made['call_sid']}/keys", {"digits": "1"})
    listed = network.control("calls")["calls"]

    assert (made["state"], ended["state"], ended["heard"]) == ("asked", "ended", ["Press", "Thanks"])
    assert [row["call_sid"] for row in listed] == [made["call_sid"]]
    assert json.dumps(ended)
