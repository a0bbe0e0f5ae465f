"""Attacks on the door that opens voters (india-rules §6): each opens nobody, and leaves a trace."""

from pathlib import Path
from urllib.parse import urlencode

import pytest

from ringback.domain.influencers import Stage
from ringback.domain.patches import Reason
from ringback.domain.pools import State as VoterState
from ringback.providers.base import CallbackRequest, Reply
from ringback.services import callbacks, patches
from ringback.store import patches as store
from tests.deployment import CALLER, OTHER_CALLER, Deployment, emitted, line_of, local
from tests.integration.patching import LINE, VOTERS, Patched

pytestmark = pytest.mark.usefixtures("tokens")


def ask(patched: Patched, campaign: str = "clean-water", method: str = "GET", **told: str) -> Reply:
    request = CallbackRequest(method, "dial", urlencode(told), "", b"")
    reply = patched.door.answer(line_of(campaign), request)
    assert reply is not None
    return reply


def opens_nobody(patched: Patched, reply: Reply) -> bool:
    """Nobody is dialled, no voter is taken and no slot is held."""
    untouched = all(patched.voter(phone).state is VoterState.QUEUED for phone in VOTERS)
    return '"numbers": []' in reply.body and untouched and patched.held().total == 0


def unparsed(patched: Patched) -> int:
    return sum(entry.step == "unparsed" for entry in patched.deployment.entries())


def test_a2_another_campaigns_token_opens_nobody(patched: Patched) -> None:
    patched.deployment.publish("library-hours")
    patched.begin()
    reply = ask(patched, "library-hours", CallSid="call-1", From=local(CALLER), To=local(LINE))
    assert opens_nobody(patched, reply)
    assert unparsed(patched) == 1


def test_a3_a_call_that_nobody_knows_opens_nobody(patched: Patched) -> None:
    reply = ask(patched, CallSid="forged", From=local(CALLER), To=local(LINE))
    assert opens_nobody(patched, reply)
    assert unparsed(patched) == 1
    assert emitted("ConnectRefused") == 1


def test_a3_a_known_call_that_has_not_come_to_a_connect_opens_nobody(patched: Patched) -> None:
    patched.deployment.begin(CALLER, LINE, call_id="call-1")
    assert opens_nobody(patched, ask(patched, CallSid="call-1", From=local(CALLER)))
    assert unparsed(patched) == 1


def test_a3_a_call_that_has_ended_opens_nobody(patched: Patched) -> None:
    caller = patched.begin()
    patched.clock.move(hours=2)
    patched.deployment.sweep()
    assert not store.load("exotel:call-1")
    assert opens_nobody(patched, ask(patched, CallSid="call-1", From=local(CALLER)))
    assert caller.call_id == "call-1"


def test_a3_a_forged_telling_of_a_leg_moves_nothing_that_was_not_rung(patched: Patched) -> None:
    caller = patched.begin()
    number = caller.ask()
    before = patched.patch()
    patched.told("call-1", "Terminal", "+919009999999", DialCallStatus="completed")
    patched.told("forged", "Terminal", number or "", DialCallStatus="completed")
    assert patched.patch() == before
    assert unparsed(patched) == 1


@pytest.mark.parametrize("ours", [LINE, "+918040001001"])
def test_a9_our_own_number_is_nobody_who_could_be_patched(patched: Patched, ours: str) -> None:
    patched.begin()
    assert opens_nobody(patched, ask(patched, CallSid="call-1", From=local(ours)))
    patched.deployment.begin(ours, LINE, call_id="loop")
    assert opens_nobody(patched, ask(patched, CallSid="loop", From=local(ours)))


@pytest.mark.parametrize(
    "number", ["18001234567", "1401234567", "1600123456", "+19005550100", "+88213000000"]
)
def test_a10_a_number_that_is_no_persons_is_rung_by_nobody(
    deployment: Deployment, tmp_path: Path, number: str
) -> None:
    """As a caller it is nobody's; as a voter the gate refuses its class."""
    patched = Patched(deployment)
    patched.approve(CALLER)
    patched.fill(tmp_path, VOTERS)
    patched.begin()
    assert opens_nobody(patched, ask(patched, CallSid="call-1", From=number))


def test_a10_a_voter_with_a_service_number_is_refused_by_its_class(
    deployment: Deployment, tmp_path: Path
) -> None:
    patched = Patched(deployment)
    patched.approve(CALLER)
    patched.fill(tmp_path, ["+911800123456"])
    assert patched.begin().ask() is None
    assert patched.voter("+911800123456").rule == "number-class"


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.APPROVED])
def test_a22_no_stage_but_approved_opens_a_voter_though_the_menu_has_let_them_through(
    patched: Patched, stage: Stage
) -> None:
    """The go-ahead is withdrawn between the beginning of the call and the Connect: the stage is read again."""
    caller = patched.begin()
    patched.stage(CALLER, stage)
    assert caller.ask() is None
    assert all(patched.voter(phone).state is VoterState.QUEUED for phone in VOTERS)
    assert patched.patch().reason is Reason.NOT_ALLOWED
    assert patched.held().total == 0


def test_a22_another_number_in_an_approved_callers_call_opens_nobody(patched: Patched) -> None:
    patched.begin()
    assert opens_nobody(patched, ask(patched, CallSid="call-1", From=local(OTHER_CALLER)))
    assert unparsed(patched) == 1


def test_a22_an_old_go_ahead_is_none(patched: Patched) -> None:
    patched.clock.move(days=91)
    caller = patched.begin()
    assert caller.ask() is None
    assert all(patched.voter(phone).state is VoterState.QUEUED for phone in VOTERS)


def test_a24_a_voters_number_is_in_no_log_and_no_fact_of_ours(
    patched: Patched, capsys: pytest.CaptureFixture[str]
) -> None:
    caller = patched.begin()
    number = caller.ask()
    assert number is not None
    caller.talk(number)
    caller.come_back()
    patched.react()
    bare = number.removeprefix("+91")
    printed = capsys.readouterr()
    assert bare not in printed.out + printed.err
    facts = [entry.raw.partition("&")[0] for entry in patched.deployment.entries() if entry.step == "patch"]
    assert facts
    assert all(bare not in fact for fact in facts)


def test_a24_a_voter_who_was_reached_is_not_rung_again_by_anybody(
    deployment: Deployment, tmp_path: Path
) -> None:
    patched = Patched(deployment)
    patched.approve(CALLER, OTHER_CALLER)
    patched.fill(tmp_path, VOTERS[:1])
    caller = patched.begin()
    caller.talk(VOTERS[0]) if caller.ask() == VOTERS[0] else pytest.fail("nobody was rung")
    patched.react()
    for n, phone in enumerate((CALLER, OTHER_CALLER), 2):
        assert patched.begin(phone, f"call-{n}").ask() is None


def test_a24_a_voter_who_did_not_answer_is_left_alone_for_days(
    deployment: Deployment, tmp_path: Path
) -> None:
    patched = Patched(deployment)
    patched.approve(CALLER, OTHER_CALLER)
    patched.fill(tmp_path, VOTERS[:1])
    caller = patched.begin()
    assert caller.ask() == VOTERS[0]
    assert caller.failed(VOTERS[0]) is None
    patched.react()
    assert patched.begin(OTHER_CALLER, "call-2").ask() is None


def test_a_claim_for_a_call_that_ended_while_it_was_asked_rings_nobody(patched: Patched) -> None:
    """Twilio comes back from a Dial whose caller has hung up meanwhile."""
    caller = patched.begin()
    number = caller.ask()
    assert number is not None
    assert (
        caller.ask(DialWhomNumber=local(number), DialCallStatus="no-answer", CallStatus="completed") is None
    )
    assert patched.patch().is_over
    assert patched.held().total == 0


def test_a_head_has_no_effect(patched: Patched) -> None:
    patched.begin()
    assert opens_nobody(patched, ask(patched, CallSid="call-1", From=local(CALLER), method="HEAD"))


def test_a_question_that_is_too_long_or_no_question_opens_nobody(patched: Patched) -> None:
    patched.begin()
    request = CallbackRequest("POST", "dial", "", "", b"x" * (callbacks.LARGEST_BODY + 1))
    reply = patched.door.answer(line_of("clean-water"), request)
    assert reply is not None
    assert opens_nobody(patched, reply)
    assert opens_nobody(patched, ask(patched, From="1"))


def test_a20_a_pin_that_is_told_at_the_wrong_address_is_kept_nowhere(patched: Patched) -> None:
    """Exotel tells the last keys again with every later request of a call."""
    for step in ("dial", "leg"):
        query = urlencode({"CallSid": "call-9", "From": local(CALLER), "digits": '"7391"'})
        request = CallbackRequest("GET", step, query, "", b"")
        if step == "dial":
            patched.door.answer(line_of("clean-water"), request)
        else:
            patches.hear(patched.runtime, line_of("clean-water"), request)
    assert unparsed(patched) == 2
    assert not any("7391" in entry.raw for entry in patched.deployment.entries())
