"""Step Functions: starting the machines that wait on people, and telling them what they wait for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

LONGEST_NAME = 80
"""Characters of an execution's name. SOURCE: Step Functions API, StartExecution."""

_STALE = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")


def start(machine_arn: str, name: str, given: Mapping[str, object]) -> bool:
    """Start an execution; False when one of that name was started already (names are taken for 90 days after its end)."""
    assert 0 < len(name) <= LONGEST_NAME
    try:
        _client().start_execution(stateMachineArn=machine_arn, name=name, input=json.dumps(given))
    except ClientError as error:
        if error.response["Error"].get("Code") != "ExecutionAlreadyExists":
            raise
        return False
    return True


def answer(token: str, output: Mapping[str, object]) -> bool:
    """Give a waiting task its answer; False when the token is stale: it was answered, timed out, or its execution is over."""
    try:
        _client().send_task_success(taskToken=token, output=json.dumps(output))
    except ClientError as error:
        if error.response["Error"].get("Code") not in _STALE:
            raise
        return False
    return True


@dataclass(frozen=True, slots=True)
class Entered:
    """One state that an execution came into."""

    state: str
    at: datetime


def story(machine_arn: str, name: str) -> list[Entered]:
    """The states that an execution came into, in their order; none where there is no such execution. Step Functions keeps it for 90 days."""
    arn = f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
    pages = _client().get_paginator("get_execution_history").paginate(executionArn=arn)
    try:
        return [
            Entered(event["stateEnteredEventDetails"]["name"], event["timestamp"])
            for page in pages
            for event in page["events"]
            if "stateEnteredEventDetails" in event
        ]
    except ClientError as error:
        if error.response["Error"].get("Code") != "ExecutionDoesNotExist":
            raise
        return []


@cache
def _client() -> "SFNClient":
    import boto3

    return boto3.client("stepfunctions")
