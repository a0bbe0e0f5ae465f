"""A missed call by an influencer who has their go-ahead becomes one patch to come."""

from typing import Any

import pytest

from ringback import workflows
from ringback.domain.influencers import Stage
from ringback.services import ring_backs
from ringback.store import patches as patch_store
from tests.deployment import CALLER, OTHER_CALLER, Deployment
from tests.integration import people
from tests.integration.patching import Patched, voter_phones

RING_BACK = "+918040001034"


class Machines:
    """The wire to Step Functions, for moto's executions stand still."""

    def __init__(self) -> None:
        self.started: list[dict[str, Any]] = []
        self.told: list[str] = []

    def start_execution(self, **given: Any) -> None:
        self.started.append(given)

    def send_task_success(self, *, taskToken: str, output: str) -> None:
        self.told.append(taskToken)


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


def test_the_end_of_the_patch_and_the_token_meet_whichever_comes_first(
    patched: Patched, machines: Machines, tmp_path: Any
) -> None:
    from dataclasses import dataclass

    @dataclass
    class PlacedCall:
        dial: str

    patched.fill(tmp_path, voter_phones(2))
    caller = patched.begin()
    number = caller.ask()
    assert number is not None
    caller.talk(number)
    patch = patch_store.load("exotel:call-1")
    assert patch is not None
    placed: Any = PlacedCall("a-dial")
    ring_backs.wait("a-dial", "token-1")
    assert ring_backs.heard(placed, patch)
    other: Any = PlacedCall("another-dial")
    assert not ring_backs.heard(other, patch)
    ring_backs.wait("another-dial", "token-2")
    assert machines.told == ["token-1", "token-2"]
