"""The phone network's controls that only this story needs."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from ringback_cli.stories.phones import Phones

_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Leg:
    """Somebody was rung in the course of somebody else's call, as the network saw it; its times are its own, not the call's voice time."""

    call_id: str
    caller: str
    callee: str
    number: str
    shown: str
    rang_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    status: str
    talked_seconds: float
    whispered: Sequence[str] = ()

    @property
    def has_talked(self) -> bool:
        """Whether anybody talked, in the whole seconds that a provider tells."""
        return round(self.talked_seconds) > 0

    @property
    def was_taken(self) -> bool:
        """Whether the callee took the phone: they talked, or heard at least the whisper."""
        return self.has_talked or bool(self.whispered) or self.answered_at is not None


class Telephones(Phones):
    """All handsets, and what happens on the lines."""

    def begin(self, call: Mapping[str, Any]) -> str | None:
        """Let a handset ring (`{"from", "to", "script"?, "hang_up_at"?}`); returns the call's id at once, the call goes on. None while its
        holder is in a call that somebody else placed.
        """
        try:
            return str(self._ask("ring", dict(call))["call_sid"])
        except urllib.error.HTTPError as refused:
            if refused.code != HTTPStatus.CONFLICT:
                raise
            return None

    def prepare(self, phone: str, script: Sequence[Mapping[str, Any]]) -> None:
        """Say what a handset's holder does when they are rung."""
        self._ask(f"handsets/{phone}", {"script": list(script)})

    def happened(self, after: int) -> list[dict[str, Any]]:
        """The events after the one with that number."""
        address = f"{self._controls}/events?follow=0&after={after}"
        with urllib.request.urlopen(address, timeout=_TIMEOUT_SECONDS) as answer:
            return [json.loads(line) for line in answer]

    def heard(self, call_id: str) -> list[str]:
        """What was heard in a call, oldest first."""
        return [str(text) for text in self._ask(f"calls/{call_id}")["heard"]]

    def second_legs(self) -> list[Leg]:
        """Whoever was rung in somebody else's call, oldest first."""
        return [_leg(**row) for row in self._ask("second-legs")["second_legs"]]


def _leg(**row: Any) -> Leg:
    return Leg(
        call_id=row["call_sid"],
        caller=row["from"],
        callee=row["to"],
        number=row["number"],
        shown=row["shown"],
        rang_at=datetime.fromisoformat(row["rang_at"]),
        answered_at=_moment(row["answered_at"]),
        ended_at=_moment(row["ended_at"]),
        status=row["status"],
        talked_seconds=row["talked_seconds"],
        whispered=tuple(row["whispered"]),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
