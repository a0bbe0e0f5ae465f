"""Telephone numbers in the shapes a provider in India takes and gives.

SOURCE: Exotel, "Working with Passthru" and "Send SMS": mobiles arrive as `0` and ten digits; `+91`, `91`
and ten bare digits are taken too; other countries need the `+`.
"""

import re

_INDIAN = re.compile(r"(?:\+91|91|0)?([1-9]\d{9})")
_FOREIGN = re.compile(r"\+(?!91)[1-9]\d{7,14}")
_MOBILE = re.compile(r"\+91(?!1600|140)[6-9]\d{9}")


def parse(text: str) -> str | None:
    """Return the number in E.164, or None if no network could route it.

    `09000000101`, `9000000101`, `919000000101` and `+919000000101` are one number. Ten digits are read as
    Indian.
    """
    if indian := _INDIAN.fullmatch(text):
        return f"+91{indian[1]}"
    return text if _FOREIGN.fullmatch(text) else None


def as_exotel(phone: str) -> str:
    """Write an E.164 number as Exotel does: `0` and ten digits for India, else unchanged."""
    return f"0{phone[3:]}" if phone.startswith("+91") else phone


def may_take_sms(phone: str) -> bool:
    """Say whether a number is a mobile or foreign: Indian landlines and service numbers take no SMS."""
    return not phone.startswith("+91") or _MOBILE.fullmatch(phone) is not None
