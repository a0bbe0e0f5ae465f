"""A caller tells a grievance by telephone, and it is ours: kept with its issue, its audio copied, its clock running."""

import json
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator

import pytest

from ringback import recordings, settings
from ringback.domain.feedback import Kind, State
from ringback.runtime import Runtime
from ringback.services import campaigns, feedback
from ringback.store import contacts
from ringback.store import feedback as store
from ringback_local.network import parsed, sample_documents
from ringback_local.stack import Options, Stack
from tests.journeys.test_ivr import MENU_IN_ENGLISH, SILENCE, call

pytestmark = pytest.mark.enable_socket

CALLER = "+919000000301"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    options = Options(
        enforces_rights=True,
        parameters={"Schedules": "DISABLED"},
        settings={"RECORDING_WAIT_SECONDS": "1"},
    )
    with Stack(parsed(sample_documents()), options) as stack:
        yield stack


@pytest.fixture
def runtime(stack: Stack, fresh_clients: None, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    runtime = Runtime(settings.from_environment())
    for document in sample_documents():
        campaigns.publish(runtime, document)
    return runtime


def fetched(stack: Stack, url: str) -> bytes:
    """The recording as the provider has it."""
    key = b64encode(f"{stack.keys.api_key}:{stack.keys.api_token}".encode()).decode()
    with urllib.request.urlopen(
        urllib.request.Request(url, headers={"Authorization": f"Basic {key}"})
    ) as answer:
        content: bytes = answer.read()
    return content


def test_what_a_caller_records_is_kept_copied_and_answered(stack: Stack, runtime: Runtime) -> None:
    script = [SILENCE, {"press": "2"}, {"press": "1"}, {"speak": 9}, {"press": "1"}]
    seen = call(stack, CALLER, MENU_IN_ENGLISH, *script)

    deadline = time.monotonic() + 15
    while not [each for each in store.every() if each.recording and each.token]:
        assert time.monotonic() < deadline, list(store.every())
        time.sleep(0.1)
    (grievance,) = store.every("clean-water")
    contact = contacts.load(grievance.person)

    assert contact is not None
    assert contact.phone == CALLER
    assert (grievance.state, grievance.value(Kind.ISSUE)) == (State.TAGGED, "dirty-water")
    assert grievance.value(Kind.URGENCY) == "high"
    assert grievance.recording == f"clean-water/{grievance.id}.mp3"
    audio = recordings.load(runtime.settings.recordings_bucket, grievance.recording)
    assert audio == fetched(stack, seen["recording_url"])
    with urllib.request.urlopen(
        recordings.link(runtime.settings.recordings_bucket, grievance.recording)
    ) as played:
        assert played.read() == audio

    feedback.answer(runtime, grievance.id, "called back")
    arn = runtime.settings.answer_grievance_arn.replace(":stateMachine:", ":execution:")
    states = stack.client("stepfunctions")
    while states.describe_execution(executionArn=f"{arn}:{grievance.id}")["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    described = states.describe_execution(executionArn=f"{arn}:{grievance.id}")
    assert described["status"] == "SUCCEEDED"
    assert json.loads(described["input"])["feedback"] == grievance.id
    assert store.load(grievance.id).is_answered_in_time  # type: ignore[union-attr]


def test_nothing_on_the_way_was_refused_or_told_a_number(stack: Stack) -> None:
    lines = [line for _, line in stack.logs()]

    assert not [line for line in lines if "AccessDenied" in line or "not authorized" in line]
    assert not [line for line in lines if CALLER.removeprefix("+91") in line]
