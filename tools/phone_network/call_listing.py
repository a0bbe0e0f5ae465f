"""One page of the listing of calls, with the filters and cursors of the real one.

SOURCE: Exotel, "Bulk Call Details": a window of at most one month in the last six, pages of at most 100,
newest first unless asked otherwise, cursors `Before` and `After` in the page's own links. Times are Indian
wall time.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from aiohttp import web
from multidict import MultiMapping

from phone_network import numbers
from phone_network.answers import RestError
from phone_network.calls import Call, Position, Query
from phone_network.clock import parse_wall
from phone_network.faults import FaultPlan
from phone_network.network import Books

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 100
MAX_SIDS = 100
MAX_NUMBERS = 5
LONGEST_WINDOW = timedelta(days=31)
HISTORY = timedelta(days=183)

_FILTERS = ("Sid", "DateCreated", "To", "From", "Status", "Direction", "PhoneNumber", "Duration", "Price")
_KNOWN = frozenset({*_FILTERS, "PageSize", "SortBy", "Before", "After", "RecordingUrlValidity", "details"})
_REPEATED_ROWS = 3

Row = tuple[Position, Call]


def page(request: web.Request, books: Books, plan: FaultPlan, now: datetime) -> dict[str, object]:
    """Return the page that a request asks for.

    Raises:
        RestError: a filter is unknown or badly written (400), or the plan has the listing down (503).
    """
    asked = request.query
    unknown = [name for name in asked if name not in _KNOWN]
    if unknown:
        raise RestError(400, f"Invalid parameter {unknown[0]}")
    size = _size(asked.get("PageSize", str(DEFAULT_PAGE_SIZE)))
    sort = asked.get("SortBy", "DateCreated:desc")
    if sort not in ("DateCreated:asc", "DateCreated:desc"):
        raise RestError(400, "Invalid parameter SortBy")
    cause = ("page", books.attempt("listing"))
    if plan.strikes("listing_503", *cause):
        raise RestError(503, "Service unavailable")
    rows = [row for row in books.calls.matching(_query(asked, now)) if not _is_late(row[1], books, plan)]
    is_ascending = sort.endswith("asc")
    if not is_ascending:
        rows.reverse()
    start, end = _bounds(asked, rows, size, is_ascending)
    if plan.strikes("listing_partial", *cause):
        end -= (end - start) // 2
    shown = rows[start:end]
    if plan.strikes("listing_repeat", *cause):
        shown = rows[max(0, start - _REPEATED_ROWS) : end]
    return {
        "Metadata": {
            "Total": len(rows),
            "PageSize": size,
            "FirstPageUri": _link(request),
            "PrevPageUri": _link(request, Before=_cursor(rows[start])) if 0 < start < len(rows) else None,
            "NextPageUri": _link(request, After=_cursor(rows[end - 1])) if 0 < end < len(rows) else None,
        },
        "Calls": [call.to_api() for _, call in shown],
    }


def _is_late(call: Call, books: Books, plan: FaultPlan) -> bool:
    if "listing_late" not in plan.network:
        return False
    return books.attempt("late", *call.cause) == 1 and plan.strikes("listing_late", *call.cause)


def _bounds(asked: MultiMapping[str], rows: list[Row], size: int, is_ascending: bool) -> tuple[int, int]:
    """Return where the page begins and ends in the rows, which are in the order asked for."""
    if cursor := asked.get("After"):
        start = _passed(rows, _position(cursor), is_ascending)
        if start < len(rows) and rows[start][0] == _position(cursor):
            start += 1
        return start, min(start + size, len(rows))
    if cursor := asked.get("Before"):
        end = _passed(rows, _position(cursor), is_ascending)
        return max(0, end - size), end
    return 0, min(size, len(rows))


def _passed(rows: list[Row], cursor: Position, is_ascending: bool) -> int:
    """Count the rows that come before a cursor's; its own row may have left the listing since."""
    if is_ascending:
        return bisect_left(rows, cursor, key=_place)
    return len(rows) - bisect_right(rows[::-1], cursor, key=_place)


def _query(asked: MultiMapping[str], now: datetime) -> Query:
    since, until = _window(asked.get("DateCreated"), now)
    return Query(
        since=since,
        until=until,
        sids=_several(asked, "Sid", MAX_SIDS),
        callers=frozenset(map(_as_listed, _several(asked, "From", MAX_NUMBERS))),
        called=frozenset(map(_as_listed, _several(asked, "To", MAX_NUMBERS)))
        | frozenset(map(_as_listed, _several(asked, "PhoneNumber", MAX_NUMBERS))),
        statuses=_several(asked, "Status", MAX_SIDS),
        directions=_several(asked, "Direction", MAX_SIDS),
    )


def _window(text: str | None, now: datetime) -> tuple[datetime, datetime]:
    second = now.replace(microsecond=0)
    ends = {"gte": second - LONGEST_WINDOW, "lte": second}
    for part in (text or "").split(";"):
        if not part:
            continue
        operator, _, time = part.partition(":")
        if operator not in ends:
            raise RestError(400, "Invalid parameter DateCreated")
        try:
            ends[operator] = parse_wall(time)
        except ValueError:
            raise RestError(400, "Invalid parameter DateCreated") from None
    since, until = ends["gte"], ends["lte"]
    if until - since > LONGEST_WINDOW or since < now - HISTORY:
        raise RestError(400, "DateCreated spans more than a month, or is older than six months")
    return since, until


def _size(text: str) -> int:
    if not re.fullmatch(r"\d{1,3}", text) or not 1 <= int(text) <= MAX_PAGE_SIZE:
        raise RestError(400, "Invalid parameter PageSize")
    return int(text)


def _several(asked: MultiMapping[str], name: str, most: int) -> frozenset[str]:
    values = frozenset(part for part in asked.get(name, "").split(",") if part)
    if len(values) > most:
        raise RestError(400, f"More than {most} values in {name}")
    return values


def _as_listed(number: str) -> str:
    phone = numbers.parse(number)
    return numbers.as_exotel(phone) if phone else number


def _link(request: web.Request, **cursor: str) -> str:
    kept = {name: value for name, value in request.query.items() if name not in ("Before", "After")}
    query = urlencode({**kept, **cursor})
    return f"{request.path}?{query}" if query else request.path


def _cursor(row: Row) -> str:
    second, place = row[0]
    return urlsafe_b64encode(f"{int(second.timestamp())}.{place}".encode()).decode().rstrip("=")


def _position(cursor: str) -> Position:
    try:
        second, place = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split(".")
        return datetime.fromtimestamp(int(second), UTC), int(place)
    except (ValueError, OSError):
        raise RestError(400, "Invalid cursor") from None


def _place(row: Row) -> Position:
    return row[0]
