"""An influencer with a go-ahead gives a missed call, is rung back, and is patched to a voter in that call (F46), with the template's rights."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from ringback import settings
from ringback.domain.turns import Disposition
from ringback.runtime import Runtime
from ringback.services import campaigns
from ringback.store import calls
from ringback_cli.deployment import of_stack
from ringback_cli.main import ringback
from ringback_local import deploy
from ringback_local.network import parsed, sample_documents
from ringback_local.stack import Options, Stack
from tests.journeys.patching import (
    assert_it_is_settled,
    booked,
    eventually,
    fill,
    give_go_ahead,
    last_state,
    patches_of,
    person_of,
)
from tests.journeys.test_patching import INFLUENCERS, RAVI, SILENCE, VOTERS, call, control, second_legs

pytestmark = pytest.mark.enable_socket

LEAFLET = "+918040001034"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    options = Options(enforces_rights=True, parameters={"Schedules": "DISABLED"})
    with Stack(parsed(sample_documents()), options) as stack:
        yield stack


@pytest.fixture
def runtime(stack: Stack, fresh_clients: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Runtime:
    """The stack as seen from a process of ours: content published, six voters who agreed to be called."""
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    runtime = Runtime(settings.from_environment())
    for document in sample_documents():
        campaigns.publish(runtime, document)
    fill(runtime, tmp_path, VOTERS)
    return runtime


def test_a_missed_call_is_rung_back_and_put_through_and_both_machines_tell_it(
    stack: Stack, runtime: Runtime
) -> None:
    person = person_of(runtime, RAVI)
    call(stack, RAVI, INFLUENCERS, SILENCE, {"press": "1"})
    give_go_ahead(runtime, person)

    control(stack, f"handsets/{RAVI}", {"script": [{"press": "1"}, {"press": "3"}]})
    missed = control(stack, "ring", {"from": RAVI, "to": LEAFLET, "script": [], "wait": True})
    assert eventually(lambda: [patch.is_over for patch in patches_of(person)] == [True])
    (patch,) = patches_of(person)
    settings, cause = runtime.settings, f"exotel:{missed['call_sid']}"

    assert eventually(lambda: booked(patch) != {})
    assert eventually(lambda: last_state(settings.ring_back_patch_arn, person, cause) == "They talked")
    assert eventually(lambda: last_state(settings.patch_call_arn, person, patch.call_id) == "They talked")
    assert stack.wait_until_done(60)
    (patch,) = patches_of(person)
    assert patch.disposition is Disposition.AGAINST
    assert patch.number == INFLUENCERS
    assert_it_is_settled(patch)
    made = calls.load(patch.call_id)
    assert made is not None
    assert made.dial is not None, "the call is ours"
    (leg,) = second_legs(stack, {"call_sid": patch.call_id.removeprefix("exotel:")})
    assert (leg["to"] in VOTERS, leg["shown"]) == (True, INFLUENCERS)

    told = CliRunner().invoke(
        ringback, ["influencers", "show", person, "--json"], obj=of_stack(deploy.STACK_NAME)
    )
    story = json.loads(told.stdout)
    assert [move["change"] for move in story["moves"]] == ["informed", "review-opened", "approved"]
    assert [(each["call"], each["disposition"]) for each in story["patches"]] == [(patch.call_id, "against")]
    states = {
        each["machine"]: [entered["state"] for entered in each["states"]] for each in story["executions"]
    }
    assert states == {
        "ringback-ring-back-patch": [
            "A missed call came",
            "Ring the influencer",
            "Wait for their patch to end",
            "Did they talk?",
            "They talked",
        ],
        "ringback-patch-call": [
            "A voter is rung",
            "Wait for the call to end",
            "Settle the call",
            "Did they talk?",
            "They talked",
        ],
    }


def test_the_functions_have_the_rights_they_need_and_name_nobody(stack: Stack) -> None:
    lines = [line for _, line in stack.logs()]

    assert not [line for line in lines if "AccessDenied" in line or "not authorized" in line]
    assert not [line for line in lines if any(phone[3:] in line for phone in (RAVI, *VOTERS))]
