"""What should never reach a door in a menu, told in both dialects: the caller gets a safe ending, and nothing that was told is lost."""

import json
from collections.abc import Iterator
from copy import copy
from typing import Any
from urllib.parse import unquote

import pytest

from phone_network.twilio import twiml
from ringback.domain.facts import Unparsed
from ringback.domain.menus import State
from ringback.domain.turns import FeedbackRecorded, KeyPressed
from ringback.services import facts, recordings
from ringback.store import calls, feedback
from tests.deployment import GRIEVANCE_LINE, MENU_IN_ENGLISH, POLL_LINE, TOKENS
from tests.integration.dialects import (
    PHONES,
    PUBLIC_URL,
    Phone,
    TwilioPhone,
    keys_of,
    signed,
    speaking,
    turns,
)
from tests.integration.functions import Functions, http
from tests.integration.wire import AwsRequest, Moment, listening

GIVE_UP = "We will stop here. Please call again whenever it suits you. Thank you."
NOTED = "Thank you. Your answer is noted. If you call again, your last answer counts. Thank you for calling. Goodbye."
DOOR = f"/voice/{TOKENS['clean-water']}"


@pytest.fixture(params=PHONES)
def dialect(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def functions(dialect: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Functions]:
    with speaking(dialect, monkeypatch) as functions:
        yield functions


@pytest.fixture
def dial(dialect: str, functions: Functions) -> Any:
    """Ring a number and do things; gives the phone."""

    def dialled(number: str, *doings: str) -> Phone:
        phone = PHONES[dialect](functions, number)
        for did in doings:
            phone.do(did)
        return phone

    return dialled


def heard(phone: Phone) -> tuple[str, bool]:
    """What the caller hears at last, and whether the call then ends."""
    body = phone.replies[-1]["body"]
    if isinstance(phone, TwilioPhone):
        verbs = twiml.parse(body.encode())
        says = [verb for verb in verbs if isinstance(verb, twiml.Speech)]
        asks = [said for verb in verbs if isinstance(verb, twiml.Gather) for said in verb.spoken]
        words = [said.prompt.text for said in (*says, *asks) if isinstance(said, twiml.Speech)]
        return " ".join(words), isinstance(verbs[-1], twiml.Hangup)
    branch = json.loads(body)["select"]
    applet = "gather" if branch in ("ask", "play") else "say"
    said = phone.functions.invoke(
        "voice_webhook", http(f"{DOOR}/{applet}", phone.requests[-1]["rawQueryString"])
    )
    ends = branch in ("end", "hang-up")
    return (json.loads(said["body"])["gather_prompt"]["text"] if applet == "gather" else said["body"]), ends


def kept(phone: Phone, dialect: str) -> calls.Call:
    call = calls.load(f"{dialect}:{phone.call_id}")
    assert call is not None
    return call


def raw(functions: Functions) -> str:
    """Everything that the journal has been told."""
    return "\n".join(entry.raw for entry in functions.entries())


def test_keys_for_a_call_we_never_saw_begin_it_and_are_kept(functions: Functions, dial: Any) -> None:
    """The first question got lost: the key answered nothing that we asked, so the caller hears the menu from its beginning."""
    phone = dial(MENU_IN_ENGLISH, "4")
    told = raw(functions)
    phone.do("s")

    assert ("digits=%224%22" in told) or ("Digits=4" in told)
    assert [turn.effects for turn in turns(functions)][:1] == [()]
    assert heard(phone)[0].startswith("To hear our agenda, press 1.")


def test_keys_after_the_hang_up_are_kept_and_answered_with_a_goodbye(
    dialect: str, functions: Functions, dial: Any
) -> None:
    phone = dial(POLL_LINE, "begin", "s")
    asked = getattr(phone, "address", "")
    phone.do("h")
    phone.address = asked
    phone.do("1")

    assert heard(phone) == (GIVE_UP, True)
    assert kept(phone, dialect).session.state is State.HUNG_UP
    assert keys_of(functions) == []
    assert ("digits=%221%22" in raw(functions)) or ("Digits=1" in raw(functions))


def test_two_answers_racing_become_two_turns_and_neither_is_lost(
    dialect: str, functions: Functions, dial: Any
) -> None:
    phone = dial(MENU_IN_ENGLISH, "begin", "s")
    twin = copy(phone)
    twin.requests, twin.replies, twin.told = [], [], dict(getattr(phone, "told", {}))
    raced: list[AwsRequest] = []

    def overtake(moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.BEFORE and request.operation == "TransactWriteItems" and not raced:
            raced.append(request)
            twin.press("2")

    with listening(overtake):
        phone.press("1")

    assert len(raced) == 1
    assert keys_of(functions) == ["2", "1"]
    assert [turn.turn for turn in turns(functions)] == [1, 2, 3, 4]
    assert kept(phone, dialect).session.node == "dirty-water"


def test_a_menu_withdrawn_mid_call_still_leads_its_callers_to_the_end(
    functions: Functions, dial: Any
) -> None:
    def withdraw(document: dict[str, Any]) -> None:
        document["numbers"] = [number for number in document["numbers"] if number.get("menu") != "poll"]
        del document["voice"]["menus"]["poll"]

    phone = dial(POLL_LINE, "begin", "s")
    functions.publish("clean-water", withdraw)
    phone.do("1")

    assert heard(phone) == (NOTED, True)
    assert keys_of(functions) == ["1"]


SPELLINGS: list[tuple[str | None, list[str]]] = [
    ('"1"', ["1"]),
    ("1", ["1"]),
    (' "1" ', ["1"]),
    ('" 1 "', ["1"]),
    ("'1'", ["1"]),
    ('"*"', ["*"]),
    ("*", ["*"]),
    ('"#"', ["#"]),
    ('"12"', ["12"]),
    ('"0"', ["0"]),
    (None, []),
    ("", []),
    ('""', []),
    (" ", []),
    ("null", []),
    ('"null"', []),
]
"""SOURCE: exotel.md §1.0 and trap 5: wrapped in quotes, several keys, `*`, `#`; absent as missing, empty, blank or `null`."""


@pytest.mark.parametrize(("spelt", "keys"), SPELLINGS, ids=[repr(spelt) for spelt, _ in SPELLINGS])
def test_digits_in_every_spelling_are_the_key_or_silence(
    spelt: str | None, keys: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key, and whatever stands for none, leave the caller with an answer or the question again; Twilio's come plain (below)."""
    with speaking("exotel", monkeypatch) as functions:
        phone = PHONES["exotel"](functions, POLL_LINE)
        for did in ("begin", "s"):
            phone.do(did)
        phone.told |= {} if spelt is None else {"digits": spelt}  # type: ignore[attr-defined]
        phone._come_round()  # type: ignore[attr-defined]

        assert keys_of(functions) == keys
        assert heard(phone)[1] is (keys == ["1"])


@pytest.mark.parametrize(
    ("spelt", "keys"), [("1", ["1"]), ("*", ["*"]), ("12", ["12"]), ("", []), (None, []), ("hangup", [])]
)
def test_digits_of_the_second_dialect_are_the_key_or_silence(
    spelt: str | None, keys: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with speaking("twilio", monkeypatch) as functions:
        phone = TwilioPhone(functions, POLL_LINE)
        for did in ("begin", "s"):
            phone.do(did)
        phone._post(**({} if spelt is None else {"Digits": spelt}))

        assert keys_of(functions) == keys
        assert heard(phone)[1] is (keys == ["1"])


def test_a_forged_or_replayed_signature_changes_nothing_for_the_caller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody who knows the address, or has seen a request: 404, nothing written, and the call goes on as if nothing had been."""
    with speaking("twilio", monkeypatch) as functions:
        phone = TwilioPhone(functions, POLL_LINE)
        for did in ("begin", "s"):
            phone.do(did)
        before = len(functions.entries())
        fields = {"CallSid": phone.call_id, "From": phone.caller, "To": POLL_LINE, "Digits": "3"}
        genuine = signed(phone.address, fields)
        forged = signed(phone.address, fields, "another-token")
        replayed = genuine | {"rawQueryString": "after=1"}
        refused = [functions.invoke("voice_webhook", event)["statusCode"] for event in (forged, replayed)]
        whole = [functions.invoke("voice_webhook", phone.requests[-1])["body"] for _ in range(2)]
        unchanged = len(functions.entries()) == before
        phone.do("1")

        assert refused == [404, 404]
        assert whole == [phone.replies[-2]["body"]] * 2, "a whole request again is Twilio's own retry"
        assert unchanged
        assert keys_of(functions) == ["1"]


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/iam",
        "https://10.0.0.7/recording.wav",
        "https://[::1]/recording.wav",
        "https://localhost/recording.wav",
    ],
)
def test_a_recording_at_a_private_address_is_never_asked_for_and_a_person_hears_of_it(
    url: str, dialect: str, functions: Functions, dial: Any
) -> None:
    phone = dial(GRIEVANCE_LINE, "begin", "s", "1")
    phone.record(url)
    phone.do("1")
    functions.settle()
    (grievance,) = feedback.every("clean-water")
    again = recordings.copy(functions.runtime, [recordings.first_ticket(functions.runtime, grievance)])
    (grievance,) = feedback.every("clean-water")

    assert heard(phone)[1]
    assert [e.url for turn in turns(functions) for e in turn.effects if isinstance(e, FeedbackRecorded)] == [
        url
    ]
    assert again == []
    assert grievance.recording is None
    assert grievance.recording_problem in (
        "the address is not https",
        "the address is not at the provider's recordings",
    )


def test_a_recording_address_that_is_none_asks_again_or_ends_politely(
    dialect: str, functions: Functions, dial: Any
) -> None:
    """Exotel's caller is asked to speak again; what Twilio told that way cannot be read, is kept, and the caller is let go."""
    phone = dial(GRIEVANCE_LINE, "begin", "s", "1")
    phone.record("file:///etc/passwd")

    assert heard(phone)[1] is (dialect == "twilio")
    assert "file:///etc/passwd" in unquote(unquote(raw(functions)))
    assert not list(feedback.every())


@pytest.mark.parametrize("step", ["menu", "Turn", "turn2", "..", "over-and-out"])
def test_an_unknown_step_is_kept_and_answered_and_the_call_goes_on(
    step: str, dialect: str, functions: Functions, dial: Any
) -> None:
    """A flow wired wrongly: 200 and nothing to do; the caller's own call stands where it stood."""
    phone = dial(POLL_LINE, "begin", "s")
    if dialect == "twilio":
        asked = signed(f"{PUBLIC_URL}{DOOR}/{step}", {"CallSid": phone.call_id, "Digits": "1"})
    else:
        asked = http(f"{DOOR}/{step}", f"CallSid={phone.call_id}&digits=%221%22")
    answer = functions.invoke("voice_webhook", asked)
    (strange,) = [fact for fact in map(facts.read, functions.entries()) if isinstance(fact, Unparsed)]
    phone.do("2")

    assert answer["statusCode"] == 200
    assert strange.reason == "a step we do not have"
    assert [e.key for turn in turns(functions) for e in turn.effects if isinstance(e, KeyPressed)] == ["2"]
