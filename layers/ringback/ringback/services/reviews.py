"""Reviews: a tracker talks to an influencer, is asked for a verdict, and gives it; or does not.

The order of things is kept by an execution of `statemachines/verify_influencer.asl.yaml`, which calls `wait`, `ask`, `no_verdict` and
`no_end`. Every step may be repeated. What a lost callback leaves open, `sweep` settles from the rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ringback import observability, workflows
from ringback.domain import influencers, reviews
from ringback.domain.campaigns import Campaign
from ringback.domain.dials import Dial, name_for
from ringback.domain.dials import Kind as DialKind
from ringback.domain.errors import Conflict, NotFound, Rejected
from ringback.domain.influencers import Change, Influencer, Stage
from ringback.domain.patches import claim_of
from ringback.domain.reviews import (
    LONGEST_CALL,
    MYSTERY_WITHIN,
    Awaited,
    Decision,
    Given,
    Kind,
    Lapse,
    Refusal,
    Review,
    Rule,
    Rules,
    State,
)
from ringback.domain.trackers import Tracker
from ringback.domain.turns import ReasonGiven, Verdict, VerdictGiven
from ringback.runtime import Runtime
from ringback.services import influencers as people
from ringback.services import trackers as staff
from ringback.services.campaigns import Shelf
from ringback.store import calls, catalog, patches
from ringback.store import influencers as influencer_store
from ringback.store import reviews as store
from ringback.store import trackers as tracker_store
from ringback.store.transactions import Write

_GRACE = timedelta(minutes=5)
"""How long after its moment an end is left to the machine, before the sweep makes it."""

ACCUSED = "accused"
"""The rule that holds an influencer of whom a tracker in a voter's stead says that they break the rules, until that counts."""

_TOLD_WITHIN = timedelta(minutes=10)
"""How long after a talk how its tracker's leg ended may still be told: as a rule `reconcile` has asked the provider twice by then, unless the
provider is down, the call was a long one, or it went on with somebody else (decision 0044)."""

_LATEST = LONGEST_CALL + timedelta(days=1)
"""Of reviews that expire later than this none waits for a machine that was not started."""

_RACES = 8
"""How often something is decided again that lost to another change of the same rows."""


def find(review_id: str) -> Review:
    """One review; `NotFound` when there is none by that id."""
    review = store.load(review_id)
    if review is None:
        raise NotFound(f"there is no review {review_id}: `ringback influencers show` names an influencer's")
    return review


# ── a review opens ──


def open(
    runtime: Runtime,
    campaign: Campaign,
    influencer: Influencer,
    tracker: Tracker,
    call_id: str,
    attempt: int,
) -> Review | None:
    """A tracker is rung for an influencer, as just read: write the review and move the stage, together. A further attempt in the same
    call is the same review with another tracker; a repeat changes nothing.

    None when the influencer is not to talk to a tracker: not informed, or in a review that began in another call.
    """
    if tracker.person == influencer.person or tracker.phone == influencer.phone or campaign.reviews is None:
        return None
    found: Influencer | None = influencer
    for _ in range(_RACES):
        if found is None:
            return None
        if found.stage is Stage.IN_REVIEW:
            return _in_the_same_call(found, tracker, call_id, attempt)
        opened = _opened(runtime, campaign.reviews, found, f"{call_id}/{attempt}")
        if opened is None:
            return None
        review, moved = opened
        review = replace(review, tracker=tracker.person, call=call_id, attempt=attempt)
        if store.open_(review, found, moved):
            observability.count("ReviewOpened")
            return review
        found = influencer_store.load(influencer.person)
    raise Conflict("an influencer moved on each time they were looked at")


def _opened(
    runtime: Runtime, rules: Rules, found: Influencer, because: str
) -> tuple[Review, Influencer] | None:
    """The review that follows an influencer's last one, and the influencer in it; None where none follows."""
    now = runtime.clock.now()
    moved = influencers.moved(found, Change.REVIEW_OPENED, because, now)
    if moved is None:
        return None
    review = Review(
        person=found.person,
        n=reviews.number(moved.review),
        campaign=found.campaign,
        kind=Kind.VERIFICATION,
        opened_at=now,
        expires_at=now + LONGEST_CALL + rules.answer_within,
        asked=reviews.asked_before(_last(found), rules),
    )
    return review, moved


def _in_the_same_call(influencer: Influencer, tracker: Tracker, call_id: str, attempt: int) -> Review | None:
    review = _last(influencer)
    if review is None or review.call != call_id or review.state is not State.OPEN:
        return None
    if review.attempt >= attempt:
        return review if review.attempt == attempt and review.tracker == tracker.person else None
    if review.tracker is not None:
        tracker_store.owe_no_more(review.campaign, review.tracker, review.id)
    return store.rebind(review, tracker.person, attempt)


def _last(influencer: Influencer) -> Review | None:
    """The influencer's last verification."""
    n = reviews.number(influencer.review)
    return store.load(f"{influencer.person}-{n}") if influencer.review else None


def begin(runtime: Runtime, review_id: str) -> None:
    """Start the machine of a review that waits for something; once, however often this is said. From here on the tracker may give the
    verdict: they may ring before we hear that the talk is over.
    """
    review = store.load(review_id)
    if review is None or review.kind is not Kind.VERIFICATION or not review.is_waiting:
        return
    if review.tracker is not None:
        tracker_store.owe(review.campaign, review.tracker, review.id)
    ends_within = review.opened_at + LONGEST_CALL - runtime.clock.now()
    given = {"review": review.id, "ends_within": _seconds(ends_within)}
    workflows.start(runtime.settings.verify_influencer_arn, review.id, given)


def open_mystery(
    runtime: Runtime, influencer: Influencer, tracker: Tracker, call_id: str, attempt: int
) -> Review:
    """A tracker is rung in a voter's stead (F109), and owes a word on it. It moves nobody; a repeat gives the same review."""
    now, cause = runtime.clock.now(), claim_of(call_id, attempt)
    review = Review(
        person=influencer.person,
        n=reviews.mystery_number(cause),
        campaign=influencer.campaign,
        kind=Kind.MYSTERY,
        opened_at=now,
        expires_at=now + MYSTERY_WITHIN,
        tracker=tracker.person,
        call=call_id,
        attempt=attempt,
    )
    store.keep(review)
    review = find(review.id)
    if review.is_waiting:
        tracker_store.owe(review.campaign, tracker.person, review.id)
    return review


# ── the call is over ──


def call_ended(
    runtime: Runtime,
    campaign: Campaign,
    review_id: str,
    call_id: str,
    tracker: str,
    talked_seconds: int,
    at: datetime,
) -> Review | None:
    """The influencer's call is over, as we hear at the moment `at`, and so long the two talked: ask for the verdict, or let the review go.
    `tracker` is who was rung last, and is let go by whoever tells this, afterwards. A repeat completes what an interruption left out; None
    for news of another call or another tracker.
    """
    review = store.load(review_id)
    if review is None or campaign.reviews is None or (review.call, review.tracker) != (call_id, tracker):
        return None
    least = campaign.reviews.talk_seconds if review.kind is Kind.VERIFICATION else 1
    if review.state is State.OPEN and talked_seconds < least:
        _expire(runtime, review_id, Lapse.NOBODY_TALKED)
    elif review.state is State.OPEN:
        store.talked(review, at, talked_seconds, at + campaign.reviews.answer_within)
    review = find(review_id)
    if review.is_waiting and review.state is not State.OPEN:
        tracker_store.owe(review.campaign, tracker, review.id)
        if review.verdict is not None and review.verdict_call and review.verdict_cause:
            _judged(
                runtime, campaign, review.id, review.verdict, review.verdict_call, review.verdict_cause, at
            )
        elif review.kind is Kind.MYSTERY:
            _ask(runtime, campaign, review)
    return _settled(runtime, review_id)


# ── the verdict ──


def verdict_given(
    runtime: Runtime, campaign: Campaign, effect: VerdictGiven, call_id: str, cause: str, at: datetime
) -> Decision | Rule:
    """A menu says that somebody judged a review: count it, by what is known of the review, the tracker and both calls and not by the
    menu's word. What breaks a rule is refused and kept with the rule.
    """
    try:
        verdict = Verdict(effect.verdict)
    except ValueError:
        verdict = Verdict.UNSURE
    decided = _judged(runtime, campaign, effect.review, verdict, call_id, cause, at)
    if not isinstance(decided, Rule):
        _settled(runtime, effect.review)
    return decided


def reason_given(campaign: str, effect: ReasonGiven, call_id: str) -> bool:
    """Keep why a tracker judged a review as they did in this call; it changes nothing else, and counts if that verdict does. Only who talked
    to the influencer, and gave their PIN in the call, has a say: False for anybody else. A repeat changes nothing, nor does the order.
    """
    review, tracker = store.load(effect.review), staff.speaking(campaign, call_id)
    if review is None or review.campaign != campaign or tracker is None:
        return False
    return store.explain(review, tracker.person, call_id, effect.reason) is not None


def _judged(
    runtime: Runtime,
    campaign: Campaign,
    review_id: str,
    verdict: Verdict,
    call_id: str,
    cause: str,
    at: datetime,
) -> Decision | Rule:
    for _ in range(_RACES):
        review, call = store.load(review_id), calls.load(call_id)
        if review is None or review.campaign != campaign.id or campaign.reviews is None:
            return _refused(None, Rule.MOVED_ON, Refusal(Rule.MOVED_ON, cause, "-", at))
        if call is None or call.person is None:
            return _refused(review, Rule.NOT_IDENTIFIED, Refusal(Rule.NOT_IDENTIFIED, cause, "-", at))
        influencer = influencer_store.load(review.person)
        tracker = tracker_store.load(campaign.id, call.person)
        given = Given(verdict, call, cause, at)
        decided = reviews.judge(review, influencer, tracker, given, campaign.reviews)
        if isinstance(decided, Rule):
            return _refused(review, decided, Refusal(decided, cause, call.person, at))
        assert influencer is not None
        assert tracker is not None
        if _counted(runtime, campaign, decided, review, influencer, tracker, given):
            return decided
    raise Conflict("a review moved on each time it was looked at")


def _counted(
    runtime: Runtime,
    campaign: Campaign,
    decided: Decision,
    review: Review,
    influencer: Influencer,
    tracker: Tracker,
    given: Given,
) -> bool:
    """Write down what a verdict came to; False when one of the rows has moved on since."""
    match decided:
        case Decision.WAIT:
            if reviews.holds_at_once(review, influencer, given):
                people.hold(runtime, review.person, ACCUSED)
            return store.note(review, given) is not None
        case Decision.APPROVE:
            change = Change.APPROVED if review.kind is Kind.VERIFICATION else None
            return _ended(review, State.APPROVED, change, influencer, tracker, given)
        case Decision.REJECT:
            change = Change.REJECTED if review.kind is Kind.VERIFICATION else Change.REVOKED
            return _ended(review, State.REJECTED, change, influencer, tracker, given)
        case Decision.ASK_ANOTHER:
            _ask_another(runtime, campaign, review.id, Lapse.UNSURE, given)
    return True


def _ended(
    review: Review,
    after: State,
    change: Change | None,
    influencer: Influencer,
    tracker: Tracker,
    given: Given,
) -> bool:
    """Close a review with its verdict, move its influencer and count the tracker's work, together."""
    hour = reviews.counted_hour(tracker, given.at)
    counts = review.kind is Kind.VERIFICATION and after is State.APPROVED
    writes = [tracker_store.judged_action(tracker, review.id, hour, approved=counts)]
    moved = influencers.moved(influencer, change, review.id, given.at) if change else None
    if moved is not None:
        writes.append(influencer_store.move_action(influencer, moved))
    if not store.end(review, after, *writes, given=given):
        return False
    if moved is not None:
        observability.count(f"Influencer{moved.stage.value.title()}")
    return True


def _refused(review: Review | None, rule: Rule, refusal: Refusal) -> Rule:
    """Keep on the review, count and tell that a verdict did not count; once for each."""
    if review is None or store.refuse(review, refusal):
        observability.count("VerdictRefused")
        observability.logger.warning(
            "A verdict was refused",
            extra={"rule": str(rule), "review": review.id if review else None, "tracker": refusal.tracker},
        )
    return rule


# ── no verdict ──


def _expire(
    runtime: Runtime,
    review_id: str,
    reason: str,
    after: State = State.EXPIRED,
    *,
    given: Given | None = None,
    rules: Rules | None = None,
) -> Review:
    """Let a review go, and its influencer back to where the next call talks to a tracker. Nothing, if it is over.

    Under `rules` that have another tracker asked, the influencer is promised a call in the same transaction.
    """
    for _ in range(_RACES):
        review = find(review_id)
        if not review.is_waiting:
            return review
        over = replace(review, state=after, reason=reason)
        promises = rules is not None and reviews.asks_another(over, rules)
        if review.tracker is not None:
            # First, because whoever repeats this finds the review over and goes no further.
            tracker_store.owe_no_more(review.campaign, review.tracker, review.id)
        writes = _back(runtime, over, promises=promises)
        if store.end(review, after, *writes, given=given, reason=reason):
            observability.count("ReviewExpired" if after is State.EXPIRED else "ReviewWithdrawn")
            return find(review_id)
    raise Conflict("a review moved on each time it was looked at")


def _back(runtime: Runtime, review: Review, *, promises: bool) -> list[Write]:
    """What sends the influencer of a review that is over back to where they came from, if they are still in it."""
    influencer, now = influencer_store.load(review.person), runtime.clock.now()
    if (
        influencer is None
        or review.kind is not Kind.VERIFICATION
        or not reviews.is_current(review, influencer)
    ):
        return []
    moved = influencers.moved(influencer, Change.EXPIRED, f"{review.id}: {review.reason}", now)
    if moved is None:
        return []
    if promises:
        moved = replace(moved, promised_at=now)
    return [influencer_store.move_action(influencer, moved)]


def _ask_another(
    runtime: Runtime, campaign: Campaign, review_id: str, reason: Lapse, given: Given | None = None
) -> Review:
    """Have another tracker talk to the influencer, who is promised a call; not more often than the campaign allows."""
    return _expire(runtime, review_id, reason, given=given, rules=campaign.reviews)


# ── what an operator may do ──


def withdraw(runtime: Runtime, review_id: str, because: str) -> Review:
    """Take a review or its verdict back: its influencer talks to a tracker again. `Conflict` when there is nothing to take back."""
    review = find(review_id)
    if review.is_waiting:
        _expire(runtime, review_id, because, State.WITHDRAWN)
    elif not _verdict_withdrawn(runtime, review, because):
        raise Conflict(f"{review_id} is {find(review_id).state} already")
    return _settled(runtime, review_id)


def _verdict_withdrawn(runtime: Runtime, review: Review, because: str) -> bool:
    if review.state not in reviews.DECIDED:
        return False
    influencer = influencer_store.load(review.person)
    writes: list[Write] = []
    if influencer is not None and reviews.number(influencer.review) == review.n:
        change = Change.HELD if influencer.stage is Stage.APPROVED else Change.REOPENED
        is_its_own = influencer.stage in (Stage.APPROVED, Stage.REJECTED)
        words = f"{review.id} withdrawn: {because}"
        moved = influencers.moved(influencer, change, words, runtime.clock.now()) if is_its_own else None
        writes = [influencer_store.move_action(influencer, moved)] if moved else []
    return store.end(review, State.WITHDRAWN, *writes, reason=because)


def revoke(runtime: Runtime, person: str, because: str) -> Influencer:
    """Withdraw somebody's go-ahead or block them, and their review if one waits. `Conflict` when they are blocked already."""
    revoked = people.revoke(runtime, person, because)
    review = _last(revoked)
    if review is not None and review.is_waiting:
        withdraw(runtime, review.id, because)
    return revoked


def approve(runtime: Runtime, person: str, because: str, *, without_call: bool = False) -> Influencer:
    """An operator gives a go-ahead. Unless it is said and kept that there was no call, a tracker must have talked to the influencer in
    their current review. `Conflict` when they stand where no go-ahead follows, `Rejected` when there was no talk.
    """
    influencer = people.find(person)
    rules = catalog.current(influencer.campaign).reviews
    if rules is None:
        raise Rejected(f"{influencer.campaign} has no section `reviews`: nobody is approved in it")
    if influencer.stage is Stage.INFORMED and without_call:
        opened = _opened(runtime, rules, influencer, f"an operator: {because}")
        assert opened is not None
        store.open_(opened[0], influencer, opened[1])
        influencer = people.find(person)
    review = _last(influencer)
    if review is None or not reviews.is_current(review, influencer):
        raise Conflict(f"{person} is {influencer.stage}, not in review" + _HOW.get(influencer.stage, ""))
    if review.talked_seconds < rules.talk_seconds and not without_call:
        raise Rejected(f"no tracker has talked to {person} in {review.id}: say why with --without-call")
    words = f"an operator{', without a call' if without_call else ''}: {because}"
    moved = influencers.moved(influencer, Change.APPROVED, words, runtime.clock.now())
    assert moved is not None
    if review.state is State.OPEN:
        store.talked(review, runtime.clock.now(), 0, review.expires_at)
        review = find(review.id)
    if review.tracker is not None:  # first, as in `_expire`
        tracker_store.owe_no_more(review.campaign, review.tracker, review.id)
    if not store.end(review, State.APPROVED, influencer_store.move_action(influencer, moved), reason=words):
        raise Conflict(f"{person} moved on meanwhile: look again")
    observability.count("InfluencerApproved")
    _settled(runtime, review.id)
    return people.find(person)


_HOW: Mapping[Stage, str] = {
    Stage.INFORMED: ": approve with --without-call, or let a tracker talk to them",
    Stage.REJECTED: ": reopen them first",
    Stage.REVOKED: ": reopen them first",
}


# ── what the machine does ──


def wait(runtime: Runtime, review_id: str, awaits: Awaited, token: str) -> Mapping[str, object]:
    """The machine waits by a token; if what it waits for is there already, it hears of it at once."""
    if store.wait(review_id, awaits, token) is None:
        raise NotFound(f"there is no review {review_id}")
    return _told(runtime, _settled(runtime, review_id))


def ask(runtime: Runtime, review_id: str) -> Mapping[str, object]:
    """They have talked: ring the tracker for the verdict, once; and say how long it is waited for."""
    review = find(review_id)
    if review.state is State.TALKED:
        store.asked(review)
    if review.is_waiting:
        _ask(runtime, _shelf(runtime).current(review.campaign), review)
    left = _seconds(review.expires_at - runtime.clock.now())
    return {**_told(runtime, find(review_id)), "answer_within": left}


def no_verdict(runtime: Runtime, review_id: str) -> Mapping[str, object]:
    """The time for the verdict is over: have another tracker talk to the influencer, or let the review go."""
    campaign = _shelf(runtime).current(find(review_id).campaign)
    return _told(runtime, _ask_another(runtime, campaign, review_id, Lapse.NO_VERDICT))


def no_end(runtime: Runtime, review_id: str) -> Mapping[str, object]:
    """Nobody told how the call ended: let the review go."""
    review = find(review_id)
    if review.state is State.OPEN:
        review = _expire(runtime, review_id, Lapse.NO_END)
    return _told(runtime, review)


def _ask(runtime: Runtime, campaign: Campaign, review: Review) -> None:
    """Ring the tracker for the verdict: one dial for each review, however often this is said."""
    tracker = tracker_store.load(review.campaign, review.tracker) if review.tracker else None
    if tracker is None or campaign.reviews is None:
        return
    dial = Dial(
        person=tracker.person,
        name=name_for(campaign.id, campaign.reviews.tracker_menu, review.id),
        campaign=campaign.id,
        number=campaign.reviews.tracker_number,
        menu=campaign.reviews.tracker_menu,
        kind=DialKind.DUTY,
        cause=review.id,
        caused_at=runtime.clock.now(),
        fields={"review": review.id},
    )
    people.place(runtime, dial)


def _told(runtime: Runtime, review: Review) -> dict[str, object]:
    """What a machine hears of a review. `another`: somebody else will talk to the influencer."""
    another = False
    if review.state is State.EXPIRED:
        rules = _shelf(runtime).current(review.campaign).reviews
        another = rules is not None and reviews.asks_another(review, rules)
        another = another and people.find(review.person).stage is Stage.INFORMED
    return {"state": str(review.state), "another": another}


def _shelf(runtime: Runtime) -> Shelf:
    return Shelf(runtime.settings.catalog_cache_seconds)


# ── what goes missing ──


@dataclass(frozen=True, slots=True)
class Swept:
    settled: int
    expired: int


def sweep(runtime: Runtime, *, gives_up: bool = True) -> Swept:
    """Settle what lost its machine: verdicts that no execution heard of, reviews whose time passed unnoticed, machines that were never
    started. Safe at any time.

    `gives_up`: also those of whose talk's end nobody has told in time, which is right only after the provider was asked.
    """
    now = runtime.clock.now()
    settled = expired = 0
    for name in list(store.waiting("settling", now + MYSTERY_WITHIN)):
        review = find(name)
        if review.token is not None:
            settled += _settled(runtime, name).token is None
        elif review.kind is Kind.MYSTERY or now > review.expires_at + _GRACE:
            store.heard(review, None)  # its machine is over, or there was none
    for name in list(store.waiting("open", now - _GRACE)):
        expired += _lapsed(runtime, find(name))
    for name in list(store.waiting("open", now + _LATEST)):
        review = find(name)
        if gives_up and now > review.opened_at + _GRACE and _is_given_up(review, now):
            if review.tracker is not None and review.call is not None:
                staff.free(review.campaign, review.tracker, review.call, review.attempt)
            if review.accuses and review.tracker is not None:
                # A bad word waits for the news until it is too old to count, and holds the influencer; its tracker waits no longer.
                tracker_store.owe_no_more(review.campaign, review.tracker, review.id)
            else:
                expired += _lapsed(runtime, review)
        elif reviews.has_machine(name) and review.token is None:
            begin(runtime, name)
    return Swept(settled, expired)


def _is_given_up(review: Review, now: datetime) -> bool:
    """Whether no end of its talk is to be waited for. The door that opened this review, or took the next tracker for it, died before that
    tracker was rung: its call knows of no such attempt, and has not moved for a while. Or their talk is over, and nobody has told how it went.
    """
    if review.state is not State.OPEN or review.call is None or review.tracker is None:
        return False
    patch = patches.load(review.call)
    if patch is None:
        return True
    rung = [each for each in patch.attempts if (each.n, each.who) == (review.attempt, review.tracker)]
    if not rung:
        return patch.is_over or now > patch.last_at + _GRACE
    followers = (each.opened_at for each in patch.attempts if each.n > review.attempt)
    over_at = next(followers, patch.last_at if patch.is_over else None)
    return over_at is not None and rung[0].is_untold and now > over_at + _TOLD_WITHIN


def _lapsed(runtime: Runtime, review: Review) -> bool:
    if not review.is_waiting:
        return False
    if review.state is State.OPEN:
        no_end(runtime, review.id)
    else:
        no_verdict(runtime, review.id)
    _settled(runtime, review.id)
    return True


def _settled(runtime: Runtime, review_id: str) -> Review:
    """Tell a machine that waits what it waits for, if that has come; one that does not wait yet will see for itself."""
    review = find(review_id)
    if review.token is None or review.awaits is None or not review.awaits.has_come(review.state):
        return review
    workflows.answer(review.token, _told(runtime, review))
    store.heard(review, review.token)
    return find(review_id)


def _seconds(left: timedelta) -> int:
    """Whole seconds, at least one: what a machine may wait."""
    return max(1, int(left.total_seconds()))
