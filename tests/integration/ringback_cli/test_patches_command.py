"""`ringback patches`: the story of a patched call, without a number in clear."""

from pathlib import Path

import pytest

from ringback.domain.slots import Limits
from ringback.store import slots
from tests.deployment import CALLER, OPT_OUT, Deployment
from tests.integration import people
from tests.integration.patching import LINE, Patched, voter_phones
from tests.integration.ringback_cli.conftest import Read, Run

CALL = "exotel:call-1"


@pytest.fixture
def patched(deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Patched:
    """One call in which the first voter did not answer and the second talked."""
    people.told(monkeypatch)
    patched = Patched(deployment, audit_percent=100)
    patched.approve(CALLER)
    patched.fill(tmp_path, voter_phones(4))
    caller = patched.begin()
    first = caller.ask()
    assert first is not None
    second = caller.failed(first)
    assert second is not None
    caller.talk(second, 75)
    patched.react()
    return patched


def test_the_list_has_what_came_of_each_call(patched: Patched, read: Read) -> None:
    (row,) = read("patches")["patches"]
    assert (row["call"], row["state"], row["attempts"], row["talked"]) == (CALL, "over", 2, 75)
    assert read("patches", "list", "--live")["patches"] == []


def test_who_is_on_the_line_is_listed_beside_the_slots_that_are_held(
    patched: Patched, read: Read, run: Run
) -> None:
    assert patched.begin(call_id="call-2").ask()
    slots.acquire("exotel", LINE, Limits(9, 9))  # whoever took this one died

    live = read("patches", "list", "--live", "--campaign", "clean-water")

    assert [row["call"] for row in live["patches"]] == ["exotel:call-2"]
    assert live["slots"] == {"exotel": {"held": 2, "limit": 250}}
    assert read("patches", "list", "--live", "--campaign", "library-hours")["slots"] == {}
    assert "2 of 250 slots are held at exotel" in run("patches", "list", "--live").output


def test_one_call_is_told_with_everybody_rung_what_it_cost_and_no_number(
    patched: Patched, read: Read
) -> None:
    told = read("patches", "show", CALL)
    assert [(each["outcome"], each["talked_seconds"]) for each in told["rung"]] == [
        ("no-answer", None),
        ("talked", 75),
    ]
    assert told["cost_paise"] > 0
    story = [each["what"] for each in told["story"]]
    assert {"dialled-1", "dialled-2", "leg-2-answered"} <= set(story)
    assert story[-1] == "leg-2-terminal"
    assert all("••••" in each["phone"] for each in told["rung"])
    clear = read("patches", "show", CALL, "--clear")
    assert {each["phone"] for each in clear["rung"]} <= set(voter_phones(4))


def test_the_story_is_told_to_people_too(patched: Patched, run: Run) -> None:
    shown = run("patches", "show", CALL)
    assert shown.exit_code == 0, shown.output
    assert "talked, 75 s" in shown.output


def test_the_sums_are_those_of_the_calls(patched: Patched, read: Read) -> None:
    sums = read("patches", "stats", "--since", "1d")
    assert (sums["patches"], sums["talked"], sums["talked_seconds"], sums["rung"]) == (1, 1, 75, 2)
    assert sums["cost_rupees"] == sums["caller_rupees"] + sums["callee_rupees"]
    assert sums["callee_rupees"] == 1.0


def test_a_conversation_of_the_sample_waits_for_the_auditor_until_they_have_looked_into_it(
    patched: Patched, read: Read, run: Run
) -> None:
    assert [row["call"] for row in read("patches", "audit")["waiting"]] == [CALL]
    assert run("patches", "audit", CALL, "--note", "polite").exit_code == 0
    assert read("patches", "audit")["waiting"] == []
    assert read("patches", "show", CALL)["audit"] == "polite"
    assert run("patches", "audit", CALL, "--note", "again").exit_code == 1


def test_the_auditor_is_told_whom_to_ask_and_not_to_listen(patched: Patched, run: Run, read: Read) -> None:
    """Nothing is recorded: docs/decisions/0043."""
    told = run("patches", "audit", "--help").output
    assert "recorded" in told
    assert "heard" not in told
    assert run("patches", "audit", CALL).exit_code == 0
    assert read("patches", "show", CALL)["audit"] == "looked into"


def test_a_call_that_nobody_knows_is_said_to_be_unknown(deployment: Deployment, run: Run) -> None:
    result = run("patches", "show", "exotel:nobody")
    assert result.exit_code == 1
    assert "there is no patch exotel:nobody" in result.output


def test_a_voter_of_the_sample_who_asked_to_be_left_alone_is_marked(patched: Patched, read: Read) -> None:
    (waits,) = read("patches", "audit")["waiting"]
    assert waits["voter"] == patched.patch().attempts[1].who
    assert waits["left_alone"] is False
    patched.deployment.ring(patched.patch().attempts[1].phone, OPT_OUT, call_id="call-2")
    patched.react()
    (waits,) = read("patches", "audit")["waiting"]
    assert waits["left_alone"] is True
