"""What follows from a patch: its people are settled, its legs are booked, its influencer is counted, its machine is told.

Every step may be repeated, in any order, while the patch goes on and after it; each does its work once.
"""

import hashlib
from datetime import datetime

from ringback import observability, workflows
from ringback.domain import influencers, ledger, pools
from ringback.domain.campaigns import Campaign
from ringback.domain.contacts import Contact
from ringback.domain.facts import TrackerDialled, VoterDialled
from ringback.domain.ledger import Charge, Side
from ringback.domain.patches import (
    Attempt,
    Kind,
    Outcome,
    Patch,
    Patching,
    Reason,
    claim_of,
    known_talk,
    talk_of,
)
from ringback.domain.pools import Redial
from ringback.domain.turns import Disposition, Party
from ringback.runtime import Runtime
from ringback.services import reviews, trackers
from ringback.services.pools import Pools
from ringback.store import calls as call_store
from ringback.store import contacts, voters
from ringback.store import influencers as influencer_store
from ringback.store import ledger as store
from ringback.store import patches as patch_store
from ringback.store import trackers as tracker_store
from ringback.store.transactions import Write

_RACES = 8
"""How often a call is counted again that lost to another one of the same influencer."""

_OUTCOMES = {
    Outcome.TALKED: pools.Outcome.REACHED,
    Outcome.UNHEARD: pools.Outcome.DECLINED,
    Outcome.NO_ANSWER: pools.Outcome.NO_ANSWER,
    Outcome.BUSY: pools.Outcome.BUSY,
    Outcome.FAILED: pools.Outcome.FAILED,
    Outcome.UNALLOCATED: pools.Outcome.BAD_NUMBER,
    Outcome.CANCELED: pools.Outcome.CANCELLED,
}
"""What an attempt's end means for the voter. The whisper asks whoever does not want this to hang up: so who took the phone and talked to
nobody has declined, unless it was the caller who left meanwhile.
"""


def settle(runtime: Runtime, campaign: Campaign, call_id: str) -> Patch | None:
    """Make everything true that follows from a patch as it stands; None when there is no such patch. `campaign` is its content."""
    patch = patch_store.load(call_id)
    if patch is None or campaign.patching is None:
        return patch
    for attempt in patch.attempts:
        if not attempt.is_open:
            _settle_attempt(runtime, campaign, campaign.patching, patch, attempt)
    if not patch.is_over:
        return patch
    _book(runtime, campaign, campaign.patching, patch)
    answer(patch)
    return patch


def answer(patch: Patch) -> bool:
    """Tell the machine that waits for a patch that is over; False when none does."""
    if patch.token is None or not patch.is_over:
        return False
    workflows.answer(patch.token, outcome_of(patch))
    return patch_store.answered(patch.call_id, patch.token)


def outcome_of(patch: Patch) -> dict[str, object]:
    """How a patch stands, in a machine's words. No person and no number is among them."""
    return {"over": patch.is_over, "talked": patch.talked_to is not None, "attempts": len(patch.attempts)}


def _settle_attempt(
    runtime: Runtime, campaign: Campaign, patching: Patching, patch: Patch, attempt: Attempt
) -> None:
    outcome = attempt.outcome
    if outcome is None:
        return
    if attempt.kind is Kind.VOTER:
        came = _OUTCOMES[outcome]
        if outcome is Outcome.UNHEARD and attempt.n == len(patch.attempts):
            if not patch.is_over:
                return  # who of the two left shows with the caller's next step
            if patch.reason is Reason.LEFT:
                came = pools.Outcome.NO_ANSWER
        redial = Redial(patching.attempts_per_voter, patching.days_between, campaign.window)
        claim = claim_of(patch.call_id, attempt.n)
        if pools.is_final(came):
            voters.settle_person(campaign.id, attempt.who, came)
        Pools(runtime).settle(_pool_of(campaign, patching, attempt), attempt.who, claim, came, redial)
        return
    ends_review = attempt.kind is Kind.MYSTERY or (attempt.n == len(patch.attempts) and patch.is_over)
    # Nobody may have told yet that they talked: a verdict counts when it is told, until `reviews.sweep` waits no longer.
    if attempt.review is not None and ends_review and not attempt.is_untold:
        talked = talk_of(patch, attempt)
        # From now on, not from the end: whoever heard of that late, as the provider tells it, still has their time to answer.
        heard_at = runtime.clock.now()
        reviews.call_ended(runtime, campaign, attempt.review, patch.call_id, attempt.who, talked, heard_at)
    # Only now that they owe a verdict, if they do: nobody must be put through to them in between.
    trackers.free(campaign.id, attempt.who, patch.call_id, attempt.n)


def _pool_of(campaign: Campaign, patching: Patching, attempt: Attempt) -> str:
    """The pool that a voter was rung out of; in rows from before it was kept, the one that the campaign rings now."""
    return attempt.pool or pools.pool_id(campaign.id, patching.pool)


# the ledger, and what is counted with it


def _book(runtime: Runtime, campaign: Campaign, patching: Patching, patch: Patch) -> None:
    """Write the charges and count the call for its influencer, together and once; then what may drift: the sum that budgets ask.

    A talk of which nobody had told by then is booked when it is told. A charge that stands is not corrected: a length that was measured is
    off by the seconds the news took, and the provider's bill, not this ledger, is what is paid. A correction would have to change the
    charge, the sum, and the counts of a day that may be over.
    """
    rates = campaign.rules.patch_legs
    if rates is None or not patch.attempts:
        return
    charges = ledger.charges(patch, rates)
    booked = charges if _recorded(runtime, patching, patch, charges) else []
    if not booked:
        late = (charge for charge in charges if charge.side is Side.CALLEE and not store.has(charge))
        booked = [charge for charge in late if _recorded(runtime, patching, patch, [charge])]
    if booked:
        call = call_store.load(patch.call_id)
        is_placed = call is not None and call.dial is not None  # then its dial has committed the caller's leg
        spent = (each.paise for each in booked if not (is_placed and each.side is Side.CALLER))
        patch_store.count_spent(campaign.id, sum(spent))


def _recorded(runtime: Runtime, patching: Patching, patch: Patch, charges: list[Charge]) -> bool:
    """False when it was done before."""
    now = runtime.clock.now()
    for _ in range(_RACES):
        if store.record(charges, _counts(patching, patch, charges), now):
            return True
        if store.has(charges[0]):
            return False
    observability.count("LedgerRaced")
    raise RuntimeError("an influencer was counted elsewhere each time they were looked at")


def _counts(patching: Patching, patch: Patch, charges: list[Charge]) -> list[Write]:
    """What these charges of a call add to its influencer's counts: that a voter was rung, or whom they took for one, with the caller's leg;
    and what was talked, with the leg of whom they talked to.

    A talk of which nobody knows how long it was is not held against them as a short one.
    """
    if patch.party is not Party.VOTER:
        return []
    influencer = influencer_store.load(patch.influencer)
    if influencer is None:
        return []
    booked = {each.attempt for each in charges if each.side is Side.CALLEE}
    talks = [each for each in patch.attempts if each.has_talked]
    counted = [each for each in talks if each.n in booked]
    is_first = charges[0].side is Side.CALLER
    if not is_first and len(talks) != len(counted):
        return []  # another talk of the call is counted, and a call counts once
    known = [known_talk(patch, each) for each in counted]
    shortest = min((seconds for seconds in known if seconds is not None), default=patching.short_call_seconds)
    write = influencer_store.patched_action(
        influencer,
        influencers.india_day(patch.last_at),
        patch.call_id,
        sum(talk_of(patch, each) for each in counted) if counted else None,
        is_short=shortest < patching.short_call_seconds,
        is_first=is_first,
    )
    return [write]


def dialled(runtime: Runtime, campaign: Campaign, fact: VoterDialled | TrackerDialled) -> None:
    """Somebody was given out to be rung: open a mystery review, start the machine that shows the call."""
    match fact:
        case TrackerDialled(review=review):
            reviews.begin(runtime, review)
            return
        case VoterDialled(mystery=True):
            _open_mystery(runtime, campaign, fact)
    if campaign.patching is None:
        return
    patch = patch_store.load(fact.source_id)
    if patch is not None and not patch.is_over:
        influencer_store.goes_on(
            fact.influencer, fact.source_id, fact.occurred_at + campaign.patching.lease, runtime.clock.now()
        )
    if fact.attempt == 1:
        given = {"call": fact.source_id, "wait_seconds": int(campaign.patching.lease.total_seconds())}
        workflows.start(
            runtime.settings.patch_call_arn, execution_name(fact.influencer, fact.source_id), given
        )


def execution_name(person: str, call_id: str) -> str:
    """What the execution of one call is called: after the person, never the number."""
    return f"{person}-{hashlib.sha256(call_id.encode()).hexdigest()[:16]}"


def _open_mystery(runtime: Runtime, campaign: Campaign, fact: VoterDialled) -> None:
    influencer = influencer_store.load(fact.influencer)
    tracker = tracker_store.load(campaign.id, fact.person)
    if influencer is not None and tracker is not None:
        reviews.open_mystery(runtime, influencer, tracker, fact.source_id, fact.attempt)


# what the caller keys in afterwards


def disposed(campaign: Campaign, call_id: str, given: str, at: datetime) -> None:
    """The caller said what came of it (F48): note it with the patch and the voter. Who does not want to be called is left alone for good.

    What is said of a call in which nobody was talked to, or of a tracker in a voter's stead, is of nobody.
    """
    patch = patch_store.load(call_id)
    if patch is None or campaign.patching is None:
        return
    try:
        disposition = Disposition(given)
    except ValueError:
        return
    patch_store.dispose(call_id, disposition)
    attempt = patch.talked_to
    if attempt is None or attempt.kind is not Kind.VOTER:
        return
    pool = _pool_of(campaign, campaign.patching, attempt)
    voters.lean(pool, attempt.who, claim_of(patch.call_id, attempt.n), disposition.value, at)
    if disposition is Disposition.DO_NOT_CALL:
        _leave_alone(campaign, patch, attempt)


def _leave_alone(campaign: Campaign, patch: Patch, attempt: Attempt) -> None:
    """Keep an opt-out that was told to a caller: of a contact, or of somebody who becomes one only by it."""
    known = Contact(
        person=attempt.who,
        campaign=campaign.id,
        phone=attempt.phone,
        language=attempt.language or campaign.default_language,
        first_called_at=patch.last_at,
        first_number=patch.number,
        first_source="patch",
    )
    contacts.record_call(known, opts_out=True)
    observability.count("VoterOptedOut")
