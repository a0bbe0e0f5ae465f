"""Turns as TwiML: what Twilio's own builder would write, and what a strict reader of its documents accepts."""

from collections.abc import Mapping
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.twiml.voice_response import Dial as TwilioDial
from twilio.twiml.voice_response import Gather, VoiceResponse

from phone_network.applets import Prompt
from phone_network.twilio import twiml as strict
from ringback.domain.turns import Ask, Dial, Keys, Nothing, Party, Reach, Recording, Sound, Utterance, Words
from ringback.providers import twilio
from ringback.providers.base import Answer, Reaching
from ringback.providers.twilio import twiml

HELLO = Utterance("ask", Words("नमस्ते"), "hi")
HINDI: Mapping[str, str] = {"language": "hi-IN", "voice": "Google.hi-IN-Standard-A"}
POSTED: Mapping[str, str] = {"action": "turn?after=3", "method": "POST"}


def document(ask: Ask, *speak: Utterance) -> str:
    reply = twilio.render("turn", Answer(speak, ask, 3))
    assert (reply.status, reply.content_type) == (200, "text/xml; charset=utf-8")
    return reply.body


def same(ours: str, theirs: VoiceResponse) -> bool:
    """Whether two documents are one, whatever the order of attributes and the way they are escaped."""
    return ElementTree.canonicalize(ours) == ElementTree.canonicalize(str(theirs))


def test_a_question_waits_for_one_key_and_silence_is_told_too() -> None:
    expected = VoiceResponse()
    gather = Gather(
        input="dtmf", timeout=8, finish_on_key="", num_digits=1, action_on_empty_result=True, **POSTED
    )
    gather.say("नमस्ते", **HINDI)
    expected.append(gather)

    assert same(document(Keys(8), HELLO), expected)


def test_a_question_with_words_listens_in_the_language_it_was_put_in() -> None:
    expected = VoiceResponse()
    gather = Gather(
        input="dtmf speech",
        timeout=8,
        finish_on_key="",
        num_digits=1,
        action_on_empty_result=True,
        language="hi-IN",
        speech_timeout=2,
        hints="एक,दो तीन",
        **POSTED,
    )
    gather.say("Hello", language="en-IN", voice="Google.en-IN-Standard-A")
    gather.say("नमस्ते", **HINDI)
    expected.append(gather)
    english = Utterance("hello", Words("Hello"), "en")

    assert same(document(Keys(8, words=("एक", "दो,तीन")), english, HELLO), expected)


@pytest.mark.parametrize("language", ["xx", ""])
def test_a_language_twilio_does_not_know_is_asked_by_keys_in_the_accounts_own_voice(language: str) -> None:
    body = document(Keys(8, words=("one",)), Utterance("ask", Words("Hello"), language))

    assert 'input="dtmf"' in body
    assert "<Say>Hello</Say>" in body
    assert "hints" not in body


def test_words_without_a_question_before_them_are_not_listened_for() -> None:
    assert 'input="dtmf"' in document(Keys(8, words=("one",)))


def test_a_recording_comes_back_to_us_and_so_does_silence() -> None:
    expected = VoiceResponse()
    expected.say("नमस्ते", **HINDI)
    expected.record(max_length=30, finish_on_key="#", play_beep=True, **POSTED)
    expected.redirect("turn?after=3", method="POST")

    assert same(document(Recording(30), HELLO), expected)


def test_a_recording_may_be_without_a_beep() -> None:
    (record, _) = strict.parse(document(Recording(20, beep=False, finish_on="*")).encode())

    assert record == strict.Record("turn?after=3", 20.0, 5.0, "*", False)


def test_what_is_only_heard_comes_back_and_a_key_cuts_it_short() -> None:
    (gather,) = strict.parse(document(Nothing(end=False), HELLO).encode())

    assert gather == strict.Gather(
        (strict.Speech(Prompt("नमस्ते")),), "turn?after=3", True, False, 1, 1.0, "", True
    )


def test_the_end_hangs_up() -> None:
    expected = VoiceResponse()
    expected.say("नमस्ते", **HINDI)
    expected.hangup()

    assert same(document(Nothing(), HELLO), expected)


def test_a_sound_is_played() -> None:
    sound = Utterance("ask", Sound("https://media.example/a.wav?x=1&y=2", 4.0, "नमस्ते"), "hi")
    expected = VoiceResponse()
    expected.play("https://media.example/a.wav?x=1&y=2")
    expected.hangup()

    assert same(document(Nothing(), sound), expected)


def test_a_transfer_rings_somebody_and_comes_back() -> None:
    expected = VoiceResponse()
    dial = TwilioDial("+919000000201", timeout=30, **POSTED)
    expected.append(dial)

    assert same(document(Dial("+919000000201")), expected)


def dialling(*whisper: Utterance) -> str:
    reach = Reaching("+919000000202", "+918040001031", 25, 600, whisper, attempt=2)
    return twilio.render("dial", Answer((), Reach(Party.VOTER), 3, reach)).body


def test_who_is_to_be_connected_is_sent_to_where_somebody_is_chosen() -> None:
    expected = VoiceResponse()
    expected.say("नमस्ते", **HINDI)
    expected.redirect("dial?after=3", method="POST")

    assert same(document(Reach(Party.VOTER), HELLO), expected)


def test_somebody_we_chose_is_rung_from_our_number_and_we_are_told_of_it() -> None:
    expected = VoiceResponse()
    dial = TwilioDial(
        action="dial?after=3&attempt=2", method="POST", caller_id="+918040001031", timeout=25, time_limit=600
    )
    dial.number(
        "+919000000202",
        status_callback="leg?attempt=2",
        status_callback_method="POST",
        status_callback_event="initiated answered completed",
    )
    expected.append(dial)

    assert same(dialling(), expected)


def test_with_nobody_to_reach_the_caller_goes_back_into_the_menu() -> None:
    expected = VoiceResponse()
    expected.redirect("turn?after=3", method="POST")

    assert same(twilio.render("dial", Answer((), Reach(Party.VOTER), 3)).body, expected)


def test_a_whisper_is_said_as_the_address_of_its_document_says() -> None:
    music, plain = (
        Sound("https://m.example/a.wav?x=1&y=2", 3, "ask"),
        Utterance("b", Words("Vanakkam & more"), "xx"),
    )
    (dial,) = strict.parse(dialling(HELLO, Utterance("a", music, "hi"), plain).encode())
    assert isinstance(dial, strict.Dial)
    step, _, query = dial.whisper_url.partition("?")
    asked = (*parse_qsl(query), ("CallSid", "CA77"), ("To", "+919000000202"))
    expected = VoiceResponse()
    expected.say("नमस्ते", **HINDI)
    expected.play("https://m.example/a.wav?x=1&y=2")
    expected.say("Vanakkam & more")

    reply = twilio.whispered(step, asked)

    assert reply is not None
    assert same(reply.body, expected)
    assert twilio.whispered("turn", asked) is None


def test_twilio_rings_whom_its_strict_reader_says() -> None:
    (dial,) = strict.parse(dialling(HELLO).encode())

    assert isinstance(dial, strict.Dial)
    assert (dial.number, dial.caller_id, dial.timeout_seconds, dial.longest_seconds) == (
        "+919000000202",
        "+918040001031",
        25.0,
        600.0,
    )
    assert dial.status_events == {"initiated", "answered", "completed"}


@pytest.mark.parametrize("nothing", ["", "  ", "\x08"])
def test_an_empty_prompt_is_not_said(nothing: str) -> None:
    """Twilio refuses a Say without text, and with it the document."""
    assert strict.parse(document(Nothing(), Utterance("ask", Words(nothing), "hi")).encode()) == (
        strict.Hangup(),
    )


def test_a_missed_call_is_refused_before_it_is_answered() -> None:
    """F1: only a Reject that comes first leaves a call unanswered, and free for both sides."""
    expected = VoiceResponse()
    expected.reject(reason="busy")
    reply = twilio.acknowledged("missed-call")

    assert same(reply.body, expected)
    assert strict.parse(reply.body.encode()) == (strict.Reject(True),)


@pytest.mark.parametrize(("step", "verbs"), [("turn", (strict.Hangup(),)), ("sms-status", ())])
def test_where_nothing_is_asked_nothing_is_said(step: str, verbs: tuple[strict.Verb, ...]) -> None:
    assert strict.parse(twilio.acknowledged(step).body.encode()) == verbs


def test_no_document_holds_an_address_of_ours() -> None:
    """The address is relative to the one Twilio asked, token and all."""
    assert "//" not in document(Recording(30), HELLO)


def test_every_shipped_language_has_a_voice_and_is_understood() -> None:
    assert {"en", "hi", "mr", "ta", "ur"} <= set(twiml.VOICES) == set(twiml.HEARD)
    assert all(voice.startswith(f"Google.{tag}-") for tag, voice in twiml.VOICES.values())


asks = st.one_of(
    st.builds(
        Keys,
        st.integers(1, 60),
        st.integers(1, 9),
        st.sampled_from(["", "#", "*"]),
        st.lists(st.text(max_size=8), max_size=3).map(tuple),
    ),
    st.builds(Recording, st.integers(1, 120), st.booleans(), st.sampled_from(["#", "*", "12"])),
    st.builds(Nothing, st.booleans()),
    st.just(Dial("+919000000201")),
)
words = st.text(st.characters(), max_size=30)
spoken = st.builds(
    Utterance,
    st.just("p"),
    st.one_of(st.builds(Words, words), st.just(Sound("https://media.example/a?b=1&c='\"<", None, ""))),
    st.sampled_from([*twiml.VOICES, "xx"]),
)


@given(ask=asks, speak=st.lists(spoken, max_size=4).map(tuple), turn=st.integers(0, 99))
def test_any_turn_is_a_valid_document(ask: Ask, speak: tuple[Utterance, ...], turn: int) -> None:
    """Whatever is said: markup, control characters and lone surrogates included."""
    verbs = strict.parse(twilio.render("turn", Answer(speak, ask, turn)).body.encode())

    assert verbs


@given(says=words)
def test_what_is_said_arrives_as_it_was_written(says: str) -> None:
    """All of it that XML can hold."""
    heard = strict.parse(document(Nothing(), Utterance("p", Words(f"a{says}z"), "en")).encode())
    held = "".join(c for c in says if c in "\t\n\r" or c >= " ")
    plain = "".join(c for c in held if not ("\ud800" <= c <= "\udfff" or c in "\ufffe\uffff"))

    assert heard[0] == strict.Speech(Prompt(f"a{plain}z".replace("\r\n", "\n").replace("\r", "\n")), 1)
