"""A caller walks a menu by telephone: the phone network rings, asks our door as Exotel does, and presses keys."""

import json
import urllib.request
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from ringback import settings
from ringback.domain.menus import State
from ringback.runtime import Runtime
from ringback.services import campaigns, metrics
from ringback.store import calls, contacts
from ringback_local.network import parsed, sample_documents
from ringback_local.stack import Options, Stack

pytestmark = pytest.mark.enable_socket

MENU_IN_ENGLISH, MENU_IN_HINDI = "+918040001021", "+918040001022"
SILENCE = {"silence": True}

_numbers = count(101)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack with the template's rights enforced, as on AWS."""
    options = Options(enforces_rights=True, parameters={"Schedules": "DISABLED"})
    with Stack(parsed(sample_documents()), options) as stack:
        yield stack


@pytest.fixture
def runtime(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """The stack as seen from a process of ours, with the sample content published."""
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


def call(stack: Stack, caller: str, number: str, *script: dict[str, Any]) -> dict[str, Any]:
    """Ring, do what the script says, and return the call as the network saw it when everything has come to rest."""
    body = json.dumps({"from": caller, "to": number, "script": list(script), "wait": True}).encode()
    request = urllib.request.Request(
        f"{stack.addresses.network_url}/control/ring", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        sid = json.load(answer)["call_sid"]
    assert stack.wait_until_done(60)
    with urllib.request.urlopen(f"{stack.addresses.network_url}/control/calls/{sid}", timeout=10) as shown:
        seen: dict[str, Any] = json.load(shown)
    return seen


def failures(seen: dict[str, Any]) -> list[str]:
    """What the network could not make sense of in our answers."""
    return [entry["reason"] for entry in seen["log"] if entry["event"] == "failed"]


def test_one_flow_in_a_loop_leads_a_caller_through_the_main_menu_in_hindi(
    stack: Stack, runtime: Runtime, caller: str
) -> None:
    """Silence keeps the language, 4 then 1 asks for updates by SMS; the language and the consent are remembered, with the call."""
    seen = call(stack, caller, MENU_IN_HINDI, SILENCE, {"press": "4"}, {"press": "1"})
    kept = calls.load(f"exotel:{seen['call_sid']}")
    assert kept is not None
    contact = contacts.load(kept.person or "")
    assert contact is not None

    assert failures(seen) == []
    assert seen["heard"][-1] == "धन्यवाद। जानकारी एसएमएस से आएगी। फ़ोन करने के लिए धन्यवाद। नमस्ते।"
    assert (kept.session.state, kept.session.node, kept.turn) == (State.ENDED, "goodbye", 4)
    assert (contact.language, contact.language_offered) == ("hi", True)
    assert contact.consents["sms"].cause == f"{kept.call_id}/turn-4"
    assert metrics.totals("clean-water")["opted-in"] == 1


def test_a_second_call_is_answered_in_the_language_that_was_chosen(
    stack: Stack, runtime: Runtime, caller: str
) -> None:
    """Whoever chose Tamil is spoken to in Tamil on every line, and is not offered languages again."""
    call(stack, caller, MENU_IN_HINDI, {"press": "4"}, {"press": "2"}, {"hang_up": True})
    seen = call(stack, caller, MENU_IN_ENGLISH, {"hang_up": True})

    assert seen["heard"] == [
        "வணக்கம். இது கிளியர் ஸ்பிரிங்ஸ் அறக்கட்டளை நடத்தும் தூய நீர் இயக்கம். "
        "எங்கள் திட்டங்களைக் கேட்க 1-ஐ அழுத்தவும். தண்ணீர்ப் பிரச்சினையைச் சொல்ல 2-ஐ அழுத்தவும். "
        "நிகழ்ச்சிக்கு வர 3-ஐ அழுத்தவும். எஸ்எம்எஸ் மூலம் தகவல் பெற 4-ஐ அழுத்தவும். "
        "மீண்டும் கேட்க 0-ஐ அழுத்தவும். எங்கள் தொடர்பு வேண்டாமெனில் 9-ஐ அழுத்தவும்."
    ]


def test_only_our_rules_count_tries(stack: Stack, runtime: Runtime, caller: str) -> None:
    """The question is put once and twice again, then the call ends politely: Exotel's own repetition is off."""
    seen = call(stack, caller, MENU_IN_ENGLISH, SILENCE, {"press": "7"}, SILENCE, {"press": "8"})
    question = "To hear our agenda, press 1."

    assert failures(seen) == []
    assert [question in heard for heard in seen["heard"]] == [False, True, True, True, False]
    assert seen["heard"][-1] == "We will stop here. Please call again whenever it suits you. Thank you."


def test_a_recorded_message_is_kept_even_when_the_caller_leaves_at_the_review(
    stack: Stack, runtime: Runtime, caller: str
) -> None:
    """Exotel tells nobody of the hang-up; the sweep ends the call, and what was said is kept."""
    script = [SILENCE, {"press": "2"}, {"press": "1"}, {"speak": 9}, {"hang_up": True}]
    seen = call(stack, caller, MENU_IN_ENGLISH, *script)
    kept = calls.load(f"exotel:{seen['call_sid']}")
    assert kept is not None

    assert (kept.session.state, kept.session.node) == (State.TALKING, "dirty-water")
    assert kept.session.recording is not None
    assert kept.session.recording.url == seen["recording_url"]


def test_an_agenda_is_heard_to_its_end_before_the_next_question(
    stack: Stack, runtime: Runtime, caller: str
) -> None:
    """A Greeting takes no keys; when it is over the flow comes round and asks what is next."""
    seen = call(stack, caller, MENU_IN_ENGLISH, SILENCE, {"press": "1"}, {"press": "1"})
    kept = calls.load(f"exotel:{seen['call_sid']}")
    assert kept is not None

    assert failures(seen) == []
    assert kept.session.node == "goodbye"
    assert seen["heard"][2].startswith("We ask for three things.")


def test_the_doors_and_workers_of_a_menu_have_the_rights_they_need(stack: Stack, runtime: Runtime) -> None:
    """Every call above and the sweep ran with the rights of the template alone."""
    assert stack.invoke("Release")["gone_quiet"] == 0

    assert not [line for _, line in stack.logs() if "AccessDenied" in line or "not authorized" in line]
