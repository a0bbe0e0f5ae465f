"""Grievances: one row each, moved by conditional writes along `domain.feedback`.

Answer and clock meet in the row. Whoever stores its half of the two (the answer, or the token that the clock waits by) gets back the
row as it then stands; DynamoDB orders the two writes, so at least the second one sees both and answers the token.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from ringback.domain import feedback, times
from ringback.domain.feedback import OPEN, Grievance, Kind, State, Tagged, Tagger
from ringback.store.tables import Attributes, FeedbackRow, put_if_new, update_if

BUCKETS = 4
"""How many partitions each list of what waits is spread over."""

Waiting = Literal["open", "late", "settling"]


def keep(grievance: Grievance) -> Grievance:
    """Write a new grievance, or leave the one that its cause made before; returns what is stored."""
    tags: dict[str, Any] = {}
    for kind, tagged in grievance.tags.items():
        tags |= {str(kind): tagged.value, f"{kind}_by": str(tagged.by)}
    row = FeedbackRow(
        grievance.id,
        campaign=grievance.campaign,
        person=grievance.person,
        topic=grievance.topic,
        language=grievance.language,
        provider=grievance.provider,
        cause=grievance.cause,
        url=grievance.url,
        seconds=grievance.seconds,
        recorded_at=times.written(grievance.recorded_at),
        due_at=times.written(grievance.due_at),
        bucket=_bucket("open", grievance.id),
        state=str(grievance.state),
        **tags,
    )
    if put_if_new(row, FeedbackRow.feedback):
        return grievance
    stored = load(grievance.id)
    assert stored is not None  # grievances are never deleted
    return stored


def load(name: str) -> Grievance | None:
    """One grievance, read consistently; None when there is none by that id."""
    try:
        return _grievance(FeedbackRow.get(name, consistent_read=True))
    except FeedbackRow.DoesNotExist:
        return None


def tag(name: str, tags: Mapping[Kind, str], by: Tagger, note: str | None = None) -> Grievance | None:
    """Tag a grievance; None when there is none by that id.

    A person's tag replaces what stands; any other only fills in what is empty. Repeating it changes nothing.
    """
    actions = [action for kind, value in tags.items() for action in _tagging(kind, value, by)]
    if note is not None:
        actions.append(FeedbackRow.note.set(note))
    stored = _update(name, actions, FeedbackRow.feedback.exists()) if actions else load(name)
    if stored is not None and stored.state is State.NEW and feedback.is_tagged(stored.tags):
        return _move(name, State.TAGGED, [], _in(State.NEW)) or load(name)
    return stored


def answer(name: str, at: datetime, words: str) -> Grievance | None:
    """Note the answer; the grievance as it then stands, or None when it was answered or closed before."""
    actions = [
        FeedbackRow.answered_at.set(times.written(at)),
        FeedbackRow.answer.set(words),
        FeedbackRow.bucket.set(_bucket("settling", name)),
    ]
    return _move(name, State.ANSWERED, actions, _in(*feedback.predecessors(State.ANSWERED)))


def close(name: str, at: datetime, note: str | None) -> Grievance | None:
    """Close a grievance, answered or not; as it then stands, or None when it was closed before."""
    actions = [
        FeedbackRow.closed_at.set(times.written(at)),
        FeedbackRow.bucket.set(_bucket("settling", name)),
    ]
    if note is not None:
        actions.append(FeedbackRow.note.set(note))
    return _move(name, State.CLOSED, actions, _in(*feedback.predecessors(State.CLOSED)))


def wait(name: str, token: str) -> Grievance | None:
    """Store the token that the clock waits by, in place of an earlier one; the grievance as it then stands."""
    return _update(name, [FeedbackRow.token.set(token)], FeedbackRow.feedback.exists())


def settled(name: str, token: str | None) -> bool:
    """The clock knows: nothing waits any more. False when it waits by another token by now, or the grievance is open."""
    waits_by = FeedbackRow.token == token if token else FeedbackRow.token.does_not_exist()
    actions = [FeedbackRow.token.remove(), FeedbackRow.bucket.remove()]
    return _update(name, actions, waits_by & ~_in(*OPEN) & FeedbackRow.feedback.exists()) is not None


def remind(name: str, nth: int) -> bool:
    """Note that the team was reminded for the nth time; False when it was before, or nothing is open."""
    fewer = FeedbackRow.reminders.does_not_exist() | (FeedbackRow.reminders < nth)
    return _update(name, [FeedbackRow.reminders.set(nth)], _in(*OPEN) & fewer) is not None


def breach(name: str, at: datetime) -> bool:
    """Note that the answer did not come in time; False when that was noted before, or nothing is open."""
    actions = [
        FeedbackRow.breached_at.set(times.written(at)),
        FeedbackRow.bucket.set(_bucket("late", name)),
    ]
    return _update(name, actions, _in(*OPEN) & FeedbackRow.breached_at.does_not_exist()) is not None


def copied(name: str, key: str) -> bool:
    """Note where our copy of the recording is; the first stands. False when there is no such grievance."""
    path = FeedbackRow.recording
    actions = [path.set(path | key), FeedbackRow.recording_problem.remove()]
    return _update(name, actions, FeedbackRow.feedback.exists()) is not None


def not_copied(name: str, why: str) -> bool:
    """Note why there will be no copy. False when there is one after all."""
    none_yet = FeedbackRow.feedback.exists() & FeedbackRow.recording.does_not_exist()
    return _update(name, [FeedbackRow.recording_problem.set(why)], none_yet) is not None


def waiting(kind: Waiting, until: datetime) -> Iterator[str]:
    """The ids of what is in a list and was due up to `until`, earliest first within each bucket."""
    for bucket in range(BUCKETS):
        for row in FeedbackRow.waiting.query(f"{kind}#{bucket}", FeedbackRow.due_at <= times.written(until)):
            yield row.feedback


def every(campaign: str | None = None) -> Iterator[Grievance]:
    """Every grievance, of one campaign or of all, in no order. Scans the table: for operators and checks, not for a request."""
    condition = FeedbackRow.campaign == campaign if campaign else None
    return map(_grievance, FeedbackRow.scan(filter_condition=condition))


def _bucket(kind: Waiting, name: str) -> str:
    return f"{kind}#{hashlib.sha256(name.encode()).digest()[0] % BUCKETS}"


def _tagging(kind: Kind, value: str, by: Tagger) -> tuple[Action, Action]:
    path, tagger = Path([str(kind)]), Path([f"{kind}_by"])
    if by is Tagger.PERSON:
        return path.set(value), tagger.set(str(by))
    return path.set(path | value), tagger.set(tagger | str(by))


def _in(*states: State) -> Condition:
    within: Condition = FeedbackRow.state.is_in(*(str(state) for state in states))
    return within


def _move(name: str, after: State, actions: Sequence[Action], condition: Condition) -> Grievance | None:
    return _update(name, [FeedbackRow.state.set(str(after)), *actions], condition)


def _update(name: str, actions: Sequence[Action], condition: Condition) -> Grievance | None:
    attributes = update_if(FeedbackRow, name, actions=actions, condition=condition)
    return None if attributes is None else _stored(attributes)


def _stored(attributes: Attributes) -> Grievance:
    row = FeedbackRow()
    row.deserialize(dict(attributes))
    return _grievance(row)


def _grievance(row: FeedbackRow) -> Grievance:
    tags = {
        kind: Tagged(getattr(row, str(kind)), Tagger(getattr(row, f"{kind}_by")))
        for kind in Kind
        if getattr(row, str(kind)) is not None
    }
    return Grievance(
        id=row.feedback,
        campaign=row.campaign,
        person=row.person,
        topic=row.topic,
        language=row.language,
        provider=row.provider,
        cause=row.cause,
        url=row.url,
        recorded_at=times.read(row.recorded_at),
        due_at=times.read(row.due_at),
        seconds=int(row.seconds) if row.seconds is not None else None,
        state=State(row.state),
        tags=tags,
        note=row.note,
        recording=row.recording,
        recording_problem=row.recording_problem,
        reminders=int(row.reminders or 0),
        answered_at=_moment(row.answered_at),
        answer=row.answer,
        closed_at=_moment(row.closed_at),
        breached_at=_moment(row.breached_at),
        token=row.token,
    )


def _moment(text: str | None) -> datetime | None:
    return times.read(text) if text else None
