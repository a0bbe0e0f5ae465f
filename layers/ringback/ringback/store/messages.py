"""The effect ledger: every outbound SMS, from plan to last report. Each move is one conditional write along `domain.messages`."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from ringback.domain import times
from ringback.domain.messages import CLAIMABLE, Message, State, predecessors
from ringback.store.tables import MessageRow, put_if_new, update_if

BUCKETS = 8
"""How many partitions the waiting messages are spread over."""

Waiting = Literal["held", "unknown", "listed"]


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


def hold(message: Message, rule: str, until: datetime, *, departs_at: datetime | None = None) -> bool:
    """Set the message aside until a moment; `release` brings it back. False when it is no longer ours to hold.

    A message that its own worker has claimed may be held again with its claim: the provider said that nothing left.
    """
    actions = [
        MessageRow.rule.set(rule),
        MessageRow.departs_at.set(times.written(departs_at))
        if departs_at
        else MessageRow.departs_at.remove(),
        *_waiting("held", message, until),
    ]
    return _move(message, State.HELD, actions, _still(message))


def refuse(message: Message, rule: str) -> bool:
    """The policy gate said never. Final."""
    return _move(message, State.REFUSED, [MessageRow.rule.set(rule), *_NOT_WAITING], _in(CLAIMABLE))


def release(message: Message) -> bool:
    """End a hold: the message goes back to the queue. Call it after the queue has the message, so a crash repeats, never loses."""
    return _move(message, State.PLANNED, list(_NOT_WAITING), MessageRow.state == str(State.HELD))


def claim(claimed: Message) -> bool:
    """Take the message for sending, with the claim it carries; exactly one worker gets True. From here on it may have left.

    The same claim twice is one claim: a request whose answer was lost is made again by the AWS client itself.
    """
    assert claimed.claim is not None
    assert claimed.claimed_at is not None
    actions = [
        MessageRow.claim.set(claimed.claim),
        MessageRow.claimed_at.set(times.written(claimed.claimed_at)),
        MessageRow.departs_at.remove(),
        MessageRow.rule.remove(),
        *_NOT_WAITING,
    ]
    return _move(claimed, State.CLAIMED, actions, _in(CLAIMABLE) | _claimed_as(claimed))


def sent(message: Message, provider_id: str, parts: int | None) -> bool:
    """The provider took it. False when a delivery report, or the end of our lease, overtook us."""
    actions = [MessageRow.provider_id.set(provider_id)]
    if parts is not None:
        actions.append(MessageRow.parts.set(parts))
    return _move(message, State.SENT, actions, _claimed_as(message))


def declined(message: Message, code: str) -> bool:
    """The provider refused it for good: nothing left."""
    return _move(message, State.FAILED, [MessageRow.code.set(code)], _claimed_as(message))


def lost_sight(message: Message, reason: str, evidence_due: datetime) -> bool:
    """Nobody knows whether it left: wait for the delivery report until `evidence_due`, then list it for a person."""
    actions = [MessageRow.rule.set(reason), *_waiting("unknown", message, evidence_due)]
    return _move(message, State.UNKNOWN, actions, _claimed_as(message))


def list_for_a_person(message: Message, since: datetime) -> bool:
    """No evidence came in time: move an unknown message to the list that people settle. It stays unknown."""
    actions = list(_waiting("listed", message, since))
    return _update(message.person, message.name, actions, MessageRow.state == str(State.UNKNOWN))


def settle(message: Message, *, left: bool) -> bool:
    """A person found out whether an unknown message left: it is sent, or failed. It is never sent again by itself.

    A delivery report that comes after all knows better, and may still move it.
    """
    actions = [MessageRow.code.set(_SETTLED), *_NOT_WAITING]
    return _move(
        message, State.SENT if left else State.FAILED, actions, MessageRow.state == str(State.UNKNOWN)
    )


def report(
    person: str, name: str, after: State, *, code: str, provider_id: str | None, parts: int | None
) -> bool:
    """Apply a delivery report. False when it changes nothing: repeated, overtaken by a later state, or against a final one."""
    actions = [MessageRow.code.set(code), *_NOT_WAITING]
    if provider_id is not None:
        actions.append(MessageRow.provider_id.set(provider_id))
    if parts is not None:
        actions.append(MessageRow.parts.set(parts))
    return _update(
        person,
        name,
        [MessageRow.state.set(str(after)), *actions],
        _in(predecessors(after)) | (MessageRow.code == _SETTLED),
    )


def load(person: str, name: str) -> Message | None:
    """One message, read consistently; None when there is none."""
    return load_many([(person, name)]).get((person, name))


def load_many(keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Message]:
    """The known ones among the messages (person, name), read consistently in one batch per 100."""
    rows = MessageRow.batch_get(list(dict.fromkeys(keys)), consistent_read=True)
    return {(row.person, row.message): _message(row) for row in rows}


def of_person(person: str) -> list[Message]:
    """Every message to one person: one query."""
    return [_message(row) for row in MessageRow.query(person)]


def waiting(kind: Waiting, until: datetime) -> Iterator[tuple[str, str]]:
    """The (person, name) of what waits in a list with a moment up to `until`, earliest first within each bucket."""
    for bucket in range(BUCKETS):
        for row in MessageRow.due.query(f"{kind}#{bucket}", MessageRow.due_at <= times.written(until)):
            yield row.person, row.message


def every(campaign: str | None = None, state: State | None = None) -> Iterator[Message]:
    """Every message, filtered, in no order. Scans the table: for operators and checks, not for a request."""
    condition: Condition | None = None
    if campaign:
        condition = MessageRow.campaign == campaign
    if state:
        in_state = MessageRow.state == str(state)
        condition = condition & in_state if condition is not None else in_state
    return map(_message, MessageRow.scan(filter_condition=condition))


_SETTLED = "settled-by-a-person"

_NOT_WAITING = (MessageRow.bucket.remove(), MessageRow.due_at.remove())


def _waiting(kind: Waiting, message: Message, due_at: datetime) -> tuple[Action, Action]:
    bucket = hashlib.sha256(message.message_id.encode()).digest()[0] % BUCKETS
    return MessageRow.bucket.set(f"{kind}#{bucket}"), MessageRow.due_at.set(times.written(due_at))


def _in(states: Iterable[State]) -> Condition:
    within: Condition = MessageRow.state.is_in(*(str(state) for state in states))
    return within


def _still(message: Message) -> Condition:
    """That nobody else has moved the message since we loaded or claimed it."""
    if message.state is State.CLAIMED:
        return _claimed_as(message)
    return _in(CLAIMABLE)


def _claimed_as(message: Message) -> Condition:
    ours: Condition = (MessageRow.claim == message.claim) & (MessageRow.state == str(State.CLAIMED))
    return ours


def _move(message: Message, after: State, actions: Sequence[Action], condition: Condition) -> bool:
    return _update(message.person, message.name, [MessageRow.state.set(str(after)), *actions], condition)


def _update(person: str, name: str, actions: Sequence[Action], condition: Condition) -> bool:
    return update_if(MessageRow, person, name, actions=actions, condition=condition) is not None


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
        due_at=_moment(row.due_at),
        departs_at=_moment(row.departs_at),
        claim=row.claim,
        claimed_at=_moment(row.claimed_at),
        provider_id=row.provider_id,
        code=row.code,
        parts=int(row.parts) if row.parts is not None else None,
    )


def _moment(text: str | None) -> datetime | None:
    return times.read(text) if text else None
