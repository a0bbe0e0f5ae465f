"""Every promise of `play patching` can be broken: an honest record keeps them all, and each tampering is found out."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ringback.domain import campaigns as content
from ringback.domain.influencers import Change, Influencer, Move, Stage
from ringback.domain.ledger import Charge, Side
from ringback.domain.legs import Ending
from ringback.domain.patches import Attempt, Patch
from ringback.domain.patches import Kind as PatchKind
from ringback.domain.patches import Leg as PatchLeg
from ringback.domain.patches import State as PatchState
from ringback.domain.phones import person_id
from ringback.domain.pools import Outcome, Voter
from ringback.domain.pools import State as VoterState
from ringback.domain.reviews import Kind as ReviewKind
from ringback.domain.reviews import Review
from ringback.domain.reviews import State as ReviewState
from ringback.domain.turns import Party, Verdict
from ringback_cli.stories.patching import cast, judge, settings
from ringback_cli.stories.patching.cast import Kind, Manner, Script, Size
from ringback_cli.stories.patching.evidence import Evidence, Execution
from ringback_cli.stories.patching.reckoning import Judgement, Told
from ringback_cli.stories.patching.telephones import Leg
from ringback_cli.stories.stage import documents

NOON = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
ANU, BALA, CHANDA = "+919000000101", "+919000010102", "+919000020103"
TARA, UMA = "+919000030201", "+919000030202"
DEVI, ESHA, FARID, GITA = "+919000040301", "+919000040302", "+919000040303", "+919000040304"
LINE, TEAM = settings.LINES[0], settings.TEAM_LINE
"""Anu is genuine; Bala is an impostor; Chanda misuses her go-ahead, which Uma finds out in a voter's stead. Devi and Gita talk, Esha does
not answer, Farid has opted out."""


def a_voter(phone: str, manner: Manner = Manner.ANSWERS) -> cast.Voter:
    return cast.Voter(phone, manner, "en", "ward-1", 100.0)


SCRIPT = Script(
    size=Size(influencers=3, voters=4, concurrent=2),
    seed=1,
    influencers=(
        cast.Influencer(ANU, Kind.GENUINE),
        cast.Influencer(BALA, Kind.IMPOSTOR),
        cast.Influencer(CHANDA, Kind.MISUSER),
    ),
    trackers=(cast.Tracker(TARA, "40717", 0, rings=True), cast.Tracker(UMA, "81727", 0, rings=True)),
    voters=(
        a_voter(DEVI),
        a_voter(ESHA, Manner.NO_ANSWER),
        a_voter(FARID, Manner.OPTED_OUT),
        a_voter(GITA),
    ),
)
WATER = next(
    content.parse(settings.of_content(each, SCRIPT))
    for each in documents()
    if each["campaign"] == settings.CAMPAIGN
)
assert WATER.patching is not None
MYSTERY_BRIEF = WATER.patching.mystery_brief["en"]


def person(phone: str) -> str:
    return person_id(b"pepper", WATER.id, phone)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def a_leg(call: str, caller: str, callee: str, began: float, talked: float, **more: Any) -> Leg:
    ended = began + 1 + talked / 10
    facts: dict[str, Any] = {
        "call_id": call,
        "caller": caller,
        "callee": callee,
        "number": LINE,
        "shown": LINE,
        "rang_at": at(began),
        "answered_at": at(began + 1) if talked else None,
        "ended_at": at(ended),
        "status": "completed" if talked else "no-answer",
        "talked_seconds": talked,
    }
    return Leg(**(facts | more))


def a_judgement(call: str, tracker: str, began: float, *, genuine: bool) -> Judgement:
    return Judgement(call, tracker, genuine, at(began), at(began + 2))


def an_influencer(
    phone: str, stage: Stage, moved_at: float, *changes: Change, patched: int = 0
) -> Influencer:
    history = tuple(Move(change, stage, "a review", at(moved_at)) for change in changes)
    return Influencer(
        person(phone), WATER.id, phone, "en", NOON, stage, at(moved_at), patched=patched, history=history
    )


def a_review(
    phone: str, tracker: str, state: ReviewState, call: str, verdict_call: str, **more: Any
) -> Review:
    facts: dict[str, Any] = {
        "person": person(phone),
        "n": "r001",
        "campaign": WATER.id,
        "kind": ReviewKind.VERIFICATION,
        "opened_at": NOON,
        "expires_at": at(3600),
        "state": state,
        "tracker": person(tracker),
        "call": f"exotel:{call}",
        "verdict": Verdict.GENUINE if state is ReviewState.APPROVED else Verdict.NOT_GENUINE,
        "verdict_call": f"exotel:{verdict_call}",
    }
    return Review(**(facts | more))


def a_row(phone: str, state: VoterState, outcome: Outcome | None = None, attempts: int = 1) -> Voter:
    return Voter(
        "clean-water/voters",
        person(phone),
        phone,
        "en",
        "b0-1",
        state=state,
        outcome=outcome,
        attempts=attempts,
    )


def a_patch(call: str, party: Party = Party.VOTER) -> Patch:
    return Patch(
        f"exotel:{call}",
        WATER.id,
        1,
        LINE,
        person(ANU),
        party,
        NOON,
        NOON,
        NOON,
        PatchState.OVER,
        slot="exotel",
    )


def a_charge(call: str, attempt: int = 1) -> Charge:
    return Charge(
        WATER.id, "ward-1", "2026-03-02", f"exotel:{call}", attempt, Side.CALLEE, 60, 60, "2026", person(ANU)
    )


LEGS = (
    a_leg("anu-2", ANU, TARA, 10, 40),
    a_leg("bala-2", BALA, UMA, 11, 40),
    a_leg("chanda-2", CHANDA, TARA, 40, 40),
    a_leg("anu-3", ANU, ESHA, 70, 0),
    a_leg("anu-3", ANU, DEVI, 71, 100),
    a_leg("chanda-3", CHANDA, GITA, 72, 100),
    a_leg("chanda-4", CHANDA, UMA, 90, 50, whispered=(MYSTERY_BRIEF,)),
)
JUDGEMENTS = (
    a_judgement("tara-1", TARA, 20, genuine=True),
    a_judgement("uma-1", UMA, 21, genuine=False),
    a_judgement("tara-2", TARA, 50, genuine=True),
    a_judgement("uma-2", UMA, 100, genuine=False),
)
TALKS = {"anu-2", "bala-2", "chanda-2", "anu-3", "chanda-3", "chanda-4"}


def honest(**changes: Any) -> Evidence:
    """A record in which every promise is kept, or one that was tampered with."""
    facts: dict[str, Any] = {
        "script": SCRIPT,
        "campaign": WATER,
        "legs": LEGS,
        "judgements": JUDGEMENTS,
        "told": [
            Told("anu-1", ANU, at(0), at(5), ["manifesto", "call-again"]),
            Told("anu-2", ANU, at(8), at(18), ["talk-first", "we-will-decide"]),
            Told("anu-3", ANU, at(65), at(85), ["ready", "leaning", "next-voter"]),
        ],
        "opted_out_at": {FARID: at(-60)},
        "heard": ["Namaste.", "Press 1."],
        "influencers": {
            ANU: an_influencer(ANU, Stage.APPROVED, 22, Change.INFORMED, Change.APPROVED, patched=1),
            BALA: an_influencer(BALA, Stage.REJECTED, 23, Change.INFORMED, Change.REJECTED),
            CHANDA: an_influencer(
                CHANDA, Stage.REVOKED, 102, Change.INFORMED, Change.APPROVED, Change.REVOKED, patched=2
            ),
        },
        "voters": {
            DEVI: a_row(DEVI, VoterState.REACHED, Outcome.REACHED),
            ESHA: a_row(ESHA, VoterState.WAITING, Outcome.NO_ANSWER),
            FARID: a_row(FARID, VoterState.DROPPED, attempts=0),
            GITA: a_row(GITA, VoterState.REACHED, Outcome.REACHED),
        },
        "staff": {person(TARA): TARA, person(UMA): UMA},
        "patches": {call: a_patch(call) for call in TALKS},
        "reviews": [
            a_review(ANU, TARA, ReviewState.APPROVED, "anu-2", "tara-1"),
            a_review(BALA, UMA, ReviewState.REJECTED, "bala-2", "uma-1"),
            a_review(CHANDA, TARA, ReviewState.APPROVED, "chanda-2", "tara-2"),
            a_review(
                CHANDA,
                UMA,
                ReviewState.REJECTED,
                "chanda-4",
                "uma-2",
                kind=ReviewKind.MYSTERY,
                n="m-0123456789abcdef",
            ),
        ],
        "charges": [a_charge(call) for call in TALKS],
        "executions": [Execution("patch-call", f"{person(ANU)}-0123456789abcdef", "SUCCEEDED")],
        "drift": {},
        "reached": 2,
        "held_at_rest": 1,
        "held_at_end": 0,
    }
    return Evidence(**(facts | changes))


def broken(evidence: Evidence) -> set[str]:
    return {verdict.invariant for verdict in judge.verdicts(evidence) if not verdict.holds}


def test_an_honest_record_keeps_every_promise() -> None:
    assert broken(honest()) == set()


def with_leg(*legs: Leg) -> Callable[[], Evidence]:
    return lambda: honest(legs=(*LEGS, *legs))


def moved(phone: str, **changes: Any) -> Callable[[], Evidence]:
    def tampered() -> Evidence:
        found = honest()
        return honest(influencers={**found.influencers, phone: replace(found.influencers[phone], **changes)})

    return tampered


def voters_row(phone: str, **changes: Any) -> Callable[[], Evidence]:
    def tampered() -> Evidence:
        found = honest()
        return honest(voters={**found.voters, phone: replace(found.voters[phone], **changes)})

    return tampered


def whispered_to(*, counted: int, is_told: bool) -> Evidence:
    """Esha takes the phone in another call of Anu, who leaves while she hears the whisper."""
    taken = a_leg("anu-4", ANU, ESHA, 200, 0, status="canceled", whispered=("A supporter rings.",))
    ending = Ending.CANCELED if is_told else Ending.COMPLETED
    attempt = Attempt(1, person(ESHA), ESHA, PatchKind.VOTER, NOON, state=PatchLeg.OVER, ending=ending)
    patch = replace(a_patch("anu-4"), attempts=(attempt,))
    found = moved(ANU, patched=1 + counted)()
    return honest(
        influencers=found.influencers,
        legs=(*LEGS[:3], *LEGS[4:], taken),
        patches={**found.patches, "anu-4": patch},
        reached=2 + counted,
    )


@pytest.mark.parametrize(("is_told", "counted"), [(False, 1), (True, 0)])
def test_who_took_the_phone_counts_as_reached_only_where_nobody_told_how_that_ended(
    is_told: bool, counted: int
) -> None:
    assert broken(whispered_to(counted=counted, is_told=is_told)) == set()
    assert broken(whispered_to(counted=1 - counted, is_told=is_told)) == {"counts_match_the_network"}


@pytest.mark.parametrize(
    ("is_noted", "expected"), [(True, {"rejected_and_revoked_reach_nobody_after"}), (False, set())]
)
def test_a_verdict_that_is_lost_is_held_against_us_where_the_tracker_heard_that_it_counts(
    is_noted: bool, expected: set[str]
) -> None:
    """Uma keyed in that Chanda misbehaves, and no table of ours knows of it."""
    found = honest()
    approved = an_influencer(CHANDA, Stage.APPROVED, 52, Change.INFORMED, Change.APPROVED, patched=2)
    lost = honest(
        influencers={**found.influencers, CHANDA: approved},
        reviews=[*found.reviews[:3]],
        judgements=[*JUDGEMENTS[:3], replace(JUDGEMENTS[3], is_noted=is_noted)],
    )
    assert broken(lost) == expected


def without_judgement(call: str) -> Callable[[], Evidence]:
    return lambda: honest(judgements=[each for each in JUDGEMENTS if each.call_id != call])


TAMPERINGS: list[tuple[str, Callable[[], Evidence]]] = [
    ("came_to_rest", lambda: honest(unrest="a call does not end")),
    ("no_voter_rung_by_two_at_once", with_leg(a_leg("chanda-3", CHANDA, DEVI, 75, 0))),
    ("no_voter_rung_by_two_at_once", with_leg(a_leg("anu-9", ANU, ESHA, 69, 0, ended_at=None))),
    ("no_voter_talked_to_twice", with_leg(a_leg("anu-4", ANU, GITA, 95, 10))),
    ("no_voter_rung_beyond_the_caps", with_leg(a_leg("anu-4", ANU, ESHA, 95, 0))),
    ("nobody_who_asked_to_be_left_alone_is_rung", with_leg(a_leg("anu-4", ANU, FARID, 95, 0))),
    ("nobody_unverified_reached_a_voter", with_leg(a_leg("bala-3", BALA, ESHA, 30, 0))),
    ("nobody_unverified_reached_a_voter", with_leg(a_leg("anu-2b", ANU, GITA, 15, 0))),
    ("nobody_unverified_reached_a_voter", without_judgement("tara-1")),
    ("rejected_and_revoked_reach_nobody_after", with_leg(a_leg("bala-3", BALA, ESHA, 30, 0))),
    ("rejected_and_revoked_reach_nobody_after", with_leg(a_leg("chanda-5", CHANDA, ESHA, 130, 0))),
    ("rejected_and_revoked_reach_nobody_after", moved(BALA, stage=Stage.INFORMED)),
    ("rejected_and_revoked_reach_nobody_after", moved(CHANDA, stage=Stage.APPROVED)),
    ("bridges_never_exceed_the_limit", with_leg(a_leg("anu-8", ANU, TARA, 75, 0))),
    ("every_slot_is_free_at_the_end", lambda: honest(held_at_end=1)),
    (
        "every_slot_is_free_at_the_end",
        lambda: honest(patches={"anu-3": replace(a_patch("anu-3"), state=PatchState.BRIDGED)}),
    ),
    ("slots_true_again_within_the_lease", lambda: honest(held_at_end=1)),
    ("every_claim_has_an_outcome", voters_row(DEVI, state=VoterState.CLAIMED)),
    ("every_claim_has_an_outcome", voters_row(ESHA, outcome=None)),
    ("every_claim_has_an_outcome", voters_row(ESHA, attempts=0)),
    ("every_approval_has_a_bridged_tracker_call", without_judgement("tara-2")),
    (
        "every_approval_has_a_bridged_tracker_call",
        lambda: honest(legs=[leg for leg in LEGS if leg.call_id != "anu-2"]),
    ),
    ("every_approval_has_a_bridged_tracker_call", lambda: honest(reviews=honest().reviews[1:])),
    (
        "approved_callers_are_patched_without_a_manual_step",
        lambda: honest(told=[Told("anu-3", ANU, at(65), at(85), ["in-review"])]),
    ),
    (
        "approved_callers_are_patched_without_a_manual_step",
        moved(
            ANU,
            history=(
                Move(Change.INFORMED, Stage.INFORMED, "a turn", NOON),
                Move(Change.APPROVED, Stage.APPROVED, "an operator: a friend", at(22)),
            ),
        ),
    ),
    ("counts_match_the_network", moved(ANU, patched=2)),
    ("counts_match_the_network", lambda: honest(reached=3)),
    ("counts_match_the_network", lambda: honest(charges=honest().charges[1:])),
    ("counts_match_the_network", lambda: honest(charges=[*honest().charges, honest().charges[0]])),
    ("numbers_are_masked", with_leg(a_leg("anu-4", ANU, TARA, 120, 0, shown=ANU))),
    ("numbers_are_masked", lambda: honest(heard=["Please ring 9000000101."])),
    ("numbers_are_masked", lambda: honest(leaks=["React: line 3 holds a caller's number"])),
    (
        "every_execution_ended",
        lambda: honest(executions=[Execution("patch-call", f"{person(ANU)}-0123456789abcdef", "RUNNING")]),
    ),
    (
        "every_execution_ended",
        lambda: honest(executions=[Execution("patch-call", "919000000101-1", "SUCCEEDED")]),
    ),
    ("replay_changes_nothing", lambda: honest(changed_by_replay=["changed in voters: state of somebody"])),
]


@pytest.mark.parametrize(("promise", "tampered"), TAMPERINGS)
def test_each_tampering_is_found_out(promise: str, tampered: Callable[[], Evidence]) -> None:
    assert promise in broken(tampered())


def test_every_promise_is_broken_by_something() -> None:
    assert {promise for promise, _ in TAMPERINGS} == {*judge.INVARIANTS}


def test_no_offender_shows_a_number() -> None:
    for _, tampered in TAMPERINGS:
        for verdict in judge.verdicts(tampered()):
            for phone in (ANU, BALA, CHANDA, TARA, UMA, DEVI, ESHA, FARID, GITA):
                assert not any(phone[-10:] in offender for offender in verdict.offenders)
