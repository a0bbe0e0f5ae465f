"""Work-arounds in the emulator's process."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ministack.core import iam_actions, lambda_runtime
from ministack.core.responses import AccountRegionScopedDict
from ministack.core.responses import request_scope as scope
from ministack.services import dynamodb, lambda_svc, sqs, stepfunctions

from ringback_local import streams
from ringback_local.environments import Outcome, Pool, function_of
from ringback_local.faults import Faults
from ringback_local.nursery import Nursery

Record = dict[str, Any]
"""A record of MiniStack's: of a function, or of an event source mapping."""

WINDOW_SECONDS = 0.1
"""The longest that a stream's records are gathered before they are delivered, whatever their mapping allows."""
REST_SECONDS = 3.0
"""How long deliveries under way may take when the stack is stopped; what is cut off is delivered in the next run."""

_poll_queues = lambda_svc._poll_sqs
_deliver_queue_batch = lambda_svc._run_sqs_batch
_iam_action = iam_actions.extract_iam_action
_run_task = stepfunctions._execute_task
_to_http_answer = lambda_svc.lambda_execute_result_to_api_proxy_response
_state, _restore = dynamodb.get_state, dynamodb.load_persisted_state


class Replacements:
    """What stands in the place of MiniStack's own functions, and what it holds: pools and rounds of deliveries."""

    def __init__(self, faults: Faults, logs: Path, environments: int) -> None:
        self._faults = faults
        self._logs = logs
        self._environments = environments
        self._pools: dict[str, Pool] = {}
        self._lock = threading.Lock()
        self._rounds = streams.Rounds()
        self._is_stopping = threading.Event()
        self._nursery = Nursery()

    def install(self) -> None:
        """Put them in place. To be called once, before the emulator serves its first request."""
        lambda_svc._execute_function_warm = self.execute
        lambda_svc._emit_lambda_logs = lambda *_, **__: None
        lambda_svc._emit_lambda_metrics = lambda *_, **__: None
        lambda_svc._poll_dynamodb_streams = self.poll_streams
        lambda_svc._poll_sqs = self.poll_queues
        lambda_svc._run_sqs_batch = self.run_queue_batch
        lambda_svc.lambda_execute_result_to_api_proxy_response = to_http_answer
        dynamodb.get_state = state_with_streams
        dynamodb.load_persisted_state = restore_with_streams
        iam_actions.extract_iam_action = iam_action
        stepfunctions._execute_task = run_task

    # ---------------------------------------------------------------- handlers are run slowly

    def execute(self, record: Record, event: Any, request_id: str) -> Record:
        """Run a function in our own pool.

        MiniStack's pool unzips code and layers for each environment, waits 50 ms on a handler that logs nothing, starts a
        thread for each answer, grows without limit in a burst and loses the type of an exception. It also keeps a log
        stream and four data points of each invocation in memory; our logs go to a file for each function instead.
        """
        pool = self._pool(record.get("config") or record)
        outcome = pool.invoke(event, request_id)
        if outcome.error is None:
            return {"body": outcome.result}
        for line in lines_of(outcome):
            self._log(pool.function.name, line)
        return {"body": outcome.error, "error": True}

    def struck(self) -> dict[str, int]:
        """How often each of our faults has struck."""
        return dict(self._faults.struck)

    def warm(self) -> None:
        """Have one environment of every function ready."""
        with ThreadPoolExecutor() as threads:
            for _, record in lambda_svc._functions.all_items():
                threads.submit(self._pool(record["config"]).warm)

    def _pool(self, config: Record) -> Pool:
        endpoint = f"http://127.0.0.1:{os.environ['RINGBACK_LOCAL_GATEWAY_PORT']}"
        function = function_of(config, endpoint, lambda_runtime.execution_credentials(config))
        with self._lock:
            pool = self._pools.get(function.name)
            if pool is None or pool.function != function:
                if pool:
                    pool.stop()
                name = function.name
                pool = Pool(
                    function,
                    self._environments,
                    lambda line: self._log(name, line),
                    self._faults,
                    self._nursery,
                )
                self._pools[name] = pool
            return pool

    def _log(self, function: str, line: str) -> None:
        with (self._logs / f"{function}.log").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    # ---------------------------------------------------------------- streams are delivered one batch at a time

    def poll_streams(self) -> bool:
        """Start a round for each mapping that has records waiting. Never blocks, so that queues are polled meanwhile."""
        started = False
        if self._is_stopping.is_set():
            return started
        for account, region, mapping in lambda_svc._iter_all_esms():
            if is_stream(mapping) and mapping.get("Enabled", True):
                with scope(account, region):
                    started |= self._begin_round(mapping)
        return started

    def _begin_round(self, mapping: Record) -> bool:
        mapping_id: str = mapping["UUID"]
        if self._rounds.is_running(mapping_id):
            return False
        position = position_of(mapping)
        settings = streams.Mapping(
            batch_size=mapping.get("BatchSize", 100),
            lanes=min(mapping.get("ParallelizationFactor", 1), os.cpu_count() or 1),
            retries=mapping.get("MaximumRetryAttempts", -1),
            bisects=mapping.get("BisectBatchOnFunctionError", False),
        )
        table = table_of(mapping)
        if dynamodb.stream_end_position(table) == position:
            return False
        account, region = account_and_region(mapping["EventSourceArn"])
        window = min(mapping.get("MaximumBatchingWindowInSeconds", 0), WINDOW_SECONDS)

        def deliver() -> None:
            self._is_stopping.wait(window)
            with scope(account, region):
                records = dynamodb.stream_records_since(table, position, settings.batch_size * settings.lanes)
                wanted = lambda_svc._apply_filter_criteria(list(records), mapping)
                self._delivery(settings, mapping, account, region).deliver(wanted)
                lambda_svc._dynamodb_stream_positions[mapping_id] = position + len(records)
            lambda_svc._esm_wake.set()

        return self._rounds.begin(mapping_id, deliver)

    def _delivery(
        self, settings: streams.Mapping, mapping: Record, account: str, region: str
    ) -> streams.Delivery:
        def invoke(batch: list[streams.Record]) -> bool:
            with scope(account, region):
                function, _ = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], None)
                took_it = "error" not in lambda_svc._execute_function(function, {"Records": batch})
            if not took_it and self._is_stopping.is_set():
                raise streams.Interrupted
            return took_it

        def give_up(batch: list[streams.Record]) -> None:
            with scope(account, region):
                function, _ = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], None)
                lambda_svc._send_ddb_stream_failure_record(
                    mapping, function, batch, mapping["EventSourceArn"], {}, "RetryAttemptsExhausted"
                )

        return streams.Delivery(settings, lambda batch: self._faults.stream(lambda: invoke(batch)), give_up)

    # ---------------------------------------------------------------- queues: no defect, only our faults and our stop

    def poll_queues(self) -> bool:
        """Give out messages as MiniStack does, until we are to stop."""
        return not self._is_stopping.is_set() and bool(_poll_queues())

    def run_queue_batch(self, mapping: Record, function: Record, event: Any, *rest: Any) -> None:
        """Deliver a queue's batch as MiniStack does, unless a fault gives it to a second worker as well."""
        self._faults.queue(
            lambda: _deliver_queue_batch(mapping, function, event, *rest),
            lambda: lambda_svc._execute_function(function, event),
        )

    # ---------------------------------------------------------------- what the stack asks

    def unfinished(self) -> dict[str, int]:
        """What is still to be done: stream records not yet delivered, deliveries running, messages waiting, by name."""
        counts = {"invocations": lambda_svc.executions_in_flight()[0], "rounds": self._rounds.count()}
        for account, region, mapping in lambda_svc._iter_all_esms():
            with scope(account, region):
                if is_stream(mapping):
                    table = table_of(mapping)
                    counts[table] = dynamodb.stream_end_position(table) - position_of(mapping)
                elif queue := sqs._queue_by_arn(mapping["EventSourceArn"]):
                    counts[mapping["EventSourceArn"].rpartition(":")[2]] = len(queue["messages"])
        return counts

    def stop(self) -> None:
        """Begin no delivery any more, let those under way end for a while, then end every execution environment.

        MiniStack goes on delivering while it shuts down, to functions that then find nobody to talk to.
        """
        self._is_stopping.set()
        self._wait_until_idle(REST_SECONDS)
        for pool in self._pools.values():
            pool.stop()
        self._wait_until_idle(1.0)
        self._nursery.stop()

    def _wait_until_idle(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and (self._rounds.count() or lambda_svc.executions_in_flight()[0]):
            time.sleep(0.02)


def to_http_answer(outcome: Record) -> tuple[Record | None, str | None]:
    """An HTTP API answers 500 for a function that failed, and keeps its error to itself; MiniStack says 502 and tells it."""
    if outcome.get("error"):
        headers = {"content-type": "application/json"}
        return {"statusCode": 500, "headers": headers, "body": '{"message":"Internal Server Error"}'}, None
    answer: tuple[Record | None, str | None] = _to_http_answer(outcome)
    return answer


def state_with_streams() -> Record:
    """Keep stream records over a restart, as far as they are not delivered.

    MiniStack keeps how far a mapping has read, but not the stream: what was not delivered is lost, and new records go
    unread until there are as many as the old ones.
    """
    streams_left = AccountRegionScopedDict()
    for account, region, mapping in lambda_svc._iter_all_esms():
        if is_stream(mapping):
            with scope(account, region):
                table, position = table_of(mapping), position_of(mapping)
                records = dynamodb.stream_records_since(table, position, 1_000_000)
                streams_left[table] = {"position": position, "records": records}
    return {**_state(), "streams_left": streams_left}


def restore_with_streams(state: Record) -> None:
    _restore(state)
    for (account, region, table), left in state.get("streams_left", AccountRegionScopedDict()).all_items():
        with scope(account, region):
            dynamodb._stream_trimmed[table] = left["position"]
            dynamodb._stream_records[table] = left["records"]


def run_task(state: Record, given: Any, execution: Record, context: Record) -> Any:
    """Run a task whose `TimeoutSeconds` may be an expression, as in any JSONata state; MiniStack counts it as it is written."""
    if isinstance(state.get("TimeoutSeconds"), str):
        seconds = stepfunctions._jsonata_state_field(state, "TimeoutSeconds", "number", given, context)
        state = {**state, "TimeoutSeconds": seconds}
    return _run_task(state, given, execution, context)


def iam_action(service: str, *request: Any) -> str | None:
    """The right that a request needs. On AWS a batch of messages needs the right to one; MiniStack asks for another.

    SOURCE: AWS, Service Authorization Reference, "Actions defined by Amazon SQS".
    """
    action: str | None = _iam_action(service, *request)
    return action.removesuffix("Batch") if service == "sqs" and action else action


def lines_of(outcome: Outcome) -> list[str]:
    """A failed invocation's error as Lambda logs it."""
    assert outcome.error
    trace = [line.rstrip("\n") for line in outcome.error.get("stackTrace", [])]
    return [f"[ERROR] {outcome.error['errorType']}: {outcome.error['errorMessage']}", *trace]


def is_stream(mapping: Record) -> bool:
    return ":dynamodb:" in mapping["EventSourceArn"]


def table_of(mapping: Record) -> str:
    name: str = mapping["EventSourceArn"].split("/stream/")[0].rpartition("/")[2]
    return name


def position_of(mapping: Record) -> int:
    """How far a mapping has come in its stream; to be asked in its scope."""
    starting = mapping.get("StartingPosition", "LATEST")
    lambda_svc._init_stream_position(mapping["UUID"], mapping["EventSourceArn"], starting)
    begun: int = lambda_svc._dynamodb_stream_positions[mapping["UUID"]]
    horizon: int = dynamodb.stream_start_position(table_of(mapping))
    return max(begun, horizon)


def account_and_region(arn: str) -> tuple[str, str]:
    _, _, _, region, account, *_ = arn.split(":")
    return account, region
