"""Holding our journal against the provider's own call listing, so that a lost callback loses nobody.

Calls that came in are found by the number that was rung, calls that we placed by the id we gave them (X13): a dial whose request
timed out is settled from here.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from urllib.parse import urlencode

from ringback import observability
from ringback.domain import dials, endings, phones
from ringback.domain.errors import NotFound, ProviderError, Rejected
from ringback.domain.facts import Entry
from ringback.providers import dialect
from ringback.providers.base import CallPage, Dialect, Direction, ListedCall, Provider, Unreadable
from ringback.runtime import Runtime
from ringback.services import callbacks, slots
from ringback.services.campaigns import Shelf
from ringback.services.effects import EVIDENCE_DUE
from ringback.services.phones import read as read_phone
from ringback.store import catalog, journal, watermarks
from ringback.store import dials as ledger

MISSED_CALL = "missed-call"

OVERLAP = timedelta(minutes=10)
"""How far before the watermark each listing starts: the provider's records settle late (exotel.md §2.4: about 2 minutes)."""

SETTLED_AFTER = timedelta(minutes=2)
"""A younger call may still be about to report itself; it is left for the next run."""

FIRST_LOOK_BACK = timedelta(hours=24)
"""How far back the first run of a deployment looks."""

LONGEST_LOOK_BACK = timedelta(days=30)
"""Nothing older is asked for, however long an outage was; the provider keeps six months (exotel.md §2.5)."""

SLICE = timedelta(minutes=30)
"""The span that is read and then known to be complete; longer than `OVERLAP`, so that every run which reads one gets ahead."""

PAGE_AGAIN_AFTER_SECONDS = (0.5, 2.0)
"""How long to wait before a page that failed is asked for once more, which does no harm. Our assumption. Without it a busy half hour
of many pages would hardly ever be read to its end: at one failure in twenty, twenty pages get through one time in three."""


@dataclass(slots=True)
class Reconciliation:
    """What one run found: calls listed, facts created, legs asked after, and whether the listing was complete."""

    listed: int = 0
    created: int = 0
    asked: int = 0
    complete: bool = True


def reconcile(
    runtime: Runtime,
    provider: Provider,
    settled_after: timedelta = SETTLED_AFTER,
    has_time: Callable[[], bool] = lambda: True,
) -> Reconciliation:
    """Create from the provider's listing what lost callbacks would have created, and ask after the legs of which nobody told. Stops early
    when `has_time` says so.

    Starts before the last moment known to be complete, so after an outage the window is as long as the outage; it is read slice by
    slice, so what one run does not reach, the next ones do. Partial and repeated pages do no harm: what is kept is kept, and the
    watermark moves only up to the first slice whose listing was not complete. A callback that comes after all finds its fact kept.
    """
    now, name = runtime.clock.now(), f"calls-{provider.name}"
    done = watermarks.read(name)
    start = max((done or now - FIRST_LOOK_BACK) - OVERLAP, now - LONGEST_LOOK_BACK)
    run, reached = Reconciliation(), done or start
    pages = _Pages(runtime, provider, has_time, run)
    try:
        for since, until in _slices(start, now - settled_after):
            run.complete &= pages.read(since, until)
            if run.complete:
                watermarks.advance(name, until)
                reached = max(reached, until)
        run.asked = slots.fill_in(runtime, provider, pages.call_ids, has_time)
    except ProviderError as problem:
        run.complete = False
        observability.logger.warning("The call listing could not be read", extra={"code": problem.code})
    finally:
        observability.count("ReconcileFound", run.created)
        observability.gauge("ReconcileLagSeconds", (now - reached).total_seconds())
    observability.logger.info(
        "Reconciled", extra={"listed": run.listed, "facts_created": run.created, "complete": run.complete}
    )
    return run


def _slices(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    while start < end:
        yield start, min(start + SLICE, end)
        start += SLICE


class _Pages:
    """The listing's pages of one run; remembers meanwhile which campaign a number belongs to."""

    def __init__(
        self, runtime: Runtime, provider: Provider, has_time: Callable[[], bool], run: Reconciliation
    ) -> None:
        self._runtime, self._provider, self._has_time, self._run = runtime, provider, has_time, run
        self._shelf = Shelf(runtime.settings.catalog_cache_seconds)
        self._campaign_of = cache(self._find_campaign)
        self.call_ids: set[str] = set()
        """Of every call listed so far."""

    def read(self, since: datetime, until: datetime) -> bool:
        """Create what is missing of one slice; whether all of it was listed. Asks for nothing when there is no time left."""
        cursor: str | None = None
        while self._has_time():
            page = self._page(since, until, cursor)
            self._run.listed += len(page.calls)
            self._run.created += self._create_missing(page.calls)
            self.call_ids |= {f"{self._provider.name}:{call.call_id}" for call in page.calls}
            cursor = page.next
            if cursor is None:
                return page.complete
        return False

    def _page(self, since: datetime, until: datetime, cursor: str | None) -> CallPage:
        for wait in PAGE_AGAIN_AFTER_SECONDS:
            try:
                return self._provider.list_calls(since, until, cursor)
            except ProviderError as problem:
                if not (problem.retryable and self._has_time()):
                    raise
            self._runtime.clock.sleep(wait)
        return self._provider.list_calls(since, until, cursor)

    def _create_missing(self, listed: Iterable[ListedCall]) -> int:
        received_at, entries = self._runtime.clock.now(), dict[tuple[str, str], Entry]()
        spoken = dialect(self._provider.name)
        for call in listed:
            try:
                entry = self._entry(call, spoken, received_at)
            except Unreadable:
                observability.count("ListedCallUnreadable")
                continue
            if entry is not None:
                entries[entry.source_id, entry.key] = entry
        missing = journal.missing(list(entries))
        return sum(journal.keep(entries[key]) is journal.Kept.NEW for key in missing)

    def _entry(self, call: ListedCall, spoken: Dialect, received_at: datetime) -> Entry | None:
        """What the call's own callback would have brought; None for a call that is not ours to keep, or has not ended."""
        match call.direction:
            case Direction.INCOMING if (campaign := self._campaign_of(call.dialled)) is not None:
                return _entry(call, campaign, spoken, received_at)
            case Direction.OUTGOING if call.status in endings.WORDS:
                dial_id = self._dial_of(call)
                return _ending(call, dial_id, spoken, received_at) if dial_id is not None else None
        return None

    def _dial_of(self, call: ListedCall) -> str | None:
        """The dial that a listed call is: by our own id where the records give it back, else by the provider's."""
        if call.custom_field is None:
            return self._unsettled.get(call.call_id)
        try:
            campaign = dials.campaign_of(call.custom_field)
            self._shelf.current(campaign)
        except (ValueError, NotFound, Rejected):
            return None  # the account serves others as well
        return call.custom_field

    @cached_property
    def _unsettled(self) -> dict[str, str]:
        """The dials that wait for their ending, by the provider's id of the call. One query a bucket, and one read for each."""
        waiting = ledger.load_many(ledger.waiting("unknown", self._runtime.clock.now() + EVIDENCE_DUE))
        return {dial.provider_id: dial.dial_id for dial in waiting.values() if dial.provider_id}

    def _find_campaign(self, dialled: str) -> str | None:
        """The campaign whose missed call a call to the number is; none for a number that answers with a menu."""
        try:
            number = read_phone(dialled)
        except (phones.Withheld, phones.Unreadable):
            return None
        campaign = catalog.owner(number)
        if campaign is None:
            return None
        line = self._shelf.current(campaign).numbers.get(number)
        return None if line is not None and line.menu is not None else campaign


def _ending(call: ListedCall, dial_id: str, spoken: Dialect, received_at: datetime) -> Entry:
    pairs = spoken.pairs_of(call)
    fact, raw = spoken.read_dial_status(dial_id, pairs), urlencode(pairs)
    return callbacks.entry_of(
        fact,
        dials.campaign_of(dial_id),
        callbacks.DIAL_STATUS,
        raw,
        received_at,
        provider=spoken.name,
        listed=True,
    )


def _entry(call: ListedCall, campaign: str, spoken: Dialect, received_at: datetime) -> Entry:
    pairs = spoken.pairs_of(call)
    fact, raw = spoken.read_call(MISSED_CALL, pairs), urlencode(pairs)
    return callbacks.entry_of(
        fact, campaign, MISSED_CALL, raw, received_at, provider=spoken.name, listed=True
    )
