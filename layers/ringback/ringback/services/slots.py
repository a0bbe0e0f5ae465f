"""Slots that heal themselves: leases that ran out are settled with the provider's own records, and the count is held against the patches.

A lost callback, a crashed door and a stopped machine all end here. Every step may be repeated at any time.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from ringback import observability
from ringback.domain import slots
from ringback.domain.conversations import Call
from ringback.domain.errors import Conflict, NotFound, ProviderError
from ringback.domain.legs import LegEvent
from ringback.domain.patches import Patch
from ringback.domain.turns import Reach
from ringback.providers.base import FoundCall, Provider
from ringback.runtime import Runtime
from ringback.services import ledger, patches
from ringback.services.campaigns import Shelf
from ringback.store import calls
from ringback.store import patches as patch_store
from ringback.store import slots as store

SETTLING_SECONDS = 2.0
"""How long a slot may be taken and not written down, or a patch be over and its slot not given back: a door's deadline is a second. A
count that looks wrong is looked at again after this long."""

ASKED_AT_MOST = 100
"""Calls that the provider is asked about in one run: its limit is 200 requests a minute, and others need some."""

RECORDS_SETTLE = timedelta(minutes=3)
"""How long after a call its record, and what is told of it, may still change. SOURCE: exotel.md §2.4: about two minutes."""

ASK_AGAIN = timedelta(minutes=5)
"""How long a machine waits before it asks again about a patch of which the provider could tell nothing: 250 of them then ask fifty times a
minute.
"""

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Healed:
    settled: int
    """Patches whose lease was over and that are over now."""
    told: int
    """Machines that heard of an end they had missed."""
    corrected: int
    """Accounts whose count was wrong."""


def heal(
    runtime: Runtime, providers: Iterable[Provider], has_time: Callable[[], bool] = lambda: True
) -> Healed:
    """Settle what ran out and put the counts right. What there is no time for is left to the next run, and so is the rest where the provider
    cannot be asked.
    """
    by_name = {provider.name: provider for provider in providers}
    accounts = sorted(by_name)
    live = list(patch_store.load_many(calls.every_live()))
    now = runtime.clock.now()
    stale = [patch for patch in live if not patch.is_over and patch.lease_until <= now]
    settled = 0
    for patch in stale[:ASKED_AT_MOST]:
        if not has_time():
            break
        try:
            settled += _asked(runtime, by_name, patch).is_over
        except ProviderError as problem:
            _not_asked(patch, problem)
            if problem.retryable:  # and so would the others of this account
                by_name.pop(patch.call_id.partition(":")[0], None)
        except Conflict:
            continue  # somebody tells of it at this moment
    told = sum(ledger.answer(patch) for patch in live if patch.is_over)
    corrected = sum(_recount(runtime, account) for account in accounts)
    return Healed(settled, told, corrected)


def fill_in(
    runtime: Runtime, provider: Provider, call_ids: Iterable[str], has_time: Callable[[], bool] = lambda: True
) -> int:
    """Ask the provider how the last leg ended, of those patches among its calls that are over and of which nobody has told; returns how many
    were asked about, at most `ASKED_AT_MOST`, those that ended last first. What it knows is told as any news, so whoever talked is settled and
    booked after all. Safe at any time.

    Records and news that are late have `RECORDS_SETTLE` to come: what the record said before that would stand against them.
    """
    settled_at = runtime.clock.now() - RECORDS_SETTLE
    untold = [
        patch
        for patch in patch_store.load_many(call_ids)
        if patch.is_over and patch.last_at <= settled_at and patch.last is not None and patch.last.is_untold
    ]
    asked = 0
    for patch in sorted(untold, key=lambda each: each.last_at, reverse=True)[:ASKED_AT_MOST]:
        if not has_time():
            break
        try:
            for leg in _legs(provider.find_call(patch.call_id.partition(":")[2]), patch):
                patches.told(runtime, patch.campaign, patch.call_id, leg)
        except ProviderError as problem:
            _not_asked(patch, problem)
            if problem.retryable:
                break
            continue
        except Conflict:
            continue  # somebody tells of it at this moment
        asked += 1
    observability.count("LegsAskedAfter", asked)
    return asked


# one patch


def wait(runtime: Runtime, call_id: str, token: str) -> Mapping[str, object]:
    """The machine waits for a patch's end by a token; if it is over already, it hears of it at once."""
    patch = patch_store.wait(call_id, token)
    if patch is None:
        raise NotFound(f"there is no patch {call_id}")
    if patch.is_over:
        settle(runtime, call_id)
    return ledger.outcome_of(patch)


def ask(runtime: Runtime, providers: Mapping[str, Provider], call_id: str) -> Mapping[str, object]:
    """Nobody told in time how a patch ended: ask the provider. Says how long to wait on, where it goes on: to the end of its lease, or
    `ASK_AGAIN` where the provider could not be asked.
    """
    patch = find(call_id)
    if not patch.is_over:
        try:
            patch = _asked(runtime, providers, patch)
        except ProviderError as problem:
            _not_asked(patch, problem)
    left = patch.lease_until - runtime.clock.now()
    wait = left if left > timedelta(0) else ASK_AGAIN
    return {**ledger.outcome_of(patch), "wait_seconds": max(1, int(wait.total_seconds()))}


def settle(runtime: Runtime, call_id: str) -> Mapping[str, object]:
    """Make everything true that follows from a patch, as `react` does."""
    patch = find(call_id)
    campaign = Shelf(runtime.settings.catalog_cache_seconds).version(patch.campaign, patch.version)
    return ledger.outcome_of(ledger.settle(runtime, campaign, call_id) or patch)


def find(call_id: str) -> Patch:
    """One patch; `NotFound` when nobody was to be connected in that call."""
    patch = patch_store.load(call_id)
    if patch is None:
        raise NotFound(f"there is no patch {call_id}: `ringback patches list` shows those there are")
    return patch


def _asked(runtime: Runtime, providers: Mapping[str, Provider], patch: Patch) -> Patch:
    """The patch after the provider was asked. One that goes on has its lease prolonged; of one that is over the provider's word is taken
    for when it ended. `ProviderError` when it cannot be asked now.
    """
    provider = providers.get(patch.call_id.partition(":")[0])
    if provider is None:
        return patch
    found = provider.find_call(patch.call_id.partition(":")[2])
    if found is not None and not found.is_over:
        return _prolonged(runtime, patch)
    for leg in _legs(found, patch):
        patches.told(runtime, patch.campaign, patch.call_id, leg)
    observability.count("LeaseSettled")
    ended_at = found.ended_at if found is not None else None
    after = patches.over(runtime, patch.campaign, patch.call_id, ended_at=ended_at) or patch
    settle(runtime, patch.call_id)
    return after


def _legs(found: FoundCall | None, patch: Patch) -> list[LegEvent]:
    """What the records say of the legs. Where they name nobody, it is about whoever was dialled last: and that may be the one before our
    last attempt, whose answer was lost on the way. So of several attempts only a talk is taken for the last one's: the others had none.
    """
    last = patch.last
    if found is None or last is None:
        return []
    legs = [replace(leg, occurred_at=leg.occurred_at or found.ended_at) for leg in found.legs]
    return [
        leg if leg.number else replace(leg, attempt=last.n)
        for leg in legs
        if leg.number or last.n == 1 or leg.talked_seconds
    ]


def _not_asked(patch: Patch, problem: ProviderError) -> None:
    observability.count("LeaseUnsettled")
    observability.logger.warning(
        "The provider could not be asked", extra={"call_id": patch.call_id, "code": problem.code}
    )


def _prolonged(runtime: Runtime, patch: Patch) -> Patch:
    campaign = Shelf(0).version(patch.campaign, patch.version)
    if campaign.patching is None:
        return patch
    until = runtime.clock.now() + campaign.patching.lease
    return patch_store.prolong(patch.call_id, until) or patch


# the count


def _recount(runtime: Runtime, account: str) -> bool:
    """Put an account's count right; True when it was wrong. Looks twice: what is under way at the first look has come to its end by the
    second, and whatever changes after that makes the correction fail.
    """
    if _wrong(account) is None:
        return False
    for _ in range(_TRIES):
        seen = store.load(account)
        runtime.clock.sleep(SETTLING_SECONDS)
        right = _wrong(account, seen)
        if right is None:
            return False
        if store.correct(account, seen, right):
            observability.count("SlotsCorrected")
            observability.logger.warning(
                "The count of slots was wrong",
                extra={"account": account, "counted": seen.total, "right": sum(right.values())},
            )
            return True
    observability.count("SlotsBusy")  # too much comes and goes to be sure; the next run tries again
    return False


def _wrong(account: str, seen: slots.Held | None = None) -> dict[str, int] | None:
    """What the count should be; None where it may stand."""
    held = seen or store.load(account)
    live = {call.call_id: call for call in calls.load_many(calls.every_live()) if _is_of(call, account)}
    found = {patch.call_id: patch for patch in patch_store.load_many(live)}
    holding = Counter(patch.number for patch in found.values() if patch.slot == account and patch.holds_slot)
    about_to = Counter(call.number for call in live.values() if _may_take(call, found.get(call.call_id)))
    return slots.corrected(held, holding, about_to)


def _is_of(call: Call, account: str) -> bool:
    return call.call_id.startswith(f"{account}:")


def _may_take(call: Call, patch: Patch | None) -> bool:
    """Whether a door may have taken a slot for a call a moment ago, and not have written it down yet."""
    return bool(call.answers) and isinstance(call.answers[-1].ask, Reach) and patch is None
