"""Every function from its event to its reply, with the environment and the requests it would have in Lambda."""

import json
from collections.abc import Iterator
from datetime import timedelta
from traceback import format_exception
from urllib.parse import quote

import pytest

from ringback import runtime, settings
from ringback.domain.errors import Misconfigured
from ringback.domain.messages import State
from ringback.services import callbacks
from ringback.store import watermarks
from tests.deployment import (
    CALLER,
    OTHER_CALLER,
    TOKENS,
    VOLUNTEER,
    Deployment,
    client,
    environment,
    local,
)
from tests.integration.functions import (
    LISTING_URL,
    NAMES,
    SCHEDULED,
    Functions,
    delivery_report,
    fresh,
    http,
    missed_call,
    running,
    sqs,
    stream,
)
from tests.integration.wire import AwsRequest, Killer, Moment, Throttler, listening

VOICE = f"/voice/{TOKENS['clean-water']}"


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Iterator[Functions]:
    with running(monkeypatch) as started:
        yield started


def emf(captured: str) -> dict[str, float]:
    """The metrics written to the log in CloudWatch's embedded format."""
    found: dict[str, float] = {}
    for line in captured.splitlines():
        document = json.loads(line)
        for metric in document.get("_aws", {}).get("CloudWatchMetrics", []):
            for defined in metric["Metrics"]:
                found[defined["Name"]] = found.get(defined["Name"], 0) + sum(document[defined["Name"]])
    return found


def react_to_everything(functions: Functions) -> None:
    entries = functions.pending()
    functions.invoke("react", stream(*entries))
    functions._reacted |= {(entry.source_id, entry.key) for entry in entries}


def send_bodies(functions: Functions) -> list[str]:
    return functions.bodies(functions.runtime.settings.send_queue_url)


# The whole way


def test_a_missed_call_goes_through_all_functions_to_a_delivered_message(functions: Functions) -> None:
    assert functions.invoke("voice_webhook", missed_call())["statusCode"] == 200
    react_to_everything(functions)
    assert functions.invoke("send_message", sqs(*send_bodies(functions))) == {"batchItemFailures": []}
    (form,) = functions.sms_taken()
    assert quote(CALLER) in form
    assert State.SENT is functions.message().state

    report = delivery_report(functions, functions.message(), "sent", "20005")
    assert functions.invoke("sms_webhook", report)["statusCode"] == 200
    react_to_everything(functions)

    assert State.DELIVERED is functions.message().state
    assert functions.counts()["verified"] == 1


# The voice door


def test_the_voice_door_answers_kept_callbacks_with_an_empty_200(functions: Functions) -> None:
    reply = functions.invoke("voice_webhook", missed_call())

    assert (reply["statusCode"], reply["body"]) == (200, "")
    assert reply["headers"]["content-type"] == "text/plain"


@pytest.mark.parametrize(
    "path",
    [
        "/voice/a-wrong-token/missed-call",
        "/voice//missed-call",
        "/voice/missed-call",
        VOICE,
        f"{VOICE}/missed-call/again",
        f"{VOICE}/",
        "/",
    ],
)
def test_an_address_we_never_gave_out_is_404_without_a_write(
    functions: Functions, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    capsys.readouterr()
    reply = functions.invoke("voice_webhook", http(path, "CallSid=1"))

    assert (reply["statusCode"], reply["body"]) == (404, "")
    assert functions.entries() == []
    assert emf(metric_lines(capsys))["CallbackRejected"] == 1


def metric_lines(capsys: pytest.CaptureFixture[str]) -> str:
    return "\n".join(line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line)


def test_a_stage_name_before_the_path_does_not_matter(functions: Functions) -> None:
    event = missed_call()
    event["rawPath"] = f"/prod{event['rawPath']}"

    assert functions.invoke("voice_webhook", event)["statusCode"] == 200
    assert len(functions.entries()) == 1


def test_head_has_no_effect_and_the_headers_of_get(functions: Functions) -> None:
    head = functions.invoke("voice_webhook", missed_call() | {"requestContext": {"http": {"method": "HEAD"}}})
    assert functions.entries() == []
    get = functions.invoke("voice_webhook", missed_call())

    assert get == head
    assert len(functions.entries()) == 1


FORM = f"CallSid=call-1&From={local(CALLER)}&To={local(VOLUNTEER)}"
PARTS = "".join(
    f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
    for name, value in (pair.split("=") for pair in FORM.split("&"))
)
BODIES = {
    "form": (FORM, "application/x-www-form-urlencoded"),
    "form in base64": (FORM.encode(), "application/x-www-form-urlencoded"),
    "multipart in base64": (f"{PARTS}--b--\r\n".encode(), "multipart/form-data; boundary=b"),
    "JSON": (json.dumps(dict(pair.split("=") for pair in FORM.split("&"))), "application/json"),
}


@pytest.mark.parametrize(("body", "content_type"), BODIES.values(), ids=BODIES)
def test_a_callback_in_any_encoding_of_its_body_is_the_same_fact(
    functions: Functions, body: bytes | str, content_type: str
) -> None:
    event = http(f"{VOICE}/missed-call", method="POST", body=body, content_type=content_type)

    assert functions.invoke("voice_webhook", event)["statusCode"] == 200
    assert (functions.entry().source_id, functions.entry().key) == ("exotel:call-1", "call-missed")
    assert functions.entry().raw == FORM


def test_repeated_keys_and_commas_reach_us_as_they_were_sent(functions: Functions) -> None:
    """`queryStringParameters` joins repeated keys with commas; the raw query does not."""
    event = missed_call(Created="Mon, 02 Mar 2026 11:00:00")
    event["rawQueryString"] += "&Unknown=1&Unknown=2"
    event["queryStringParameters"] = {"Unknown": "1,2"}
    functions.invoke("voice_webhook", event)

    assert functions.entry().raw.endswith("Unknown=1&Unknown=2")
    react_to_everything(functions)
    assert functions.contact() is not None


def test_a_door_whose_table_fails_raises_so_that_the_provider_hears_of_it(functions: Functions) -> None:
    with listening(Throttler("PutItem", "test-journal")), pytest.raises(Exception, match="slow down"):
        functions.invoke("voice_webhook", missed_call())

    assert functions.entries() == []


# The SMS door


def test_a_delivery_report_without_its_proof_is_404_without_a_write(
    functions: Functions, capsys: pytest.CaptureFixture[str]
) -> None:
    functions.invoke("voice_webhook", missed_call())
    react_to_everything(functions)
    message = functions.message()
    good = callbacks.report_address(functions.runtime, message.message_id).rpartition("/")[2]
    capsys.readouterr()
    wrong = ["", "A" * len(good), good[:-1], good + "A", quote("प्रमाण")]
    for proof in wrong:
        event = http(f"/sms/status/{message.message_id}/{proof}", "Status=sent&DetailedStatusCode=20005")
        assert functions.invoke("sms_webhook", event)["statusCode"] == 404
    other = http(f"/sms/status/{message.message_id}x/{good}", "Status=sent&DetailedStatusCode=20005")
    assert functions.invoke("sms_webhook", other)["statusCode"] == 404

    assert len(functions.entries()) == 1
    assert len(wrong) + 1 == emf(metric_lines(capsys))["CallbackRejected"]


def test_a_report_that_cannot_be_read_is_kept_and_answered_200(functions: Functions) -> None:
    functions.invoke("voice_webhook", missed_call())
    react_to_everything(functions)
    event = delivery_report(functions, functions.message(), "", "")

    assert functions.invoke("sms_webhook", event)["statusCode"] == 200
    react_to_everything(functions)
    assert functions.counts()["unparsed"] == 1


# React


def test_react_takes_only_inserts(functions: Functions) -> None:
    """TTL removals and erasures are not facts; the mapping filters them, and so does the code."""
    functions.invoke("voice_webhook", missed_call())
    for name in ("MODIFY", "REMOVE"):
        assert functions.invoke("react", stream(functions.entry(), name=name)) == {}

    assert functions.contact() is None


def test_a_fact_that_fails_goes_to_the_retry_queue_and_blocks_no_other(functions: Functions) -> None:
    functions.invoke("voice_webhook", missed_call("call-1"))
    functions.invoke("voice_webhook", missed_call("call-2", OTHER_CALLER))
    with listening(Throttler("UpdateItem", "test-contacts")):
        assert functions.invoke("react", stream(*functions.entries())) == {}
    assert functions.contact(CALLER) is None
    assert functions.contact(OTHER_CALLER) is not None
    assert functions.counts()["raw"] == 1

    bodies = functions.bodies(functions.runtime.settings.react_retry_queue_url)
    assert bodies == ['["exotel:call-1", "call-missed"]']
    assert functions.invoke("react", sqs(*bodies)) == {"batchItemFailures": []}
    assert functions.contact(CALLER) is not None
    assert functions.counts()["raw"] == 2


def test_retries_that_fail_again_are_reported_one_by_one(functions: Functions) -> None:
    functions.invoke("voice_webhook", missed_call("call-1"))
    good = '["exotel:call-1", "call-missed"]'
    reply = functions.invoke("react", sqs("{", good, '["exotel:nobody", "call-missed"]', "[1, 2]"))

    failed = [item["itemIdentifier"] for item in reply["batchItemFailures"]]
    assert failed == ["message-0", "message-2", "message-3"]
    assert functions.contact(CALLER) is not None


def test_a_reaction_that_dies_leaves_its_batch_to_the_stream(functions: Functions) -> None:
    functions.invoke("voice_webhook", missed_call())
    with listening(Throttler("SendMessageBatch", "test-send")), pytest.raises(Exception, match="slow down"):
        functions.invoke("react", stream(functions.entry()))
    functions.invoke("react", stream(functions.entry()))

    assert len(send_bodies(functions)) == 1


# Send


def test_poison_fails_alone_and_the_rest_of_the_batch_is_sent(functions: Functions) -> None:
    functions.invoke("voice_webhook", missed_call())
    react_to_everything(functions)
    (good,) = send_bodies(functions)
    poison = ["{", '{"person": "x"}', '["", ""]', json.dumps(["x" * 300_000, "y"]), "null"]
    reply = functions.invoke("send_message", sqs(*poison, good))

    expected = [{"itemIdentifier": f"message-{index}"} for index in range(len(poison))]
    assert expected == reply["batchItemFailures"]
    assert len(functions.sms_taken()) == 1


def test_a_message_still_claimed_by_another_worker_is_reported_and_one_that_is_over_is_not(
    functions: Functions,
) -> None:
    functions.invoke("voice_webhook", missed_call())
    react_to_everything(functions)
    (body,) = send_bodies(functions)
    killer = Killer(0, Moment.AFTER)

    def dies_with_its_claim(moment: Moment, request: object) -> None:
        if moment is Moment.AFTER and getattr(request, "operation", "") == "UpdateItem":
            if "test-messages" in getattr(request, "places", ()):
                killer(moment, request)  # type: ignore[arg-type]
        elif killer.victim:
            killer(moment, request)  # type: ignore[arg-type]

    with listening(dies_with_its_claim), pytest.raises(BaseException):  # noqa: B017
        functions.invoke("send_message", sqs(body))
    assert functions.sms_taken() == []
    assert functions.invoke("send_message", sqs(body))["batchItemFailures"] == [
        {"itemIdentifier": "message-0"}
    ]
    functions.clock.move(minutes=12)
    assert functions.invoke("send_message", sqs(body))["batchItemFailures"] == []
    assert State.UNKNOWN is functions.message().state
    assert functions.invoke("send_message", sqs(body))["batchItemFailures"] == []
    assert functions.sms_taken() == []


# Schedules


def test_release_puts_back_what_is_due_and_stops_when_its_time_runs_out(functions: Functions) -> None:
    functions.clock.move(hours=11)
    functions.invoke("voice_webhook", missed_call())
    react_to_everything(functions)
    functions.invoke("send_message", sqs(*send_bodies(functions)))
    assert State.HELD is functions.message().state
    nothing = {"released": 0, "listed": 0, "gone_quiet": 0, "promises_kept": 0, "voters_queued": 0}
    assert functions.invoke("release", SCHEDULED) == nothing
    functions.clock.move(hours=12)
    assert functions.invoke("release", SCHEDULED, seconds_left=5)["released"] == 1
    functions.invoke("send_message", sqs(*send_bodies(functions)))

    assert len(functions.sms_taken()) == 1


NOTHING_SWEPT = dict.fromkeys(
    (
        "legs_asked_after",
        "settled",
        "breached",
        "reviews_settled",
        "reviews_expired",
        "approvals_expired",
        "leases_settled",
        "slots_corrected",
        "diverging",
        "voters_found",
    ),
    0,
)


def test_reconcile_makes_the_facts_that_callbacks_should_have_made(functions: Functions) -> None:
    watermarks.advance("calls-exotel", functions.clock.now())
    functions.clock.move(minutes=10)
    record = {
        "Sid": "call-1",
        "From": local(CALLER),
        "To": local(VOLUNTEER),
        "Direction": "inbound",
        "Status": "no-answer",
        "StartTime": "2026-03-02 11:00:00",
    }
    functions.exotel.replace("GET", LISTING_URL, json={"Metadata": {"Total": 1}, "Calls": [record]})
    first = functions.invoke("reconcile", SCHEDULED)
    second = functions.invoke("reconcile", SCHEDULED)

    assert first == {"listed": 1, "created": 1, "complete": True} | NOTHING_SWEPT
    assert second == {"listed": 1, "created": 0, "complete": True} | NOTHING_SWEPT
    react_to_everything(functions)
    assert functions.contact(CALLER) is not None


def test_reconcile_stops_in_time_and_says_how_far_behind_it_is(
    functions: Functions, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()

    stopped = functions.invoke("reconcile", SCHEDULED, seconds_left=5)

    assert stopped == {"listed": 0, "created": 0, "complete": False} | NOTHING_SWEPT
    assert emf(metric_lines(capsys))["ReconcileLagSeconds"] > 24 * 3600


def test_reconcile_sweeps_reviews_though_it_broke_off_before(functions: Functions) -> None:
    asked: list[str] = []

    def refuses(moment: Moment, request: AwsRequest) -> None:
        asked.extend(request.places)
        if "test-calls/index/live" in request.places:
            raise LookupError("no room")

    with listening(refuses), pytest.raises(Exception, match="no room"):
        functions.invoke("reconcile", SCHEDULED)

    assert "test-reviews/index/waiting" in asked[asked.index("test-calls/index/live") :]


def test_an_error_reaches_lambda_without_the_numbers_in_it(functions: Functions) -> None:
    """Lambda writes it into its own log line, past our formatter."""

    def refuses(moment: Moment, request: object) -> None:
        raise LookupError(f"no room for {CALLER}")

    with listening(refuses), pytest.raises(Exception, match="no room for") as raised:
        functions.invoke("voice_webhook", missed_call())

    assert raised.type.__name__ == "LookupError"
    assert CALLER[3:] not in "".join(format_exception(raised.value))


# Settings


REQUIRED = (
    "TABLE_PREFIX",
    "SEND_QUEUE_URL",
    "DIAL_QUEUE_URL",
    "REACT_RETRY_QUEUE_URL",
    "RECORDING_QUEUE_URL",
    "RECORDINGS_BUCKET",
    "ANSWER_GRIEVANCE_ARN",
    "VERIFY_INFLUENCER_ARN",
    "PATCH_CALL_ARN",
    "RING_BACK_PATCH_ARN",
    "SECRETS_NAME",
    "EXOTEL_BASE_URL",
)
MISSPELLED = {
    "VOICE_TOKENS": "clean-water=abc",
    "SMS_PER_MINUTE": "many",
    "CALLS_PER_MINUTE": "some",
    "CLOCK_OFFSET_SECONDS": "soon",
    "SEND_LEASE_SECONDS": "long",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_misconfigured_function_fails_at_import_and_names_every_variable(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for variable, value in (environment() | MISSPELLED).items():
        monkeypatch.setenv(variable, value)
    for variable in REQUIRED:
        monkeypatch.delenv(variable)
    runtime.current.cache_clear()
    with pytest.raises(Misconfigured) as problem:
        fresh(name)

    assert [variable for variable in (*REQUIRED, *MISSPELLED) if variable not in str(problem.value)] == []


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1"])
@pytest.mark.parametrize("name", ["SMS_PER_MINUTE", "SEND_LEASE_SECONDS", "CATALOG_CACHE_SECONDS"])
def test_a_number_no_setting_can_have_is_refused_by_the_name_of_its_variable(name: str, value: str) -> None:
    with pytest.raises(Misconfigured, match=f"{name} must be a number from 0 up, not '{value}'"):
        settings.from_environment(environment(**{name: value}))


def test_a_clock_may_be_moved_back_but_not_out_of_time() -> None:
    moved = settings.from_environment(environment(CLOCK_OFFSET_SECONDS="-90"))

    assert moved.clock_offset == timedelta(seconds=-90)
    with pytest.raises(Misconfigured, match="CLOCK_OFFSET_SECONDS must be a number, not 'inf'"):
        settings.from_environment(environment(CLOCK_OFFSET_SECONDS="inf"))


def test_a_secret_that_is_not_as_documented_is_named_without_being_shown(
    deployment: Deployment,
) -> None:
    client("secretsmanager").put_secret_value(
        SecretId="test-secrets", SecretString='{"person_pepper": "not hex"}'
    )
    with pytest.raises(Misconfigured, match="test-secrets") as problem:
        _ = deployment.runtime.secrets

    assert "not hex" not in str(problem.value)
