"""What our URLs answer is read in its documented shape and in no other."""

import json
from typing import Any

import pytest

from phone_network import fragments
from phone_network.applets import ConnectOrder, GatherOrder, Prompt
from phone_network.fragments import Answer, BadAnswer

SOUND = "https://sounds.example.org/a.wav"


def text(body: str, kind: str = "text/plain", status: int = 200) -> Answer:
    return Answer(status, kind, body.encode())


def as_json(value: object, kind: str = "application/json", status: int = 200) -> Answer:
    return Answer(status, kind, json.dumps(value).encode())


GATHER: dict[str, Any] = {
    "gather_prompt": {"text": "Press 1"},
    "max_input_digits": 1,
    "finish_on_key": "#",
    "input_timeout": 6,
    "repeat_menu": 2,
    "repeat_gather_prompt": {"audio_url": SOUND},
}
CONNECT: dict[str, Any] = {
    "fetch_after_attempt": True,
    "destination": {"numbers": ["+919000000201", "09000000202"]},
    "outgoing_phone_number": "08040001001",
    "record": True,
    "recording_channels": "dual",
    "max_ringing_duration": 20,
    "max_conversation_duration": 120,
    "music_on_hold": {"type": "operator_tone"},
    "start_call_playback": {"playback_to": "both", "type": "text", "value": "You have a call"},
    "parallel_ringing": {"activate": False, "max_parallel_attempts": 1},
    "dial_passthru_event_url": "https://a.example.org/event",
}


def test_the_documented_gather_is_read() -> None:
    assert fragments.gather(as_json(GATHER)) == GatherOrder(
        Prompt("Press 1"), 1, "#", 6.0, 2, Prompt(audio_url=SOUND)
    )


def test_the_documented_connect_is_read() -> None:
    assert fragments.connect(as_json(CONNECT)) == ConnectOrder(
        ("+919000000201", "+919000000202"),
        fetch_after_attempt=True,
        outgoing_phone_number="08040001001",
        record=True,
        max_ringing_seconds=20.0,
        max_conversation_seconds=120.0,
        whisper=Prompt("You have a call"),
        whisper_to_both=True,
        event_url="https://a.example.org/event",
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"gather_prompt": None}, "the answer: gather_prompt is null"),
        ({"gather_prompt": {}}, "a prompt needs text or audio_url, and only one"),
        (
            {"gather_prompt": {"text": "a", "audio_url": SOUND}},
            "a prompt needs text or audio_url, and only one",
        ),
        ({"gather_prompt": {"text": "a", "voice": "b"}}, "prompt: voice is not a known key"),
        ({"max_input_digits": "1"}, 'the answer: max_input_digits is "1"'),
        ({"max_input_digits": True}, "the answer: max_input_digits is true"),
        ({"input_timeout": -1}, "the answer: input_timeout is -1"),
        ({"finish_on_key": "12"}, 'the answer: finish_on_key is "12"'),
        ({"repeat_menu": 1.5}, "the answer: repeat_menu is 1.5"),
        ({"select": "x"}, "the answer: select is not a known key"),
    ],
)
def test_a_gather_with_anything_wrong_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadAnswer) as refused:
        fragments.gather(as_json({**GATHER, **change}))

    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"destination": {"numbers": ["12"]}}, "'12' is no number that can be dialled"),
        ({"destination": {"numbers": "+919000000201"}}, 'destination: numbers is "+919000000201"'),
        ({"destination": {"trunk": "t"}}, "destination: numbers is null"),
        ({"record": "true"}, 'the answer: record is "true"'),
        ({"dial_passthru_event_url": "x"}, 'the answer: dial_passthru_event_url is "x"'),
        ({"start_call_playback": {"type": "beep", "value": "x"}}, 'start_call_playback: type is "beep"'),
    ],
)
def test_a_connect_with_anything_wrong_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadAnswer) as refused:
        fragments.connect(as_json({**CONNECT, **change}))

    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (as_json(GATHER, status=302), "the answer has status 302"),
        (as_json(GATHER, kind="text/plain"), "the content type is text/plain, not application/json"),
        (as_json(GATHER, kind=""), "the content type is missing, not application/json"),
        (as_json([GATHER]), "the answer is no object"),
        (text("{", "application/json"), "the answer is not JSON"),
    ],
)
def test_an_answer_of_the_wrong_kind_is_refused(answer: Answer, reason: str) -> None:
    with pytest.raises(BadAnswer) as refused:
        fragments.gather(answer)

    assert str(refused.value) == reason


def test_a_connect_may_name_nobody() -> None:
    assert fragments.connect(as_json({"destination": {"numbers": []}})).numbers == ()


@pytest.mark.parametrize(
    ("body", "prompts"),
    [
        ("Hello", (Prompt("Hello"),)),
        ("Hello\nyou", (Prompt("Hello\nyou"),)),
        (f"{SOUND}\r\n{SOUND}\n", (Prompt(audio_url=SOUND), Prompt(audio_url=SOUND))),
        (f"Hear {SOUND}", (Prompt(f"Hear {SOUND}"),)),
    ],
)
def test_a_greeting_is_a_text_or_addresses_of_sounds(body: str, prompts: tuple[Prompt, ...]) -> None:
    assert fragments.prompts(text(body)) == prompts


@pytest.mark.parametrize(
    ("body", "numbers"),
    [
        ("09000000201", ("+919000000201",)),
        ("+919000000201, 9000000202\n", ("+919000000201", "+919000000202")),
        ("", ()),
    ],
)
def test_whom_to_dial_is_numbers_with_commas(body: str, numbers: tuple[str, ...]) -> None:
    assert fragments.numbers_to_dial(text(body)) == numbers


def test_a_whisper_is_read() -> None:
    answer = as_json({"start_call_playback": {"playback_to": "callee", "type": "audio_url", "value": SOUND}})

    assert fragments.whisper(answer) == (Prompt(audio_url=SOUND), False)
