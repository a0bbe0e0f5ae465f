"""Callers whom a menu knows by role and stage, those it connects to somebody, and those who give a PIN: at the door, in both dialects."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from _pytest.logging import LogCaptureFixture

from ringback import doors, providers
from ringback.domain.facts import Unparsed
from ringback.domain.influencers import Influencer, Stage
from ringback.domain.turns import ConnectEnded
from ringback.services import facts
from ringback.store import calls, contacts, influencers, trackers
from ringback.store.tables import ALL
from tests.deployment import CALLER, TOKENS, client
from tests.integration import people
from tests.integration.dialects import PHONES, PIN, ExotelPhone, Phone, TwilioPhone, effects, speaking, turns
from tests.integration.functions import Event, Functions, http
from tests.integration.voters import open_pool
from tests.integration.wire import AwsRequest, Moment, listening

INFLUENCERS, TEAM = "+918040001031", "+918040001033"
WRONG = "5832"


@pytest.fixture(params=PHONES)
def functions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Functions]:
    with speaking(request.param, monkeypatch) as functions:
        yield functions


def dialect_of(functions: Functions) -> str:
    return functions.runtime.settings.dialects["clean-water"]


def phone_of(functions: Functions, number: str, caller: str = CALLER, call_id: str = "call-1") -> Phone:
    return PHONES[dialect_of(functions)](functions, number, caller, call_id)


def at_stage(functions: Functions, stage: Stage) -> None:
    now = functions.clock.now()
    person = functions.person(CALLER)
    assert influencers.enrol(Influencer(person, "clean-water", CALLER, "en", now, stage, stage_at=now))


@contextmanager
def asked() -> Iterator[list[tuple[str, str]]]:
    """What our code asks of AWS meanwhile, and where: (`GetItem`, `test-calls`)."""
    found: list[tuple[str, str]] = []

    def note(moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.BEFORE and request.service == "dynamodb":
            found.append((request.operation, " ".join(dict.fromkeys(request.places))))

    with listening(note):
        yield found


def everything_kept() -> str:
    """Every row of every table."""
    tables = [model.Meta.table_name for model in ALL]
    return json.dumps([client("dynamodb").scan(TableName=table)["Items"] for table in tables], default=str)


def prompts(phone: Phone) -> str:
    """What the caller hears now, in the provider's own words."""
    if isinstance(phone, TwilioPhone):
        return str(phone.replies[-1]["body"])
    query = phone.requests[-1]["rawQueryString"]
    said = [
        phone.functions.invoke("voice_webhook", http(f"/voice/{TOKENS['clean-water']}/{step}", query))["body"]
        for step in ("say", "gather")
    ]
    return " ".join(said)


# Who calls


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (None, "Our manifesto has three points"),
        (Stage.NEW, "Our manifesto has three points"),
        (Stage.INFORMED, "one of our team would like to know you"),
        (Stage.IN_REVIEW, "We are still deciding"),
        (Stage.APPROVED, "Four rules"),
        (Stage.REJECTED, "We cannot connect you to anybody"),
        (Stage.REVOKED, "We cannot connect you to anybody"),
    ],
)
def test_how_far_a_caller_has_come_decides_what_a_call_does(
    stage: Stage | None, words: str, functions: Functions
) -> None:
    if stage:
        at_stage(functions, stage)
    phone = phone_of(functions, INFLUENCERS)
    phone.do("begin")
    phone.do("s")

    assert words in prompts(phone)


def test_a_tracker_is_told_to_ring_the_teams_own_number(functions: Functions) -> None:
    people.enrol(functions, CALLER)
    at_stage(functions, Stage.APPROVED)
    phone = phone_of(functions, INFLUENCERS)
    phone.do("begin")
    phone.do("s")

    assert "This number is for those who talk to voters" in prompts(phone)


def test_nobody_comes_further_by_what_is_kept_of_them_elsewhere(functions: Functions) -> None:
    """The stage is the influencer's; a field of that name on the contact is not."""
    contacts.record_call(people.contact(functions), opts_out=False)
    contacts.set_field(functions.person(CALLER), "stage", "APPROVED", functions.clock.now())
    phone = phone_of(functions, INFLUENCERS)
    phone.do("begin")
    phone.do("s")

    assert "Our manifesto has three points" in prompts(phone)


def test_only_a_menu_that_asks_for_role_or_stage_pays_for_it(functions: Functions) -> None:
    begun: dict[str, list[tuple[str, str]]] = {}
    for nth, number in enumerate((INFLUENCERS, TEAM)):
        phone_of(functions, number, call_id=f"warm-{nth}").do("begin")
        with asked() as found:
            phone_of(functions, number, call_id=f"call-{nth}").do("begin")
        begun[number] = [place for place in found if place[0] in ("GetItem", "Query", "BatchGetItem")]

    assert ("GetItem", "test-influencers") in begun[INFLUENCERS]
    assert ("GetItem", "test-trackers") in begun[INFLUENCERS]
    assert len(begun[INFLUENCERS]) == len(begun[TEAM]) + 2


# Connected


def test_coming_back_from_a_connection_costs_one_read_more(functions: Functions, tmp_path: Path) -> None:
    open_pool(functions, tmp_path)
    at_stage(functions, Stage.APPROVED)
    phone = phone_of(functions, INFLUENCERS)
    for did in ("begin", "s", "1"):
        phone.do(did)
    with asked() as found:
        phone.do("talk")
    back = found[-3:]

    assert ConnectEnded("voter", True) in turns(functions)[-1].effects
    assert back == [
        ("GetItem", "test-calls"),
        ("GetItem", "test-patches"),
        ("TransactWriteItems", "test-calls test-journal"),
    ]


def test_the_passthru_after_a_connect_is_believed_where_every_event_was_lost(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """How the last leg ended may first be told by the very request that asks what now."""
    with speaking("exotel", monkeypatch) as functions:
        open_pool(functions, tmp_path)
        at_stage(functions, Stage.APPROVED)
        phone = ExotelPhone(functions, INFLUENCERS)
        for did in ("begin", "s", "1"):
            phone.do(did)
        order = json.loads(phone._tell("dial")["body"])
        (number,) = order["destination"]["numbers"]
        functions.clock.move(seconds=50)
        phone._come_round(
            DialWhomNumber=number,
            DialCallStatus="completed",
            DialCallDuration="46",
            **{"Legs[0][Number]": number, "Legs[0][OnCallDuration]": "40"},
        )
        (ended,) = [effect for effect in effects(functions) if effect["is"] == "connect-ended"]

    assert ended == {"is": "connect-ended", "party": "voter", "talked": True}


# PINs


def on_the_team_line(functions: Functions) -> Phone:
    people.enrol(functions, CALLER, pin=PIN)
    phone = phone_of(functions, TEAM)
    for did in ("begin", "s"):
        phone.do(did)
    return phone


def test_a_pin_leaves_no_trace(
    functions: Functions, caplog: LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not in a row of any table, right or wrong; not in a log; and not in an answer."""
    phone = on_the_team_line(functions)
    for did in (WRONG, "pin", "s", "1"):
        phone.do(did)
    functions.react()
    kept = everything_kept()
    logged = caplog.text + capsys.readouterr().out

    assert [effect["is"] for effect in effects(functions)][-2:] == ["duty-changed", "menu-ended"]
    for secret in (PIN, WRONG):
        assert f'"{secret}' not in kept
        assert f"%22{secret}" not in kept
        assert f"igits={secret}" not in kept
        assert secret not in logged
        assert not any(secret in reply["body"] for reply in phone.replies)
    assert "igits=" in kept, "of the other keys, all is kept"


def test_a_pin_that_is_told_again_later_in_the_call_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exotel goes on telling the keys of the last question: at the next, nobody has pressed anything yet."""
    with speaking("exotel", monkeypatch) as functions:
        phone = on_the_team_line(functions)
        phone.do("pin")
        assert isinstance(phone, ExotelPhone)
        functions.clock.move(seconds=3)
        phone._come_round()
        said = prompts(phone)
        kept = everything_kept()

    assert "Sorry, your answer did not reach us." in said
    assert PIN not in kept.replace(f"+9190000{PIN}", "")


def test_a_pin_that_is_told_twice_is_looked_at_once(functions: Functions) -> None:
    phone = on_the_team_line(functions)
    phone.do(WRONG)
    first = phone.replies[-1]
    repeats = [phone.repeat(), phone.repeat()]
    tracker = trackers.load("clean-water", functions.person(CALLER))

    assert repeats == [first, first]
    assert tracker is not None
    assert tracker.wrong_pins == 1


def test_the_fingerprint_of_a_pin_cannot_be_tried_out(functions: Functions) -> None:
    """One key is no secret: its digest is plain. A PIN's is made under the deployment's pepper."""
    phone = on_the_team_line(functions)
    phone.do(WRONG)
    call = calls.load(f"{dialect_of(functions)}:call-1")
    assert call is not None
    plain = [_plain_fingerprint(functions, event) for event in phone.requests]

    assert len(call.fingerprints) == len(plain) == 3
    assert [ours == theirs for ours, theirs in zip(call.fingerprints, plain, strict=True)] == [
        True,
        True,
        False,
    ]


def _plain_fingerprint(functions: Functions, event: Event) -> str:
    dialect = providers.dialect(dialect_of(functions))
    asked = dialect.read_turn("turn", dialect.read_pairs(doors.request(event, "turn")))
    return hashlib.blake2b(asked.fingerprint.encode(), digest_size=8).hexdigest()


def test_a_pin_from_another_telephone_opens_nothing(functions: Functions) -> None:
    people.enrol(functions, people.BINA, pin=PIN)
    phone = phone_of(functions, TEAM)
    for did in ("begin", "s", "pin"):
        phone.do(did)

    assert "That PIN does not belong to this telephone." in prompts(phone)


def test_a_request_that_nobody_can_read_is_kept_without_its_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    with speaking("exotel", monkeypatch) as functions:
        query = f"CallSid=a&CallSid=b&digits=%22{PIN}%22&From=09000000101"
        functions.invoke("voice_webhook", http(f"/voice/{TOKENS['clean-water']}/turn", query))
        (entry,) = functions.entries()
        fact: Any = facts.read(entry)

    assert isinstance(fact, Unparsed)
    assert "CallSid%3Da" in entry.raw
    assert PIN not in entry.raw
