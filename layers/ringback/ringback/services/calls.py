"""Holding our journal against the provider's own call listing, so that a lost callback loses nobody."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from ringback import observability
from ringback.domain import phones
from ringback.domain.errors import ProviderError
from ringback.domain.facts import Entry
from ringback.providers import dialect
from ringback.providers.base import Dialect, Direction, ListedCall, Provider, Unreadable
from ringback.runtime import Runtime
from ringback.services import callbacks
from ringback.services.phones import read as read_phone
from ringback.store import catalog, journal, watermarks

MISSED_CALL = "missed-call"

OVERLAP = timedelta(minutes=10)
"""How far before the watermark each listing starts: the provider's records settle late (exotel.md §2.4: about 2 minutes)."""

SETTLED_AFTER = timedelta(minutes=2)
"""A younger call may still be about to report itself; it is left for the next run."""

FIRST_LOOK_BACK = timedelta(hours=24)
"""How far back the first run of a deployment looks."""

LONGEST_LOOK_BACK = timedelta(days=30)
"""The provider lists at most a month at once (exotel.md §2.5)."""


@dataclass(slots=True)
class Reconciliation:
    """What one run found: calls listed, facts created, and whether the listing was complete."""

    listed: int = 0
    created: int = 0
    complete: bool = False


def reconcile(
    runtime: Runtime, provider: Provider, settled_after: timedelta = SETTLED_AFTER
) -> Reconciliation:
    """Create from the provider's listing what lost callbacks would have created.

    Starts before the last moment known to be complete, so after an outage the window is as long as the outage. Partial and repeated
    pages do no harm: what is kept is kept, and the watermark moves only when the listing was complete. A callback that comes after
    all finds its fact kept.
    """
    now, name = runtime.clock.now(), f"calls-{provider.name}"
    done = watermarks.read(name)
    since = max((done or now - FIRST_LOOK_BACK) - OVERLAP, now - LONGEST_LOOK_BACK)
    run, until = Reconciliation(), now - settled_after
    cursor: str | None = None
    try:
        while True:
            page = provider.list_calls(since, until, cursor)
            run.listed += len(page.calls)
            run.created += _create_missing(page.calls, dialect(provider.name), now)
            cursor = page.next
            if cursor is None:
                run.complete = page.complete
                break
    except ProviderError as problem:
        observability.logger.warning("The call listing could not be read", extra={"code": problem.code})
    if run.complete:
        watermarks.advance(name, until)
    observability.count("ReconcileFound", run.created)
    observability.gauge(
        "ReconcileLagSeconds", (now - (until if run.complete else done or since)).total_seconds()
    )
    observability.logger.info(
        "Reconciled", extra={"listed": run.listed, "facts_created": run.created, "complete": run.complete}
    )
    return run


def _create_missing(listed: Iterable[ListedCall], spoken: Dialect, now: datetime) -> int:
    entries: dict[tuple[str, str], Entry] = {}
    for call in listed:
        if call.direction is Direction.INCOMING and (campaign := _campaign_of(call.dialled)) is not None:
            try:
                entry = _entry(call, campaign, spoken, now)
            except Unreadable:
                observability.count("ListedCallUnreadable")
                continue
            entries[entry.source_id, entry.key] = entry
    missing = journal.missing(list(entries))
    return sum(journal.keep(entries[key]) is journal.Kept.NEW for key in missing)


def _entry(call: ListedCall, campaign: str, spoken: Dialect, now: datetime) -> Entry:
    pairs = spoken.pairs_of(call)
    fact, raw = spoken.read_call(MISSED_CALL, pairs), urlencode(pairs)
    return callbacks.entry_of(fact, campaign, MISSED_CALL, raw, now, provider=spoken.name, listed=True)


def _campaign_of(dialled: str) -> str | None:
    try:
        return catalog.owner(read_phone(dialled))
    except (phones.Withheld, phones.Unreadable):
        return None
