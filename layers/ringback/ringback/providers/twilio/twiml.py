"""A turn as TwiML: what Twilio says to the caller, what it waits for, and where it tells us of it.

    <?xml version="1.0" encoding="UTF-8"?>
    <Response><Gather input="dtmf" action="turn?after=3" method="POST" timeout="8" finishOnKey="" numDigits="1"
      actionOnEmptyResult="true"><Say language="hi-IN" voice="Google.hi-IN-Standard-A">…</Say></Gather></Response>

Addresses are relative to the one Twilio asked, so no document holds our token. Silence comes back to us like a key does: only our rules
count tries.

Who is connected to somebody we choose is sent to the step `dial`, and comes back to it after each attempt, as Exotel's Connect does: there
they are connected to the next person, or sent back into the menu. What that person hears before stands in the address of the document
they are played, which Twilio signs; so nothing is looked up while somebody holds a phone to their ear.

SOURCE: twilio.com/docs/voice/twiml, the page of each verb; read 2026.
"""

import re
from collections.abc import Iterable
from typing import Final, assert_never
from urllib.parse import urlencode

from ringback.domain.turns import Dial, Keys, Nothing, Reach, Recording, Sound, Utterance, Words
from ringback.providers.base import ATTEMPT, DIAL, LEG, Answer, Pairs, Reaching, Reply
from ringback.providers.twilio import legs
from ringback.providers.twilio.callbacks import AFTER, MISSED_CALL, STEPS, TURN, WHISPER

CONTENT_TYPE: Final = "text/xml; charset=utf-8"

VOICES: Final = {
    "bn": ("bn-IN", "Google.bn-IN-Standard-C"),
    "en": ("en-IN", "Google.en-IN-Standard-A"),
    "gu": ("gu-IN", "Google.gu-IN-Standard-C"),
    "hi": ("hi-IN", "Google.hi-IN-Standard-A"),
    "kn": ("kn-IN", "Google.kn-IN-Standard-C"),
    "ml": ("ml-IN", "Google.ml-IN-Wavenet-C"),
    "mr": ("mr-IN", "Google.mr-IN-Standard-A"),
    "pa": ("pa-IN", "Google.pa-IN-Standard-A"),
    "ta": ("ta-IN", "Google.ta-IN-Standard-C"),
    "te": ("te-IN", "Google.te-IN-Standard-A"),
    # Google has it, Twilio's table did not: docs/providers/twilio.md says what to try, and what to do if it is refused.
    "ur": ("ur-IN", "Google.ur-IN-Standard-A"),
}
"""Our language → Twilio's, and a voice that speaks it. A language not listed gets the account's own voice.
SOURCE: twilio.com/docs/voice/twiml/say/text-speech, available voices, read 2024.
"""

HEARD: Final = {
    **{language: spoken for language, (spoken, _) in VOICES.items()},
    "pa": "pa-guru-IN",
}
"""Our language → what Twilio's speech recognition calls it. SOURCE: twilio.com/docs/voice/twiml/gather, language; twilio-java `Gather.Language`."""

_PAUSE_ENDS_SPEECH: Final = 2
"""Seconds of silence after which a spoken answer is complete."""

_AFTER_SAYING: Final = 1
"""Seconds a key may still come after what is only to be heard; the least Twilio takes."""

_RINGING: Final = 30
"""Seconds to let a dialled number ring."""

_SOUND: Final = "play"
_IN_ANY_LANGUAGE: Final = "say"
"""How the address of a whisper calls a sound, and words in a language for which we name no voice; others by their language."""

_ILLEGAL: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold, in any spelling."""

_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


def render(step: str, answer: Answer) -> Reply:
    """The document of a turn; at the step `dial`, of the next attempt to reach somebody."""
    address = f"{TURN}?{AFTER}={answer.turn}"
    if step == DIAL:
        return _document(_attempt(answer.reach, answer.turn) if answer.reach else _redirect(address))
    said = "".join(_said(each) for each in answer.speak)
    match answer.ask:
        case Keys() as keys:
            return _document(_gather(address, keys, said, _language(answer.speak)))
        case Nothing(end=False):
            return _document(_gather(address, Keys(_AFTER_SAYING), said, ""))
        case Nothing():
            return _document(said + _element("Hangup"))
        case Recording(max_seconds=longest, beep=beep, finish_on=key):
            record = _element(
                "Record",
                *_posting(address),
                ("maxLength", longest),
                ("finishOnKey", key),
                ("playBeep", "true" if beep else "false"),
            )
            # Silence asks nothing of the action: Twilio goes on with the next verb.
            return _document(said + record + _redirect(address))
        case Dial(to=number):
            return _document(
                said + _element("Dial", *_posting(address), ("timeout", _RINGING), inside=_text(number))
            )
        case Reach():
            return _document(said + _redirect(f"{DIAL}?{AFTER}={answer.turn}"))
        case _ as never:
            assert_never(never)


def whispered(step: str, pairs: Pairs) -> Reply | None:
    """What somebody hears before they are connected: the words and sounds that their document's address says."""
    if step != WHISPER:
        return None
    said = []
    for kind, content in pairs:
        if kind in VOICES or kind == _IN_ANY_LANGUAGE:
            said.append(_said(Utterance("", Words(content), kind)))
        elif kind == _SOUND:
            said.append(_said(Utterance("", Sound(content, None, ""), "")))
    return _document("".join(said))


def acknowledged(step: str) -> Reply:
    """What to answer where nothing is asked: a missed call is refused before it is answered, any other call ends here (F1)."""
    if step == MISSED_CALL:
        return _document(_element("Reject", ("reason", "busy")))
    return _document(_element("Hangup") if step in STEPS else "")


def _attempt(reach: Reaching, turn: int) -> str:
    attempt = (ATTEMPT, reach.attempt)
    number = _element(
        "Number",
        *((("url", f"{WHISPER}?{_spoken(reach.whisper)}"), ("method", "POST")) if reach.whisper else ()),
        ("statusCallback", f"{LEG}?{urlencode([attempt])}"),
        ("statusCallbackMethod", "POST"),
        ("statusCallbackEvent", " ".join(legs.EVENTS)),
        inside=_text(reach.number),
    )
    return _element(
        "Dial",
        *_posting(f"{DIAL}?{urlencode([(AFTER, turn), attempt])}"),
        ("callerId", reach.caller_id),
        ("timeout", reach.ring_seconds),
        ("timeLimit", reach.longest_seconds),
        inside=number,
    )


def _spoken(said: Iterable[Utterance]) -> str:
    """Words by their language and sounds by their address, as a query; `whispered` reads it again."""
    pairs = []
    for utterance in said:
        match utterance.content:
            case Sound(url=url):
                pairs.append((_SOUND, url))
            case Words(says=says):
                language = utterance.language
                pairs.append((language if language in VOICES else _IN_ANY_LANGUAGE, says))
    return urlencode(pairs)


def _gather(address: str, keys: Keys, said: str, language: str) -> str:
    takes_speech = keys.words and language
    speech = (
        ("language", language),
        ("speechTimeout", _PAUSE_ENDS_SPEECH),
        ("hints", ",".join(word.replace(",", " ") for word in keys.words)),
    )
    return _element(
        "Gather",
        ("input", "dtmf speech" if takes_speech else "dtmf"),
        *_posting(address),
        ("timeout", keys.timeout_seconds),
        ("finishOnKey", keys.finish_on),
        ("numDigits", keys.max_digits),
        ("actionOnEmptyResult", "true"),
        *(speech if takes_speech else ()),
        inside=said,
    )


def _said(utterance: Utterance) -> str:
    match utterance.content:
        case Sound(url=url):
            return _element("Play", inside=_text(url))
        case Words(says=says):
            language, voice = VOICES.get(utterance.language, ("", ""))
            attributes = (("language", language), ("voice", voice)) if voice else ()
            text = _text(says)
            return _element("Say", *attributes, inside=text) if text.strip() else ""


def _language(speak: Iterable[Utterance]) -> str:
    """What speech recognition should expect: the language of the question, which is said last."""
    last = "".join(each.language for each in list(speak)[-1:])
    return HEARD.get(last, "")


def _redirect(address: str) -> str:
    return _element("Redirect", ("method", "POST"), inside=_text(address))


def _posting(address: str) -> tuple[tuple[str, str], ...]:
    return ("action", address), ("method", "POST")


def _element(name: str, *attributes: tuple[str, object], inside: str = "") -> str:
    written = "".join(f' {key}="{_text(str(value))}"' for key, value in attributes)
    return f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>"


def _text(text: str) -> str:
    return _ILLEGAL.sub("", text).translate(_ESCAPES)


def _document(inside: str) -> Reply:
    return Reply(
        200, CONTENT_TYPE, f'<?xml version="1.0" encoding="UTF-8"?>{_element("Response", inside=inside)}'
    )
