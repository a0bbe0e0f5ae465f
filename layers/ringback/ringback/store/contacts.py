"""Contacts: one row per person and campaign, written so that any step may be repeated in any order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from ringback.domain import times
from ringback.domain.contacts import Consent, Contact, Planned, in_force
from ringback.store.tables import ContactRow, batch_get, connection, update_if

_FIRST = "first "
_PLANNED = "planned "
_CONSENT = "consent "
_FIELD = "field "
_AT = " at"


def record_call(contact: Contact, *, opts_out: bool) -> Contact:
    """Make or update the person behind a call and return them as they now stand.

    Every attribute is a first time, a latest time or a set member, so a repeat changes nothing and calls may come in any order. A call
    that opts out is one write more, and so is one that comes after a later call of the same person.
    """
    recorded, _ = _record(contact, (), None)
    if not opts_out:
        return recorded
    return opt_out(contact.person, contact.first_called_at) or recorded


def record_call_and_plan(
    contact: Contact, text: str, planned: Planned, once_per: timedelta
) -> tuple[Contact, bool]:
    """As `record_call`, and plan `text` for the person unless it was planned within `once_per` by another cause.

    One conditional write where the text is due, one more where it is not; two more where a later call came before this one. Returns the person and whether `planned.cause` is the
    cause of the text: True again for each repeat, so that an interrupted step is completed.
    """
    cause, at = Path([f"{_PLANNED}{text}"]), Path([f"{_PLANNED}{text} at"])
    due = cause.does_not_exist() | (cause == planned.cause) | (at < times.written(planned.at - once_per))
    actions = (cause.set(planned.cause), at.set(times.written(planned.at)))
    return _record(contact, actions, due)


def forget_plan(person: str, text: str, cause: str) -> Contact | None:
    """Undo the planning of a text by `cause`, which came to nothing: the next call may plan it. None when another cause has."""
    planned, at = Path([f"{_PLANNED}{text}"]), Path([f"{_PLANNED}{text} at"])
    return _update(person, [planned.remove(), at.remove()], planned == cause)


def _record(contact: Contact, planning: Sequence[Action], due: Condition | None) -> tuple[Contact, bool]:
    """Record what a contact tells, with what is planned where that is due; and whether it is.

    Of calls the last counts, and of texts those that are due: what holds usually is tried first.
    """
    tries: list[tuple[Sequence[Action], Condition | None, bool]] = [(planning, due, True)]
    if due is not None:
        tries.append(((), None, False))
    if contact.last_called_at is not None:
        path, at = Path(["last_called_at"]), times.written(contact.last_called_at)
        is_last = path.does_not_exist() | (path <= at)
        tries = [
            ((*actions, path.set(at)), is_last if condition is None else condition & is_last, is_due)
            for actions, condition, is_due in tries
        ] + tries
    for actions, condition, is_due in tries:
        stored = _update(contact.person, [*_told(contact), *actions], condition)
        if stored is not None:
            return stored, is_due
    raise AssertionError("the last try has no condition")


def _told(contact: Contact) -> list[Action]:
    """What may be written whatever stands there."""
    actions: list[Action] = [
        _keep_first("campaign", contact.campaign),
        _keep_first("phone", contact.phone),
        _keep_first("language", contact.language),
        _keep_first("first_called_at", times.written(contact.first_called_at)),
        _keep_first("first_number", contact.first_number),
        _keep_first("first_source", contact.first_source),
        *(_keep_first(_FIRST + place, cause) for place, cause in contact.first_calls.items()),
    ]
    if contact.signals:
        actions.append(ContactRow.signals.add(set(contact.signals)))
    return actions


def choose_language(person: str, language: str, at: datetime) -> None:
    """Note the language a known person chose or kept when it was offered; the latest stands."""
    _latest(person, "language", language, at)


def consent(person: str, channel: str, given: Consent) -> None:
    """Note a known person's consent to a channel with its evidence; the latest stands, and lifts an opt-out before it."""
    _latest(person, f"{_CONSENT}{channel}", given.cause, given.at)


def set_field(person: str, field: str, value: str, at: datetime) -> None:
    """Note what a known person's answer told of them; the latest stands."""
    _latest(person, f"{_FIELD}{field}", value, at)


def _latest(person: str, name: str, value: str, at: datetime) -> None:
    path, since = Path([name]), Path([f"{name}{_AT}"])
    moment = times.written(at)
    # Of two at one moment the greater stands, so that it is the same in every order.
    newer = since.does_not_exist() | (since < moment) | ((since == moment) & (path <= value))
    _update(person, [path.set(value), since.set(moment)], Path("person").exists() & newer)


def opt_out(person: str, at: datetime) -> Contact | None:
    """Mark a known person as opted out; the latest time stands. None when nobody is known by that id, or a later one stands."""
    moment, path = times.written(at), Path(["opted_out_at"])
    is_latest = path.does_not_exist() | (path <= moment)
    return _update(person, [path.set(moment)], Path("person").exists() & is_latest)


def suppress(person: str, reason: str) -> Contact | None:
    """Write to this person no more, for the provider's reason; the first reason stands."""
    return _change(person, _keep_first("suppressed", str(reason)))


def verify(person: str, message_id: str) -> Contact | None:
    """Note the message whose delivery proved the number; the first stands. The answer tells which it was."""
    return _change(person, _keep_first("verified", message_id))


def _change(person: str, action: Action) -> Contact | None:
    return _update(person, [action], Path("person").exists())


def _keep_first(name: str, value: str) -> Action:
    path = Path([name])
    return path.set(path | value)


def _update(person: str, actions: list[Action], condition: Condition | None) -> Contact | None:
    attributes = update_if(ContactRow, person, actions=actions, condition=condition)
    return read(attributes) if attributes is not None else None


def load(person: str) -> Contact | None:
    """One person, read consistently: an opt-out of a moment ago is seen."""
    return load_many([person]).get(person)


def load_many(people: Iterable[str]) -> dict[str, Contact]:
    """The known ones among the people, read consistently in one batch per 100."""
    keys = ({"person": person} for person in dict.fromkeys(people))
    return {contact.person: contact for contact in map(read, batch_get(ContactRow, keys))}


def every(campaign: str | None = None) -> Iterator[Contact]:
    """Every contact, of one campaign or of all, in no order. Scans the table: for operators and exports, not for a request."""
    table, start = connection(ContactRow), None
    condition = Path(["campaign"]) == campaign if campaign else None
    while True:
        answer = table.scan(filter_condition=condition, exclusive_start_key=start)
        yield from map(read, answer["Items"])
        start = answer.get("LastEvaluatedKey")
        if not start:
            return


def read(item: Mapping[str, Any]) -> Contact:
    """The person that a row tells of."""
    texts = {name: value["S"] for name, value in item.items() if "S" in value}
    opted_out_at = times.read(texts["opted_out_at"]) if "opted_out_at" in texts else None
    given = {
        name.removeprefix(_CONSENT): Consent(cause, times.read(texts[f"{name}{_AT}"]))
        for name, cause in texts.items()
        if name.startswith(_CONSENT) and not name.endswith(_AT)
    }
    consents = in_force(given, opted_out_at)
    return Contact(
        person=texts["person"],
        campaign=texts["campaign"],
        phone=texts["phone"],
        language=texts["language"],
        first_called_at=times.read(texts["first_called_at"]),
        first_number=texts["first_number"],
        first_source=texts["first_source"],
        last_called_at=times.read(texts["last_called_at"]) if "last_called_at" in texts else None,
        first_calls={
            name.removeprefix(_FIRST): cause for name, cause in texts.items() if name.startswith(_FIRST)
        },
        signals=frozenset(item.get("signals", {}).get("SS", ())),
        opted_out_at=None if consents else opted_out_at,
        suppressed=texts.get("suppressed"),
        verified=texts.get("verified"),
        planned={
            name.removeprefix(_PLANNED): Planned(cause, times.read(texts[f"{name} at"]))
            for name, cause in texts.items()
            if name.startswith(_PLANNED) and not name.endswith(_AT)
        },
        language_offered=f"language{_AT}" in texts,
        consents=consents,
        fields={
            name.removeprefix(_FIELD): value
            for name, value in texts.items()
            if name.startswith(_FIELD) and not name.endswith(_AT)
        },
    )
