"""Trackers: who takes the next influencer, and who is speaking on the tracker line."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from ringback import observability
from ringback.domain import phones, policy, reviews, trackers
from ringback.domain.campaigns import Campaign
from ringback.domain.contacts import Contact
from ringback.domain.dials import Kind as DialKind
from ringback.domain.errors import NotFound, Rejected
from ringback.domain.influencers import Influencer, may_be_rung_back
from ringback.domain.patches import claim_of
from ringback.domain.policy import CallEffect, Send, Spent, Standing
from ringback.domain.trackers import LEASE, PIN_MEANS, Identified, PinLimits, Tracker
from ringback.runtime import Runtime
from ringback.services import influencers
from ringback.services.campaigns import Shelf
from ringback.store import calls, contacts
from ringback.store import influencers as influencer_store
from ringback.store import reviews as review_store
from ringback.store import trackers as store

ENROLLED = "enrolled"
"""Where a contact comes from who never called us."""

_TRIES = 8
"""How many trackers are tried one after the other when others take them at the same moment."""


def find(campaign: str, person: str) -> Tracker:
    """One tracker; `NotFound` when nobody of that id is enrolled."""
    tracker = store.load(campaign, person)
    if tracker is None:
        raise NotFound(f"{campaign} has no tracker {person}: `ringback trackers list` shows those there are")
    return tracker


def enrol(
    runtime: Runtime,
    campaign: str,
    phone: str,
    name: str,
    pin: str,
    languages: tuple[str, ...] = (),
    *,
    mystery: bool = False,
) -> Tracker:
    """Enrol a tracker, or change who is enrolled with this number. `phone` is E.164. `Rejected` for a PIN that anybody would guess."""
    if not trackers.is_fit_pin(pin):
        raise Rejected(f"the PIN must be {PIN_MEANS}")
    if phones.mask_all(name) != name:
        raise Rejected("the name must not hold a number: it stands in lists and logs")
    pepper = runtime.secrets.person_pepper
    person = phones.person_id(pepper, campaign, phone)
    tracker = Tracker(
        campaign=campaign,
        person=person,
        phone=phone,
        name=name,
        pin=trackers.pin_hash(pepper, person, pin),
        languages=languages,
        mystery=mystery,
    )
    store.enrol(tracker)
    _make_known(runtime, tracker)
    return find(campaign, person)


def _make_known(runtime: Runtime, tracker: Tracker) -> None:
    """Keep a tracker as a contact too: whoever is rung by us can ask not to be."""
    contact = Contact(
        person=tracker.person,
        campaign=tracker.campaign,
        phone=tracker.phone,
        language=next(iter(tracker.languages), ""),
        first_called_at=runtime.clock.now(),
        first_number=ENROLLED,
        first_source=ENROLLED,
    )
    contacts.record_call(contact, opts_out=False)


# ── who takes the next call ──


def choose(
    runtime: Runtime,
    campaign: Campaign,
    influencer: Influencer,
    call_id: str,
    attempt: int,
    exclude: Collection[str] = (),
    *,
    number: str,
    mystery: bool = False,
) -> Tracker | None:
    """Take a free tracker for one attempt of a call, fairly; None when nobody is free, or may be rung now. One Query, one read and, unless
    others take the same ones at the same moment, one write. The same attempt gets the same tracker again.

    `exclude`: who must not be asked. `number`: ours, that the tracker will see. `mystery`: of those alone who may be rung in a voter's stead.
    """
    now, taken_for = runtime.clock.now(), claim_of(call_id, attempt)
    on_duty = [
        each for each in store.of_campaign(campaign.id, only_on_duty=True) if each.mystery or not mystery
    ]
    for each in on_duty:
        if each.busy_call == taken_for and each.is_busy(now):
            return each
    line = _in_turn(on_duty, influencer, exclude, now)
    for each in islice(_allowed(campaign, line, number, now), _TRIES):
        taken = store.take(each, taken_for, now, now + LEASE)
        if taken is not None:
            return taken
    observability.count("NoTrackerFree")
    return None


def _in_turn(
    some: Iterable[Tracker], influencer: Influencer, exclude: Collection[str], now: datetime
) -> list[Tracker]:
    """The free ones who may talk to this influencer: never they themselves."""
    others = [each for each in some if each.phone != influencer.phone]
    return trackers.in_turn(others, influencer.language, {*exclude, influencer.person}, now)


def _allowed(campaign: Campaign, line: Sequence[Tracker], number: str, now: datetime) -> Iterator[Tracker]:
    """Those of a line whom the policy gate lets us ring at once: who works for the campaign may opt out, and has its hours and pauses.
    One read for every eight that are looked at.
    """
    for start in range(0, len(line), _TRIES):
        some = line[start : start + _TRIES]
        known, paused = store.as_contacts(campaign.id, [each.person for each in some])
        for each in some:
            effect = CallEffect(DialKind.DUTY, each.phone, number, caused_at=now, cost_paise=0)
            contact = known.get(each.person)
            standing = Standing(
                opted_out_at=contact.opted_out_at if contact else None,
                suppressed=contact.suppressed if contact else None,
                place=contact.fields.get("place") if contact else None,
            )
            spent = Spent(0, paused, prefix_tripped_until=None)
            if policy.decide(effect, standing, campaign, spent, now) == Send():
                yield each


def free(campaign: str, person: str, call_id: str, attempt: int) -> bool:
    """The attempt is over: the tracker may be taken again. False when they are not busy with it any more."""
    return store.free(campaign, person, claim_of(call_id, attempt))


def keep_promises(runtime: Runtime, has_time: Callable[[], bool] = lambda: True) -> int:
    """Ring the influencers who were promised it, the longest waiting first; returns how many. Each takes a tracker who is free, may be rung
    now and may be asked about this influencer: without one the promise waits, so that nobody is rung to hear that nobody is free.
    """
    now, shelf, kept = runtime.clock.now(), Shelf(runtime.settings.catalog_cache_seconds), 0
    free: dict[str, list[Tracker]] = {}
    for influencer in influencer_store.promised(now):
        if not has_time():
            break
        campaign = shelf.current(influencer.campaign)
        if campaign.reviews is None or not may_be_rung_back(influencer, campaign.callbacks.once_per, now):
            continue
        if campaign.id not in free:
            on_duty = store.of_campaign(campaign.id, only_on_duty=True)
            rested = [each for each in on_duty if each.is_free(now)]
            free[campaign.id] = list(_allowed(campaign, rested, campaign.reviews.number, now))
        if not free[campaign.id]:
            continue
        exclude = influencers.must_not_be_asked(campaign, influencer)
        line = _in_turn(free[campaign.id], influencer, exclude, now)
        if line and influencers.ring_back(runtime, campaign, influencer):
            free[campaign.id].remove(line[0])
            kept += 1
    return kept


# ── who is speaking ──


def identify(
    runtime: Runtime, campaign: Campaign, phone: str | None, digits: str, rung_about: str | None = None
) -> Identified | None:
    """Whose PIN was given from a telephone; None for a wrong one, an unknown telephone, and while the tracker is locked out (A20).

    `rung_about`: the review that the call is about, where we placed it for a verdict: then no other is meant.

    Two reads and two writes where the PIN is right. A try is taken before the digits are looked at, and given back when they are right.
    While all telephones together are locked a tracker has one try, not five. The digits are kept nowhere, nor is what they were
    compared with told.
    """
    limits = campaign.reviews.pin if campaign.reviews else PinLimits()
    now, pepper = runtime.clock.now(), runtime.secrets.person_pepper
    person = phones.person_id(pepper, campaign.id, phone) if phone else None
    tracker = store.load(campaign.id, person) if person else None
    is_locked = store.locked_together(campaign.id, now) is not None
    tried = store.take_try(tracker, 1 if is_locked else limits.most_wrong, now) if tracker else None
    if tried is not None and trackers.is_pin(pepper, tried, digits):
        store.right_pin(tried)
        return Identified(tried, _waiting_for(tried, rung_about))
    observability.count("PinRefused")
    if tracker is not None:
        _lock_if_used_up(tried or tracker, now, limits)
    if store.wrong_together(campaign.id, limits, now):
        observability.count("PinLocked")
        observability.logger.error("Too many wrong PINs from all telephones", extra={"campaign": campaign.id})
    return None


def _lock_if_used_up(tracker: Tracker, now: datetime, limits: PinLimits) -> None:
    if tracker.wrong_pins >= limits.most_wrong and store.lock(tracker, now + limits.locked_for):
        observability.count("PinLocked")
        observability.logger.error("A tracker was locked out", extra={"person": tracker.person})


def _waiting_for(tracker: Tracker, rung_about: str | None) -> str | None:
    """The review that a verdict given in this call is about. What is owed no more, and was left standing, is forgotten: who owes something
    is put through to nobody.
    """
    owed = []
    for each in tracker.pending:
        review = review_store.load(each)
        if review is not None and review.is_waiting and review.tracker == tracker.person:
            owed.append(review)
        else:
            store.owe_no_more(tracker.campaign, tracker.person, each)
    meant = reviews.meant(owed, tracker, rung_about)
    return meant.id if meant is not None else None


def speaking(campaign: str, call_id: str) -> Tracker | None:
    """The tracker who gave their PIN in a call; None when whoever rang is no tracker, or gave none."""
    call = calls.load(call_id)
    tracker = store.load(campaign, call.person) if call is not None and call.person else None
    if call is None or tracker is None or not trackers.was_identified(call.session.knowledge.fields, tracker):
        return None
    return tracker


def duty_changed(campaign: str, call_id: str, on: bool, at: datetime) -> bool:
    """A tracker began or ended a shift in a call; who was promised a call is rung when promises are kept next. False when whoever rang is
    no tracker, gave no PIN in that call, or changed it later than this; and when it is told again.
    """
    tracker = speaking(campaign, call_id)
    if tracker is None:
        observability.count("DutyRefused")
        return False
    return store.duty(campaign, tracker.person, on, at)
