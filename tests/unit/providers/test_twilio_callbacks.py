"""Reading Twilio's requests: its own spellings, whatever else arrives as input, and who signed it."""

import base64
import hashlib
import hmac
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from ringback.domain.facts import CallMissed, Delivery, FailureAction, SmsStatusChanged
from ringback.providers import twilio
from ringback.providers.base import CallbackRequest, Direction, ListedCall, Pairs, TurnRequest, Unreadable
from ringback.providers.twilio import signature, statuses

SID = "CA90000000000000000000000000000001"
CALL = {
    "AccountSid": "AC00000000000000000000000000000001",
    "ApiVersion": "2010-04-01",
    "CallSid": SID,
    "CallStatus": "in-progress",
    "Called": "+918040002001",
    "Caller": "+919000000101",
    "Direction": "inbound",
    "From": "+919000000101",
    "To": "+918040002001",
}
RECORDING = "https://api.twilio.com/2010-04-01/Accounts/AC01/Recordings/RE01"
FORM = "application/x-www-form-urlencoded"
TOKEN = "an-auth-token"
URL = "https://ringback.example/voice/secret/turn"
SIGNED_AT = datetime(2024, 7, 31, 11, 12, 56, tzinfo=UTC)


def a_post(
    fields: dict[str, str] | bytes, query: str = "", content_type: str = FORM, sign: str = ""
) -> CallbackRequest:
    body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
    return CallbackRequest("POST", "turn", query, content_type, body, {signature.HEADER: sign})


def pairs_of(**changed: str | None) -> Pairs:
    """The parameters of a request about a call, some of them changed; None takes one away."""
    return tuple((name, value) for name, value in (CALL | changed).items() if value is not None)


def turn_of(**changed: str | None) -> TurnRequest:
    return twilio.read_turn("turn", pairs_of(**changed))


def report_of(**given: str) -> SmsStatusChanged:
    fact = twilio.read_sms_status("m1", tuple(given.items()))
    assert isinstance(fact, SmsStatusChanged)
    return fact


# Pairs


def test_query_and_form_are_read_in_order_and_nothing_is_left_out() -> None:
    pairs = twilio.read_pairs(a_post(b"CallSid=a&Digits=&FromCity=%E0%A4%A6", "after=3"))

    assert pairs == (("after", "3"), ("CallSid", "a"), ("Digits", ""), ("FromCity", "द"))
    assert tuple(parse_qsl(urlencode(pairs), keep_blank_values=True)) == pairs


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (a_post(b"{}", content_type="application/json"), "a body that is no form"),
        (a_post(b"CallSid=%ff"), "a form that is not UTF-8"),
        (a_post(b"CallSid=\xff"), "a body that is not UTF-8"),
        (a_post(b"a=1&" * 501), "more than 500 parameters"),
        (a_post(b"a=1&" * 300, "b=1&" * 300), "more than 500 parameters"),
    ],
)
def test_what_is_no_form_of_twilios_is_unreadable(request_: CallbackRequest, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        twilio.read_pairs(request_)


# Turns


def test_a_call_that_begins_tells_who_rang_whom() -> None:
    assert turn_of(CallStatus="ringing") == TurnRequest(
        call_id=SID,
        dialled="+918040002001",
        caller="+919000000101",
        digits=None,
        recording_url=None,
        recording_seconds=None,
        spoken=None,
        confidence=None,
        is_over=False,
        fingerprint=turn_of(CallStatus="ringing").fingerprint,
        occurred_at=None,
    )


@pytest.mark.parametrize(
    ("told", "digits"),
    [
        (None, None),
        ("", None),
        ("  ", None),
        ("1", "1"),
        (" 1 ", "1"),
        ("0", "0"),
        ("*", "*"),
        ("#", "#"),
        ("9", "9"),
        ("123", "123"),
        ("hangup", None),
    ],
)
def test_keys_come_plain(told: str | None, digits: str | None) -> None:
    assert turn_of(Digits=told).digits == digits


@pytest.mark.parametrize(
    ("told", "confidence", "spoken", "sure"),
    [
        ("एक", "0.9", "एक", 0.9),
        ("one", "1", "one", 1.0),
        ("one", "0.0", "one", 0.0),
        ("one", None, "one", 0.0),
        ("one", "", "one", 0.0),
        ("one", "nan", "one", 0.0),
        ("one", "inf", "one", 0.0),
        ("one", "-0.1", "one", 0.0),
        ("one", "1.1", "one", 0.0),
        ("one", "sure", "one", 0.0),
        ("", "0.9", None, None),
        (None, "0.9", None, None),
        ("x" * 900, "0.9", "x" * 500, 0.9),
    ],
)
def test_a_word_counts_for_as_much_as_its_confidence(
    told: str | None, confidence: str | None, spoken: str | None, sure: float | None
) -> None:
    """F23: what Twilio does not vouch for is put to the caller again, as keys."""
    turn = turn_of(SpeechResult=told, Confidence=confidence)

    assert (turn.spoken, turn.confidence) == (spoken, sure)


def test_keys_beat_words() -> None:
    turn = turn_of(Digits="2", SpeechResult="one", Confidence="0.9")

    assert (turn.digits, turn.spoken, turn.confidence) == ("2", None, None)


@pytest.mark.parametrize(
    ("seconds", "read"), [("7", 7), ("0", 0), (None, None), ("", None), ("long", None), ("-1", None)]
)
def test_a_recording_comes_with_its_length(seconds: str | None, read: int | None) -> None:
    """The key that ended a recording is no answer to anything."""
    turn = turn_of(RecordingUrl=RECORDING, RecordingDuration=seconds, Digits="#")

    assert (turn.recording_url, turn.recording_seconds, turn.digits) == (RECORDING, read, None)


@pytest.mark.parametrize("status", ["completed", "busy", "failed", "no-answer", "canceled", "Completed"])
def test_a_final_status_ends_the_call(status: str) -> None:
    assert turn_of(CallStatus=status).is_over


@pytest.mark.parametrize("status", ["queued", "initiated", "ringing", "in-progress", "", None, "asleep"])
def test_any_other_status_does_not(status: str | None) -> None:
    assert not turn_of(CallStatus=status).is_over


def test_who_hangs_up_while_speaking_is_heard_before_they_are_gone() -> None:
    """Twilio tells of such a caller twice: what they said, and by the status callback that they left."""
    said = turn_of(CallStatus="completed", Digits="hangup", RecordingUrl=RECORDING, RecordingDuration="4")
    left = turn_of(CallStatus="completed")

    assert (said.is_over, said.recording_url, said.digits) == (False, RECORDING, None)
    assert (left.is_over, left.fingerprint) == (
        True,
        turn_of(CallStatus="completed", CallDuration="9").fingerprint,
    )


def test_the_same_key_again_is_another_request_and_a_repeat_is_not() -> None:
    asked = [turn_of(Digits="1", after=after).fingerprint for after in (None, "1", "2", "3")]

    assert len(set(asked)) == 4
    assert turn_of(Digits="1", after="3", ApiVersion="2026").fingerprint == asked[3]


@pytest.mark.parametrize(
    "did",
    [
        {"Digits": "2"},
        {"Digits": ""},
        {"SpeechResult": "one", "Confidence": "0.9"},
        {"RecordingUrl": RECORDING},
        {"CallStatus": "completed"},
    ],
)
def test_whatever_else_the_caller_did_is_another_request(did: dict[str, str]) -> None:
    assert turn_of(after="3", **did).fingerprint != turn_of(after="3", Digits="1").fingerprint


def test_a_late_file_does_not_make_another_request() -> None:
    """A recording is known by its id: the host in its address may change from one telling to the next."""
    one = turn_of(after="3", RecordingSid="RE1", RecordingUrl="https://api.twilio.com/RE1")
    other = turn_of(after="3", RecordingSid="RE1", RecordingUrl="https://api.dublin.twilio.com/RE1")

    assert one.fingerprint == other.fingerprint


@pytest.mark.parametrize(
    ("withheld", "means"),
    [
        ("+266696687", "anonymous"),
        ("+7378742833", "restricted"),
        ("+2562533", "blocked"),
        ("+8656696", "unknown"),
        ("+86282452253", "unavailable"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_withheld_number_is_a_word_spelt_on_a_keypad(withheld: str | None, means: str) -> None:
    keypad = dict(zip("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999", strict=True))

    assert turn_of(From=withheld).caller is None
    assert (withheld or "").removeprefix("+") == "".join(keypad[letter] for letter in means)


def test_a_plus_that_lost_its_encoding_is_put_back() -> None:
    assert turn_of(From=" 919000000101").caller == "+919000000101"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"CallSid": None}, "CallSid is missing"),
        ({"CallSid": "CA 1"}, "CallSid cannot be read"),
        ({"CallSid": "C" * 129}, "CallSid cannot be read"),
        ({"Digits": "one"}, "Digits cannot be read"),
        ({"Digits": "1" * 33}, "Digits cannot be read"),
        ({"RecordingUrl": "file:///etc/passwd"}, "RecordingUrl cannot be read"),
        ({"RecordingUrl": "https://a\nb"}, "RecordingUrl cannot be read"),
        ({"after": "three"}, "after cannot be read"),
    ],
)
def test_what_cannot_be_is_unreadable(changed: dict[str, str | None], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        turn_of(**changed)


def test_a_parameter_that_says_two_things_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="Digits says two things"):
        twilio.read_turn("turn", (*pairs_of(Digits="1"), ("Digits", "2")))


@pytest.mark.parametrize("step", ["", "menu", "gather", "missed-call", "../turn"])
def test_an_unknown_step_is_unreadable(step: str) -> None:
    with pytest.raises(Unreadable):
        twilio.read_turn(step, pairs_of())


# Missed calls


def test_a_refused_call_is_a_missed_call() -> None:
    fact = twilio.read_call("missed-call", pairs_of(CallStatus="ringing"))

    assert fact == CallMissed(f"twilio:{SID}", "+918040002001", "+919000000101", None)


@pytest.mark.parametrize(
    ("step", "changed", "reason"),
    [
        ("turn", {}, "a step we do not have"),
        ("missed-call", {"Direction": "outbound-api"}, "an outgoing call"),
        ("missed-call", {"CallSid": None}, "CallSid is missing"),
    ],
)
def test_what_is_no_missed_call_is_unreadable(step: str, changed: dict[str, str | None], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        twilio.read_call(step, pairs_of(**changed))


def test_a_listed_call_tells_the_fact_that_its_webhook_would_have_told() -> None:
    listed = ListedCall(SID, "+918040002001", "+919000000101", Direction.INCOMING, "busy", SIGNED_AT, None)

    fact = twilio.read_call("missed-call", twilio.pairs_of(listed))

    assert fact == CallMissed(f"twilio:{SID}", "+918040002001", "+919000000101", SIGNED_AT)


# Delivery reports


@pytest.mark.parametrize(
    ("word", "code", "delivery", "action"),
    [
        ("queued", "", Delivery.IN_PROGRESS, FailureAction.NONE),
        ("sent", "", Delivery.IN_PROGRESS, FailureAction.NONE),
        ("delivered", "", Delivery.DELIVERED, FailureAction.NONE),
        ("Delivered", "", Delivery.DELIVERED, FailureAction.NONE),
        ("delivered", "30003", Delivery.UNRECOGNISED, FailureAction.NONE),
        ("undelivered", "30003", Delivery.FAILED, FailureAction.MAY_RETRY),
        ("undelivered", "30005", Delivery.FAILED, FailureAction.BAD_NUMBER),
        ("undelivered", "30007", Delivery.FAILED, FailureAction.FIX_TEMPLATE),
        ("failed", "21610", Delivery.FAILED, FailureAction.SUPPRESS_CONTACT),
        ("failed", "39999", Delivery.FAILED, FailureAction.NONE),
        ("failed", "", Delivery.FAILED, FailureAction.NONE),
        ("vanished", "", Delivery.UNRECOGNISED, FailureAction.NONE),
    ],
)
def test_a_report_means(word: str, code: str, delivery: Delivery, action: FailureAction) -> None:
    """`sent` is where Exotel and Twilio part: only `delivered` is delivered here."""
    report = report_of(MessageSid="SM1", MessageStatus=word, ErrorCode=code)

    assert report == SmsStatusChanged("m1", delivery, code or word.lower(), action, "SM1", None, None)


def test_an_older_report_has_older_names() -> None:
    assert report_of(SmsSid="SM1", SmsStatus="delivered").provider_id == "SM1"


@pytest.mark.parametrize("given", [{}, {"MessageSid": "SM1"}, {"MessageStatus": "sent", "MessageSid": "S M"}])
def test_a_report_without_a_status_or_with_a_broken_id_is_unreadable(given: dict[str, str]) -> None:
    with pytest.raises(Unreadable):
        report_of(**given)


def test_every_code_asks_for_something() -> None:
    """A code in the table that asked for nothing would only hide the others."""
    assert FailureAction.NONE not in statuses.ACTIONS.values()


# Signatures


def test_the_published_example_is_signed_as_published() -> None:
    """SOURCE: twilio.com/docs/usage/security, and the tests of Twilio's own packages."""
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+12349013030",
        "Digits": "1234",
        "From": "+12349013030",
        "To": "+18005551212",
    }
    request = a_post(fields, "foo=1&bar=2", sign="0/KCTR6DLpKmkAf8muzZqo1nDgQ=")

    assert signature.is_authentic(["12345"], "https://mycompany.com/myapp.php", request)
    assert not signature.is_authentic(["12346"], "https://mycompany.com/myapp.php", request)


names = st.text(st.characters(codec="utf-8"), max_size=12)


@given(
    fields=st.dictionaries(names, names, max_size=8),
    query=st.dictionaries(names, names, max_size=3),
    port=st.sampled_from(["", ":443", ":8443"]),
)
def test_we_agree_with_twilios_own_validator(
    fields: dict[str, str], query: dict[str, str], port: str
) -> None:
    url, asked = f"https://ringback.example{port}/voice/t/turn", urlencode(query)
    address = f"{url}?{asked}" if asked else url
    theirs = RequestValidator(TOKEN).compute_signature(address, fields)

    assert signature.is_authentic([TOKEN], url, a_post(fields, asked, sign=theirs))
    if fields:
        ours = signature.sign(TOKEN, address, tuple(fields.items()))
        assert RequestValidator(TOKEN).validate(address, fields, ours)


@pytest.mark.parametrize("signed_as", [URL, URL.replace(".example", ".example:443")])
@pytest.mark.parametrize("known_as", [URL, URL.replace(".example", ".example:443")])
def test_the_port_may_be_signed_or_not(signed_as: str, known_as: str) -> None:
    request = a_post(CALL, sign=signature.sign(TOKEN, signed_as, tuple(CALL.items())))

    assert signature.is_authentic([TOKEN], known_as, request)


def test_a_repeated_parameter_is_signed_with_its_values_in_order_and_each_once() -> None:
    class Many(dict[str, str]):
        def getall(self, name: str) -> list[str]:
            return ["b", "a", "b"]

    theirs = RequestValidator(TOKEN).compute_signature(URL, Many(x="-"))

    assert signature.is_authentic([TOKEN], URL, a_post(b"x=b&x=a&x=b", sign=theirs))


def test_a_rotated_token_is_taken_beside_the_old_one() -> None:
    request = a_post(CALL, sign=signature.sign("old", URL, tuple(CALL.items())))

    assert signature.is_authentic(["new", "old"], URL, request)
    assert not signature.is_authentic(["new"], URL, request)
    assert not signature.is_authentic([], URL, request)


def test_without_a_token_nothing_is_authentic() -> None:
    """An empty token is a key that everybody has."""
    request = a_post(CALL, sign=signature.sign("", URL, tuple(CALL.items())))

    assert not signature.is_authentic(["", ""], URL, request)


SIGNED = signature.sign(TOKEN, f"{URL}?after=3", tuple(CALL.items()))


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(a_post(CALL | {"Digits": "1"}, "after=3", sign=SIGNED), id="a-parameter-more"),
        pytest.param(a_post(CALL | {"From": "+919000000102"}, "after=3", sign=SIGNED), id="another-caller"),
        pytest.param(a_post(CALL, "after=4", sign=SIGNED), id="replayed-at-another-turn"),
        pytest.param(a_post(CALL, "", sign=SIGNED), id="without-the-query"),
        pytest.param(a_post({}, f"after=3&{urlencode(CALL)}", sign=SIGNED), id="the-form-as-a-query"),
        pytest.param(a_post(CALL, "after=3"), id="unsigned"),
        pytest.param(a_post(CALL, "after=3", sign="0" * 28), id="nonsense"),
        pytest.param(a_post(CALL, "after=3", sign="ü\udc80"), id="no-ascii"),
        pytest.param(a_post(CALL, "after=3", sign=f"{SIGNED},{SIGNED}"), id="twice"),
        pytest.param(a_post(CALL, "after=3", "text/plain", SIGNED), id="no-longer-a-form"),
        pytest.param(a_post(b"\xff", "after=3", sign=SIGNED), id="not-utf-8"),
    ],
)
def test_a_forged_or_replayed_signature_is_refused(forged: CallbackRequest) -> None:
    assert signature.is_authentic([TOKEN], URL, a_post(CALL, "after=3", sign=SIGNED))
    assert not signature.is_authentic([TOKEN], URL, forged)
    assert not signature.is_authentic(
        [TOKEN], URL.replace("turn", "missed-call"), a_post(CALL, "after=3", sign=SIGNED)
    )


def test_a_json_body_is_signed_by_its_digest() -> None:
    body = b'{"CallSid": "CA1"}'
    query = f"bodySHA256={hashlib.sha256(body).hexdigest()}"
    signed = base64.b64encode(hmac.digest(TOKEN.encode(), f"{URL}?{query}".encode(), "sha1")).decode()
    json_type = "application/json"

    assert RequestValidator(TOKEN).validate(f"{URL}?{query}", body.decode(), signed)
    assert signature.is_authentic([TOKEN], URL, a_post(body, query, json_type, signed))
    assert not signature.is_authentic([TOKEN], URL, a_post(body + b" ", query, json_type, signed))
    assert not signature.is_authentic([TOKEN], URL, a_post(body, "", json_type, signature.sign(TOKEN, URL)))


# Anything at all


@given(
    body=st.binary(max_size=200),
    query=st.text(max_size=60),
    content_type=st.sampled_from([FORM, "", "text/plain"]),
)
def test_any_request_is_read_or_unreadable(body: bytes, query: str, content_type: str) -> None:
    try:
        pairs = twilio.read_pairs(a_post(body, query, content_type))
    except Unreadable:
        return
    assert tuple(parse_qsl(urlencode(pairs), keep_blank_values=True)) == pairs


known = st.sampled_from(
    (
        *(
            "CallSid",
            "From",
            "To",
            "Direction",
            "CallStatus",
            "Digits",
            "SpeechResult",
            "Confidence",
            "after",
        ),
        *("RecordingUrl", "RecordingDuration", "RecordingSid", "Timestamp"),
        *("MessageSid", "MessageStatus", "ErrorCode"),
    )
)
values = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["1", "9", "*", "", "hangup", "completed", "0.9", RECORDING, SID, "Wed, 31 Jul 2024 11:12:56 +0000"]
    ),
)


@given(pairs=st.lists(st.tuples(st.one_of(known, st.text(max_size=10)), values), max_size=14).map(tuple))
def test_any_form_is_read_the_same_each_time_or_unreadable(pairs: Pairs) -> None:
    for read in (
        lambda: twilio.read_turn("turn", pairs),
        lambda: twilio.read_call("missed-call", pairs),
        lambda: twilio.read_sms_status("m1", pairs),
    ):
        with suppress(Unreadable):
            assert read() == read()


@given(
    body=st.binary(max_size=80),
    query=st.text(max_size=40),
    content_type=st.text(max_size=20),
    sign=st.text(max_size=40),
)
def test_no_request_is_authentic_by_chance_and_none_breaks_the_check(
    body: bytes, query: str, content_type: str, sign: str
) -> None:
    assert not signature.is_authentic([TOKEN], URL, a_post(body, query, content_type, sign))


def test_reading_needs_the_standard_library_only() -> None:
    """The voice door imports it while a caller hears ringing."""
    code = (
        "import sys; import ringback.providers.twilio as t; "
        "print([m for m in ('requests', 'urllib3', 'boto3', 'email', 'xml') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "[]"
