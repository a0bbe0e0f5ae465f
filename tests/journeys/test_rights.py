"""Each function has the rights that its work takes, and they are those of the template: here they are enforced, as on AWS."""

import json
import time
import urllib.request

import boto3
import pytest

from ringback import settings
from ringback.runtime import Runtime
from ringback.services import campaigns
from ringback_local.network import parsed, sample_documents
from ringback_local.stack import Options, Stack

pytestmark = pytest.mark.enable_socket

CALLER, NUMBER = "+919000000101", "+918040001001"


def test_a_missed_call_goes_its_whole_way_with_the_templates_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the callback to the delivery report, and every scheduled run: no function is refused anything it asks for."""
    documents = sample_documents()
    with Stack(parsed(documents), Options(enforces_rights=True)) as stack:
        for name, value in stack.environment().items():
            monkeypatch.setenv(name, value)
        runtime = Runtime(settings.from_environment())
        for document in documents:
            campaigns.publish(runtime, document)

        ring(stack)
        delivered = wait_for_delivery(stack)
        stack.invoke("Release")
        stack.invoke("Reconcile")

        assert delivered
        assert not [line for _, line in stack.logs() if "AccessDenied" in line or "not authorized" in line]


def test_a_function_is_refused_what_the_template_does_not_grant() -> None:
    """Else the test above would prove nothing."""
    with Stack([], Options(enforces_rights=True)) as stack:
        role = stack.client("lambda").get_function_configuration(FunctionName="VoiceWebhook")["Role"]
        held = stack.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        door = boto3.Session(held["AccessKeyId"], held["SecretAccessKey"], held["SessionToken"], "ap-south-1")
        dynamodb = door.client("dynamodb", endpoint_url=stack.addresses.aws_url)

        dynamodb.put_item(
            TableName="ringback-journal", Item={"source_id": {"S": "call-1"}, "fact": {"S": "call-missed"}}
        )
        with pytest.raises(dynamodb.exceptions.ClientError, match="not authorized"):
            dynamodb.scan(TableName="ringback-contacts")


def ring(stack: Stack) -> None:
    body = json.dumps({"from": CALLER, "to": NUMBER}).encode()
    urllib.request.urlopen(
        urllib.request.Request(
            f"{stack.addresses.network_url}/control/ring", body, {"content-type": "application/json"}
        )
    ).close()


def wait_for_delivery(stack: Stack, seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        items = stack.client("dynamodb").scan(TableName="ringback-messages")["Items"]
        if [item["state"]["S"] for item in items] == ["delivered"]:
            return True
        time.sleep(0.05)
    return False
