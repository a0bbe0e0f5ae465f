"""The SMS part of Exotel's REST API: whom it lets in, what it refuses and how, what it answers."""

import time
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

SEND = "Sms/send.json"


def test_an_accepted_sms_is_queued_not_delivered(
    serve: Callable[..., Any], a_form: Callable[..., Any]
) -> None:
    answer = serve().exotel(SEND, a_form())

    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    message = answer.json["SMSMessage"]
    assert len(message["Sid"]) == 32
    assert {name: message[name] for name in message if not name.startswith(("Date", "Sid", "Uri"))} == {
        "AccountSid": "cleanwater1",
        "From": "08040001001/CLNWTR",
        "To": "09000000101",
        "Body": "Thank you Asha",
        "Direction": "outbound-api",
        "ApiVersion": None,
        "Price": None,
        "Status": "queued",
        "DetailedStatusCode": 21010,
        "DetailedStatus": "PENDING_TO_OPERATOR",
        "SmsUnits": 1,
    }
    assert message["DateSent"] is None
    assert message["Uri"] == f"/v1/Accounts/cleanwater1/SMS/Messages/{message['Sid']}"


def test_without_the_json_suffix_the_answer_is_xml(
    serve: Callable[..., Any], a_form: Callable[..., Any]
) -> None:
    stage = serve()
    sent = ElementTree.fromstring(stage.exotel("Sms/send", a_form(Body="Thank you <Asha> & all")).text)
    refused = ElementTree.fromstring(stage.exotel("Sms/send", a_form(From=None)).text)

    assert sent.findtext("SMSMessage/Body") == "Thank you <Asha> & all"
    assert refused.tag == "TwilioResponse"
    assert refused.findtext("RestException/Status") == "400"
    assert refused.findtext("RestException/Message")


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        ("", 400, 34001),
        ("key1:wrong", 401, 34010),
        ("nobody:token1", 401, 34010),
        ("key-1:token1", 400, 34001),
    ],
    ids=["empty", "wrong token", "unknown key", "not alphanumeric"],
)
def test_wrong_credentials_are_refused(
    serve: Callable[..., Any], a_form: Callable[..., Any], key: str, status: int, code: int
) -> None:
    answer = serve().exotel(SEND, a_form(), key=key or ":")

    assert (answer.status, answer.json["RestException"]["Code"]) == (status, code)


def test_no_credentials_are_refused_in_the_format_asked_for(serve: Callable[..., Any]) -> None:
    stage = serve()

    assert stage.ask("/v1/Accounts/cleanwater1/Calls.json").json["RestException"]["Status"] == 401
    xml = stage.ask("/v1/Accounts/cleanwater1/Calls")
    assert (xml.status, xml.headers["Content-Type"]) == (401, "application/xml; charset=utf-8")


def test_the_key_of_one_account_does_not_open_another(
    serve: Callable[..., Any], a_form: Callable[..., Any]
) -> None:
    answer = serve().ask("/v1/Accounts/other1/Sms/send.json", b"From=CLNWTR", key="key1:token1")

    assert (answer.status, answer.json["RestException"]["Code"]) == (403, 34009)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"From": None}, 40210),
        ({"From": ""}, 40205),
        ({"From": "STRNGR"}, None),
        ({"From": "clnwtr"}, None),
        ({"From": "600123"}, 40206),
        ({"SmsType": "promotional"}, 40206),
        ({"SmsType": "bulk"}, 40204),
        ({"Body": None}, 40200),
        ({"Body": ""}, 40200),
        ({"Body": "x" * 2001}, 40202),
        ({"Body[]": "Thank you Asha"}, 40207),
        ({"From[0]": "CLNWTR"}, 40207),
        ({"EncodingType": "utf8"}, 40209),
        ({"EncodingType": "plain", "Body": "धन्यवाद"}, 40209),
        ({"To": None}, 40203),
        ({"To": "112"}, 40203),
        ({"To": ",".join(f"90000{index:05}" for index in range(101))}, 40406),
    ],
    ids=[
        "no From",
        "empty From",
        "header not linked",
        "header in another case",
        "promotional header",
        "promotional type",
        "unknown type",
        "no Body",
        "empty Body",
        "long Body",
        "Body as array",
        "From as array",
        "unknown encoding",
        "plain Hindi",
        "no To",
        "nobody",
        "101 people",
    ],
)
def test_a_wrong_form_is_refused_with_its_code_and_sends_nothing(
    serve: Callable[..., Any], a_form: Callable[..., Any], changes: dict[str, Any], code: int | None
) -> None:
    stage = serve()
    answer = stage.exotel(SEND, a_form(**changes))

    assert answer.status == 400
    assert answer.json["RestException"].get("Code") == code
    assert stage.control("messages") == {"messages": []}


def test_a_body_that_is_no_form_is_an_empty_form(
    serve: Callable[..., Any], a_form: Callable[..., Any]
) -> None:
    answer = serve().exotel(SEND, a_form(), content_type="application/json")

    assert (answer.status, answer.json["RestException"]["Code"]) == (400, 40210)


@pytest.mark.parametrize(
    ("to", "people"),
    [
        ({"To": "+919000000101"}, ["09000000101"]),
        ({"To": "09000000101,+919000000102"}, ["09000000101", "09000000102"]),
        ({"To[1]": "9000000102", "To[0]": "9000000101"}, ["09000000101", "09000000102"]),
        ({"To[]": ["9000000101", "9000000102"]}, ["09000000101", "09000000102"]),
        ({"To": ["+919000000101", "+919000000102"]}, ["09000000102"]),
        ({"To": "112,+919000000102"}, ["09000000102"]),
    ],
    ids=["one", "commas", "indexed", "brackets", "repeated: the last counts", "one of them invalid"],
)
def test_recipients_come_in_several_shapes(
    serve: Callable[..., Any], a_form: Callable[..., Any], to: dict[str, Any], people: list[str]
) -> None:
    answer = serve().exotel(SEND, a_form(**{"To": None, **to})).json
    messages = answer if isinstance(answer, list) else [answer]

    assert [message["SMSMessage"]["To"] for message in messages] == people
    assert isinstance(answer, list) is (len(people) > 1)


def test_dlt_ids_are_checked_by_the_operators_not_by_the_api(
    serve: Callable[..., Any], a_form: Callable[..., Any]
) -> None:
    stage = serve()
    accepted = stage.exotel(SEND, a_form(DltEntityId=None, DltTemplateId=None))
    differing = stage.exotel(SEND, a_form(Body="Thank  you Asha"))
    stage.wait_until_idle()

    assert (accepted.status, differing.status) == (200, 200)
    assert [row["code"] for row in stage.control("messages")["messages"]] == [23070, 23185]
    assert stage.control("handsets/+919000000101")["inbox"] == []


def test_details_of_an_sms_follow_it_to_its_end(
    serve: Callable[..., Any], a_form: Callable[..., Any]
) -> None:
    stage = serve()
    sid = stage.exotel(SEND, a_form()).json["SMSMessage"]["Sid"]
    stage.wait_until_idle()
    message = stage.exotel(f"SMS/Messages/{sid}.json").json["SMSMessage"]

    assert (message["Sid"], message["Status"], message["DetailedStatusCode"]) == (sid, "sent", 20005)
    assert message["DateSent"]


def test_details_of_an_unknown_sms_are_a_200_without_a_message(serve: Callable[..., Any]) -> None:
    answer = serve().exotel("SMS/Messages/0123456789abcdef0123456789abcdef.json")

    assert answer.status == 200
    assert answer.json["RestException"]["Message"] == "No matching results"


def test_there_is_no_listing_of_sms_and_no_other_action(
    serve: Callable[..., Any], a_form: Callable[..., Any]
) -> None:
    stage = serve()
    listing = stage.exotel("SMS/Messages.json")
    action = stage.exotel("Sms/bulk.json", a_form())

    assert (listing.status, listing.json["RestException"]["Code"]) == (400, 40500)
    assert (action.status, action.json["RestException"]["Code"]) == (405, 40502)


@pytest.mark.parametrize("path", ["/v9/Accounts/cleanwater1/Calls.json", "/v1/Calls.json"])
def test_an_address_that_is_no_address_is_a_400(serve: Callable[..., Any], path: str) -> None:
    assert serve().ask(path, key="key1:token1").status == 400


def test_more_requests_than_the_limit_are_refused(
    serve: Callable[..., Any], a_form: Callable[..., Any]
) -> None:
    stage = serve(sms_per_minute=2)
    answers = [stage.exotel(SEND, a_form(Body=f"Thank you {index}")) for index in range(4)]

    assert [answer.status for answer in answers] == [200, 200, 429, 429]
    assert answers[2].json["RestException"]["Code"] == 40402
    assert len(stage.control("messages")["messages"]) == 2
    assert stage.control("summary")["accounts"]["cleanwater1"] == {
        "sms_requests": 4,
        "most_sms_requests_in_60_s": 4,
        "sms_accepted": 2,
        "most_sms_accepted_in_60_s": 2,
    }


def test_reading_has_a_limit_of_its_own(serve: Callable[..., Any]) -> None:
    stage = serve(sms_per_minute=1, calls_per_minute=1)
    details = [stage.exotel("SMS/Messages/unknown.json") for _ in range(2)]
    listings = [stage.exotel("Calls.json") for _ in range(2)]

    assert [answer.status for answer in details] == [200, 429]
    assert details[1].json["RestException"]["Code"] == 40403
    assert [answer.status for answer in listings] == [200, 429]


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("api_unauthorised", 401, 34010),
        ("api_payment_required", 402, None),
        ("api_no_balance", 403, 40001),
        ("api_inactive", 403, 40002),
        ("api_429", 429, 40402),
        ("api_429_retry_after", 429, 40402),
    ],
)
def test_a_refusal_by_fault_sends_nothing(
    serve: Callable[..., Any], a_form: Callable[..., Any], fault: str, status: int, code: int | None
) -> None:
    stage = serve(faults={fault: 1})
    answer = stage.exotel(SEND, a_form())

    assert (answer.status, answer.json["RestException"].get("Code")) == (status, code)
    assert answer.headers.get("Retry-After") == ("30" if fault == "api_429_retry_after" else None)
    assert stage.control("messages") == {"messages": []}


def test_a_broken_server_answers_in_several_ways_and_sends_nothing(
    serve: Callable[..., Any], a_form: Callable[..., Any]
) -> None:
    stage = serve(faults={"api_5xx": 1})
    answers = [stage.exotel(SEND, a_form()) for _ in range(20)]

    assert {answer.status for answer in answers} == {500, 502, 503}
    assert {answer.headers["Content-Type"] for answer in answers if answer.status == 502} == {
        "text/html; charset=utf-8"
    }
    assert stage.control("messages") == {"messages": []}


@pytest.mark.parametrize(
    ("fault", "sent"),
    [("api_timeout_before", 0), ("api_timeout_after", 1), ("api_reset_before", 0), ("api_reset_after", 1)],
)
def test_a_lost_answer_leaves_the_client_in_doubt(
    serve: Callable[..., Any], a_form: Callable[..., Any], fault: str, sent: int
) -> None:
    stage = serve(faults={fault: 1})
    started = time.monotonic()
    with pytest.raises(OSError):
        stage.exotel(SEND, a_form(), timeout=0.3)
    took = time.monotonic() - started
    stage.wait_until_idle()

    assert (took >= 0.3) is fault.startswith("api_timeout")
    rows = stage.control("messages")["messages"]
    assert [(row["answer_reached_client"], row["status"]) for row in rows] == [(False, "sent")] * sent
    assert len(stage.control("handsets/+919000000101")["inbox"]) == sent


def test_a_request_that_got_no_answer_ends_after_a_while(
    serve: Callable[..., Any], a_form: Callable[..., Any]
) -> None:
    stage = serve(faults={"api_timeout_before": 1}, timing={"hang_seconds": 0.1})
    started = time.monotonic()
    with pytest.raises(OSError):
        stage.exotel(SEND, a_form())

    assert 0.1 <= time.monotonic() - started < 2


def test_the_next_request_of_the_same_text_meets_its_own_fate(
    serve: Callable[..., Any], a_form: Callable[..., Any]
) -> None:
    """At half the rate asking again gets through; another network with the seed does the same."""
    stages = [serve(faults={"api_429": 0.5}, seed=5) for _ in range(2)]
    fates = [[stage.exotel(SEND, a_form()).status for _ in range(12)] for stage in stages]

    assert set(fates[0]) == {200, 429}
    assert fates[0] == fates[1]
