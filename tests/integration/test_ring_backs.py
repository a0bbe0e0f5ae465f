"""A missed call by an influencer who has their go-ahead becomes one patch to come."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ringback import workflows
from ringback.domain.dials import State
from ringback.domain.errors import Rejected
from ringback.domain.facts import FailureAction
from ringback.domain.influencers import Stage
from ringback.domain.ledger import Side
from ringback.providers.base import Declined, OutgoingCall
from ringback.services import ring_backs
from ringback.store import contacts, ledger, sending
from tests.deployment import CALLER, OTHER_CALLER, Deployment
from tests.integration import people
from tests.integration.patching import Caller, Patched, voter_phones

RING_BACK = "+918040001034"


class Machines:
    """The wire to Step Functions, for moto's executions stand still."""

    def __init__(self) -> None:
        self.started: list[dict[str, Any]] = []
        self.told: list[tuple[str, bool]] = []
        """Token and whether they talked."""

    def start_execution(self, **given: Any) -> None:
        self.started.append(given)

    def send_task_success(self, *, taskToken: str, output: str) -> None:
        self.told.append((taskToken, json.loads(output)["talked"]))


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch) -> Machines:
    made = Machines()
    monkeypatch.setattr(workflows, "_client", lambda: made)
    return made


@pytest.fixture
def patched(deployment: Deployment) -> Patched:
    patched = Patched(deployment)
    patched.approve(CALLER)
    return patched


def test_an_approved_influencer_who_gives_a_missed_call_is_rung_back_once(
    patched: Patched, machines: Machines
) -> None:
    patched.deployment.ring(CALLER, RING_BACK, call_id="missed-1")
    patched.react()
    patched.deployment.reaction.react(patched.deployment.entries())
    names = {given["name"] for given in machines.started}
    assert len(names) == 1
    assert machines.started[0]["stateMachineArn"].endswith("ring-back-patch")
    assert CALLER.removeprefix("+91") not in str(machines.started)


def ring(patched: Patched, nth: int) -> None:
    patched.deployment.ring(CALLER, RING_BACK, call_id=f"missed-{nth}")
    patched.react()


def test_a21_missed_calls_in_somebodys_name_ring_them_once_at_a_time(
    patched: Patched, machines: Machines
) -> None:
    rung(patched, machines)
    for nth in range(2, 5):
        ring(patched, nth)
    assert (len(machines.started), len(patched.deployment.dials())) == (1, 1)

    patched.deployment.end(patched.deployment.dial(), "busy")
    patched.react()
    ring(patched, 5)
    assert len(machines.started) == 1, "another attempt is to come"
    for _ in range(2):
        patched.deployment.clock.move(hours=1, minutes=1)
        patched.deployment.release()
        patched.deployment.place(patched.deployment.to_dial())
        last = len(patched.deployment.provider.called)
        patched.deployment.end(patched.deployment.dials()[-1], "busy", f"out-{last}")
        patched.react()
    assert machines.told == [("token-1", False)]

    ring(patched, 6)
    assert len(machines.started) == 2, "that one came to nothing"


def test_a_call_that_another_ring_back_answered_rings_nobody_at_a_replay(
    patched: Patched, machines: Machines
) -> None:
    rung(patched, machines)
    ring(patched, 2)
    contacts.opt_out(patched.deployment.person(CALLER), patched.clock.now())
    for _ in range(3):
        patched.deployment.end(patched.deployment.dials()[-1], "busy")
        patched.react()
        patched.clock.move(hours=1, minutes=1)
        patched.deployment.release()
        patched.deployment.place(patched.deployment.to_dial())
    assert machines.told == [("token-1", False)]
    started = {given["name"] for given in machines.started}

    patched.deployment.reaction.react(patched.deployment.entries())

    assert {given["name"] for given in machines.started} == started


def test_a_ring_back_whose_machine_broke_stands_in_nobodys_way(patched: Patched, machines: Machines) -> None:
    ring(patched, 1)
    ring(patched, 2)
    assert len(machines.started) == 1
    ring_backs.broke(json.loads(machines.started[0]["input"])["dial"])
    ring(patched, 3)
    assert len(machines.started) == 2


def test_a_ring_back_of_which_nobody_hears_any_more_stands_in_nobodys_way(
    patched: Patched, machines: Machines
) -> None:
    ring(patched, 1)
    patched.clock.move(days=2)
    ring(patched, 2)
    assert len(machines.started) == 2


@pytest.mark.parametrize(("hours", "are_rung"), [(23, 1), (25, 0)])
def test_a_missed_call_that_is_told_a_day_late_rings_nobody(
    patched: Patched, machines: Machines, hours: int, are_rung: int
) -> None:
    deployment = patched.deployment
    deployment.ring(CALLER, RING_BACK, call_id="missed-1")
    deployment.clock.move(hours=hours)
    patched.react()
    for given in machines.started:
        told = json.loads(given["input"])
        ring_backs.ring(deployment.runtime, told["dial"], told["cause"])
    deployment.clock.move(hours=2)
    deployment.place(deployment.to_dial())

    assert (len(machines.started), len(deployment.provider.called)) == (are_rung, 0)


@pytest.mark.parametrize("stage", [None, Stage.INFORMED, Stage.REVOKED])
def test_nobody_else_is_shown_as_a_patch_to_come(
    patched: Patched, machines: Machines, stage: Stage | None
) -> None:
    if stage is not None:
        people.meet(patched.deployment, OTHER_CALLER)
        patched.stage(OTHER_CALLER, stage)
    patched.deployment.ring(OTHER_CALLER, RING_BACK, call_id="missed-1")
    patched.react()
    assert machines.started == []


def test_a_missed_call_on_another_number_rings_nobody_back(patched: Patched, machines: Machines) -> None:
    patched.deployment.ring(CALLER, call_id="missed-1")
    patched.react()
    assert machines.started == []


def rung(patched: Patched, machines: Machines) -> OutgoingCall:
    """The influencer gave a missed call; their machine waits, and their phone rings."""
    deployment = patched.deployment
    deployment.ring(CALLER, RING_BACK, call_id="missed-1")
    patched.react()
    given = json.loads(machines.started[-1]["input"])
    ring_backs.ring(deployment.runtime, given["dial"], given["cause"])
    assert ring_backs.wait(given["dial"], "token-1") == {"waits": True}
    return placed(deployment)


def placed(deployment: Deployment) -> OutgoingCall:
    assert deployment.place(deployment.to_dial()) == []
    return deployment.provider.called[-1]


def ring_again(deployment: Deployment, status: str) -> None:
    """An attempt ends so; the one that follows it waits for its hour, and leaves."""
    deployment.end(deployment.dials()[-1], status, f"out-{len(deployment.provider.called)}")
    deployment.react()
    deployment.clock.move(hours=1, minutes=1)
    deployment.release()
    deployment.place(deployment.to_dial())


def is_put_through(patched: Patched, call: OutgoingCall, folder: Path) -> str:
    """They take the call, walk the menu to its Connect, and talk to a voter; returns the id of the call."""
    patched.fill(folder, voter_phones(2))
    caller = at_connect(patched, call)
    number = caller.ask()
    assert number is not None
    patched.react()
    caller.talk(number)
    patched.react()
    return caller.call_id


def at_connect(patched: Patched, call: OutgoingCall) -> Caller:
    """They take the call and walk the menu to its Connect."""
    call_id = f"out-{len(patched.deployment.provider.called)}"
    handset = patched.deployment.pick_up(call, call_id)
    while handset.branch != "dial":
        handset.press("1") if handset.branch == "ask" else handset.wait()
    return Caller.on_the_line(patched, handset, CALLER, call_id)


def test_a_call_into_a_menu_that_connects_lasts_as_long_as_the_menu_and_the_talk(
    patched: Patched, machines: Machines
) -> None:
    """Three phones that ring for half a minute, and ten minutes of talk, beside the five minutes of the menu: 17 minutes are paid."""
    assert rung(patched, machines).longest_seconds == 300 + 3 * 30 + 600
    assert sending.standing("clean-water", (), "clean-water/calls").paise == 17 * 50

    patched.deployment.end(patched.deployment.dial(), "no-answer")
    patched.deployment.react()
    assert sending.standing("clean-water", (), "clean-water/calls").paise == 0


def test_a_talk_that_outlasts_what_providers_allow_a_call_is_not_published(deployment: Deployment) -> None:
    with pytest.raises(Rejected, match=r"voice\.menus\.influencer: a call .* may last 4:06:30, 4:00:00 are"):
        deployment.publish(
            "clean-water", lambda document: document["patching"].update(longest_seconds=14_400)
        )


def test_the_machine_waits_until_the_last_attempt_that_the_gate_lets_leave(
    patched: Patched, machines: Machines
) -> None:
    """A day until a missed call is stale, then the longest call, and the time in which the provider must have told its end."""
    rung(patched, machines)
    waits = json.loads(machines.started[-1]["input"])["wait_seconds"]
    assert waits >= 24 * 3600 + 300 + 3 * 30 + 600


@pytest.mark.parametrize("waits_first", [True, False])
def test_the_end_of_the_patch_and_the_token_meet_whichever_comes_first(
    patched: Patched, machines: Machines, tmp_path: Path, waits_first: bool
) -> None:
    is_put_through(patched, rung(patched, machines), tmp_path)
    dial = patched.deployment.dial().dial_id
    assert machines.told == [("token-1", True)]
    if not waits_first:
        ring_backs.wait(dial, "token-2")
        assert machines.told[-1] == ("token-2", True)


def test_a_ring_back_pays_for_its_callers_leg_once(
    patched: Patched, machines: Machines, tmp_path: Path
) -> None:
    """The dial committed it; the patch adds the voter's leg alone."""
    is_put_through(patched, rung(patched, machines), tmp_path)
    of_voter = [each.paise for each in ledger.every("clean-water") if each.side is Side.CALLEE]

    assert sending.standing("clean-water", (), "clean-water/calls").paise == 17 * 50 + sum(of_voter)
    assert of_voter


def test_who_talks_in_the_second_call_was_patched(
    patched: Patched, machines: Machines, tmp_path: Path
) -> None:
    rung(patched, machines)
    ring_again(patched.deployment, "no-answer")
    assert machines.told == []
    is_put_through(patched, patched.deployment.provider.called[-1], tmp_path)

    assert patched.deployment.dials()[-1].attempt == 2
    assert machines.told == [("token-1", True)]


def test_after_the_last_attempt_the_machine_hears_at_once_that_nobody_was_patched(
    patched: Patched, machines: Machines
) -> None:
    rung(patched, machines)
    ring_again(patched.deployment, "no-answer")
    ring_again(patched.deployment, "no-answer")
    assert machines.told == []
    patched.deployment.end(patched.deployment.dials()[-1], "busy", "out-3")
    patched.react()

    assert machines.told == [("token-1", False)]


def test_who_leaves_before_the_connect_was_not_patched(patched: Patched, machines: Machines) -> None:
    patched.deployment.pick_up(rung(patched, machines))
    patched.react()
    assert machines.told == []
    patched.deployment.end(patched.deployment.dial(), "completed")
    patched.react()

    assert machines.told == [("token-1", False)]


def test_who_comes_to_the_connect_when_nobody_is_left_to_ring_was_not_patched(
    patched: Patched, machines: Machines
) -> None:
    """Nobody was rung, so no fact tells that this patch is over."""
    assert at_connect(patched, rung(patched, machines)).ask() is None
    patched.deployment.end(patched.deployment.dial(), "completed")
    patched.react()

    assert machines.told == [("token-1", False)]


@pytest.mark.parametrize("asks_first", [True, False])
def test_whom_the_gate_refuses_was_not_patched_and_the_machine_hears_it_at_once(
    patched: Patched, machines: Machines, asks_first: bool
) -> None:
    deployment = patched.deployment
    deployment.ring(CALLER, RING_BACK, call_id="missed-1")
    patched.react()
    given = json.loads(machines.started[-1]["input"])
    ring_backs.ring(deployment.runtime, given["dial"], given["cause"])
    contacts.opt_out(deployment.person(CALLER), deployment.clock.now())
    if asks_first:
        ring_backs.wait(given["dial"], "token-1")
    deployment.place(deployment.to_dial())
    if not asks_first:
        assert ring_backs.wait(given["dial"], "token-1") == {"waits": False}

    assert deployment.dial().state is State.REFUSED
    assert machines.told == [("token-1", False)]


def test_whom_the_provider_declines_to_ring_was_not_patched(patched: Patched, machines: Machines) -> None:
    patched.deployment.provider.call_answers = [Declined("34001", "no", FailureAction.NONE)]
    with suppress(IndexError):
        rung(patched, machines)

    assert machines.told == [("token-1", False)]
