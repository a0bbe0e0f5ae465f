"""The state machine of a review, walked from its file."""

from typing import Any

import pytest

from ringback.workflows import LONGEST_NAME
from tests.unit import machines
from tests.unit.machines import TaskError

MACHINE = machines.read("verify_influencer")
GIVEN = {"review": f"{'a' * 26}-r001", "ends_within": 3_600}

RUNG, END, TALKED = "The tracker is rung", "Wait for the call to end", "Did they talk?"
ASK, VERDICT, WHAT = "Ask the tracker", "Wait for the verdict", "What is the verdict?"
ANOTHER = "Ask another tracker"


class Team:
    """Answers the tasks as the functions would; `end` and `verdict` are the states told to the tokens, None for a time-out."""

    def __init__(
        self, end: str | None = "talked", verdict: str | None = "approved", *, another: bool = False
    ) -> None:
        self._end, self._verdict, self._another = end, verdict, another
        self.asked: list[tuple[dict[str, Any], int | None]] = []

    def __call__(self, payload: dict[str, Any], timeout: int | None) -> Any:
        self.asked.append((payload, timeout))
        match payload:
            case {"task": "wait", "for": awaited}:
                state = self._end if awaited == "end" else self._verdict
                if state is None:
                    raise TaskError("States.Timeout")
                return {"state": state, "another": self._another}
            case {"task": "ask"}:
                return {"Payload": {"state": "asked", "another": False, "answer_within": 1_790}}
        return {"Payload": {"state": "expired", "another": self._another}}


def walk(team: Any) -> list[str]:
    return list(machines.walk(MACHINE, team, GIVEN))


@pytest.mark.parametrize(
    ("verdict", "end"), [("approved", "Approved"), ("rejected", "Rejected"), ("withdrawn", "Withdrawn")]
)
def test_they_talk_the_tracker_is_asked_and_the_verdict_is_the_end(verdict: str, end: str) -> None:
    team = Team(verdict=verdict)

    assert walk(team) == [RUNG, END, TALKED, ASK, VERDICT, WHAT, end]
    assert [timeout for payload, timeout in team.asked if payload["task"] == "wait"] == [3_600, 1_790]
    assert {payload["review"] for payload, _ in team.asked} == {GIVEN["review"]}
    assert all(payload["token"] == "token" for payload, _ in team.asked if payload["task"] == "wait")


@pytest.mark.parametrize(("verdict", "end"), [("approved", "Approved"), ("rejected", "Rejected")])
def test_a_verdict_that_came_before_the_call_was_known_to_have_ended_asks_nobody(
    verdict: str, end: str
) -> None:
    assert walk(Team(end=verdict)) == [RUNG, END, TALKED, WHAT, end]


def test_who_did_not_talk_is_not_judged() -> None:
    assert walk(Team(end="expired")) == [RUNG, END, TALKED, "They did not talk"]


def test_a_call_whose_end_nobody_told_is_let_go() -> None:
    assert walk(Team(end=None)) == [
        RUNG,
        END,
        "Nobody told how the call ended",
        TALKED,
        "They did not talk",
    ]


def test_without_a_verdict_another_tracker_talks_to_them() -> None:
    states = walk(Team(verdict=None, another=True))

    assert states == [RUNG, END, TALKED, ASK, VERDICT, ANOTHER, WHAT, "Another tracker will talk to them"]


def test_after_the_last_tracker_the_review_ends_without_a_verdict() -> None:
    assert walk(Team(verdict=None))[-2:] == [WHAT, "No verdict in time"]


@pytest.mark.parametrize("verdict", ["expired"])
def test_a_tracker_who_is_not_sure_leaves_it_to_another(verdict: str) -> None:
    assert walk(Team(verdict=verdict, another=True))[-1] == "Another tracker will talk to them"
    assert walk(Team(end=verdict, another=True))[-1] == "Another tracker will talk to them"


@pytest.mark.parametrize("broken", ["wait", "ask", "no-end", "no-verdict"])
def test_a_task_that_fails_for_good_has_an_end_of_its_own(broken: str) -> None:
    team = Team(end=None if broken == "no-end" else "talked", verdict=None)

    def task(payload: dict[str, Any], timeout: int | None) -> Any:
        if payload["task"] == broken:
            raise TaskError("Lambda.Unknown")
        return team(payload, timeout)

    assert walk(task)[-1] == "The review broke"


def test_an_id_fits_an_execution_name() -> None:
    assert len(GIVEN["review"]) <= LONGEST_NAME  # type: ignore[arg-type]
