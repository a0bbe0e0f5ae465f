"""The template's tables alone, over HTTP: what tests and benchmarks of concurrent writers run against, for which moto is not safe.

The emulator's DynamoDB in a process of its own; or any other, where AWS_ENDPOINT_URL_DYNAMODB names it.
"""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from ringback_local import template
from ringback_local.faults import Plan
from ringback_local.processes import HOST, ServerProcess, free_ports

ENDPOINT = "AWS_ENDPOINT_URL_DYNAMODB"

_TABLE = "AWS::DynamoDB::Table"
_WANTED = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")


@contextmanager
def running(prefix: str) -> Iterator[dict[str, str]]:
    """Tables of their own, named with `prefix`, for as long as this lasts; gives the environment in which they are found."""
    if os.environ.get(ENDPOINT):
        environment = {ENDPOINT: os.environ[ENDPOINT]}
        with _tables(prefix, environment):
            yield environment
        return
    with tempfile.TemporaryDirectory(prefix="ringback-") as folder:
        process, url = _started(Path(folder))
        try:
            environment = {
                ENDPOINT: url,
                "AWS_ACCESS_KEY_ID": "local",
                "AWS_SECRET_ACCESS_KEY": "local",
                "AWS_REGION": template.REGION,
                "AWS_DEFAULT_REGION": template.REGION,
            }
            with _tables(prefix, environment):
                yield environment
        finally:
            process.stop()


def _started(folder: Path) -> tuple[ServerProcess, str]:
    gateway, api = free_ports([0, 0])
    environment = {
        "GATEWAY_PORT": str(gateway),
        "BIND_HOST": HOST,
        "IOT_MTLS_ENABLED": "0",  # else it listens on every interface
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{folder}/no-docker",
        "LOG_LEVEL": "WARNING",
        "PERSIST_STATE": "0",
        "STATE_DIR": str(folder / "aws"),
        "MINISTACK_REGION": template.REGION,
        "RINGBACK_LOCAL_GATEWAY_PORT": str(gateway),
        "RINGBACK_LOCAL_API_PORT": str(api),
        "RINGBACK_LOCAL_LOGS": str(folder / "logs"),
        "RINGBACK_LOCAL_ENVIRONMENTS": "1",
        "RINGBACK_LOCAL_FAULTS": Plan().to_json(),
    }
    command = [sys.executable, "-m", "ringback_local.emulator_process"]
    process = ServerProcess("emulator", command, environment, folder / "emulator.log")
    url = f"http://{HOST}:{gateway}"
    process.wait_until_it_answers(url)
    return process, url


@contextmanager
def _tables(prefix: str, environment: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    client = boto3.Session().client("dynamodb")
    names = []
    try:
        for properties in _declared():
            names.append(_name(properties, prefix))
            wanted = {key: properties[key] for key in _WANTED if key in properties}
            client.create_table(TableName=names[-1], **wanted)
        with ThreadPoolExecutor() as waiting:
            list(waiting.map(lambda name: client.get_waiter("table_exists").wait(TableName=name), names))
        yield
    finally:
        for name in names:
            client.delete_table(TableName=name)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _declared() -> Iterator[Mapping[str, Any]]:
    for resource in template.read()["Resources"].values():
        if resource["Type"] == _TABLE:
            yield resource["Properties"]


def _name(properties: Mapping[str, Any], prefix: str) -> str:
    name = properties["TableName"]
    text: str = name["Fn::Sub"] if isinstance(name, Mapping) else name
    return text.replace("${AWS::StackName}-", prefix)
