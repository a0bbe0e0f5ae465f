"""A menu's turns in Exotel's words: one flow of applets, in a loop, drives any menu.

    Passthru `turn` ──► Switch ─┬─ ask     Gather `gather` ────────────────────► again
                                ├─ play    Greeting `say`, then Gather `gather` ► again
                                ├─ say     Greeting `say` ─────────────────────► again
                                ├─ record  Greeting `say`, then Voicemail ─────► again
                                ├─ dial    Connect `dial`, after each failed attempt again ► again
                                ├─ end     Greeting `say`, then Hangup
                                └─ hang-up, and whatever else                   Hangup

The Passthru tells what the caller did and is answered with the branch to take; the applets of that branch ask for what they need of the
same turn. Nothing in the flow counts tries or knows a menu. How the person fares whom a Connect dials is told at the step `leg`.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, assert_never

from ringback.domain.turns import Dial, Keys, Nothing, Reach, Recording, Sound, Utterance
from ringback.providers.base import ATTEMPT, DIAL, LEG, Answer, Reaching, Reply
from ringback.providers.exotel.menus import GATHER, SAY, TURN

TEXT: Final = "text/plain; charset=utf-8"
JSON: Final = "application/json"
"""A Greeting plays nothing when HEAD or GET has another type. SOURCE: exotel.md §1.6, §1.3, §1.5."""

LONGEST_CONVERSATION_SECONDS: Final = 3600
RINGING_SECONDS: Final = 30

_SILENT: Final = "…"
"""What a Gather that has nothing to say says: it refuses an empty text."""


def render(step: str, answer: Answer) -> Reply:
    """A saved turn as the applet at `step` wants it. Headers depend on the step alone, as HEAD is answered without a turn."""
    match step:
        case _ if step == GATHER:
            return Reply(200, JSON, _json(_gather(answer)))
        case _ if step == DIAL:
            return Reply(200, JSON, _json(_connect(answer)))
        case _ if step == SAY:
            return Reply(200, TEXT, _greeting(answer))
        case _ if step == TURN:
            return Reply(200, TEXT, _json({"select": _branch(answer)}))
    return Reply(200, TEXT, "")


def _branch(answer: Answer) -> str:
    match answer.ask:
        case Keys():
            return "play" if _before_asking(answer.speak) else "ask"
        case Recording():
            return "record"
        case Dial() | Reach():
            return "dial"
        case Nothing(end=False):
            return "say"
        case Nothing():
            return "end" if answer.speak else "hang-up"
        case never:
            assert_never(never)


def _greeting(answer: Answer) -> str:
    """What a Greeting plays: text, or sounds, one a line; it can't do both, so what mixes them is read out where there are words."""
    speak = answer.speak
    if isinstance(answer.ask, Keys):
        return "\n".join(_before_asking(speak))
    if speak and all(isinstance(said.content, Sound) for said in speak):
        return "\n".join(said.content.url for said in speak if isinstance(said.content, Sound))
    return _text(speak)


def _gather(answer: Answer) -> dict[str, Any]:
    """A question. Exotel's own repetition is off: silence comes back to us, and only our rules count tries."""
    keys = answer.ask if isinstance(answer.ask, Keys) else Keys(timeout_seconds=1)
    last = answer.speak[-1].content if answer.speak else None
    if isinstance(last, Sound) and all(isinstance(said.content, Sound) for said in answer.speak):
        prompt = {"audio_url": last.url}
    else:
        prompt = {"text": _text(answer.speak) or _SILENT}
    return {
        "gather_prompt": prompt,
        "max_input_digits": keys.max_digits,
        "finish_on_key": keys.finish_on,
        "input_timeout": keys.timeout_seconds,
        "repeat_menu": 0,
    }


def _before_asking(speak: tuple[Utterance, ...]) -> list[str]:
    """The sounds that a Greeting must play before the Gather, which takes one text or one sound: all but the last of several
    sounds, and among words those that have none, such as the caller's own recording.
    """
    sounds = [said.content for said in speak if isinstance(said.content, Sound)]
    if len(sounds) == len(speak):
        return [sound.url for sound in sounds[:-1]]
    return [sound.url for sound in sounds if not sound.says]


def _text(speak: tuple[Utterance, ...]) -> str:
    return " ".join(said.content.says for said in speak if said.content.says)


def _connect(answer: Answer) -> dict[str, Any]:
    """Whom to dial; an empty list takes the branch on which nobody was."""
    if answer.reach:
        return _reaching(answer.reach, answer.address)
    return {
        "fetch_after_attempt": False,
        "destination": {"numbers": [answer.ask.to] if isinstance(answer.ask, Dial) else []},
        "record": False,
        "max_ringing_duration": RINGING_SECONDS,
        "max_conversation_duration": LONGEST_CONVERSATION_SECONDS,
    }


def _reaching(reach: Reaching, address: str) -> dict[str, Any]:
    """One person at a time: after a failed attempt Exotel asks again, and only then another is chosen. Events need a whole address; where
    we do not know our own, the next question tells of the same ending.
    """
    order: dict[str, Any] = {
        "fetch_after_attempt": True,
        "destination": {"numbers": [reach.number]},
        "outgoing_phone_number": reach.caller_id,
        "record": False,
        "max_ringing_duration": reach.ring_seconds,
        "max_conversation_duration": reach.longest_seconds,
    }
    if whisper := _whisper(reach.whisper):
        order["start_call_playback"] = {"playback_to": "callee"} | whisper
    if address:
        order["dial_passthru_event_url"] = f"{address}/{LEG}?{ATTEMPT}={reach.attempt}"
    return order


def _whisper(said: tuple[Utterance, ...]) -> dict[str, str]:
    """A whisper is one sound or one text; of several that are not all words, the words."""
    match [utterance.content for utterance in said]:
        case [Sound(url=url)]:
            return {"type": "audio_url", "value": url}
    text = _text(said)
    return {"type": "text", "value": text} if text else {}


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False)
