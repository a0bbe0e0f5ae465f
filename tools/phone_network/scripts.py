"""What the holder of a handset does in a call: one step for each time they are asked for something.

Example: `[{"press": "1"}, {"silence": true}, {"press": "7", "after_seconds": 0}, {"speak": 12}, {"hang_up": true}]`.
When the steps are used up the person stays on the line in silence.
"""

from dataclasses import dataclass

from phone_network.reading import ConfigError, Reader

KEYS = r"[0-9*#]{1,64}"
BY_HAND = "by hand"
LONGEST_SPEECH_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Press:
    """Press keys, one after the other.

    `after_seconds`: of voice time since the prompt began, so 0 cuts it short; None = when it has ended.
    """

    keys: str
    after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """Do nothing until the network gives up waiting."""


@dataclass(frozen=True, slots=True)
class Speak:
    """Say something, of this length; `text` is what a speech recogniser would hear."""

    seconds: float
    text: str = ""
    then_hang_up: bool = False


@dataclass(frozen=True, slots=True)
class HangUp:
    """Leave: after so many seconds of the prompt; None = when it has ended."""

    after_seconds: float | None = None


Step = Press | Silence | Speak | HangUp
Script = tuple[Step, ...]


def read(given: Reader, key: str) -> Script | None:
    """Take a script, or `"by hand"`: None, somebody acts through the controls. Nobody acts by default.

    Raises:
        ConfigError: at the first step that is none.
    """
    if key not in given:
        return ()
    value = given.take(key)
    if value == BY_HAND:
        return None
    steps = Reader({key: value}, given.where).items(key)
    return tuple(_step(Reader(item, place)) for item, place in steps)


def _step(given: Reader) -> Step:
    step: Step
    if "press" in given:
        keys = given.matching("press", KEYS, "keys: 0 to 9, * and #")
        step = Press(keys, _after(given))
    elif "silence" in given:
        _must_be_true(given, "silence")
        step = Silence()
    elif "speak" in given:
        step = Speak(
            speech_seconds(given, "speak"), given.text("text", ""), given.flag("then_hang_up", False)
        )
    elif "hang_up" in given:
        _must_be_true(given, "hang_up")
        step = HangUp(_after(given))
    else:
        raise ConfigError(f"{given.where}: a step is one of press, silence, speak, hang_up.")
    given.finish()
    return step


def speech_seconds(given: Reader, key: str) -> float:
    """Take the length of something said, at most an hour. Raises ConfigError."""
    seconds = given.seconds(key)
    if seconds > LONGEST_SPEECH_SECONDS:
        raise ConfigError(f"{given.place(key)}: must be at most {LONGEST_SPEECH_SECONDS:.0f} seconds.")
    return seconds


def _after(given: Reader) -> float | None:
    return given.seconds("after_seconds") if "after_seconds" in given else None


def _must_be_true(given: Reader, key: str) -> None:
    if not given.flag(key, True):
        raise ConfigError(f"{given.place(key)}: must be true.")
