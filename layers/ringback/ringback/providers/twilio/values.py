"""How Twilio writes absence, ids, numbers, counts and times; shared by its callbacks and its API."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

from ringback.providers.base import Pairs, Unreadable

NAME: Final = "twilio"

LONGEST_ID: Final = 128
"""Twilio's ids have 34 characters; they are opaque to us all the same."""

_WITHHELD: Final = frozenset({"+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"})
"""`anonymous`, `restricted`, `blocked`, `unknown` and `unavailable`, spelt on a keypad: some would pass for numbers of other countries.
SOURCE: support.twilio.com, "Why am I getting calls from these strange numbers?"
"""

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def present(value: str | None) -> str | None:
    """The value without outer blanks; None where there is none."""
    return (value.strip() or None) if value else None


def given(pairs: Pairs, names: Collection[str]) -> dict[str, str]:
    """The parameters we use that are present, each saying one thing. Raises `Unreadable`."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in names and present(value) is not None and found.setdefault(name, value) != value:
            raise Unreadable(f"{name} says two things")
    return found


def opaque_id(name: str, value: str) -> str:
    """A parameter that must be there and be an id. Raises `Unreadable`."""
    if not is_opaque_id(value):
        raise Unreadable(f"{name} is missing" if not value else f"{name} cannot be read")
    return value


def is_opaque_id(value: str) -> bool:
    """Whether a text can be an id."""
    return 0 < len(value) <= LONGEST_ID and value.isprintable() and " " not in value


def number(value: str | None) -> str | None:
    """A phone number as Twilio wrote it; None for a caller who withheld theirs."""
    given = present(value)
    if given is None:
        return None
    # A plus sign that somebody forgot to encode reached us as a blank.
    plain = f"+{given}" if value and value[0] == " " and given[0].isdigit() else given
    return None if plain in _WITHHELD else plain


def count(value: str | None) -> int | None:
    """A small number (seconds, SMS parts); None when it is none."""
    given = present(value)
    return int(given) if given and given.isascii() and given.isdigit() and len(given) <= 9 else None


def share(value: str | None) -> float | None:
    """A number from 0 to 1, such as `0.9`; None when it is none."""
    given = present(value)
    if given is None or len(given) > 32 or not given.isascii():
        return None
    try:
        read = float(given)
    except ValueError:
        return None
    return read if 0 <= read <= 1 else None


def moment(value: str | None) -> datetime | None:
    """A time in UTC; None when absent or unreadable.

    Reads `Wed, 31 Jul 2024 11:12:56 +0000`, and the same in ISO form as long as it names its zone.
    """
    given = present(value)
    if given is None or not given.isascii():
        return None
    try:
        read = datetime.fromisoformat(given if given[:4].isdigit() else _iso(given))
    except ValueError:
        return None
    return read.astimezone(UTC) if read.tzinfo and 2000 <= read.year < 3000 else None


def written(at: datetime) -> str:
    """An aware time as Twilio's filters want it, to the second, rounded down: `2024-07-31T11:12:56Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _iso(given: str) -> str:
    """`Wed, 31 Jul 2024 11:12:56 +0000` in ISO form. Not email.utils: the door should not load it."""
    parts = given.partition(", ")[2].split()
    if len(parts) != 5 or parts[1] not in _MONTHS:
        raise ValueError(given)
    day, month, year, clock, zone = parts
    return f"{year}-{_MONTHS.index(month) + 1:02d}-{day.zfill(2)}T{clock}{zone}"
