"""The provider's record of calls, and the listing made from it."""

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from datetime import datetime, timedelta

from phone_network import numbers
from phone_network.clock import EPOCH_IN_INDIA, stamp, wall
from phone_network.config import ExoPhone


@dataclass(slots=True, eq=False)
class Call:
    """A call from a handset to an ExoPhone. `caller` is who rang; `shown` is the number the provider saw."""

    sid: str
    account_sid: str
    tenant_id: str
    caller: str
    shown: str
    exophone: ExoPhone
    nth: int
    created_at: datetime
    ended_at: datetime | None = None
    requests_sent: int = 0
    requests_accepted: int = 0
    dropped: bool = False

    @property
    def cause(self) -> tuple[str, str, int]:
        """What made this call, whatever the order of arrival: the caller's nth to this number."""
        return (self.caller, self.exophone.number, self.nth)

    @property
    def status(self) -> str:
        """Its state in the API. A call that was never answered ends as `no-answer`."""
        return "in-progress" if self.ended_at is None else "no-answer"

    def to_flow(self, now: datetime) -> list[tuple[str, str]]:
        """Return the parameters an applet sends to our URL, in Exotel's order.

        SOURCE: captures of Passthru requests in a flow where nothing was dialled and no key was pressed.
        """
        exophone = numbers.as_exotel(self.exophone.number)
        return [
            ("CallSid", self.sid),
            ("CallFrom", self.shown),
            ("CallTo", exophone),
            ("Direction", "incoming"),
            ("Created", stamp(self.created_at)),
            ("DialCallDuration", "0"),
            ("StartTime", wall(self.created_at)),
            ("EndTime", EPOCH_IN_INDIA),
            ("CallType", "call-attempt"),
            ("DialWhomNumber", ""),
            ("flow_id", self.exophone.flow_id),
            ("tenant_id", self.tenant_id),
            ("From", self.shown),
            ("To", exophone),
            ("CurrentTime", wall(now)),
        ]

    def to_api(self) -> dict[str, object]:
        """Return the call as the REST API shows it."""
        exophone = numbers.as_exotel(self.exophone.number)
        return {
            "Sid": self.sid,
            "ParentCallSid": "",
            "DateCreated": wall(self.created_at),
            "DateUpdated": wall(self.ended_at or self.created_at),
            "AccountSid": self.account_sid,
            "To": exophone,
            "From": self.shown,
            "PhoneNumberSid": exophone,
            "Status": self.status,
            "StartTime": wall(self.created_at),
            "EndTime": wall(self.ended_at) if self.ended_at else None,
            "Duration": 0 if self.ended_at else None,
            "Price": None,
            "Direction": "inbound",
            "AnsweredBy": None,
            "ForwardedFrom": None,
            "CallerName": None,
            "Uri": f"/v1/Accounts/{self.account_sid}/Calls/{self.sid}",
            "RecordingUrl": None,
        }


Position = tuple[datetime, int]
"""Where a call stands in the order of creation: its second, and its place among all calls."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a listing asks for; empty sets ask for everything. Both ends of the window belong to it."""

    since: datetime
    until: datetime
    sids: frozenset[str] = frozenset()
    callers: frozenset[str] = frozenset()
    called: frozenset[str] = frozenset()
    statuses: frozenset[str] = frozenset()
    directions: frozenset[str] = frozenset()

    def takes(self, call: Call) -> bool:
        """Say whether a call in the window is one of those asked for."""
        return (
            (not self.sids or call.sid in self.sids)
            and (not self.callers or call.shown in self.callers)
            and (not self.called or numbers.as_exotel(call.exophone.number) in self.called)
            and (not self.statuses or call.status in self.statuses)
            and (not self.directions or "inbound" in self.directions)
        )


class CallBook:
    """The calls of one account, in order of creation."""

    def __init__(self) -> None:
        self._by_sid: dict[str, Call] = {}
        self._in_order: list[tuple[Position, Call]] = []

    def add(self, call: Call) -> None:
        """Enter a new call."""
        self._by_sid[call.sid] = call
        second = call.created_at.replace(microsecond=0)
        insort(self._in_order, ((second, len(self._in_order)), call), key=_position)

    def find(self, sid: str) -> Call | None:
        """Return the call with this CallSid."""
        return self._by_sid.get(sid)

    def all(self) -> list[Call]:
        """Return every call, oldest first."""
        return [call for _, call in self._in_order]

    def matching(self, query: Query) -> list[tuple[Position, Call]]:
        """Return the calls a query asks for, oldest first, each with its position."""
        start = bisect_left(self._in_order, (query.since, 0), key=_position)
        end = bisect_right(self._in_order, (query.until + timedelta(seconds=1), -1), key=_position)
        return [entry for entry in self._in_order[start:end] if query.takes(entry[1])]


def _position(entry: tuple[Position, Call]) -> Position:
    return entry[0]
