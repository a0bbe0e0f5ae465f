"""People's phones in a story, and what the phone network saw of them: a client of the network's controls."""

import json
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class RungCall:
    """A call as the network saw it. `tellings` counts the different requests about it that we answered with 200."""

    call_id: str
    caller: str
    exophone: str
    accepted: bool
    tellings: int


@dataclass(frozen=True, slots=True)
class AcceptedSms:
    """An SMS that the provider's API accepted, and what became of it. `reported`: a final report reached us."""

    message_id: str
    to: str
    header: str
    template_id: str
    body: str
    accepted_at: datetime
    is_delivered: bool
    is_over: bool
    is_reported: bool


@dataclass(frozen=True, slots=True)
class Received:
    """How often a handset shows one text under one header."""

    phone: str
    header: str
    template_id: str
    count: int


@dataclass(frozen=True, slots=True)
class Happening:
    """A line of a call's log: `heard`, `pressed`, `silent`, `recorded`, `told` …"""

    what: str
    at: datetime
    """In this call: network's time, and the voice time that was skipped."""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answered:
    """What one request about a call was answered. `behind`: how many later tellings of the call had been answered by then."""

    body: str
    behind: int = 0


@dataclass(frozen=True, slots=True)
class WalkedCall:
    """A call that somebody made and that walked a flow, as the network saw it."""

    call_id: str
    caller: str
    shown: str
    """The caller as we were told of them."""
    exophone: str
    began_at: datetime
    log: Sequence[Happening]
    answers: Sequence[Sequence[Answered]]
    """For each `told` of the log, what its requests were answered with 200; none where no request reached us."""


@dataclass(frozen=True, slots=True)
class MadeRecording:
    """A recording that the provider made. `sha256` is of its file; one that is not ready never was there."""

    call_id: str
    name: str
    sha256: str
    is_ready: bool


class Phones:
    """All handsets of a running network. Raises OSError when it cannot be reached."""

    def __init__(self, network_url: str) -> None:
        self._controls = f"{network_url}/control"

    def ring(self, caller: str, exophone: str) -> None:
        """Give one missed call; returns when the call has ended."""
        self._ask("ring", {"from": caller, "to": exophone, "wait": True})

    def handset(self, phone: str) -> dict[str, Any]:
        """One handset as its owner sees it: `inbox` and `calls`, oldest first."""
        return self._ask(f"handsets/{phone}")

    def ring_many(
        self, calls: Sequence[Mapping[str, Any]], at_once: int, per_second: float | None = None
    ) -> None:
        """Let handsets ring (`{"from", "to", "withheld"?, "script"?}` each); returns at once, the calls go on."""
        pace = {} if per_second is None else {"per_second": per_second}
        self._ask("ring-many", {"calls": list(calls), "at_once": at_once, **pace})

    def pending(self) -> int:
        """How many calls, callbacks and SMS are under way."""
        return sum(self._ask("idle")["pending"].values())

    def live(self) -> int:
        """How many calls are under way."""
        return int(self._ask("idle")["pending"].get("calls", 0))

    def walked(self, *, also_placed: bool = False) -> list[WalkedCall]:
        """Every call that somebody has made so far, with all that happened in it; with `also_placed` those in which we rang them, too."""
        return [
            WalkedCall(
                call_id=row["call_sid"],
                caller=row["from"],
                shown=row["shown"],
                exophone=row["to"],
                began_at=datetime.fromisoformat(row["created_at"]),
                log=tuple(_happening(**entry) for entry in row["log"]),
                answers=tuple(tuple(Answered(**each) for each in told) for told in row["answers"]),
            )
            for row in self._ask("calls?whole=1")["calls"]
            if also_placed or row["direction"] == "incoming"
        ]

    def recordings(self) -> list[MadeRecording]:
        """Every recording that the provider has made so far."""
        return [
            MadeRecording(row["call_sid"], row["name"], row["sha256"], row["ready"])
            for row in self._ask("recordings")["recordings"]
        ]

    def calls(self) -> list[RungCall]:
        """Every call made so far."""
        return [
            RungCall(
                call_id=row["call_sid"],
                caller=row["from"],
                exophone=row["to"],
                accepted=row["requests_accepted"] > 0,
                tellings=row["tellings_accepted"],
            )
            for row in self._ask("calls")["calls"]
        ]

    def accepted_sms(self) -> list[AcceptedSms]:
        """Every SMS the API has accepted so far, in that order."""
        return [
            AcceptedSms(
                message_id=row["custom_field"],
                to=row["to"],
                header=row["header"],
                template_id=row["dlt_template_id"],
                body=row["body"],
                accepted_at=datetime.fromisoformat(row["accepted_at"]),
                is_delivered=row["status"] == "sent",
                is_over=row["final"],
                is_reported=row["reports_accepted"] > 0,
            )
            for row in self._ask("messages")["messages"]
        ]

    def received(self) -> list[Received]:
        """What every handset has received."""
        return [
            Received(phone, text["header"], text["template_id"], text["count"])
            for phone, texts in self.summary()["received"].items()
            for text in texts
        ]

    def summary(self) -> dict[str, Any]:
        """The network's own summing up."""
        return self._ask("summary")

    def answered_at(self) -> dict[str, datetime]:
        """When each call's first callback was answered with 200, by call id; the network keeps its last 50,000 events."""
        first: dict[str, datetime] = {}
        for event in self._events():
            if event["event"] == "callback.sent" and event["status"] == 200:
                first.setdefault(event["call_sid"], datetime.fromisoformat(event["at"]))
        return first

    def _events(self) -> Iterable[dict[str, Any]]:
        with urllib.request.urlopen(f"{self._controls}/events?follow=0", timeout=_TIMEOUT_SECONDS) as answer:
            for line in answer:
                yield json.loads(line)

    def _ask(self, path: str, document: object = None) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self._controls}/{path}",
            data=None if document is None else json.dumps(document).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
            told: dict[str, Any] = json.load(answer)
        return told


def _happening(event: str, at: str, second: float, **detail: Any) -> Happening:
    return Happening(event, datetime.fromisoformat(at), detail)
