"""The domain has no word of any provider: the same key presses give the same facts, whoever tells of them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from phone_network.twilio import twiml
from ringback import doors
from ringback.domain.facts import CallMissed, Unparsed
from ringback.domain.influencers import Influencer, Stage
from ringback.domain.messages import State
from ringback.domain.reviews import Kind as ReviewKind
from ringback.domain.reviews import Review
from ringback.domain.slots import Limits
from ringback.domain.turns import KeyPressed, written
from ringback.services import callbacks, facts
from ringback.store import influencers, reviews, slots, trackers
from ringback.store.tables import InfluencerRow
from tests.deployment import CALLER, OTHER_CALLER, TOKENS, VOLUNTEER, emitted
from tests.integration import people, voters
from tests.integration.dialects import (
    ACCOUNT,
    PHONES,
    PIN,
    PUBLIC_URL,
    TwilioPhone,
    comparable,
    effects,
    keys_of,
    signed,
    speaking,
    turns,
)
from tests.integration.functions import Functions, http, sqs

GOLDEN: dict[str, Any] = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parents[1] / "unit/domain/transcripts").glob("*.yaml"))
}
"""The walks that the domain's own tests hold every shipped menu to, in every language."""

CALLERS = [f"+9190000{index % 10}{index:04}" for index in range(700, 700 + len(GOLDEN))]
"""One for each walk: how far somebody has come is theirs alone."""

LINES = [f"+9180400030{index:02}" for index in range(len(GOLDEN))]
NUMBER = "+918040001022"
ADDRESS = f"{PUBLIC_URL}/voice/{TOKENS['clean-water']}"


def answer_with(functions: Functions, menu: str, language: str) -> None:
    """Have one number answer with a menu, in a language."""

    def change(document: dict[str, Any]) -> None:
        (number,) = (each for each in document["numbers"] if each["number"] == NUMBER)
        number |= {"menu": menu, "language": language}

    functions.publish("clean-water", change)


def give_each_walk_a_number(document: dict[str, Any]) -> None:
    """A number's language is what we take for the caller's."""
    for number, golden in zip(LINES, GOLDEN.values(), strict=True):
        line = {"number": number, "purpose": "information", "source": "tests"}
        document["numbers"].append(line | {"menu": golden["menu"], "language": golden["language"]})


def rung_once_a_day(document: dict[str, Any]) -> None:
    """One line for all patches, and one call a day for each influencer."""
    give_each_walk_a_number(document)
    document["patching"] |= {"slots": {"account": 1, "per_number": 1}, "calls_per_day": 1}


def prepare(functions: Functions, golden: dict[str, Any], caller: str, number: str, line: str) -> None:
    """What must be so before a walk, for the other side to do what the walk says."""
    doings = [turn["did"] for turn in golden["turns"]]
    now, person = functions.clock.now(), functions.person(caller)
    if "stage" in golden:
        influencers.enrol(
            Influencer(
                person, "clean-water", caller, golden["language"], now, Stage(golden["stage"]), stage_at=now
            )
        )
    if "nobody cap" in doings:
        InfluencerRow(person).update([InfluencerRow.day.set("2026-03-02"), InfluencerRow.today.set(1)])
    if "nobody slots" in doings:
        assert slots.acquire(line, number, Limits(1, 1))
    if golden["menu"] == "tracker":
        people.enrol(functions, caller, pin=PIN)
    if "pin" in doings:
        judged = functions.person(f"+91900080{caller[-4:]}")
        until = now + timedelta(hours=1)
        review = Review(judged, "r001", "clean-water", ReviewKind.VERIFICATION, now, until, tracker=person)
        assert reviews.keep(review)
        assert trackers.owe("clean-water", person, review.id)
    if golden.get("stage") == "INFORMED" and {"talk", "miss"} & {*doings}:
        people.enrol(functions, f"+91900090{caller[-4:]}")


def tidy_up(golden: dict[str, Any], caller: str, number: str, line: str) -> None:
    if any(turn["did"] == "nobody slots" for turn in golden["turns"]):
        assert slots.release(line, number)


def cuts_an_agenda_short(golden: dict[str, Any]) -> bool:
    """Whether somebody presses a key while an agenda plays."""
    asks = [turn["ask"] for turn in golden["turns"]]
    return any(
        ask == {"nothing": {"end": False}} and turn["did"] not in ("s", "h")
        for ask, turn in zip(asks, golden["turns"][1:], strict=False)
    )


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """What every golden transcript comes to when it is walked through a door: dialect → transcript → effects."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for dialect, phone_of in PHONES.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_DEFAULT_REGION", "ap-south-1")
            with speaking(dialect, patch) as functions:
                functions.publish("clean-water", rung_once_a_day)
                voters.open_pool(functions, tmp_path_factory.mktemp(dialect))
                for number, caller, (name, golden) in zip(LINES, CALLERS, GOLDEN.items(), strict=True):
                    prepare(functions, golden, caller, number, dialect)
                    phone = phone_of(functions, number, caller, call_id=name)
                    for turn in golden["turns"]:
                        is_word = dialect == "exotel" and turn["did"].startswith("say ")
                        phone.do(turn["effects"][0]["key"] if is_word else turn["did"])
                    tidy_up(golden, caller, number, dialect)
                found[dialect] = {name: effects(functions, name) for name in GOLDEN}
    return found


@pytest.mark.parametrize("name", GOLDEN)
def test_the_same_doings_give_the_same_facts_in_both_dialects(
    name: str, walked: dict[str, dict[str, list[dict[str, Any]]]]
) -> None:
    """Both give what the golden transcript of the menu says. Where that has a spoken word, Exotel's caller presses its key.

    One thing Exotel cannot: an applet that only speaks hears no key, so its callers hear an agenda to the end.
    """
    expected = [comparable(effect) for turn in GOLDEN[name]["turns"] for effect in turn["effects"]]

    assert walked["twilio"][name] == expected
    assert walked["exotel"][name] == expected or cuts_an_agenda_short(GOLDEN[name])


def test_only_one_golden_transcript_needs_more_than_exotel_can() -> None:
    menus = {"main", "event", "grievance", "poll", "registration", "influencer", "tracker"}

    assert {golden["menu"] for golden in GOLDEN.values()} == menus
    assert [name for name, golden in GOLDEN.items() if cuts_an_agenda_short(golden)] == ["main-mr"]


def test_with_exotel_a_key_pressed_during_an_agenda_waits_for_the_question_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard = {}
    for dialect, phone_of in PHONES.items():
        with speaking(dialect, monkeypatch) as functions:
            answer_with(functions, "main", "en")
            phone = phone_of(functions, NUMBER)
            for did in ("begin", "s", "1", "1"):
                phone.do(did)
            heard[dialect] = [effect for effect in effects(functions) if effect["is"] == "agenda-heard"]

    assert heard == {
        "exotel": [{"is": "agenda-heard", "prompt": "agenda", "completed": True}],
        "twilio": [{"is": "agenda-heard", "prompt": "agenda", "completed": False}],
    }


@pytest.mark.parametrize("key", ["7", "0", "*"])
@pytest.mark.parametrize("dialect", PHONES)
def test_the_same_key_three_times_at_one_node_counts_three_times_however_often_it_is_told(
    dialect: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with speaking(dialect, monkeypatch) as functions:
        answer_with(functions, "poll", "en")
        phone = PHONES[dialect](functions, NUMBER)
        phone.do("begin")
        phone.do("s")
        for _ in range(3):
            phone.do(key)
            assert [phone.repeat(), phone.repeat()] == [phone.replies[-1]] * 2
        assert [phone.repeat(nth) for nth in (-3, -2, -1)] == phone.replies[-3:]
        kept = turns(functions)

    presses = [e for turn in kept for e in turn.effects if isinstance(e, KeyPressed)]
    assert [(press.node, press.key) for press in presses] == [("ask", key)] * 3
    assert [turn.turn for turn in kept] == [1, 2, 3, 4, 5]


def test_two_calls_at_once_are_never_taken_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    with speaking("twilio", monkeypatch) as functions:
        answer_with(functions, "poll", "en")
        one = TwilioPhone(functions, NUMBER, CALLER, "CA1")
        other = TwilioPhone(functions, NUMBER, OTHER_CALLER, "CA2")
        for did, also in [("begin", "begin"), ("s", "s"), ("1", "2")]:
            one.do(did)
            other.do(also)
        votes = {
            turn.source_id: effect["option"]
            for turn in turns(functions)
            for effect in map(written, turn.effects)
            if effect["is"] == "voted"
        }

    assert votes == {"twilio:CA1": "piped-water", "twilio:CA2": "well-testing"}


# Speech (F23)


def test_a_word_is_taken_for_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with speaking("twilio", monkeypatch) as functions:
        answer_with(functions, "main", "hi")
        phone = TwilioPhone(functions, NUMBER)
        for did in ("begin", "s"):
            phone.do(did)
        asked = phone.document.find("Gather")
        phone.do("say समस्या")
        (pressed,) = (e for turn in turns(functions) for e in turn.effects if isinstance(e, KeyPressed))

    assert asked is not None
    assert (asked.get("input"), asked.get("language")) == ("dtmf speech", "hi-IN")
    assert "समस्या" in str(asked.get("hints"))
    assert pressed == KeyPressed("choose", "2", valid=True, spoken=True)


@pytest.mark.parametrize("confidence", ["0.1", "", "nan"])
def test_an_unsure_word_is_asked_for_again_as_a_key(confidence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with speaking("twilio", monkeypatch) as functions:
        answer_with(functions, "main", "hi")
        phone = TwilioPhone(functions, NUMBER)
        for did in ("begin", "s"):
            phone.do(did)
        phone._post(SpeechResult="समस्या", Confidence=confidence)
        again = phone.document.find("Gather")
        phone.do("2")
        pressed = keys_of(functions)

    assert again is not None
    assert (again.get("input"), again.get("hints")) == ("dtmf", None)
    assert pressed == ["2"]


# Beginning and end


def test_a_call_that_ended_is_ended_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The status callback comes after our own hang-up too, and then says nothing new."""
    with speaking("twilio", monkeypatch) as functions:
        answer_with(functions, "poll", "en")
        phone = TwilioPhone(functions, NUMBER)
        for did in ("begin", "s", "1", "h"):
            phone.do(did)
        phone.repeat()
        endings = [effect for effect in effects(functions) if effect["is"] == "menu-ended"]

    assert endings == [{"is": "menu-ended", "complete": True, "furthest": "goodbye"}]


def test_what_was_said_before_hanging_up_is_kept_whichever_comes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = []
    for hung_up_first in (True, False):
        with speaking("twilio", monkeypatch) as functions:
            answer_with(functions, "grievance", "en")
            phone = TwilioPhone(functions, NUMBER)
            for did in ("begin", "s", "1"):
                phone.do(did)
            address = phone.address
            if hung_up_first:
                phone.hang_up()
            _cut_off(phone, address)
            if not hung_up_first:
                phone.hang_up()
            kept.append([effect for effect in effects(functions) if effect["is"] == "feedback-recorded"])

    assert len(kept[0]) == 1
    assert kept[0] == kept[1]


def _cut_off(phone: TwilioPhone, address: str) -> None:
    phone.address = address
    url = "https://api.twilio.com/2010-04-01/Accounts/AC01/Recordings/RE1"
    phone._post(
        RecordingSid="RE1", RecordingUrl=url, RecordingDuration="4", Digits="hangup", CallStatus="completed"
    )


def test_a_missed_call_is_refused_and_kept_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """F1: the call is never answered, so nobody pays."""
    fields = {
        "CallSid": "CA1",
        "From": CALLER,
        "To": VOLUNTEER,
        "CallStatus": "ringing",
        "Direction": "inbound",
    }
    with speaking("twilio", monkeypatch) as functions:
        event = signed(f"{ADDRESS}/missed-call", fields)
        replies = [functions.invoke("voice_webhook", event) for _ in range(3)]
        (entry,) = functions.entries()
        fact = facts.read(entry)
        functions.settle()
        greeted = functions.contact(CALLER)

    assert [twiml.parse(reply["body"].encode()) for reply in replies] == [(twiml.Reject(True),)] * 3
    assert fact == CallMissed("twilio:CA1", VOLUNTEER, CALLER, None)
    assert greeted is not None


# Who may speak


def a_key(token: str = "an-auth-token-for-tests", **more: str) -> dict[str, Any]:
    fields = {"CallSid": "CA1", "From": CALLER, "To": NUMBER, "CallStatus": "in-progress"} | more
    return signed(f"{ADDRESS}/turn", fields, token)


def unsigned(event: dict[str, Any]) -> dict[str, Any]:
    del event["headers"]["x-twilio-signature"]
    return event


def moved(event: dict[str, Any], **changes: str) -> dict[str, Any]:
    return event | changes


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(a_key("another-token"), id="another-key"),
        pytest.param(unsigned(a_key()), id="unsigned"),
        pytest.param(moved(a_key(), rawQueryString="after=1"), id="replayed-at-another-turn"),
        pytest.param(
            moved(a_key(), rawPath=f"/voice/{TOKENS['clean-water']}/missed-call"), id="at-another-step"
        ),
        pytest.param(moved(a_key(), body=a_key(Digits="1")["body"]), id="with-another-body"),
        pytest.param(http(f"/voice/{TOKENS['clean-water']}/turn", "CallSid=CA1"), id="as-exotel-would"),
    ],
)
def test_a_forged_or_replayed_signature_gets_404_a_metric_and_no_write(
    forged: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with speaking("twilio", monkeypatch) as functions:
        answer_with(functions, "poll", "en")
        reply = functions.invoke("voice_webhook", forged)
        kept = functions.entries()

    assert (reply["statusCode"], reply["body"], kept) == (404, "", [])


def test_a_rejected_signature_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    with speaking("twilio", monkeypatch) as functions:
        vars(functions.runtime).pop("secrets", None)
        request = doors.request(a_key("another-token"), "turn")
        line = callbacks.line_of(functions.runtime, TOKENS["clean-water"], request)
        counted = emitted("SignatureRejected")

    assert (line, counted) == (None, 1)


def test_without_a_public_address_no_signature_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Twilio signed cannot be made out of what the function sees; so nobody gets in."""
    with speaking("twilio", monkeypatch, PUBLIC_URL="https://elsewhere.example") as functions:
        assert functions.invoke("voice_webhook", a_key())["statusCode"] == 404
        assert functions.entries() == []


def test_what_cannot_be_read_is_kept_and_the_caller_is_let_go_politely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with speaking("twilio", monkeypatch) as functions:
        answer_with(functions, "poll", "en")
        reply = functions.invoke("voice_webhook", a_key(Digits="one"))
        (entry,) = functions.entries()
        fact = facts.read(entry)

    assert isinstance(fact, Unparsed)
    assert (entry.provider, fact.reason) == ("twilio", "Digits cannot be read")
    assert twiml.parse(reply["body"].encode())[-1] == twiml.Hangup()


def test_an_sms_leaves_by_the_campaigns_provider_and_its_report_settles_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def change(document: dict[str, Any]) -> None:
        document["provider"] = "twilio"

    fields = {"CallSid": "CA1", "From": CALLER, "To": VOLUNTEER, "CallStatus": "ringing"}
    with speaking("twilio", monkeypatch) as functions:
        functions.publish("clean-water", change)
        functions.exotel.post(
            f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages.json",
            json={"sid": "SM1", "status": "queued", "num_segments": "1"},
            status=201,
        )
        functions.invoke("voice_webhook", signed(f"{ADDRESS}/missed-call", fields))
        functions.react()
        functions._apps["send_message"] = functions._started("send_message")
        for body in functions.bodies(functions.runtime.settings.send_queue_url):
            functions.invoke("send_message", sqs(body))
        sent = functions.message(CALLER)
        address = callbacks.report_address(functions.runtime, sent.message_id)
        report = {"MessageSid": "SM1", "MessageStatus": "delivered"}
        reply = functions.invoke("sms_webhook", signed(address, report))
        functions.react()
        delivered = functions.message(CALLER)
        by_exotel = functions.sms_taken()

    assert (sent.state, sent.provider_id, by_exotel) == (State.SENT, "SM1", [])
    assert (reply["statusCode"], delivered.state) == (200, State.DELIVERED)


def test_an_sms_of_a_provider_we_have_no_account_with_waits_and_leaves_by_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def change(document: dict[str, Any]) -> None:
        document["provider"] = "twilio"

    with speaking("exotel", monkeypatch) as functions:
        functions.publish("clean-water", change)
        functions.ring(CALLER)
        functions.react()
        (body,) = functions.bodies(functions.runtime.settings.send_queue_url)
        answered = functions.invoke("send_message", sqs(body))
        state, by_exotel = functions.message(CALLER).state, functions.sms_taken()

    assert answered == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    assert (state, by_exotel) == (State.PLANNED, [])
