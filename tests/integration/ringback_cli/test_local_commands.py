"""`ringback local` and `ringback ring`: a whole stack on this machine, from a shell."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, time
from pathlib import Path

import pytest
from click.testing import CliRunner

from ringback.domain.times import INDIA
from ringback_cli.local import next_start
from ringback_cli.main import ringback

NOT_RUNNING = "Error: no local stack is running: start one with `ringback local up`, or name a deployment with --stack\n"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which no stack runs."""
    monkeypatch.setenv("RINGBACK_STATE", str(tmp_path))
    monkeypatch.delenv("RINGBACK_STACK", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    "arguments", ["calls", "stats --json", "local status", "ring 09000000101 08040001001", "redrive"]
)
def test_without_a_stack_every_command_says_how_to_get_one(state: Path, arguments: str) -> None:
    result = CliRunner().invoke(ringback, arguments.split())

    assert (result.exit_code, result.stderr) == (1, NOT_RUNNING)


def test_stopping_what_does_not_run_is_no_mistake(state: Path) -> None:
    result = CliRunner().invoke(ringback, ["local", "down"])

    assert (result.exit_code, result.output) == (0, "nothing was running\n")


def test_a_time_of_day_that_is_none_is_a_usage_error(state: Path) -> None:
    result = CliRunner().invoke(ringback, ["local", "up", "--at", "25:00"])

    assert result.exit_code == 2
    assert "write 11:00" in result.stderr


@pytest.mark.parametrize(
    ("stood_at", "at", "starts_at"),
    [
        (
            datetime(2026, 11, 21, 11, 30, tzinfo=INDIA),
            time(22, 0),
            datetime(2026, 11, 21, 22, 0, tzinfo=INDIA),
        ),
        (
            datetime(2026, 11, 21, 11, 30, tzinfo=INDIA),
            time(11, 0),
            datetime(2026, 11, 22, 11, 0, tzinfo=INDIA),
        ),
    ],
    ids=["later that day", "the next day"],
)
def test_the_clock_is_set_forward_and_never_back(stood_at: datetime, at: time, starts_at: datetime) -> None:
    assert next_start(at, stood_at) == starts_at


class Shell:
    """Runs commands as an operator does, each in a process of its own."""

    def __init__(self, state: Path) -> None:
        self._environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self._environment |= {"RINGBACK_STATE": str(state)}

    def __call__(self, *arguments: str, status: int = 0, **environment: str) -> str:
        """What a command prints on both outputs; its exit status must be `status`."""
        done = subprocess.run(
            [sys.executable, "-m", "ringback_cli.main", *arguments],
            env=self._environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == status, done.stdout
        return done.stdout


@pytest.fixture
def shell(state: Path) -> Iterator[Shell]:
    shell = Shell(state)
    yield shell
    shell("local", "down")


def test_a_first_run_shows_the_sms_arriving_and_a_second_one_knows_the_contact(shell: Shell) -> None:
    first = shell("local", "run", "--once")
    second = shell("local", "run", "--once")

    for shown, caller in ((first, "+919000000101"), (second, "+919000000102")):
        assert f"{caller} rings +918040001001" in shown
        assert f"{caller} receives it" in shown
        assert "Thank you for joining" in shown
        assert "everything is kept" in shown
    assert "known from earlier runs" not in first
    assert "1 contact known from earlier runs" in second


def test_a_stack_that_stays_up_is_rung_looked_at_and_stopped(shell: Shell, state: Path) -> None:
    up = shell("local", "up")
    assert "clean-water version 1 is in force" in up
    assert "a local stack is running already" in shell("local", "up", status=1)

    rung = shell("ring", "09000000105", "08040001002", "--times", "2")
    assert rung.count("+919000000105 rings +918040001002") == 2
    assert rung.count("receives it") == 1
    assert "स्वच्छ जल अभियान" in rung
    assert "nobody to write to" in shell("ring", "09000000106", "08040001002", "--withheld")
    assert "whoever rings it is left alone" in shell("ring", "09000000105", "08040001009")
    assert "is rung back: `ringback dials`" in shell("ring", "09000000105", "08040001027")
    assert "No account has the number" in shell("ring", "09000000105", "08040009999", status=1)

    (row,) = json.loads(shell("stats", "--campaign", "clean-water", "--json"))["stats"]
    assert (row["raw"], row["unique"], row["verified"]) == (5, 1, 1)
    assert "drift 0" in shell("recount")
    (contact,) = json.loads(shell("contacts", "--json"))["contacts"]
    assert (contact["phone"], contact["standing"]) == ("+9190••••05", "opted out")

    status = json.loads(shell("local", "status", "--json"))
    assert status["contacts"] == 1
    assert not any(status["unfinished"].values())
    assert "Sent a message" in shell("local", "logs", "SendMessage")
    assert "Nobody has logged nothing" in shell("local", "logs", "Nobody", status=1)

    aws = {"AWS_ENDPOINT_URL": status["aws_url"], "AWS_REGION": "ap-south-1"}
    aws |= {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    assert "there is no CloudFormation stack nope in ap-south-1" in shell(
        "calls", "--stack", "nope", status=1, **aws
    )
    assert len(json.loads(shell("calls", "--json", RINGBACK_STACK="ringback", **aws))["calls"]) == 5

    assert shell("local", "down") == "stopped; everything is kept\n"
    assert shell("calls", status=1) == NOT_RUNNING


def test_at_night_the_run_says_until_when_the_sms_is_held(shell: Shell) -> None:
    shown = shell("local", "run", "--once", "--at", "22:00", status=1)

    assert re.search(r"no SMS: held by quiet-hours until \d\d \w{3}, 10:00", shown)
