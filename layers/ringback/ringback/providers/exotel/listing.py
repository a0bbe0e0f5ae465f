"""One page of Exotel's call records: one that nobody can read is no reason to lose the others.

{"Metadata": {"Total": 1, "PageSize": 100, "NextPageUri": null},
 "Calls": [{"Sid": "e12e…87v", "From": "09000000101", "To": "08040001001",
            "Direction": "inbound", "Status": "no-answer", "CustomField": null,
            "StartTime": "2024-07-31 16:42:56", "DateCreated": "2024-07-31 16:42:56"}]}
"""

from typing import Any, Final

from ringback.providers.base import Direction, ListedCall
from ringback.providers.bodies import text
from ringback.providers.exotel import values

_DIRECTIONS: Final = {
    "inbound": Direction.INCOMING,
    "incoming": Direction.INCOMING,
    "outbound-api": Direction.OUTGOING,
    "outbound-dial": Direction.OUTGOING,
}
"""By Exotel's word in lower case: flows and call records do not spell it alike."""


def read(records: list[Any]) -> tuple[tuple[ListedCall, ...], int]:
    """The calls on a page, each once, in order; and how many records could not be read."""
    calls = [_call(record) for record in records]
    return tuple({call.call_id: call for call in calls if call}.values()), calls.count(None)


def _call(record: Any) -> ListedCall | None:
    call_id = text(_fields(record).get("Sid"))
    if not values.is_opaque_id(call_id):
        return None
    given = {name: text(value) for name, value in _fields(record).items()}
    return ListedCall(
        call_id=call_id,
        dialled=values.number(given.get("To")) or "",
        caller=values.number(given.get("From")),
        direction=_DIRECTIONS.get(given.get("Direction", "").strip().lower(), Direction.UNKNOWN),
        status=(values.present(given.get("Status")) or "").lower(),
        started_at=values.moment(given.get("StartTime")) or values.moment(given.get("DateCreated")),
        custom_field=values.present(given.get("CustomField")),
    )


def _fields(record: Any) -> dict[str, Any]:
    """The record's fields, out of the `{"Call": {…}}` that single calls and legs come in."""
    if isinstance(record, dict):
        wrapped = record.get("Call", record)
        return wrapped if isinstance(wrapped, dict) else {}
    return {}


def metadata(given: Any) -> tuple[int | None, str | None]:
    """How many calls the whole listing has (None if not told), and the query of its next page ('' on the
    last).

    Only the query of NextPageUri is used, so that no answer can send our credentials to another address.
    """
    if not isinstance(given, dict):
        return None, ""
    return values.count(text(given.get("Total"))), text(given.get("NextPageUri")).partition("?")[2]
