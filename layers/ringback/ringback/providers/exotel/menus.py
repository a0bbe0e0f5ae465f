"""A menu's turns in Exotel's words: one flow of applets, in a loop, drives any menu.

    Passthru `turn` ──► Switch ─┬─ ask     Gather `gather` ────────────────────► again
                                ├─ play    Greeting `say`, then Gather `gather` ► again
                                ├─ say     Greeting `say` ─────────────────────► again
                                ├─ record  Greeting `say`, then Voicemail ─────► again
                                ├─ dial    Connect `dial` ─────────────────────► again
                                ├─ end     Greeting `say`, then Hangup
                                └─ hang-up, and whatever else                   Hangup

The Passthru tells what the caller did and is answered with the branch to take; the applets of that branch ask for what they need of the
same turn. Nothing in the flow counts tries or knows a menu.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, assert_never

from ringback.domain.turns import Dial, Keys, Nothing, Recording, Sound, Utterance
from ringback.providers.base import Answer, Pairs, Reply, TurnRequest, Unreadable
from ringback.providers.exotel import values
from ringback.providers.exotel.callbacks import given_id, given_values

TURN: Final = "turn"
GATHER: Final = "gather"
SAY: Final = "say"
DIAL: Final = "dial"
OVER: Final = "over"
"""The StatusCallback of a call that we placed; nobody tells of the end of one that came in."""

STEPS: Final = frozenset({TURN, GATHER, SAY, DIAL, OVER})

TEXT: Final = "text/plain; charset=utf-8"
JSON: Final = "application/json"
"""A Greeting plays nothing when HEAD or GET has another type. SOURCE: exotel.md §1.6, §1.3, §1.5."""

LONGEST_CONVERSATION_SECONDS: Final = 3600
RINGING_SECONDS: Final = 30

_MOST_KEYS: Final = 64
_LONGEST_URL: Final = 2_000
_SILENT: Final = "…"
"""What a Gather that has nothing to say says: it refuses an empty text."""

_OVER: Final = frozenset({"completed", "busy", "failed", "no-answer", "canceled", "cancelled"})
_NAMES: Final = frozenset(
    {
        *("CallSid", "To", "CallTo", "From", "CallFrom", "Direction", "StartTime", "Created", "CurrentTime"),
        *("digits", "RecordingUrl", "CallStatus", "DialCallStatus", "DialWhomNumber", "DialCallDuration"),
    }
)
_TELLING: Final = (
    *("CurrentTime", "StartTime", "RecordingUrl", "CallStatus"),
    *("DialCallStatus", "DialWhomNumber", "DialCallDuration"),
)
"""What tells one request of a call from another, besides the keys."""


def is_fragment(step: str) -> bool:
    """Whether an applet asks only for its part of the turn that was answered last."""
    return step in (GATHER, SAY, DIAL)


def read_turn(step: str, pairs: Pairs) -> TurnRequest:
    """What the caller did, as the Passthru at the head of the loop tells it.

    Example: `CallSid=e12e…87v&CallFrom=09000000101&…&CurrentTime=2024-07-31+16%3A43%3A02&digits=%221%22`

    Earlier keys and recordings are told again in every later request: what was asked last decides which of them is meant. Without
    CurrentTime there is no fingerprint. Two requests alike in one second are one: Exotel's time has no fractions. Raises `Unreadable`
    for a step we do not have, for an id that cannot be one and for a parameter we use that says two things.
    """
    if step not in STEPS:
        raise Unreadable("a step we do not have")
    given = given_values(_unnested(pairs), _NAMES if step != OVER else _NAMES | {"Status"})
    digits = _keys(given.get("digits"))
    times = (values.moment(given.get(name)) for name in ("CurrentTime", "StartTime", "Created"))
    incoming = given.get("Direction", "").strip().lower() in ("", "incoming", "inbound")
    ours, theirs = ("To", "From") if incoming else ("To", "CallTo")
    return TurnRequest(
        call_id=given_id(given, "CallSid"),
        dialled=values.number(given.get(ours)) or values.number(given.get("CallTo")) or "",
        caller=values.number(given.get(theirs)) or values.number(given.get("CallFrom")),
        digits=digits,
        recording_url=_url(given.get("RecordingUrl")),
        recording_seconds=None,
        spoken=None,
        confidence=None,
        is_over=_is_over(step, given),
        fingerprint=_fingerprint(step, digits, given),
        occurred_at=next((time for time in times if time), None),
    )


def render(step: str, answer: Answer) -> Reply:
    """A saved turn as the applet at `step` wants it. Headers depend on the step alone, as HEAD is answered without a turn."""
    match step:
        case _ if step == GATHER:
            return Reply(200, JSON, _json(_gather(answer)))
        case _ if step == DIAL:
            return Reply(200, JSON, _json(_connect(answer.ask)))
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
        case Dial():
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


def _connect(ask: object) -> dict[str, Any]:
    """Whom to dial, once; an empty list takes the branch on which nobody was."""
    return {
        "fetch_after_attempt": False,
        "destination": {"numbers": [ask.to] if isinstance(ask, Dial) else []},
        "record": False,
        "max_ringing_duration": RINGING_SECONDS,
        "max_conversation_duration": LONGEST_CONVERSATION_SECONDS,
    }


def _unnested(pairs: Pairs) -> Pairs:
    """`Call[Sid]` and `Call[From]` by their usual names: newer Connect applets post them so. SOURCE: exotel.md §1.0."""
    usual = {"Call[Sid]": "CallSid", "Call[From]": "From", "Call[To]": "To"}
    return tuple((usual.get(name, name), value) for name, value in pairs)


def _keys(value: str | None) -> str | None:
    """Keys out of their quotes; None for every spelling of silence: absent, empty, blank, `null`, quotes around nothing."""
    bare = (value or "").replace('"', " ").replace("'", " ")
    keys = "".join((values.present(bare) or "").split())
    return keys[:_MOST_KEYS] or None


def _url(value: str | None) -> str | None:
    url = values.present(value)
    is_address = url is not None and len(url) <= _LONGEST_URL and url.startswith(("https://", "http://"))
    return url if is_address and url and url.isprintable() and " " not in url else None


def _is_over(step: str, given: Mapping[str, str]) -> bool:
    told = given.get("Status") if step == OVER else None
    return (told or given.get("CallStatus") or "").strip().lower() in _OVER


def _fingerprint(step: str, digits: str | None, given: Mapping[str, str]) -> str:
    if "CurrentTime" not in given and step != OVER:
        return ""
    return "\n".join((step, digits or "", *(given.get(name, "") for name in _TELLING)))


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False)
