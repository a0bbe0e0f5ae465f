"""Whom a Connect question gets: the next voter, the same one again, or nobody, and why."""

from pathlib import Path
from typing import Any

import pytest

from ringback.domain.influencers import india_day
from ringback.domain.patches import MOST_REFUSALS, Reason, State
from ringback.domain.pools import PoolState
from ringback.domain.pools import State as VoterState
from ringback.services.facts import Reaction
from ringback.services.pools import change, reissue_due
from ringback.store import contacts, ledger, patches, sending
from ringback.store import pools as pool_store
from tests.deployment import CALLER, OTHER_CALLER, VOLUNTEER, Deployment, callers, deployed, emitted
from tests.integration import people
from tests.integration.patching import LINE, POOL, VOTERS, WARD, Patched, voter_phones
from tests.integration.wire import AwsRequest, Moment, Requests, listening

pytestmark = pytest.mark.usefixtures("tokens")


# a question


def test_an_approved_influencer_is_connected_to_a_voter_who_sees_our_number(patched: Patched) -> None:
    caller = patched.begin()
    number = caller.rung()
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
            patched.begin(phone, f"warm-{n}").rung()
        warm, caller = patched.begin(phones[1], "warm"), patched.begin(phones[0])
        requests, again = Requests(), Requests()
        warm.rung()  # a moment before, so that nothing that is kept for seconds has grown old
        with listening(requests):
            caller.rung()
        with listening(again):
            caller.rung()
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
            patched.begin(phone, f"warm-{n}").rung()
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
        patched.begin().rung()
    assert sizes
    assert sizes[0] <= 1024


def test_the_same_question_again_gets_the_same_voter_and_writes_nothing(patched: Patched) -> None:
    caller = patched.begin()
    first, revision = caller.rung(), patched.patch().revision
    assert [caller.ask(), caller.ask()] == [first, first]
    assert patched.patch().revision == revision
    patched.restart()
    assert caller.ask() == first


def test_no_answer_is_followed_by_the_next_voter_and_after_three_by_nobody(patched: Patched) -> None:
    caller = patched.begin()
    numbers = [caller.rung()]
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
    assert first.rung() != second.rung()
    assert patched.held().total == 2


def test_nobody_is_given_to_themselves(deployment: Deployment, tmp_path: Path) -> None:
    patched = Patched(deployment)
    patched.approve(CALLER)
    patched.fill(tmp_path, [CALLER])
    assert patched.begin().ask() is None
    assert patched.voter(CALLER).state is VoterState.QUEUED


# nobody to ring


def test_when_every_line_is_taken_the_caller_hears_so(deployment: Deployment, tmp_path: Path) -> None:
    patched = Patched(deployment, slots={"account": 2, "per_number": 2})
    phones = callers(3)
    patched.approve(*phones)
    patched.fill(tmp_path, VOTERS)
    first, second, third = (patched.begin(phone, f"call-{n}") for n, phone in enumerate(phones))
    assert first.rung()
    assert second.rung()
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
    caller.talk(caller.rung())
    patched.react()
    again = patched.begin(call_id="call-2")
    assert again.ask() is None
    assert patched.patch("call-2").reason is Reason.CAP
    patched.clock.move(days=1)
    assert patched.begin(call_id="call-3").rung()


def test_a_call_in_which_nobody_took_the_phone_counts_for_the_day(
    deployment: Deployment, tmp_path: Path
) -> None:
    patched = Patched(deployment, calls_per_day=2)
    patched.approve(CALLER)
    patched.fill(tmp_path, VOTERS)
    for n in range(2):
        caller = patched.begin(call_id=f"call-{n}")
        caller.rung()
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
        patched.begin(call_id=f"call-{n}").rung()
    patched.react()
    fourth = patched.begin(call_id="call-3")
    assert fourth.ask() is None
    assert patched.patch("call-3").reason is Reason.SLOTS
    assert patched.held().total == 3
    assert patched.queued() == 3
    assert patched.begin(OTHER_CALLER, "call-4").rung()


def test_a_caller_who_rings_again_at_once_is_put_through_before_their_last_calls_are_booked(
    patched: Patched,
) -> None:
    for n in range(5):
        caller = patched.begin(call_id=f"call-{n}")
        number = caller.rung()
        patched.react()
        caller.talk(number)
    assert patched.begin(call_id="call-5").rung()
    patched.react()
    assert patched.influencer().live.keys() == {"exotel:call-5"}


def test_calls_of_whose_end_nobody_tells_keep_their_caller_out_no_longer_than_their_lease(
    patched: Patched,
) -> None:
    for n in range(3):
        patched.begin(call_id=f"call-{n}").rung()
    patched.react()
    patched.clock.move(seconds=people.content().patching.lease.total_seconds())  # type: ignore[union-attr]
    assert patched.begin(call_id="call-3").rung()
    patched.react()
    assert patched.influencer().live.keys() == {"exotel:call-3"}


def test_a_second_attempt_of_a_call_is_no_other_call(patched: Patched) -> None:
    for n in range(3):
        caller = patched.begin(call_id=f"call-{n}")
        number = caller.rung()
    patched.react()
    assert caller.failed(number) not in (None, number)


def test_an_area_is_not_rung_beyond_its_cap(deployment: Deployment, tmp_path: Path) -> None:
    patched = Patched(deployment, per_area_per_day=1)
    patched.approve(CALLER, OTHER_CALLER)
    patched.fill(tmp_path, VOTERS, area="eci:S13/26/112")
    patched.begin().rung()
    patched.react()
    patched.restart()
    assert patched.begin(OTHER_CALLER, "call-2").ask() is None
    assert emitted("VoterHeld") > 0
    assert emitted("VoterRefused") == 0, "they come back to the pool"


def test_a_replay_of_the_journal_counts_for_no_area(deployment: Deployment, tmp_path: Path) -> None:
    patched = Patched(deployment)
    patched.approve(CALLER)
    patched.fill(tmp_path, VOTERS, area="eci:S13/26/112")
    patched.begin().rung()
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
    assert emitted("VoterRefused") == len(VOTERS)


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


def test_whom_a_call_out_of_another_pool_is_ringing_is_not_rung_beside_it(
    deployment: Deployment, tmp_path: Path
) -> None:
    """The campaign goes on to its next pool while calls of the last one go on; the lists overlap."""
    patched = Patched(deployment)
    patched.approve(CALLER, OTHER_CALLER)
    patched.fill(tmp_path, VOTERS[:1])
    patched.fill(tmp_path, VOTERS[:2], pool=WARD)
    caller = patched.begin()
    assert caller.ask() == VOTERS[0]

    patched.move_to("ward-12")

    assert patched.begin(OTHER_CALLER, "call-2").ask() == VOTERS[1]
    assert patched.begin(OTHER_CALLER, "call-3").ask() is None
    waits = patched.voter(VOTERS[0], WARD)
    assert (waits.state, waits.rule) == (VoterState.WAITING, "too-soon")


def test_a_campaign_of_more_pools_than_one_request_can_read_rings_voters_all_the_same(
    deployment: Deployment, tmp_path: Path
) -> None:
    patched = Patched(deployment)
    patched.approve(CALLER)
    patched.fill(tmp_path, VOTERS[:1])
    for n in range(100):
        pool_store.create(f"clean-water/booth-{n}", shards=1)
        change(deployment.runtime, f"clean-water/booth-{n}", PoolState.OPEN)

    assert patched.begin().ask() == VOTERS[0]


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
    caller.talk(caller.rung(), 61)
    patched.react()
    booked = sum(charge.paise for charge in ledger.every("clean-water"))
    assert booked == sending.standing("clean-water", (), purse).paise > 0
    assert not sending.spend(purse, budget - booked + 1, budget)
    assert sending.spend(purse, budget - booked, budget)
    patched.restart()
    assert patched.begin(OTHER_CALLER, "call-2").ask() is None
