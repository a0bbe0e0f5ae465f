"""The command line on a deployment that a test drives."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result

from ringback_cli.deployment import Deployment as Connected
from ringback_cli.main import ringback
from tests.deployment import CALLER, Deployment

Run = Callable[..., Result]
Read = Callable[..., Any]


@pytest.fixture
def connected(deployment: Deployment) -> Connected:
    """The deployment as commands get it, with its dead-letter queues."""
    sqs = boto3.client("sqs")
    return Connected(
        name="test",
        runtime=deployment.runtime,
        send_dead_letters_url=sqs.create_queue(QueueName="test-send-dead-letters")["QueueUrl"],
        dial_dead_letters_url=sqs.create_queue(QueueName="test-dial-dead-letters")["QueueUrl"],
        react_dead_letters_url=sqs.create_queue(QueueName="test-react-dead-letters")["QueueUrl"],
        recording_dead_letters_url=sqs.create_queue(QueueName="test-recordings-dead-letters")["QueueUrl"],
    )


@pytest.fixture
def run(connected: Connected) -> Run:
    """Run a command; a traceback fails the test, and so does a caller's number in clear unless `--clear` asks for it."""

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(ringback, arguments, obj=connected)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        if "--clear" not in arguments:
            assert CALLER[3:] not in result.output
        return result

    return run


@pytest.fixture
def read(run: Run) -> Read:
    """Run a reading command and return its one JSON document."""

    def read(*arguments: str) -> Any:
        result = run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return read
