"""The state machines of a patched call and of a ring-back, walked from their files."""

from typing import Any

import pytest

from ringback.services.ledger import execution_name
from ringback.workflows import LONGEST_NAME
from tests.unit import machines
from tests.unit.machines import TaskError

CALL = {"call": "exotel:call-1", "wait_seconds": 690}
DIAL = {"dial": "p.clean-water.influencer.abc", "cause": "exotel:missed-1", "wait_seconds": 990}

RUNG, WAIT, ASK = "A voter is rung", "Wait for the call to end", "Ask the provider"
OVER, SETTLE, TALKED = "Is the call over?", "Settle the call", "Did they talk?"


class Provider:
    """Answers the tasks as the function would; `ends` says after how many times that the provider is asked the call is over."""

    def __init__(self, ends: int = 0, *, talked: bool = True, breaks: str = "") -> None:
        self._ends, self._talked, self._breaks = ends, talked, breaks
        self.asked: list[tuple[dict[str, Any], int | None]] = []

    def __call__(self, payload: dict[str, Any], timeout: int | None) -> Any:
        self.asked.append((payload, timeout))
        if payload["task"] == self._breaks:
            raise TaskError("Lambda.Unknown")
        times = sum(each["task"] == "ask" for each, _ in self.asked)
        match payload["task"]:
            case "wait" | "wait-for-patch" if self._ends:
                raise TaskError("States.Timeout")
            case "ask":
                return {"Payload": {"over": times >= self._ends, "talked": self._talked, "wait_seconds": 77}}
            case "settle":
                return {"Payload": {"over": True, "talked": self._talked}}
        return {"over": True, "talked": self._talked}


def walk(task: Provider, machine: str = "patch_call") -> list[str]:
    given = CALL if machine == "patch_call" else DIAL
    return list(machines.walk(machines.read(machine), task, given))


@pytest.mark.parametrize(("talked", "end"), [(True, "They talked"), (False, "Nobody was reached")])
def test_a_call_whose_end_was_told_is_settled(talked: bool, end: str) -> None:
    task = Provider(talked=talked)
    assert walk(task) == [RUNG, WAIT, SETTLE, TALKED, end]
    assert task.asked[0] == ({"task": "wait", "call": CALL["call"], "token": "token"}, 690)


def test_a_call_of_which_nobody_told_is_asked_about_until_it_is_over() -> None:
    task = Provider(ends=2)
    assert walk(task) == [RUNG, WAIT, ASK, OVER, WAIT, ASK, OVER, SETTLE, TALKED, "They talked"]
    assert [timeout for payload, timeout in task.asked if payload["task"] == "wait"] == [690, 77]


@pytest.mark.parametrize("task", ["wait", "ask", "settle"])
def test_a_task_that_fails_for_good_has_a_named_end(task: str) -> None:
    assert walk(Provider(ends=1 if task == "ask" else 0, breaks=task))[-1] == "The call broke"


@pytest.mark.parametrize(("talked", "end"), [(True, "They talked"), (False, "They were not patched")])
def test_a_ring_back_waits_for_the_patch_of_its_call(talked: bool, end: str) -> None:
    assert walk(Provider(talked=talked), "ring_back_patch") == [
        "A missed call came",
        "Ring the influencer",
        "Wait for their patch to end",
        "Did they talk?",
        end,
    ]


def test_an_influencer_who_does_not_answer_is_not_patched() -> None:
    assert walk(Provider(ends=1), "ring_back_patch")[-1] == "They were not patched"


@pytest.mark.parametrize("task", ["ring", "wait-for-patch"])
def test_a_ring_back_that_fails_for_good_has_a_named_end(task: str) -> None:
    assert walk(Provider(breaks=task), "ring_back_patch")[-2:] == [
        "Let them ring again",
        "The ring-back broke",
    ]


@pytest.mark.parametrize("machine", ["patch_call", "ring_back_patch"])
def test_every_task_has_a_time_out_a_retry_and_a_named_end(machine: str) -> None:
    for state in machines.read(machine)["States"].values():
        if state["Type"] == "Task":
            assert state["TimeoutSeconds"]
            assert state["Retry"]
            assert any("States.ALL" in catch["ErrorEquals"] for catch in state["Catch"])


def test_an_execution_is_named_after_the_person_and_never_the_number() -> None:
    name = execution_name("a" * 26, "exotel:" + "x" * 128)
    assert name.startswith("a" * 26 + "-")
    assert len(name) <= LONGEST_NAME
