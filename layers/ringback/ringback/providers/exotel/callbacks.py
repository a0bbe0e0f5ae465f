"""Exotel's callbacks as facts. Pure, and the same at the door and when the journal's pairs are read again."""

from collections.abc import Collection
from typing import Final

from ringback.domain import endings
from ringback.domain.facts import CallMissed, DialEnded, Fact, SmsStatusChanged
from ringback.providers.base import Pairs, Unreadable
from ringback.providers.exotel import statuses, values

_CALL_NAMES: Final = frozenset(
    {"CallSid", "To", "CallTo", "From", "CallFrom", "Direction", "StartTime", "Created", "CurrentTime"}
)
_ENDING_NAMES: Final = frozenset({"CallSid", "Status", "DateUpdated"})
_SMS_NAMES: Final = frozenset(
    {"SmsSid", "Status", "DetailedStatus", "DetailedStatusCode", "ExoStatusCode", "SmsUnits", "DateSent"}
)


def read_call(step: str, pairs: Pairs) -> Fact:
    """What a voice applet told us at `step`, our name for the applet's place in its flow.

    A `missed-call` needs a CallSid and nothing else: where an applet stands decides which other parameters
    come, and a first event without any status is still a new call. Raises `Unreadable` for any other step,
    for an id that cannot be one, for a parameter we use that says two things, and for a call we made: its
    From is a person we rang, not one who rang us.
    """
    if step != "missed-call":
        raise Unreadable("a step we do not have")
    given = given_values(pairs, _CALL_NAMES)
    if given.get("Direction", "").lower().startswith("outbound"):
        raise Unreadable("an outgoing call at the missed-call step")
    times = (values.moment(given.get(name)) for name in ("StartTime", "Created", "CurrentTime"))
    return CallMissed(
        source_id=f"{values.NAME}:{given_id(given, 'CallSid')}",
        dialled=values.number(given.get("To")) or values.number(given.get("CallTo")) or "",
        caller=values.number(given.get("From")) or values.number(given.get("CallFrom")),
        occurred_at=next((time for time in times if time), None),
    )


def read_sms_status(message_id: str, pairs: Pairs) -> Fact:
    """What a delivery report says of our message `message_id`, which its address carried.

    Example: `SmsSid=9f1c&To=09000000101&Status=failed-dnd&DetailedStatusCode=23005&SmsUnits=2`
    Raises `Unreadable` for a report without any status, and for a parameter we use that says two things or
    cannot be what it should.
    """
    given = given_values(pairs, _SMS_NAMES)
    code = (given.get("DetailedStatusCode") or given.get("ExoStatusCode") or "").strip()
    word = statuses.plain(given.get("Status") or given.get("DetailedStatus") or "")
    if not (code or word):
        raise Unreadable("a delivery report without a status")
    delivery, action = statuses.read(word, code)
    return SmsStatusChanged(
        source_id=message_id,
        delivery=delivery,
        code=_checked("the status", code or word),
        action=action,
        provider_id=given_id(given, "SmsSid") if "SmsSid" in given else None,
        parts=values.count(given.get("SmsUnits")),
        occurred_at=values.moment(given.get("DateSent")),
    )


def read_dial_status(dial_id: str, pairs: Pairs) -> Fact:
    """How a call that we placed as `dial_id`, which the callback's address carried, ended.

    Example: `CallSid=e12e…87v&Status=busy&DateUpdated=2024-07-31+16%3A43%3A30`; these four fields, the last being RecordingUrl, are
    all that comes of a call to a flow, so it never tells of talk (exotel.md §2.3, §2.4). Raises `Unreadable` for a call that has not
    ended, and for a parameter that says two things or cannot be what it should.
    """
    given = given_values(pairs, _ENDING_NAMES)
    ending = endings.WORDS.get(given.get("Status", "").strip().lower())
    if ending is None:
        raise Unreadable("a call without an ending")
    return DialEnded(
        source_id=dial_id,
        ending=ending,
        talk_seconds=None,
        provider_id=given_id(given, "CallSid"),
        occurred_at=values.moment(given.get("DateUpdated")),
    )


def given_values(pairs: Pairs, names: Collection[str]) -> dict[str, str]:
    """The parameters we use that are present, each saying one thing; blanks kept, one may be a plus."""
    given: dict[str, str] = {}
    for name, value in pairs:
        plain_name, bracket, _ = name.partition("[")
        if plain_name not in names:
            continue
        if bracket:
            raise Unreadable(f"{plain_name} is nested")
        if values.present(value) is None:
            continue
        if given.setdefault(name, value) != value:
            raise Unreadable(f"{name} says two things")
    return given


def given_id(given: dict[str, str], name: str) -> str:
    """A parameter that must be there and be an id."""
    return _checked(name, given.get(name, ""))


def _checked(name: str, value: str) -> str:
    if not values.is_opaque_id(value):
        raise Unreadable(f"{name} is missing" if not value else f"{name} cannot be read")
    return value
