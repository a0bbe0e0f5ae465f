"""Reading TwiML: the verbs a voice menu needs, each with the attributes the documents name, and nothing else.

SOURCE: Twilio, "TwiML for Programmable Voice", the page of each verb: attributes and defaults.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from phone_network.applets import Prompt

_DIGITS: Final = frozenset("0123456789*#")


class TwimlError(Exception):
    """A document cannot be carried out. `code`: what the debugger of the real one would show."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


_LEG_EVENTS = frozenset({"initiated", "ringing", "answered", "completed"})


@dataclass(frozen=True, slots=True)
class Speech:
    """Say or Play, as often as `times`."""

    prompt: Prompt
    times: int = 1


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Gather:
    """Ask for keys, speech or both. An empty `action` is the document's own address."""

    spoken: tuple[Speech | Pause, ...]
    action: str
    takes_keys: bool
    takes_speech: bool
    num_digits: int
    timeout_seconds: float
    finish_on_key: str
    tells_of_nothing: bool


@dataclass(frozen=True, slots=True)
class Record:
    """Record after a beep."""

    action: str
    max_seconds: float
    timeout_seconds: float
    finish_on_key: str
    has_beep: bool


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go on with another document."""

    url: str


@dataclass(frozen=True, slots=True)
class Dial:
    """Ring somebody and let them talk with the caller."""

    number: str
    action: str
    timeout_seconds: float
    longest_seconds: float
    caller_id: str = ""
    whisper_url: str = ""
    """Whose document the one who is rung hears alone, before the two are joined."""
    status_callback: str = ""
    status_events: frozenset[str] = frozenset({"completed"})


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the call."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Do not take the call: the caller pays nothing."""

    is_busy: bool


Verb = Speech | Pause | Gather | Record | Redirect | Dial | Hangup | Reject


def parse(document: bytes) -> tuple[Verb, ...]:
    """Read a document.

    Raises:
        TwimlError: 12100 with the place, if it is no XML or holds anything that is not known.
    """
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError as error:
        raise TwimlError(12100, f"no XML: {error}") from error
    if root.tag != "Response":
        raise TwimlError(12100, f"the root is {root.tag}, not Response")
    _Attributes(root).finish()
    _no_text(root)
    return tuple(_verb(element, _VERBS) for element in root)


class _Attributes:
    """The attributes of an element: each taken once; leftovers are refused."""

    def __init__(self, element: Element) -> None:
        self._verb = element.tag
        self._left = dict(element.attrib)

    def text(self, name: str, usual: str = "") -> str:
        return self._left.pop(name, usual)

    def choice(self, name: str, choices: Mapping[str, bool], usual: str) -> bool:
        value = self._left.pop(name, usual)
        if value not in choices:
            raise TwimlError(12100, f"{self._verb}: {name} is {value!r}")
        return choices[value]

    def flag(self, name: str, usual: str) -> bool:
        return self.choice(name, {"true": True, "false": False}, usual)

    def count(self, name: str, usual: int) -> int:
        value = self._left.pop(name, str(usual))
        if not value.isascii() or not value.isdigit():
            raise TwimlError(12100, f"{self._verb}: {name} is {value!r}")
        return int(value)

    def keys(self, name: str, usual: str) -> str:
        value = self._left.pop(name, usual)
        if not set(value) <= _DIGITS:
            raise TwimlError(12100, f"{self._verb}: {name} is {value!r}")
        return value

    def method(self, name: str = "method") -> None:
        if (value := self._left.pop(name, "POST")) != "POST":
            raise TwimlError(12100, f"{self._verb}: {name} is {value!r}; this network posts")

    def ignore(self, *names: str) -> None:
        for name in names:
            self._left.pop(name, None)

    def finish(self) -> None:
        if self._left:
            raise TwimlError(12100, f"{self._verb}: unknown attribute {min(self._left)}")


def _verb(element: Element, known: Mapping[str, Callable[[Element, _Attributes], Verb]]) -> Verb:
    if element.tag not in known:
        raise TwimlError(12100, f"{element.tag} is not known here")
    if element.tail and element.tail.strip():
        raise TwimlError(12100, f"text after {element.tag}")
    attributes = _Attributes(element)
    verb = known[element.tag](element, attributes)
    attributes.finish()
    return verb


def _say(element: Element, attributes: _Attributes) -> Speech:
    attributes.ignore("voice", "language")
    return Speech(Prompt(text=_text(element)), max(1, attributes.count("loop", 1)))


def _play(element: Element, attributes: _Attributes) -> Speech:
    return Speech(Prompt(audio_url=_text(element)), max(1, attributes.count("loop", 1)))


def _pause(element: Element, attributes: _Attributes) -> Pause:
    _empty(element)
    return Pause(float(attributes.count("length", 1)))


def _gather(element: Element, attributes: _Attributes) -> Gather:
    _no_text(element)
    attributes.method()
    attributes.ignore(
        "language", "hints", "speechTimeout", "speechModel", "profanityFilter", "enhanced", "bargeIn"
    )
    wanted = set(attributes.text("input", "dtmf").split())
    if not wanted or not wanted <= {"dtmf", "speech"}:
        raise TwimlError(12100, f"Gather: input is {' '.join(sorted(wanted))!r}")
    return Gather(
        spoken=tuple(_spoken(child) for child in element),
        action=attributes.text("action"),
        takes_keys="dtmf" in wanted,
        takes_speech="speech" in wanted,
        num_digits=attributes.count("numDigits", 0),
        timeout_seconds=float(attributes.count("timeout", 5)),
        finish_on_key=attributes.keys("finishOnKey", "#"),
        tells_of_nothing=attributes.flag("actionOnEmptyResult", "false"),
    )


def _spoken(element: Element) -> Speech | Pause:
    verb = _verb(element, _SPOKEN)
    assert isinstance(verb, Speech | Pause)
    return verb


def _record(element: Element, attributes: _Attributes) -> Record:
    _empty(element)
    attributes.method()
    attributes.ignore("trim", "recordingStatusCallback", "recordingStatusCallbackMethod")
    return Record(
        action=attributes.text("action"),
        max_seconds=float(attributes.count("maxLength", 3600)),
        timeout_seconds=float(attributes.count("timeout", 5)),
        finish_on_key=attributes.keys("finishOnKey", "1234567890*#"),
        has_beep=attributes.flag("playBeep", "true"),
    )


def _redirect(element: Element, attributes: _Attributes) -> Redirect:
    attributes.method()
    return Redirect(_text(element))


def _dial(element: Element, attributes: _Attributes) -> Dial:
    attributes.method()
    attributes.ignore("record", "answerOnBridge", "hangupOnStar")
    children = list(element)
    if len(children) > 1 or (children and children[0].tag != "Number"):
        raise TwimlError(12100, "Dial: one number, as text or in one Number")
    number = _Attributes(children[0] if children else Element("Number"))
    whisper, status_callback = number.text("url"), number.text("statusCallback")
    events = frozenset(number.text("statusCallbackEvent", "completed").split())
    if not events <= _LEG_EVENTS:
        raise TwimlError(12100, f"Number: statusCallbackEvent is {' '.join(sorted(events))!r}")
    number.method()
    number.method("statusCallbackMethod")
    number.finish()
    return Dial(
        number=_text(children[0] if children else element),
        action=attributes.text("action"),
        timeout_seconds=float(attributes.count("timeout", 30)),
        longest_seconds=float(attributes.count("timeLimit", 14_400)),
        caller_id=attributes.text("callerId"),
        whisper_url=whisper,
        status_callback=status_callback,
        status_events=events,
    )


def _hangup(element: Element, attributes: _Attributes) -> Hangup:
    _empty(element)
    return Hangup()


def _reject(element: Element, attributes: _Attributes) -> Reject:
    _empty(element)
    return Reject(attributes.choice("reason", {"busy": True, "rejected": False}, "rejected"))


def _text(element: Element) -> str:
    if len(element) or not (text := (element.text or "").strip()):
        raise TwimlError(12100, f"{element.tag} needs text, and nothing else")
    return text


def _empty(element: Element) -> None:
    if len(element) or (element.text or "").strip():
        raise TwimlError(12100, f"{element.tag} must be empty")


def _no_text(element: Element) -> None:
    if (element.text or "").strip():
        raise TwimlError(12100, f"text in {element.tag}")


_SPOKEN: Mapping[str, Callable[[Element, _Attributes], Verb]] = MappingProxyType(
    {"Say": _say, "Play": _play, "Pause": _pause}
)
_VERBS: Mapping[str, Callable[[Element, _Attributes], Verb]] = MappingProxyType(
    {
        **_SPOKEN,
        "Gather": _gather,
        "Record": _record,
        "Redirect": _redirect,
        "Dial": _dial,
        "Hangup": _hangup,
        "Reject": _reject,
    }
)
