"""The deployment the integration tests drive: tables and queues as `template.yaml` declares them, on moto, with a clock that
stands still and a provider whose answers a test chooses.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
import yaml
from moto import mock_aws
from samtranslator.yaml_helper import yaml_parse

from ringback import settings
from ringback.domain.campaigns import Campaign
from ringback.domain.contacts import Contact
from ringback.domain.facts import Entry
from ringback.domain.messages import Message
from ringback.domain.phones import person_id
from ringback.domain.times import INDIA
from ringback.providers import exotel
from ringback.providers.base import Accepted, CallbackRequest, CallPage, Outcome, OutgoingSms
from ringback.queues import Ticket, read_or_none
from ringback.runtime import Runtime
from ringback.services import callbacks, campaigns
from ringback.services.callbacks import Verdict
from ringback.services.facts import Reaction
from ringback.services.messages import Sender
from ringback.store import contacts, counters, journal
from ringback.store import messages as ledger

ROOT = Path(__file__).parent.parent
MORNING = datetime(2026, 3, 2, 11, 0, tzinfo=INDIA)
"""A Monday, inside every window."""

TOKENS = {name: f"a-token-of-{name}-for-tests".ljust(43, "0") for name in ("clean-water", "library-hours")}
VOLUNTEER = "+918040001001"
CALLER = "+919000000101"


class StandingClock:
    """A clock that moves only when somebody sleeps or moves it."""

    def __init__(self, at: datetime = MORNING) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at

    def sleep(self, seconds: float) -> None:
        self._at += timedelta(seconds=seconds)

    def move(self, **by: float) -> None:
        self._at += timedelta(**by)


class ScriptedProvider:
    """The outside world: takes SMS and keeps them. `answers` are given in order before everything is accepted."""

    name = exotel.NAME
    read_pairs = staticmethod(exotel.read_pairs)
    read_call = staticmethod(exotel.read_call)
    read_sms_status = staticmethod(exotel.read_sms_status)

    def __init__(self) -> None:
        self.taken: list[OutgoingSms] = []
        self.answers: list[Outcome | Callable[[OutgoingSms], Outcome]] = []
        self.pages: list[CallPage | Exception] = []
        self.asked_since: list[datetime] = []

    def send_sms(self, sms: OutgoingSms) -> Outcome:
        answer = self.answers.pop(0) if self.answers else None
        if callable(answer):
            return answer(sms)
        if answer is None or isinstance(answer, Accepted):
            self.taken.append(sms)
        return answer or Accepted(f"sms-{len(self.taken)}", 1)

    def list_calls(self, since: datetime, until: datetime, cursor: str | None = None) -> CallPage:
        self.asked_since.append(since)
        page = self.pages.pop(0) if self.pages else CallPage((), True, None)
        if isinstance(page, Exception):
            raise page
        return page


class Deployment:
    """Ringback as deployed, driven step by step: ring, react, send."""

    def __init__(self, runtime: Runtime, clock: StandingClock) -> None:
        self.runtime = runtime
        self.clock = clock
        self.provider = ScriptedProvider()
        self.reaction = Reaction(runtime)
        self.sender = Sender(runtime, self.provider)
        self._reacted: set[tuple[str, str]] = set()
        self._sqs = boto3.client("sqs")

    def ring(
        self,
        caller: str | None = CALLER,
        number: str = VOLUNTEER,
        *,
        call_id: str = "call-1",
        campaign: str = "clean-water",
        **more: str,
    ) -> Verdict:
        """A missed call's callback arrives, as Exotel writes it."""
        told = {"CallSid": call_id, "CallTo": local(number), "To": local(number), "Direction": "incoming"}
        told |= {"From": caller if caller is None or not caller.startswith("+91") else local(caller)} if caller else {}
        return self.callback(urlencode(told | more), campaign=campaign)

    def callback(self, query: str, *, campaign: str = "clean-water", method: str = "GET", body: bytes = b"", **more: str) -> Verdict:
        request = CallbackRequest(method, more.get("step", "missed-call"), query, more.get("content_type", ""), body)
        return callbacks.keep_call(self.runtime, TOKENS[campaign], request)

    def entries(self) -> list[Entry]:
        """Everything in the journal, oldest first."""
        everything = journal.between(datetime(2000, 1, 1, tzinfo=INDIA), datetime(2100, 1, 1, tzinfo=INDIA))
        return sorted(everything, key=lambda entry: (entry.received_at, entry.source_id, entry.key))

    def react(self) -> list[Entry]:
        """React to what is new in the journal; returns what failed."""
        new = [entry for entry in self.entries() if (entry.source_id, entry.key) not in self._reacted]
        self._reacted |= {(entry.source_id, entry.key) for entry in new}
        return self.reaction.react(new)

    def queued(self) -> list[Ticket]:
        """Take what is in the send queue."""
        tickets: list[Ticket] = []
        url = self.runtime.settings.send_queue_url
        while messages := self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                tickets.append(read_or_none(message["Body"]) or Ticket("", ""))
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return tickets

    def settle(self) -> None:
        """React and send until nothing moves."""
        self.react()
        while tickets := self.queued():
            self.sender.send(tickets)
            self.react()

    def report(self, message: Message, status: str, code: str, **more: str) -> Verdict:
        """The provider's delivery report on a message arrives at the address we gave out."""
        message_id, proof = callbacks.report_address(self.runtime, message.message_id).rsplit("/", 2)[-2:]
        told = urlencode({"SmsSid": "sms-1", "To": local(CALLER), "Status": status, "DetailedStatusCode": code} | more)
        request = CallbackRequest("POST", "sms-status", "", "application/x-www-form-urlencoded", told.encode())
        return callbacks.keep_sms_status(self.runtime, message_id, proof, request)

    def person(self, phone: str = CALLER, campaign: str = "clean-water") -> str:
        return person_id(self.runtime.secrets.person_pepper, campaign, phone)

    def contact(self, phone: str = CALLER, campaign: str = "clean-water") -> Contact | None:
        return contacts.load(self.person(phone, campaign))

    def messages(self, phone: str = CALLER, campaign: str = "clean-water") -> list[Message]:
        return ledger.of_person(self.person(phone, campaign))

    def message(self, phone: str = CALLER, campaign: str = "clean-water") -> Message:
        """The one message to a person."""
        (message,) = self.messages(phone, campaign)
        return message

    def counts(self, campaign: str = "clean-water") -> Mapping[str, int]:
        total: dict[str, int] = {}
        for counted in counters.hours(campaign).values():
            for name, n in counted.items():
                total[name] = total.get(name, 0) + n
        return total

    def publish(self, campaign: str, change: Callable[[dict[str, Any]], None] = lambda document: None) -> Campaign:
        document = sample(campaign)
        change(document)
        content, _ = campaigns.publish(self.runtime, document)
        return content


def local(number: str) -> str:
    """A number as Exotel writes Indian ones: `+919000000101` → `09000000101`."""
    return f"0{number.removeprefix('+91')}" if number.startswith("+91") else number


def sample(campaign: str) -> dict[str, Any]:
    """A shipped campaign's document with the shipped rules, as `ringback publish` reads them."""
    document: dict[str, Any] = yaml.safe_load((ROOT / f"catalog/campaigns/{campaign}.yaml").read_text())
    document["rules"] = yaml.safe_load((ROOT / "catalog/rules.yaml").read_text())
    return document


def environment(**changes: str) -> dict[str, str]:
    """The environment of a function, as the template's Globals set it."""
    tokens = ",".join(f"{name}={sha256(token.encode()).hexdigest()}" for name, token in TOKENS.items())
    return {
        "TABLE_PREFIX": "test-",
        "VOICE_TOKENS": tokens,
        "SEND_QUEUE_URL": "set by deploy",
        "REACT_RETRY_QUEUE_URL": "set by deploy",
        "PUBLIC_URL": "https://ringback.example",
        "SECRETS_NAME": "test-secrets",
        "EXOTEL_BASE_URL": "https://exotel.example",
        "SMS_PER_MINUTE": "0",
        "CATALOG_CACHE_SECONDS": "0",
    } | changes


@contextmanager
def deployed(**changes: str) -> Iterator[Deployment]:
    """Deploy to a fresh moto and publish both sample campaigns."""
    with mock_aws():
        template = yaml_parse((ROOT / "template.yaml").read_text())
        _create_tables(template["Resources"], "test")
        sqs = boto3.client("sqs")
        changes["SEND_QUEUE_URL"] = sqs.create_queue(QueueName="test-send")["QueueUrl"]
        changes["REACT_RETRY_QUEUE_URL"] = sqs.create_queue(QueueName="test-react-retry")["QueueUrl"]
        boto3.client("secretsmanager").create_secret(Name="test-secrets", SecretString=json.dumps(SECRETS))
        clock = StandingClock()
        runtime = Runtime(settings.from_environment(environment(**changes)), clock)
        deployment = Deployment(runtime, clock)
        for campaign in TOKENS:
            deployment.publish(campaign)
        yield deployment


SECRETS = {
    "person_pepper": "0f" * 32,
    "callback_key": "f0" * 32,
    "exotel": {"account_sid": "ringback1", "api_key": "key-for-tests", "api_token": "token-for-tests"},
}


def _create_tables(resources: Mapping[str, Any], stack: str) -> None:
    dynamodb = boto3.client("dynamodb")
    for resource in resources.values():
        if resource["Type"] == "AWS::DynamoDB::Table":
            properties = resource["Properties"]
            name = properties["TableName"]
            name = name["Fn::Sub"] if isinstance(name, Mapping) else name
            wanted = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
            dynamodb.create_table(
                TableName=name.replace("${AWS::StackName}", stack),
                **{key: properties[key] for key in wanted if key in properties},
            )
