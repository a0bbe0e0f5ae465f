"""The emulator behaves as AWS does where we rely on it: with handlers that only tell what they were given.

Every test here would pass on AWS with the same template. A work-around that goes wrong shows here first.
"""

import base64
import http.client
import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ringback_local import template
from ringback_local.stack import Options, Stack

pytestmark = pytest.mark.enable_socket

DOOR = """
import json

class TellingError(Exception): pass

def lambda_handler(event, context):
    print("heard", event["rawPath"])
    if event["rawPath"].endswith("/error"):
        raise TellingError("as asked")
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(event)}
"""

READER = """
import json, os, boto3
dynamodb, sqs = boto3.client("dynamodb"), boto3.client("sqs")
def lambda_handler(event, context):
    failures = []
    for record in event["Records"]:
        if "body" in record:
            name, body = "queue", json.loads(record["body"])
        else:
            name, body = "stream", {"id": record["dynamodb"]["NewImage"]["source_id"]["S"], "fails": False}
            if body["id"].startswith("poison"):
                raise ValueError("poison")
        if body["fails"]:
            failures.append({"itemIdentifier": record["messageId"]})
            continue
        dynamodb.update_item(
            TableName=os.environ["TABLE_PREFIX"] + "contacts", Key={"person": {"S": body["id"]}},
            UpdateExpression="ADD seen :one SET told_by = :name",
            ExpressionAttributeValues={":one": {"N": "1"}, ":name": {"S": name}})
    return {"batchItemFailures": failures}
"""

SCHEDULED = """
import json, os, boto3
def lambda_handler(event, context):
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRETS_NAME"])
    return {"secret": sorted(json.loads(secret["SecretString"])), "event": event,
            "milliseconds": context.get_remaining_time_in_millis(), "name": context.function_name}
"""

HANDLERS = {
    "voice_webhook": DOOR,
    "sms_webhook": DOOR,
    "react": READER,
    "send_message": READER,
    "release": SCHEDULED,
    "reconcile": SCHEDULED,
    "copy_recording": READER,
    "grievance_clock": SCHEDULED,
    "verify_influencer": SCHEDULED,
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our template, with handlers that tell what they were given."""
    root = tmp_path_factory.mktemp("root")
    shutil.copy(template.TEMPLATE, root)
    shutil.copytree(template.ROOT / "statemachines", root / "statemachines")
    for name, source in HANDLERS.items():
        folder = root / "functions" / name
        folder.mkdir(parents=True)
        (folder / "app.py").write_text(source)
    return root


@pytest.fixture(scope="module")
def stack(root: Path) -> Iterator[Stack]:
    with Stack([], Options(visibility_seconds=1), root=root) as stack:
        yield stack


class Answer:
    def __init__(
        self, stack: Stack, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", stack.addresses.api_port)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        self.status = answer.status
        self.body = answer.read()
        connection.close()

    @property
    def event(self) -> Any:
        """What the handler was given."""
        return json.loads(self.body)


def eventually(holds: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def seen(stack: Stack, person: str) -> int:
    item = stack.client("dynamodb").get_item(TableName="ringback-contacts", Key={"person": {"S": person}})
    return int(item.get("Item", {}).get("seen", {"N": "0"})["N"])


# The HTTP API


def test_a_query_reaches_the_handler_as_it_was_sent(stack: Stack) -> None:
    """Repeated keys are joined with commas in the parsed form, and Exotel's dates hold commas."""
    query = "a=1&a=2&when=Sat%2C+21+Nov&%5Bx%5D=%E2%82%B9"

    event = Answer(stack, "GET", f"/voice/token/missed-call?{query}").event

    assert event["rawQueryString"] == query
    assert event["queryStringParameters"]["a"] == "1,2"
    assert event["rawPath"] == "/voice/token/missed-call"
    assert (event["version"], event["routeKey"]) == ("2.0", "ANY /voice/{proxy+}")
    assert "body" not in event


BODIES = {
    "form": ("application/x-www-form-urlencoded", b"SmsSid=1&To=%2B91", True),
    "multipart": ("multipart/form-data; boundary=x", b"--x\r\n\r\n\xff\x00\r\n--x--", True),
    "binary": ("application/octet-stream", b"\x00\xff", True),
    "json": ("application/json", b'{"Status": "sent"}', False),
    "text": ("text/plain; charset=utf-8", "नमस्ते".encode(), False),
}


@pytest.mark.parametrize(("content_type", "body", "is_encoded"), BODIES.values(), ids=BODIES)
def test_a_body_comes_base64_unless_it_is_text(
    stack: Stack, content_type: str, body: bytes, is_encoded: bool
) -> None:
    event = Answer(stack, "POST", "/sms/status/m/proof", body, content_type=content_type).event

    assert event["isBase64Encoded"] is is_encoded
    assert body == (base64.b64decode(event["body"]) if is_encoded else event["body"].encode())


def test_a_head_is_routed_and_answered_without_a_body(stack: Stack) -> None:
    answer = Answer(stack, "HEAD", "/voice/token/missed-call")

    assert (answer.status, answer.body) == (200, b"")


def test_what_no_route_matches_is_not_found(stack: Stack) -> None:
    assert Answer(stack, "GET", "/elsewhere").status == 404


def test_a_handler_that_raises_is_a_500_and_its_error_is_logged_with_its_type(stack: Stack) -> None:
    answer = Answer(stack, "GET", "/voice/token/error")

    assert (answer.status, answer.event) == (500, {"message": "Internal Server Error"})
    assert ("VoiceWebhook", "[ERROR] TellingError: as asked") in stack.logs()


def test_many_requests_at_once_are_all_answered(stack: Stack) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(32) as threads:
        answers = list(
            threads.map(lambda n: Answer(stack, "GET", f"/voice/t/{n}").event["rawPath"], range(200))
        )

    assert answers == [f"/voice/t/{n}" for n in range(200)]


# The journal's stream


def put_fact(stack: Stack, source_id: str) -> None:
    stack.client("dynamodb").put_item(
        TableName="ringback-journal", Item={"source_id": {"S": source_id}, "fact": {"S": "call-missed"}}
    )


def test_a_new_fact_reaches_react_within_a_second(stack: Stack) -> None:
    put_fact(stack, "prompt")

    eventually(lambda: seen(stack, "prompt"), 1.0)


def test_react_does_not_hear_of_removals_and_changes(stack: Stack) -> None:
    dynamodb = stack.client("dynamodb")
    put_fact(stack, "removed")
    key = {"source_id": {"S": "removed"}, "fact": {"S": "call-missed"}}
    dynamodb.update_item(
        TableName="ringback-journal",
        Key=key,
        UpdateExpression="SET told = :told",
        ExpressionAttributeValues={":told": {"S": "changed"}},
    )
    dynamodb.delete_item(TableName="ringback-journal", Key=key)
    stack.wait_until_done()

    assert seen(stack, "removed") == 1


def test_one_poison_fact_among_many_ends_in_the_dead_letters_and_the_others_arrive(stack: Stack) -> None:
    facts = [f"good-{n}" for n in range(30)]
    for fact in (*facts[:15], "poison", *facts[15:]):
        put_fact(stack, fact)

    eventually(lambda: all(seen(stack, fact) for fact in facts), 20.0)
    eventually(lambda: dead_letters(stack, "react"), 20.0)


def dead_letters(stack: Stack, queue: str) -> int:
    sqs = stack.client("sqs")
    url = sqs.get_queue_url(QueueName=f"ringback-{queue}-dead-letters")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(attributes["Attributes"]["ApproximateNumberOfMessages"])


# Queues


def send(stack: Stack, message_id: str, fails: bool = False, delay: int = 0) -> None:
    sqs = stack.client("sqs")
    url = sqs.get_queue_url(QueueName="ringback-send")["QueueUrl"]
    sqs.send_message(
        QueueUrl=url, MessageBody=json.dumps({"id": message_id, "fails": fails}), DelaySeconds=delay
    )


def test_a_message_is_handled_within_a_second(stack: Stack) -> None:
    send(stack, "at-once")

    eventually(lambda: seen(stack, "at-once"), 1.0)


def test_a_delayed_message_waits(stack: Stack) -> None:
    send(stack, "later", delay=2)
    time.sleep(1.0)

    assert seen(stack, "later") == 0

    eventually(lambda: seen(stack, "later"), 4.0)


def test_only_the_message_that_fails_comes_again_and_ends_in_the_dead_letters(stack: Stack) -> None:
    for n in range(5):
        send(stack, f"partial-{n}", fails=n == 2)

    eventually(lambda: dead_letters(stack, "send") == 1, 30.0)
    assert [seen(stack, f"partial-{n}") for n in range(5)] == [1, 1, 0, 1, 1]


# Schedules, secrets, invocations


def test_a_function_is_invoked_by_name_and_reads_its_secret(stack: Stack) -> None:
    result = stack.invoke("Reconcile", {"why": "asked"})

    assert result["secret"] == ["callback_key", "exotel", "person_pepper"]
    assert (result["event"], result["name"]) == ({"why": "asked"}, "Reconcile")
    assert 200_000 < result["milliseconds"] <= 240_000


def test_each_schedule_has_its_function_for_a_target(stack: Stack) -> None:
    events = stack.client("events")
    rules = {rule["Name"]: rule for rule in events.list_rules()["Rules"]}
    targets = {
        rule["ScheduleExpression"]: events.list_targets_by_rule(Rule=name)["Targets"][0]["Arn"].rpartition(
            ":"
        )[2]
        for name, rule in rules.items()
    }

    assert targets == {"rate(1 minute)": "Release", "rate(5 minutes)": "Reconcile"}
    assert {rule["State"] for rule in rules.values()} == {"ENABLED"}


# Runs


def test_what_was_not_delivered_before_a_stop_is_delivered_after_it(root: Path, tmp_path: Path) -> None:
    facts = [f"late-{n}" for n in range(40)]
    with Stack([], state=tmp_path / "state", root=root) as first:
        for fact in facts:
            put_fact(first, fact)

    with Stack([], state=tmp_path / "state", root=root) as second:
        eventually(lambda: all(seen(second, fact) for fact in facts))


def test_a_second_run_knows_what_the_first_stored_and_runs_the_sources_of_now(
    root: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    with Stack([], state=state, root=root) as first:
        put_fact(first, "kept")
        first.wait_until_done()
        standing = first.now()

    with Stack([], state=state, root=root) as second:
        assert seen(second, "kept") == 1
        assert second.keys == first.keys
        assert second.now() >= standing
        assert Answer(second, "GET", "/voice/t/again").status == 200
        put_fact(second, "new")
        eventually(lambda: seen(second, "new"), 5.0)
        assert seen(second, "kept") == 1


def test_a_port_that_was_taken_meanwhile_is_given_up_for_another(root: Path, tmp_path: Path) -> None:
    """Queues and what is in them are found again all the same."""
    with Stack([], state=tmp_path / "state", root=root) as first:
        send(first, "waiting", delay=5)

    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", first.addresses.gateway_port))
        other.listen()
        with Stack([], state=tmp_path / "state", root=root) as second:
            assert second.addresses.gateway_port != first.addresses.gateway_port
            eventually(lambda: seen(second, "waiting"), 15.0)


def test_a_stack_left_behind_is_stopped_by_its_state(root: Path, tmp_path: Path) -> None:
    from ringback_local import stack as stacks

    state = tmp_path / "state"
    left = Stack([], state=state, root=root).start()
    left.leave_running()

    assert stacks.running(state) == left.addresses
    assert stacks.stop(state)
    assert stacks.running(state) is None
    assert not stacks.stop(state)
