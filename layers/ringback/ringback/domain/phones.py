"""Phone numbers: reading them as E.164, telling what kind they are, and naming them without showing them.

Reading takes the standard library alone, because the hot path can't wait 100 ms for a phone library; what that
can't settle is `Unreadable`, and a slower reader may try. Only the E.164 result is stored or compared, never
the raw text.
"""

import base64
import hmac
import re
import unicodedata
from enum import StrEnum

from ringback.domain.errors import Rejected

LONGEST_RAW = 64
"""Characters. E.164 has at most 15 digits; anything longer than this is no phone number, whatever it holds."""


class Withheld(Rejected):
    """The caller hid their number: the call counts, but there is nobody to make a contact of."""

    def __init__(self) -> None:
        super().__init__("the number is withheld")


class Unreadable(Rejected):
    """Not a number we can settle without help. The reason tells the shape, never the digits: it may be logged."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NumberClass(StrEnum):
    """What a number is by the numbering plan. What may be done with it is for the campaign's rules to say."""

    MOBILE = "mobile"
    LANDLINE = "landline"
    TOLL_FREE = "toll-free"
    SHARED_COST = "shared-cost"
    TELEMARKETING = "telemarketing"
    SERVICE = "service"
    SHORT_CODE = "short-code"
    INTERNATIONAL = "international"


_SPECIAL_SERIES = (
    (re.compile(r"1800\d{6,7}"), NumberClass.TOLL_FREE),
    (re.compile(r"1860\d{6,7}"), NumberClass.SHARED_COST),
    (re.compile(r"140\d{7}"), NumberClass.TELEMARKETING),
    (re.compile(r"160[01]\d{6}"), NumberClass.SERVICE),
)
"""National numbers that look like a person's and are not. They win over everything else: phone libraries call
1600 and 1601 "mobile".

SOURCE: DoT national numbering plan; TRAI's 140 (promotional) and 1600 (service and transactional) voice
series, 13 August 2024.
"""

_MOBILE = re.compile(r"[6-9]\d{9}")
_LANDLINE = re.compile(
    r"(?:11|2[02]|33|4[04])[2-7]\d{7}|[1-5]\d\d[2-7]\d{6}|[1-5]\d{3}[2-7]\d{5}"  # series no mobile uses
    r"|(?:79[1-5]|80[2-5])\d{7}"  # Ahmedabad and Bengaluru
    r"|(?:6(?:12|[2-47]1|5[17]|6[13]|80)|7(?:12|2[14]|3[134]|4[47]|5[15]|[67]1)"  # other cities
    r"|8(?:16|2[014]|3[126]|6[136]|7[078]|8[34]|91))[2-6]\d{6}"
)
"""Area code and subscriber, ten digits together. Codes from 6 to 8 share their digits with mobiles; where a
number could be either, it's taken for a mobile, since a lost welcome costs more than a wasted SMS.

SOURCE: fixed-line and mobile patterns of region IN in libphonenumber 9.0.42.
"""

_NATIONAL = "|".join(series.pattern for series in (*(s for s, _ in _SPECIAL_SERIES), _MOBILE, _LANDLINE))
_INDIAN = re.compile(rf"(?:\+91|0091|091|91|0)?(?P<national>{_NATIONAL})")
_WITHHELD = re.compile(
    r"|null|none|undefined|anonymous|private(number)?|withheld|restricted|unknown|unavailable|blocked|nocallerid"
    r"|0+"
    r"|\+?266696687"  # Twilio: the keys that spell "anonymous"
)
_SPREADSHEET = re.compile(r"[\d.,]+e\+?\d+")
_CONTACTS = frozenset({NumberClass.MOBILE, NumberClass.LANDLINE, NumberClass.INTERNATIONAL})


def read(raw: str | None) -> str:
    """Read an Indian number, in any of the shapes providers and people write, as E.164.

    `09000012345`, `+91 90000-12345`, `tel:+91…`, `0919000012345`, `022-493-60001`, digits of any script: all
    are read. Raises `Withheld` for a hidden caller and `Unreadable` for the rest: short codes, letters among the
    digits, numbers of other countries (a phone library has to judge those).
    """
    if raw is None:
        raise Withheld
    if len(raw) > LONGEST_RAW:
        raise Unreadable(f"{len(raw)} characters are too long for a phone number")
    text = _bare(raw)
    if _WITHHELD.fullmatch(text):
        raise Withheld
    if match := _INDIAN.fullmatch(text):
        return f"+91{match['national']}"
    raise Unreadable(_why_not(raw, text))


def classify(phone: str) -> NumberClass:
    """Say what an E.164 number is; an Indian one that fits no series is a short code."""
    if not phone.startswith("+91"):
        return NumberClass.INTERNATIONAL
    national = phone[3:]
    for series, kind in _SPECIAL_SERIES:
        if series.fullmatch(national):
            return kind
    if _LANDLINE.fullmatch(national):
        return NumberClass.LANDLINE
    return NumberClass.MOBILE if _MOBILE.fullmatch(national) else NumberClass.SHORT_CODE


def may_be_contact(phone: str) -> bool:
    """Whether a person can stand behind an E.164 number. What they may be sent is for the policy to decide."""
    return classify(phone) in _CONTACTS


def mask(phone: str) -> str:
    """Name a number without showing it: all but its last eight digits, then the last two (`+9190••••01`)."""
    plus = "+" if phone.startswith("+") else ""
    digits = phone.removeprefix("+")
    return f"{plus}{digits[:-8]}••••{digits[-2:]}"


_GAP = r"[\s()\-\u2010-\u2015\u200b-\u200d\u2060\ufeff]{0,3}"
_NUMBER_RUN = re.compile(
    rf"(?P<id>(?<![0-9a-z])[0-9a-f]{{24,64}}(?![0-9a-f]))|(?<!\d)(?!\d{{4}}-\d\d-\d\d)(?:\+(?:{_GAP}\d){{7,15}}|\d(?:{_GAP}\d){{9,14}})(?!\d)",
)


def mask_all(text: str) -> str:
    """Mask every run of digits that could be a phone number: 10 to 15, or 7 to 15 after a plus, gaps allowed.

    Longer runs, such as 19-digit DLT ids, dates and hexadecimal ids of 24 digits or more stay. Meant for words on their way to a log, not for JSON:
    a masked JSON number is no longer one.
    """
    return _NUMBER_RUN.sub(lambda run: run["id"] or mask(re.sub(r"[^\d+]", "", run[0])), text)


def person_id(pepper: bytes, campaign: str, phone: str) -> str:
    """Name a person within one campaign: 26 characters `a-z2-7` (130 bits), meaningless without the pepper.

    The same number in another campaign is another person, so that campaigns can't be joined on it.
    """
    digest = hmac.digest(pepper, f"{campaign}\0{phone}".encode(), "sha256")
    return base64.b32encode(digest).decode().lower()[:26]


def prefix(phone: str) -> str:
    """Return the number minus its last four digits: the block a number generator would walk through."""
    return phone[:-4]


def _bare(raw: str) -> str:
    """Take away separators, invisible characters, `tel:` and its parameters, and what spreadsheets put in front."""
    number = raw.strip().casefold().removeprefix("tel:").partition(";")[0].lstrip("'\"=")
    if number.isascii() and number.removeprefix("+").isdigit():
        return number  # as providers and most lists write it; the rest takes ten times as long
    return "".join(_plain(character) for character in number)


def _plain(character: str) -> str:
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if character == "＋":
        return "+"
    if character.isspace() or character in "().'\"" or unicodedata.category(character) in {"Cf", "Pd"}:
        return ""
    return character


def _why_not(raw: str, text: str) -> str:
    digits = sum(character.isdecimal() for character in text)
    if _SPREADSHEET.fullmatch(raw.strip().casefold()):
        return "a spreadsheet shortened the number: format its column as text and export again"
    if text.startswith("+") and text[1:].isdecimal() and not text.startswith("+91"):
        return f"a number of another country, {digits} digits"
    if text.isdecimal() and digits <= 6:
        return f"a short code, {digits} digits"
    return f"not an Indian number: {digits} digits, {len(text) - digits} other characters"
