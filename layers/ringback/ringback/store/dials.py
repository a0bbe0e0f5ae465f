"""The ledger of calls that we place, from plan to ending. Each move is one conditional write along `domain.dials`."""

import json
from datetime import datetime

from ringback.domain import times
from ringback.domain.dials import UNSETTLED, Dial, Kind, State, predecessors
from ringback.store.ledgers import Ledger, moment
from ringback.store.tables import DialRow, put_if_new


def plan(dial: Dial) -> bool:
    """Write a new dial; False when it is in the ledger already, wherever it stands by now. One that is held waits from the start."""
    row = DialRow(
        dial.person,
        dial.name,
        campaign=dial.campaign,
        number=dial.number,
        menu=dial.menu,
        kind=str(dial.kind),
        cause=dial.cause,
        caused_at=times.written(dial.caused_at),
        fields=json.dumps(dict(dial.fields), ensure_ascii=False) if dial.fields else None,
        attempt=dial.attempt,
        state=str(dial.state),
        rule=dial.rule,
    )
    if dial.state is State.HELD:
        assert dial.due_at is not None
        row.bucket, row.due_at = ledger.bucket("held", dial), times.written(dial.due_at)
    return put_if_new(row, DialRow.person)


def placed(dial: Dial, provider_id: str, evidence_due: datetime) -> bool:
    """The provider took it. False when its ending or its first turn, or the end of our lease, overtook us."""
    actions = [DialRow.provider_id.set(provider_id), *ledger.waits("unknown", dial, evidence_due)]
    return ledger.move(dial, State.PLACED, actions, ledger.is_claimed_as(dial))


def ended(person: str, name: str, after: State, *, provider_id: str | None = None) -> bool:
    """Apply what proves how a dial ended. False when it changes nothing: repeated, or against another ending.

    What a person settled is only what they believed: evidence that comes after all may still move it.
    """
    actions = [DialRow.state.set(str(after)), DialRow.code.remove(), *ledger.waits_no_more()]
    if provider_id is not None:
        actions.append(DialRow.provider_id.set(provider_id))
    condition = ledger.is_in(predecessors(after)) | (DialRow.code == _SETTLED)
    return ledger.update(person, name, actions, condition)


def settle(dial: Dial, *, rang: bool) -> bool:
    """A person found out whether the phone rang: it has ended, or failed. It is never rung again by itself."""
    actions = [DialRow.code.set(_SETTLED), *ledger.waits_no_more()]
    return ledger.move(dial, State.ENDED if rang else State.FAILED, actions, ledger.is_in(UNSETTLED))


_SETTLED = "settled-by-a-person"


def _dial(row: DialRow) -> Dial:
    return Dial(
        person=row.person,
        name=row.dial,
        campaign=row.campaign,
        number=row.number,
        menu=row.menu,
        kind=Kind(row.kind),
        cause=row.cause,
        caused_at=times.read(row.caused_at),
        fields=json.loads(row.fields) if row.fields else {},
        attempt=int(row.attempt),
        state=State(row.state),
        rule=row.rule,
        due_at=moment(row.due_at),
        departs_at=moment(row.departs_at),
        claim=row.claim,
        claimed_at=moment(row.claimed_at),
        provider_id=row.provider_id,
        code=row.code,
    )


ledger: Ledger[Dial] = Ledger(DialRow, "dial", _dial, unsettled=UNSETTLED)

hold, refuse, release, claim = ledger.hold, ledger.refuse, ledger.release, ledger.claim
declined, lost_sight, list_for_a_person = ledger.declined, ledger.lost_sight, ledger.list_for_a_person
load, load_many, of_person = ledger.load, ledger.load_many, ledger.of_person
waiting, every = ledger.waiting, ledger.every
