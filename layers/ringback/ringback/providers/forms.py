"""URL-encoded parameters, in a query or a body, as they came: nothing is merged, nothing judged."""

from urllib.parse import parse_qsl

from ringback.providers.base import Unreadable

MOST_PAIRS = 500
"""Exotel's call of five legs with every insight has about 100."""


def read(text: str, *, escaping: bool = False) -> list[tuple[str, str]]:
    """Names and values, decoded, in order. Raises `Unreadable` for over 500 of them, and for what is not UTF-8, unless that is to be
    escaped (`\\xff`): a caller is not let go for a byte in what nobody reads."""
    errors = "backslashreplace" if escaping else "strict"
    try:
        return parse_qsl(text, keep_blank_values=True, errors=errors, max_num_fields=MOST_PAIRS)
    except UnicodeError:
        raise Unreadable("a form that is not UTF-8") from None
    except ValueError:
        raise Unreadable(f"more than {MOST_PAIRS} parameters") from None


def text_of(body: bytes) -> str:
    """A body as text. Raises `Unreadable`."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("a body that is not UTF-8") from None


def storable(text: str) -> str:
    """The text with lone surrogates, which JSON can spell and UTF-8 cannot, replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
