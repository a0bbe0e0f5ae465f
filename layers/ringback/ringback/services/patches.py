"""What is told of a patch, and how it comes to its end.

A patch changes under its revision and together with the fact of the change; whoever moves it to its end gives the slot back. What
follows from that is for `ledger.settle`, which may be repeated.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import quote

from ringback import observability
from ringback.domain import patches, phones
from ringback.domain.errors import Conflict, ProviderError, Rejected
from ringback.domain.facts import Entry, PatchTold, TrackerDialled, VoterDialled
from ringback.domain.legs import LegEvent, Progress
from ringback.domain.patches import (
    Outcome,
    Patch,
    Reason,
)
from ringback.domain.turns import Party
from ringback.providers.base import (
    CallbackRequest,
    Dialect,
    Pairs,
    Provider,
    Unreadable,
)
from ringback.runtime import Runtime
from ringback.services import callbacks
from ringback.services.callbacks import Line
from ringback.services.phones import read as read_phone
from ringback.store import calls, slots
from ringback.store import patches as store
from ringback.store.patches import Commit

STEP = "patch"
"""The step under which what happens to a patch stands in the journal."""

RACED_FOR = timedelta(seconds=1)
"""How long a request that lost to another of its call tries again: somebody may wait in silence."""

PAUSE_SECONDS = 0.02


def hear(runtime: Runtime, line: Line, request: CallbackRequest) -> None:
    """Take in what a request at the step `leg` tells; what nobody can read, or is about no patch of the campaign, is kept as `Unparsed`.
    A HEAD has no effect.
    """
    if request.method == "HEAD":
        return
    try:
        if len(request.body) > callbacks.LARGEST_BODY:
            raise Unreadable(f"{len(request.body)} bytes")
        pairs = line.dialect.read_pairs(request)
        leg = line.dialect.read_leg(pairs)
        call_id = f"{line.dialect.name}:{leg.call_id}"
        if told(runtime, line.campaign, call_id, leg, without_keys(line.dialect, pairs)) is None:
            raise Unreadable("a leg of no patch")
    except Unreadable as problem:
        callbacks.keep_unparsed(runtime, line, callbacks.without_keys(request), str(problem))


def told(runtime: Runtime, campaign: str, call_id: str, leg: LegEvent, pairs: Pairs = ()) -> Patch | None:
    """Write down what a provider tells of a leg, once; the patch as it then stands, or None when the campaign has no such patch. Nothing
    new is nothing written: one read.

    `Conflict` when others changed the patch each time for a second.
    """
    leg = legible(leg) or leg
    return _changed(runtime, campaign, call_id, pairs, lambda patch, now: patches.told(patch, leg, now))


def over(
    runtime: Runtime, campaign: str, call_id: str, pairs: Pairs = (), *, ended_at: datetime | None = None
) -> Patch | None:
    """The caller has left, or the menu is over: so is the patch, since `ended_at` where somebody knows. A repeat changes nothing; None when
    there is no patch.
    """

    def change(patch: Patch, now: datetime) -> Patch:
        return patches.ended(patch, Reason.LEFT, min(ended_at or now, now))

    return _changed(runtime, campaign, call_id, pairs, change)


def came_back(
    runtime: Runtime, campaign: str, call_id: str, leg: LegEvent | None, *, is_over: bool
) -> tuple[bool, Reason | None]:
    """The caller is back in the menu, or has left it (`is_over`), so nobody else is rung: what the patch came to, and the end of it. The question
    that tells of it may be the first to tell how the last leg ended.
    """
    leg = legible(leg)

    def change(patch: Patch, now: datetime) -> Patch:
        reason = Reason.LEFT if is_over else Reason.BACK
        return patches.ended(patches.told(patch, leg, now) if leg else patch, reason, now)

    return patches.came_to(_changed(runtime, campaign, call_id, (), change))


def end_calls(providers: Iterable[Provider], influencer: str) -> dict[str, bool | str]:
    """End the patched calls in which somebody is now (F108); call id → whether it was ended (False: it was over already), or why it goes
    on. Their slots and people are let go when the end is told, as of any call. Repeating it is safe.
    """
    by_name = {provider.name: provider for provider in providers}
    came_to: dict[str, bool | str] = {}
    for patch in store.load_many(calls.every_live()):
        if patch.influencer != influencer or patch.is_over:
            continue
        name, _, call = patch.call_id.partition(":")
        try:
            came_to[patch.call_id] = by_name[name].end_call(call)
        except KeyError:
            came_to[patch.call_id] = f"there is no account with {name}"
        except ProviderError as problem:
            came_to[patch.call_id] = str(problem)
    return came_to


def _changed(
    runtime: Runtime, campaign: str, call_id: str, pairs: Pairs, change: Callable[[Patch, datetime], Patch]
) -> Patch | None:
    until = runtime.clock.now() + RACED_FOR
    while True:
        now = runtime.clock.now()
        patch = store.load(call_id)
        if patch is None or patch.campaign != campaign:
            return None
        after = change(patch, now)
        if after == patch:
            return patch
        if commit(patch, after, call_id.partition(":")[0], pairs, now):
            return replace(after, revision=after.revision + 1)
        if runtime.clock.now() >= until:
            raise Conflict(f"{call_id} moved on each time it was looked at")
        runtime.clock.sleep(PAUSE_SECONDS)


def commit(patch: Patch, after: Patch, provider: str, pairs: Pairs, now: datetime) -> bool:
    """Write a change with its fact. Whoever moves a patch to its end gives its slot back: there is one who does.

    True also for a telling that the journal holds already, for then there is nothing left to write.
    """
    entry = entry_of(_what_changed(patch, after, now), patch.campaign, provider, pairs, now)
    if after.disputes > patch.disputes or _is_fuller(patch, after):
        # Named by what was told, not by when: told again hours later it is the same.
        told = callbacks.written(pairs)
        mark = hashlib.sha256(told.encode()).hexdigest() if told else entry.digest
        entry = replace(entry, key=f"{entry.key}#{mark[:8]}")
    match store.save(after, entry):
        case Commit.DONE:
            _concluded(patch, after)
            return True
        case Commit.REPEATED:
            return True
    return False


def _concluded(patch: Patch, after: Patch) -> None:
    if after.disputes > patch.disputes:
        observability.count("LegDisputed")
        observability.logger.warning("A leg ended in two ways", extra={"call_id": patch.call_id})
    if not (after.is_over and not patch.is_over):
        return
    if after.slot is not None and not slots.release(after.slot, after.number):
        observability.count("SlotNotHeld")
    kind = "Patch" if after.party is Party.VOTER else "Review"
    observability.count(f"{kind}Talked" if after.talked_to else f"{kind}Unanswered")
    last = after.last
    if last is not None and last.outcome is Outcome.CANCELED and after.party is Party.VOTER:
        observability.count("PatchAbandoned")


def read(entry: Entry, told: str | None) -> VoterDialled | TrackerDialled | PatchTold:
    """The fact an entry of a patch tells, whose parameter `patch` is `told`; `Rejected` when it is none."""
    try:
        document = json.loads(told or "")
        kind = _FACTS[document.pop("is")]
        return kind.from_document(entry.source_id, document)
    except (KeyError, TypeError, ValueError) as problem:
        raise Rejected(f"the patch cannot be read: {problem}") from None


_FACTS: Mapping[str, type[VoterDialled] | type[TrackerDialled] | type[PatchTold]] = {
    "voter-dialled": VoterDialled,
    "tracker-dialled": TrackerDialled,
    "patch-told": PatchTold,
}
_NAMES = {kind: name for name, kind in _FACTS.items()}
_PLAIN = ' "{}[]:,/'
"""What JSON is full of and a form need not quote."""


def entry_of(
    fact: VoterDialled | TrackerDialled | PatchTold, campaign: str, provider: str, pairs: Pairs, now: datetime
) -> Entry:
    """The fact as the journal keeps it: what it came to, and beside it what the provider told."""
    document = json.dumps(
        {"is": _NAMES[type(fact)]} | fact.to_document(), ensure_ascii=False, separators=(",", ":")
    )
    raw = f"{STEP}={quote(document, safe=_PLAIN)}"
    told = callbacks.written(pairs)
    if told and len(raw) + len(told) < callbacks.LARGEST_BODY:
        raw = f"{raw}&{told}"
    return callbacks.entry_of(fact, campaign, STEP, raw, now, provider=provider)


def _what_changed(patch: Patch, after: Patch, now: datetime) -> PatchTold:
    """The fact of a change: of the attempt that moved, or of the patch as a whole where nobody told of a leg."""
    moved = next((each for each in reversed(after.attempts) if each not in patch.attempts), None)
    outcome = moved.outcome.value if moved and moved.outcome else None
    if after.reason is not patch.reason:
        outcome = outcome or (after.reason.value if after.reason else None)
        return PatchTold(patch.call_id, 0, "over", after.party.value, outcome, now)
    attempt = moved or after.attempts[-1]
    event = Progress.ANSWERED if attempt.is_open else Progress.TERMINAL
    return PatchTold(patch.call_id, attempt.n, event.value, after.party.value, outcome, now)


def _is_fuller(patch: Patch, after: Patch) -> bool:
    """Whether a leg was over before, and is told of more exactly now."""
    ended = {attempt.n for attempt in patch.attempts if attempt.ending is not None}
    return any(attempt.n in ended and attempt not in patch.attempts for attempt in after.attempts)


def without_keys(dialect: Dialect, pairs: Pairs) -> Pairs:
    """What is kept of a question: keys are of no use here, and may be a PIN that the provider tells again."""
    return tuple((name, value) for name, value in pairs if name not in dialect.KEY_NAMES)


def legible(leg: LegEvent | None) -> LegEvent | None:
    """The telling with its number in E.164, as attempts have it."""
    if leg is None or leg.number is None:
        return leg
    try:
        return replace(leg, number=read_phone(leg.number))
    except (phones.Withheld, phones.Unreadable):
        return leg
