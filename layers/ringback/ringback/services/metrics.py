"""The campaign's numbers: read as they were counted, watched, and made again from the journal."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TypeVar

from ringback import observability
from ringback.domain import calls, messages, metrics
from ringback.domain.calls import Caller, Recognised
from ringback.domain.campaigns import Number
from ringback.domain.errors import NotFound, Rejected
from ringback.domain.facts import (
    CallMissed,
    DialEnded,
    Entry,
    PatchTold,
    SmsStatusChanged,
    TrackerDialled,
    TurnTaken,
    Unparsed,
    VoterDialled,
)
from ringback.domain.messages import State
from ringback.domain.metrics import Divergence, Hour, Increments
from ringback.domain.phones import person_id
from ringback.domain.times import BEGINNING
from ringback.runtime import Runtime
from ringback.services import facts
from ringback.services.campaigns import Shelf
from ringback.services.phones import read as read_phone
from ringback.store import catalog, counters, journal

K = TypeVar("K")


def totals(campaign: str, since: str = "", until: str = "~") -> Counter[str]:
    """A campaign's sums over the hours `since` to `until` (as in `2026-11-21T11`, both included)."""
    total: Counter[str] = Counter()
    for counted in counters.hours(campaign, since, until).values():
        total.update(counted)
    return total


def watch(runtime: Runtime) -> int:
    """Tell which numbers' counts part, of every campaign that has a token (X8); returns how many do.

    One query a campaign, of two days by the hour; content is read only where something is found.
    """
    now = runtime.clock.now()
    found = 0
    for campaign in runtime.settings.dialects:
        for number, how in diverging(campaign, now):
            found += 1
            observability.logger.warning(
                "Counts diverge", extra={"campaign": campaign, "source": number.source, "how": how}
            )
    observability.count("CountsDiverge", found)
    return found


def diverging(campaign: str, now: datetime) -> list[tuple[Number, Divergence]]:
    """A campaign's numbers whose counts part. A number that sends nothing, or a campaign of which nothing arrives, proves nobody. The
    trackers' line is left in peace: few people ring it again and again, and each has a PIN.
    """
    counted = counters.hours(campaign, metrics.hour_of(campaign, now - 2 * metrics.SPAN).hour)
    found = metrics.diverging(counted, campaign, now)
    if not found:
        return []
    content = catalog.current(campaign)
    staff = content.reviews.tracker_menu if content.reviews else None
    numbers = {name: each for name, each in content.numbers.items() if staff is None or each.menu != staff}
    something_arrives = any(counts[metrics.DELIVERED] for counts in counted.values())
    return [
        (numbers[number], how)
        for number, how in found.items()
        if number in numbers
        and (how is Divergence.CALLS or (something_arrives and numbers[number].text is not None))
    ]


def recount(runtime: Runtime, on_entry: Callable[[], None] = lambda: None) -> Increments:
    """Make every counter again from the journal and put the stored ones right; returns the drift that was found.

    Reads the whole journal; memory grows with the number of callers, not of calls. Run it while little is coming in: what arrives
    in between may be counted on one side only, and the next recount says so. A campaign older than the journal's memory
    (`journal.KEPT_FOR`) is left as it was counted: who called first can no longer be made out.
    """
    again = Recount(runtime.secrets.person_pepper)
    now = runtime.clock.now()
    for entry in journal.between(BEGINNING, now):
        again.add(entry)
        on_entry()
    recounted = again.increments()
    stored: Increments = {}
    for campaign in catalog.campaigns():
        counted = counters.hours(campaign)
        horizon = metrics.hour_of(campaign, now - journal.KEPT_FOR)
        if all(hour.hour > horizon.hour for hour in counted):
            stored |= counted
        else:
            recounted = {hour: counts for hour, counts in recounted.items() if hour.campaign != campaign}
    drift = metrics.drift(stored, recounted)
    counters.add(drift, shard=0)
    return drift


@dataclass(frozen=True, slots=True, order=True)
class _Seen:
    """When and in which hour something was seen; the earliest stands, as it does when facts are reacted to as they come."""

    received_at: datetime
    source_id: str
    hour: Hour = field(compare=False)
    delivered: bool = field(default=False, compare=False)


class Recount:
    """Counts entries in any order as reactions count them in the order they come."""

    def __init__(self, pepper: bytes) -> None:
        self._pepper = pepper
        self._shelf = Shelf(fresh_seconds=60)
        self._owner = cache(catalog.owner)
        self._counted: Increments = {}
        self._callers: dict[tuple[str, str], _Seen] = {}
        """(place, person) → the person's first call there."""
        self._ended: dict[str, _Seen] = {}
        """Message → the first report that ended it."""

    def add(self, entry: Entry) -> None:
        """Count one entry; what cannot be reacted to (no reader, no published content) is not counted either."""
        try:
            self._add(entry)
        except (NotFound, Rejected):
            return

    def _add(self, entry: Entry) -> None:
        fact = facts.read(entry)
        match fact:
            case CallMissed():
                self._add_call(entry, fact)
            case TurnTaken():
                self._add_turn(entry, fact)
            case VoterDialled() | TrackerDialled() | PatchTold():
                hour = metrics.hour_of(entry.campaign, fact.occurred_at)
                added = metrics.of_patch(fact, repeated_telling=entry.is_variant)
                metrics.merge(self._counted, hour, added)
            case SmsStatusChanged():
                self._add_report(entry, fact)
            case DialEnded():
                hour = metrics.hour_of(entry.campaign, entry.received_at)
                added = metrics.of_ending(fact, repeated_telling=entry.is_variant)
                metrics.merge(self._counted, hour, added)
            case Unparsed():
                self._merge(metrics.hour_of(entry.campaign, entry.received_at), metrics.UNPARSED)

    def increments(self) -> Increments:
        """What everything added so far comes to."""
        total: Increments = {hour: Counter(counted) for hour, counted in self._counted.items()}
        verified: dict[str, _Seen] = {}
        for message_id, seen in self._ended.items():
            metrics.merge(
                total, seen.hour, Counter({metrics.DELIVERED if seen.delivered else metrics.FAILED: 1})
            )
            if seen.delivered:
                _keep_earliest(verified, messages.split_id(message_id)[0], seen)
        for (place, person), seen in self._callers.items():
            metrics.merge(total, seen.hour, Counter({metrics.unique(place): 1}))
            if person in verified:
                metrics.merge(total, max(seen, verified[person]).hour, Counter({metrics.verified(place): 1}))
        return total

    def _add_call(self, entry: Entry, call: CallMissed) -> None:
        campaign = self._shelf.current(entry.campaign)
        recognised = calls.recognise(call, campaign, entry.received_at, read_phone)
        hour = metrics.hour_of(campaign.id, recognised.occurred_at)
        if facts.is_foreign(recognised, campaign, self._owner):
            self._merge(hour, metrics.FOREIGN_NUMBER)
            return
        if entry.is_variant and facts.named_a_caller(entry, campaign):
            return
        metrics.merge(
            self._counted, hour, metrics.of_call(recognised, repeated_telling=entry.is_variant, new_at=())
        )
        self._add_caller(entry, recognised, hour)

    def _add_turn(self, entry: Entry, turn: TurnTaken) -> None:
        campaign = self._shelf.version(entry.campaign, turn.version)
        called = calls.recognise(turn, campaign, entry.received_at, read_phone)
        hour = metrics.hour_of(campaign.id, called.occurred_at)
        metrics.merge(self._counted, hour, metrics.of_turn(turn))
        if turn.opens_a_call_in:
            added = metrics.of_call(called, repeated_telling=entry.is_variant, new_at=())
            metrics.merge(self._counted, hour, added)
            self._add_caller(entry, called, hour)

    def _add_caller(self, entry: Entry, call: Recognised, hour: Hour) -> None:
        if call.caller is not Caller.PERSON or not call.phone or not call.number:
            return
        seen = _Seen(entry.received_at, entry.source_id, hour)
        person = person_id(self._pepper, entry.campaign, call.phone)
        for place in metrics.places(call.number):
            _keep_earliest(self._callers, (place, person), seen)

    def _add_report(self, entry: Entry, report: SmsStatusChanged) -> None:
        state = messages.state_reported(report.delivery)
        if state in messages.FINAL:
            hour = metrics.hour_of(entry.campaign, entry.received_at)
            seen = _Seen(entry.received_at, entry.source_id, hour, delivered=state is State.DELIVERED)
            _keep_earliest(self._ended, report.source_id, seen)

    def _merge(self, hour: Hour, name: str) -> None:
        metrics.merge(self._counted, hour, Counter({name: 1}))


def _keep_earliest(seen: dict[K, _Seen], key: K, new: _Seen) -> None:
    if key not in seen or new < seen[key]:
        seen[key] = new
