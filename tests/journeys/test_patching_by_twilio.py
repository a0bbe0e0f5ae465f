"""An influencer is patched to a voter in a campaign whose provider is Twilio: a voter who does not answer, the next one, and what is kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ringback import settings
from ringback.domain.patches import Patch
from ringback.domain.turns import Disposition
from ringback.runtime import Runtime
from ringback.services import campaigns
from ringback.store import patches, voters
from ringback_local.network import parsed
from ringback_local.stack import Options, Stack
from tests.journeys.patching import (
    POOL,
    TOLD,
    assert_it_is_settled,
    eventually,
    fill,
    give_go_ahead,
    last_state,
    person_of,
    told_of,
)
from tests.journeys.test_ivr import call, failures
from tests.journeys.test_ivr_by_twilio import documents
from tests.journeys.test_patching import INFLUENCERS, RAVI, SILENCE, VOTERS, control, second_legs

pytestmark = pytest.mark.enable_socket

HEARD_OUT = SILENCE
"""With Twilio a key cuts the manifesto short, so whoever wants to hear it keeps still."""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack with the template's rights enforced, as on AWS."""
    options = Options(enforces_rights=True, parameters={"Schedules": "DISABLED"})
    with Stack(parsed(documents()), options) as stack:
        yield stack


@pytest.fixture
def runtime(stack: Stack, fresh_clients: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Runtime:
    """The stack as seen from a process of ours: content published, voters who agreed to be called."""
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    runtime = Runtime(settings.from_environment())
    for document in documents():
        campaigns.publish(runtime, document)
    fill(runtime, tmp_path, VOTERS)
    return runtime


def test_who_does_not_answer_is_followed_by_the_next_voter_and_every_fact_is_that_of_exotel(
    stack: Stack, runtime: Runtime
) -> None:
    person = person_of(runtime, RAVI)
    call(stack, RAVI, INFLUENCERS, SILENCE, HEARD_OUT, {"press": "1"})
    give_go_ahead(runtime, person)
    control(stack, f"handsets/{VOTERS[0]}", {"answers": False})

    seen = call(stack, RAVI, INFLUENCERS, {"press": "1"}, {"press": "2"})
    name = f"twilio:{seen['call_sid']}"

    def settled() -> bool:
        patch = patches.load(name)
        return patch is not None and patch.is_over and patch.disposition is not None

    assert failures(seen) == []
    assert seen["heard"][-1].startswith("Thank you, we have noted it."), seen
    assert eventually(settled), patches.load(name)
    patch = patches.load(name)
    assert patch is not None
    first, second = second_legs(stack, seen)
    assert [first["to"], second["to"]] == VOTERS[:2]
    assert (first["shown"], second["shown"]) == (INFLUENCERS, INFLUENCERS)
    assert (first["whispered"], len(second["whispered"])) == ([], 1)
    assert "इसी नंबर पर वापस फ़ोन करें" in second["whispered"][0]
    assert outcomes(patch) == ["no-answer", "talked"]
    assert patch.disposition is Disposition.UNDECIDED
    assert patch.talked_seconds == round(second["talked_seconds"])
    assert_it_is_settled(patch)
    assert eventually(lambda: last_state(runtime.settings.patch_call_arn, person, name) == "They talked")
    assert [voter_state(runtime, phone) for phone in VOTERS[:3]] == ["waiting", "reached", "queued"]
    assert told_of(patch) >= TOLD


def outcomes(patch: Patch) -> list[str]:
    return [str(attempt.outcome) for attempt in patch.attempts]


def voter_state(runtime: Runtime, phone: str) -> str:
    voter = voters.load(POOL, person_of(runtime, phone))
    assert voter is not None
    return str(voter.state)


def test_the_functions_have_the_rights_they_need_and_name_nobody(stack: Stack) -> None:
    lines = [line for _, line in stack.logs()]

    assert not [line for line in lines if "AccessDenied" in line or "not authorized" in line]
    assert not [line for line in lines if any(phone[3:] in line for phone in (RAVI, *VOTERS))]
