"""How somebody comes to talk to voters, by telephone: manifesto, a talk with a tracker, their PIN and verdict, and a voter (F34–F38, F40–F43)."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ringback import settings
from ringback.domain.influencers import Stage
from ringback.domain.patches import Patch
from ringback.runtime import Runtime
from ringback.services import campaigns, trackers
from ringback.store import patches
from ringback.store import trackers as tracker_store
from ringback_local.network import parsed, sample_documents
from ringback_local.stack import Options, Stack
from tests.journeys.patching import TOLD, eventually, fill, person_of, stands_at, told_of

pytestmark = pytest.mark.enable_socket

INFLUENCERS, TEAM = "+918040001031", "+918040001033"
ASHA, RAVI = "+919000000501", "+919000000502"
VOTERS = [f"+91900000060{n}" for n in range(1, 7)]
PIN = "4071"
SILENCE = {"silence": True}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(
        parsed(sample_documents()), Options(parameters={"Schedules": "DISABLED"}, enforces_rights=True)
    ) as stack:
        yield stack


@pytest.fixture
def runtime(stack: Stack, fresh_clients: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Runtime:
    """The stack as seen from a process of ours: content published, a tracker on duty, six voters who agreed to be called."""
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    runtime = Runtime(settings.from_environment())
    for document in sample_documents():
        campaigns.publish(runtime, document)
    tracker = trackers.enrol(runtime, "clean-water", ASHA, "Asha", PIN, ("en",))
    tracker_store.duty("clean-water", tracker.person, on=True, at=runtime.clock.now())
    fill(runtime, tmp_path, VOTERS)
    return runtime


def control(stack: Stack, path: str, body: dict[str, Any] | None = None) -> Any:
    request = urllib.request.Request(
        f"{stack.addresses.network_url}/control/{path}",
        json.dumps(body).encode() if body is not None else None,
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def call(stack: Stack, caller: str, number: str, *script: dict[str, Any]) -> dict[str, Any]:
    """Ring, do what the script says, and return the call as the network saw it when everything has come to rest."""
    control(
        stack, "idle?wait=20"
    )  # a tracker may be rung for the verdict at this moment, and then rings nobody
    begun = control(stack, "ring", {"from": caller, "to": number, "script": list(script), "wait": True})
    assert stack.wait_until_done(60)
    seen: dict[str, Any] = control(stack, f"calls/{begun['call_sid']}")
    assert [entry["reason"] for entry in seen["log"] if entry["event"] == "failed"] == []
    return seen


def patch_of(seen: dict[str, Any]) -> Patch:
    patch = patches.load(f"exotel:{seen['call_sid']}")
    assert patch is not None
    return patch


def second_legs(stack: Stack, seen: dict[str, Any]) -> list[dict[str, Any]]:
    legs: list[dict[str, Any]] = control(stack, "second-legs")["second_legs"]
    return [leg for leg in legs if leg["call_sid"] == seen["call_sid"]]


def test_from_the_manifesto_to_a_voter(stack: Stack, runtime: Runtime) -> None:
    person = person_of(runtime, RAVI)
    first = call(stack, RAVI, INFLUENCERS, SILENCE, {"press": "1"})
    assert first["heard"][-1].endswith("after that we connect you to voters. Goodbye.")
    assert eventually(lambda: stands_at(person, Stage.INFORMED))

    second = call(stack, RAVI, INFLUENCERS, SILENCE, {"press": "1"})
    (met,) = second_legs(stack, second)
    assert second["heard"][-1].startswith("Thank you for talking to us.")
    assert (met["to"], met["shown"]) == (ASHA, INFLUENCERS)
    assert met["whispered"][0].startswith("Somebody wants to call voters for us.")
    assert eventually(lambda: patch_of(second).is_over)

    verdict = call(stack, ASHA, TEAM, SILENCE, {"press": f"{PIN}#"}, {"press": "1"}, {"press": "3"})
    assert "Your verdict is noted." in " ".join(verdict["heard"])
    assert eventually(lambda: stands_at(person, Stage.APPROVED))

    control(stack, f"handsets/{VOTERS[0]}", {"answers": False})
    third = call(stack, RAVI, INFLUENCERS, SILENCE, {"press": "1"}, {"press": "1"})
    *missed, reached = second_legs(stack, third)
    assert third["heard"][-1].startswith("Thank you, we have noted it.")
    assert [leg["to"] for leg in (*missed, reached)] == VOTERS[:2]
    assert {leg["shown"] for leg in (*missed, reached)} == {INFLUENCERS}
    assert "इसी नंबर पर वापस फ़ोन करें" in reached["whispered"][0]
    assert [attempt.outcome for attempt in patch_of(third).attempts] == [
        "no-answer",
        "talked",
    ]

    stack.invoke("Release")
    stack.invoke("Reconcile")
    assert not [line for _, line in stack.logs() if "AccessDenied" in line or "not authorized" in line]
    assert eventually(lambda: told_of(patch_of(third)) >= TOLD)
