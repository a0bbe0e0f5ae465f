"""The provider's record of calls, and the listing made from it."""

import json
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from phone_network import numbers
from phone_network.clock import EPOCH_IN_INDIA, stamp, wall
from phone_network.config import ExoPhone
from phone_network.lines import Line

INCOMING = "incoming"
OUTGOING = "outbound-dial"


@dataclass(frozen=True, slots=True)
class Dialled:
    """The last attempt to reach a second person. `seconds`: from dialling to its end, ringing included."""

    number: str
    status: str
    seconds: int
    talked_seconds: int
    cause_code: str
    cause: int
    ended_by: str


@dataclass(frozen=True, slots=True)
class Leg:
    """One person's part in a call made by the API. An empty status: not tried, or not yet."""

    status: str = ""
    seconds: int = 0
    answered_by: str = "NA"


@dataclass(frozen=True, slots=True)
class Answered:
    """A request of a Passthru that was answered with 200. `behind`: how many later Passthrus of its call had been answered by then."""

    body: str
    behind: int


@dataclass(slots=True, eq=False)
class Call:
    """A call between a handset and an ExoPhone.

    Attributes:
        caller: the person's number: who rang or, in a call made by the API, who was called first.
        shown: that number as the provider saw it.
        digits: the keys of the last Gather or Menu; None = none, or none was asked for.
        call_type: the outcome so far, as applets tell it.
        earlier_url: what the Passthru before asked, for the parameter `passthru`.
        ended_as: the status in the API, when it is not told by whether the call was answered.
    """

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
    tellings_accepted: set[str] = field(default_factory=set)
    """The different requests about this call that were answered with 200: its flow may tell of it in several ways."""
    answers: list[list[Answered]] = field(default_factory=list)
    """For each Passthru it came to, in their order, what every request of it was answered: repeats, and those the plan makes
    the flow wait for in vain. None: no request reached us."""
    dropped: bool = False
    line: Line | None = None
    direction: str = INCOMING
    flow_id: str = ""
    custom_field: str = ""
    digits: str | None = None
    was_asked_for_keys: bool = False
    call_type: str = "call-attempt"
    recording_url: str = ""
    recording_due_at: datetime | None = None
    recordings_made: int = 0
    dialled: Dialled | None = None
    earlier_url: str = ""
    ended_as: str = ""
    to: str = ""
    """The second person of a two-number call."""
    legs: list[Leg] = field(default_factory=list)
    conversation_seconds: int = 0
    callbacks_sent: int = 0
    callbacks_accepted: int = 0

    def note_answer(self, passthru: int, body: bytes) -> None:
        """Keep what a request of the call's nth Passthru, from 0, was answered."""
        behind = sum(bool(later) for later in self.answers[passthru + 1 :])
        self.answers[passthru].append(Answered(body.decode("utf-8", "replace"), behind))

    @property
    def cause(self) -> tuple[object, ...]:
        """What made this call, whatever the order of arrival: the caller's nth to this number, or from it."""
        usual = (self.caller, self.exophone.number, self.nth)
        return usual if self.direction == INCOMING else (*usual, self.direction)

    @property
    def status(self) -> str:
        """Its state in the API. An incoming call that was never answered ends as `no-answer`."""
        if self.ended_at is None:
            return "in-progress"
        return self.ended_as or ("completed" if self.is_answered else "no-answer")

    @property
    def updated_at(self) -> datetime:
        """When anything last happened to it."""
        return self.ended_at or (self.line.now() if self.line else self.created_at)

    @property
    def is_answered(self) -> bool:
        """Whether anybody, or anything, took the call."""
        return self.line is not None and self.line.answered_at is not None

    @property
    def duration_seconds(self) -> int:
        """Seconds of voice time since the answer."""
        return round(self.line.second) if self.line else 0

    @property
    def api_direction(self) -> str:
        """Its direction in the API's words."""
        return "inbound" if self.direction == INCOMING else "outbound-api"

    def to_flow(self, now: datetime) -> list[tuple[str, str]]:
        """Return the parameters an applet sends to our URL, in Exotel's order.

        SOURCE: captures of Passthru requests. What nothing in the flow has brought about yet is absent.
        """
        exophone = numbers.as_exotel(self.exophone.number)
        is_incoming = self.direction == INCOMING
        fields = [
            ("CallSid", self.sid),
            ("CallFrom", self.shown),
            ("CallTo", exophone if is_incoming else self.shown),
            ("Direction", self.direction),
            ("Created", stamp(self.created_at)),
            ("DialCallDuration", str(self.dialled.seconds if self.dialled else 0)),
            ("StartTime", wall(self.created_at)),
            ("EndTime", EPOCH_IN_INDIA),
            ("CallType", self.call_type),
            ("DialWhomNumber", numbers.as_exotel(self.dialled.number) if self.dialled else ""),
            ("flow_id", self.flow_id or self.exophone.flow_id),
            ("tenant_id", self.tenant_id),
            ("From", self.shown),
            ("To", exophone),
            ("CurrentTime", wall(now)),
        ]
        if self.dialled:
            fields += self._second_leg(self.dialled, exophone)
        if self.recording_url:
            fields.append(("RecordingUrl", self.recording_url))
            if self.recording_due_at:
                fields.append(("RecordingAvailableBy", stamp(self.recording_due_at)))
        if self.custom_field and not is_incoming:
            fields.append(("CustomField", self.custom_field))
        if self.digits is not None:
            fields.append(("digits", f'"{self.digits}"'))
        if self.earlier_url:
            fields.append(("passthru", json.dumps(self.earlier_url)))
        return fields

    def to_greeting(self) -> list[tuple[str, str]]:
        """Return the parameters of a Greeting's or a whisper's URL. SOURCE: Exotel, "Greeting using text from URL"."""
        wanted = {"CallSid", "From", "To", "DialWhomNumber", "CustomField"}
        return [(name, value) for name, value in self.to_flow(self.created_at) if name in wanted]

    def to_sms(self) -> list[tuple[str, str]]:
        """Return the parameters of an SMS applet's URL. SOURCE: Exotel, "SMS in response to a call"."""
        wanted = {"CallSid", "From", "To", "digits"}
        return [(name, value) for name, value in self.to_flow(self.created_at) if name in wanted]

    @staticmethod
    def _second_leg(dialled: Dialled, exophone: str) -> list[tuple[str, str]]:
        """SOURCE: captures of Passthru requests after a Connect applet; ringing counts as duration."""
        return [
            ("DialCallStatus", dialled.status),
            ("OutgoingPhoneNumber", exophone),
            ("Legs[0][Number]", numbers.as_exotel(dialled.number)),
            ("Legs[0][Type]", "single"),
            ("Legs[0][OnCallDuration]", str(dialled.talked_seconds)),
            ("Legs[0][CallerId]", exophone),
            ("Legs[0][CauseCode]", dialled.cause_code),
            ("Legs[0][Cause]", str(dialled.cause)),
            ("Legs[0][DisconnectedBy]", dialled.ended_by),
        ]

    @property
    def listed_numbers(self) -> frozenset[str]:
        """The numbers it can be found by as the one that was called."""
        return frozenset(map(numbers.as_exotel, filter(None, (self.exophone.number, self.to))))

    def to_details(self) -> dict[str, object]:
        """Return what the REST API adds when details are asked for: of several people dialled by a Connect applet, the last."""
        legs = self.legs or [Leg(self.status, self.duration_seconds)]
        if self.dialled and not any(leg.status for leg in legs[1:]):
            legs = [legs[0], Leg(self.dialled.status, self.dialled.talked_seconds)]
        return {
            "ConversationDuration": self.conversation_seconds,
            "Leg1Status": legs[0].status,
            "Leg2Status": legs[1].status or None if len(legs) > 1 else None,
            "Legs": [
                {"Leg": {"Id": index, "OnCallDuration": leg.seconds}} for index, leg in enumerate(legs, 1)
            ],
        }

    def to_api(self) -> dict[str, object]:
        """Return the call as the REST API shows it."""
        exophone = numbers.as_exotel(self.exophone.number)
        return {
            "Sid": self.sid,
            "ParentCallSid": "",
            "DateCreated": wall(self.created_at),
            "DateUpdated": wall(self.ended_at or self.created_at),
            "AccountSid": self.account_sid,
            "To": numbers.as_exotel(self.to) if self.to else exophone,
            "From": self.shown,
            "PhoneNumberSid": exophone,
            "Status": self.status,
            "StartTime": wall(self.created_at),
            "EndTime": wall(self.ended_at) if self.ended_at else None,
            "Duration": self.duration_seconds if self.ended_at else None,
            "Price": None,
            "Direction": self.api_direction,
            "AnsweredBy": None,
            "ForwardedFrom": None,
            "CallerName": None,
            "Uri": f"/v1/Accounts/{self.account_sid}/Calls/{self.sid}",
            "RecordingUrl": self.recording_url or None,
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
            and (not self.called or bool(call.listed_numbers & self.called))
            and (not self.statuses or call.status in self.statuses)
            and (not self.directions or call.api_direction in self.directions)
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
