"""`ringback play` as a command: what it refuses, and what it prints for programs."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from phone_network import faults
from ringback_cli.play import as_document, play, show
from ringback_cli.stories import Report, Request, Verdict
from ringback_cli.stories.stage import on_our_side


def a_report(*offenders: str) -> Report:
    return Report(
        {}, {}, {}, [Verdict("came_to_rest"), Verdict("counts", offenders)], {"answer_p50_ms": 12.5}
    )


def test_the_document_holds_every_promise_by_name_and_every_figure() -> None:
    document = as_document("missed-calls", Request(200, 1), a_report())

    assert document == {
        "story": "missed-calls",
        "size": 200,
        "seed": 1,
        "faults": "none",
        "invariants": {"came_to_rest": True, "counts": True},
        "figures": {"answer_p50_ms": 12.5},
    }


def test_a_broken_promise_is_false_and_its_first_offenders_are_listed() -> None:
    document = as_document("missed-calls", Request(200, 1), a_report("one", "two"))

    assert document["invariants"] == {"came_to_rest": True, "counts": False}
    assert document["broken"] == {"counts": ["one", "two"]}


def test_people_see_which_promise_is_broken_and_by_what(capsys: pytest.CaptureFixture[str]) -> None:
    show("missed-calls", Request(200, 1), a_report("contact +9190••••01 is missing"))
    shown = capsys.readouterr().out

    assert "came_to_rest  kept" in shown
    assert "counts        BROKEN" in shown
    assert "contact +9190••••01 is missing" in shown


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["no-such-story"], "'no-such-story' is not one of 'ivr', 'missed-calls'"),
        (["ivr", "--size", "100001"], "1 to 100,000 handsets"),
        (["missed-calls", "--size", "0"], "0 is not in the range x>=1"),
        (["missed-calls", "--size", "100001"], "1 to 100,000 handsets"),
        (["missed-calls", "--faults", "no-such-file.json"], "no-such-file.json cannot be read"),
        (["ivr", "--minutes", "3"], "--minutes are for the story `patching`"),
    ],
    ids=["story", "too many callers", "none", "too many", "faults", "another story's option"],
)
def test_what_cannot_be_played_is_refused_in_a_sentence(arguments: list[str], sentence: str) -> None:
    result = CliRunner().invoke(play, arguments)

    assert result.exit_code != 0
    assert sentence in result.output
    assert "Traceback" not in result.output


def test_an_unknown_fault_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"meteor": 1.0}))

    result = CliRunner().invoke(play, ["missed-calls", "--faults", str(plan)])

    assert result.exit_code == 1
    assert "Unknown faults: meteor" in result.output
    assert "stream_batch_twice" in result.output


def test_the_faults_on_our_side_come_from_the_same_plan_as_those_of_the_network() -> None:
    plan = faults.FaultPlan.of(
        {
            "passthru_drop": 0.5,
            "stream_batch_twice": 0.1,
            "stream_batch_twice_at_once": 0.2,
            "queue_message_twice_at_once": 0.3,
            "worker_killed_before_provider": 0.04,
            "worker_killed_after_provider": 0.05,
        },
        seed=9,
    )

    ours = on_our_side(plan)

    assert (9, pytest.approx(0.3), 0.3) == (ours.seed, ours.stream_twice, ours.queue_twice)
    assert (ours.kill_before, ours.kill_after) == (0.04, 0.05)
