"""The state machine of a grievance's clock, walked from its file: what the tasks answer decides which way it goes.

The expressions are evaluated by the engine that the local stack uses; nothing waits.
"""

from collections.abc import Callable, Iterator
from typing import Any

import jsonata
import pytest
import yaml

from ringback.workflows import LONGEST_NAME
from ringback_local import template

MACHINE = yaml.safe_load(
    (template.ROOT / "statemachines" / "answer_grievance.asl.yaml").read_text(encoding="utf-8")
)
STATES: dict[str, dict[str, Any]] = MACHINE["States"]
GIVEN = {"feedback": "7pn5nw2h7h63btyp", "waits": [43_200, 28_800, 14_400]}


class TaskError(Exception):
    """How a task of the walk fails: by the name that Step Functions gives the error."""


Task = Callable[[dict[str, Any], int | None], Any]


def walk(task: Task, given: dict[str, Any] = GIVEN) -> Iterator[str]:
    """The states entered, until the end; `task` gets a task's payload and time-out, and returns or raises `TaskError`."""
    name, variables = MACHINE["StartAt"], {}
    for _ in range(50):
        yield name
        state, result = STATES[name], None
        if state["Type"] == "Task":
            payload = evaluated(state["Arguments"]["Payload"], given, variables)
            try:
                result = task(payload, evaluated(state["TimeoutSeconds"], given, variables))
            except TaskError as error:
                name = caught(state, str(error))
                continue
        assigned = evaluated(state.get("Assign", {}), given, variables, result)
        variables = {**variables, **assigned}
        if state["Type"] in ("Succeed", "Fail"):
            return
        if state["Type"] == "Choice":
            chosen = (
                choice["Next"]
                for choice in state["Choices"]
                if evaluated(choice["Condition"], given, variables) is True
            )
            name = next(chosen, state["Default"])
        else:
            name = state["Next"]
    raise AssertionError("the machine does not come to an end")


def caught(state: dict[str, Any], error: str) -> str:
    """Where an error leads that no retry has helped."""
    for catcher in state["Catch"]:
        if {error, "States.ALL"} & set(catcher["ErrorEquals"]):
            return str(catcher["Next"])
    raise AssertionError(f"nothing catches {error}")


def evaluated(value: Any, given: Any, variables: dict[str, Any], result: Any = None) -> Any:
    if isinstance(value, dict):
        return {key: evaluated(each, given, variables, result) for key, each in value.items()}
    if not (isinstance(value, str) and value.startswith("{%")):
        return value
    expression = jsonata.Jsonata(value[2:-2].strip())
    states = {"input": given, "result": result, "context": {"Task": {"Token": "token"}}}
    frame = expression.create_frame()
    for name, bound in {**variables, "states": states}.items():
        frame.bind(name, bound)
    return expression.evaluate(given, frame)


class Team:
    """Answers after so many reminders, or never; keeps what the tasks were asked."""

    def __init__(self, answers_after: int | None, *, breached: bool = True) -> None:
        self._answers_after = answers_after
        self._breached = breached
        self.asked: list[tuple[dict[str, Any], int | None]] = []

    def __call__(self, payload: dict[str, Any], timeout: int | None) -> Any:
        self.asked.append((payload, timeout))
        reminders = sum(payload["task"] == "remind" for payload, _ in self.asked)
        match payload["task"]:
            case "wait" if reminders != self._answers_after:
                raise TaskError("States.Timeout")
            case "strike":
                return {"Payload": {"breached": self._breached}}
        return {"state": "answered"}


WAIT, LEFT, REMIND = "Wait for the answer", "Is there time left?", "Remind the team"
ALARM, LAST_MOMENT = "Sound the alarm", "Did the answer come in the last moment?"


def test_an_answer_at_once_is_the_end() -> None:
    assert list(walk(Team(answers_after=0))) == ["Start the clock", WAIT, "Answered"]


def test_an_answer_after_a_reminder_is_the_end() -> None:
    assert list(walk(Team(answers_after=1))) == ["Start the clock", WAIT, LEFT, REMIND, WAIT, "Answered"]


def test_without_an_answer_it_reminds_twice_and_sounds_the_alarm() -> None:
    team = Team(answers_after=None)

    assert list(walk(team)) == [
        "Start the clock",
        *(WAIT, LEFT, REMIND) * 2,
        *(WAIT, LEFT, ALARM, LAST_MOMENT),
        "Not answered in time",
    ]
    assert [timeout for payload, timeout in team.asked if payload["task"] == "wait"] == [
        43_200,
        28_800,
        14_400,
    ]
    assert [payload["nth"] for payload, _ in team.asked if payload["task"] == "remind"] == [1, 2]
    assert {payload["feedback"] for payload, _ in team.asked} == {GIVEN["feedback"]}
    assert all(payload["token"] == "token" for payload, _ in team.asked if payload["task"] == "wait")


def test_an_answer_in_the_last_moment_is_an_answer() -> None:
    assert list(walk(Team(answers_after=None, breached=False)))[-1] == "Answered"


def test_a_clock_started_too_late_reminds_of_nothing_and_sounds_the_alarm() -> None:
    states = list(walk(Team(answers_after=None), {**GIVEN, "waits": [1]}))

    assert states == ["Start the clock", WAIT, LEFT, ALARM, LAST_MOMENT, "Not answered in time"]


@pytest.mark.parametrize("broken", ["wait", "remind", "strike"])
def test_a_task_that_fails_for_good_has_an_end_of_its_own(broken: str) -> None:
    team = Team(answers_after=None)

    def task(payload: dict[str, Any], timeout: int | None) -> Any:
        if payload["task"] == broken:
            raise TaskError("Lambda.Unknown")
        return team(payload, timeout)

    assert list(walk(task))[-1] == "The clock broke"


def test_an_id_fits_an_execution_name() -> None:
    assert len(GIVEN["feedback"]) <= LONGEST_NAME
