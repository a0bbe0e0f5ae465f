"""A handset gives a missed call and is rung back into the menu (F14), over HTTP, with the template's rights."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from ringback import settings
from ringback.domain.dials import Dial, State
from ringback.domain.phones import person_id
from ringback.runtime import Runtime
from ringback.services import campaigns, dials, metrics
from ringback.store import calls
from ringback.store import dials as ledger
from ringback_local.network import parsed, sample_documents
from ringback_local.stack import Options, Stack

pytestmark = pytest.mark.enable_socket

CALL_BACK_LINE, VOLUNTEER_IN_TAMIL, OPT_OUT = "+918040001027", "+918040001003", "+918040001009"

_numbers = count(801)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    options = Options(enforces_rights=True, parameters={"Schedules": "DISABLED"})
    with Stack(parsed(sample_documents()), options) as stack:
        yield stack


@pytest.fixture
def runtime(stack: Stack, fresh_clients: None, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """Ringback in this process, on the stack, with the sample content published."""
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    runtime = Runtime(settings.from_environment())
    for document in sample_documents():
        campaigns.publish(runtime, document)
    return runtime


@pytest.fixture
def caller() -> str:
    """A person nobody has met."""
    return f"+919000000{next(_numbers)}"


def control(stack: Stack, path: str, body: dict[str, Any] | None = None) -> Any:
    """Act on the phone network, or look at it."""
    request = urllib.request.Request(
        f"{stack.addresses.network_url}/control/{path}",
        None if body is None else json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def missed_call(stack: Stack, caller: str, number: str = CALL_BACK_LINE) -> None:
    control(stack, "ring", {"from": caller, "to": number, "wait": True})


def rung(stack: Stack, caller: str) -> list[dict[str, Any]]:
    """The calls that the handset was rung by, as the network saw them."""
    everything = control(stack, "calls?whole=1")["calls"]
    return [call for call in everything if call["from"] == caller and call["direction"] != "incoming"]


def attempts(runtime: Runtime, caller: str) -> list[Dial]:
    person = person_id(runtime.secrets.person_pepper, "clean-water", caller)
    return sorted(ledger.of_person(person), key=lambda dial: dial.attempt)


def eventually(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


def test_a_missed_call_is_rung_back_within_a_minute_in_the_callers_language_and_its_keys_are_kept(
    stack: Stack, runtime: Runtime, caller: str
) -> None:
    missed_call(stack, caller, VOLUNTEER_IN_TAMIL)
    control(stack, f"handsets/{caller}", {"script": [{"press": "4"}, {"press": "1"}, {"press": "1"}]})
    began = time.monotonic()
    missed_call(stack, caller)
    eventually(
        lambda: len(attempts(runtime, caller)) == 1 and attempts(runtime, caller)[0].state is State.ANSWERED
    )
    took = time.monotonic() - began
    assert stack.wait_until_done(60)
    (seen,) = rung(stack, caller)
    (dial,) = attempts(runtime, caller)
    kept = calls.load(f"exotel:{seen['call_sid']}")
    assert kept is not None

    assert took < 60
    assert seen["heard"][0].startswith("வணக்கம்")
    assert (kept.dial, kept.person, kept.menu) == (dial.dial_id, dial.person, "main")
    assert kept.session.knowledge.language == "ta"
    assert kept.turn > 2
    assert [entry for entry in seen["log"] if entry["event"] == "failed"] == []


def test_a_busy_handset_is_rung_again_when_its_line_may_be_free(
    stack: Stack, runtime: Runtime, caller: str
) -> None:
    control(stack, f"handsets/{caller}", {"is_busy": True, "script": [{"hang_up": True}]})
    missed_call(stack, caller)
    eventually(lambda: [dial.state for dial in attempts(runtime, caller)] == [State.BUSY, State.HELD])
    first, second = attempts(runtime, caller)
    control(stack, f"handsets/{caller}", {"is_busy": False})
    later = replace(runtime.clock, offset=runtime.clock.offset + timedelta(minutes=6))
    dials.release(Runtime(runtime.settings, later))
    eventually(lambda: attempts(runtime, caller)[1].state is State.ANSWERED)

    assert [call["custom_field"] for call in rung(stack, caller)] == [first.dial_id, second.dial_id]


def test_who_opted_out_is_never_rung(stack: Stack, runtime: Runtime, caller: str) -> None:
    missed_call(stack, caller, OPT_OUT)
    assert stack.wait_until_done(60)
    missed_call(stack, caller)
    eventually(lambda: [dial.state for dial in attempts(runtime, caller)] == [State.REFUSED])

    assert rung(stack, caller) == []
    assert attempts(runtime, caller)[0].rule == "opted-out"


def test_calls_that_were_answered_and_were_not_are_counted(stack: Stack, runtime: Runtime) -> None:
    assert stack.wait_until_done(60)
    counted = metrics.totals("clean-water")

    assert (counted["call-answered"], counted["call-busy"]) == (2, 1)


def test_who_places_calls_has_the_rights_it_needs(stack: Stack, runtime: Runtime) -> None:
    stack.invoke("Release")
    stack.invoke("Reconcile")

    assert not [line for _, line in stack.logs() if "AccessDenied" in line or "not authorized" in line]
