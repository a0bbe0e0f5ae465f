"""Reading a JSON document strictly: each key is taken once, keys left over are refused, problems say where."""

import re
from typing import Any
from urllib.parse import urlsplit

PHONE = r"\+[1-9]\d{7,14}"


class ConfigError(ValueError):
    """A document cannot be used; the message names the place and what is wrong there."""


class Reader:
    """One JSON object being read. Every method raises ConfigError; a key without a default must be there."""

    def __init__(self, value: object, where: str) -> None:
        self.where = where
        self._left = dict(as_object(value, where or "the configuration"))

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def place(self, key: str) -> str:
        """Return where a key stands in the whole document."""
        return f"{self.where}.{key}" if self.where else key

    def take(self, key: str, default: object = None) -> Any:
        """Take a value as it is."""
        if key not in self._left and default is None:
            raise ConfigError(f"{self.place(key)}: is missing.")
        return self._left.pop(key, default)

    def text(self, key: str, default: str | None = None) -> str:
        """Take a text."""
        return matched(self.take(key, default), self.place(key), r"(?s).*", "a text")

    def matching(self, key: str, pattern: str, what: str, default: str | None = None) -> str:
        """Take a text of a pattern; `what` says in words what it must be."""
        return matched(self.take(key, default), self.place(key), pattern, what)

    def phone(self, key: str) -> str:
        """Take a number in E.164."""
        return matched(self.take(key), self.place(key), PHONE, "a number like +918040001001")

    def url(self, key: str, default: str | None = None) -> str:
        """Take an http or https address; only an empty default may be empty."""
        text = self.text(key, default)
        parts = urlsplit(text)
        if text != default and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ConfigError(f"{self.place(key)}: {text!r} is no http or https address.")
        return text

    def flag(self, key: str, default: bool) -> bool:
        """Take true or false."""
        value = self.take(key, default)
        if not isinstance(value, bool):
            raise ConfigError(f"{self.place(key)}: must be true or false.")
        return value

    def number(self, key: str, default: float) -> float:
        """Take a number of any sign."""
        value = self.take(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(f"{self.place(key)}: must be a number.")
        return float(value)

    def seconds(self, key: str, default: float | None = None) -> float:
        """Take a time in seconds."""
        return as_seconds(self.take(key, default), self.place(key))

    def count(self, key: str, default: int) -> int:
        """Take a whole number, 0 or more."""
        value = self.take(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ConfigError(f"{self.place(key)}: must be a whole number, 0 or more.")
        return value

    def items(self, key: str, default: Any = None) -> list[tuple[Any, str]]:
        """Take a list: each item, and where it stands."""
        value = self.take(key, default)
        if not isinstance(value, list):
            raise ConfigError(f"{self.place(key)}: must be a list.")
        return [(item, f"{self.place(key)}[{index}]") for index, item in enumerate(value)]

    def entries(self, key: str, default: Any = None) -> list[tuple[str, Any, str]]:
        """Take an object: each key, its value, and where it stands."""
        value = as_object(self.take(key, default), self.place(key))
        return [(name, item, f"{self.place(key)}.{name}") for name, item in value.items()]

    def finish(self) -> None:
        """Refuse what nobody took."""
        if self._left:
            raise ConfigError(f"{self.place(sorted(self._left)[0])}: is not a known key.")


def as_object(value: object, where: str) -> dict[str, Any]:
    """Return a value that must be an object."""
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: must be an object.")
    return value


def matched(value: object, where: str, pattern: str, what: str) -> str:
    """Return a value that must be a text of a pattern."""
    if not isinstance(value, str) or re.fullmatch(pattern, value) is None:
        raise ConfigError(f"{where}: {value!r} is not {what}.")
    return value


def as_seconds(value: object, where: str) -> float:
    """Return a value that must be a time in seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ConfigError(f"{where}: must be a number of seconds, 0 or more.")
    return float(value)


def refuse_repeats(what: str, values: list[str]) -> None:
    """Raise ConfigError if a value stands twice."""
    if repeated := sorted({value for value in values if values.count(value) > 1}):
        raise ConfigError(f"{what} {repeated[0]} stands more than once.")
