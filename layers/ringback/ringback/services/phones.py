"""Reading phone numbers: the domain's own rules first, the phone library for the shapes they leave open."""

from ringback.domain import phones


def read(raw: str | None) -> str:
    """E.164 of a number as anybody may write it; raises `phones.Withheld` or `phones.Unreadable`.

    Never `is_possible` alone: 13 digits are "possible" for India (india-rules §2), so only valid numbers pass.
    """
    try:
        return phones.read(raw)
    except phones.Unreadable as unreadable:
        phone = _by_library(raw or "")
        if phone is None:
            raise unreadable
        return phone


def _by_library(raw: str) -> str | None:
    import phonenumbers

    try:
        number = phonenumbers.parse(raw, "IN")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
