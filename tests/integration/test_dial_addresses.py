"""The addresses that are given out for one call that we place: Twilio's menu comes there, and both providers' endings (A1, A3)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode, urljoin
from xml.etree import ElementTree

import pytest

from ringback.domain import dials
from ringback.domain.contacts import Contact
from ringback.domain.dials import Dial, Kind, State
from ringback.domain.influencers import Influencer, Stage
from ringback.domain.turns import Disposition
from ringback.services import callbacks
from ringback.store import contacts, influencers, patches
from ringback.store import dials as ledger
from tests.deployment import CALL_BACK_LINE, CALLER, MORNING, OTHER_CALLER
from tests.integration.dialects import ACCOUNT, PUBLIC_URL, TALK_SECONDS, TwilioPhone, signed, speaking
from tests.integration.functions import Functions, http, stream
from tests.integration.voters import CONSENTING, open_pool

SID = "CA90000000000000000000000000000001"


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Iterator[Functions]:
    with speaking("twilio", monkeypatch) as functions:
        yield functions


@pytest.fixture
def dial(functions: Functions) -> Dial:
    """A known reader of Tamil is being rung."""
    return rung(functions, CALL_BACK_LINE, "main", Kind.CALL_BACK)


def rung(functions: Functions, number: str, menu: str, kind: Kind) -> Dial:
    """A reader of Tamil is being rung into a menu."""
    person = functions.person()
    contacts.record_call(
        Contact(person, "clean-water", CALLER, "ta", MORNING, number, "rally"), opts_out=False
    )
    planned = Dial(
        person=person,
        name=dials.name_for("clean-water", menu, "twilio:CA1"),
        campaign="clean-water",
        number=number,
        menu=menu,
        kind=kind,
        cause="twilio:CA1",
        caused_at=MORNING,
    )
    ledger.plan(planned)
    claimed = replace(planned, state=State.CLAIMED, claim="c", claimed_at=MORNING)
    ledger.claim(claimed)
    ledger.placed(claimed, SID, MORNING)
    return planned


def told(**more: str) -> dict[str, str]:
    return {
        "AccountSid": ACCOUNT,
        "CallSid": SID,
        "CallStatus": "in-progress",
        "Direction": "outbound-api",
        "From": CALL_BACK_LINE,
        "To": CALLER,
    } | more


def address(functions: Functions, dial_id: str, step: str) -> str:
    return callbacks.dial_address(functions.runtime, dial_id, step)


def react(functions: Functions) -> None:
    functions.invoke("react", stream(*functions.entries()))


def test_the_menu_is_walked_at_the_dials_own_address_to_its_end(functions: Functions, dial: Dial) -> None:
    asked = address(functions, dial.dial_id, "turn")
    for digits in ({}, {"Digits": "4"}, {"Digits": "1"}):
        reply = functions.invoke("voice_webhook", signed(asked, told(**digits)))
        gather = ElementTree.fromstring(reply["body"]).find("Gather")
        assert gather is not None
        asked = urljoin(asked, gather.attrib["action"])
        assert asked.startswith(f"{PUBLIC_URL}/voice/dial/{dial.dial_id}/")
    assert (
        "வணக்கம்"
        in functions.invoke("voice_webhook", signed(address(functions, dial.dial_id, "turn"), told()))["body"]
    )
    react(functions)
    settled = ledger.load(dial.person, dial.name)

    assert settled is not None
    assert (settled.state, settled.provider_id) == (State.ANSWERED, SID)


@pytest.mark.parametrize(
    ("status", "seconds", "state"),
    [("completed", "31", State.ANSWERED), ("completed", "0", State.ENDED), ("busy", "0", State.BUSY)],
)
def test_the_ending_comes_to_the_dials_own_address(
    functions: Functions, dial: Dial, status: str, seconds: str, state: State
) -> None:
    fields = told(CallStatus=status, CallDuration=seconds)
    reply = functions.invoke("voice_webhook", signed(address(functions, dial.dial_id, "status"), fields))
    react(functions)
    settled = ledger.load(dial.person, dial.name)

    assert reply["statusCode"] == 200
    assert settled is not None
    assert settled.state is state


class Rung(TwilioPhone):
    """Somebody whom we ring: Twilio asks at the dial's own address, and tells there of whoever is dialled in the call."""

    def __init__(self, functions: Functions, dial: Dial) -> None:
        super().__init__(functions, dial.number, CALLER, SID)
        self.address = address(functions, dial.dial_id, "turn")

    def _post(self, **more: str) -> None:
        super()._post(**{"Direction": "outbound-api", "From": self.number, "To": self.caller} | more)


def test_an_influencer_whom_we_ring_back_is_patched_to_a_voter_at_the_dials_own_address(
    functions: Functions, tmp_path: Path
) -> None:
    open_pool(functions, tmp_path)
    influencers.enrol(
        Influencer(functions.person(), "clean-water", CALLER, "ta", MORNING, Stage.APPROVED, stage_at=MORNING)
    )
    dial = rung(functions, "+918040001031", "influencer", Kind.RING_BACK)
    phone = Rung(functions, dial)

    for did in ("begin", "s", "1", "talk", "1"):
        phone.do(did)
    react(functions)
    patch = patches.load(f"twilio:{SID}")

    assert all(event["rawPath"].startswith(f"/voice/dial/{dial.dial_id}/") for event in phone.requests)
    assert patch is not None
    assert patch.talked_seconds == TALK_SECONDS
    assert patch.disposition is Disposition.FOR
    (attempt,) = patch.attempts
    assert attempt.who in map(functions.person, CONSENTING)


def test_an_address_that_was_never_given_out_is_unknown(functions: Functions, dial: Dial) -> None:
    ours = address(functions, dial.dial_id, "turn")
    proof = ours.split("/")[-2]
    other = f"{dial.person}.{dials.name_for('clean-water', 'main', 'twilio:CA2')}"
    of_a_message = callbacks.report_address(functions.runtime, dial.dial_id).rsplit("/", 1)[-1]
    wrong = [
        f"{PUBLIC_URL}/voice/dial/{other}/{proof}/turn",
        f"{PUBLIC_URL}/voice/dial/{dial.dial_id}/{proof[:-1]}x/turn",
        f"{PUBLIC_URL}/voice/dial/{dial.dial_id}/{of_a_message}/turn",
        f"{PUBLIC_URL}/voice/dial/{dial.dial_id}/{proof}/turn/more",
        f"{PUBLIC_URL}/voice/dial/x/y/status",
    ]

    assert [functions.invoke("voice_webhook", signed(each, told()))["statusCode"] for each in wrong] == [
        404
    ] * 5
    assert functions.entries() == []


def test_who_knows_the_address_and_cannot_sign_is_not_taken_for_the_provider(
    functions: Functions, dial: Dial
) -> None:
    path = address(functions, dial.dial_id, "turn").removeprefix(PUBLIC_URL)
    reply = functions.invoke("voice_webhook", http(path, method="POST", body=urlencode(told()).encode()))

    assert reply["statusCode"] == 404
    assert functions.entries() == []


@pytest.mark.parametrize(
    "changed", [{"To": OTHER_CALLER}, {"From": "+918040001001"}, {"CallSid": "CA9999"}, {"To": "anonymous"}]
)
def test_a_call_that_does_not_agree_with_its_dial_is_let_go(
    functions: Functions, dial: Dial, changed: dict[str, str]
) -> None:
    reply = functions.invoke(
        "voice_webhook", signed(address(functions, dial.dial_id, "turn"), told(**changed))
    )

    assert "<Gather" not in reply["body"]
    assert "<Hangup/>" in reply["body"]
    assert [entry.step for entry in functions.entries()] == ["unparsed"]


def test_a_head_writes_nothing(functions: Functions, dial: Dial) -> None:
    for step in ("turn", "status"):
        path = address(functions, dial.dial_id, step).removeprefix(PUBLIC_URL)
        event = http(path, method="HEAD")
        event["headers"]["x-twilio-signature"] = signed(f"{PUBLIC_URL}{path}", {})["headers"][
            "x-twilio-signature"
        ]
        assert functions.invoke("voice_webhook", event)["statusCode"] == 200

    assert functions.entries() == []
