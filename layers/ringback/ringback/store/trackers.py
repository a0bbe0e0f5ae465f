"""Trackers: one row each, under their campaign, so that those on duty are one Query."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from ringback.domain import times
from ringback.domain.contacts import Contact
from ringback.domain.trackers import OWES_FOR, PinLimits, Tracker
from ringback.store import contacts
from ringback.store.singles import ONLY, load_single, moment, ms, update_single
from ringback.store.tables import Attributes, ContactRow, CounterRow, TrackerRow, read_together, update_if
from ringback.store.transactions import Write


def enrol(tracker: Tracker) -> bool:
    """Write a tracker, or their name, PIN, languages and part anew; False when the row was there. What they have done stays."""
    actions: list[Action] = [
        TrackerRow.phone.set(tracker.phone),
        TrackerRow.name.set(tracker.name),
        TrackerRow.pin.set(tracker.pin),
        TrackerRow.mystery.set(tracker.mystery),
        TrackerRow.on_duty.set(TrackerRow.on_duty | False),
        TrackerRow.languages.set(set(tracker.languages))
        if tracker.languages
        else TrackerRow.languages.remove(),
    ]
    new = update_if(
        TrackerRow,
        tracker.campaign,
        tracker.person,
        actions=actions,
        condition=TrackerRow.person.does_not_exist(),
    )
    if new is None:
        update_if(TrackerRow, tracker.campaign, tracker.person, actions=actions)
    return new is not None


def remove(campaign: str, person: str) -> bool:
    """Forget a tracker: from now on their PIN opens nothing. False when there is none."""
    found = load(campaign, person)
    TrackerRow(campaign, person).delete()
    return found is not None


def load(campaign: str, person: str) -> Tracker | None:
    """One tracker, read consistently; None when nobody of that id is enrolled."""
    try:
        return _tracker(TrackerRow.get(campaign, person, consistent_read=True))
    except TrackerRow.DoesNotExist:
        return None


def of_campaign(campaign: str, *, only_on_duty: bool = False) -> Iterator[Tracker]:
    """A campaign's trackers, read consistently: a few hundred at most, so one Query of a page or two."""
    condition: Condition | None = TrackerRow.on_duty == True if only_on_duty else None  # noqa: E712
    return map(_tracker, TrackerRow.query(campaign, filter_condition=condition, consistent_read=True))


def as_contacts(campaign: str, people: Iterable[str]) -> tuple[Mapping[str, Contact], str | None]:
    """Trackers as people who may have asked to be left alone, and why the campaign's sending is paused (None while it is not), read
    consistently in one request. At most 99 people.
    """
    pause = {"name": f"pause#{campaign}", "shard": ONLY}
    found = read_together({ContactRow: [{"person": each} for each in people], CounterRow: [pause]})
    known = {contact.person: contact for contact in map(contacts.read, found[ContactRow])}
    return known, next((row["reason"]["S"] for row in found[CounterRow]), None)


def duty(campaign: str, person: str, on: bool, at: datetime) -> bool:
    """Begin or end a shift; False when there is no such tracker, or they changed it later than `at`."""
    actions = [TrackerRow.on_duty.set(on), TrackerRow.duty_at.set(times.written(at))]
    earlier = TrackerRow.duty_at.does_not_exist() | (TrackerRow.duty_at < times.written(at))
    return _update(campaign, person, actions, earlier) is not None


def take(tracker: Tracker, call: str, now: datetime, until: datetime) -> Tracker | None:
    """Take a tracker for a call (`<call id>/<attempt>`); None when they are not free any more, or owe a verdict by now.

    The same call twice is one: two questions may ask at once, and a request whose answer was lost is made again by the AWS client itself.
    """
    free = (TrackerRow.on_duty == True) & (  # noqa: E712
        TrackerRow.busy_until.does_not_exist() | (TrackerRow.busy_until <= times.written(now))
    )
    owes_nothing = TrackerRow.pending.does_not_exist() | (
        TrackerRow.last_call_at <= times.written(now - OWES_FOR)
    )
    actions = [
        TrackerRow.busy_call.set(call),
        TrackerRow.busy_until.set(times.written(until)),
        TrackerRow.last_call_at.set(times.written(now)),
    ]
    return _update(
        tracker.campaign, tracker.person, actions, (free & owes_nothing) | (TrackerRow.busy_call == call)
    )


def free(campaign: str, person: str, call: str) -> bool:
    """Let a tracker go; False when they are busy with another call by now, or with none."""
    actions = [TrackerRow.busy_call.remove(), TrackerRow.busy_until.remove()]
    return _update(campaign, person, actions, TrackerRow.busy_call == call) is not None


def owe(campaign: str, person: str, review_id: str) -> bool:
    """Note that a tracker owes a review its verdict. False when they are not enrolled any more."""
    return _update(campaign, person, [TrackerRow.pending.add({review_id})], None) is not None


def owe_no_more(campaign: str, person: str, review_id: str) -> bool:
    """A review needs no verdict of theirs any more. Repeating it changes nothing."""
    return _update(campaign, person, [TrackerRow.pending.delete({review_id})], None) is not None


def judged_action(tracker: Tracker, review_id: str, hour: str, *, approved: bool) -> Write:
    """Count a verdict, as one write of the transaction that gives it. It fails when another of theirs was counted since they were read."""
    actions: list[Action] = [TrackerRow.reviews_given.add(1), TrackerRow.pending.delete({review_id})]
    if approved:
        n = tracker.approved_in(hour) + 1
        actions += [TrackerRow.hour.set(hour), TrackerRow.approvals.set(n)]
    row = TrackerRow(tracker.campaign, tracker.person)
    given = (
        TrackerRow.reviews_given == tracker.reviews_given
        if tracker.reviews_given
        else TrackerRow.reviews_given.does_not_exist()
    )
    return Write(row, actions, TrackerRow.person.exists() & given)


# ── PINs: a tracker's try is taken before the digits are looked at, so that tries at the same moment cannot share one ──


def take_try(tracker: Tracker, most: int, now: datetime) -> Tracker | None:
    """Take one of the `most` tries that a tracker has; it stands as a wrong one until `right_pin`. None when they are locked out or none
    is left.
    """
    open_ = TrackerRow.locked_until.does_not_exist() | (TrackerRow.locked_until <= times.written(now))
    left = TrackerRow.wrong_pins.does_not_exist() | (TrackerRow.wrong_pins < most)
    return _update(tracker.campaign, tracker.person, [TrackerRow.wrong_pins.add(1)], open_ & left)


def right_pin(tracker: Tracker) -> None:
    """The PIN was right: nothing of the tries stays."""
    actions = [TrackerRow.wrong_pins.remove(), TrackerRow.locked_until.remove()]
    _update(tracker.campaign, tracker.person, actions, None)


def lock(tracker: Tracker, until: datetime) -> bool:
    """Lock a tracker out, and give them fresh tries for afterwards; False when somebody did at the same time."""
    actions = [TrackerRow.wrong_pins.remove(), TrackerRow.locked_until.set(times.written(until))]
    used_up = TrackerRow.wrong_pins == tracker.wrong_pins
    return _update(tracker.campaign, tracker.person, actions, used_up) is not None


def unlock(campaign: str, person: str) -> bool:
    """Let a tracker try again at once; False when there is none."""
    actions = [TrackerRow.wrong_pins.remove(), TrackerRow.locked_until.remove()]
    return _update(campaign, person, actions, None) is not None


def wrong_together(campaign: str, limits: PinLimits, now: datetime) -> bool:
    """Count a wrong PIN among those of all telephones together; True when that locks them, which is said of the one that did.
    While they are locked nothing is counted.
    """
    name, wrong, since, closed = f"pins#{campaign}", Path(["wrong"]), Path(["since_ms"]), Path(["locked_ms"])
    began = ms(now)
    open_ = closed.does_not_exist() | (closed <= began)
    fresh = since > ms(now - limits.window)
    counted = update_single(name, [wrong.add(1)], open_ & fresh)
    if counted is None:
        stale = since.does_not_exist() | (since <= ms(now - limits.window))
        update_single(name, [wrong.set(1), since.set(began)], open_ & stale)
        return False
    if int(counted["wrong"]["N"]) < limits.most_wrong_together:
        return False
    until = ms(now + limits.locked_for)
    actions = [closed.set(until), since.set(until), wrong.set(0)]
    return update_single(name, actions, open_) is not None


def locked_together(campaign: str, now: datetime) -> datetime | None:
    """Until when all telephones together are locked; None when they are not. One read."""
    row = load_single(f"pins#{campaign}")
    until = moment(row["locked_ms"]) if "locked_ms" in row else None
    return until if until is not None and until > now else None


def unlock_together(campaign: str) -> None:
    """Let the campaign's trackers have all their tries again at once."""
    actions = [Path([name]).remove() for name in ("locked_ms", "since_ms", "wrong")]
    update_single(f"pins#{campaign}", actions)


def _update(
    campaign: str, person: str, actions: Sequence[Action], condition: Condition | None
) -> Tracker | None:
    exists = TrackerRow.person.exists()
    stored = update_if(
        TrackerRow,
        campaign,
        person,
        actions=actions,
        condition=exists & condition if condition is not None else exists,
    )
    return None if stored is None else _read(stored)


def _read(attributes: Attributes) -> Tracker:
    row = TrackerRow()
    row.deserialize(dict(attributes))
    return _tracker(row)


def _moment(text: str | None) -> datetime | None:
    return times.read(text) if text else None


def _tracker(row: TrackerRow) -> Tracker:
    return Tracker(
        campaign=row.campaign,
        person=row.person,
        phone=row.phone,
        name=row.name,
        pin=row.pin,
        languages=tuple(sorted(row.languages or ())),
        mystery=bool(row.mystery),
        on_duty=bool(row.on_duty),
        duty_at=_moment(row.duty_at),
        busy_call=row.busy_call,
        busy_until=_moment(row.busy_until),
        reviews_given=int(row.reviews_given or 0),
        last_call_at=_moment(row.last_call_at),
        pending=frozenset(row.pending or ()),
        hour=row.hour or "",
        approvals=int(row.approvals or 0),
        wrong_pins=int(row.wrong_pins or 0),
        locked_until=_moment(row.locked_until),
    )
