"""The built functions on one stack, each in an environment of its own, fed as Lambda's event sources feed them.

The stack gives tables, queues and the phone network; its own event source mappings are taken away, so that every batch has the size
that the measurement wants and every request passes a meter.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import urlopen

from benchmarks.artefacts import NAMES, built
from benchmarks.deployment import CAMPAIGN, call_id, caller, deployed, flow_request, missed_call
from benchmarks.units import Item
from benchmarks.wire import Answer, Around, Forward, Meter, Relay, Request, late, shape_of
from benchmarks.workers import Failed, Metered, api_event, environment_of
from ringback.providers.exotel import menus as exotel_menus
from ringback.runtime import Runtime
from ringback.services import callbacks
from ringback_local.network import menu_flow
from ringback_local.stack import Options, Stack

Thing = TypeVar("Thing")

MENU = "+918040001021"
AGENDA_AND_SUPPORT = (None, None, "1", "1", "1")
"""What a caller presses at each turn of the main menu; at the fourth Exotel tells again of the key that led to the agenda."""

PROVIDER_SECONDS = 0.3
"""What the provider takes to answer a request to send an SMS."""


class Pipeline:
    """A missed call's way, one step at a time. `functions` has each function by its logical id."""

    def __init__(self, stack: Stack, runtime: Runtime, functions: dict[str, Metered]) -> None:
        self._stack = stack
        self._runtime = runtime
        self.functions = functions
        self._calls = 0
        self._streams = stack.client("dynamodbstreams")
        self._queue = stack.client("sqs")
        table = stack.client("dynamodb").describe_table(TableName="ringback-journal")["Table"]
        shards = self._streams.describe_stream(StreamArn=table["LatestStreamArn"])["StreamDescription"][
            "Shards"
        ]
        self._iterators = [
            self._streams.get_shard_iterator(
                StreamArn=table["LatestStreamArn"], ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            for shard in shards
        ]

    def call(self, calls: int) -> None:
        """So many new callers give a missed call; each callback is one invocation of the door."""
        path = f"{urlsplit(self._stack.voice_url(CAMPAIGN)).path}/missed-call"
        for number in range(self._calls, self._calls + calls):
            query = missed_call(call_id(number), caller(number), self._stack.now())
            self.ask(path, query)
        self._calls += calls

    def walk(self, calls: int) -> None:
        """So many new callers walk the main menu in five turns: silence to the languages, the agenda, and support for what it asks.

        Every request of the flow is one invocation of the door: the turn's, and those of the applets that the answer leads to.
        """
        path = urlsplit(self._stack.voice_url(CAMPAIGN)).path
        cases = menu_flow(path, again="")[1]["cases"]
        for number in range(self._calls, self._calls + calls):
            for turn, key in enumerate(AGENDA_AND_SUPPORT):
                seconds = 20 * turn
                query = flow_request(call_id(number), caller(number), MENU, self._stack.now(), seconds, key)
                told = self.ask(f"{path}/{exotel_menus.TURN}", query)
                for applet in cases[json.loads(told["body"])["select"]]:
                    if applet["applet"] == "greeting":
                        self.ask(applet["url"], query, "HEAD")
                    if "url" in applet:
                        self.ask(applet["url"], query)
        self._calls += calls

    def ask(self, path: str, query: str, method: str = "GET", body: str = "", content_type: str = "") -> Any:
        """One request of the provider's, answered."""
        answer = self.functions["VoiceWebhook"].invoke(api_event(path, query, method, body, content_type))
        if answer["statusCode"] != 200:
            raise Failed(f"the voice door answered {answer['statusCode']}")
        return answer

    def react(self, batch: int) -> int:
        """Hand everything new in the journal to `React`, in batches of at most so many; returns how many batches."""
        batches = _split(self._new_records(), batch)
        for records in batches:
            self.functions["React"].invoke({"Records": records})
        return len(batches)

    def send(self, batch: int) -> int:
        """Hand everything in the send queue to `SendMessage`, in batches of at most so many; returns how many batches."""
        batches = _split(self._tickets("SEND_QUEUE_URL"), batch)
        for messages in batches:
            self._work("SendMessage", messages)
        return len(batches)

    def place(self, batch: int) -> list[str]:
        """Hand everything in the dial queue to `PlaceCall` likewise; returns the ids of the dials."""
        placed = []
        for messages in _split(self._tickets("DIAL_QUEUE_URL"), batch):
            self._work("PlaceCall", messages)
            placed += [".".join(json.loads(message["Body"])) for message in messages]
        return placed

    def _work(self, function: str, messages: list[Any]) -> None:
        records = [
            {"messageId": m["MessageId"], "body": m["Body"], "eventSource": "aws:sqs"} for m in messages
        ]
        if failures := self.functions[function].invoke({"Records": records})["batchItemFailures"]:
            raise Failed(f"{len(failures)} messages came back")

    def report(self) -> None:
        """The provider reports each message that it took as delivered, at the address that it was given."""
        with urlopen(f"{self._stack.addresses.network_url}/control/messages", timeout=30) as answer:
            accepted = json.load(answer)["messages"]
        for sms in accepted:
            address = callbacks.report_address(self._runtime, sms["custom_field"])
            told = {
                "SmsSid": sms["sms_sid"],
                "To": sms["to"],
                "Status": "sent",
                "DetailedStatusCode": "20005",
            }
            form = "application/x-www-form-urlencoded"
            event = api_event(urlsplit(address).path, "", "POST", urlencode(told), form)
            self.functions["SmsWebhook"].invoke(event)

    def _new_records(self) -> Iterator[Any]:
        for index, iterator in enumerate(self._iterators):
            answer = self._streams.get_records(ShardIterator=iterator, Limit=1000)
            self._iterators[index] = answer["NextShardIterator"]
            for record in answer["Records"]:
                del record["dynamodb"]["ApproximateCreationDateTime"]
                yield record

    def _tickets(self, queue: str) -> Iterator[Any]:
        url = self._stack.environment()[queue]
        while messages := self._queue.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self._queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                yield message


def sid_of(dial: str) -> str:
    """The provider's id of a call that we placed."""
    return hashlib.sha256(dial.encode()).hexdigest()[:32]


def placing(otherwise: Around) -> Around:
    """A provider that takes every call we place, and leaves it to the measurement who answers."""

    def around(request: Request, forward: Forward) -> Answer:
        if not request.path.endswith("/Calls/connect.json"):
            return otherwise(request, forward)
        time.sleep(PROVIDER_SECONDS)
        dial = parse_qs(request.body.decode())["CustomField"][0]
        body = json.dumps({"Call": {"Sid": sid_of(dial), "Status": "in-progress"}})
        return Answer(200, {"content-type": "application/json"}, body.encode())

    return around


@contextmanager
def running(
    options: Options, *, metered: bool, names: Sequence[str] = NAMES
) -> Iterator[tuple[Stack, Runtime, Pipeline]]:
    """A pipeline on a stack of its own, each function with one environment.

    Metered, every request passes a relay that looks at items before and after, which takes time: measure time without.
    """
    with deployed(options) as (stack, runtime), ExitStack() as running:
        for mapping in stack.client("lambda").list_event_source_mappings()["EventSourceMappings"]:
            stack.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])
        provider = running.enter_context(Relay(stack.addresses.network_url, placing(late(PROVIDER_SECONDS))))
        database = stack.client("dynamodb")
        shapes = {
            name: shape_of(database.describe_table(TableName=name)["Table"])
            for name in database.list_tables()["TableNames"]
        }

        def look(table: str, key: Item) -> Item | None:
            item: Item | None = database.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
            return item

        artefacts, functions = built(), {}
        for name in names:
            meter = Meter("ringback-", shapes, look) if metered else None
            aws = (
                running.enter_context(Relay(stack.addresses.aws_url, meter)).url
                if meter
                else stack.addresses.aws_url
            )
            function = stack.function(name)
            environment = environment_of(function, AWS_ENDPOINT_URL=aws, EXOTEL_BASE_URL=provider.url)
            functions[name] = running.enter_context(
                Metered(artefacts[name], environment, function.memory_mb, meter)
            )
        yield stack, runtime, Pipeline(stack, runtime, functions)


def _split(things: Iterable[Thing], size: int) -> list[list[Thing]]:
    every = list(things)
    return [every[start : start + size] for start in range(0, len(every), size)]
