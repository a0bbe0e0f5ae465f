"""Exotel's dialect of menus: what its Passthru says a caller did, and what each applet wants to hear of a turn."""

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from phone_network import fragments
from phone_network.fragments import Answer as Fetched
from ringback.domain.turns import Ask, Dial, Keys, Nothing, Party, Reach, Recording, Sound, Utterance, Words
from ringback.providers import exotel
from ringback.providers.base import Answer, Pairs, Reaching, TurnRequest, Unreadable

CALLED = (
    "CallSid=e12e87v&CallFrom=09000000101&CallTo=08040001021&Direction=incoming"
    "&Created=Wed%2C+31+Jul+2024+16%3A42%3A56&DialCallDuration=0&StartTime=2024-07-31+16%3A42%3A56"
    "&EndTime=1970-01-01+05%3A30%3A00&CallType=call-attempt&DialWhomNumber=&flow_id=11754&tenant_id=1409"
    "&From=09000000101&To=08040001021&CurrentTime=2024-07-31+16%3A43%3A02"
)
RECORDING = "https://recordings.exotel.com/exotelrecordings/ringback1/r-1.mp3"
AUDIO = "https://media.example/ask-hi-1.wav"


def pairs(query: str) -> Pairs:
    return tuple(parse_qsl(query, keep_blank_values=True))


def turn(more: str = "", step: str = "turn", base: str = CALLED) -> TurnRequest:
    return exotel.read_turn(step, pairs(f"{base}&{more}" if more else base))


def words(says: str, language: str = "hi") -> Utterance:
    return Utterance("a-prompt", Words(says), language)


def sound(url: str = AUDIO, says: str = "ask") -> Utterance:
    return Utterance("a-prompt", Sound(url, 3, says), "hi")


def rendered(step: str, ask: Ask, *speak: Utterance) -> Any:
    body = exotel.render(step, Answer(speak, ask)).body
    return json.loads(body) if step != "say" else body


# What a caller did


@pytest.mark.parametrize(
    ("spelling", "digits"),
    [
        ("digits=%221%22", "1"),
        ("digits=1", "1"),
        ("digits=%271%27", "1"),
        ("digits=+%22+1+%22+", "1"),
        ("digits=%2212%22", "12"),
        ("digits=%22*%22", "*"),
        ("digits=*", "*"),
        ("digits=%22%23%22", "#"),
        ("digits=%23", "#"),
        ("digits=%221%23%22", "1#"),
        ("digits=%220%22", "0"),
        ("", None),
        ("digits=", None),
        ("digits=%22%22", None),
        ("digits=+", None),
        ("digits=%22+%22", None),
        ("digits=null", None),
        ("digits=%22null%22", None),
        ("digits=NULL", None),
        ("Digits=1", None),
    ],
)
def test_keys_are_read_in_every_spelling(spelling: str, digits: str | None) -> None:
    """SOURCE: exotel.md §1.0 and trap 5: wrapped in quotes, absent, empty, null."""
    assert digits == turn(spelling).digits


def test_a_request_is_read_whole() -> None:
    read = turn("digits=%221%22")

    assert (read.call_id, read.dialled, read.caller) == ("e12e87v", "08040001021", "09000000101")
    assert read.occurred_at is not None
    assert read.occurred_at.isoformat() == "2024-07-31T11:13:02+00:00"
    assert (read.recording_url, read.spoken, read.confidence, read.is_over) == (None, None, None, False)


@pytest.mark.parametrize(
    ("query", "dialled", "caller"),
    [
        ("CallSid=c", "", None),
        ("CallSid=c&CallTo=08040001021&CallFrom=09000000101", "08040001021", "09000000101"),
        ("CallSid=c&To=08040001021&CallTo=8040001022&From=null&CallFrom=", "08040001021", None),
        ("CallSid=c&Direction=outbound-dial&To=08040001021&CallTo=09000000101&From=09000000101",
         "08040001021", "09000000101"),
        ("Call[Sid]=c&Call[From]=%2B919000000101&Call[To]=08040001021", "08040001021", "+919000000101"),
    ],
    ids=["nothing but the id", "short names", "absent values", "a call we made", "nested, as newer applets post"],
)  # fmt: skip
def test_every_parameter_but_the_id_may_be_missing_or_called_otherwise(
    query: str, dialled: str, caller: str | None
) -> None:
    read = turn(base=query)

    assert (read.call_id, read.dialled, read.caller) == ("c", dialled, caller)


@pytest.mark.parametrize(
    ("more", "step", "is_over"),
    [
        ("CallStatus=completed", "turn", True),
        ("CallStatus=Canceled", "turn", True),
        ("CallStatus=cancelled", "turn", True),
        ("CallStatus=in-progress", "turn", False),
        ("CallStatus=ringing", "turn", False),
        ("DialCallStatus=completed", "turn", False),
        ("EventType=terminal&Status=completed", "over", True),
        ("EventType=Terminal&Status=busy", "turn", False),
        ("EventType=answered&Status=in-progress", "over", False),
        ("Status=no-answer", "over", True),
    ],
)
def test_only_the_calls_own_end_is_its_end(more: str, step: str, is_over: bool) -> None:
    """The other leg's end is not, and `Status` at a Connect is the state of an agent."""
    assert is_over == turn(more, step).is_over


@pytest.mark.parametrize(
    ("told", "url"),
    [
        (RECORDING, RECORDING),
        ("null", None),
        ("", None),
        ("ftp://recordings.example/1", None),
        ("javascript:alert(1)", None),
        ("https://a.example/" + "x" * 2_000, None),
        ("https://a.example/a b", None),
    ],
)
def test_a_recording_has_an_address_or_is_none(told: str, url: str | None) -> None:
    assert url == turn(f"RecordingUrl={told}").recording_url


@pytest.mark.parametrize(
    ("step", "query", "reason"),
    [
        ("menu", CALLED, "a step we do not have"),
        ("turn", "From=09000000101", "CallSid is missing"),
        ("turn", "CallSid=", "CallSid is missing"),
        ("turn", "CallSid=a+b", "CallSid cannot be read"),
        ("turn", f"CallSid={'a' * 129}", "CallSid cannot be read"),
        ("turn", "CallSid=a&CallSid=b", "CallSid says two things"),
        ("turn", "CallSid=a&digits=1&digits=2", "digits says two things"),
        ("turn", "CallSid=a&digits[0]=1", "digits is nested"),
    ],
)
def test_what_would_have_to_be_guessed_is_unreadable(step: str, query: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        turn(step=step, base=query)


def test_a_repeat_has_the_fingerprint_of_its_first_and_nothing_else_has() -> None:
    """The spelling of the keys and what the flow adds later do not count; keys, moment, recording and second leg do."""
    at_other_times = CALLED.replace("43%3A02", "43%3A05")
    different = [
        turn(),
        turn("digits=1"),
        turn("digits=2"),
        turn("digits=1", base=at_other_times),
        turn("digits=1&RecordingUrl=https://a.example/1"),
        turn("digits=1&DialCallStatus=completed"),
        turn("digits=1&CallStatus=completed"),
        turn("digits=1", "over"),
    ]

    assert len({read.fingerprint for read in different}) == len(different)
    assert turn("digits=%221%22&passthru=x").fingerprint == turn("digits=1&AnythingElse=1").fingerprint


def test_without_its_time_a_request_has_no_fingerprint() -> None:
    """Then the door's own clock has to tell two of them apart."""
    assert turn("digits=1", base="CallSid=c&To=08040001021").fingerprint == ""


def test_reading_the_stored_pairs_again_gives_the_same_turn() -> None:
    stored = pairs(f"{CALLED}&digits=%221%22")

    assert exotel.read_turn("turn", stored) == turn("digits=%221%22")


# What a turn sounds like


@pytest.mark.parametrize(
    ("ask", "speak", "branch"),
    [
        (Keys(8), (words("ask"),), "ask"),
        (Keys(8), (sound(),), "ask"),
        (Keys(8), (sound(), sound()), "play"),
        (Keys(8), (sound(), words("ask")), "ask"),
        (Keys(8), (sound(RECORDING, says=""), words("review")), "play"),
        (Keys(8), (), "ask"),
        (Recording(30), (words("speak"),), "record"),
        (Dial("+919000000101"), (), "dial"),
        (Reach(Party.VOTER), (), "dial"),
        (Nothing(end=False), (words("agenda"),), "say"),
        (Nothing(), (words("goodbye"),), "end"),
        (Nothing(), (), "hang-up"),
    ],
)
def test_the_switch_is_told_which_branch_the_turn_takes(
    ask: Ask, speak: tuple[Utterance, ...], branch: str
) -> None:
    """The network's own strict reading of a Switch's answer understands it."""
    reply = exotel.render("turn", Answer(speak, ask))

    assert branch == fragments.selected(Fetched(reply.status, "text/plain", reply.body.encode()))


@pytest.mark.parametrize(
    ("speak", "prompt"),
    [
        ((words("हाँ"),), {"text": "हाँ"}),
        ((words("a"), words("b")), {"text": "a b"}),
        ((sound(),), {"audio_url": AUDIO}),
        ((sound("https://media.example/1.wav"), sound()), {"audio_url": AUDIO}),
        ((words("wrong."), sound()), {"text": "wrong. ask"}),
        ((words("wrong."), sound(RECORDING, says=""), words("review")), {"text": "wrong. review"}),
        ((), {"text": "…"}),
    ],
)
def test_a_gather_asks_once_and_for_one_key(speak: tuple[Utterance, ...], prompt: dict[str, str]) -> None:
    """Exotel's own repetition is off: only our rules count tries."""
    asked = rendered("gather", Keys(8), *speak)
    order = fragments.gather(Fetched(200, "application/json", json.dumps(asked).encode()))

    assert asked == {
        "gather_prompt": prompt,
        "max_input_digits": 1,
        "finish_on_key": "",
        "input_timeout": 8,
        "repeat_menu": 0,
    }
    assert (order.repeat_menu, order.input_timeout) == (0, 8.0)


@pytest.mark.parametrize(
    ("ask", "speak", "body"),
    [
        (Nothing(), (words("a"), words("b")), "a b"),
        (Nothing(), (sound("https://m.example/1.wav"), sound()), f"https://m.example/1.wav\n{AUDIO}"),
        (Recording(30), (words("notice."), sound()), "notice. ask"),
        (Keys(8), (sound("https://m.example/1.wav"), sound()), "https://m.example/1.wav"),
        (Keys(8), (words("wrong."), sound(RECORDING, says=""), words("review")), RECORDING),
        (Nothing(), (), ""),
    ],
)
def test_a_greeting_plays_text_or_sounds_one_a_line(
    ask: Ask, speak: tuple[Utterance, ...], body: str
) -> None:
    """It can't do both; what mixes them is read out where there are words."""
    assert body == rendered("say", ask, *speak)


def reaching(*whisper: Utterance) -> Reaching:
    return Reaching("+919000000202", "+918040001031", 25, 600, whisper, attempt=2)


def connected(reach: Reaching | None, address: str = "") -> Any:
    reply = exotel.render("dial", Answer((), Reach(Party.VOTER), 3, reach, address))
    fragments.connect(Fetched(reply.status, reply.content_type.partition(";")[0], reply.body.encode()))
    return json.loads(reply.body)


def test_a_connect_to_somebody_we_chose_asks_again_after_a_failure_and_shows_our_number_alone() -> None:
    """The network's own strict reading of a Connect's answer understands it."""
    assert connected(reaching(words("नमस्ते")), "https://ringback.example/voice/t") == {
        "fetch_after_attempt": True,
        "destination": {"numbers": ["+919000000202"]},
        "outgoing_phone_number": "+918040001031",
        "record": False,
        "max_ringing_duration": 25,
        "max_conversation_duration": 600,
        "start_call_playback": {"playback_to": "callee", "type": "text", "value": "नमस्ते"},
        "dial_passthru_event_url": "https://ringback.example/voice/t/leg?attempt=2",
    }


@pytest.mark.parametrize(
    ("whisper", "playback"),
    [
        ((sound(),), {"playback_to": "callee", "type": "audio_url", "value": AUDIO}),
        ((words("a"), sound()), {"playback_to": "callee", "type": "text", "value": "a ask"}),
        ((), None),
    ],
    ids=["a sound", "words and a sound", "nothing"],
)
def test_a_whisper_is_one_sound_or_one_text(
    whisper: tuple[Utterance, ...], playback: dict[str, str] | None
) -> None:
    assert connected(reaching(*whisper)).get("start_call_playback") == playback


def test_without_an_address_of_ours_no_events_are_asked_for() -> None:
    assert "dial_passthru_event_url" not in connected(reaching())


def test_nobody_to_reach_is_an_empty_list() -> None:
    assert connected(None)["destination"] == {"numbers": []}


def test_a_whisper_of_exotels_goes_with_the_answer() -> None:
    assert exotel.whispered("whisper", ()) is None


def test_a_connect_dials_one_number_once() -> None:
    asked = rendered("dial", Dial("+919000000101"))
    order = fragments.connect(Fetched(200, "application/json", json.dumps(asked).encode()))

    assert (order.numbers, order.fetch_after_attempt, order.record) == (("+919000000101",), False, False)
    assert rendered("dial", Nothing())["destination"] == {"numbers": []}


@pytest.mark.parametrize(
    ("step", "content_type"),
    [
        ("turn", "text/plain; charset=utf-8"),
        ("say", "text/plain; charset=utf-8"),
        ("gather", "application/json"),
        ("dial", "application/json"),
        ("over", "text/plain; charset=utf-8"),
    ],
)
def test_the_type_of_an_answer_is_that_of_its_step(step: str, content_type: str) -> None:
    """HEAD is answered before anything is known of the turn, and what GET brings must have the same type."""
    for ask in (Keys(8), Recording(30), Dial("+919000000101"), Reach(Party.VOTER), Nothing()):
        for speak in ((), (words("a"),), (sound(),)):
            reply = exotel.render(step, Answer(speak, ask))

            assert (reply.status, reply.content_type) == (200, content_type)


def test_the_steps_that_bring_nothing_new_are_fragments() -> None:
    assert {step for step in exotel.STEPS if exotel.is_fragment(step)} == {"gather", "say", "dial"}
