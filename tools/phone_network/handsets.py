"""The phones of people: what each received, and the calls it made. Made on demand, by number."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from phone_network.config import HandsetSetup
from phone_network.scripts import Script


@dataclass(frozen=True, slots=True)
class ReceivedSms:
    """An SMS as the handset shows it."""

    sms_sid: str
    header: str
    body: str
    template_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """A call as the handset's own log shows it. A missed call costs its caller nothing."""

    call_sid: str
    exophone: str
    rang_at: datetime
    ended_at: datetime
    rings: int
    answered: bool = False
    cost_rupees: float = 0.0
    is_incoming: bool = False
    """Whether the handset was called, rather than calling."""


@dataclass(slots=True)
class Handset:
    """One phone. Its properties may be changed while the network runs."""

    phone: str
    is_on: bool = True
    is_known: bool = True
    is_dnd: bool = False
    withholds_number: bool = False
    answers: bool = True
    is_busy: bool = False
    answers_after_seconds: float = 4.0
    """Of voice time, when it is called."""
    talks_seconds: float = 30.0
    """How long its holder talks with another person before they say good-bye."""
    script: Script | None = ()
    """What its holder does in a call; None = somebody acts through the controls."""
    inbox: list[ReceivedSms] = field(default_factory=list)
    calls: list[LoggedCall] = field(default_factory=list)
    in_calls: int = 0
    """How many calls its holder is in now: who rings them meanwhile finds it busy."""
    rung_in: int = 0
    """How many of these somebody else placed: meanwhile its holder rings nobody."""

    @property
    def was_rung(self) -> bool:
        """Whether it rings, or its holder talks, because somebody rang it."""
        return self.rung_in > 0

    @contextmanager
    def engaged(self, *, is_rung: bool = False) -> Iterator[None]:
        """Keep its holder in a call, from the first ring on. `is_rung`: somebody else placed it."""
        self.in_calls += 1
        self.rung_in += is_rung
        try:
            yield
        finally:
            self.in_calls -= 1
            self.rung_in -= is_rung


class Handsets:
    """All phones, by number in E.164."""

    def __init__(self, setups: Iterable[HandsetSetup]) -> None:
        self._by_phone = {
            setup.number: Handset(
                setup.number,
                setup.is_on,
                setup.is_known,
                setup.is_dnd,
                setup.withholds_number,
                setup.answers,
                setup.is_busy,
                setup.answers_after_seconds,
                setup.talks_seconds,
                setup.script,
            )
            for setup in setups
        }

    def at(self, phone: str) -> Handset:
        """Return the phone with this number, a new one if it was never heard of."""
        handset = self._by_phone.get(phone)
        if handset is None:
            handset = self._by_phone[phone] = Handset(phone)
        return handset

    def all(self) -> Iterable[Handset]:
        """Return every phone heard of, in the order they appeared."""
        return self._by_phone.values()
