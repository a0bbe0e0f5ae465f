"""How fast it went: what is watched while people ring, and the figures made of it afterwards."""

import threading
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from ringback.domain import metrics as names
from ringback.domain.phones import person_id
from ringback.services import metrics
from ringback.store import contacts
from ringback_cli.stories.missed_calls.cast import NOBODY, Script
from ringback_cli.stories.missed_calls.evidence import Evidence
from ringback_cli.stories.spreads import per_second, spread
from ringback_cli.stories.stage import Stage

_LOOK_EVERY_SECONDS = 0.15
_MOST_WATCHED = 25


@dataclass(slots=True)
class Watch:
    """Looks, while the first act is played, when people become readable contacts and calls readable counts.

    Use it as a context manager around the act; it looks from a thread of its own.
    """

    stage: Stage
    script: Script
    seen: dict[str, datetime] = field(default_factory=dict)
    """Call id of somebody's only calls → when they could be read as a contact."""
    counted: list[tuple[datetime, int]] = field(default_factory=list)
    """When we looked, and how many calls all campaigns together had counted by then."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _look(self) -> None:
        waiting = self._watched()
        while not self._stop.is_set():
            known = contacts.load_many(waiting) if waiting else {}
            now = self.stage.stack.now()
            for contact in known.values():
                self.seen[contact.phone] = now
                waiting.remove(contact.person)
            total = sum(metrics.totals(campaign.id)[names.RAW] for campaign in self.stage.campaigns)
            self.counted.append((self.stage.stack.now(), total))
            time.sleep(_LOOK_EVERY_SECONDS)

    def _watched(self) -> list[str]:
        """People who ring once in the first act, so that it is that call which makes them known."""
        once: dict[str, str] = {}
        often: set[str] = set()
        for call in self.script.acts[0]:
            if call.caller.kind not in NOBODY:
                (often.add if call.caller.phone in once else lambda _: None)(call.caller.phone)
                once.setdefault(call.caller.phone, call.campaign)
        pepper = self.stage.runtime.secrets.person_pepper
        return [person_id(pepper, campaign, phone) for phone, campaign in once.items() if phone not in often][
            :_MOST_WATCHED
        ]


def figures(
    evidence: Evidence,
    watch: Watch,
    network: Mapping[str, Any],
    answered: Mapping[str, datetime],
    struck: Mapping[str, int],
) -> dict[str, float]:
    """The story's figures, by name; times in the unit that the name ends with. `struck` counts the faults on our side."""
    return {
        **_answers(network),
        **_times(evidence, watch, answered),
        **_rates(evidence, answered),
        "drift_before_recount": evidence.drift_before,
        **{f"fault_{name}": count for name, count in sorted({**network["faults"], **struck}.items())},
    }


def _answers(network: Mapping[str, Any]) -> dict[str, float]:
    latency = network["passthru"]["latency_seconds"]
    return {
        "answer_p50_ms": round(1000 * (latency["p50"] or 0.0), 1),
        "answer_p95_ms": round(1000 * (latency["p95"] or 0.0), 1),
    }


def _times(evidence: Evidence, watch: Watch, answered: Mapping[str, datetime]) -> dict[str, float]:
    first_answers: dict[str, datetime] = {}
    for call in evidence.calls:
        if call.call_id in answered:
            at = answered[call.call_id]
            first_answers[call.caller] = min(at, first_answers.get(call.caller, at))
    to_contact = [
        (at - first_answers[phone]).total_seconds()
        for phone, at in watch.seen.items()
        if phone in first_answers
    ]
    to_count = times_to_count(
        sorted(at for at in answered.values() if at < evidence.second_act_at), watch.counted
    )
    causes = {message.message_id: message.cause.rpartition(":")[2] for message in evidence.messages}
    to_hand_off = [
        (sms.accepted_at - answered[cause]).total_seconds()
        for sms in evidence.accepted
        if (cause := causes.get(sms.message_id, "")) in answered
    ]
    return {
        "contact_visible_p95_seconds": spread(to_contact, 0.95),
        "contact_visible_max_seconds": spread(to_contact, 1.0),
        "count_visible_p95_seconds": spread(to_count, 0.95),
        "count_visible_max_seconds": spread(to_count, 1.0),
        "hand_off_p50_seconds": spread(to_hand_off, 0.50),
        "hand_off_p95_seconds": spread(to_hand_off, 0.95),
    }


def times_to_count(answered: Sequence[datetime], counted: Sequence[tuple[datetime, int]]) -> list[float]:
    """For each answered call, in order, the seconds until the count had reached it.

    `counted` is what was read when; counts only grow. A call that was never counted while somebody looked is left out: a recount
    judges that.
    """
    totals = [total for _, total in counted]
    found = []
    for nth, at in enumerate(answered, 1):
        seen = bisect_left(totals, nth)
        if seen < len(totals):
            found.append(max(0.0, (counted[seen][0] - at).total_seconds()))
    return found


def _rates(evidence: Evidence, answered: Mapping[str, datetime]) -> dict[str, float]:
    first_act = [at for at in answered.values() if at < evidence.second_act_at]
    sent = [sms.accepted_at for sms in evidence.accepted if sms.accepted_at < evidence.second_act_at]
    return {"calls_per_second": per_second(first_act), "sms_per_second": per_second(sent)}
