"""Which deployment a command talks to: the local stack, or a CloudFormation stack by its name.

Its settings are those of its functions, read from one of them, so a command and the functions can never disagree.
"""

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import boto3
import click
from botocore.exceptions import ClientError

from ringback import settings
from ringback.domain.errors import NotFound
from ringback.runtime import Runtime

if TYPE_CHECKING:
    from ringback_local.stack import Addresses

P = ParamSpec("P")

_WITH_ALL_SETTINGS = "Release"
"""Every function has the same environment; this one is asked for it."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A running Ringback."""

    name: str
    runtime: Runtime
    send_dead_letters_url: str
    dial_dead_letters_url: str
    react_dead_letters_url: str
    recording_dead_letters_url: str


def of_stack(stack: str) -> Deployment:
    """The deployment of a CloudFormation stack in the account and region that the environment names; `NotFound` without one."""
    session = boto3.Session()
    if region := os.environ.get("AWS_REGION") or session.region_name:
        os.environ["AWS_DEFAULT_REGION"] = region  # pynamodb's sessions know no AWS_REGION
    cloudformation = boto3.client("cloudformation")
    try:
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        raise NotFound(
            f"there is no CloudFormation stack {stack} in {region}: is AWS_PROFILE or AWS_REGION another one's?"
        ) from None
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
    return Deployment(
        name=stack,
        runtime=Runtime(settings.from_environment(_environment(stack))),
        send_dead_letters_url=outputs["SendDeadLettersUrl"],
        dial_dead_letters_url=outputs["DialDeadLettersUrl"],
        react_dead_letters_url=outputs["ReactDeadLettersUrl"],
        recording_dead_letters_url=outputs["RecordingDeadLettersUrl"],
    )


def local() -> Deployment:
    """The local stack's deployment; `NotFound` when none runs. From here on this process talks to nothing but that stack."""
    from ringback_local import deploy, template

    addresses = local_addresses()
    os.environ.pop("AWS_PROFILE", None)
    os.environ.pop("AWS_SESSION_TOKEN", None)
    os.environ |= {
        "AWS_ENDPOINT_URL": addresses.aws_url,
        "AWS_REGION": template.REGION,
        "AWS_DEFAULT_REGION": template.REGION,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    return of_stack(deploy.STACK_NAME)


def local_addresses() -> "Addresses":
    """Where the local stack listens; `NotFound` when none runs."""
    from ringback_local import stack

    addresses = stack.running(local_state())
    if addresses is None:
        raise NotFound(
            "no local stack is running: start one with `ringback local up`, or name a deployment with --stack"
        )
    return addresses


def local_state() -> Path:
    """The folder where the local stack keeps everything: RINGBACK_STATE, or `.local` beside the sources."""
    from ringback_local.stack import STATE

    return Path(os.environ.get("RINGBACK_STATE") or STATE)


option = click.option(
    "--stack",
    envvar="RINGBACK_STACK",
    metavar="NAME",
    show_envvar=True,
    help="The CloudFormation stack to talk to; without it, the local stack.",
)


def connect(stack: str | None) -> Deployment:
    """The deployment that this command was given, that `--stack` names, or the local one."""
    given = click.get_current_context().obj
    if isinstance(given, Deployment):
        return given
    return of_stack(stack) if stack else local()


def on_deployment(command: Callable[Concatenate[Deployment, P], None]) -> Callable[P, None]:
    """Give a command the option `--stack`, and the deployment it means as first argument."""

    @option
    @functools.wraps(command)
    def connected(*args: P.args, **kwargs: P.kwargs) -> None:
        stack = kwargs.pop("stack")
        command(connect(str(stack) if stack else None), *args, **kwargs)

    return connected


def _environment(stack: str) -> Mapping[str, str]:
    described = boto3.client("cloudformation").describe_stack_resource(
        StackName=stack, LogicalResourceId=_WITH_ALL_SETTINGS
    )
    name = described["StackResourceDetail"]["PhysicalResourceId"]
    answer = boto3.client("lambda").get_function_configuration(FunctionName=name)
    variables: Mapping[str, str] = answer["Environment"]["Variables"]
    return variables
