"""Reading Exotel's callbacks: the traps of its documents, and the attacks that arrive as input."""

import base64
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.facts import CallMissed, Delivery, FailureAction, SmsStatusChanged
from ringback.domain.legs import Ending, Progress
from ringback.providers import exotel
from ringback.providers.base import CallbackRequest, Direction, ListedCall, Pairs, Unreadable
from ringback.providers.exotel import missed, statuses

SID = "b7e12c0a94d3f5e86170a2c4d6e8f97v"
CALL = {
    "CallSid": SID,
    "CallFrom": "09000000101",
    "CallTo": "8040001001",
    "Direction": "incoming",
    "Created": "Wed, 31 Jul 2024 16:42:56",
    "StartTime": "2024-07-31 16:42:56",
    "EndTime": "1970-01-01 05:30:00",
    "CallType": "call-attempt",
    "From": "09000000101",
    "To": "08040001001",
    "CurrentTime": "2024-07-31 16:43:02",
}
REPORT = {"SmsSid": "9f1c2e3d", "To": "09000000101", "Status": "sent", "DetailedStatusCode": "20005"}
AT = datetime(2024, 7, 31, 11, 12, 56, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded"


def a_request(query: str = "", content_type: str = "", body: bytes = b"") -> CallbackRequest:
    return CallbackRequest("POST" if body else "GET", "missed-call", query, content_type, body)


def pairs_of(**given: str | None) -> Pairs:
    """The parameters of a call, some of them changed; None takes one away."""
    return tuple((name, value) for name, value in (CALL | given).items() if value is not None)


def a_multipart(
    fields: dict[str, str], boundary: str = "form-data-boundary-4h7k2m9q1s5u8w3z"
) -> CallbackRequest:
    parts = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'
        for n, v in fields.items()
    )
    body = "".join(parts) + f"--{boundary}--\r\n"
    return a_request(content_type=f"multipart/form-data; boundary={boundary}", body=body.encode())


def call_of(pairs: Pairs) -> CallMissed:
    fact = exotel.read_call("missed-call", pairs)
    assert isinstance(fact, CallMissed)
    return fact


def report_of(**given: str) -> SmsStatusChanged:
    fact = exotel.read_sms_status("m1", tuple(given.items()))
    assert isinstance(fact, SmsStatusChanged)
    return fact


# Encodings


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(a_request(urlencode(CALL)), id="query"),
        pytest.param(a_request("", FORM, urlencode(CALL).encode()), id="form"),
        pytest.param(a_request("", "", urlencode(CALL).encode()), id="form-without-a-type"),
        pytest.param(
            a_request("", f"{FORM}; charset=UTF-8", urlencode(CALL).encode() + b"\r\n"),
            id="form-with-charset",
        ),
        pytest.param(a_multipart(CALL), id="multipart"),
        pytest.param(a_request("", "application/json", json.dumps(CALL).encode()), id="json"),
        pytest.param(
            a_request("", "Application/JSON;x=1", b"\xef\xbb\xbf" + json.dumps(CALL).encode()),
            id="json-with-bom",
        ),
        pytest.param(
            a_request("telephony=exotel", FORM, urlencode(CALL).encode()), id="our-own-query-survives"
        ),
    ],
)
def test_every_encoding_of_a_call_tells_the_same_fact(request_: CallbackRequest) -> None:
    """exotel.md §6.8: multipart is the default of some callbacks, and newer flows post forms or JSON."""
    fact = exotel.read_call("missed-call", exotel.read_pairs(request_))

    assert CallMissed(f"exotel:{SID}", "08040001001", "09000000101", AT) == fact


def test_unknown_parameters_are_kept_in_order() -> None:
    """The pairs are what the journal stores: nothing a provider told us is thrown away."""
    pairs = exotel.read_pairs(
        a_request("CallSid=a&Legs%5B0%5D%5BNumber%5D=09000000101&New=&HangupLatencyStartTime")
    )

    assert pairs == (
        ("CallSid", "a"),
        ("Legs[0][Number]", "09000000101"),
        ("New", ""),
        ("HangupLatencyStartTime", ""),
    )


def test_json_becomes_php_brackets() -> None:
    """Nested values have one spelling, however they came."""
    body = b'{"Legs": [{"Status": "completed", "OnCallDuration": 21}, {}], "Record": true, "Ok": false, "Price": null, "Gap": 1.50}'

    pairs = exotel.read_pairs(a_request("", "application/json", body))

    assert dict(pairs) == {
        "Legs[0][Status]": "completed",
        "Legs[0][OnCallDuration]": "21",
        "Legs[1]": "",
        "Record": "true",
        "Ok": "false",
        "Price": "null",
        "Gap": "1.50",
    }


def test_our_own_address_is_taken_out_of_passthru() -> None:
    """`passthru` repeats our earlier request, and with it the token in its path."""
    pairs = exotel.read_pairs(
        a_request("passthru=%22https%3A%2F%2Fours%2Fvoice%2Ftoken%2Fmissed-call%22&CallSid=a")
    )

    assert pairs == (("passthru", ""), ("CallSid", "a"))


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(a_request("CallSid=a&Stream=%ff%fe&%ED%A0%80=1"), id="query"),
        pytest.param(a_request("", FORM, b"CallSid=a&Stream=%ff%fe&%ED%A0%80=1"), id="form"),
    ],
)
def test_bytes_that_are_not_utf_8_are_escaped_and_read_the_same_again(request_: CallbackRequest) -> None:
    pairs = exotel.read_pairs(request_)

    assert pairs == (("CallSid", "a"), ("Stream", "\\xff\\xfe"), ("\\xed\\xa0\\x80", "1"))
    assert tuple(parse_qsl(urlencode(pairs), keep_blank_values=True)) == pairs


@pytest.mark.parametrize("told", ["CallSid=%ff%fe", "CallSid=%ED%A0%80"])
def test_an_id_that_is_not_utf_8_is_unreadable(told: str) -> None:
    with pytest.raises(Unreadable, match="CallSid cannot be read"):
        exotel.read_call("missed-call", exotel.read_pairs(a_request(told)))


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(a_request("", FORM, b"CallSid=\xff"), id="form-not-utf-8"),
        pytest.param(a_request("", FORM, b"\x1f\x8b\x08\x00" + bytes(range(256))), id="gzip"),
        pytest.param(a_request("", "application/json", b'{"CallSid": '), id="json-broken-off"),
        pytest.param(a_request("", "application/json", b'["CallSid"]'), id="json-list"),
        pytest.param(a_request("", "application/json", b"[" * 60_000), id="json-60000-deep"),
        pytest.param(a_request("", "application/json", b'{"a":' * 20 + b"1" + b"}" * 20), id="json-20-deep"),
        pytest.param(
            a_request("", "application/json", json.dumps({str(n): n for n in range(501)}).encode()),
            id="json-wide",
        ),
        pytest.param(a_request("", "text/xml", b"<CallSid/>"), id="xml"),
        pytest.param(a_request("&".join(f"p{n}=1" for n in range(10_000))), id="10000-parameters"),
        pytest.param(a_request("a=1&" * 300, FORM, b"a=1&" * 300), id="600-parameters-in-two-places"),
        pytest.param(a_multipart({f"p{n}": "1" for n in range(501)}), id="multipart-wide"),
        pytest.param(a_request("", "multipart/form-data", b"--x\r\n"), id="multipart-without-boundary"),
        pytest.param(
            a_request("", "multipart/form-data; boundary=x", b"nothing"), id="multipart-without-parts"
        ),
        pytest.param(
            a_request("", "multipart/form-data; boundary=x\r\nA: b", b"--x"), id="multipart-header-injection"
        ),
        pytest.param(
            a_request("", "multipart/form-data; boundary=x", b"--x\r\n\r\n1\r\n--x--"), id="part-without-name"
        ),
        pytest.param(
            a_request(
                "",
                "multipart/form-data; boundary=x",
                b'--x\r\nContent-Disposition: form-data; name="a"\r\n'
                b"Content-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\n1\r\n--y--\r\n--x--",
            ),
            id="part-with-parts",
        ),
    ],
)
def test_what_cannot_be_read_without_guessing_is_unreadable(request_: CallbackRequest) -> None:
    """Attacks A5 to A7: refused before it is expanded, as a reason and never as a crash."""
    with pytest.raises(Unreadable):
        exotel.read_pairs(request_)


def test_characters_nobody_can_store_are_replaced_and_the_call_is_kept() -> None:
    """A7: a lone surrogate somewhere in JSON costs one character, not the call; NUL and direction marks stay as they are."""
    body = json.dumps({"CallSid": "a", "Name": "\ud800 \u202e \x00"}).encode()

    pairs = exotel.read_pairs(a_request("", "application/json", body))

    assert pairs == (("CallSid", "a"), ("Name", "? \u202e \x00"))
    assert pairs == tuple(parse_qsl(urlencode(pairs)))


@given(st.text() | st.from_regex(r"([A-Za-z%+&=\[\]0-9]{1,5})*"), st.binary() | st.text().map(str.encode))
def test_any_bytes_are_read_or_unreadable(query: str, body: bytes) -> None:
    """No input makes the door fail: a failing door loses the callback."""
    types = (
        "",
        FORM,
        "application/json",
        "multipart/form-data; boundary=x",
        f"multipart/form-data; boundary={query}",
        query,
    )
    for content_type in types:
        for content in (
            body,
            b"--x\r\n" + body + b"\r\n--x--",
            json.dumps({query: body.decode("latin-1")}).encode(),
        ):
            try:
                pairs = exotel.read_pairs(a_request(query, content_type, content))
                exotel.read_sms_status("m1", pairs)
                exotel.read_call("missed-call", pairs)
            except Unreadable:
                pass


@given(st.lists(st.tuples(st.text(max_size=9), st.text(max_size=30)), max_size=40))
def test_reading_what_was_stored_gives_the_same_pairs(given_: list[tuple[str, str]]) -> None:
    """The journal keeps `urlencode(pairs)`: reading it again, today or in a replay, changes nothing."""
    first = exotel.read_pairs(a_request(urlencode([(n, v.encode("utf-8", "replace")) for n, v in given_])))

    assert first == exotel.read_pairs(a_request(urlencode(first)))
    assert first == tuple(parse_qsl(urlencode(first), keep_blank_values=True))


# Missed calls


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"From": None}, {"caller": "09000000101"}, id="caller-from-CallFrom"),
        pytest.param({"CallFrom": "09000000102"}, {"caller": "09000000101"}, id="From-wins"),
        pytest.param({"From": "anonymous"}, {"caller": "anonymous"}, id="withheld-by-a-word"),
        pytest.param({"From": "+266696687"}, {"caller": "+266696687"}, id="withheld-by-a-number"),
        pytest.param({"From": "0000000000"}, {"caller": "0000000000"}, id="zeros-stand-as-written"),
        pytest.param({"From": " 919000000101"}, {"caller": "+919000000101"}, id="plus-that-became-a-blank"),
        pytest.param({"From": "+919000000101"}, {"caller": "+919000000101"}, id="plus-that-stayed"),
        pytest.param({"From": " 022-493-60001 "}, {"caller": "022-493-60001"}, id="blank-before-a-trunk-0"),
        pytest.param({"From": "a 9"}, {"caller": "a 9"}, id="not-a-number"),
        pytest.param({"To": None}, {"dialled": "8040001001"}, id="dialled-from-CallTo"),
        pytest.param({"To": "null", "CallTo": "null"}, {"dialled": ""}, id="dialled-not-told"),
        pytest.param({"StartTime": None}, {"occurred_at": AT}, id="time-from-Created"),
        pytest.param({"StartTime": "0000-00-00 00:00:00"}, {"occurred_at": AT}, id="zero-date"),
        pytest.param({"StartTime": "1970-01-01 05:30:00"}, {"occurred_at": AT}, id="epoch-in-ist"),
        pytest.param({"StartTime": "2024-07-31T11:12:56Z"}, {"occurred_at": AT}, id="time-in-utc"),
        pytest.param({"StartTime": "2024-07-31 16:42:56+05:30"}, {"occurred_at": AT}, id="time-with-offset"),
        pytest.param({"StartTime": "later", "Created": "Wed, 31 Foo 2024 16:42:56"}, {"occurred_at": AT.replace(minute=13, second=2)}, id="time-from-CurrentTime"),
        pytest.param({"StartTime": "20240731", "Created": "31 Jul 2024 16:42:56", "CurrentTime": "0001-01-01 00:00:00"}, {"occurred_at": None}, id="no-readable-time"),
        pytest.param({"CallType": None, "Direction": None, "Created": None}, {}, id="no-status-at-all-is-a-new-call"),
        pytest.param({"Direction": "Incoming"}, {}, id="Incoming"),
        pytest.param({"Direction": "inbound"}, {}, id="inbound"),
        pytest.param({"CallSid": "4000000017"}, {"source_id": "exotel:4000000017"}, id="id-of-2011"),
        pytest.param({"digits": '"1"', "DialCallDuration": "0", "Status": "busy"}, {}, id="other-parameters"),
    ],
)  # fmt: skip
def test_a_missed_call_is_read_whatever_is_missing_or_oddly_spelt(
    changes: dict[str, str | None], expected: dict[str, object]
) -> None:
    """exotel.md §6.1 to 6.6 and attack A8: numbers stand as written, times are Indian wall time, EndTime is never used."""
    fact = call_of(pairs_of(**changes))

    usual = {
        "source_id": f"exotel:{SID}",
        "dialled": "08040001001",
        "caller": "09000000101",
        "occurred_at": AT,
    }
    assert CallMissed(**(usual | expected)) == fact  # type: ignore[arg-type]


@pytest.mark.parametrize("absent", [None, "", " ", "null", "NULL"])
def test_a_caller_absent_in_any_spelling_is_none(absent: str | None) -> None:
    """exotel.md §1.0: a missing key, an empty string and the word null all mean that nothing is told."""
    assert call_of(pairs_of(From=absent, CallFrom=absent)).caller is None


def test_every_parameter_but_the_id_may_be_missing() -> None:
    """exotel.md §1.0: where the applet stands decides what comes."""
    assert CallMissed("exotel:a", "", None, None) == call_of((("CallSid", "a"),))


@pytest.mark.parametrize(
    "sid",
    [None, "", "null", "a" * 129, "a b", "a\x00b", "a\nb", "a\u202eb", "a\u200bb"],
    ids=["missing", "empty", "null", "long", "blank", "nul", "newline", "rtl", "zero-width"],
)
def test_a_call_without_a_possible_id_is_unreadable(sid: str | None) -> None:
    """The id becomes the fact's key, so it is never made up."""
    with pytest.raises(Unreadable, match="CallSid"):
        exotel.read_call("missed-call", pairs_of(CallSid=sid))


@pytest.mark.parametrize(
    "extra",
    [
        ("CallSid", "another"),
        ("From", "09000000102"),
        ("CallSid[]", "x"),
        ("From[0]", "09000000102"),
        ("To[", "1"),
    ],
)
def test_a_parameter_that_says_two_things_is_unreadable(extra: tuple[str, str]) -> None:
    """Attack A5: choosing one of two values is a guess."""
    with pytest.raises(Unreadable, match=r"nested|two things"):
        exotel.read_call("missed-call", (*pairs_of(), extra))


def test_a_name_repeated_in_json_is_noticed() -> None:
    """A JSON reader would silently keep the last."""
    pairs = exotel.read_pairs(a_request("", "application/json", b'{"CallSid": "a", "CallSid": "b"}'))

    with pytest.raises(Unreadable, match="two things"):
        exotel.read_call("missed-call", pairs)


@pytest.mark.parametrize(
    "extra", [("CallSid", SID), ("From", ""), ("From", "null"), ("digits", "1"), ("Stream", "{}")]
)
def test_a_repetition_that_says_nothing_new_is_read(extra: tuple[str, str]) -> None:
    """Only a contradiction is ambiguous, and only in what we use."""
    assert call_of(pairs_of()) == call_of((*pairs_of(), ("digits", "2"), extra))


@pytest.mark.parametrize("step", ["", "after-menu", "Missed-Call"])
def test_an_unknown_step_is_unreadable(step: str) -> None:
    """A mistyped address is seen, not guessed at."""
    with pytest.raises(Unreadable):
        exotel.read_call(step, pairs_of())


@pytest.mark.parametrize("direction", ["outbound-dial", "outbound-api", "Outbound"])
def test_a_call_we_made_is_not_a_missed_call(direction: str) -> None:
    """Its From is somebody we rang: taking it for a caller would invent consent."""
    with pytest.raises(Unreadable, match="outgoing"):
        exotel.read_call("missed-call", pairs_of(Direction=direction))


def test_a_listed_call_reads_as_the_callback_that_was_lost() -> None:
    """Reconciliation keeps the fact that the call's own Passthru would have told."""
    listed = ListedCall(SID, "08040001001", "09000000101", Direction.INCOMING, "no-answer", AT, None)
    bare = ListedCall(SID, "", None, Direction.UNKNOWN, "", None, None)

    assert call_of(pairs_of()) == call_of(missed.pairs_of(listed))
    assert CallMissed(f"exotel:{SID}", "", None, None) == call_of(missed.pairs_of(bare))


# Delivery reports


@pytest.mark.parametrize(
    ("word", "code", "delivery", "action"),
    [
        ("queued", "21010", Delivery.IN_PROGRESS, FailureAction.NONE),
        ("sending", "21015", Delivery.IN_PROGRESS, FailureAction.NONE),
        ("submitted", "21020", Delivery.IN_PROGRESS, FailureAction.NONE),
        ("sent", "20005", Delivery.DELIVERED, FailureAction.NONE),
        ("sent", "20006", Delivery.DELIVERED, FailureAction.NONE),
        ("sent", "", Delivery.DELIVERED, FailureAction.NONE),
        ("DELIVERED_TO_HANDSET", "20005", Delivery.DELIVERED, FailureAction.NONE),
        ("", "20005", Delivery.DELIVERED, FailureAction.NONE),
        ("failed", "", Delivery.FAILED, FailureAction.NONE),
        ("failed-dnd", "23005", Delivery.FAILED, FailureAction.SUPPRESS_CONTACT),
        ("failed_dnd", "", Delivery.FAILED, FailureAction.SUPPRESS_CONTACT),
        ("failed", "23005", Delivery.FAILED, FailureAction.SUPPRESS_CONTACT),
        ("failed-dnd", "23010", Delivery.FAILED, FailureAction.SUPPRESS_CONTACT),
        ("failed", "23020", Delivery.FAILED, FailureAction.SUPPRESS_CONTACT),
        ("failed", "23084", Delivery.FAILED, FailureAction.SUPPRESS_CONTACT),
        ("failed", "23040", Delivery.FAILED, FailureAction.BAD_NUMBER),
        ("failed", "24990", Delivery.FAILED, FailureAction.MAY_RETRY),
        ("failed", "23072", Delivery.FAILED, FailureAction.FIX_ENTITY),
        ("failed", "23281", Delivery.FAILED, FailureAction.FIX_ENTITY),
        ("failed", "23181", Delivery.FAILED, FailureAction.FIX_TEMPLATE),
        ("failed", "23186", Delivery.FAILED, FailureAction.FIX_TEMPLATE),
        ("failed", "600", Delivery.FAILED, FailureAction.FIX_ENTITY),
        ("failed", "618", Delivery.FAILED, FailureAction.FIX_ENTITY),
        ("failed", "625", Delivery.FAILED, FailureAction.FIX_ENTITY),
        ("failed", "633", Delivery.FAILED, FailureAction.FIX_TEMPLATE),
        ("failed", "650", Delivery.FAILED, FailureAction.SUPPRESS_CONTACT),
        ("failed", "660", Delivery.FAILED, FailureAction.SUPPRESS_CONTACT),
        ("failed", "670", Delivery.FAILED, FailureAction.MAY_RETRY),
        ("sent", "23005", Delivery.UNRECOGNISED, FailureAction.NONE),
        ("failed", "20005", Delivery.UNRECOGNISED, FailureAction.NONE),
        ("queued", "20005", Delivery.UNRECOGNISED, FailureAction.NONE),
        ("delivered", "20000", Delivery.UNRECOGNISED, FailureAction.NONE),
        ("sent", "30001", Delivery.UNRECOGNISED, FailureAction.NONE),
        ("failed", "606", Delivery.UNRECOGNISED, FailureAction.NONE),
        ("out for lunch", "20005", Delivery.UNRECOGNISED, FailureAction.NONE),
    ],
)
def test_a_report_is_read_by_its_word_and_its_code(
    word: str, code: str, delivery: Delivery, action: FailureAction
) -> None:
    """exotel.md §2.6 and the operators' DLT codes; what is unknown or contradictory is never taken for delivered."""
    fact = report_of(Status=word, DetailedStatusCode=code)

    assert (delivery, action) == (fact.delivery, fact.action)
    assert fact.code == code or not code


@pytest.mark.parametrize("code", statuses.CODES)
def test_a_known_code_alone_says_where_the_message_stands(code: str) -> None:
    """Every code of the table is read; a 2xxxx code that is not one of delivery or progress is a failure."""
    expected = {"200": Delivery.DELIVERED, "210": Delivery.IN_PROGRESS}.get(code[:3], Delivery.FAILED)

    assert expected == report_of(DetailedStatusCode=code).delivery


def test_a_report_carries_the_provider_id_the_parts_and_the_time() -> None:
    """DateSent is Indian wall time like every time of Exotel's first API."""
    given_ = REPORT | {"SmsUnits": "2", "DateSent": "2024-07-31 16:42:56"}

    fact = exotel.read_sms_status("m1", tuple(given_.items()))

    assert SmsStatusChanged("m1", Delivery.DELIVERED, "20005", FailureAction.NONE, "9f1c2e3d", 2, AT) == fact
    assert fact.name == "sms-delivered-20005"


def test_an_early_report_has_only_three_fields() -> None:
    """exotel.md §2.6: SmsSid, To and Status; the word then stands for the code, in one spelling."""
    fact = report_of(
        SmsSid="9f1c2e3d", To="09000000101", Status="failed_dnd", SmsUnits="two", DateSent="null"
    )

    assert (fact.code, fact.parts, fact.occurred_at) == ("failed-dnd", None, None)


def test_a_code_under_its_other_name_is_read() -> None:
    """One page of Exotel's calls it ExoStatusCode and puts the detailed word in Status."""
    assert report_of(Status="DELIVERED_TO_HANDSET", ExoStatusCode="20005").delivery is Delivery.DELIVERED


@pytest.mark.parametrize(
    "changes",
    [
        {"Status": "", "DetailedStatusCode": "null"},
        {"DetailedStatusCode": "2" * 200},
        {"DetailedStatusCode": "20\x0005"},
        {"SmsSid": "a\x00"},
        {"Status[0]": "sent"},
    ],
    ids=["no-status", "long-code", "nul-in-code", "nul-in-id", "nested"],
)
def test_a_report_that_is_none_is_unreadable(changes: dict[str, str]) -> None:
    """What would make an impossible key, or says nothing, is kept unparsed instead."""
    with pytest.raises(Unreadable):
        exotel.read_sms_status("m1", tuple((REPORT | changes).items()))


# The door's weight, and the samples


def test_reading_imports_nothing_heavy() -> None:
    """The voice door imports this package: while it starts, a caller hears ringing."""
    heavy = "requests exotelpy boto3 urllib3 email.parser"
    program = f"import sys; from ringback.providers import exotel; print(*(m for m in {heavy.split()} if m in sys.modules))"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert not done.stdout.strip()


def test_a_misspelt_name_is_not_taken_for_the_client() -> None:
    """The client is loaded on demand; nothing else is."""
    with pytest.raises(AttributeError, match="Clients"):
        _ = exotel.Clients


SID_OF_CONNECT = "b7e12c0a94d3f5e86170a2c4d6e8f99y"


def test_the_sample_events_tell_what_their_names_say() -> None:
    """`make invoke` and the README use these files, so they must stay readable."""
    events = Path(__file__).parents[3] / "events" / "exotel"

    told = {path.stem: _told(json.loads(path.read_text())) for path in events.glob("*.json")}

    at = datetime(2026, 11, 21, 5, 30, tzinfo=UTC)
    sent = at.replace(second=4)
    message = "4gp4wjhodgysggjt3zh62ntffn.clean-water.welcome.7pn5nw2h7h63btyp"
    sms = "9f1c2e3d4a5b6c7d8e9f0a1b2c3d4e5s"
    assert {
        "call_missed": CallMissed(f"exotel:{SID}", "08040001001", "09000000101", at),
        "call_missed_withheld": CallMissed(
            "exotel:b7e12c0a94d3f5e86170a2c4d6e8f98w", "08040001001", "anonymous", at
        ),
        "call_missed_multipart": CallMissed(
            "exotel:b7e12c0a94d3f5e86170a2c4d6e8f99x", "08040001001", "09000000102", at
        ),
        "sms_delivered": SmsStatusChanged(
            message, Delivery.DELIVERED, "20005", FailureAction.NONE, sms, 1, sent
        ),
        "sms_failed_dnd": SmsStatusChanged(
            message, Delivery.FAILED, "23005", FailureAction.SUPPRESS_CONTACT, sms, 1, sent
        ),
        "call_connects": (SID_OF_CONNECT, "08040001031", "09000000301"),
        "leg_ended": (SID_OF_CONNECT, Progress.TERMINAL, Ending.COMPLETED, 41),
    } == told


def _told(event: dict[str, object]) -> object:
    body = str(event.get("body", "")).encode()
    headers = event["headers"]
    assert isinstance(headers, dict)
    request = a_request(
        str(event["rawQueryString"]),
        headers.get("content-type", ""),
        base64.b64decode(body) if event["isBase64Encoded"] else body,
    )
    pairs = exotel.read_pairs(request)
    match str(event["rawPath"]).split("/"):
        case ["", "voice", _, "dial"]:
            asked = exotel.read_turn("dial", pairs)
            return asked.call_id, asked.dialled, asked.caller
        case ["", "voice", _, "leg"]:
            leg = exotel.read_leg(pairs)
            return leg.call_id, leg.event, leg.status, leg.talked_seconds
        case ["", "voice", _, step]:
            return exotel.read_call(step, pairs)
        case ["", "sms", "status", message_id, _]:
            return exotel.read_sms_status(message_id, pairs)
        case path:
            return path
