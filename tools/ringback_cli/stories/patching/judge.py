"""The promises of the story, each a function that yields what breaks it.

Who was rung, by whom, when and for how long, is what the phone network saw; our tables are held to that. Every function can fail:
`tests/unit/ringback_cli` breaks each of them.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from ringback.domain.influencers import Change, Influencer, Stage
from ringback.domain.ledger import Side
from ringback.domain.phones import mask
from ringback.domain.pools import State as VoterState
from ringback.domain.reviews import Kind as ReviewKind
from ringback.domain.reviews import Review
from ringback.domain.reviews import State as ReviewState
from ringback_cli.stories import Verdict
from ringback_cli.stories.patching.cast import Kind
from ringback_cli.stories.patching.evidence import Evidence, never_rung
from ringback_cli.stories.patching.telephones import Leg
from ringback_cli.stories.promises import by_name, judged

IN_FORCE_WITHIN = timedelta(seconds=20)
"""How long after a call in which somebody said so nobody goes by the old word any more: a fact is reacted to in about a second, and
this machine is busy."""

_EXECUTION = re.compile(r"[a-z2-7]{26}-(r\d{3,}|[0-9a-f]{16})")
_RUNNING, _SUCCEEDED = "RUNNING", "SUCCEEDED"
_DIGITS = re.compile(r"\d{10,}")


def verdicts(evidence: Evidence) -> list[Verdict]:
    """Judge every promise, in the order of `INVARIANTS`."""
    return judged(evidence, INVARIANTS)


def came_to_rest(evidence: Evidence) -> Iterator[str]:
    """Everybody came to the end of what they wanted, and everything ended by itself, within its time."""
    if evidence.unrest:
        yield evidence.unrest


# who is rung


def no_voter_rung_by_two_at_once(evidence: Evidence) -> Iterator[str]:
    """No voter's phone rings, or talks, in two calls at the same time."""
    for voter, legs in _by_callee(evidence.voter_legs).items():
        for earlier, later in pairwise(legs):
            if earlier.ended_at is None or later.rang_at < earlier.ended_at:
                yield f"{mask(voter)} was rung in {later.call_id} while still in {earlier.call_id}"


def no_voter_talked_to_twice(evidence: Evidence) -> Iterator[str]:
    """Who has talked to somebody is not rung again."""
    for voter, legs in _by_callee(evidence.voter_legs).items():
        for earlier, later in pairwise(legs):
            if earlier.has_talked:
                yield f"{mask(voter)} talked in {earlier.call_id}, and was rung again in {later.call_id}"


def no_voter_rung_beyond_the_caps(evidence: Evidence) -> Iterator[str]:
    """No voter is rung more often, or sooner again, than the campaign allows; no area more often in a day."""
    patching = evidence.campaign.patching
    assert patching is not None
    for voter, legs in _by_callee(evidence.voter_legs).items():
        if len(legs) > patching.attempts_per_voter:
            yield f"{mask(voter)} was rung {len(legs)} times"
        for earlier, later in pairwise(legs):
            if later.rang_at < earlier.rang_at + timedelta(days=patching.days_between):
                yield f"{mask(voter)} was rung again after {later.rang_at - earlier.rang_at}"
    areas = {each.phone: each.area for each in evidence.script.voters}
    for area, count in Counter(areas[leg.callee] for leg in evidence.voter_legs).items():
        if count > patching.per_area_per_day:
            yield f"{count} calls went to {area}"


def nobody_who_asked_to_be_left_alone_is_rung(evidence: Evidence) -> Iterator[str]:
    """Who opted out, is on the do-not-disturb list or never agreed, hears no ringing of ours."""
    never = never_rung(evidence.script)
    for leg in evidence.voter_legs:
        left = evidence.opted_out_at.get(leg.callee)
        if leg.callee in never and (left is not None or never[leg.callee] != "opted-out"):
            yield f"{mask(leg.callee)} was rung in {leg.call_id}, and is {never[leg.callee]}"
        elif left is not None and leg.rang_at > left + IN_FORCE_WITHIN:
            yield f"{mask(leg.callee)} was rung in {leg.call_id} after opting out"


def nobody_unverified_reached_a_voter(evidence: Evidence) -> Iterator[str]:
    """When a voter's phone rings, a tracker had talked to the caller before, and keyed in after their PIN that they are genuine."""
    begun: dict[str, datetime] = {}
    for each in evidence.go_aheads:
        began_at = each.judgement.began_at
        begun[each.influencer] = min(began_at, begun.get(each.influencer, began_at))
    for leg in evidence.voter_legs:
        if leg.caller not in begun or leg.rang_at < begun[leg.caller]:
            yield f"{mask(leg.caller)} rang {mask(leg.callee)} in {leg.call_id} without a go-ahead"


def rejected_and_revoked_reach_nobody_after(evidence: Evidence) -> Iterator[str]:
    """Whom a tracker found out reaches no voter any more: an impostor none at all, a misuser none after the first mystery voter's word;
    and they end rejected, or revoked.
    """
    kinds = {each.phone: each.kind for each in evidence.script.influencers}
    for leg in evidence.voter_legs:
        if kinds[leg.caller] is Kind.IMPOSTOR:
            yield f"the impostor {mask(leg.caller)} reached {mask(leg.callee)} in {leg.call_id}"
    for phone, at in _found_out(evidence).items():
        influencer = evidence.influencers.get(phone)
        expected = Stage.REJECTED if kinds[phone] is Kind.IMPOSTOR else Stage.REVOKED
        if influencer is None or influencer.stage is not expected:
            yield f"{mask(phone)} was found out and is {influencer.stage if influencer else 'nobody'}"
            continue
        for leg in evidence.voter_legs:
            if leg.caller == phone and leg.rang_at > at + IN_FORCE_WITHIN:
                yield f"{mask(phone)} rang {mask(leg.callee)} in {leg.call_id}, {leg.rang_at - at} too late"


def every_approval_has_a_bridged_tracker_call(evidence: Evidence) -> Iterator[str]:
    """Behind each go-ahead in our tables stand a call in which the two talked, and another in which that tracker gave PIN and key."""
    assert evidence.campaign.reviews is not None
    for review in evidence.reviews:
        if review.kind is ReviewKind.VERIFICATION and review.state is ReviewState.APPROVED:
            yield from _unfounded(evidence, review, evidence.campaign.reviews.talk_seconds)
    approved = {review.person for review in evidence.reviews if review.state is ReviewState.APPROVED}
    for influencer in evidence.influencers.values():
        if influencer.stage is Stage.APPROVED and influencer.person not in approved:
            yield f"{mask(influencer.phone)} is approved by no review"


def approved_callers_are_patched_without_a_manual_step(evidence: Evidence) -> Iterator[str]:
    """Whoever has a go-ahead is offered a voter in their next call, and no operator had a hand in it."""
    for phone, influencer in evidence.influencers.items():
        if by_hand := [move for move in influencer.history if "operator" in move.because]:
            yield f"{mask(phone)} was moved by {by_hand[0].because}"
        if not _is_steady(influencer):
            continue
        since = next(move.at for move in influencer.history if move.change is Change.APPROVED)
        for call in evidence.told:
            if call.caller == phone and call.began_at > since + IN_FORCE_WITHIN:
                for prompt in _NOT_YET & {*call.heard}:
                    yield f"{mask(phone)} has a go-ahead, and heard {prompt} in {call.call_id}"


# how many at once


def bridges_never_exceed_the_limit(evidence: Evidence) -> Iterator[str]:
    """Never do more second phones ring or talk at once than there are slots: of the account, and of each number."""
    patching = evidence.campaign.patching
    assert patching is not None
    if (most := _most_at_once(evidence.legs)) > patching.slots.account:
        yield f"{most} at once, and the limit is {patching.slots.account}"
    for number in {leg.number for leg in evidence.legs}:
        most = _most_at_once([leg for leg in evidence.legs if leg.number == number])
        if most > patching.slots.per_number:
            yield f"{most} at once on {number}, and the limit is {patching.slots.per_number}"


def every_slot_is_free_at_the_end(evidence: Evidence) -> Iterator[str]:
    """When nobody calls any more, no slot is held, and no patch goes on."""
    if evidence.held_at_end:
        yield f"{evidence.held_at_end} slots are still held"
    for call_id, patch in evidence.patches.items():
        if not patch.is_over:
            yield f"patch {call_id} is still {patch.state}"


def slots_true_again_within_the_lease(evidence: Evidence) -> Iterator[str]:
    """However many ends went untold: when the lease is over, as many slots are held as patches go on."""
    holding = sum(patch.holds_slot for patch in evidence.patches.values())
    if evidence.held_at_end != holding:
        yield f"{evidence.held_at_end} slots are counted, and {holding} patches hold one; at rest it were {evidence.held_at_rest}"


# what is written


def every_claim_has_an_outcome(evidence: Evidence) -> Iterator[str]:
    """Every voter whose phone rang has a row that says what came of it; nobody stays claimed."""
    rings = Counter(leg.callee for leg in evidence.voter_legs)
    for phone, voter in evidence.voters.items():
        if voter.state is VoterState.CLAIMED:
            yield f"{mask(phone)} is still claimed by {voter.claim}"
        elif voter.attempts and voter.outcome is None:
            yield f"{mask(phone)} was claimed by {voter.claim}, and nobody says what came of it"
        if rings[phone] > voter.attempts:
            yield f"{mask(phone)} was rung {rings[phone]} times, and {voter.attempts} attempts are noted"
    for phone in rings.keys() - evidence.voters.keys():
        yield f"{mask(phone)} was rung, and stands in no pool"


def counts_match_the_network(evidence: Evidence) -> Iterator[str]:
    """Each influencer's calls, the pool's voters, counted again, and the booked legs are what the network saw.

    Whoever took the phone, and of whose end nobody told, is taken to have talked, so that they are not rung again: also when their caller left
    while they heard the whisper.
    """
    talks = defaultdict(set)
    counted = [leg for leg in evidence.legs if leg.has_talked or _is_taken_for_a_talk(evidence, leg)]
    for leg in counted:
        if not _is_verification(evidence, leg):
            talks[leg.caller].add(leg.call_id)
    for phone, influencer in evidence.influencers.items():
        if influencer.patched != len(talks[phone]):
            yield f"{mask(phone)} is counted {influencer.patched} patched calls, and had {len(talks[phone])}"
    reached = {leg.callee for leg in counted if leg in evidence.voter_legs}
    if evidence.reached != len(reached):
        yield f"{evidence.reached} voters are counted as reached, and {len(reached)} were"
    booked = {
        (charge.call_id.partition(":")[2], charge.attempt)
        for charge in evidence.charges
        if charge.side is Side.CALLEE
    }
    talked_in = {leg.call_id for leg in evidence.legs if leg.has_talked}
    for call_id in talked_in - {call for call, _ in booked}:
        yield f"the talk in {call_id} is in no book"
    if len(booked) != sum(charge.side is Side.CALLEE for charge in evidence.charges):
        yield "a leg is booked twice"


def every_execution_ended(evidence: Evidence) -> Iterator[str]:
    """No execution runs any more, none broke, and none is named after a number."""
    for each in evidence.executions:
        if each.status != _SUCCEEDED:
            yield f"{each.machine}: {each.name} is {each.status}"
        if not _EXECUTION.fullmatch(each.name):
            yield f"{each.machine}: an execution is called {each.name[:8]}…"


def numbers_are_masked(evidence: Evidence) -> Iterator[str]:
    """Whoever is rung sees a number of ours; nobody hears anybody's, and no log holds one."""
    ours = evidence.campaign.numbers
    for leg in evidence.legs:
        if leg.shown not in ours:
            yield f"{mask(leg.callee)} saw {mask(leg.shown)} in {leg.call_id}"
    for text in evidence.heard:
        if _DIGITS.search(text):
            yield f"somebody heard a number: {mask(text[:40])}"
    yield from evidence.leaks


def replay_changes_nothing(evidence: Evidence) -> Iterator[str]:
    """Reacting again to what the journal holds leaves every row as it was."""
    yield from evidence.changed_by_replay


_NOT_YET = frozenset({"manifesto", "talk-first", "in-review"})


def _by_callee(legs: Iterable[Leg]) -> dict[str, list[Leg]]:
    found: dict[str, list[Leg]] = defaultdict(list)
    for leg in sorted(legs, key=lambda leg: leg.rang_at):
        found[leg.callee].append(leg)
    return found


def _found_out(evidence: Evidence) -> dict[str, datetime]:
    """Who was found out, and when the tracker's call had ended in which they said so: by what trackers keyed in and heard to count, and by our
    own reviews.
    """
    persons = {each.person: phone for phone, each in evidence.influencers.items()}
    ended = {each.call_id: each.ended_at for each in evidence.judgements if not each.is_genuine}
    found: dict[str, datetime] = {}
    for finding in evidence.findings:
        judgement = finding.judgement
        if not judgement.is_genuine and judgement.is_noted:
            earlier = found.get(finding.influencer, judgement.ended_at)
            found[finding.influencer] = min(judgement.ended_at, earlier)
    for review in evidence.reviews:
        at = ended.get((review.verdict_call or "").partition(":")[2])
        if review.state is ReviewState.REJECTED and at is not None:
            phone = persons[review.person]
            found[phone] = min(at, found.get(phone, at))
    return found


def _unfounded(evidence: Evidence, review: Review, least_seconds: int) -> Iterator[str]:
    tracker = evidence.staff.get(review.tracker or "", "")
    phone = next((p for p, each in evidence.influencers.items() if each.person == review.person), "")
    call, verdict_call = ((each or "").partition(":")[2] for each in (review.call, review.verdict_call))
    if not any(
        leg.call_id == call
        and (leg.caller, leg.callee) == (phone, tracker)
        and leg.talked_seconds >= least_seconds - 1
        for leg in evidence.tracker_legs
    ):
        yield f"{review.id} is approved, and {mask(phone)} did not talk to its tracker in {call}"
    if not any(
        each.call_id == verdict_call and each.tracker == tracker and each.is_genuine
        for each in evidence.judgements
    ):
        yield f"{review.id} is approved, and its tracker keyed nothing of the kind in {verdict_call}"


def _is_steady(influencer: Influencer) -> bool:
    """Whether somebody got their go-ahead once, and nothing has moved them since."""
    changes = [move.change for move in influencer.history]
    return changes.count(Change.APPROVED) == 1 and changes[-1] is Change.APPROVED


def _most_at_once(legs: Sequence[Leg]) -> int:
    """How many legs rang or talked at the same moment; who ends when another begins was there before."""
    moments = [(leg.rang_at, 1) for leg in legs]
    moments += [(leg.ended_at, -1) for leg in legs if leg.ended_at is not None]
    now = most = 0
    for _, step in sorted(moments):
        now += step
        most = max(most, now)
    return most


def _is_taken_for_a_talk(evidence: Evidence, leg: Leg) -> bool:
    """Whether the callee took the phone, and nobody told how that ended."""
    patch = evidence.patches.get(leg.call_id)
    attempts = patch.attempts if patch is not None else ()
    return leg.was_taken and any(
        each.phone == leg.callee and each.has_talked and each.talked_seconds is None for each in attempts
    )


def _is_verification(evidence: Evidence, leg: Leg) -> bool:
    """Whether a leg is a talk with a tracker, and not one in a voter's stead."""
    return leg in evidence.tracker_legs and leg not in evidence.mystery_legs


INVARIANTS = by_name(
    came_to_rest,
    no_voter_rung_by_two_at_once,
    no_voter_talked_to_twice,
    no_voter_rung_beyond_the_caps,
    nobody_who_asked_to_be_left_alone_is_rung,
    nobody_unverified_reached_a_voter,
    rejected_and_revoked_reach_nobody_after,
    bridges_never_exceed_the_limit,
    every_slot_is_free_at_the_end,
    slots_true_again_within_the_lease,
    every_claim_has_an_outcome,
    every_approval_has_a_bridged_tracker_call,
    approved_callers_are_patched_without_a_manual_step,
    counts_match_the_network,
    numbers_are_masked,
    every_execution_ended,
    replay_changes_nothing,
)
