"""Patches: one row each, changed under its revision and together with the fact of the change."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pynamodb.connection import Connection
from pynamodb.exceptions import PutError, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from ringback.domain import times
from ringback.domain.facts import Entry
from ringback.domain.legs import Ending
from ringback.domain.patches import Attempt, Kind, Leg, Patch, Reason, State
from ringback.domain.turns import Disposition, Party
from ringback.store import journal
from ringback.store.journal import KEPT_FOR
from ringback.store.sending import voice_purse
from ringback.store.singles import ONLY, update_single
from ringback.store.tables import (
    Attributes,
    CounterRow,
    JournalRow,
    PatchRow,
    batch_get,
    code_of,
    connection,
    update_if,
)


class Commit(StrEnum):
    """What became of a change."""

    DONE = "done"
    RACED = "raced"
    """The patch has moved on since it was read, or others were in the way: nothing was written."""
    REPEATED = "repeated"
    """The fact is in the journal already: nothing was written."""
    REFUSED = "refused"
    """What should have changed with it could not: nothing was written."""


def key(call_id: str) -> dict[str, str]:
    """The row's key, for a read of several tables at once."""
    return {"call": call_id}


def read(attributes: Attributes) -> Patch:
    """The patch that a read of several tables brought."""
    row = PatchRow()
    row.deserialize(dict(attributes))
    return _patch(row)


def load(call_id: str) -> Patch | None:
    """One patch, read consistently; None when nobody was to be connected in that call."""
    try:
        return _patch(PatchRow.get(call_id, consistent_read=True))
    except PatchRow.DoesNotExist:
        return None


def load_many(call_ids: Iterable[str]) -> Iterator[Patch]:
    """The patches there are among the calls, read consistently, in no order. One batch read per 100."""
    return map(read, batch_get(PatchRow, map(key, call_ids)))


def every(campaign: str | None = None) -> Iterator[Patch]:
    """Every patch, of one campaign or of all, in no order. Scans the table: for operators and checks, not for a request."""
    condition = PatchRow.campaign == campaign if campaign else None
    return map(_patch, PatchRow.scan(filter_condition=condition))


def save(patch: Patch, entry: Entry, also: Callable[[TransactWrite], None] | None = None) -> Commit:
    """Write a patch over the revision it was made from, with the fact of what happened and whatever changes with it, in one transaction."""
    # pynamodb's Connection finds the tables' key schemas through the connections the models have made.
    shared: Connection = connection(PatchRow).connection
    try:
        with TransactWrite(connection=shared) as transaction:
            transaction.save(_row(patch), condition=_unmoved(patch))
            transaction.save(
                journal.row_of(entry, entry.key), condition=JournalRow.source_id.does_not_exist()
            )
            if also is not None:
                also(transaction)
    except TransactWriteError as problem:
        if code_of(problem) != "TransactionCanceledException":
            raise
        of_patch, of_entry, *_ = [*problem.cancellation_reasons, None, None]
        if of_patch is not None:
            return Commit.RACED
        if of_entry is not None:  # a collision or a throttled table says nothing of what the journal holds
            return Commit.REPEATED if of_entry.code == "ConditionalCheckFailed" else Commit.RACED
        return Commit.REFUSED
    return Commit.DONE


def note(patch: Patch) -> bool:
    """Write a patch that no fact tells of: nobody was dialled. False when it has moved on since it was read."""
    try:
        _row(patch).save(condition=_unmoved(patch))
    except PutError as problem:
        if code_of(problem) == "ConditionalCheckFailedException":
            return False
        raise
    return True


def wait(call_id: str, token: str) -> Patch | None:
    """Note that a state machine waits for the patch's end; None when there is no such patch. The latest stands."""
    return _update(call_id, [PatchRow.token.set(token)], PatchRow.call.exists())


def answered(call_id: str, token: str) -> bool:
    """Note that the machine which waited by `token` has been told; False when another waits by now."""
    return _update(call_id, [PatchRow.token.remove()], PatchRow.token == token) is not None


def prolong(call_id: str, until: datetime) -> Patch | None:
    """Let a patch hold its slot longer; None when it is over."""
    goes_on = PatchRow.call.exists() & (PatchRow.state != State.OVER.value)
    return _update(call_id, [PatchRow.lease_until.set(times.written(until))], goes_on)


def dispose(call_id: str, disposition: Disposition) -> bool:
    """Note what the caller keyed in; the first stands."""
    unsaid = PatchRow.call.exists() & PatchRow.disposition.does_not_exist()
    return _update(call_id, [PatchRow.disposition.set(disposition.value)], unsaid) is not None


def audit(call_id: str, at: datetime, words: str) -> bool:
    """Note that an auditor looked into a patched call; the first stands. False when it was noted before, or is unknown."""
    actions = [PatchRow.audited_at.set(times.written(at)), PatchRow.audit.set(words)]
    return (
        _update(call_id, actions, PatchRow.call.exists() & PatchRow.audited_at.does_not_exist()) is not None
    )


# what every dial to a stranger is held against


@dataclass(frozen=True, slots=True)
class Climate:
    """How a campaign stands on a day in India: what changes slowly enough to be looked at every few seconds."""

    paused: str | None
    """Why sending is paused; None while it is not."""
    spent_paise: int
    """On calls so far, of every kind."""
    areas: Mapping[str, int]
    """Area → calls placed to its people that day."""


def climate(campaign: str, day: str) -> Climate:
    """All of it in one batch read."""
    names = (f"pause#{campaign}", f"spent#{voice_purse(campaign)}", _areas(campaign, day))
    keys = ({"name": name, "shard": ONLY} for name in names)
    rows = {row["name"]["S"]: row for row in batch_get(CounterRow, keys)}
    paused, spent, areas = (rows.get(name, {}) for name in names)
    return Climate(
        paused=paused["reason"]["S"] if "reason" in paused else None,
        spent_paise=int(spent["paise"]["N"]) if "paise" in spent else 0,
        areas={
            name.removeprefix(_AREA): int(value["N"])
            for name, value in areas.items()
            if name.startswith(_AREA)
        },
    )


def count_area(campaign: str, day: str, area: str, calls: int) -> None:
    """Count calls to people of an area on an Indian day. A repeat counts again: the cap is a soft one."""
    update_single(_areas(campaign, day), [Path([_AREA + area]).add(calls)])


def count_spent(campaign: str, paise: int) -> None:
    """Add what a patched call cost to what the campaign's calls cost. Not idempotent: whoever dies between the booking and this leaves
    the sum too low by one call, and nothing makes it again: `ringback patches stats` adds up the bookings themselves.
    """
    update_single(f"spent#{voice_purse(campaign)}", [Path(["paise"]).add(paise)])


_AREA = "a "


def _areas(campaign: str, day: str) -> str:
    return f"areas#{campaign}#{day}"


def _unmoved(patch: Patch) -> Condition:
    return PatchRow.revision == patch.revision if patch.revision else PatchRow.call.does_not_exist()


def _update(call_id: str, actions: Sequence[Action], condition: Condition) -> Patch | None:
    """Change a patch from outside its life. It counts as a change, or whoever is about to write the row would undo it."""
    moved = [*actions, PatchRow.revision.add(1)]
    attributes = update_if(PatchRow, call_id, actions=moved, condition=condition)
    return read(attributes) if attributes is not None else None


def _row(patch: Patch) -> PatchRow:
    return PatchRow(
        patch.call_id,
        campaign=patch.campaign,
        version=patch.version,
        number=patch.number,
        influencer=patch.influencer,
        party=patch.party.value,
        state=patch.state.value,
        revision=patch.revision + 1,
        attempts=json.dumps(list(map(_written, patch.attempts)), ensure_ascii=False, separators=(",", ":")),
        slot=patch.slot,
        reason=patch.reason.value if patch.reason else None,
        lease_until=times.written(patch.lease_until),
        token=patch.token,
        disputes=patch.disputes or None,
        disposition=patch.disposition.value if patch.disposition else None,
        audited_at=times.written(patch.audited_at) if patch.audited_at else None,
        audit=patch.audit,
        began_at=times.written(patch.began_at),
        last_at=times.written(patch.last_at),
        expires_at=int((patch.last_at + KEPT_FOR).timestamp()),
    )


def _patch(row: PatchRow) -> Patch:
    return Patch(
        call_id=row.call,
        campaign=row.campaign,
        version=int(row.version),
        number=row.number,
        influencer=row.influencer,
        party=Party(row.party),
        began_at=times.read(row.began_at),
        last_at=times.read(row.last_at),
        lease_until=times.read(row.lease_until),
        state=State(row.state),
        revision=int(row.revision),
        attempts=tuple(map(_attempt, json.loads(row.attempts))),
        slot=row.slot,
        reason=Reason(row.reason) if row.reason else None,
        token=row.token,
        disputes=int(row.disputes or 0),
        disposition=Disposition(row.disposition) if row.disposition else None,
        audited_at=times.read(row.audited_at) if row.audited_at else None,
        audit=row.audit,
    )


def _written(attempt: Attempt) -> dict[str, Any]:
    """An attempt in few characters: what is None is left out, so that a patch stays within a kilobyte."""
    answered_at = attempt.answered_at
    document = {
        "n": attempt.n,
        "who": attempt.who,
        "phone": attempt.phone,
        "kind": attempt.kind.value,
        "at": times.written(attempt.opened_at),
        "pool": attempt.pool,
        "ticket": attempt.ticket,
        "area": attempt.area,
        "language": attempt.language,
        "review": attempt.review,
        "state": attempt.state.value,
        "ending": attempt.ending.value if attempt.ending else None,
        "abandoned": attempt.is_abandoned or None,
        "answered": times.written(answered_at) if answered_at else None,
        "rang": attempt.rang_seconds,
        "talked": attempt.talked_seconds,
    }
    return {name: value for name, value in document.items() if value is not None}


def _attempt(document: dict[str, Any]) -> Attempt:
    ending, answered = document.get("ending"), document.get("answered")
    return Attempt(
        n=document["n"],
        who=document["who"],
        phone=document["phone"],
        kind=Kind(document["kind"]),
        opened_at=times.read(document["at"]),
        pool=document.get("pool"),
        ticket=document.get("ticket"),
        area=document.get("area"),
        language=document.get("language"),
        review=document.get("review"),
        state=Leg(document["state"]),
        ending=Ending(ending) if ending else None,
        is_abandoned=document.get("abandoned", False),
        answered_at=times.read(answered) if answered else None,
        rang_seconds=document.get("rang"),
        talked_seconds=document.get("talked"),
    )
