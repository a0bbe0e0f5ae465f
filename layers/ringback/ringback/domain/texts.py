"""What an SMS says: its variables, its length as the network counts it, and the links and numbers it carries."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ringback.domain.errors import Rejected
from ringback.domain.phones import Unreadable, Withheld, read

# SOURCE: 3GPP TS 23.038, GSM 7-bit default alphabet and its extension table (each extension character takes
# two septets).
_GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENSION = frozenset("\f^{}\\[~]|€")


@dataclass(frozen=True, slots=True)
class Segments:
    """How an SMS travels and is billed: `units` septets (gsm-7) or UTF-16 code units (ucs-2) in `parts` SMS."""

    encoding: Literal["gsm-7", "ucs-2"]
    units: int
    parts: int


def segments(body: str) -> Segments:
    """Count what a body takes: 160 septets or 70 UTF-16 units fit into one SMS, 153 or 67 into each of several.

    A character of two units never straddles two parts. National shift tables are not counted on: aggregators
    bill every Indic text as UCS-2.

    SOURCE: 3GPP TS 23.038 and 23.040 (the 6-byte header of concatenated messages).
    """
    if not foreign(body):
        return _packed("gsm-7", [2 if character in _GSM_EXTENSION else 1 for character in body], 160, 153)
    return _packed("ucs-2", [2 if ord(character) > 0xFFFF else 1 for character in body], 70, 67)


def foreign(body: str) -> tuple[str, ...]:
    """Return the characters that keep a body out of GSM-7, each once, in order: one of them makes the whole
    SMS UCS-2.
    """
    return tuple(dict.fromkeys(c for c in body if c not in _GSM_BASIC and c not in _GSM_EXTENSION))


def _packed(encoding: Literal["gsm-7", "ucs-2"], widths: list[int], alone: int, joined: int) -> Segments:
    units = sum(widths)
    if units <= alone:
        return Segments(encoding, units, 1)
    parts, room = 1, joined
    for width in widths:
        if width > room:
            parts, room = parts + 1, joined
        room -= width
    return Segments(encoding, units, parts)


_VARIABLE = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def variables(body: str) -> tuple[str, ...]:
    """Return the names of the `{variables}` of a body, each once, in order."""
    return tuple(dict.fromkeys(_VARIABLE.findall(body)))


def render(body: str, values: Mapping[str, str]) -> str:
    """Put the values in place of the variables, once: braces within a value stay as they are.

    Raises `Rejected` with every variable that has no value.
    """
    if missing := [name for name in variables(body) if name not in values]:
        raise Rejected(*(f"no value for the variable {{{name}}}" for name in missing))
    return _VARIABLE.sub(lambda variable: values[variable[1]], body)


def stray_braces(body: str) -> bool:
    """Whether braces stand in a body that are no variable: a misspelt `{ Name}`, or markup of another
    template language.
    """
    return bool(re.search(r"[{}]", _VARIABLE.sub("", body)))


_TOP_LEVEL = "[a-z]{2,}|xn--[a-z0-9-]+|भारत|ভারত|ভাৰত|ਭਾਰਤ|ભારત|ଭାରତ|இந்தியா|భారత్|ಭಾರತ|ഭാരതം|بھارت"
_ADDRESS = re.compile(
    r"(?P<link>[a-z][a-z0-9+.-]*://\S+|www\.\S+)"
    r"|[^\s@/]+@[^\s@/]+"  # an e-mail address is not a link
    rf"|(?P<bare>(?:[^\s./:,;()\"'<>]+\.)+(?:{_TOP_LEVEL})(?:[/:]\S*)?)",
    re.IGNORECASE,
)


def links(body: str) -> tuple[str, ...]:
    """Return whatever a handset could make a link of, scheme or not (`https://a.example/x`, `a.example`),
    full-width dots included.

    A blank forgotten after a full stop (`Thanks.Reply`) is found too: handsets show it as a link.
    """
    plain = unicodedata.normalize("NFKC", body).replace("。", ".")
    found = (match["link"] or match["bare"] for match in _ADDRESS.finditer(plain))
    return tuple(link.rstrip(".,;:!?)'\"") for link in found if link)


_DIALLABLE = re.compile(r"(?<![\d/=])\+?\d(?:[ ()\-]?\d){9,14}(?!\d)")


def phone_numbers(body: str) -> tuple[str, ...]:
    """Return the numbers a reader could call back, as E.164 where they can be read and as written where not."""
    return tuple(_as_dialled(match[0]) for match in _DIALLABLE.finditer(body))


def _as_dialled(written: str) -> str:
    try:
        return read(written)
    except (Unreadable, Withheld):
        return written
