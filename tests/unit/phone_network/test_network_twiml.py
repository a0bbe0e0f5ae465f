"""TwiML is read verb by verb, and what is not known is refused with the debugger's code."""

import pytest

from phone_network.applets import Prompt
from phone_network.twilio import signing, twiml
from phone_network.twilio.twiml import (
    Dial,
    Gather,
    Hangup,
    Pause,
    Record,
    Redirect,
    Reject,
    Speech,
    TwimlError,
)


def parsed(inner: str) -> tuple[twiml.Verb, ...]:
    return twiml.parse(f"<Response>{inner}</Response>".encode())


@pytest.mark.parametrize(
    ("inner", "verb"),
    [
        ('<Say language="hi-IN" voice="Polly.Aditi" loop="2">नमस्ते</Say>', Speech(Prompt("नमस्ते"), 2)),
        ("<Play>https://a.example.org/a.wav</Play>", Speech(Prompt(audio_url="https://a.example.org/a.wav"))),
        ('<Pause length="3"/>', Pause(3.0)),
        (
            '<Gather input="dtmf speech" numDigits="1" timeout="6" finishOnKey="" action="/a" '
            'actionOnEmptyResult="true"><Say>Hi</Say><Pause/></Gather>',
            Gather((Speech(Prompt("Hi")), Pause(1.0)), "/a", True, True, 1, 6.0, "", True),
        ),
        ("<Gather/>", Gather((), "", True, False, 0, 5.0, "#", False)),
        (
            '<Record action="/r" method="POST" maxLength="30" timeout="4" finishOnKey="#" playBeep="false"/>',
            Record("/r", 30.0, 4.0, "#", False),
        ),
        ("<Redirect>/next</Redirect>", Redirect("/next")),
        ('<Dial timeout="20" timeLimit="60">+919000000201</Dial>', Dial("+919000000201", "", 20.0, 60.0)),
        ("<Dial><Number>+919000000201</Number></Dial>", Dial("+919000000201", "", 30.0, 14_400.0)),
        ("<Hangup/>", Hangup()),
        ('<Reject reason="busy"/>', Reject(True)),
    ],
)
def test_a_verb_is_read_with_its_attributes(inner: str, verb: twiml.Verb) -> None:
    assert parsed(inner) == (verb,)


@pytest.mark.parametrize(
    ("inner", "reason"),
    [
        ("<Enqueue>a</Enqueue>", "Enqueue is not known here"),
        ("<say>Hi</say>", "say is not known here"),
        ("Hi", "text in Response"),
        ("<Hangup/>Hi", "text after Hangup"),
        ("<Say/>", "Say needs text, and nothing else"),
        ("<Say><Play>x</Play></Say>", "Say needs text, and nothing else"),
        ("<Hangup>now</Hangup>", "Hangup must be empty"),
        ("<Gather><Record/></Gather>", "Record is not known here"),
        ('<Gather input="touch"/>', "Gather: input is 'touch'"),
        ('<Gather timeout="-1"/>', "Gather: timeout is '-1'"),
        ('<Gather finishOnKey="A"/>', "Gather: finishOnKey is 'A'"),
        ('<Gather method="GET"/>', "Gather: method is 'GET'; this network posts"),
        ('<Gather digits="1"/>', "Gather: unknown attribute digits"),
        ('<Record playBeep="yes"/>', "Record: playBeep is 'yes'"),
        ("<Dial><Client>a</Client></Dial>", "Dial: one number, as text or in one Number"),
    ],
)
def test_what_is_not_known_is_refused(inner: str, reason: str) -> None:
    with pytest.raises(TwimlError) as refused:
        parsed(inner)

    assert (refused.value.code, str(refused.value)) == (12100, reason)


@pytest.mark.parametrize("document", [b"", b"<Response>", b"<Answer/>", b'<Response version="1"/>', b"{}"])
def test_what_is_no_document_is_refused(document: bytes) -> None:
    with pytest.raises(TwimlError) as refused:
        twiml.parse(document)

    assert refused.value.code == 12100


def test_the_signature_is_that_of_the_published_example() -> None:
    parameters = [
        ("Digits", "1234"),
        ("To", "+18005551212"),
        ("From", "+12349013030"),
        ("Caller", "+12349013030"),
        ("CallSid", "CA1234567890ABCDE"),
    ]

    assert (
        signing.signature("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", parameters)
        == "0/KCTR6DLpKmkAf8muzZqo1nDgQ="
    )
