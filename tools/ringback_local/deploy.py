"""Deploys a translated template to the emulator through CloudFormation, as `sam deploy` would."""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from ringback_local.template import REGION, Template

STACK_NAME = "ringback"
ARTEFACTS = "ringback-artefacts"
"""The bucket the template passes through: CloudFormation takes 51,200 bytes in a request, and a million from S3."""
DEPLOY_SECONDS = 60.0


class NotDeployed(Exception):
    """CloudFormation refused the template, or one of its resources failed."""


def deploy(cloudformation: Any, s3: Any, template: Template, parameters: Mapping[str, str]) -> None:
    """Create the stack or update it, and wait until it stands. Raises `NotDeployed` with each failed resource."""
    arguments = {
        "StackName": STACK_NAME,
        "TemplateURL": _uploaded(s3, template),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM"],
    }
    try:
        if is_deployed(cloudformation):
            cloudformation.update_stack(**arguments)
        else:
            cloudformation.create_stack(**arguments)
    except ClientError as error:
        if "No updates are to be performed" in str(error):
            return
        raise NotDeployed(str(error)) from error
    _wait(cloudformation)


def _uploaded(s3: Any, template: Template) -> str:
    """The address of the template in S3."""
    key = f"{STACK_NAME}.template"
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):  # by an earlier run
        s3.create_bucket(Bucket=ARTEFACTS, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=ARTEFACTS, Key=key, Body=json.dumps(template).encode())
    return f"https://s3.{REGION}.amazonaws.com/{ARTEFACTS}/{key}"


def is_deployed(cloudformation: Any) -> bool:
    try:
        stacks = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
    except ClientError:
        return False
    return any(stack["StackStatus"] != "DELETE_COMPLETE" for stack in stacks)


def _wait(cloudformation: Any) -> None:
    deadline = time.monotonic() + DEPLOY_SECONDS
    while time.monotonic() < deadline:
        (stack,) = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
        status = stack["StackStatus"]
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return
        if not status.endswith("_IN_PROGRESS") or "ROLLBACK" in status:
            raise NotDeployed(
                "\n".join([f"{status}: {stack.get('StackStatusReason', '')}", *_failures(cloudformation)])
            )
        time.sleep(0.05)
    raise NotDeployed(f"still {status} after {DEPLOY_SECONDS:.0f} s")


def _failures(cloudformation: Any) -> list[str]:
    events = cloudformation.describe_stack_events(StackName=STACK_NAME)["StackEvents"]
    return [
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
        for event in events
        if event["ResourceStatus"].endswith("FAILED")
    ]
