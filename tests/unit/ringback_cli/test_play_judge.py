"""Every promise of `play missed-calls` can be broken: an honest record keeps them all, and each tampering is found out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from ringback.domain import campaigns as content
from ringback.domain.campaigns import Campaign, Purpose
from ringback.domain.contacts import Contact, Planned
from ringback.domain.messages import Message, State, name_for
from ringback.domain.phones import person_id
from ringback_cli.stories import promises
from ringback_cli.stories.logs import leaks
from ringback_cli.stories.missed_calls import judge
from ringback_cli.stories.missed_calls.cast import Call, Caller, Kind, Script
from ringback_cli.stories.missed_calls.evidence import Evidence, Told
from ringback_cli.stories.phones import AcceptedSms, Received, RungCall
from ringback_cli.stories.stage import documents

NOON = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
NIGHT = datetime(2026, 3, 2, 18, 30, tzinfo=UTC)
ANU, BALA, CHANDA, DEVI = "+919000000101", "+919000010102", "+919000020103", "+919000030104"
CAMPAIGNS = {campaign.id: campaign for campaign in (content.parse(each) for each in documents())}
WATER = CAMPAIGNS["clean-water"]
WELCOME = WATER.numbers["+918040001001"]
OPT_OUT = next(number for number in WATER.numbers.values() if number.purpose is Purpose.OPT_OUT)
"""Anu got her welcome, Bala's was refused, Chanda hides her number, Devi opted out and rang again."""


def a_call(phone: str, kind: Kind = Kind.ORDINARY, number: content.Number = WELCOME) -> Call:
    return Call(Caller(phone, kind), WATER.id, number)


def a_message(phone: str, state: State, **more: Any) -> Message:
    cause = f"exotel:call-{phone[-3:]}"
    return Message(
        person_id(b"pepper", WATER.id, phone),
        name_for(WATER.id, "welcome", cause),
        WATER.id,
        "welcome",
        "en",
        cause,
        NOON,
        state,
        **more,
    )


def a_contact(phone: str, **more: Any) -> Contact:
    cause = f"exotel:call-{phone[-3:]}"
    return Contact(
        person_id(b"pepper", WATER.id, phone),
        WATER.id,
        phone,
        "en",
        NOON,
        WELCOME.number,
        WELCOME.source,
        planned={"welcome": Planned(cause, NOON)},
        **more,
    )


def an_sms(message: Message, phone: str, **more: Any) -> AcceptedSms:
    words = WATER.rendered("welcome", "en")
    facts: dict[str, Any] = {
        "message_id": message.message_id,
        "to": phone,
        "header": WATER.sender.header,
        "template_id": words.template.template_id,
        "body": words.body,
        "accepted_at": NOON,
        "is_delivered": True,
        "is_over": True,
        "is_reported": True,
    }
    return AcceptedSms(**(facts | more))


ANUS = a_message(ANU, State.DELIVERED)
BALAS = a_message(BALA, State.REFUSED, rule="number-class")
DEVIS = a_message(DEVI, State.REFUSED, rule="opted-out")


def honest() -> Evidence:
    """A record in which every promise is kept."""
    acts = (
        (a_call(ANU), a_call(BALA), a_call(CHANDA, Kind.WITHHELD), a_call(DEVI, Kind.OPTS_OUT, OPT_OUT)),
        (a_call(DEVI, Kind.OPTS_OUT),),
    )
    callers = tuple(call.caller for call in acts[0])
    calls = [
        RungCall(f"call-{nth}", call.caller.phone, call.number.number, True, 1)
        for nth, call in enumerate((*acts[0], *acts[1]))
    ]
    return Evidence(
        campaigns=CAMPAIGNS,
        script=Script(time(12), callers, acts),
        second_act_at=NOON + timedelta(seconds=10),
        calls=calls,
        accepted=[an_sms(ANUS, ANU)],
        received=[
            Received(ANU, WATER.sender.header, WATER.rendered("welcome", "en").template.template_id, 1)
        ],
        told=[Told(call.call_id, 1, 1) for call in calls],
        journal={call.call_id: 1 for call in calls},
        contacts=[a_contact(ANU), a_contact(BALA), a_contact(DEVI, opted_out_at=NOON)],
        messages=[ANUS, BALAS, DEVIS],
        dead_letters=[],
        totals={
            "clean-water": {
                "raw": 5,
                f"raw number:{WELCOME.number}": 4,
                f"raw number:{OPT_OUT.number}": 1,
                "unique": 3,
                "withheld": 1,
            },
            "library-hours": {},
        },
        drift_before=0,
        drift_after=0,
        leaks=[],
    )


def broken(evidence: Evidence) -> set[str]:
    return {verdict.invariant for verdict in judge.verdicts(evidence) if not verdict.holds}


def test_an_honest_record_keeps_every_promise() -> None:
    assert set() == broken(honest())


def swapped(messages: Sequence[Message], new: Message) -> list[Message]:
    return [new if message.message_id == new.message_id else message for message in messages]


def counting(**changes: int) -> Mapping[str, Mapping[str, int]]:
    return {**honest().totals, "clean-water": {**honest().totals["clean-water"], **changes}}


def closed_at_noon() -> Mapping[str, Campaign]:
    window = replace(WATER.window, start=time(15))
    return {**CAMPAIGNS, WATER.id: replace(WATER, window=window)}


TAMPERINGS: dict[str, tuple[Callable[[Evidence], Evidence], set[str]]] = {
    "it never came to rest": (lambda e: replace(e, unrest="first act: 3 left"), {"came_to_rest"}),
    "a callback was answered and not kept": (
        lambda e: replace(e, told=[*e.told, Told("call-9", 1, 0)]),
        {"every_accepted_callback_stored"},
    ),
    "a second telling took the first one's place": (
        lambda e: replace(e, told=[Told("call-0", 2, 1)]),
        {"every_accepted_callback_stored"},
    ),
    "a lost call stayed lost": (
        lambda e: replace(e, journal={"call-0": 1, "call-1": 1, "call-2": 1, "call-3": 1}),
        {"every_call_stored_in_the_end"},
    ),
    "a caller is no contact": (
        lambda e: replace(e, contacts=e.contacts[:1] + e.contacts[2:]),
        {"contacts_are_distinct_callers", "every_other_message_accounted"},
    ),
    "somebody is a contact who never rang": (
        lambda e: replace(e, contacts=[*e.contacts, replace(a_contact(CHANDA), planned={})]),
        {"contacts_are_distinct_callers"},
    ),
    "one person is two contacts": (
        lambda e: replace(e, contacts=[*e.contacts, replace(a_contact(ANU), person="x", planned={})]),
        {"contacts_are_distinct_callers"},
    ),
    "a handset shows two welcomes": (
        lambda e: replace(e, received=[replace(e.received[0], count=2)]),
        {"no_caller_got_two_welcomes", "every_caller_whose_sms_was_accepted_got_it"},
    ),
    "the provider accepted two, and only one arrived": (
        lambda e: replace(
            e, accepted=[*e.accepted, an_sms(ANUS, ANU, is_delivered=False, is_reported=False)]
        ),
        {"no_caller_got_two_welcomes"},
    ),
    "the second welcome came in another language": (
        lambda e: replace(
            e,
            received=[
                *e.received,
                replace(e.received[0], template_id=WATER.texts["welcome"].templates["hi"].template_id),
            ],
        ),
        {"no_caller_got_two_welcomes", "every_caller_whose_sms_was_accepted_got_it"},
    ),
    "an SMS nobody meant": (
        lambda e: replace(
            e,
            accepted=[
                *e.accepted,
                replace(an_sms(ANUS, BALA), message_id="nobody.x.y.z", is_delivered=False),
            ],
        ),
        {"every_accepted_sms_was_meant"},
    ),
    "an SMS to somebody else": (
        lambda e: replace(e, accepted=[an_sms(ANUS, BALA)]),
        {"every_accepted_sms_was_meant", "every_caller_whose_sms_was_accepted_got_it"},
    ),
    "an SMS in other words": (
        lambda e: replace(e, accepted=[an_sms(ANUS, ANU, body="Win a prize")]),
        {"every_accepted_sms_was_meant"},
    ),
    "an SMS left, and the ledger says refused": (
        lambda e: replace(
            e, accepted=[*e.accepted, an_sms(BALAS, BALA, is_delivered=False, is_reported=False)]
        ),
        {"every_accepted_sms_was_meant"},
    ),
    "an accepted SMS never arrived": (
        lambda e: replace(e, received=[]),
        {"every_caller_whose_sms_was_accepted_got_it"},
    ),
    "an SMS is still on its way": (
        lambda e: replace(e, accepted=[replace(e.accepted[0], is_over=False)]),
        {"every_caller_whose_sms_was_accepted_got_it"},
    ),
    "a text was planned and is not in the ledger": (
        lambda e: replace(e, messages=[ANUS, DEVIS]),
        {"every_other_message_accounted"},
    ),
    "a message was forgotten": (
        lambda e: replace(e, messages=swapped(e.messages, replace(BALAS, state=State.PLANNED))),
        {"every_other_message_accounted"},
    ),
    "a claim was never settled": (
        lambda e: replace(e, messages=swapped(e.messages, replace(BALAS, state=State.CLAIMED))),
        {"every_other_message_accounted"},
    ),
    "a refusal names no rule": (
        lambda e: replace(e, messages=swapped(e.messages, replace(BALAS, rule=None))),
        {"every_other_message_accounted"},
    ),
    "the ledger says sent, and the provider never accepted it": (
        lambda e: replace(e, messages=swapped(e.messages, replace(BALAS, state=State.SENT))),
        {"every_other_message_accounted"},
    ),
    "a message waits although the window is open": (
        lambda e: replace(
            e, messages=swapped(e.messages, replace(BALAS, state=State.HELD, rule="paused", due_at=NIGHT))
        ),
        {"nobody_waits_or_fails_without_need"},
    ),
    "the provider declined a message": (
        lambda e: replace(e, messages=swapped(e.messages, replace(BALAS, state=State.FAILED, code="40206"))),
        {"nobody_waits_or_fails_without_need"},
    ),
    "a delivery report changed nothing": (
        lambda e: replace(e, messages=swapped(e.messages, replace(ANUS, state=State.SENT))),
        {"every_report_reached_the_ledger"},
    ),
    "a recount leaves a drift": (lambda e: replace(e, drift_after=2), {"counters_equal_recount"}),
    "a call was counted twice": (
        lambda e: replace(e, totals=counting(raw=6)),
        {"counts_equal_calls_made"},
    ),
    "a caller was counted twice": (
        lambda e: replace(e, totals=counting(unique=4)),
        {"counts_equal_calls_made"},
    ),
    "a hidden caller was not counted": (
        lambda e: replace(e, totals=counting(withheld=0)),
        {"counts_equal_calls_made"},
    ),
    "an SMS left at night": (
        lambda e: replace(e, accepted=[replace(e.accepted[0], accepted_at=NIGHT)]),
        {"nothing_sent_outside_window"},
    ),
    "an SMS left before the window of this campaign": (
        lambda e: replace(e, campaigns=closed_at_noon()),
        {"nothing_sent_outside_window"},
    ),
    "an SMS to somebody who had opted out": (
        lambda e: replace(
            e,
            accepted=[
                *e.accepted,
                an_sms(DEVIS, DEVI, accepted_at=e.second_act_at, is_delivered=False, is_reported=False),
            ],
            messages=swapped(e.messages, replace(DEVIS, state=State.SENT)),
        ),
        {"nothing_after_opt_out"},
    ),
    "an opt-out was lost": (
        lambda e: replace(e, contacts=[*e.contacts[:2], a_contact(DEVI)]),
        {"nothing_after_opt_out"},
    ),
    "an SMS to a caller who hides": (
        lambda e: replace(e, accepted=[*e.accepted, an_sms(ANUS, CHANDA, is_delivered=False)]),
        {"no_sms_to_who_is_no_person", "every_accepted_sms_was_meant"},
    ),
    "a number in a log": (
        lambda e: replace(e, leaks=["React: line 1 holds a caller's number"]),
        {"no_phone_number_in_clear_in_logs"},
    ),
    "a dead letter nobody explains": (
        lambda e: replace(e, dead_letters=[("ringback-send-dead-letters", '["someone", "something"]')]),
        {"no_dead_letters_unexplained"},
    ),
    "a dead letter that is no ticket": (
        lambda e: replace(e, dead_letters=[("ringback-react-dead-letters", "{not JSON")]),
        {"no_dead_letters_unexplained"},
    ),
}


@pytest.mark.parametrize(("tamper", "expected"), TAMPERINGS.values(), ids=TAMPERINGS.keys())
def test_a_tampered_record_breaks_just_the_promises_it_breaks(
    tamper: Callable[[Evidence], Evidence], expected: set[str]
) -> None:
    assert expected == broken(tamper(honest()))


def test_every_promise_is_broken_by_some_tampering() -> None:
    assert set(judge.INVARIANTS) == set().union(*(names for _, names in TAMPERINGS.values()))


def test_an_early_sms_to_somebody_who_opts_out_later_is_no_offence() -> None:
    early = an_sms(DEVIS, DEVI, is_delivered=False, is_reported=False)
    record = replace(honest(), messages=swapped(honest().messages, replace(DEVIS, state=State.SENT)))

    assert set() == broken(replace(record, accepted=[*record.accepted, early]))


def test_a_dead_letter_whose_message_was_settled_all_the_same_is_explained() -> None:
    letter = ("ringback-send-dead-letters", f'["{BALAS.person}", "{BALAS.name}"]')

    assert set() == broken(replace(honest(), dead_letters=[letter]))


def test_offenders_are_listed_up_to_a_handful_and_show_no_number_whole() -> None:
    record = replace(honest(), contacts=[], calls=[replace(call, call_id="x") for call in honest().calls])
    listed = [line for verdict in judge.verdicts(record) for line in verdict.offenders]

    assert listed
    assert all(len(verdict.offenders) <= promises.SHOWN for verdict in judge.verdicts(record))
    assert not any(phone[3:] in line for phone in (ANU, BALA, CHANDA, DEVI) for line in listed)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('{"to": "+919000000101"}', 1),
        ("From=09000000101&To=08040001001", 1),
        ("919000000101", 1),
        ("a key: s3cret-token.", 1),
        ('{"to": "+9190••••01"}', 0),
        ("our own 08040001001, at 1795295491427", 0),
        ("order 9000000101999999999", 0),
    ],
)
def test_a_number_or_a_secret_in_a_log_is_found_in_whatever_shape(line: str, found: int) -> None:
    leaking = list(leaks([("React", line)], [ANU], ["s3cret-token"]))

    assert found == len(leaking)
    assert not any("9000000101" in each or "s3cret" in each for each in leaking)
