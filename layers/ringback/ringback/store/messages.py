"""The effect ledger: every outbound SMS, from plan to last report. Each move is one conditional write along `domain.messages`."""

from ringback.domain import times
from ringback.domain.messages import Message, State, predecessors
from ringback.store.ledgers import Ledger, moment
from ringback.store.ledgers import Waiting as Waiting
from ringback.store.tables import MessageRow, put_if_new


def plan(message: Message) -> bool:
    """Write a new message; False when it is in the ledger already, wherever it stands by now."""
    row = MessageRow(
        message.person,
        message.name,
        campaign=message.campaign,
        text=message.text,
        language=message.language,
        cause=message.cause,
        caused_at=times.written(message.caused_at),
        state=str(message.state),
    )
    return put_if_new(row, MessageRow.person)


def sent(message: Message, provider_id: str, parts: int | None) -> bool:
    """The provider took it. False when a delivery report, or the end of our lease, overtook us."""
    actions = [MessageRow.provider_id.set(provider_id)]
    if parts is not None:
        actions.append(MessageRow.parts.set(parts))
    return ledger.move(message, State.SENT, actions, ledger.is_claimed_as(message))


def settle(message: Message, *, left: bool) -> bool:
    """A person found out whether an unknown message left: it is sent, or failed. It is never sent again by itself.

    A delivery report that comes after all knows better, and may still move it.
    """
    actions = [MessageRow.code.set(_SETTLED), *ledger.waits_no_more()]
    return ledger.move(message, State.SENT if left else State.FAILED, actions, ledger.is_in([State.UNKNOWN]))


def report(
    person: str, name: str, after: State, *, code: str, provider_id: str | None, parts: int | None
) -> bool:
    """Apply a delivery report. False when it changes nothing: repeated, overtaken by a later state, or against a final one."""
    actions = [MessageRow.state.set(str(after)), MessageRow.code.set(code), *ledger.waits_no_more()]
    if provider_id is not None:
        actions.append(MessageRow.provider_id.set(provider_id))
    if parts is not None:
        actions.append(MessageRow.parts.set(parts))
    return ledger.update(
        person, name, actions, ledger.is_in(predecessors(after)) | (MessageRow.code == _SETTLED)
    )


_SETTLED = "settled-by-a-person"


def _message(row: MessageRow) -> Message:
    return Message(
        person=row.person,
        name=row.message,
        campaign=row.campaign,
        text=row.text,
        language=row.language,
        cause=row.cause,
        caused_at=times.read(row.caused_at),
        state=State(row.state),
        rule=row.rule,
        due_at=moment(row.due_at),
        departs_at=moment(row.departs_at),
        claim=row.claim,
        claimed_at=moment(row.claimed_at),
        provider_id=row.provider_id,
        code=row.code,
        parts=int(row.parts) if row.parts is not None else None,
    )


ledger: Ledger[Message] = Ledger(MessageRow, "message", _message, unsettled=[State.UNKNOWN])

hold, refuse, release, claim = ledger.hold, ledger.refuse, ledger.release, ledger.claim
declined, lost_sight, list_for_a_person = ledger.declined, ledger.lost_sight, ledger.list_for_a_person
load, load_many, of_person = ledger.load, ledger.load_many, ledger.of_person
waiting, every = ledger.waiting, ledger.every
