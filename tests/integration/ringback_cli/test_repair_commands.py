"""`ringback redrive`, `replay` and `recount`: each puts right what went wrong, and is safe to run twice."""

import json
from collections import Counter
from datetime import datetime, timedelta

import boto3

from ringback.domain.metrics import Hour
from ringback.queues import Ticket, put
from ringback.store import counters
from ringback_cli.deployment import Deployment as Connected
from tests.deployment import Deployment
from tests.integration.ringback_cli.conftest import Read, Run


def waiting(url: str) -> int:
    attributes = boto3.client("sqs").get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    return sum(map(int, attributes.values()))


def a_span(first: datetime, last: datetime) -> str:
    """What Lambda leaves of stream records it gave up."""
    batch = {
        "approximateArrivalOfFirstRecord": first.isoformat(),
        "approximateArrivalOfLastRecord": last.isoformat(),
    }
    return json.dumps(
        {"requestContext": {"condition": "RetryAttemptsExhausted"}, "DDBStreamBatchInfo": batch}
    )


def test_dead_letters_go_back_to_their_queues(
    deployment: Deployment, connected: Connected, run: Run, read: Read
) -> None:
    settings = deployment.runtime.settings
    put(connected.send_dead_letters_url, [Ticket("person", f"message-{n}") for n in range(12)])
    put(connected.react_dead_letters_url, [Ticket("source", "fact")])

    assert read("redrive", "send") == {"send": {"moved": 12, "spans replayed": 0, "left": 0}}
    assert waiting(connected.send_dead_letters_url) == 0
    assert waiting(settings.send_queue_url) == 12
    assert "react: 1 moved, 0 spans replayed, 0 left" in run("redrive").output
    assert waiting(settings.react_retry_queue_url) == 1


def test_a_span_the_stream_gave_up_is_replayed_and_its_letter_removed(
    deployment: Deployment, connected: Connected, read: Read
) -> None:
    deployment.ring()
    at = deployment.clock.now()
    boto3.client("sqs").send_message(
        QueueUrl=connected.react_dead_letters_url, MessageBody=a_span(at, at + timedelta(seconds=1))
    )

    assert read("redrive", "react")["react"] == {"moved": 0, "spans replayed": 1, "left": 0}
    assert deployment.contact() is not None
    assert waiting(connected.react_dead_letters_url) == 0


def test_a_span_in_which_nothing_was_found_keeps_its_letter(
    deployment: Deployment, connected: Connected, run: Run
) -> None:
    """Its facts are somewhere else in the journal: the letter is all that tells of them."""
    deployment.ring()
    before = deployment.clock.now() - timedelta(hours=1)
    boto3.client("sqs").send_message(
        QueueUrl=connected.react_dead_letters_url, MessageBody=a_span(before, before)
    )
    result = run("redrive", "react")

    assert result.exit_code == 1
    assert "react: 0 moved, 0 spans replayed, 1 left" in result.stdout
    assert waiting(connected.react_dead_letters_url) == 1


def test_a_letter_that_is_none_of_ours_stays_and_is_told(connected: Connected, run: Run) -> None:
    boto3.client("sqs").send_message(QueueUrl=connected.send_dead_letters_url, MessageBody="hello")

    first, second = run("redrive", "send"), run("redrive", "send")

    assert (first.exit_code, second.exit_code) == (1, 1)
    assert "send: 0 moved, 0 spans replayed, 1 left" in second.stdout
    assert "they stay in their queue" in second.stderr
    assert waiting(connected.send_dead_letters_url) == 1


def test_a_replay_makes_what_is_missing_once(deployment: Deployment, run: Run, read: Read) -> None:
    deployment.ring()
    deployment.clock.move(minutes=5)

    assert read("replay", "--from", "1h")["replayed"] == 1
    assert deployment.contact() is not None
    assert "1 facts replayed, 0 failed" in run("replay", "--from", "1h").output
    assert read("replay", "--from", "1h", "--to", "30m")["replayed"] == 0
    deployment.settle()
    assert len(deployment.provider.taken) == 1


def test_a_replay_that_fails_in_part_says_so(deployment: Deployment, run: Run) -> None:
    deployment.ring()
    boto3.client("dynamodb").delete_table(TableName="test-contacts")
    deployment.clock.move(minutes=5)

    result = run("replay", "--from", "1h")

    assert result.exit_code == 1
    assert "1 facts replayed, 1 failed" in result.stdout
    assert "exotel:call-1" in result.stderr


def test_an_empty_span_is_refused(run: Run) -> None:
    result = run("replay", "--from", "1h", "--to", "2h")

    assert result.exit_code == 1
    assert "--from must be earlier than --to" in result.stderr


def test_a_recount_puts_counters_right_and_prints_the_drift(
    deployment: Deployment, run: Run, read: Read
) -> None:
    deployment.ring()
    deployment.settle()
    deployment.clock.move(minutes=5)

    counters.add({Hour("clean-water", "2026-03-02T11"): Counter({"raw": 2})}, shard=1)

    assert read("recount")["drift"] == [
        {"campaign": "clean-water", "hour": "2026-03-02T11", "count": "raw", "added": -2}
    ]
    assert run("recount").stdout == "drift 0: every counter was right\n"
    assert deployment.counts()["raw"] == 1
