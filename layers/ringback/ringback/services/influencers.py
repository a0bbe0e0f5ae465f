"""Influencers: who they are, what moves them from stage to stage, and the call they were promised.

Every step may be repeated and comes in any order: what does not follow from where an influencer stands changes nothing.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta

from ringback import observability, queues
from ringback.domain import influencers, phones, pools, reviews
from ringback.domain.campaigns import Campaign
from ringback.domain.contacts import Contact
from ringback.domain.dials import Dial, name_for
from ringback.domain.dials import Kind as DialKind
from ringback.domain.errors import Conflict, NotFound
from ringback.domain.influencers import Change, Influencer, Limits, Stage
from ringback.domain.patches import Attempt, Kind, Patch, claim_of
from ringback.domain.turns import AgendaHeard
from ringback.runtime import Runtime
from ringback.services.campaigns import Shelf
from ringback.store import catalog, dials, patches, voters
from ringback.store import influencers as store
from ringback.store import reviews as review_store
from ringback.store.transactions import together

EXPIRED = "valid no longer"

_RACES = 8
"""How often a complaint is counted again that lost to another change of the same influencer."""

_EXPECTED_FOR = timedelta(hours=12)
"""How late the news of a promise may come: a replay of old facts rings nobody."""


def limits_of(campaign: Campaign) -> Limits:
    """How much an influencer of the campaign may do, by its content."""
    limits, patching = Limits(), campaign.patching
    if patching is not None:
        limits = Limits(
            calls_per_day=patching.calls_per_day,
            calls_at_once=patching.calls_at_once,
            most_short_calls=patching.most_short_calls,
            short_share_percent=patching.short_share_percent,
            most_complaints=patching.most_complaints,
            complaint_share_percent=patching.complaint_share_percent,
        )
    return replace(limits, valid_for=campaign.reviews.valid_for) if campaign.reviews else limits


def find(person: str) -> Influencer:
    """One influencer; `NotFound` when nobody of that id ever offered themselves."""
    influencer = store.load(person)
    if influencer is None:
        raise NotFound(f"there is no influencer {person}: `ringback influencers list` shows those there are")
    return influencer


def is_one_of_too_many(influencer: Influencer) -> bool:
    """Whether their block of numbers had brought too many influencers when they came: look twice."""
    return influencers.is_one_of_too_many(influencer, limits_of(catalog.current(influencer.campaign)))


def day_of(runtime: Runtime) -> date:
    """Today, in India."""
    return influencers.india_day(runtime.clock.now())


# ── what their calls tell ──


def met(contact: Contact, at: datetime, by: str | None = None) -> None:
    """Somebody offered themselves: by ringing the influencers' line, or by a key in another menu; then `by` brought them (F49), where
    that is known. The first stands; a later call adds who brought them, if nobody knew.
    """
    new = Influencer(
        person=contact.person,
        campaign=contact.campaign,
        phone=contact.phone,
        language=contact.language,
        enrolled_at=at,
        chain=by if by != contact.person else None,
    )
    if store.enrol(new):
        came = store.counted_in_block(new, phones.prefix(contact.phone))
        observability.count("InfluencerMet")
        if came > Limits().most_per_block:
            observability.count("InfluencersOfOneBlock")
            observability.logger.warning(
                "Many influencers of one block of numbers", extra={"person": new.person}
            )
    elif by is not None:
        _link(contact.person, by)


def chained(campaign: Campaign, person: str) -> None:
    """Somebody walks the influencers' menu: whoever was put through to them as a voter, before they offered themselves, brought them,
    though they pressed no key that says so (F49).
    """
    influencer = store.load(person)
    if influencer is not None and influencer.chain is None:
        by = brought_by(campaign, person, influencer.enrolled_at)
        if by is not None:
            _link(person, by)


def _link(person: str, by: str) -> None:
    bringer = store.load(by) if by != person else None
    if bringer is not None:
        store.link(person, by, bringer.enrolled_at)


def brought_by(campaign: Campaign, person: str, at: datetime) -> str | None:
    """The influencer who was last put through to somebody as a voter; None where nobody was, or not before `at`: a fact of before they were
    rung, told late or replayed, says nothing of it.
    """
    last = _last_rung(campaign, person)
    return last[0].influencer if last is not None and last[1].opened_at <= at else None


def _last_rung(campaign: Campaign, person: str) -> tuple[Patch, Attempt] | None:
    """The call and the attempt in which somebody was rung last as a voter, out of whichever pool."""
    if campaign.patching is None:
        return None
    claim = voters.last_claim(pools.pool_id(campaign.id, campaign.patching.pool), person)
    if claim is None:
        return None
    call_id, _, attempt = claim.rpartition("/")
    patch = patches.load(call_id)
    return (patch, patch.attempts[int(attempt) - 1]) if patch is not None else None


def heard(campaign: Campaign, person: str, effect: AgendaHeard, cause: str, at: datetime) -> bool:
    """An agenda was played to an influencer; the manifesto, heard to its end, informs them (F34). False when that changed nothing."""
    if campaign.reviews is None or effect.prompt != campaign.reviews.manifesto or not effect.completed:
        return False
    informed = store.move(person, Change.INFORMED, cause, at) is not None
    if informed:
        observability.count("InfluencerInformed")
    return informed


# ── what takes a go-ahead back ──


def heed(runtime: Runtime, campaign: Campaign, person: str) -> Influencer | None:
    """Look at the abuse rules and at the age of a go-ahead: who has met one is to talk to a tracker again. Returns who was moved."""
    influencer, limits, now = store.load(person), limits_of(campaign), runtime.clock.now()
    if influencer is None or influencer.stage is not Stage.APPROVED:
        return None
    rule = influencers.suspicion(influencer, limits)
    if rule is not None:
        return hold(runtime, person, rule)
    if influencers.has_expired(influencer, limits, now):
        return store.move(person, Change.EXPIRED, EXPIRED, now, only_from=Stage.APPROVED)
    return None


def complained(runtime: Runtime, campaign: Campaign, person: str, at: datetime) -> bool:
    """Somebody asked to be left alone, as we heard at the moment `at`: that counts against the influencer who talked to them when they were
    rung last, once for each time. False where nobody did before that, or it is counted already: a call that was missed says nothing of who
    made it. Where nobody has told yet whether the two talked, it counts as soon as somebody does (`complained_in`).
    """
    last = _last_rung(campaign, person)
    if last is None:
        return False
    rung_in, attempt = last
    if attempt.opened_at > at:
        return False
    voters.complains(campaign.id, person, claim_of(rung_in.call_id, attempt.n))
    patch = patches.load(rung_in.call_id)
    return patch is not None and complained_in(runtime, campaign, patch)


def complained_in(runtime: Runtime, campaign: Campaign, patch: Patch) -> bool:
    """Count the complaints about the talks of a patch that are not counted yet; False when there are none."""
    talks = [each for each in patch.attempts if each.kind is Kind.VOTER and each.has_talked]
    is_about_it = [
        each
        for each in talks
        if voters.complaints(campaign.id, each.who).last == claim_of(patch.call_id, each.n)
    ]
    is_new = any([_counted(campaign, patch, each) for each in is_about_it])
    if is_new:
        observability.count("InfluencerComplained")
    if is_about_it:
        # Also where it was counted before: whoever did may have died before this.
        heed(runtime, campaign, patch.influencer)
    return is_new


def _counted(campaign: Campaign, patch: Patch, attempt: Attempt) -> bool:
    """Count a complaint; False when it was counted before, or the influencer is gone."""
    claim = claim_of(patch.call_id, attempt.n)
    for _ in range(_RACES):
        if together(
            store.complain_action(patch.influencer), voters.count_complaint(campaign.id, attempt.who, claim)
        ):
            return True
        if voters.complaints(campaign.id, attempt.who).counted == claim or not store.load(patch.influencer):
            return False
    raise Conflict("an influencer was changed elsewhere each time a complaint was counted")


def hold(runtime: Runtime, person: str, rule: str) -> Influencer | None:
    """Have a tracker talk to an approved influencer again; None when they are not approved."""
    held = store.move(person, Change.HELD, rule, runtime.clock.now())
    if held is not None:
        observability.count("InfluencerHeld")
        observability.logger.warning("An influencer was held", extra={"person": person, "rule": rule})
    return held


def revoke(runtime: Runtime, person: str, because: str) -> Influencer:
    """Withdraw a go-ahead, or block somebody who has none: their next call reaches nobody (F108). `Conflict` when they are blocked
    already.
    """
    found = find(person)
    revoked = store.move(person, Change.REVOKED, because, runtime.clock.now())
    if revoked is None:
        raise Conflict(f"{person} is {found.stage} already")
    observability.count("InfluencerRevoked")
    return revoked


def reopen(runtime: Runtime, person: str, because: str) -> Influencer:
    """Let somebody who was rejected or revoked talk to a tracker again (F39). `Conflict` when they are neither."""
    found = find(person)
    reopened = store.move(person, Change.REOPENED, because, runtime.clock.now())
    if reopened is None:
        raise Conflict(f"{person} is {found.stage}: only who was rejected or revoked can be reopened")
    return reopened


def sweep(runtime: Runtime) -> int:
    """Take back the go-aheads that have become too old; returns how many. One Query a bucket, of those alone."""
    shelf, now, expired = Shelf(0), runtime.clock.now(), 0
    for name in sorted(set(runtime.settings.voice_tokens.values())):
        try:
            campaign = shelf.current(name)
        except NotFound:  # not published yet
            continue
        for person in list(store.at_stage(name, Stage.APPROVED, now - limits_of(campaign).valid_for)):
            expired += heed(runtime, campaign, person) is not None
    return expired


# ── a promise to call back ──


def promise(runtime: Runtime, person: str, cause: str, at: datetime) -> bool:
    """Somebody heard that we ring back, because no tracker was free or took the call. False when they are to be rung already, wait for no
    tracker, or heard it too long ago for anybody to expect it.
    """
    if runtime.clock.now() - at > _EXPECTED_FOR:
        return False
    promised = store.promise(person, cause, at)
    if promised:
        observability.count("CallPromised")
    return promised


def must_not_be_asked(campaign: Campaign, influencer: Influencer) -> tuple[str, ...]:
    """The trackers who talked to the influencer and gave no verdict: the next one is somebody else. At most one read."""
    if campaign.reviews is None or not influencer.review:
        return ()
    last = review_store.load(f"{influencer.person}-{reviews.number(influencer.review)}")
    return reviews.asked_before(last, campaign.reviews)


def ring_back(runtime: Runtime, campaign: Campaign, influencer: Influencer) -> bool:
    """Keep the promise to ring an influencer back. Each is kept once: the dial is named after it, so that an interruption between the two
    writes rings nobody twice. False when it was kept, or there is none.
    """
    now = runtime.clock.now()
    if influencer.promised_at is None or campaign.reviews is None:
        return False
    cause = f"promise:{influencer.person}/{int(influencer.promised_at.timestamp() * 1000)}"
    dial = Dial(
        person=influencer.person,
        name=name_for(campaign.id, campaign.reviews.menu, cause),
        campaign=campaign.id,
        number=campaign.reviews.number,
        menu=campaign.reviews.menu,
        kind=DialKind.RING_BACK,
        cause=cause,
        caused_at=now,
    )
    place(runtime, dial)
    return store.kept(influencer.person, influencer.promised_at, now)


def place(runtime: Runtime, dial: Dial) -> None:
    """Have a call placed, once for its name; the policy gate and the window decide when."""
    dials.plan(dial)
    queues.put(runtime.settings.dial_queue_url, [queues.Ticket(dial.person, dial.name)])
