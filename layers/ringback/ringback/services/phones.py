"""Reading phone numbers: the domain's own rules first, the phone library for numbers of other countries."""

from ringback.domain import phones


def read(raw: str | None) -> str:
    """E.164 of a number as anybody may write it; raises `phones.Withheld` or `phones.Unreadable`.

    Never `is_possible` alone: 13 digits are "possible" for India (india-rules §2), so only valid numbers pass.
    """
    try:
        return phones.read(raw)
    except phones.Unreadable as unreadable:
        phone = _of_another_country((raw or "").strip())
        if phone is None:
            raise unreadable
        return phone


def _of_another_country(raw: str) -> str | None:
    """Only what says it is international is asked about: in anything else the library finds numbers where there are none."""
    if not raw.startswith(("+", "00")):
        return None
    import phonenumbers

    try:
        number = phonenumbers.parse(raw, "IN")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
