"""The bad inputs and attacks A1–A13, A15, A16 and A27 of the security list, and the parts of A18 and A21 that missed calls have."""

import hashlib
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs, quote, urlencode

import pytest

from ringback import observability
from ringback.domain.dials import Dial, Kind, name_for
from ringback.domain.errors import Rejected
from ringback.domain.messages import State
from ringback.domain.policy import Rule
from ringback.providers.base import AccountBlocked, CallPage, Declined, FailureAction, Throttled, Unclear
from ringback.services import calls, facts, influencers
from ringback.services.callbacks import Verdict
from ringback.store.tables import JournalRow
from tests.deployment import (
    CALL_BACK_LINE,
    CALLER,
    EVENING_HOURS,
    MORNING,
    OPT_OUT,
    OTHER_CALLER,
    SECRETS,
    TOKENS,
    TRAINING,
    VOLUNTEER,
    Deployment,
    callers,
    deployed,
    emitted,
    local,
)
from tests.integration.wire import Throttler, listening


def nothing_was_sent(deployment: Deployment) -> bool:
    return not deployment.provider.asked and not deployment.queued()


# Who may call us


@pytest.mark.parametrize(
    "token",
    [
        "wrong",
        TOKENS["clean-water"][:-1],
        TOKENS["clean-water"] + "0",
        TOKENS["clean-water"].upper(),
        "🚰" * 43,
    ],
)
def test_a01_a_wrong_token_is_an_unknown_address_counted_and_not_written(
    deployment: Deployment, token: str
) -> None:
    assert Verdict.UNKNOWN_ADDRESS is deployment.callback("CallSid=1", token=token)
    assert deployment.entries() == []
    assert emitted("CallbackRejected") == 1


def test_a01_two_tokens_of_a_campaign_live_side_by_side_while_one_replaces_the_other() -> None:
    new = "n" * 43
    digests = [hashlib.sha256(token.encode()).hexdigest() for token in (TOKENS["clean-water"], new)]
    with deployed(VOICE_TOKENS=",".join(f"clean-water={digest}" for digest in digests)) as deployment:
        for token in (TOKENS["clean-water"], new):
            assert Verdict.KEPT is deployment.callback("CallSid=1", token=token)
        assert Verdict.UNKNOWN_ADDRESS is deployment.callback("CallSid=1", token=TOKENS["library-hours"])


def test_a02_a_token_of_one_campaign_with_a_number_of_another_makes_no_contact_and_no_sms(
    deployment: Deployment,
) -> None:
    deployment.ring(CALLER, EVENING_HOURS, campaign="clean-water")
    deployment.settle()

    for campaign in TOKENS:
        assert deployment.contact(CALLER, campaign) is None
    assert dict(deployment.counts("clean-water")) == {"foreign-number": 1}
    assert dict(deployment.counts("library-hours")) == {}
    assert emitted("ForeignNumber") == 1
    assert nothing_was_sent(deployment)


def test_a02_one_person_is_somebody_else_in_each_campaign(deployment: Deployment) -> None:
    """Campaigns side by side: an opt-out from one says nothing about the other, and their ids cannot be joined."""
    deployment.ring(CALLER, OPT_OUT, call_id="call-1")
    deployment.ring(CALLER, EVENING_HOURS, call_id="call-2", campaign="library-hours")
    deployment.settle()

    assert deployment.known(CALLER, "clean-water").opted_out_at is not None
    assert deployment.known(CALLER, "library-hours").opted_out_at is None
    assert deployment.person(CALLER, "clean-water") != deployment.person(CALLER, "library-hours")
    assert [sms.to for sms in deployment.provider.taken] == [CALLER]


def test_a02_a_delivery_report_reaches_only_the_message_whose_address_it_was_given(
    deployment: Deployment,
) -> None:
    deployment.ring(CALLER, call_id="call-1")
    deployment.ring(OTHER_CALLER, call_id="call-2")
    deployment.settle()
    deployment.report(deployment.message(CALLER), "failed", "23060", CustomField="x", SmsSid="sms-2")
    deployment.settle()

    assert State.FAILED is deployment.message(CALLER).state
    assert State.SENT is deployment.message(OTHER_CALLER).state


def test_a03_forged_call_ids_give_each_caller_at_most_one_welcome(deployment: Deployment) -> None:
    """A3: somebody with the token makes up calls. One welcome per person and window is all they get for it."""
    for index in range(15):
        deployment.ring(CALLER, call_id=f"forged-{index}")
        deployment.settle()
        deployment.clock.move(minutes=7)

    assert [sms.to for sms in deployment.provider.asked] == [CALLER]
    assert deployment.counts()["raw"] == 15
    assert deployment.counts()["unique"] == 1


def test_a03_a_forged_call_does_not_rename_the_caller_of_a_real_one(deployment: Deployment) -> None:
    deployment.ring(CALLER)
    deployment.settle()
    deployment.ring(OTHER_CALLER)
    deployment.settle()

    assert deployment.contact(OTHER_CALLER) is None
    assert [sms.to for sms in deployment.provider.taken] == [CALLER]


def test_a04_a_genuine_callback_of_two_days_ago_sends_nothing(deployment: Deployment) -> None:
    """A4: it is kept, answered and counted in its own hour; but a welcome two days late makes no sense."""
    assert Verdict.KEPT is deployment.ring(StartTime="2026-02-28 10:30:00")
    deployment.settle()

    assert (deployment.message().state, deployment.message().rule) == (State.REFUSED, Rule.STALE)
    assert nothing_was_sent(deployment)


# What cannot be read


AMBIGUOUS = {
    "two callers": "CallSid=1&From=09000000101&From=09000000102",
    "two calls": "CallSid=1&CallSid=2",
    "nested id": "CallSid[]=1&From=09000000101",
    "nested caller": "CallSid=1&From[number]=09000000101",
    "no id": "From=09000000101",
    "an id of blanks": "CallSid=%20%20",
    "an id too long": f"CallSid={'1' * 200}",
    "an id that is not UTF-8": "CallSid=%ff%fe&From=09000000101",
    "our own call": "CallSid=1&Direction=outbound-api&From=09000000101",
    "nothing": "",
}


@pytest.mark.parametrize("query", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_a05_what_says_two_things_or_nothing_is_kept_unparsed_and_answered(
    deployment: Deployment, query: str
) -> None:
    for _ in range(2):
        assert Verdict.KEPT is deployment.callback(query)
    deployment.settle()

    assert deployment.entry().key == "unparsed"
    assert [query] == parse_qs(deployment.entry().raw, keep_blank_values=True)["told"]
    assert dict(deployment.counts()) == {"unparsed": 1}
    assert nothing_was_sent(deployment)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ('{"CallSid": "1", "CallSid": "2"}', "application/json"),
        ('{"CallSid": {"deep": "1"}}', "application/json"),
        ('["CallSid", "1"]', "application/json"),
        ("{", "application/json"),
        ("CallSid=1", "text/csv"),
        ("CallSid=1", "multipart/form-data"),
        ("--b\r\n\r\n1\r\n--b--", "multipart/form-data; boundary=b"),
    ],
)
def test_a05_bodies_that_cannot_be_read_are_kept_unparsed(
    deployment: Deployment, body: str, content_type: str
) -> None:
    assert Verdict.KEPT is deployment.callback(method="POST", body=body.encode(), content_type=content_type)
    assert deployment.entry().key == "unparsed"


@pytest.mark.parametrize(
    "query", ["CallSid=1&Stream={%22a%22:1}&Legs[0][Number]=1", "CallSid=1&From=09000000101&From=09000000101"]
)
def test_a05_unknown_nested_and_repeated_parameters_that_change_nothing_do_no_harm(
    deployment: Deployment, query: str
) -> None:
    deployment.callback(query)

    assert deployment.entry().key == "call-missed"


def test_a06_of_a_body_over_64_kb_size_digest_and_beginning_are_kept(deployment: Deployment) -> None:
    body = b"CallSid=1&From=" + b"9" * 5_000_000
    assert Verdict.KEPT is deployment.callback(
        method="POST", body=body, content_type="application/x-www-form-urlencoded"
    )
    kept = parse_qs(deployment.entry().raw)

    assert deployment.entry().key == "unparsed"
    assert [str(len(body))] == kept["bytes"]
    assert [hashlib.sha256(body).hexdigest()] == kept["sha256"]
    assert [body[:4096].decode()] == kept["told"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("&".join(f"key{index}=1" for index in range(10_000)), "application/x-www-form-urlencoded"),
        ('{"a":' * 20 + "1" + "}" * 20, "application/json"),
        ('{"a":' * 9_000 + "1" + "}" * 9_000, "application/json"),
        ("\x1f\x8b\x08\x00" + "\x00" * 1_000, "application/gzip"),
        ("--b\r\n" * 10_000, "multipart/form-data; boundary=b"),
    ],
    ids=["10,000 parameters", "20 deep", "9,000 deep", "gzip", "10,000 parts"],
)
def test_a06_bombs_are_kept_unparsed(deployment: Deployment, body: str, content_type: str) -> None:
    assert Verdict.KEPT is deployment.callback(method="POST", body=body.encode(), content_type=content_type)
    assert deployment.entry().key == "unparsed"
    assert len(deployment.entry().raw) < 16 * 1024


@pytest.mark.parametrize(
    "name", ["%00", "%E2%80%AEevil", "%ED%A0%80", "%F0%9F%92%A7", "%0D%0Ainjected: header", "%"]
)
def test_a07_odd_characters_in_any_parameter_crash_nothing(deployment: Deployment, name: str) -> None:
    assert Verdict.KEPT is deployment.callback(
        f"CallSid=1&From=09000000101&To=08040001001&CallerName={name}&{name}=1"
    )
    deployment.settle()

    assert len(deployment.entries()) == 1
    assert [sms for sms in deployment.provider.taken if "evil" in sms.body or "injected" in sms.body] == []


def test_a07_bytes_that_are_not_utf_8_in_what_nobody_reads_lose_no_caller(deployment: Deployment) -> None:
    deployment.callback("CallSid=1&From=09000000101&To=08040001001&Legs[0][Insights][Status]=%ff%fe")

    assert deployment.entry().key == "call-missed"
    assert "%5Cxff%5Cxfe" in deployment.entry().raw


def test_a07_lone_surrogates_that_json_can_spell_are_replaced(deployment: Deployment) -> None:
    deployment.callback(
        method="POST", body=b'{"CallSid": "1", "Name": "\\ud800"}', content_type="application/json"
    )

    assert deployment.entry().key == "call-missed"
    assert "Name=%3F" in deployment.entry().raw


# Who rings


@pytest.mark.parametrize(
    ("caller", "counted"),
    [
        ("", "withheld"),
        ("anonymous", "withheld"),
        ("private", "withheld"),
        ("Restricted", "withheld"),
        ("+266696687", "withheld"),
        ("0000000000", "withheld"),
        ("112", "unreadable"),
        ("139", "unreadable"),
        ("98765O3210", "unreadable"),
    ],
)
def test_a08_a_caller_without_a_number_is_counted_and_makes_no_contact(
    deployment: Deployment, caller: str, counted: str
) -> None:
    deployment.ring(caller)
    deployment.settle()

    assert (deployment.counts()["raw"], deployment.counts()[counted]) == (1, 1)
    assert "unique" not in deployment.counts()
    assert nothing_was_sent(deployment)


def test_a09_our_own_number_as_the_caller_is_a_loop_and_answered_by_nothing(deployment: Deployment) -> None:
    deployment.ring(VOLUNTEER, TRAINING)
    deployment.settle()

    assert (deployment.counts()["raw"], deployment.counts()["ourselves"]) == (1, 1)
    assert nothing_was_sent(deployment)


def test_a09_a_number_of_another_campaign_as_the_caller_gets_no_sms(deployment: Deployment) -> None:
    deployment.ring(EVENING_HOURS, VOLUNTEER)
    deployment.settle()

    assert deployment.provider.asked == []


def test_a09_a_number_of_another_campaign_is_not_rung_back(deployment: Deployment) -> None:
    """Its campaign would ring us back for that, and so on."""
    deployment.publish("library-hours", lambda document: document["numbers"][0].update(number=OTHER_CALLER))
    for caller in (OTHER_CALLER, CALLER):
        deployment.ring(caller, CALL_BACK_LINE, call_id=f"by-{caller}")
    deployment.react()

    assert [dial.person for dial in deployment.dials()] == [deployment.person(CALLER)]
    assert emitted("LoopCall") == 1


def test_a09_a_number_of_another_campaign_is_not_rung_whatever_it_asked_for(deployment: Deployment) -> None:
    """A menu that calls back, or a promise to an influencer: the gate stands before every call."""
    deployment.publish("library-hours", lambda document: document["numbers"][0].update(number=OTHER_CALLER))
    for caller in (OTHER_CALLER, CALLER):
        deployment.ring(caller, VOLUNTEER, call_id=f"by-{caller}")
    deployment.react()
    for caller in (OTHER_CALLER, CALLER):
        cause = f"promise:{caller}"
        dial = Dial(
            person=deployment.person(caller),
            name=name_for("clean-water", "influencer", cause),
            campaign="clean-water",
            number="+918040001031",
            menu="influencer",
            kind=Kind.RING_BACK,
            cause=cause,
            caused_at=deployment.clock.now(),
        )
        influencers.place(deployment.runtime, dial)

    deployment.place(deployment.to_dial())

    assert [call.to for call in deployment.provider.called] == [CALLER]
    assert deployment.dial(OTHER_CALLER).rule == "our-number"


@pytest.mark.parametrize(
    "caller", ["1800123456", "18001234567", "1409876543", "1600123456", "1601234567", "18601234567"]
)
def test_a10_service_numbers_make_no_contact_and_get_no_sms(deployment: Deployment, caller: str) -> None:
    deployment.ring(caller)
    deployment.settle()

    assert (deployment.counts()["raw"], deployment.counts()["not-a-person"]) == (1, 1)
    assert nothing_was_sent(deployment)


@pytest.mark.parametrize("caller", ["+19005550100", "+881612345678", "+447911123456", "+12025550143"])
def test_a10_numbers_of_other_countries_get_no_sms(deployment: Deployment, caller: str) -> None:
    deployment.ring(caller)
    deployment.settle()

    assert deployment.counts()["raw"] == 1
    assert deployment.provider.asked == []


@pytest.mark.parametrize(
    "written",
    [
        "0919000000101",
        "९०००००0101",
        "90000\u200b00101",
        "+91 90000-00101",
        " 919000000101",
        "tel:+919000000101",
    ],
)
def test_a11_every_way_to_write_a_number_is_one_contact(deployment: Deployment, written: str) -> None:
    deployment.ring(CALLER, call_id="call-1")
    deployment.ring(written, call_id="call-2")
    deployment.settle()

    assert (deployment.counts()["raw"], deployment.counts()["unique"]) == (2, 1)
    assert deployment.known().phone == CALLER
    assert [sms.to for sms in deployment.provider.taken] == [CALLER]


def test_a12_many_calls_of_one_number_in_a_minute_are_one_caller_one_sms_and_flagged(
    deployment: Deployment,
) -> None:
    """A12 with 70 calls instead of 1,000: over the 60 a minute that the campaign believes of a block of numbers."""
    for index in range(70):
        deployment.ring(CALLER, call_id=f"call-{index}")
    deployment.settle()
    assert (deployment.counts()["raw"], deployment.counts()["unique"]) == (70, 1)
    assert emitted("PrefixHeld") == 1
    assert (deployment.message().state, deployment.message().rule) == (State.HELD, Rule.PREFIX_VELOCITY)
    deployment.clock.move(hours=1)
    deployment.release()
    deployment.settle()

    assert [sms.to for sms in deployment.provider.taken] == [CALLER]


def test_a13_a_walk_through_a_block_of_numbers_is_recorded_and_its_sms_held(deployment: Deployment) -> None:
    """A13 with 70 numbers in a row; a caller from elsewhere is not made to wait for them."""
    block = [f"+9198765{index:05}" for index in range(70)]
    for index, caller in enumerate(block):
        deployment.ring(caller, call_id=f"call-{index}")
    deployment.ring(CALLER, call_id="call-elsewhere")
    deployment.settle()

    assert (deployment.counts()["raw"], deployment.counts()["unique"]) == (71, 71)
    assert [sms.to for sms in deployment.provider.taken] == [CALLER]
    assert {(State.HELD, Rule.PREFIX_VELOCITY)} == {
        (deployment.message(who).state, deployment.message(who).rule) for who in block
    }


def test_a13_the_same_number_of_calls_spread_over_the_country_is_not_held(deployment: Deployment) -> None:
    people = callers(70)
    for index, caller in enumerate(people):
        deployment.ring(caller, call_id=f"call-{index}")
    deployment.react()

    assert emitted("PrefixHeld") == 0


# Text that would be code


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "{{7*7}}", "${jndi:ldap://x}", "%n%s", "{opt_out}"]
)
def test_a15_text_from_outside_is_inert(deployment: Deployment, name: str) -> None:
    """A15: nothing a caller can say gets into a text, an id or a format string."""
    deployment.callback(
        urlencode(
            {
                "CallSid": name.replace(" ", ""),
                "From": local(CALLER),
                "To": local(VOLUNTEER),
                "CallerName": name,
            }
        )
    )
    deployment.settle()
    (sms,) = deployment.provider.taken

    assert name not in sms.body
    assert "49" not in sms.body
    assert "{" not in sms.body
    assert sms.body == deployment.publish("clean-water").rendered("welcome", "en").body


@pytest.mark.parametrize(
    "value",
    ["4" * 41, "https://evil.example/x", "see\nbelow", "{#var#}", "{opt_out}"],
    ids=["41 characters", "a link", "a line break", "a template's variable", "our own variable"],
)
def test_a16_a_value_that_no_template_allows_is_refused_at_publishing(
    deployment: Deployment, value: str
) -> None:
    before = deployment.publish("clean-water").version
    with pytest.raises(Rejected):
        deployment.publish("clean-water", lambda document: document["values"]["opt_out"].update(en=value))

    assert before == deployment.publish("clean-water").version


def test_a17_a_link_nobody_registered_is_refused_at_publishing(deployment: Deployment) -> None:
    with pytest.raises(Rejected):
        deployment.publish(
            "clean-water",
            lambda document: document["values"]["training_day"].update(en="https://cleаnwater.example/day"),
        )


def test_a18_an_opt_out_by_missed_call_stands_whatever_comes_later(deployment: Deployment) -> None:
    """Also when it is told before the call that made the person known."""
    deployment.ring(CALLER, OPT_OUT, call_id="call-1")
    deployment.settle()
    deployment.ring(CALLER, VOLUNTEER, call_id="call-2")
    deployment.settle()
    deployment.clock.move(days=40)
    deployment.ring(CALLER, TRAINING, call_id="call-3")
    deployment.settle()

    assert {Rule.OPTED_OUT} == {message.rule for message in deployment.messages()}
    assert deployment.provider.asked == []


# Nothing of all this in a log


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What our logger writes, formatted as in Lambda."""
    handler = observability.logger.registered_handler
    written, before = io.StringIO(), handler.stream  # type: ignore[attr-defined]
    handler.setStream(written)  # type: ignore[attr-defined]
    yield written
    handler.setStream(before)  # type: ignore[attr-defined]


PHONE = re.compile(r"(?<!\d)(?:\+?91|0)?[6-9]\d{9}(?!\d)")


def test_a27_the_scan_itself_finds_what_it_looks_for() -> None:
    for written in (CALLER, CALLER[1:], local(CALLER), CALLER[3:], f'"{CALLER}"', f"From={local(CALLER)}&"):
        assert PHONE.search(written)


def test_a27_no_number_token_or_secret_is_in_anything_we_write(
    log: io.StringIO, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A27: a story with every outcome and many an error, and every line of it scanned."""
    people = callers(12)
    with deployed() as deployment:
        told = {"StartTime": "2026-03-02 11:00:00", "passthru": f"https://x/voice/{TOKENS['clean-water']}/y"}
        for index, caller in enumerate(people):
            deployment.ring(caller, call_id=f"call-{index}", **told)
        deployment.ring(people[0], call_id="call-0", Status="completed")
        deployment.ring(people[1], OPT_OUT, call_id="out")
        deployment.ring(people[2], EVENING_HOURS, call_id="foreign")
        deployment.ring(f"{CALLER}{CALLER}", call_id="unreadable")
        deployment.callback(f"From={quote(CALLER)}&From={local(OTHER_CALLER)}")
        deployment.callback("CallSid=1", token="wrong")
        deployment.callback(urlencode({"CallSid": CALLER, "From": local(CALLER), "To": local(VOLUNTEER)}))
        with listening(Throttler("UpdateItem", "test-contacts", times=2)):
            failed = deployment.react()
        deployment.reaction.react(failed)
        deployment.provider.answers = [
            Unclear(f"no answer for {CALLER}"),
            Declined("40203", f"{local(CALLER)} is no number", FailureAction.BAD_NUMBER),
            Throttled(30),
            AccountBlocked("401", f"{CALLER} may not"),
        ]
        for ticket in deployment.queued():
            deployment.send([ticket])
        for caller in people:
            for message in deployment.messages(caller):
                deployment.report(message, "failed-dnd", "23005")
                deployment.report(message, "sent", "20005")
        deployment.settle()
        deployment.clock.move(minutes=20)
        deployment.release()
        deployment.settle()
        deployment.provider.pages = [CallPage((), True, None)]
        calls.reconcile(deployment.runtime, deployment.provider)
        deployment.clock.move(days=2)
        deployment.release()
        facts.replay(deployment.runtime, MORNING, MORNING + timedelta(days=1))
        proofs = {sms.callback_url.rpartition("/")[2] for sms in deployment.provider.asked}
        observability.metrics.flush_metrics()
    captured = capfd.readouterr()
    everything = "\n".join([log.getvalue(), captured.out, captured.err, caplog.text])
    exotel = SECRETS["exotel"]
    assert isinstance(exotel, dict)
    secrets = {SECRETS["person_pepper"], SECRETS["callback_key"], exotel["api_key"], exotel["api_token"]}

    assert len(log.getvalue().splitlines()) > 30
    assert "Lost sight of a message" in log.getvalue()
    assert PHONE.findall(everything) == []
    assert [secret for secret in {*secrets, *proofs, *TOKENS.values()} if str(secret) in everything] == []


def test_a27_a_number_that_strays_into_a_log_is_masked(log: io.StringIO) -> None:
    observability.logger.warning("Rang %s", CALLER, extra={"who": [CALLER, {"deep": local(CALLER)}]})
    try:
        raise ValueError(f"cannot ring {CALLER}")
    except ValueError:
        observability.logger.exception("Failed")

    assert len(log.getvalue().splitlines()) == 2
    assert PHONE.findall(log.getvalue()) == []


def test_a27_our_own_token_in_a_callback_is_not_kept(deployment: Deployment) -> None:
    """Exotel's `passthru` repeats our earlier address; the journal is read by more people than the address is meant for."""
    token = TOKENS["clean-water"]
    deployment.ring(passthru=f"https://ringback.example/voice/{token}/missed-call")
    deployment.callback(f"CallSid[]=1&passthru=https://ringback.example/voice/{token}/missed-call")

    assert sorted(entry.key for entry in deployment.entries()) == ["call-missed", "unparsed"]
    assert [row.source_id for row in JournalRow.scan() if token in row.raw] == []
