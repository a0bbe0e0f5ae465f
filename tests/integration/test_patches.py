"""Connecting an influencer to a voter, question by question, and what follows from it."""

from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from ringback.domain.influencers import Stage, india_day
from ringback.domain.ledger import NOWHERE, Side
from ringback.domain.patches import MOST_REFUSALS, Kind, Outcome, Reason, State
from ringback.domain.pools import Outcome as PoolOutcome
from ringback.domain.pools import PoolState
from ringback.domain.pools import State as VoterState
from ringback.domain.times import INDIA
from ringback.providers.base import Provider
from ringback.services import influencers as staff
from ringback.services import ledger as booking
from ringback.services import patches as service
from ringback.services import trackers
from ringback.services.facts import Reaction
from ringback.services.pools import change, reissue_due
from ringback.store import contacts, influencers, ledger, patches, sending, voters
from ringback.store import reviews as review_store
from ringback.store import trackers as tracker_store
from ringback.store.transactions import together
from tests.deployment import CALLER, OTHER_CALLER, VOLUNTEER, Deployment, callers, deployed, emitted, local
from tests.integration import people
from tests.integration.patching import LINE, POOL, Caller, Patched, voter_phones
from tests.integration.wire import AwsRequest, Killed, Killer, Moment, listening

VOTERS = voter_phones(6)


@pytest.fixture(autouse=True)
def tokens(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return people.told(monkeypatch)


@pytest.fixture
def patched(deployment: Deployment, tmp_path: Path) -> Patched:
    patched = Patched(deployment)
    patched.approve(CALLER, OTHER_CALLER)
    patched.fill(tmp_path, VOTERS)
    return patched


def rung(caller: Caller, **more: str) -> str:
    """The number that a question gets, which must be one."""
    number = caller.ask(**more)
    assert number is not None
    return number


class Requests:
    """What goes to AWS while somebody listens."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.BEFORE:
            self.made.append(request.operation)


# a question


def test_an_approved_influencer_is_connected_to_a_voter_who_sees_our_number(patched: Patched) -> None:
    caller = patched.begin()
    number = rung(caller)
    assert number in VOTERS
    assert caller.order["outgoing_phone_number"] == LINE
    assert caller.order["fetch_after_attempt"] is True
    assert caller.order["start_call_playback"]["playback_to"] == "callee"
    assert patched.voter(number).state is VoterState.CLAIMED
    assert patched.held().total == 1


@pytest.fixture
def at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a door keeps for seconds, it keeps for the whole test, however slow the machine is."""
    monkeypatch.setattr("ringback.services.pools.FRESH_SECONDS", 300.0)
    monkeypatch.setattr("ringback.services.connects.CLIMATE_SECONDS", 300.0)


def test_a_new_voter_takes_five_requests_and_the_same_question_one(tmp_path: Path, at_hand: None) -> None:
    with deployed(CATALOG_CACHE_SECONDS="300") as deployment:
        patched = Patched(deployment)
        phones = callers(20)
        patched.approve(*phones)
        patched.fill(tmp_path, voter_phones(100))
        for n, phone in enumerate(phones):  # until every shard's block is at hand
            rung(patched.begin(phone, f"warm-{n}"))
        warm, caller = patched.begin(phones[1], "warm"), patched.begin(phones[0])
        requests, again = Requests(), Requests()
        rung(warm)  # a moment before, so that nothing that is kept for seconds has grown old
        with listening(requests):
            rung(caller)
        with listening(again):
            rung(caller)
    assert requests.made == [
        "BatchGetItem",  # the call, its patch, the influencer
        "UpdateItem",  # the slot
        "UpdateItem",  # the cursor
        "BatchGetItem",  # the voter, and what the campaign knows of them
        "TransactWriteItems",
    ]
    assert again.made == ["BatchGetItem"]


def test_each_voter_whom_the_gate_refuses_takes_three_requests_more(tmp_path: Path, at_hand: None) -> None:
    with deployed(CATALOG_CACHE_SECONDS="300") as deployment:
        patched = Patched(deployment)
        phones = callers(20)
        patched.approve(*phones)
        patched.fill(tmp_path, voter_phones(100))
        for n, phone in enumerate(phones):
            rung(patched.begin(phone, f"warm-{n}"))
        for phone in voter_phones(100):
            contacts.record_call(people.contact(deployment, phone), opts_out=True)
        warm, caller, requests = patched.begin(phones[1], "warm"), patched.begin(phones[0]), Requests()
        assert warm.ask() is None
        with listening(requests):
            assert caller.ask() is None
    refusals = MOST_REFUSALS + 1
    assert requests.made.count("BatchGetItem") == 1 + refusals
    assert len(requests.made) == 2 + 3 * refusals + 2  # and the slot given back, and the reason kept


def test_a_patch_with_its_first_attempt_is_within_a_kilobyte(patched: Patched) -> None:
    sizes = []

    def weigh(moment: Moment, request: AwsRequest) -> None:
        for item in request.params.get("TransactItems", ()):
            if moment is Moment.BEFORE and item.get("Put", {}).get("TableName") == "test-patches":
                sizes.append(
                    sum(len(n) + len(str(next(iter(v.values())))) for n, v in item["Put"]["Item"].items())
                )

    with listening(weigh):
        rung(patched.begin())
    assert sizes
    assert sizes[0] <= 1024


def test_the_same_question_again_gets_the_same_voter_and_writes_nothing(patched: Patched) -> None:
    caller = patched.begin()
    first, revision = rung(caller), patched.patch().revision
    assert [caller.ask(), caller.ask()] == [first, first]
    assert patched.patch().revision == revision
    patched.restart()
    assert caller.ask() == first


def test_no_answer_is_followed_by_the_next_voter_and_after_three_by_nobody(patched: Patched) -> None:
    caller = patched.begin()
    numbers = [rung(caller)]
    for _ in range(2):
        patched.clock.move(seconds=31)
        following = caller.failed(numbers[-1])
        assert following is not None
        numbers.append(following)
    assert len(set(numbers)) == 3
    assert caller.failed(numbers[-1]) is None
    assert caller.failed(numbers[-1]) is None
    assert patched.patch().state is State.OVER
    assert patched.patch().reason is Reason.TRIES
    assert patched.held().total == 0
    patched.react()
    assert [patched.voter(number).state for number in numbers] == [VoterState.WAITING] * 3
    assert caller.come_back() == caller.handset.heard[-1]
    assert caller.handset.branch == "end"


def test_two_callers_never_get_one_voter(patched: Patched) -> None:
    first, second = patched.begin(), patched.begin(OTHER_CALLER, "call-2")
    assert rung(first) != rung(second)
    assert patched.held().total == 2


def test_nobody_is_given_to_themselves(deployment: Deployment, tmp_path: Path) -> None:
    patched = Patched(deployment)
    patched.approve(CALLER)
    patched.fill(tmp_path, [CALLER])
    assert patched.begin().ask() is None
    assert patched.voter(CALLER).state is VoterState.QUEUED


# an end


def test_they_talk_and_everything_follows_once(patched: Patched, tokens: list[str]) -> None:
    caller = patched.begin()
    number = rung(caller)
    caller.talk(number, 40)
    assert patched.held().total == 0
    patched.react()
    assert patched.voter(number).state is VoterState.REACHED
    influencer = patched.influencer()
    assert (influencer.patched, influencer.talked_seconds, influencer.today) == (1, 40, 1)
    patched.deployment.reaction.react(patched.deployment.entries())
    assert patched.influencer() == influencer
    assert patched.held().total == 0


def test_the_menu_asks_how_they_lean_once_they_have_talked(patched: Patched) -> None:
    caller = patched.begin()
    number = rung(caller)
    caller.talk(number)
    caller.come_back()
    caller.handset.press("1")
    patched.react()
    assert patched.voter(number).leaning == "for"
    assert patched.patch().disposition == "for"


def test_who_does_not_want_to_be_called_is_left_alone_for_good(patched: Patched) -> None:
    caller = patched.begin()
    number = rung(caller)
    caller.talk(number)
    caller.come_back()
    caller.handset.press("4")
    caller.handset.press("2")
    patched.react()
    contact = contacts.load(patched.deployment.person(number))
    assert contact is not None
    assert contact.opted_out_at is not None


def test_completed_without_talk_is_no_conversation(patched: Patched) -> None:
    """exotel.md, trap 7: legs decide."""
    caller = patched.begin()
    number = rung(caller)
    legs = {"Legs[0][Number]": number, "Legs[0][OnCallDuration]": "0"}
    following = caller.ask(DialWhomNumber=number, DialCallStatus="completed", **legs)
    assert following not in (None, number)
    patched.react()
    assert patched.patch().attempts[0].outcome is Outcome.UNHEARD
    assert patched.influencer().patched == 0


DECLINES = {"DialCallStatus": "completed", "Legs[0][OnCallDuration]": "0"}


def test_a_voter_who_puts_the_phone_down_at_the_whisper_is_never_rung_again(
    deployment: Deployment, tmp_path: Path
) -> None:
    """It says who is calling, and that whoever does not want this hangs up."""
    patched = Patched(deployment)
    patched.approve(CALLER)
    patched.fill(tmp_path, VOTERS[:2])
    patched.fill(tmp_path, VOTERS[:1], pool=WARD)
    caller = patched.begin()
    number = rung(caller)
    assert number == VOTERS[0]
    patched.told("call-1", "Terminal", number, **DECLINES)
    patched.react()
    assert patched.voter(number).state is VoterState.CLAIMED, "perhaps it was the caller who left"
    assert caller.ask(DialWhomNumber=local(number), **DECLINES) == VOTERS[1]
    patched.react()
    declined = patched.voter(number)
    assert (declined.state, declined.rule) == (VoterState.DROPPED, "declined")
    patched.move_to("ward-12")
    deployment.clock.move(days=5)
    assert patched.begin(call_id="call-2").ask() is None


def test_the_caller_who_comes_back_into_the_menu_shows_too_that_the_voter_hung_up(patched: Patched) -> None:
    """Exotel need not ask again after a leg that was answered: the flow goes on."""
    caller = patched.begin()
    number = rung(caller)
    caller.come_back(DialWhomNumber=local(number), **DECLINES)
    patched.react()
    assert patched.patch().reason is Reason.BACK
    assert patched.voter(number).rule == "declined"


def test_a_voter_whose_caller_left_during_the_whisper_may_be_rung_another_day(patched: Patched) -> None:
    caller = patched.begin()
    number = rung(caller)
    patched.told("call-1", "Terminal", number, **DECLINES)
    patched.react()
    caller.come_back(CallStatus="completed")
    patched.react()
    assert patched.voter(number).state is VoterState.WAITING


@pytest.mark.parametrize(
    ("cause", "state"),
    [
        ("SUBSCRIBER_ABSENT", VoterState.WAITING),
        ("NETWORK_OUT_OF_ORDER", VoterState.WAITING),
        ("UNALLOCATED_NUMBER", VoterState.DROPPED),
    ],
)
@pytest.mark.parametrize("is_told_twice", [False, True])
def test_only_a_number_that_nobody_has_is_given_up_at_the_first_failure(
    patched: Patched, cause: str, state: VoterState, is_told_twice: bool
) -> None:
    caller = patched.begin()
    number = rung(caller)
    if is_told_twice:
        patched.told("call-1", "Terminal", number, DialCallStatus="failed")
        patched.react()
    legs = {"Legs[0][Number]": local(number), "Legs[0][CauseCode]": cause}
    assert caller.ask(DialWhomNumber=local(number), DialCallStatus="failed", **legs)
    patched.react()
    known = voters.load_known(POOL, patched.deployment.person(number))
    if state is VoterState.DROPPED:
        assert known.rung.settled is PoolOutcome.BAD_NUMBER, "out of no pool"
    else:
        assert (patched.voter(number).state, known.rung.settled) == (state, None)
    assert patched.patch().disputes == 0


def test_the_question_that_brings_the_caller_back_may_be_the_first_to_tell_that_they_talked(
    patched: Patched,
) -> None:
    caller = patched.begin()
    number = rung(caller)
    legs = {"Legs[0][Number]": number, "Legs[0][OnCallDuration]": "25"}
    caller.come_back(DialWhomNumber=number, DialCallStatus="completed", **legs)
    assert caller.handset.branch == "ask"
    assert patched.patch().talked_seconds == 25
    assert patched.held().total == 0


def test_the_request_that_tells_of_a_callers_end_may_be_the_first_to_tell_that_they_talked(
    patched: Patched,
) -> None:
    caller = patched.begin()
    number = rung(caller)
    legs = {"Legs[0][Number]": number, "Legs[0][OnCallDuration]": "25"}
    caller.come_back(CallStatus="completed", DialWhomNumber=number, DialCallStatus="completed", **legs)
    patched.react()
    assert patched.patch().talked_seconds == 25
    assert patched.voter(number).state is VoterState.REACHED


def test_a_caller_who_goes_quiet_while_it_rings_gives_everything_back(patched: Patched) -> None:
    caller = patched.begin()
    number = rung(caller)
    patched.clock.move(hours=2)
    patched.deployment.sweep()
    patched.react()
    assert patched.held().total == 0
    assert patched.voter(number).state is VoterState.WAITING
    assert emitted("PatchAbandoned") == 1


def test_who_talked_is_not_rung_again_though_the_callers_end_was_told_before_their_leg(
    patched: Patched,
) -> None:
    caller = patched.begin()
    number = rung(caller)
    caller.come_back(CallStatus="completed")
    patched.react()
    assert patched.voter(number).state is VoterState.WAITING
    legs = {"Legs[0][Number]": local(number), "Legs[0][OnCallDuration]": "40"}
    patched.told("call-1", "Terminal", number, DialCallStatus="completed", **legs)
    patched.react()
    assert patched.voter(number).state is VoterState.REACHED


def test_a_claim_that_is_written_as_the_call_ends_has_an_outcome(patched: Patched) -> None:
    """The caller leaves between the door's read of the call and its claim: nobody else comes to end that patch."""
    caller = patched.begin()

    def leaves(moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.BEFORE and request.operation == "TransactWriteItems" and not left:
            left.append(True)
            caller.come_back(CallStatus="completed")
            patched.react()

    left: list[bool] = []
    with listening(leaves):
        number = rung(caller)
    assert patched.voter(number).state is VoterState.CLAIMED
    patched.react()
    assert patched.patch().is_over
    assert patched.voter(number).state is VoterState.WAITING
    assert patched.held().total == 0


def test_a_telling_whose_fact_collides_with_another_write_is_written_after_all(patched: Patched) -> None:
    caller = patched.begin()
    number = rung(caller)

    def collides(moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.BEFORE and request.operation == "TransactWriteItems" and not collided:
            collided.append(True)
            reasons = [{"Code": "None"}, {"Code": "TransactionConflict", "Message": "ongoing"}]
            error = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
            raise ClientError(error, request.operation)  # type: ignore[arg-type]

    collided: list[bool] = []
    with listening(collides):
        patched.told("call-1", "Terminal", number, DialCallStatus="busy")
    assert collided
    assert patched.patch().attempts[0].outcome is Outcome.BUSY


def test_a_leg_that_ended_in_two_ways_keeps_the_first_and_the_journal_has_both(patched: Patched) -> None:
    caller = patched.begin()
    number = rung(caller)
    patched.told("call-1", "Terminal", number, DialCallStatus="busy")
    for _ in range(2):
        patched.told("call-1", "Terminal", number, DialCallStatus="failed")
    assert patched.patch().attempts[0].outcome is Outcome.BUSY
    assert patched.patch().disputes == 1
    keys = [entry.key for entry in patched.deployment.entries() if entry.step == "patch"]
    assert [key.partition("#")[0] for key in keys].count("leg-1-terminal") == 2


def test_both_legs_are_booked_to_the_area_and_the_day(patched: Patched) -> None:
    caller = patched.begin()
    number = rung(caller)
    caller.talk(number, 61)
    patched.react()
    charges = {charge.side: charge for charge in ledger.of_area("clean-water", NOWHERE, "2026-03-02")}
    assert charges[Side.CALLEE].seconds == 61
    assert charges[Side.CALLEE].paise == 100
    assert charges[Side.CALLER].seconds >= 61
    patched.deployment.reaction.react(patched.deployment.entries())
    assert len(list(ledger.of_area("clean-water", NOWHERE, "2026-03-02"))) == 2


def test_a_call_is_booked_once_though_its_leg_is_told_more_exactly_the_day_after(patched: Patched) -> None:
    caller = patched.begin()
    number = rung(caller)
    patched.told("call-1", "Answered", number)
    patched.clock.move(seconds=300)
    caller.come_back(CallStatus="completed")
    patched.react()
    patched.clock.move(days=1)
    legs = {"Legs[0][Number]": local(number), "Legs[0][OnCallDuration]": "299"}
    patched.told("call-1", "Terminal", number, DialCallStatus="completed", **legs)
    patched.react()
    charges = {charge.side: charge for charge in ledger.every("clean-water")}
    assert len(list(ledger.every("clean-water"))) == 2
    assert 300 <= charges[Side.CALLEE].seconds <= 310
    influencer = patched.influencer()
    assert (influencer.patched, influencer.short) == (1, 0)
    assert influencer.talked_seconds >= 300


@pytest.mark.parametrize("days", [0, 1])
def test_a_talk_of_which_nobody_told_before_the_end_of_the_call_is_booked_when_it_is_told(
    patched: Patched, days: int
) -> None:
    caller = patched.begin()
    number = rung(caller)
    patched.clock.move(seconds=60)
    caller.come_back(CallStatus="completed")
    patched.react()
    assert [charge.side for charge in ledger.every("clean-water")] == [Side.CALLER]
    before = patched.influencer()
    assert (before.today, before.patched, before.talks) == (1, 0, 0)
    patched.clock.move(days=days)
    legs = {"Legs[0][Number]": local(number), "Legs[0][OnCallDuration]": "48"}
    patched.told("call-1", "Terminal", number, DialCallStatus="completed", **legs)
    patched.react()
    patched.deployment.reaction.react(patched.deployment.entries())
    charges = list(ledger.every("clean-water"))
    assert sorted((charge.side, charge.seconds > 40) for charge in charges) == [
        ("callee", True),
        ("caller", True),
    ]
    after = patched.influencer()
    assert (after.today, after.talks_today, after.patched, after.talks) == (1, 1, 1, 1)
    assert (after.talked_seconds, after.short) == (48, 0)


# nobody to ring


def test_when_every_line_is_taken_the_caller_hears_so(deployment: Deployment, tmp_path: Path) -> None:
    patched = Patched(deployment, slots={"account": 2, "per_number": 2})
    phones = callers(3)
    patched.approve(*phones)
    patched.fill(tmp_path, VOTERS)
    first, second, third = (patched.begin(phone, f"call-{n}") for n, phone in enumerate(phones))
    assert rung(first)
    assert rung(second)
    assert third.ask() is None
    assert patched.held().total == 2
    third.come_back()
    assert third.handset.branch == "end"
    assert "busy" in third.handset.heard[-1].lower() or "lines" in third.handset.heard[-1].lower()
    assert patched.queued() == 4


def test_the_cap_of_a_day_holds(deployment: Deployment, tmp_path: Path) -> None:
    patched = Patched(deployment, calls_per_day=1)
    patched.approve(CALLER)
    patched.fill(tmp_path, VOTERS)
    caller = patched.begin()
    caller.talk(rung(caller))
    patched.react()
    again = patched.begin(call_id="call-2")
    assert again.ask() is None
    assert patched.patch("call-2").reason is Reason.CAP
    patched.clock.move(days=1)
    assert rung(patched.begin(call_id="call-3"))


def test_a_call_in_which_nobody_took_the_phone_counts_for_the_day(
    deployment: Deployment, tmp_path: Path
) -> None:
    patched = Patched(deployment, calls_per_day=2)
    patched.approve(CALLER)
    patched.fill(tmp_path, VOTERS)
    for n in range(2):
        caller = patched.begin(call_id=f"call-{n}")
        rung(caller)
        caller.come_back(CallStatus="completed")
        patched.react()
    assert patched.begin(call_id="call-2").ask() is None
    assert patched.patch("call-2").reason is Reason.CAP
    influencer = patched.influencer()
    assert (influencer.today, influencer.patched, influencer.short) == (2, 0, 0)
    patched.deployment.reaction.react(patched.deployment.entries())
    assert patched.influencer() == influencer


def test_one_caller_holds_no_more_lines_than_a_person_may(patched: Patched) -> None:
    for n in range(3):
        rung(patched.begin(call_id=f"call-{n}"))
    patched.react()
    fourth = patched.begin(call_id="call-3")
    assert fourth.ask() is None
    assert patched.patch("call-3").reason is Reason.SLOTS
    assert patched.held().total == 3
    assert patched.queued() == 3
    assert rung(patched.begin(OTHER_CALLER, "call-4"))


def test_a_caller_who_rings_again_at_once_is_put_through_before_their_last_calls_are_booked(
    patched: Patched,
) -> None:
    for n in range(5):
        caller = patched.begin(call_id=f"call-{n}")
        number = rung(caller)
        patched.react()
        caller.talk(number)
    assert rung(patched.begin(call_id="call-5"))
    patched.react()
    assert patched.influencer().live.keys() == {"exotel:call-5"}


def test_calls_of_whose_end_nobody_tells_keep_their_caller_out_no_longer_than_their_lease(
    patched: Patched,
) -> None:
    for n in range(3):
        rung(patched.begin(call_id=f"call-{n}"))
    patched.react()
    patched.clock.move(seconds=people.content().patching.lease.total_seconds())  # type: ignore[union-attr]
    assert rung(patched.begin(call_id="call-3"))
    patched.react()
    assert patched.influencer().live.keys() == {"exotel:call-3"}


def test_a_second_attempt_of_a_call_is_no_other_call(patched: Patched) -> None:
    for n in range(3):
        caller = patched.begin(call_id=f"call-{n}")
        number = rung(caller)
    patched.react()
    assert caller.failed(number) not in (None, number)


def test_an_area_is_not_rung_beyond_its_cap(deployment: Deployment, tmp_path: Path) -> None:
    patched = Patched(deployment, per_area_per_day=1)
    patched.approve(CALLER, OTHER_CALLER)
    patched.fill(tmp_path, VOTERS, area="eci:S13/26/112")
    rung(patched.begin())
    patched.react()
    patched.restart()
    assert patched.begin(OTHER_CALLER, "call-2").ask() is None
    assert emitted("VoterRefused") > 0


def test_a_replay_of_the_journal_counts_for_no_area(deployment: Deployment, tmp_path: Path) -> None:
    patched = Patched(deployment)
    patched.approve(CALLER)
    patched.fill(tmp_path, VOTERS, area="eci:S13/26/112")
    rung(patched.begin())
    patched.react()
    day = india_day(deployment.clock.now()).isoformat()
    assert patches.climate("clean-water", day).areas == {"eci:S13/26/112": 1}
    Reaction(patched.runtime).react(deployment.entries(), counting=False)
    assert patches.climate("clean-water", day).areas == {"eci:S13/26/112": 1}


@pytest.mark.parametrize("state", [PoolState.PAUSED, PoolState.CLOSED])
def test_a_pool_that_is_not_open_gives_nobody(patched: Patched, state: PoolState) -> None:
    change(patched.runtime, POOL, state)
    caller = patched.begin()
    assert caller.ask() is None
    assert patched.held().total == 0
    assert patched.patch().reason is Reason.NOBODY_FREE


def test_a_paused_campaign_rings_nobody(patched: Patched) -> None:
    sending.pause("clean-water", "an operator")
    assert patched.begin().ask() is None
    assert patched.queued() == len(VOTERS)


def test_outside_the_hours_nobody_is_rung_and_nobody_is_used_up(patched: Patched) -> None:
    patched.clock.move(hours=11)
    assert patched.begin().ask() is None
    assert patched.queued() == len(VOTERS)


@pytest.mark.parametrize("count", [0, 1])
def test_a_pool_of_none_and_of_one(deployment: Deployment, tmp_path: Path, count: int) -> None:
    patched = Patched(deployment)
    patched.approve(CALLER)
    patched.fill(tmp_path, voter_phones(count))
    caller = patched.begin()
    number = caller.ask()
    assert (number is not None) == bool(count)
    if number is not None:
        assert caller.failed(number) is None
    assert patched.held().total == 0


def test_a_pool_of_people_who_have_all_opted_out_costs_each_caller_a_moment_and_rings_nobody(
    patched: Patched,
) -> None:
    for phone in VOTERS:
        contact = people.contact(patched.deployment, phone)
        contacts.record_call(contact, opts_out=True)
    assert patched.begin().ask() is None
    assert {patched.voter(phone).state for phone in VOTERS} == {VoterState.DROPPED}
    assert {patched.voter(phone).rule for phone in VOTERS} == {"opted-out"}


@pytest.mark.parametrize(
    ("known", "rule"), [({"consent": False}, "consent"), ({"dnd": True}, "dnd")], ids=["no-consent", "dnd"]
)
def test_who_may_not_be_rung_is_not(
    deployment: Deployment, tmp_path: Path, known: dict[str, Any], rule: str
) -> None:
    patched = Patched(deployment)
    patched.approve(CALLER)
    patched.fill(tmp_path, VOTERS[:1], **known)
    assert patched.begin().ask() is None
    assert patched.voter(VOTERS[0]).rule == rule


def test_a_voter_on_the_list_who_rang_us_lately_is_rung_however_long_ago_they_rang_first(
    deployment: Deployment, tmp_path: Path
) -> None:
    patched = Patched(deployment)
    patched.approve(CALLER)
    patched.fill(tmp_path, VOTERS[:1], dnd=True)
    deployment.clock.move(days=-240)
    deployment.ring(VOTERS[0], VOLUNTEER, call_id="first")
    patched.react()
    deployment.clock.move(days=239)
    deployment.ring(VOTERS[0], VOLUNTEER, call_id="last")
    patched.react()
    deployment.clock.move(days=1)

    assert patched.begin().ask() == VOTERS[0]


WARD = "clean-water/ward-12"


@pytest.mark.parametrize("was_loaded_before", [True, False])
def test_whom_somebody_talked_to_is_not_rung_again_out_of_another_pool(
    deployment: Deployment, tmp_path: Path, was_loaded_before: bool
) -> None:
    patched = Patched(deployment)
    patched.approve(CALLER, OTHER_CALLER)
    patched.fill(tmp_path, VOTERS[:1])
    if was_loaded_before:
        patched.fill(tmp_path, VOTERS[:2], pool=WARD)
    caller = patched.begin()
    assert caller.ask() == VOTERS[0]
    patched.react()
    caller.talk(VOTERS[0])
    patched.react()
    if not was_loaded_before:
        patched.fill(tmp_path, VOTERS[:2], pool=WARD)
    patched.move_to("ward-12")
    deployment.clock.move(days=5)

    assert patched.begin(OTHER_CALLER, "call-2").ask() == VOTERS[1]
    left = patched.begin(CALLER, "call-3")
    assert left.ask() is None
    met = patched.voter(VOTERS[0], WARD)
    assert (met.state, met.rule) == (VoterState.DROPPED, "settled")


def test_attempts_and_the_days_in_between_count_whatever_pool_a_voter_is_rung_out_of(
    deployment: Deployment, tmp_path: Path
) -> None:
    patched = Patched(deployment, attempts_per_voter=2)
    patched.approve(CALLER)
    for pool in (POOL, WARD):
        patched.fill(tmp_path, VOTERS[:1], pool=pool)
    caller = patched.begin()
    assert caller.ask() == VOTERS[0]
    assert caller.failed(VOTERS[0]) is None
    patched.react()

    patched.move_to("ward-12", attempts_per_voter=2)
    assert patched.begin(call_id="call-2").ask() is None
    waits = patched.voter(VOTERS[0], WARD)
    assert (waits.state, waits.rule) == (VoterState.WAITING, "too-soon")

    deployment.clock.move(days=5)
    reissue_due(deployment.runtime)
    caller = patched.begin(call_id="call-3")
    assert caller.ask() == VOTERS[0]
    caller.failed(VOTERS[0])
    patched.react()
    deployment.clock.move(days=5)
    patched.fill(tmp_path, VOTERS[:1], pool="clean-water/ward-13")
    patched.move_to("ward-13", attempts_per_voter=2)
    assert patched.begin(call_id="call-4").ask() is None
    assert patched.voter(VOTERS[0], "clean-water/ward-13").rule == "attempts"


def test_a_budget_that_is_used_up_stops_everybody_and_drops_nobody(patched: Patched) -> None:
    patched.deployment.publish(
        "clean-water",
        lambda document: (
            document["limits"].update(voice_budget_rupees=1) or document["patching"].update(pool="voters")
        ),
    )
    patched.clock.move(minutes=1)
    patched.restart()
    assert patched.begin().ask() is None
    assert {patched.voter(phone).state for phone in VOTERS} == {VoterState.QUEUED}
    assert emitted("PatchingStopped") == 1


def test_calls_that_are_placed_and_calls_that_are_patched_are_paid_from_one_budget(patched: Patched) -> None:
    """Both legs of the longest call and the placed ones fit into ₹30, but not all of them."""
    patched.deployment.publish(
        "clean-water",
        lambda document: (
            document["limits"].update(voice_budget_rupees=30) or document["patching"].update(pool="voters")
        ),
    )
    purse, budget = sending.voice_purse("clean-water"), 3000
    patched.clock.move(minutes=1)
    patched.restart()
    caller = patched.begin()
    caller.talk(rung(caller), 61)
    patched.react()
    booked = sum(charge.paise for charge in ledger.every("clean-water"))
    assert booked == sending.standing("clean-water", (), purse).paise > 0
    assert not sending.spend(purse, budget - booked + 1, budget)
    assert sending.spend(purse, budget - booked, budget)
    patched.restart()
    assert patched.begin(OTHER_CALLER, "call-2").ask() is None


# a voter who complains


def test_a_voter_who_was_talked_to_and_asks_to_be_left_alone_counts_against_the_caller(
    patched: Patched,
) -> None:
    caller = patched.begin()
    number = rung(caller)
    caller.talk(number)
    patched.react()
    campaign, person = people.content(), patched.deployment.person(number)
    assert staff.complained(patched.runtime, campaign, person)
    assert not staff.complained(patched.runtime, campaign, person)
    assert patched.influencer().complaints == 1


def test_an_influencer_is_held_though_whoever_counted_the_complaint_died_before(
    deployment: Deployment, tmp_path: Path
) -> None:
    patched = Patched(deployment, most_complaints=2, complaint_share_percent=1)
    patched.approve(CALLER)
    patched.fill(tmp_path, VOTERS[:2])
    campaign = people.content()
    for nth in (1, 2):
        caller = patched.begin(call_id=f"call-{nth}")
        number = rung(caller)
        caller.talk(number)
        patched.react()
        person = deployment.person(number)
        with suppress(Killed), listening(Killer(3 if nth == 2 else 99, Moment.BEFORE)):
            staff.complained(deployment.runtime, campaign, person)
    assert (patched.influencer().complaints, patched.influencer().stage) == (2, Stage.APPROVED)

    assert not staff.complained(deployment.runtime, campaign, person), "it is counted"
    assert patched.influencer().stage is Stage.INFORMED


def test_a_rule_made_stricter_sends_whoever_meets_it_to_a_tracker(
    deployment: Deployment, tmp_path: Path
) -> None:
    strict = {"short_call_seconds": 30, "short_share_percent": 1}
    patched = Patched(deployment, most_short_calls=9, **strict)
    patched.approve(CALLER)
    patched.fill(tmp_path, VOTERS[:4])
    for nth in (1, 2):
        caller = patched.begin(call_id=f"call-{nth}")
        caller.talk(rung(caller), 5)
        patched.react()
    patched.move_to("voters", most_short_calls=2, **strict)
    blocked = patched.begin(call_id="call-3")
    assert blocked.ask() is None
    blocked.come_back()
    patched.react()
    assert patched.influencer().stage is Stage.INFORMED


def test_what_follows_from_a_call_goes_by_the_pool_that_the_voter_was_rung_out_of(
    deployment: Deployment, tmp_path: Path
) -> None:
    """The campaign has moved on to the next ward while they talked: the claim, the leaning, the complaint and the chain are of the old."""
    patched = Patched(deployment)
    patched.approve(CALLER)
    patched.fill(tmp_path, VOTERS[:1])
    patched.fill(tmp_path, VOTERS[1:2], pool=WARD)
    caller = patched.begin()
    number = rung(caller)
    patched.react()
    patched.move_to("ward-12")
    caller.talk(number)
    caller.come_back()
    caller.handset.press("1")
    patched.react()
    spoken_to, person = patched.voter(number), deployment.person(number)

    assert (spoken_to.state, spoken_to.leaning) == (VoterState.REACHED, "for")
    assert staff.brought_by(people.content(), person) == deployment.person(CALLER)
    assert staff.complained(deployment.runtime, people.content(), person)
    assert not staff.complained(deployment.runtime, people.content(), person)
    assert patched.influencer().complaints == 1


def test_who_missed_the_call_and_asks_to_be_left_alone_says_nothing_of_the_caller(patched: Patched) -> None:
    caller = patched.begin()
    number = rung(caller)
    caller.failed(number)
    patched.react()
    assert not staff.complained(patched.runtime, people.content(), patched.deployment.person(number))
    assert patched.influencer().complaints == 0


# a tracker


def test_an_informed_influencer_is_connected_to_a_tracker_and_the_review_opens(
    patched: Patched,
) -> None:
    people.enrol(patched.deployment, people.ASHA)
    patched.stage(CALLER, Stage.INFORMED)
    caller = patched.begin()
    assert caller.ask() == people.ASHA
    assert patched.influencer().stage is Stage.IN_REVIEW
    caller.talk(people.ASHA, 50)
    patched.react()
    (review,) = review_store.of_person(patched.deployment.person(CALLER))
    assert review.talked_seconds == 50
    assert patched.patch().attempts[0].kind is Kind.TRACKER
    assert patched.influencer().patched == 0
    assert (emitted("ReviewTalked"), emitted("PatchTalked")) == (1, 0), "they are no voters who were reached"


def test_a_tracker_owes_the_verdict_before_they_are_free(
    patched: Patched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reaction to whom we rang may come after the one to the end of the talk."""
    tracker = people.enrol(patched.deployment, people.ASHA)
    patched.stage(CALLER, Stage.INFORMED)
    caller = patched.begin()
    assert caller.ask() == people.ASHA
    caller.talk(people.ASHA, 50)
    free, owed = tracker_store.free, []

    def freed(campaign: str, person: str, call: str) -> bool:
        owed.append(trackers.find(campaign, person).pending)
        return free(campaign, person, call)

    monkeypatch.setattr(tracker_store, "free", freed)
    booking.settle(patched.runtime, people.content(), "exotel:call-1")
    (review,) = review_store.of_person(patched.deployment.person(CALLER))
    assert owed
    assert {*owed} == {frozenset({review.id})}
    assert trackers.find("clean-water", tracker.person).busy_call is None


def test_a_tracker_who_does_not_answer_is_followed_by_another_in_the_same_call(patched: Patched) -> None:
    for phone in (people.ASHA, people.BINA):
        people.enrol(patched.deployment, phone)
    patched.stage(CALLER, Stage.INFORMED)
    caller = patched.begin()
    first = rung(caller)
    second = caller.failed(first)
    assert {first, second} == {people.ASHA, people.BINA}
    assert second is not None
    assert caller.failed(second) is None
    patched.react()
    assert patched.influencer().stage is Stage.INFORMED
    assert patched.held().total == 0


def test_a_review_whose_question_was_outrun_by_another_of_the_call_waits_for_nobody(
    deployment: Deployment,
) -> None:
    """The first question holds the last line and has opened a review; the second finds every line taken, and ends the patch."""
    patched = Patched(deployment, slots={"account": 1, "per_number": 1})
    people.enrol(deployment, people.ASHA)
    patched.approve(CALLER)
    patched.stage(CALLER, Stage.INFORMED)
    caller = patched.begin()

    outrun(caller, transaction=2)

    patched.react()
    (review,) = review_store.of_person(patched.influencer().person)
    assert not review.is_waiting
    assert patched.influencer().stage is Stage.INFORMED
    assert patched.held().total == 0
    assert is_free(patched, people.ASHA)


def test_a_tracker_in_a_voters_stead_whose_question_was_outrun_is_free_again(
    deployment: Deployment, tmp_path: Path
) -> None:
    patched = Patched(deployment, slots={"account": 1, "per_number": 1}, mystery_percent=100)
    patched.fill(tmp_path, VOTERS)
    people.enrol(deployment, people.ASHA, mystery=True)
    patched.approve(CALLER)

    outrun(patched.begin(), transaction=1)

    assert is_free(patched, people.ASHA)
    assert patched.held().total == 0


def outrun(caller: Caller, transaction: int) -> None:
    """A Connect question holds the last line, and before its transaction of that number another one finds every line taken."""
    transactions: list[AwsRequest] = []

    def meanwhile(moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.BEFORE and request.operation == "TransactWriteItems":
            transactions.append(request)
            if len(transactions) == transaction:
                assert caller.ask() is None

    with listening(meanwhile):
        assert caller.ask() is None
    assert len(transactions) >= transaction


def is_free(patched: Patched, phone: str) -> bool:
    tracker = trackers.find("clean-water", patched.deployment.person(phone))
    return tracker.is_free(patched.clock.now())


def test_a_talk_with_a_tracker_counts_though_the_callers_end_was_told_before_the_legs(
    patched: Patched,
) -> None:
    people.enrol(patched.deployment, people.ASHA)
    patched.stage(CALLER, Stage.INFORMED)
    caller = patched.begin()
    patched.told("call-1", "Answered", rung(caller))
    patched.clock.move(seconds=50)
    caller.come_back(CallStatus="completed")
    patched.react()
    (review,) = review_store.of_person(patched.deployment.person(CALLER))
    assert review.state == "talked"
    assert review.talked_seconds == 53  # with the three until the end was told


def test_a_mystery_talk_of_which_nobody_told_the_length_can_still_be_judged(
    deployment: Deployment, tmp_path: Path
) -> None:
    patched = Patched(deployment, mystery_percent=100)
    patched.approve(CALLER)
    people.enrol(deployment, people.ASHA, mystery=True)
    patched.fill(tmp_path, VOTERS)
    caller = patched.begin()
    caller.come_back(DialWhomNumber=rung(caller), DialCallStatus="completed")
    patched.react()
    (review,) = review_store.of_person(deployment.person(CALLER))
    assert review.state == "talked"


def test_no_tracker_on_duty_is_nobody_free(patched: Patched) -> None:
    patched.stage(CALLER, Stage.INFORMED)
    assert patched.begin().ask() is None
    assert patched.patch().reason is Reason.NOBODY_FREE
    assert patched.held().total == 0


def test_a_tracker_who_asked_to_be_left_alone_is_rung_no_more(patched: Patched) -> None:
    """Their shift goes on; the next in turn is rung."""
    opted_out = people.enrol(patched.deployment, people.ASHA)
    contacts.opt_out(opted_out.person, patched.clock.now())
    patched.stage(CALLER, Stage.INFORMED)
    caller = patched.begin()
    assert caller.ask() is None
    assert patched.patch().reason is Reason.NOBODY_FREE
    assert is_free(patched, people.ASHA)
    people.enrol(patched.deployment, people.BINA)
    assert patched.begin(call_id="call-2").ask() == people.BINA


def test_the_trackers_behind_many_who_asked_to_be_left_alone_are_rung(patched: Patched) -> None:
    for n in range(9):
        opted_out = people.enrol(patched.deployment, f"+9190000002{n:02}")
        contacts.opt_out(opted_out.person, patched.clock.now())
        tracker_store.take(opted_out, f"exotel:x/{n}", patched.clock.now(), patched.clock.now())
    patched.clock.move(seconds=1)
    last = people.enrol(patched.deployment, "+919000000299")
    tracker_store.take(last, "exotel:x/9", patched.clock.now(), patched.clock.now())
    patched.stage(CALLER, Stage.INFORMED)
    assert patched.begin().ask() == last.phone


def test_outside_the_hours_no_tracker_is_rung_and_the_promise_is_kept_when_they_begin(
    patched: Patched,
) -> None:
    people.enrol(patched.deployment, people.ASHA)
    patched.stage(CALLER, Stage.INFORMED)
    patched.clock.set(datetime(2026, 3, 3, 3, 0, tzinfo=INDIA))
    caller = patched.begin()
    assert caller.ask() is None
    assert "call you back" in caller.come_back()
    patched.react()
    assert patched.influencer().promised_at is not None

    assert trackers.keep_promises(patched.runtime) == 0
    assert patched.influencer().promised_at is not None
    patched.clock.set(datetime(2026, 3, 3, 10, 0, tzinfo=INDIA))
    assert trackers.keep_promises(patched.runtime) == 1


def test_while_sending_is_paused_no_tracker_is_rung(patched: Patched) -> None:
    people.enrol(patched.deployment, people.ASHA)
    patched.stage(CALLER, Stage.INFORMED)
    sending.pause("clean-water", "by a person")
    assert patched.begin().ask() is None
    sending.resume("clean-water")
    assert patched.begin(call_id="call-2").ask() == people.ASHA


# a mystery voter


def test_nobody_who_asked_to_be_left_alone_is_rung_in_a_voters_stead(
    deployment: Deployment, tmp_path: Path
) -> None:
    patched = Patched(deployment, mystery_percent=100)
    patched.approve(CALLER)
    opted_out = people.enrol(deployment, people.ASHA, mystery=True)
    contacts.opt_out(opted_out.person, deployment.clock.now())
    patched.fill(tmp_path, VOTERS)
    assert rung(patched.begin()) in VOTERS


def test_a_mystery_voter_looks_like_any_other_to_the_caller(deployment: Deployment, tmp_path: Path) -> None:
    patched = Patched(deployment, mystery_percent=100)
    patched.approve(CALLER, OTHER_CALLER)
    people.enrol(deployment, people.ASHA, mystery=True)
    patched.fill(tmp_path, VOTERS)
    mystery = patched.begin()
    assert rung(mystery) == people.ASHA
    usual = patched.begin(OTHER_CALLER, "call-2")
    assert rung(usual) in VOTERS

    def shape(order: dict[str, Any]) -> dict[str, Any]:
        hidden = {"destination", "start_call_playback"}
        return {name: value for name, value in order.items() if name not in hidden}

    assert shape(mystery.order) == shape(usual.order)
    assert mystery.order["start_call_playback"].keys() == usual.order["start_call_playback"].keys()
    patched.react()
    (review,) = review_store.of_person(deployment.person(CALLER))
    assert review.kind == "mystery"
    assert patched.influencer().stage is Stage.APPROVED
    mystery.talk(people.ASHA, 30)
    patched.react()
    assert patched.influencer().patched == 1


@pytest.mark.parametrize(
    ("loaded", "state", "budget"),
    [
        (0, PoolState.OPEN, 10_000),
        (2, PoolState.PAUSED, 10_000),
        (2, PoolState.CLOSED, 10_000),
        (2, PoolState.OPEN, 1),
    ],
    ids=["empty", "paused", "closed", "budget"],
)
def test_where_no_voter_is_rung_no_tracker_is_in_a_voters_stead(
    deployment: Deployment, tmp_path: Path, loaded: int, state: PoolState, budget: int
) -> None:
    """Who gets through then would know that they talk to one of us."""
    patched = Patched(deployment, mystery_percent=100)
    deployment.publish(
        "clean-water",
        lambda document: (
            document["patching"].update(pool="voters", mystery_percent=100)
            or document["limits"].update(voice_budget_rupees=budget)
        ),
    )
    patched.approve(CALLER)
    people.enrol(deployment, people.ASHA, mystery=True)
    patched.fill(tmp_path, VOTERS[:loaded])
    change(patched.runtime, POOL, state)
    patched.clock.move(minutes=1)
    patched.restart()

    assert patched.begin().ask() is None
    assert is_free(patched, people.ASHA)


def test_the_share_of_mystery_voters_is_the_one_asked_for(deployment: Deployment) -> None:
    patched = Patched(deployment, mystery_percent=20)

    class Question:
        patching = people.content().patching

        def __init__(self, n: int) -> None:
            self.call_id = f"exotel:call-{n}"

    chosen = [patched.door._is_mystery(Question(n), 1) for n in range(2000)]  # type: ignore[arg-type]
    assert 0.17 < sum(chosen) / 2000 < 0.23
    assert chosen == [patched.door._is_mystery(Question(n), 1) for n in range(2000)]  # type: ignore[arg-type]


def test_the_influencer_is_counted_on_the_day_that_it_is_in_india(patched: Patched) -> None:
    caller = patched.begin()
    caller.talk(rung(caller))
    patched.react()
    found = influencers.load(patched.deployment.person(CALLER))
    assert found is not None
    assert found.day == "2026-03-02"


def test_news_of_yesterday_that_comes_today_does_not_begin_the_day_anew(patched: Patched) -> None:
    patched.clock.move(hours=12, minutes=30)  # 23:30 in India: two talks of which the first is heard of last
    for at in (patched.clock.now() + timedelta(hours=1), patched.clock.now()):
        found = influencers.load(patched.deployment.person(CALLER))
        assert found is not None
        assert together(influencers.patched_action(found, india_day(at), "call", 40))
    found = influencers.load(patched.deployment.person(CALLER))
    assert found is not None
    assert (found.day, found.today, found.patched) == ("2026-03-03", 1, 2)


# ended by an operator


class Ends:
    """A provider that ends calls."""

    name = "exotel"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def end_call(self, call_id: str) -> bool:
        self.asked.append(call_id)
        return True


def test_only_the_live_calls_of_whom_it_is_about_are_ended_and_the_told_end_frees_their_line(
    patched: Patched,
) -> None:
    """F108."""
    provider = Ends()
    over = patched.begin(CALLER, "call-1")
    over.talk(rung(over))
    caller = patched.begin(CALLER, "call-2")
    number = rung(caller)
    patched.told("call-2", "Answered", number)
    rung(patched.begin(OTHER_CALLER, "call-3"))

    came_to = service.end_calls([cast(Provider, provider)], patched.deployment.person(CALLER))

    assert came_to == {"exotel:call-2": True}
    assert provider.asked == ["call-2"]
    caller.come_back(CallStatus="completed", DialWhomNumber=number, DialCallStatus="completed")
    patched.react()
    assert patched.patch("call-2").is_over
    assert patched.held().total == 1, "the other's"


def test_a_call_of_a_provider_we_have_no_account_with_goes_on(patched: Patched) -> None:
    rung(patched.begin())

    assert service.end_calls([], patched.deployment.person(CALLER)) == {
        "exotel:call-1": "there is no account with exotel"
    }
