"""What follows from a patched call: its end, its cost, its days, and a voter who complains."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from botocore.exceptions import ClientError

from ringback.domain.influencers import Stage, india_day
from ringback.domain.ledger import NOWHERE, Side
from ringback.domain.patches import Outcome, Reason
from ringback.domain.pools import Outcome as PoolOutcome
from ringback.domain.pools import State as VoterState
from ringback.providers.base import Provider
from ringback.services import influencers as staff
from ringback.services import patches as service
from ringback.store import contacts, influencers, ledger, voters
from ringback.store.transactions import together
from tests.deployment import CALLER, OTHER_CALLER, Deployment, emitted, local
from tests.integration import people
from tests.integration.patching import LINE, POOL, VOTERS, WARD, Patched
from tests.integration.wire import AwsRequest, Killed, Killer, Moment, listening

pytestmark = pytest.mark.usefixtures("tokens")


# an end


def test_they_talk_and_everything_follows_once(patched: Patched, tokens: list[str]) -> None:
    caller = patched.begin()
    number = caller.rung()
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
    number = caller.rung()
    caller.talk(number)
    caller.come_back()
    caller.handset.press("1")
    patched.react()
    assert patched.voter(number).leaning == "for"
    assert patched.patch().disposition == "for"


def test_who_does_not_want_to_be_called_is_left_alone_for_good(patched: Patched) -> None:
    caller = patched.begin()
    number = caller.rung()
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
    number = caller.rung()
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
    number = caller.rung()
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
    number = caller.rung()
    caller.come_back(DialWhomNumber=local(number), **DECLINES)
    patched.react()
    assert patched.patch().reason is Reason.BACK
    assert patched.voter(number).rule == "declined"


def test_a_voter_whose_caller_left_during_the_whisper_may_be_rung_another_day(patched: Patched) -> None:
    caller = patched.begin()
    number = caller.rung()
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
    number = caller.rung()
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
    number = caller.rung()
    legs = {"Legs[0][Number]": number, "Legs[0][OnCallDuration]": "25"}
    caller.come_back(DialWhomNumber=number, DialCallStatus="completed", **legs)
    assert caller.handset.branch == "ask"
    assert patched.patch().talked_seconds == 25
    assert patched.held().total == 0


def test_the_request_that_tells_of_a_callers_end_may_be_the_first_to_tell_that_they_talked(
    patched: Patched,
) -> None:
    caller = patched.begin()
    number = caller.rung()
    legs = {"Legs[0][Number]": number, "Legs[0][OnCallDuration]": "25"}
    caller.come_back(CallStatus="completed", DialWhomNumber=number, DialCallStatus="completed", **legs)
    patched.react()
    assert patched.patch().talked_seconds == 25
    assert patched.voter(number).state is VoterState.REACHED


def test_a_caller_who_goes_quiet_while_it_rings_gives_everything_back(patched: Patched) -> None:
    caller = patched.begin()
    number = caller.rung()
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
    number = caller.rung()
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
        number = caller.rung()
    assert patched.voter(number).state is VoterState.CLAIMED
    patched.react()
    assert patched.patch().is_over
    assert patched.voter(number).state is VoterState.WAITING
    assert patched.held().total == 0


def test_a_telling_whose_fact_collides_with_another_write_is_written_after_all(patched: Patched) -> None:
    caller = patched.begin()
    number = caller.rung()

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
    number = caller.rung()
    patched.told("call-1", "Terminal", number, DialCallStatus="busy")
    for _ in range(2):
        patched.told("call-1", "Terminal", number, DialCallStatus="failed")
        patched.clock.move(hours=2)
    assert patched.patch().attempts[0].outcome is Outcome.BUSY
    assert patched.patch().disputes == 1
    keys = [entry.key for entry in patched.deployment.entries() if entry.step == "patch"]
    assert [key.partition("#")[0] for key in keys].count("leg-1-terminal") == 2


def test_both_legs_are_booked_to_the_area_and_the_day(patched: Patched) -> None:
    caller = patched.begin()
    number = caller.rung()
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
    number = caller.rung()
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
    number = caller.rung()
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


# the day of a call


def test_the_influencer_is_counted_on_the_day_that_it_is_in_india(patched: Patched) -> None:
    caller = patched.begin()
    caller.talk(caller.rung())
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


# a voter who takes part


@pytest.mark.parametrize("offered_days_before", [None, 1])
def test_a_voter_who_rings_the_influencers_line_was_brought_by_who_talked_to_them(
    patched: Patched, offered_days_before: int | None
) -> None:
    """Also if they press no key that says so; but not if they had offered themselves before."""
    caller = patched.begin()
    number = caller.ask()
    assert number is not None
    if offered_days_before is not None:
        patched.clock.move(days=-offered_days_before)
        patched.deployment.begin(number, LINE, call_id="early")
        patched.react()
        patched.clock.move(days=offered_days_before)
    caller.talk(number)
    patched.react()

    patched.deployment.begin(number, LINE, call_id="call-2")
    patched.react()

    brought_by = patched.influencer(number).chain
    assert brought_by == (None if offered_days_before else patched.deployment.person(CALLER))


def test_who_brought_somebody_is_found_though_a_later_turn_is_reacted_to_first(patched: Patched) -> None:
    caller = patched.begin()
    number = caller.rung()
    caller.talk(number)
    patched.react()
    people.inform(patched.deployment, number)

    staff.chained(people.content(), patched.deployment.person(number))

    assert patched.influencer(number).chain == patched.deployment.person(CALLER)


# a voter who complains


def test_a_voter_who_was_talked_to_and_asks_to_be_left_alone_counts_against_the_caller(
    patched: Patched,
) -> None:
    caller = patched.begin()
    number = caller.rung()
    caller.talk(number)
    patched.react()
    campaign, person = people.content(), patched.deployment.person(number)
    assert staff.complained(patched.runtime, campaign, person, patched.clock.now())
    assert not staff.complained(patched.runtime, campaign, person, patched.clock.now())
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
        number = caller.rung()
        caller.talk(number)
        patched.react()
        person = deployment.person(number)
        with suppress(Killed), listening(Killer(6 if nth == 2 else 99, Moment.BEFORE)):
            staff.complained(deployment.runtime, campaign, person, patched.clock.now())
    assert (patched.influencer().complaints, patched.influencer().stage) == (2, Stage.APPROVED)

    assert not staff.complained(deployment.runtime, campaign, person, patched.clock.now()), "it is counted"
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
        caller.talk(caller.rung(), 5)
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
    number = caller.rung()
    patched.react()
    patched.move_to("ward-12")
    caller.talk(number)
    caller.come_back()
    caller.handset.press("1")
    patched.react()
    spoken_to, person = patched.voter(number), deployment.person(number)

    assert (spoken_to.state, spoken_to.leaning) == (VoterState.REACHED, "for")
    assert staff.brought_by(people.content(), person, patched.clock.now()) == deployment.person(CALLER)
    assert staff.complained(deployment.runtime, people.content(), person, patched.clock.now())
    assert not staff.complained(deployment.runtime, people.content(), person, patched.clock.now())
    assert patched.influencer().complaints == 1


def test_who_missed_the_call_and_asks_to_be_left_alone_says_nothing_of_the_caller(patched: Patched) -> None:
    caller = patched.begin()
    number = caller.rung()
    caller.failed(number)
    patched.react()
    person = patched.deployment.person(number)
    assert not staff.complained(patched.runtime, people.content(), person, patched.clock.now())
    assert patched.influencer().complaints == 0


def test_a_complaint_that_comes_before_anybody_told_of_the_talk_counts_when_somebody_does(
    patched: Patched,
) -> None:
    caller = patched.begin()
    number = caller.rung()
    patched.react()
    person, campaign = patched.deployment.person(number), people.content()
    patched.clock.move(seconds=90)
    assert not staff.complained(patched.runtime, campaign, person, patched.clock.now())

    caller.talk(number)
    patched.react()

    assert patched.influencer().complaints == 1
    assert not staff.complained(patched.runtime, campaign, person, patched.clock.now())
    assert patched.influencer().complaints == 1


def test_a_complaint_counts_though_its_influencer_is_being_changed(patched: Patched) -> None:
    caller = patched.begin()
    number = caller.rung()
    caller.talk(number)
    patched.react()
    person, refused = patched.deployment.person(number), []

    def conflict(moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.BEFORE and request.operation == "TransactWriteItems" and not refused:
            refused.append(request)
            raise ClientError(
                {"Error": {"Code": "TransactionCanceledException", "Message": "TransactionConflict"}},
                request.operation,
            )

    with listening(conflict):
        assert staff.complained(patched.runtime, people.content(), person, patched.clock.now())
    assert refused
    assert patched.influencer().complaints == 1


def test_what_somebody_said_before_they_were_rung_is_about_nobody_who_rang_them(patched: Patched) -> None:
    """A replay of an old wish, or of an old offer to take part."""
    caller, campaign = patched.begin(), people.content()
    before = patched.clock.now() - timedelta(days=3)
    number = caller.rung()
    caller.talk(number)
    patched.react()
    person = patched.deployment.person(number)

    assert not staff.complained(patched.runtime, campaign, person, before)
    assert patched.influencer().complaints == 0
    assert staff.brought_by(campaign, person, before) is None


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
    over.talk(over.rung())
    caller = patched.begin(CALLER, "call-2")
    number = caller.rung()
    patched.told("call-2", "Answered", number)
    patched.begin(OTHER_CALLER, "call-3").rung()

    came_to = service.end_calls([cast(Provider, provider)], patched.deployment.person(CALLER))

    assert came_to == {"exotel:call-2": True}
    assert provider.asked == ["call-2"]
    caller.come_back(CallStatus="completed", DialWhomNumber=number, DialCallStatus="completed")
    patched.react()
    assert patched.patch("call-2").is_over
    assert patched.held().total == 1, "the other's"


def test_a_call_of_a_provider_we_have_no_account_with_goes_on(patched: Patched) -> None:
    patched.begin().rung()

    assert service.end_calls([], patched.deployment.person(CALLER)) == {
        "exotel:call-1": "there is no account with exotel"
    }
