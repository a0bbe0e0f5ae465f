"""The state machine of a grievance's clock, walked from its file."""

from typing import Any

import pytest

from ringback.workflows import LONGEST_NAME
from tests.unit import machines
from tests.unit.machines import Task, TaskError

MACHINE = machines.read("answer_grievance")
GIVEN = {"feedback": "7pn5nw2h7h63btyp", "waits": [43_200, 28_800, 14_400]}


def walk(task: Task, given: dict[str, Any] = GIVEN) -> list[str]:
    return list(machines.walk(MACHINE, task, given))


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
    assert walk(Team(answers_after=0)) == ["Start the clock", WAIT, "Answered"]


def test_an_answer_after_a_reminder_is_the_end() -> None:
    assert walk(Team(answers_after=1)) == ["Start the clock", WAIT, LEFT, REMIND, WAIT, "Answered"]


def test_without_an_answer_it_reminds_twice_and_sounds_the_alarm() -> None:
    team = Team(answers_after=None)

    assert walk(team) == [
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
    assert walk(Team(answers_after=None, breached=False))[-1] == "Answered"


def test_a_clock_started_too_late_reminds_of_nothing_and_sounds_the_alarm() -> None:
    states = walk(Team(answers_after=None), {**GIVEN, "waits": [1]})

    assert states == ["Start the clock", WAIT, LEFT, ALARM, LAST_MOMENT, "Not answered in time"]


@pytest.mark.parametrize("broken", ["wait", "remind", "strike"])
def test_a_task_that_fails_for_good_has_an_end_of_its_own(broken: str) -> None:
    team = Team(answers_after=None)

    def task(payload: dict[str, Any], timeout: int | None) -> Any:
        if payload["task"] == broken:
            raise TaskError("Lambda.Unknown")
        return team(payload, timeout)

    assert walk(task)[-1] == "The clock broke"


def test_an_id_fits_an_execution_name() -> None:
    assert len(GIVEN["feedback"]) <= LONGEST_NAME
