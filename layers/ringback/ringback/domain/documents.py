"""Reading documents that people wrote, so that they hear of all that's wrong at once, each with its place.

A place reads like a path: `texts.welcome.hi.body`, `numbers[2].purpose`.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar

from ringback.domain.times import BEGINNING, INDIA

Choice = TypeVar("Choice", bound=StrEnum)

_DURATION = re.compile(r"([1-9][0-9]{0,3}) (minute|hour|day)s?")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}")
_MOMENT_MEANS = "a moment in India such as `2026-12-06 10:00`"
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_JOINERS = "\u200c\u200d"
"""Zero-width non-joiner and joiner: invisible, but Indic scripts are not spelt right without them."""


class Section:
    """One mapping of a document. Hands out values of the type asked for, and adds what's wrong to `problems`.

    In place of a wrong value it gives a harmless one, so that reading can go on: whoever reads must look at
    `problems` before using anything.
    """

    def __init__(self, content: object, place: str, problems: list[str]) -> None:
        self._place = place
        self._problems = problems
        self._content: dict[str, object] = {}
        self._unread: dict[str, None] = {}
        self._children: list[Section] = []
        if not isinstance(content, Mapping):
            problems.append(f"{place or 'the document'}: must be a mapping, not {_kind(content)}")
            self._problems = []  # what is missing from it is not worth telling
            return
        for key, value in content.items():
            if isinstance(key, str):
                self._content[key] = value
                self._unread[key] = None
            else:
                self.problem(str(key), "the key must be text; write it in quotes")

    def problem(self, key: str, what: str) -> None:
        """Note what's wrong at a key."""
        self._problems.append(f"{self._at(key)}: {what}")

    def close(self) -> None:
        """Note every key nobody has read, here and below: a misspelt key would otherwise pass in silence."""
        for key in self._unread:
            self.problem(key, "is not a key we know")
        for child in self._children:
            child.close()

    def names(self) -> tuple[str, ...]:
        """Return the keys, in the document's order."""
        return tuple(self._content)

    def has(self, key: str) -> bool:
        return self._content.get(key) is not None

    def text(
        self, key: str, shape: re.Pattern[str] | None = None, meaning: str = "", *, lines: bool = False
    ) -> str:
        """Read text without invisible characters or blanks at its ends; `lines` lets it have several lines.

        `shape` must match all of it; `meaning` tells people what that is.
        """
        value = self._take(key)
        if value is None:
            self.problem(key, "is missing")
        elif not isinstance(value, str):
            self.problem(key, f"must be text, not {_kind(value)}; write it in quotes")
        elif why := _unfit(value, lines):
            self.problem(key, why)
        elif shape and not shape.fullmatch(value):
            self.problem(key, f"must be {meaning}, not {value!r}")
        else:
            return value
        return ""

    def optional_text(self, key: str, shape: re.Pattern[str], meaning: str) -> str | None:
        if not self.has(key):
            self._take(key)
            return None
        return self.text(key, shape, meaning)

    def integer(self, key: str) -> int:
        """Read a whole number above zero."""
        value = self._take(key)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
        self.problem(key, "is missing" if value is None else "must be a whole number above 0")
        return 1

    def duration(self, key: str, default: timedelta | None = None) -> timedelta:
        """Read `30 days`, `1 hour`, `90 minutes`."""
        if default is not None and not self.has(key):
            self._take(key)
            return default
        match = _DURATION.fullmatch(
            self.text(key, _DURATION, "a duration such as `30 days`, `12 hours` or `90 minutes`")
        )
        return timedelta(**{f"{match[2]}s": int(match[1])}) if match else timedelta(days=1)

    def clock(self, key: str) -> time:
        """Read a time of day, `10:00`; unquoted, YAML makes a number of it."""
        match = _CLOCK.fullmatch(self.text(key, _CLOCK, "a time of day such as `10:00`"))
        return time(int(match[1]), int(match[2])) if match else time.min

    def moment(self, key: str) -> datetime:
        """Read a moment in India, `2026-12-06 10:00`, as one in UTC."""
        text = self.text(key, _MOMENT, _MOMENT_MEANS)
        try:
            return datetime.fromisoformat(text).replace(tzinfo=INDIA).astimezone(UTC)
        except ValueError:
            if text:
                self.problem(key, f"must be {_MOMENT_MEANS}, not {text!r}")
            return BEGINNING

    def choice(self, key: str, kind: type[Choice]) -> Choice:
        return self._chosen(key, self.text(key), kind)

    def choices(self, key: str, kind: type[Choice]) -> tuple[Choice, ...]:
        return tuple(self._chosen(key, value, kind) for value in self.strings(key))

    def strings(self, key: str) -> tuple[str, ...]:
        """Read a list of texts; a missing list is an empty one."""
        value = self._take(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.problem(key, f"must be a list, not {_kind(value)}")
            return ()
        for index, item in enumerate(value):
            if not isinstance(item, str):
                self.problem(f"{key}[{index}]", f"must be text, not {_kind(item)}; write it in quotes")
            elif why := _unfit(item, lines=False):
                self.problem(f"{key}[{index}]", why)
        return tuple(item for item in value if isinstance(item, str))

    def section(self, key: str) -> "Section":
        """Read a mapping; a missing one is noted once, not once for each of its keys."""
        if not self.has(key):
            self._take(key)
            self.problem(key, "is missing")
            return Section({}, self._at(key), [])
        return self._child(self._take(key), key)

    def sections(self, key: str) -> list["Section"]:
        """Read a list of mappings; their places are `key[0]`, `key[1]` …"""
        value = self._take(key)
        if not isinstance(value, list):
            self.problem(key, "is missing" if value is None else f"must be a list, not {_kind(value)}")
            return []
        return [self._child(item, f"{key}[{index}]") for index, item in enumerate(value)]

    def translations(self, key: str, languages: Iterable[str]) -> dict[str, str]:
        """Read a text in each of the languages."""
        section = self.section(key)
        return {language: section.text(language) for language in languages}

    def _take(self, key: str) -> object:
        self._unread.pop(key, None)
        return self._content.get(key)

    def _at(self, key: str) -> str:
        return f"{self._place}.{key}" if self._place else key

    def _child(self, content: object, key: str) -> "Section":
        child = Section(content, self._at(key), self._problems)
        self._children.append(child)
        return child

    def _chosen(self, key: str, value: str, kind: type[Choice]) -> Choice:
        known = {member.value: member for member in kind}
        if value and value not in known:
            self.problem(key, f"must be one of {', '.join(known)}, not {value!r}")
        return known.get(value, next(iter(kind)))


def _unfit(value: str, lines: bool) -> str | None:
    if not value:
        return "is empty"
    if value != value.strip():
        return "starts or ends with a blank or a new line"
    for character in value:
        hidden = (
            unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn"} and character not in _JOINERS
        )
        if hidden and not (lines and character == "\n"):
            return f"holds an invisible character, U+{ord(character):04X}"
    return None


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    return {
        dict: "a mapping",
        list: "a list",
        str: "text",
        bool: "yes or no",
        int: "a number",
        float: "a number",
    }.get(type(value), f"a {type(value).__name__}")
