"""The handsets of the local phone network: letting one give a missed call, and watching what it sees."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.text import Text

from ringback.domain.errors import NotFound, Rejected
from ringback.domain.times import INDIA

Event = Mapping[str, Any]
"""What happened in the network, for example `{"seq": 12, "at": "2026-01-05T05:30:01+00:00", "event": "sms.delivered", …}`."""

PATIENCE_SECONDS = 15.0
_ANSWER_SECONDS = 10.0
_GLANCE_SECONDS = 0.05
_WIDTH_OF_A_HANDSET = 48
_OPEN_BOX = box.Box("╭── \n│   \n│   \n│   \n│   \n│   \n│   \n╰── \n")
"""A frame without a right side: terminals disagree on how wide the scripts of India are."""


@dataclass(frozen=True, slots=True)
class PhoneNetwork:
    """The network's controls. Its answers are what people and the provider see; our own tables are never asked."""

    url: str

    def ring(self, caller: str, called: str, *, withheld: bool = False) -> Event:
        """Begin a missed call; `Rejected` says why it cannot be made."""
        row: Event = json.loads(
            self._ask("ring", {"from": caller, "to": called, "withheld": withheld or None})
        )
        return row

    def events(self, after: int = 0) -> list[Event]:
        """What has happened since the event `after`, oldest first."""
        return [json.loads(line) for line in self._ask(f"events?after={after}&follow=0").splitlines()]

    def is_idle(self) -> bool:
        """Whether no call, SMS or callback is under way."""
        return bool(json.loads(self._ask("idle"))["idle"])

    def _ask(self, what: str, given: Mapping[str, object] | None = None) -> bytes:
        body = None if given is None else json.dumps(given).encode()
        try:
            with urllib.request.urlopen(
                urllib.request.Request(f"{self.url}/control/{what}", body), timeout=_ANSWER_SECONDS
            ) as answer:
                read: bytes = answer.read()
        except urllib.error.HTTPError as error:
            raise Rejected(json.load(error)["error"]) from None
        except OSError:
            raise NotFound(
                f"the phone network does not answer at {self.url}: `ringback local status`"
            ) from None
        return read


def follow(
    network: PhoneNetwork,
    after: int,
    is_over: Callable[[], bool],
    patience_seconds: float = PATIENCE_SECONDS,
) -> Iterator[Event]:
    """Yield events as they happen, until `is_over` or until nothing has happened for as long as we have patience."""
    deadline = time.monotonic() + patience_seconds
    while True:
        over = is_over()
        for event in network.events(after):
            after, deadline = event["seq"], time.monotonic() + patience_seconds
            yield event
        if over or time.monotonic() > deadline:
            return
        time.sleep(_GLANCE_SECONDS)


def of_caller(phone: str, events: Iterable[Event]) -> Iterator[Event]:
    """Those events that are about one phone: its calls, the SMS to it, and what came of both."""
    ours: set[str] = set()
    for event in events:
        named = {str(event[key]) for key in ("call_sid", "sms_sid") if key in event}
        if phone in (event.get("from"), event.get("to")):
            ours |= named
        if named & ours:
            yield event


@dataclass(slots=True)
class Timeline:
    """Tells events as they happen, each with the network's own time."""

    console: Console
    names: Mapping[str, str]
    """What our numbers are for, by number."""
    texted: list[str] = field(default_factory=list)
    """Whom an SMS has reached, once for each."""

    def tell(self, event: Event) -> None:
        """Print one event; those that say nothing to people are passed over."""
        match event["event"]:
            case "call.ringing":
                called = event["to"]
                purpose = f"  ({self.names[called]})" if called in self.names else ""
                self._line(event, "📱", f"{event['from']} rings {called}{purpose}")
            case "call.made":
                self._line(event, "📱", f"Ringback has {event['to']} rung from {event['from']}")
            case "leg.ringing":
                self._line(event, "☎ ", f"{event['to']} rings, for {event['from']} to talk to")
            case "leg.ended":
                talked = f", {event['talked_seconds']:.0f} s of talk" if event["talked_seconds"] else ""
                self._line(event, "  ", f"{event['to']}: {event['status']}{talked}")
            case "call.ended" if event["answered"]:
                self._line(event, "  ", "the call is over")
            case "call.ended":
                rings = event["rings"]
                self._line(
                    event, "  ", f"hung up unanswered after {rings} ring{'s' * (rings != 1)}: free of charge"
                )
            case "callback.sent":
                self._line(event, "→ ", f"the provider tells Ringback, which answers {event['status']}")
            case "callback.dropped":
                self._line(event, "✗ ", "the provider loses the callback")
            case "sms.accepted":
                self._line(event, "← ", f"Ringback hands the provider an SMS for {event['to']}")
            case "sms.delivered":
                self.texted.append(event["to"])
                self._line(event, "✉ ", f"{event['to']} receives it")
                self.console.print(handset(event))
            case "sms.failed":
                self._line(event, "✗ ", f"{event['to']} does not receive it: {event['detailed_status']}")
            case "report.sent":
                self._line(
                    event,
                    "→ ",
                    f"the provider reports it: {event['report']}; Ringback answers {event['status']}",
                )
            case "report.dropped":
                self._line(event, "✗ ", "the provider loses the report")

    def _line(self, event: Event, sign: str, words: str) -> None:
        at = datetime.fromisoformat(event["at"]).astimezone(INDIA)
        self.console.print(Text.assemble((f"  {at:%H:%M:%S.%f}"[:-4] + "  ", "dim"), f"{sign} ", words))


def handset(event: Event) -> RenderableType:
    """An SMS as the handset shows it."""
    at = datetime.fromisoformat(event["at"]).astimezone(INDIA)
    return Panel(
        Text(event["body"]),
        box=_OPEN_BOX,
        title=f"{event['from']}",
        subtitle=f"{event['to']} · {at:%H:%M}",
        title_align="left",
        subtitle_align="left",
        width=_WIDTH_OF_A_HANDSET,
        padding=(0, 1),
    )
