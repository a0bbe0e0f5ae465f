"""Reading what our URLs answer to the applets that ask them: each in its documented shape, and in no other.

An answer that is wrong in anything is refused with a reason, which the call's log keeps.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from phone_network import numbers
from phone_network.applets import ConnectOrder, GatherOrder, Prompt

TEXT = "text/plain"
JSON = "application/json"

_T = TypeVar("_T")


class BadAnswer(Exception):
    """An answer cannot be used, or none came; the message says why."""


class NeverSent(BadAnswer):
    """The request was lost before it reached us."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. `content_type` without its parameters; `seconds`: how long it took."""

    status: int
    content_type: str
    body: bytes
    seconds: float = field(default=0.0, compare=False)


def prompts(answer: Answer) -> tuple[Prompt, ...]:
    """Read a Greeting's answer: addresses of sounds, one a line, or else one text.

    SOURCE: Exotel, "Greeting using dynamic text or audio from URL".
    """
    text = _text(answer).strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise BadAnswer("the answer is empty")
    if all(_is_address(line) for line in lines):
        return tuple(Prompt(audio_url=line) for line in lines)
    return (Prompt(text=text),)


def sms_text(answer: Answer) -> str:
    """Read an SMS applet's answer; empty = send nothing."""
    return _text(answer).strip()


def numbers_to_dial(answer: Answer) -> tuple[str, ...]:
    """Read a Connect applet's "dial whom" answer: numbers with commas between them, tried in order."""
    return tuple(_number(part.strip()) for part in _text(answer).split(",") if part.strip())


def selected(answer: Answer) -> str:
    """Read which option of a Switch was meant: `{"select": "name"}`, in text/plain or JSON."""
    if answer.content_type not in (TEXT, JSON):
        raise BadAnswer(f"the content type is {answer.content_type or 'missing'}, not {TEXT}")
    fields = _members(answer)
    option: str = fields.take("select", _is_text)
    fields.finish()
    return option


def gather(answer: Answer) -> GatherOrder:
    """Read a programmable Gather's answer.

    SOURCE: Exotel, "Working with Gather applet"; the names as its own stub answers them. What is left out
    is as in the applet's own set-up.
    """
    fields = _json(answer)
    order = GatherOrder(
        prompt=_prompt(fields.take("gather_prompt", _is_object)),
        max_input_digits=fields.take("max_input_digits", _is_count, 0),
        finish_on_key=fields.take("finish_on_key", _is_key, "#"),
        input_timeout=float(fields.take("input_timeout", _is_count, 5)),
        repeat_menu=fields.take("repeat_menu", _is_count, 0),
        repeat_prompt=_optional(_prompt, fields.take("repeat_gather_prompt", _is_object, None)),
    )
    fields.finish()
    return order


def connect(answer: Answer) -> ConnectOrder:
    """Read a programmable Connect's answer. An empty list of numbers is in order: nobody is to be dialled.

    SOURCE: Exotel, "Working with Connect applet (dynamic URL)", and integrations of it.
    """
    fields = _json(answer)
    destination = _Members(fields.take("destination", _is_object), "destination")
    whisper = fields.take("start_call_playback", _is_object, None)
    prompt, to_both = read_whisper(whisper) if whisper is not None else (None, False)
    # What has no effect here is still checked for its shape.
    fields.take("recording_channels", _is_one_of("single", "dual"), "single")
    fields.take("music_on_hold", _is_object, None)
    fields.take("parallel_ringing", _is_object, None)
    order = ConnectOrder(
        numbers=tuple(map(_number, destination.take("numbers", _is_texts))),
        fetch_after_attempt=fields.take("fetch_after_attempt", _is_flag, False),
        outgoing_phone_number=fields.take("outgoing_phone_number", _is_text, ""),
        record=fields.take("record", _is_flag, False),
        max_ringing_seconds=float(fields.take("max_ringing_duration", _is_count, 30)),
        max_conversation_seconds=float(fields.take("max_conversation_duration", _is_count, 3600)),
        whisper=prompt,
        whisper_to_both=to_both,
        event_url=fields.take("dial_passthru_event_url", _is_address, ""),
    )
    destination.finish()
    fields.finish()
    return order


def whisper(answer: Answer) -> tuple[Prompt, bool]:
    """Read a whisper URL's answer: what to play, and whether both are to hear it."""
    fields = _json(answer)
    read = read_whisper(fields.take("start_call_playback", _is_object))
    fields.finish()
    return read


def read_whisper(value: Mapping[str, object]) -> tuple[Prompt, bool]:
    """Read a `start_call_playback` object. Raises BadAnswer."""
    fields = _Members(value, "start_call_playback")
    to = fields.take("playback_to", _is_one_of("both", "callee"), "callee")
    kind = fields.take("type", _is_one_of("text", "audio_url"))
    said = fields.take("value", _is_text if kind == "text" else _is_address)
    fields.finish()
    return Prompt(text=said) if kind == "text" else Prompt(audio_url=said), to == "both"


def _prompt(value: Mapping[str, object]) -> Prompt:
    fields = _Members(value, "prompt")
    text = fields.take("text", _is_text, "")
    audio_url = fields.take("audio_url", _is_address, "")
    fields.finish()
    if bool(text) == bool(audio_url):
        raise BadAnswer("a prompt needs text or audio_url, and only one")
    return Prompt(text, audio_url)


def _optional(read: Callable[[Mapping[str, object]], _T], value: Mapping[str, object] | None) -> _T | None:
    return None if value is None else read(value)


def _text(answer: Answer) -> str:
    _expect(answer, TEXT)
    try:
        return answer.body.decode()
    except UnicodeDecodeError:
        raise BadAnswer("the answer is not UTF-8") from None


def _json(answer: Answer) -> "_Members":
    _expect(answer, JSON)
    return _members(answer)


def _expect(answer: Answer, content_type: str) -> None:
    if answer.status != 200:
        raise BadAnswer(f"the answer has status {answer.status}")
    if answer.content_type != content_type:
        raise BadAnswer(f"the content type is {answer.content_type or 'missing'}, not {content_type}")


def _members(answer: Answer) -> "_Members":
    try:
        value = json.loads(answer.body)
    except ValueError:
        raise BadAnswer("the answer is not JSON") from None
    return _Members(value, "the answer")


def _number(text: str) -> str:
    phone = numbers.parse(text)
    if phone is None:
        raise BadAnswer(f"{text!r} is no number that can be dialled")
    return phone


class _Members:
    """The members of a JSON object: each taken once, with a test of its type; leftovers are refused."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise BadAnswer(f"{where} is no object")
        self._left = dict(value)
        self._where = where

    def take(self, key: str, is_right: Callable[[object], bool], *default: Any) -> Any:
        if key not in self._left and default:
            return default[0]
        value = self._left.pop(key, None)
        if not is_right(value):
            raise BadAnswer(f"{self._where}: {key} is {json.dumps(value)}")
        return value

    def finish(self) -> None:
        if self._left:
            raise BadAnswer(f"{self._where}: {min(self._left)} is not a known key")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_key(value: object) -> bool:
    return isinstance(value, str) and (value == "" or (len(value) == 1 and value in "0123456789*#"))


def _is_one_of(*words: str) -> Callable[[object], bool]:
    return lambda value: value in words


def _is_address(value: object) -> bool:
    if not isinstance(value, str) or any(character.isspace() for character in value):
        return False
    parts = urlsplit(value)
    return parts.scheme in ("http", "https") and bool(parts.hostname)
