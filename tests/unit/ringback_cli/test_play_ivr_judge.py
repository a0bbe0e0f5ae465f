"""Every promise of `play ivr` can be broken: an honest record keeps them all, and each tampering is found out."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ringback.domain import campaigns as content
from ringback.domain.answers import Record, Seat, SeatKind
from ringback.domain.answers import Said as Kept
from ringback.domain.contacts import Consent, Contact
from ringback.domain.conversations import Call
from ringback.domain.feedback import Grievance
from ringback.domain.menus import Session, State
from ringback.domain.phones import person_id
from ringback.domain.turns import Knowledge
from ringback_cli.stories import promises
from ringback_cli.stories.ivr import judge
from ringback_cli.stories.ivr.cast import Caller, Kind, Script
from ringback_cli.stories.ivr.evidence import Evidence, Taken
from ringback_cli.stories.ivr.reckoning import Outcome, Said
from ringback_cli.stories.phones import AcceptedSms, Answered, MadeRecording, WalkedCall
from ringback_cli.stories.stage import documents

NOON = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
ANU, BALA, CHANDA, DEVI = "+919000000101", "+919000010102", "+919000020103", "+919000030104"
"""Anu votes and comes to the training, Bala opts out, Chanda hides her number and records, Devi's call never reached us."""
WATER = next(each for each in map(content.parse, documents()) if each.id == "clean-water")
VOTE, TRAINING = "poll:first-need", "gathering:training-day"


def person(phone: str) -> str:
    return person_id(b"pepper", WATER.id, phone)


def a_call(nth: int, phone: str, shown: str, answers: tuple[tuple[Answered, ...], ...]) -> WalkedCall:
    return WalkedCall(f"call-{nth}", phone, shown, "+918040001021", NOON, (), answers)


def answered(*selects: str) -> tuple[Answered, ...]:
    return tuple(Answered(f'{{"select": "{each}"}}') for each in selects)


ANUS = Outcome(
    a_call(1, ANU, "09000000101", (answered("ask"), answered("ask", "ask"), answered("end"))),
    "main",
    "hi",
    reached=True,
    keys=["", "1", "2"],
    said=[
        Said(NOON, VOTE, "hand-pumps"),
        Said(NOON + timedelta(seconds=9), VOTE, "piped-water"),
        Said(NOON, TRAINING, "yes"),
    ],
    opted_in_at=NOON,
    language_chosen=True,
    complete=True,
    furthest="goodbye",
)
BALAS = Outcome(
    a_call(2, BALA, "09000010102", (answered("ask"), answered("end"))),
    "main",
    "en",
    reached=True,
    keys=["", "9"],
    opted_out_at=NOON,
    furthest="choose",
)
CHANDAS = Outcome(
    a_call(3, CHANDA, "anonymous", (answered("ask"), answered("record"), answered("play"))),
    "main",
    "en",
    reached=True,
    keys=["", "1", ""],
    kept=["call-3.mp3"],
    furthest="complaint",
)
DEVIS = Outcome(a_call(4, DEVI, "09000030104", ((),)), "main", "en")


def a_contact(phone: str, language: str, **more: Any) -> Contact:
    return Contact(person(phone), WATER.id, phone, language, NOON, "+918040001021", "website", **more)


def a_row(nth: int, who: str | None, state: State = State.ENDED) -> Call:
    session = Session(Knowledge(), "choose", "choose", state)
    return Call(f"exotel:call-{nth}", WATER.id, 1, "main", "+918040001021", None, who, session, NOON, NOON)


def a_grievance(name: str = "call-3.mp3", **more: Any) -> Grievance:
    facts: dict[str, Any] = {
        "id": "g1", "campaign": WATER.id, "person": "withheld:call-3", "topic": "feedback", "language": "en",
        "provider": "exotel", "cause": "exotel:call-3/turn-3", "url": f"https://recordings.example/{name}",
        "recorded_at": NOON, "due_at": NOON, "recording": "clean-water/g1.mp3",
    }  # fmt: skip
    return Grievance(**(facts | more))


def an_sms() -> AcceptedSms:
    return AcceptedSms("m1", ANU, "CLNWTR", "1107160000000010114", "…", NOON, True, True, True)


SEAT = Seat(SeatKind.PLACE, NOON)


def honest() -> Evidence:
    """A record in which every promise is kept."""
    hidden = {CHANDA}
    callers = tuple(
        Caller(phone, Kind.WITHHELD if phone in hidden else Kind.ORDINARY)
        for phone in (ANU, BALA, CHANDA, DEVI)
    )
    return Evidence(
        campaign=WATER,
        script=Script(callers, ((), ())),
        outcomes=[ANUS, BALAS, CHANDAS, DEVIS],
        recordings=[MadeRecording("call-3", "call-3.mp3", "digest", True)],
        accepted=[an_sms()],
        unanswered=0,
        turns={
            "call-1": [Taken(nth, "09000000101", key, True) for nth, key in enumerate(["", "1", "2"], 1)],
            "call-2": [Taken(1, "09000010102", "", True), Taken(2, "09000010102", "9", True)],
            "call-3": [Taken(nth, "anonymous", key, True) for nth, key in enumerate(["", "1", ""], 1)]
            + [Taken(4, "anonymous", "", False)],
        },
        unparsed=[],
        calls={
            "call-1": a_row(1, person(ANU)),
            "call-2": a_row(2, person(BALA)),
            "call-3": a_row(3, None, State.HUNG_UP),
        },
        contacts=[
            a_contact(ANU, "hi", consents={"sms": Consent("exotel:call-1/turn-3", NOON)}),
            a_contact(BALA, "en", opted_out_at=NOON),
        ],
        answers={
            VOTE: [
                Record(person(ANU), (Kept(NOON, "a", "hand-pumps"), Kept(NOON, "b", "piped-water"))),
            ],
            TRAINING: [Record(person(ANU), (Kept(NOON, "c", "yes"),), seat=SEAT)],
        },
        grievances=[a_grievance()],
        objects={"clean-water/g1.mp3": "digest"},
        messages=[],
        dead_letters=[],
        totals={
            "ivr": 3,
            "ivr-complete": 1,
            "ivr-abandoned": 2,
            "furthest main goodbye": 1,
            "furthest main choose": 1,
            "furthest main complaint": 1,
            "opted-in": 1,
        },
        drift_before=2,
        drift_after=0,
        changed_by_replay=[],
        leaks=[],
    )


def broken(evidence: Evidence) -> set[str]:
    return {verdict.invariant for verdict in judge.verdicts(evidence) if not verdict.holds}


def test_an_honest_record_keeps_every_promise() -> None:
    assert set() == broken(honest())


Tampering = Callable[[Evidence], Evidence]


def with_turns(sid: str, turns: list[Taken]) -> Tampering:
    return lambda e: replace(e, turns={**e.turns, sid: turns})


def with_answers(topic: str, *records: Record) -> Tampering:
    return lambda e: replace(e, answers={**e.answers, topic: list(records)})


def with_contact(phone: str, **changes: Any) -> Tampering:
    def tamper(e: Evidence) -> Evidence:
        changed = [replace(each, **changes) if each.phone == phone else each for each in e.contacts]
        return replace(e, contacts=changed)

    return tamper


def with_outcome(nth: int, **changes: Any) -> Tampering:
    def tamper(e: Evidence) -> Evidence:
        outcomes = list(e.outcomes)
        outcomes[nth] = replace(outcomes[nth], **changes)
        return replace(e, outcomes=outcomes)

    return tamper


def counting(**changes: int) -> Tampering:
    return lambda e: replace(e, totals={**e.totals, **{k.replace("_", "-"): n for k, n in changes.items()}})


VOTES = (Kept(NOON, "a", "hand-pumps"), Kept(NOON, "b", "piped-water"))
YES = (Kept(NOON, "c", "yes"),)
PRESSED, VOTED = "answers_are_what_was_pressed", "votes_and_pledges_are_what_people_pressed"
PLACES, RECORDED = "places_are_of_who_comes", "every_recording_kept_once"
COUNTED, CONSENTS = "furthest_and_completion_match_recount", "opt_outs_and_consents_are_what_people_pressed"

TAMPERINGS: dict[str, tuple[Tampering, set[str]]] = {
    "it never came to rest": (lambda e: replace(e, unrest="first act: 3 left"), {"came_to_rest"}),
    "a caller waited in vain": (lambda e: replace(e, unanswered=1), {"every_request_was_answered"}),
    "a key is another": (
        with_turns("call-2", [Taken(1, "09000010102", "", True), Taken(2, "09000010102", "8", True)]),
        {PRESSED},
    ),
    "a key was lost": (with_turns("call-2", [Taken(1, "09000010102", "", True)]), {PRESSED}),
    "a repeat made a second turn": (
        with_turns(
            "call-2", [Taken(nth, "09000010102", key, True) for nth, key in enumerate(["", "9", "9"], 1)]
        ),
        {PRESSED},
    ),
    "keys came in another order": (
        with_turns(
            "call-1", [Taken(nth, "09000000101", key, True) for nth, key in enumerate(["", "2", "1"], 1)]
        ),
        {PRESSED},
    ),
    "a key of another caller": (
        with_turns("call-2", [Taken(1, "09000010102", "", True), Taken(2, "09000000101", "9", True)]),
        {PRESSED},
    ),
    "a call that nobody made": (with_turns("call-9", [Taken(1, "09000000101", "", True)]), {PRESSED}),
    "a call goes on": (
        lambda e: replace(e, calls={**e.calls, "call-3": a_row(3, None, State.TALKING)}),
        {"every_call_ended"},
    ),
    "a call is not known": (
        lambda e: replace(e, calls={sid: call for sid, call in e.calls.items() if sid != "call-3"}),
        {"every_call_ended"},
    ),
    "a call is somebody else's": (
        lambda e: replace(e, calls={**e.calls, "call-1": a_row(1, person(BALA))}),
        {"every_call_ended"},
    ),
    "a hidden caller's call is somebody's": (
        lambda e: replace(e, calls={**e.calls, "call-3": a_row(3, person(BALA))}),
        {"every_call_ended"},
    ),
    "somebody is a contact who never reached us": (
        lambda e: replace(e, contacts=[*e.contacts, a_contact(DEVI, "en")]),
        {"contacts_are_who_called"},
    ),
    "a caller is no contact": (
        lambda e: replace(e, contacts=e.contacts[:1], calls={**e.calls, "call-2": a_row(2, None)}),
        {"contacts_are_who_called", "every_call_ended"},
    ),
    "one person is two contacts": (
        lambda e: replace(e, contacts=[*e.contacts, replace(e.contacts[1], person="x")]),
        {"contacts_are_who_called"},
    ),
    "a vote is another": (
        with_answers(VOTE, Record(person(ANU), (VOTES[0], replace(VOTES[1], answer="well-testing")))),
        {VOTED},
    ),
    "a vote was lost": (with_answers(VOTE, Record(person(ANU), VOTES[:1])), {VOTED}),
    "a vote was kept twice": (with_answers(VOTE, Record(person(ANU), (*VOTES, VOTES[1]))), {VOTED}),
    "the first vote counts": (with_answers(VOTE, Record(person(ANU), VOTES[::-1])), {VOTED}),
    "a vote of somebody who did not vote": (
        with_answers(VOTE, Record(person(ANU), VOTES), Record(person(BALA), VOTES[:1])),
        {VOTED},
    ),
    "a yes without a place": (with_answers(TRAINING, Record(person(ANU), YES)), {PLACES}),
    "a place without a yes": (
        with_answers(TRAINING, Record(person(ANU), YES, seat=SEAT), Record(person(BALA), (), seat=SEAT)),
        {PLACES},
    ),
    "somebody waits beside a free place": (
        with_answers(TRAINING, Record(person(ANU), YES, seat=Seat(SeatKind.WAITING, NOON))),
        {PLACES},
    ),
    "an opt-out was lost": (with_contact(BALA, opted_out_at=None), {CONSENTS}),
    "somebody is opted out who did not ask": (with_contact(ANU, opted_out_at=NOON), {CONSENTS}),
    "a consent was lost": (with_contact(ANU, consents={}), {CONSENTS}),
    "an opt-out outlived a later consent": (
        with_outcome(1, opted_in_at=NOON + timedelta(seconds=1)),
        {CONSENTS},
    ),
    "a consent outlived a later opt-out": (
        with_outcome(0, opted_out_at=NOON + timedelta(seconds=1)),
        {CONSENTS},
    ),
    "a consent nobody gave": (with_contact(BALA, consents={"sms": Consent("x", NOON)}), {CONSENTS}),
    "a caller heard another language": (with_outcome(1, in_other_words=["வணக்கம்."]), {"languages_kept"}),
    "a choice of language was forgotten": (with_contact(ANU, language="en"), {"languages_kept"}),
    "a call was counted twice": (counting(ivr=4), {COUNTED}),
    "an end was not counted": (counting(ivr_complete=0, ivr_abandoned=3), {COUNTED}),
    "a furthest node is wrong": (with_outcome(1, furthest="agenda"), {COUNTED}),
    "a recount leaves a drift": (lambda e: replace(e, drift_after=1), {COUNTED}),
    "a recording was lost": (lambda e: replace(e, grievances=[], objects={}), {RECORDED}),
    "a recording was kept twice": (
        lambda e: replace(
            e, grievances=[*e.grievances, a_grievance(id="g2", recording="clean-water/g1.mp3")]
        ),
        {RECORDED},
    ),
    "what was taken back is kept": (with_outcome(2, kept=[]), {RECORDED}),
    "a copy was not made": (
        lambda e: replace(e, grievances=[a_grievance(recording=None)], objects={}),
        {RECORDED},
    ),
    "a copy is of something else": (
        lambda e: replace(e, objects={"clean-water/g1.mp3": "another"}),
        {RECORDED},
    ),
    "a copy of nothing": (
        lambda e: replace(e, objects={**e.objects, "clean-water/g9.mp3": "digest"}),
        {RECORDED},
    ),
    "a copy of what never appeared": (
        lambda e: replace(e, recordings=[replace(e.recordings[0], is_ready=False)]),
        {RECORDED},
    ),
    "a replay changed a row": (
        lambda e: replace(e, changed_by_replay=["changed in ringback-contacts: language of x"]),
        {"replays_change_nothing"},
    ),
    "a repeat was answered otherwise": (
        with_outcome(1, call=a_call(2, BALA, "09000010102", (answered("ask", "end"), answered("end")))),
        {"replays_change_nothing"},
    ),
    "a request could not be read": (
        lambda e: replace(e, unparsed=["From says two things"]),
        {"nothing_unparsed_that_was_well_formed"},
    ),
    "a text was accepted twice": (
        lambda e: replace(e, accepted=[an_sms(), an_sms()]),
        {"nobody_got_a_text_twice"},
    ),
    "a number in a log": (
        lambda e: replace(e, leaks=["React: line 1 holds a caller's number"]),
        {"no_phone_number_in_clear_in_logs"},
    ),
    "a dead letter nobody explains": (
        lambda e: replace(e, dead_letters=[("ringback-send-dead-letters", '["someone", "something"]')]),
        {"no_dead_letters_unexplained"},
    ),
}


@pytest.mark.parametrize(("tamper", "expected"), TAMPERINGS.values(), ids=TAMPERINGS.keys())
def test_a_tampered_record_breaks_just_the_promises_it_breaks(tamper: Tampering, expected: set[str]) -> None:
    assert expected == broken(tamper(honest()))


def test_every_promise_is_broken_by_some_tampering() -> None:
    assert set(judge.INVARIANTS) == set().union(*(names for _, names in TAMPERINGS.values()))


def test_a_repeat_that_comes_turns_later_may_be_answered_with_the_last_turn() -> None:
    late = (answered("ask")[0], Answered('{"select": "end"}', behind=3))
    call = a_call(2, BALA, "09000010102", (late, answered("end")))

    assert set() == broken(with_outcome(1, call=call)(honest()))


def test_offenders_are_listed_up_to_a_handful_and_show_no_number_whole() -> None:
    record = replace(honest(), contacts=[], calls={}, answers={}, grievances=[], turns={})
    listed = [line for verdict in judge.verdicts(record) for line in verdict.offenders]

    assert listed
    assert all(len(verdict.offenders) <= promises.SHOWN for verdict in judge.verdicts(record))
    assert not any(phone[3:] in line for phone in (ANU, BALA, CHANDA, DEVI) for line in listed)
