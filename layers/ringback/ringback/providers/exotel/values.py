"""How Exotel writes absence, ids, numbers, counts and times; shared by its callbacks and its API."""

from datetime import UTC, datetime

from ringback.domain.times import INDIA

NAME = "exotel"

LONGEST_ID = 128
"""Ids seen have 10 to 34 characters; anything much longer is not an id."""

_ZERO_DATES = ("0000-00-00", "1970-01-01")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def present(value: str | None) -> str | None:
    """The value without outer blanks; None for what Exotel writes when it has nothing to say.

    SOURCE: exotel.com Passthru captures of 2016 to 2024: missing key, empty string, the word null and two
    zero dates all occur.
    """
    given = value.strip() if value else ""
    is_absent = not given or given.lower() == "null" or given.startswith(_ZERO_DATES)
    return None if is_absent else given


def is_opaque_id(value: str) -> bool:
    """Whether a text can be an id. Ids look like hex and are not: the last character may be any letter. A backslash tells of bytes
    that were no text."""
    return 0 < len(value) <= LONGEST_ID and value.isprintable() and not {" ", "\\"} & set(value)


def number(value: str | None) -> str | None:
    """A phone number as Exotel wrote it; a leading blank is the plus sign that somebody forgot to encode."""
    given = present(value)
    if given is None or value is None:
        return None
    return f"+{given}" if value[:2] == f" {given[0]}" and given[0] in "123456789" else given


def count(value: str | None) -> int | None:
    """A small number (seconds, SMS parts), given as text or as a JSON number; None when it is neither."""
    given = present(value)
    return int(given) if given and given.isascii() and given.isdigit() and len(given) <= 9 else None


def moment(value: str | None) -> datetime | None:
    """A time in UTC; None when absent or unreadable. A time without a zone is Indian wall time.

    Reads `2024-07-31 16:42:56`, the same with a zone, and `Wed, 31 Jul 2024 16:42:56`.
    """
    given = present(value)
    if given is None:
        return None
    try:
        read = datetime.fromisoformat(given if given[:4].isdigit() else _from_words(given))
    except ValueError:
        return None
    if len(given) < len("2024-07-31 16:42:56") or not 2000 <= read.year < 3000:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=INDIA)).astimezone(UTC)


def wall_time(at: datetime) -> str:
    """An aware time as Exotel's filters want it, to the second, rounded down: `2024-07-31 16:42:56`."""
    return at.astimezone(INDIA).strftime("%Y-%m-%d %H:%M:%S")


def _from_words(given: str) -> str:
    """`Wed, 31 Jul 2024 16:42:56` in ISO form. Not strptime: its first use costs several milliseconds."""
    _, _, rest = given.partition(", ")
    parts = rest.split()
    if len(parts) != 4 or parts[1] not in _MONTHS:
        raise ValueError(given)
    day, month, year, clock = parts
    return f"{year}-{_MONTHS.index(month) + 1:02d}-{day.zfill(2)} {clock}"
