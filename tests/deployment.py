"""The deployment the integration tests drive: tables and queues as `template.yaml` declares them, on moto, with a clock that
stands still and a provider whose answers a test chooses.

moto answers one request at a time, so nothing here proves concurrency: tests interleave the steps of two workers by hand.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
import yaml
from moto import mock_aws
from pynamodb.connection import TableConnection
from pynamodb.models import Model

from ringback import observability, settings
from ringback.domain.campaigns import Campaign
from ringback.domain.contacts import Contact
from ringback.domain.dials import Dial
from ringback.domain.facts import Entry
from ringback.domain.messages import Message
from ringback.domain.phones import person_id
from ringback.domain.times import INDIA
from ringback.providers import exotel
from ringback.providers.base import (
    Accepted,
    CallbackRequest,
    CallPage,
    Outcome,
    OutgoingCall,
    OutgoingSms,
    Reply,
)
from ringback.queues import Ticket, read_or_none
from ringback.runtime import Runtime
from ringback.services import callbacks, campaigns, metrics
from ringback.services import dials as dialling
from ringback.services import messages as sending
from ringback.services.callbacks import Line, Verdict
from ringback.services.dials import Dialler
from ringback.services.facts import Reaction
from ringback.services.messages import Sender
from ringback.services.turns import Turns
from ringback.store import contacts, journal, tables
from ringback.store import dials as dial_ledger
from ringback.store import messages as ledger
from ringback_local.catalog import with_voice
from ringback_local.template import read as read_template
from tests.integration.wire import AwsRequest, Moment, listening

ROOT = Path(__file__).parent.parent
MORNING = datetime(2026, 3, 2, 11, 0, tzinfo=INDIA)
"""A Monday, inside every window."""

TOKENS = {name: f"a-token-of-{name}-for-tests".ljust(43, "0") for name in ("clean-water", "library-hours")}
VOLUNTEER = "+918040001001"
TRAINING = "+918040001006"
OPT_OUT = "+918040001009"
MENU_IN_ENGLISH = "+918040001021"
MENU_IN_HINDI = "+918040001022"
EVENT_LINE = "+918040001023"
POLL_LINE = "+918040001024"
GRIEVANCE_LINE = "+918040001026"
EVENING_HOURS = "+918040001011"
"""A number of the other campaign, `library-hours`."""
CALL_BACK_LINE = "+918040001027"
"""Whoever gives it a missed call is rung back."""
CALLER = "+919000000101"
OTHER_CALLER = "+919000000102"

SECRETS = {
    "person_pepper": "0f" * 32,
    "callback_key": "f0" * 32,
    "exotel": {"account_sid": "ringback1", "api_key": "key-for-tests", "api_token": "token-for-tests"},
}
QUEUES = {
    "SEND_QUEUE_URL": "send",
    "DIAL_QUEUE_URL": "dial",
    "REACT_RETRY_QUEUE_URL": "react-retry",
    "RECORDING_QUEUE_URL": "recordings",
}
MACHINES = {
    "ANSWER_GRIEVANCE_ARN": "answer_grievance",
    "VERIFY_INFLUENCER_ARN": "verify_influencer",
    "PATCH_CALL_ARN": "patch_call",
    "RING_BACK_PATCH_ARN": "ring_back_patch",
}
RECORDINGS = "test-recordings"
"""The bucket of our copies."""

_connections: dict[type[Model], TableConnection | None] = {}
"""What the models have connected, from one deployment to the next."""


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

    def set(self, at: datetime) -> None:
        self._at = at


Answer = Outcome | Callable[[OutgoingSms], Outcome]
CallAnswer = Outcome | Callable[[OutgoingCall], Outcome]


class ScriptedProvider:
    """The outside world: takes SMS and keeps them, with the moment each came. `answers` come in order, then everything is accepted."""

    name = exotel.NAME
    read_pairs = staticmethod(exotel.read_pairs)
    read_call = staticmethod(exotel.read_call)
    read_sms_status = staticmethod(exotel.read_sms_status)

    def __init__(self, clock: StandingClock) -> None:
        self._clock = clock
        self.taken: list[OutgoingSms] = []
        self.taken_at: list[datetime] = []
        self.asked: list[OutgoingSms] = []
        """Every request that reached the provider, taken or not."""
        self.answers: list[Answer] = []
        self.called: list[OutgoingCall] = []
        """The calls it took, in their order; the n-th is `out-n`."""
        self.called_at: list[datetime] = []
        self.call_answers: list[CallAnswer] = []
        self.pages: list[CallPage | Exception] = []
        self.asked_since: list[datetime] = []

    def send_sms(self, sms: OutgoingSms) -> Outcome:
        self.asked.append(sms)
        answer = self.answers.pop(0) if self.answers else None
        if answer is None:
            return self.take(sms)
        return answer(sms) if callable(answer) else answer

    def take(self, sms: OutgoingSms) -> Outcome:
        """Take an SMS as if nothing were wrong; an answer in the script may do so and then go wrong."""
        self.taken.append(sms)
        self.taken_at.append(self._clock.now())
        return Accepted(f"sms-{len(self.taken)}", 1)

    def place_call(self, call: OutgoingCall) -> Outcome:
        answer = self.call_answers.pop(0) if self.call_answers else None
        if answer is None:
            return self.take_call(call)
        return answer(call) if callable(answer) else answer

    def take_call(self, call: OutgoingCall) -> Outcome:
        """Ring as if nothing were wrong."""
        self.called.append(call)
        self.called_at.append(self._clock.now())
        return Accepted(f"out-{len(self.called)}", None)

    def close(self) -> None:
        """Nothing is kept alive."""

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
        self.provider = ScriptedProvider(clock)
        self.reaction = Reaction(runtime)
        self.sender = Sender(runtime, self.provider)
        self.dialler = Dialler(runtime, self.provider)
        self.turns = Turns(runtime)
        self._reacted: set[tuple[str, str]] = set()
        self._waiting: dict[str, list[tuple[datetime, str]]] = {}

    # What the outside world does

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
        told |= {} if caller is None else {"From": local(caller)}
        return self.callback(urlencode(told | more), campaign=campaign)

    def callback(
        self,
        query: str = "",
        *,
        campaign: str = "clean-water",
        token: str | None = None,
        method: str = "GET",
        body: bytes = b"",
        content_type: str = "",
        step: str = "missed-call",
    ) -> Verdict:
        """A request arrives at the voice door."""
        request = CallbackRequest(method, step, query, content_type, body)
        line = callbacks.line_of(self.runtime, token or TOKENS[campaign], request)
        return callbacks.keep_told(self.runtime, line, request) if line else callbacks.unknown_address()

    def report(self, message: Message, status: str, code: str, **more: str) -> Verdict:
        """The provider's delivery report on a message arrives at the address we gave out."""
        message_id, proof = callbacks.report_address(self.runtime, message.message_id).rsplit("/", 2)[-2:]
        told = urlencode(
            {"SmsSid": "sms-1", "To": local(CALLER), "Status": status, "DetailedStatusCode": code} | more
        )
        request = CallbackRequest(
            "POST", "sms-status", "", "application/x-www-form-urlencoded", told.encode()
        )
        return callbacks.keep_sms_status(self.runtime, message_id, proof, request)

    def begin(
        self,
        caller: str | None = CALLER,
        number: str = MENU_IN_HINDI,
        *,
        call_id: str = "call-1",
        step_seconds: float = 3,
    ) -> "Handset":
        """Somebody rings a number that answers with a menu."""
        handset = Handset(self, caller, number, call_id, step_seconds)
        handset.do()
        return handset

    def end(self, dial: Dial, status: str, call_id: str = "out-1") -> Verdict:
        """The provider tells at the address we gave out how a call that we placed ended."""
        address = callbacks.dial_address(self.runtime, dial.dial_id, "status")
        proof = address.split("/")[-2]
        told = json.dumps({"CallSid": call_id, "Status": status, "DateUpdated": "2026-03-02 11:01:00"})
        request = CallbackRequest("POST", "status", "", "application/json", told.encode())
        line = callbacks.dial_line_of(self.runtime, dial.dial_id, proof, request)
        assert line is not None
        return callbacks.keep_told(self.runtime, line, request)

    def pick_up(self, call: OutgoingCall, call_id: str = "out-1") -> "Handset":
        """Whoever was rung answers, and the call comes to its flow."""
        handset = Handset(self, call.to, call.number, call_id, 3)
        handset.told |= {
            "Direction": "outbound-dial",
            "CallTo": local(call.to),
            "CustomField": call.custom_field,
        }
        handset.do()
        return handset

    def ask(self, step: str, query: str, *, campaign: str = "clean-water", method: str = "GET") -> Reply:
        """A question of Exotel's arrives at the voice door."""
        request = CallbackRequest(method, step, query, "", b"")
        return self.turns.answer(line_of(campaign), request)

    def sweep(self) -> int:
        """`release` ends the calls that went quiet."""
        return self.turns.end_quiet()

    # What AWS does

    def entries(self) -> list[Entry]:
        """Everything in the journal, oldest first."""
        everything = journal.between(datetime(2000, 1, 1, tzinfo=INDIA), datetime(2100, 1, 1, tzinfo=INDIA))
        return sorted(everything, key=lambda entry: (entry.received_at, entry.source_id, entry.key))

    def entry(self) -> Entry:
        """The one entry of the journal."""
        (entry,) = self.entries()
        return entry

    def pending(self) -> list[Entry]:
        """What the stream has still to deliver."""
        return [entry for entry in self.entries() if (entry.source_id, entry.key) not in self._reacted]

    def react(self) -> list[Entry]:
        """React to what is new in the journal; returns what failed. What kills the worker leaves its batch to come again."""
        new = self.pending()
        failed = self.reaction.react(new)
        self._reacted |= {(entry.source_id, entry.key) for entry in new}
        return failed

    def heard(self, moment: Moment, request: AwsRequest) -> None:
        """What SQS was given. Taken from the wire because moto's delays run on the wall clock."""
        if moment is Moment.AFTER and request.operation == "SendMessageBatch":
            waiting = self._waiting.setdefault(request.params["QueueUrl"], [])
            for entry in request.params["Entries"]:
                delay = timedelta(seconds=entry.get("DelaySeconds", 0))
                waiting.append((self.clock.now() + delay, entry["MessageBody"]))

    def bodies(self, queue_url: str) -> list[str]:
        """Take from a queue what may be taken by now."""
        waiting, now = self._waiting.get(queue_url, []), self.clock.now()
        self._waiting[queue_url] = [(at, body) for at, body in waiting if at > now]
        return [body for at, body in waiting if at <= now]

    def queued(self) -> list[Ticket]:
        """Take what is due in the send queue."""
        bodies = self.bodies(self.runtime.settings.send_queue_url)
        return [read_or_none(body) or Ticket("", "") for body in bodies]

    def send(self, tickets: Sequence[Ticket]) -> list[Ticket]:
        """A batch from the send queue reaches a worker; returns the tickets that come round again."""
        return self.sender.send(tickets)

    def to_dial(self) -> list[Ticket]:
        """Take what is due in the dial queue."""
        bodies = self.bodies(self.runtime.settings.dial_queue_url)
        return [read_or_none(body) or Ticket("", "") for body in bodies]

    def place(self, tickets: Sequence[Ticket]) -> list[Ticket]:
        """A batch from the dial queue reaches a worker; returns the tickets that come round again."""
        return self.dialler.place(tickets)

    def release(self) -> int:
        """`release` runs, as it does each minute."""
        sending.list_for_people(self.runtime)
        dialling.list_for_people(self.runtime)
        return sending.release(self.runtime) + dialling.release(self.runtime)

    def settle(self, batch: int = 10) -> None:
        """React and send until nothing moves. Where time matters, `batch` is 1: threads that sleep share one standing clock."""
        self.react()
        while tickets := self.queued():
            for start in range(0, len(tickets), batch):
                self.send(tickets[start : start + batch])
            self.react()
        while dials := self.to_dial():
            for start in range(0, len(dials), batch):
                self.place(dials[start : start + batch])

    def run(self, until: datetime, batch: int = 1) -> None:
        """React to what is there, then let time pass: `release` runs each minute, a worker takes what the queue gives out when it does."""
        self.react()
        minute = self.clock.now()
        while self.clock.now() < until:
            if minute <= self.clock.now():
                self.release()
                minute = self.clock.now() + timedelta(minutes=1)
            while tickets := self.queued():
                for start in range(0, len(tickets), batch):
                    self.send(tickets[start : start + batch])
            coming = [at for waiting in self._waiting.values() for at, _ in waiting]
            self.clock.set(max(self.clock.now(), min([minute, until, *coming])))

    def restart(self) -> None:
        """New processes take over: nothing is remembered but what is stored."""
        self.reaction = Reaction(self.runtime)
        self.sender = Sender(self.runtime, self.provider)
        self.dialler = Dialler(self.runtime, self.provider)
        self.turns = Turns(self.runtime)

    # What we can see

    def person(self, phone: str = CALLER, campaign: str = "clean-water") -> str:
        return person_id(self.runtime.secrets.person_pepper, campaign, phone)

    def contact(self, phone: str = CALLER, campaign: str = "clean-water") -> Contact | None:
        return contacts.load(self.person(phone, campaign))

    def known(self, phone: str = CALLER, campaign: str = "clean-water") -> Contact:
        """A contact that must be there."""
        contact = self.contact(phone, campaign)
        assert contact is not None
        return contact

    def messages(self, phone: str = CALLER, campaign: str = "clean-water") -> list[Message]:
        return ledger.of_person(self.person(phone, campaign))

    def message(self, phone: str = CALLER, campaign: str = "clean-water") -> Message:
        """The one message to a person."""
        (message,) = self.messages(phone, campaign)
        return message

    def dials(self, phone: str = CALLER, campaign: str = "clean-water") -> list[Dial]:
        """The attempts to ring a person, in their order."""
        return sorted(dial_ledger.of_person(self.person(phone, campaign)), key=lambda dial: dial.attempt)

    def dial(self, phone: str = CALLER, campaign: str = "clean-water") -> Dial:
        """The one attempt to ring a person."""
        (dial,) = self.dials(phone, campaign)
        return dial

    def counts(self, campaign: str = "clean-water") -> Mapping[str, int]:
        return metrics.totals(campaign)

    def listed_dials(self, kind: ledger.Waiting = "listed") -> list[tuple[str, str]]:
        """The same of calls that we place."""
        return list(dial_ledger.waiting(kind, datetime(2100, 1, 1, tzinfo=INDIA)))

    def listed(self, kind: ledger.Waiting) -> list[tuple[str, str]]:
        """What waits in one of the ledger's lists, however far away its moment is."""
        return list(ledger.waiting(kind, datetime(2100, 1, 1, tzinfo=INDIA)))

    def publish(
        self, campaign: str, change: Callable[[dict[str, Any]], None] = lambda document: None
    ) -> Campaign:
        document = sample(campaign)
        change(document)
        content, _ = campaigns.publish(self.runtime, document)
        return content


class Handset:
    """A caller in a menu, and between them and us Exotel's flow: what it asks of our door, and what it makes of the answers."""

    def __init__(
        self, deployment: Deployment, caller: str | None, number: str, call_id: str, step_seconds: float
    ) -> None:
        self._deployment = deployment
        self.call_id = call_id
        self.told = {
            "CallSid": call_id,
            "To": local(number),
            "CallTo": local(number),
            "Direction": "incoming",
        }
        self.told |= {} if caller is None else {"From": local(caller), "CallFrom": local(caller)}
        self._step_seconds = step_seconds
        self.requests: list[str] = []
        """What was asked at the head of the flow, as it came."""
        self.branch = ""
        self.heard: list[str] = []

    def do(self, **more: str) -> str:
        """Come round to the head of the flow again and hear what comes next; returns it."""
        self._deployment.clock.move(seconds=self._step_seconds)
        now = self._deployment.clock.now().astimezone(INDIA)
        self.told |= more
        self.requests.append(urlencode(self.told | {"CurrentTime": f"{now:%Y-%m-%d %H:%M:%S}"}))
        return self.repeat(-1)

    def press(self, key: str) -> str:
        return self.do(digits=f'"{key}"')

    def wait(self) -> str:
        return self.do(digits="null")

    def speak(self, url: str) -> str:
        """Leave a message; the address of the recording comes with every later request."""
        return self.do(RecordingUrl=url)

    def repeat(self, nth: int) -> str:
        """Exotel asks one of its questions once more."""
        answer = self._deployment.ask("turn", self.requests[nth])
        self.branch = json.loads(answer.body)["select"]
        return self.hear()

    def hear(self) -> str:
        """What the applets of the branch get to say; each part is kept in `heard`."""
        query = urlencode({key: self.told[key] for key in ("CallSid", "To")})
        parts = []
        if self.branch in ("say", "record", "end", "play"):
            parts.append(self._deployment.ask("say", query).body)
        if self.branch in ("ask", "play"):
            prompt = json.loads(self._deployment.ask("gather", query).body)["gather_prompt"]
            parts.append(prompt.get("text") or prompt["audio_url"])
        if self.branch == "dial":
            order = json.loads(self._deployment.ask("dial", query).body)
            parts += order["destination"]["numbers"]
        said = "\n".join(parts)
        self.heard.append(said)
        return said


def emitted(name: str) -> float:
    """The sum of a metric in this test so far, before any handler has written it out."""
    return sum(observability.metrics.metric_set.get(name, {}).get("Value", ()))


def forget_metrics() -> None:
    """Start counting anew. The namespace is set here because an import may have come before the environment."""
    observability.metrics.namespace = "Ringback"
    observability.metrics.clear_metrics()


def local(number: str) -> str:
    """A number as Exotel writes Indian ones: `+919000000101` → `09000000101`."""
    return f"0{number.removeprefix('+91')}" if number.startswith("+91") else number


def callers(count: int, block: str = "+9190000") -> list[str]:
    """Made-up people, no twenty of them in one block of ten thousand numbers."""
    return [f"{block}{index % 10}{index:04}" for index in range(count)]


def sample(campaign: str) -> dict[str, Any]:
    """A shipped campaign's document with the shipped rules, as `ringback publish` reads them."""
    read = _yaml(f"catalog/campaigns/{campaign}.yaml")
    document: dict[str, Any] = deepcopy(dict(with_voice(read, ROOT / "catalog/menus", _read)))
    document["rules"] = deepcopy(_yaml("catalog/rules.yaml"))
    return document


def _read(path: Path) -> Any:
    return _yaml(str(path.relative_to(ROOT)))


@cache
def _yaml(path: str) -> Any:
    return yaml.load((ROOT / path).read_text(encoding="utf-8"), yaml.CSafeLoader)


@cache
def template() -> Mapping[str, Any]:
    """Our template, parsed once."""
    return read_template()


def environment(**changes: str) -> dict[str, str]:
    """The environment of a function, as the template's Globals set it."""
    tokens = ",".join(f"{name}={sha256(token.encode()).hexdigest()}" for name, token in TOKENS.items())
    return {
        "TABLE_PREFIX": "test-",
        "VOICE_TOKENS": tokens,
        "SEND_QUEUE_URL": "set by deploy",
        "DIAL_QUEUE_URL": "set by deploy",
        "REACT_RETRY_QUEUE_URL": "set by deploy",
        "RECORDING_QUEUE_URL": "set by deploy",
        **dict.fromkeys(MACHINES, "set by deploy"),
        "PUBLIC_URL": "https://ringback.example",
        "RECORDINGS_BUCKET": RECORDINGS,
        "SECRETS_NAME": "test-secrets",
        "EXOTEL_BASE_URL": "https://exotel.example",
        "SMS_PER_MINUTE": "0",
        "CALLS_PER_MINUTE": "0",
        "CATALOG_CACHE_SECONDS": "0",
    } | changes


def line_of(campaign: str) -> Line:
    """The line that Exotel's callbacks of a campaign come on."""
    return Line(campaign, exotel, f"/voice/{TOKENS[campaign]}")


@contextmanager
def deployed(publish: Iterable[str] = TOKENS, **changes: str) -> Iterator[Deployment]:
    """Deploy to a fresh moto and publish the sample campaigns."""
    with emulated(**changes) as stack:
        clock = StandingClock()
        deployment = Deployment(Runtime(settings.from_environment(environment(**stack)), clock), clock)
        with prepared(deployment, publish):
            yield deployment


@contextmanager
def emulated(**changes: str) -> Iterator[dict[str, str]]:
    """A fresh moto with the stack in it; gives what the environment must say of it, and `changes`."""
    # boto3's session stays: making it anew, with its clients, would be most of a short test's time.
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield changes | create_stack()


@contextmanager
def prepared(deployment: Deployment, publish: Iterable[str] = TOKENS) -> Iterator[None]:
    """Publish campaigns, count from nothing and take the wire; for the same reason, connections are kept."""
    for model, connection in _connections.items():
        model._connection = connection
    forget_metrics()
    with listening(deployment.heard):
        _publish(deployment, tuple(publish))
        yield
    _connections.update({model: model._connection for model in tables.ALL})
    forget_metrics()


_published: dict[tuple[str, ...], list[dict[str, Any]]] = {}


def _publish(deployment: Deployment, campaigns: tuple[str, ...]) -> None:
    """Publish once; later the rows that this wrote are put back."""
    if campaigns not in _published:
        for campaign in campaigns:
            deployment.publish(campaign)
        _published[campaigns] = client("dynamodb").scan(TableName="test-catalog")["Items"]
    elif rows := _published[campaigns]:
        puts = [{"PutRequest": {"Item": row}} for row in rows]
        client("dynamodb").batch_write_item(RequestItems={"test-catalog": puts})


@cache
def client(service: str) -> Any:
    """A client of the tests' own."""
    return boto3.client(service)  # type: ignore[call-overload]


def create_stack() -> dict[str, str]:
    """Make the template's tables, the queues and the secret in moto; returns what the environment must say of them."""
    for name, properties in table_properties("test").items():
        wanted = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
        client("dynamodb").create_table(
            TableName=name, **{key: properties[key] for key in wanted if key in properties}
        )
    urls = {
        variable: client("sqs").create_queue(QueueName=f"test-{name}")["QueueUrl"]
        for variable, name in QUEUES.items()
    }
    client("secretsmanager").create_secret(Name="test-secrets", SecretString=json.dumps(SECRETS))
    region = {"LocationConstraint": "ap-south-1"}
    client("s3").create_bucket(Bucket=RECORDINGS, CreateBucketConfiguration=region)
    return urls | {variable: _create_machine(name) for variable, name in MACHINES.items()}


def _create_machine(name: str) -> str:
    """A state machine; in moto its executions are there, and stand still."""
    answer: Mapping[str, str] = client("stepfunctions").create_state_machine(
        name=f"test-{name.replace('_', '-')}",
        definition=json.dumps(_yaml(f"statemachines/{name}.asl.yaml")),
        roleArn="arn:aws:iam::123456789012:role/test",
    )
    return answer["stateMachineArn"]


def table_properties(stack: str) -> dict[str, Mapping[str, Any]]:
    """The properties of the template's tables, by their names in a stack."""
    found: dict[str, Mapping[str, Any]] = {}
    for resource in template()["Resources"].values():
        if resource["Type"] == "AWS::DynamoDB::Table":
            name = resource["Properties"]["TableName"]
            name = name["Fn::Sub"] if isinstance(name, Mapping) else name
            found[name.replace("${AWS::StackName}", stack)] = resource["Properties"]
    return found
