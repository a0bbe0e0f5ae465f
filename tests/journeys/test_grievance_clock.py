"""A grievance's clock on the whole stack, with a day of a few seconds: it reminds, it stops at the answer, it sounds the alarm."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from ringback import settings, workflows
from ringback.domain.contacts import Contact
from ringback.domain.feedback import Grievance, State, id_for
from ringback.domain.turns import FeedbackRecorded
from ringback.runtime import Runtime
from ringback.services import campaigns, feedback
from ringback.store import feedback as store
from ringback_local.network import parsed, sample_documents
from ringback_local.stack import Options, Stack

pytestmark = pytest.mark.enable_socket

DAY_SECONDS = 6
"""Reminders come after 3 and after 5 seconds."""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    options = Options(parameters={"AnswerWithinSeconds": str(DAY_SECONDS)}, enforces_rights=True)
    with Stack(parsed(sample_documents()), options) as stack:
        yield stack


@pytest.fixture
def runtime(stack: Stack, fresh_clients: None, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """Ringback in this process, on the stack."""
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    runtime = Runtime(settings.from_environment())
    for document in sample_documents():
        campaigns.publish(runtime, document)
    return runtime


@pytest.fixture
def record(runtime: Runtime) -> Callable[..., str]:
    """A caller records something; returns the grievance's id."""

    def record(turn: str, ago: float = 0.0, url: str = "https://elsewhere.example/a.mp3") -> str:
        at = runtime.clock.now() - timedelta(seconds=ago)
        campaign = campaigns.Shelf(0).current("clean-water")
        contact = Contact(
            person="4gp4wjhodgysggjt3zh62ntffn",
            campaign=campaign.id,
            phone="+919000000101",
            language="hi",
            first_called_at=at,
            first_number="+918040001001",
            first_source="tv",
        )
        effect = FeedbackRecorded("grievance", url, "hi", seconds=12)
        feedback.received(runtime, campaign, contact, effect, f"exotel:call/{turn}", at)
        return id_for(campaign.id, f"exotel:call/{turn}")

    return record


def status(stack: Stack, runtime: Runtime, name: str) -> tuple[str, str]:
    """Where the execution stands, and the last state that it entered."""
    states = stack.client("stepfunctions")
    arn = runtime.settings.answer_grievance_arn.replace(":stateMachine:", ":execution:") + f":{name}"
    events: list[dict[str, Any]] = states.get_execution_history(executionArn=arn)["events"]
    entered = [
        event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event
    ]
    return states.describe_execution(executionArn=arn)["status"], entered[-1] if entered else ""


def eventually(holds: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


def stored(name: str) -> Grievance:
    grievance = store.load(name)
    assert grievance is not None
    return grievance


def test_an_answer_after_the_reminder_stops_the_clock_in_time(
    stack: Stack, runtime: Runtime, record: Callable[..., str]
) -> None:
    name = record("turn-1")
    eventually(lambda: stored(name).reminders == 1)
    assert status(stack, runtime, name)[0] == "RUNNING"
    eventually(lambda: stored(name).token is not None)

    feedback.answer(runtime, name, "called back")

    eventually(lambda: status(stack, runtime, name) == ("SUCCEEDED", "Answered"))
    assert stored(name).is_answered_in_time
    assert stored(name).token is None
    assert list(store.waiting("settling", runtime.clock.now() + timedelta(days=2))) == []


def test_without_an_answer_the_team_is_reminded_twice_and_the_alarm_sounds(
    stack: Stack, runtime: Runtime, record: Callable[..., str]
) -> None:
    name = record("turn-2")

    eventually(lambda: status(stack, runtime, name) == ("SUCCEEDED", "Not answered in time"))

    grievance = stored(name)
    assert (grievance.reminders, grievance.state) == (2, State.NEW)
    assert grievance.breached_at is not None
    assert timedelta() <= grievance.breached_at - grievance.due_at < timedelta(seconds=4)
    assert name in store.waiting("late", runtime.clock.now())
    feedback.answer(runtime, name, "called back after all")
    assert not stored(name).is_answered_in_time


def test_an_answer_that_comes_before_the_clock_asks_ends_it_at_once(
    stack: Stack, runtime: Runtime, record: Callable[..., str]
) -> None:
    """The answer is in the row before the clock's first token is: the function that stores the token answers it."""
    name = record("turn-3", ago=2.0)
    eventually(lambda: stored(name).token is not None)
    machine = runtime.settings.answer_grievance_arn
    feedback.answer(runtime, name, "answered at the door")
    eventually(lambda: status(stack, runtime, name)[0] == "SUCCEEDED")

    workflows.start(machine, f"{name}-again", {"feedback": name, "waits": [30]})

    eventually(lambda: status(stack, runtime, f"{name}-again") == ("SUCCEEDED", "Answered"), 5.0)


def test_a_token_nobody_answered_is_answered_by_the_sweep(
    stack: Stack, runtime: Runtime, record: Callable[..., str]
) -> None:
    """The process died between writing the answer and telling the clock."""
    name = record("turn-4")
    eventually(lambda: stored(name).token is not None)
    store.answer(name, runtime.clock.now(), "called back")

    settled = stack.invoke("Reconcile")["settled"]

    assert settled == 1
    eventually(lambda: status(stack, runtime, name) == ("SUCCEEDED", "Answered"))


def test_no_execution_or_log_names_a_phone_number_and_nothing_was_refused(
    stack: Stack, runtime: Runtime
) -> None:
    states = stack.client("stepfunctions")
    executions = states.list_executions(stateMachineArn=runtime.settings.answer_grievance_arn)["executions"]
    told = json.dumps(
        [states.describe_execution(executionArn=each["executionArn"]).get("input") for each in executions]
    )
    lines = "\n".join(line for _, line in stack.logs())

    assert len(executions) == 5
    assert "9000000101" not in told + lines
    assert "AccessDenied" not in lines
    assert "not authorized" not in lines
