"""A caller walks menus of a campaign whose provider is Twilio: the phone network signs every request, and our documents lead it on."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import urlencode

import pytest

from ringback import recordings, settings
from ringback.domain.answers import Kind, Topic
from ringback.domain.menus import State
from ringback.runtime import Runtime
from ringback.services import campaigns
from ringback.store import answers, calls, contacts, feedback
from ringback_local.network import parsed, sample_documents
from ringback_local.stack import Options, Stack
from tests.deployment import GRIEVANCE_LINE, POLL_LINE
from tests.journeys.test_ivr import SILENCE, call, failures

pytestmark = pytest.mark.enable_socket

VOTER, GRIEVED = "+919000000401", "+919000000402"


def documents() -> list[dict[str, Any]]:
    """The sample campaigns, of which one has changed to Twilio."""
    found = [deepcopy(dict(document)) for document in sample_documents()]
    for document in found:
        if document["campaign"] == "clean-water":
            document["provider"] = "twilio"
    return found


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack with the template's rights enforced, as on AWS."""
    options = Options(
        enforces_rights=True,
        parameters={"Schedules": "DISABLED"},
        settings={"RECORDING_WAIT_SECONDS": "1"},
    )
    with Stack(parsed(documents()), options) as stack:
        yield stack


@pytest.fixture
def runtime(stack: Stack, fresh_clients: None, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """The stack as seen from a process of ours, with the campaigns published."""
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    runtime = Runtime(settings.from_environment())
    for document in documents():
        campaigns.publish(runtime, document)
    return runtime


def kept(seen: dict[str, Any]) -> calls.Call:
    call = calls.load(f"twilio:{seen['call_sid']}")
    assert call is not None
    return call


def test_a_vote_by_key_is_asked_for_again_after_a_wrong_key_and_silence_and_is_kept(
    stack: Stack, runtime: Runtime
) -> None:
    seen = call(stack, VOTER, POLL_LINE, SILENCE, {"press": "7"}, SILENCE, {"press": "2"})
    ended = kept(seen)
    contact = contacts.load(ended.person or "")
    record = answers.load("clean-water", Topic(Kind.POLL, "first-need"), ended.person or "")

    assert failures(seen) == []
    assert (ended.session.state, ended.session.node) == (State.ENDED, "goodbye")
    assert ended.turn == 6, "five documents, and the status callback that ends every call"
    assert contact is not None
    assert (contact.phone, contact.language_offered) == (VOTER, True)
    assert [said.answer for said in record.said] == ["well-testing"]


def test_a_recorded_grievance_is_kept_copied_and_deleted_at_twilio_though_its_caller_hangs_up(
    stack: Stack, runtime: Runtime
) -> None:
    """The status callback tells of the hang-up at the review at once; nobody waits five minutes for silence."""
    seen = call(stack, GRIEVED, GRIEVANCE_LINE, SILENCE, {"press": "1"}, {"speak": 9}, {"hang_up": True})
    deadline = time.monotonic() + 15
    while not [each for each in feedback.every("clean-water") if each.recording]:
        assert time.monotonic() < deadline, list(feedback.every())
        time.sleep(0.1)
    (grievance,) = feedback.every("clean-water")

    assert failures(seen) == ["answered with 401"], "an account that guards its media plays nothing back"
    assert kept(seen).session.state is State.HUNG_UP
    assert (grievance.provider, grievance.topic, grievance.seconds) == ("twilio", "grievance", 9)
    assert grievance.person == kept(seen).person
    assert recordings.load(runtime.settings.recordings_bucket, grievance.recording or "")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(grievance.url)


def test_only_what_twilio_signed_is_taken(stack: Stack, runtime: Runtime) -> None:
    """Everything above was; a request that knows the address and nothing more is answered 404, and nobody is called."""
    forged = urlencode({"CallSid": "CA1", "From": VOTER, "To": POLL_LINE, "CallStatus": "ringing"}).encode()
    rejected = [line for _, line in stack.logs() if "not signed as its provider signs" in line]
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{stack.voice_url('clean-water')}/turn", forged)

    assert rejected == []
    assert calls.load("twilio:CA1") is None


def test_the_functions_have_the_rights_they_need(stack: Stack) -> None:
    lines = [line for _, line in stack.logs()]

    assert not [line for line in lines if "AccessDenied" in line or "not authorized" in line]
    assert not [line for line in lines if VOTER[3:] in line or GRIEVED[3:] in line]
