"""What a call means: which number was rung, who rang, and whether it makes a contact."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ringback.domain import phones
from ringback.domain.campaigns import Campaign, Number, Purpose
from ringback.domain.facts import CallMissed, TurnTaken

CLOCK_SKEW = timedelta(minutes=5)
"""How far ahead of ours a provider's clock may be before we stop believing it (india-rules §5.2)."""


class Caller(StrEnum):
    """Who rang. Only a person becomes a contact; every call is counted."""

    PERSON = "person"
    WITHHELD = "withheld"
    UNREADABLE = "unreadable"
    NOT_A_PERSON = "not-a-person"
    """A service, toll-free or short number (A8, A10)."""
    OURSELVES = "ourselves"
    """One of the campaign's own numbers rang another: a loop (A9)."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """A call in the campaign's terms."""

    cause: str
    dialled: str
    """E.164; as it was written when that is no number."""
    number: Number | None
    """None when the number rung is not one of the campaign's."""
    caller: Caller
    phone: str | None
    """The caller in E.164 when `caller` is a person."""
    occurred_at: datetime
    is_readable: bool = True
    """Whether `dialled` is a number at all."""


def recognise(
    call: CallMissed | TurnTaken,
    campaign: Campaign,
    received_at: datetime,
    read_phone: Callable[[str | None], str],
) -> Recognised:
    """Read who rang which number.

    `read_phone` turns a number as written into E.164 and raises `phones.Withheld` or `phones.Unreadable`. The time is the
    provider's unless that is missing or lies in the future by more than `CLOCK_SKEW`; then it is when we heard of it.
    """
    is_readable = True
    try:
        dialled = read_phone(call.dialled)
    except (phones.Withheld, phones.Unreadable):
        dialled, is_readable = call.dialled, False
    caller, phone = who_called(call.caller, campaign, read_phone)
    occurred_at = call.occurred_at
    if occurred_at is None or occurred_at > received_at + CLOCK_SKEW:
        occurred_at = received_at
    return Recognised(
        call.source_id,
        dialled,
        campaign.numbers.get(dialled),
        caller,
        phone,
        occurred_at,
        is_readable,
    )


def who_called(
    caller: str | None, campaign: Campaign, read_phone: Callable[[str | None], str]
) -> tuple[Caller, str | None]:
    """Who a caller is, and their number in E.164 when it is a person."""
    try:
        phone = read_phone(caller)
    except phones.Withheld:
        return Caller.WITHHELD, None
    except phones.Unreadable:
        return Caller.UNREADABLE, None
    if phone in campaign.numbers:
        return Caller.OURSELVES, None
    if not phones.may_be_contact(phone):
        return Caller.NOT_A_PERSON, None
    return Caller.PERSON, phone


def signal(number: Number) -> str:
    """What a call to the number says about the caller: its purpose, and the issue where there is one (F6)."""
    return f"{number.purpose}:{number.issue}" if number.issue else str(number.purpose)


def asks_to_be_left_alone(number: Number) -> bool:
    return number.purpose is Purpose.OPT_OUT
