"""Work-arounds in the emulator's process."""

import os
from pathlib import Path
from typing import Any

from ministack.core.responses import request_scope as scope
from ministack.services import dynamodb, lambda_svc, sqs

from ringback_local import streams
from ringback_local.environments import Pool, function_of
from ringback_local.faults import Faults


def apply(faults: Faults, logs: Path, environments: int) -> "Applied":
    """Replace, in this process, what MiniStack does otherwise. Call it before the emulator serves its first request."""
    applied = Applied(faults, logs, environments)
    applied.install()
    return applied


class Applied:
    """The replacements, and what they hold: pools of environments and rounds of stream deliveries."""

    def __init__(self, faults: Faults, logs: Path, environments: int) -> None:
        self._lambda, self._dynamodb, self._sqs = lambda_svc, dynamodb, sqs
        self._faults = faults
        self._logs = logs
        self._environments = environments
        self._pools: dict[str, Pool] = {}
        self._rounds = streams.Rounds()
        self._run_sqs_batch = lambda_svc._run_sqs_batch

    def install(self) -> None:
        self._lambda._execute_function_warm = self.execute
        self._lambda._emit_lambda_logs = lambda *_, **__: None
        self._lambda._emit_lambda_metrics = lambda *_, **__: None
        self._lambda._poll_dynamodb_streams = self.poll_streams
        self._lambda._run_sqs_batch = self.run_queue_batch

    # -- handlers run slowly

    def execute(self, record: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        """Run a function in our own pool.

        MiniStack's pool unzips code and layers for each environment, waits 50 ms on a handler that logs nothing, starts a
        thread for each answer, grows without limit in a burst, loses the type of an exception, and keeps a log stream
        for each invocation in memory. Logs go to a file for each function instead.
        """
        pool = self._pool(record.get("config") or record)
        outcome = pool.invoke(event, request_id)
        if outcome.error:
            self._log(pool.function.name, f"{outcome.error['errorType']}: {outcome.error['errorMessage']}")
            for line in outcome.error.get("stackTrace", []):
                self._log(pool.function.name, line.rstrip("\n"))
            return {"body": outcome.error, "error": True, "log": ""}
        return {"body": outcome.result, "log": ""}

    def _pool(self, config: dict[str, Any]) -> Pool:
        function = function_of(config, f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}")
        pool = self._pools.get(function.name)
        if pool is None or pool.function != function:
            if pool:
                pool.stop()
            name = function.name
            pool = Pool(function, self._environments, lambda line: self._log(name, line), self._faults)
            self._pools[name] = pool
        return pool

    def _log(self, function: str, line: str) -> None:
        with (self._logs / f"{function}.log").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    # -- streams are delivered one batch at a time

    def poll_streams(self) -> bool:
        """Start a round for each mapping that has records waiting. Never blocks, so queues are polled meanwhile."""
        started = False
        for account, region, mapping in self._lambda._iter_all_esms():
            if ":dynamodb:" in mapping.get("EventSourceArn", "") and mapping.get("Enabled", True):
                with scope(account, region):
                    started |= self._begin_round(mapping)
        return started

    def _begin_round(self, mapping: dict[str, Any]) -> bool:
        mapping_id: str = mapping["UUID"]
        if self._rounds.is_running(mapping_id):
            return False
        table = mapping["EventSourceArn"].split("/stream/")[0].rpartition("/")[2]
        horizon = self._dynamodb.stream_start_position(table)
        position = max(self._position(mapping, table), horizon)
        settings = streams.Mapping(
            batch_size=mapping.get("BatchSize", 100),
            lanes=min(mapping.get("ParallelizationFactor", 1), os.cpu_count() or 1),
            retries=mapping.get("MaximumRetryAttempts", -1),
            bisects=mapping.get("BisectBatchOnFunctionError", False),
        )
        records = self._dynamodb.stream_records_since(table, position, settings.batch_size * settings.lanes)
        if not records:
            return False
        wanted = self._lambda._apply_filter_criteria(list(records), mapping)

        def deliver() -> None:
            with scope(*account_and_region(mapping["EventSourceArn"])):
                function, _ = self._lambda._get_func_record_for_qualifier(mapping["FunctionName"], None)

                def invoke(batch: list[streams.Record]) -> bool:
                    return self._faults.stream(
                        lambda: "error" not in self._lambda._execute_function(function, {"Records": batch})
                    )

                def give_up(batch: list[streams.Record]) -> None:
                    self._lambda._send_ddb_stream_failure_record(
                        mapping, function, batch, mapping["EventSourceArn"], {}, "RetryAttemptsExhausted"
                    )

                streams.Delivery(settings, invoke, give_up).deliver(wanted)
                self._lambda._dynamodb_stream_positions[mapping_id] = position + len(records)
            self._lambda._esm_wake.set()

        return self._rounds.begin(mapping_id, deliver)

    def _position(self, mapping: dict[str, Any], table: str) -> int:
        self._lambda._init_stream_position(
            mapping["UUID"], mapping["EventSourceArn"], mapping.get("StartingPosition", "LATEST")
        )
        position: int = self._lambda._dynamodb_stream_positions[mapping["UUID"]]
        return position

    # -- queue batches, for the faults alone

    def run_queue_batch(
        self, mapping: dict[str, Any], function: dict[str, Any], event: Any, *rest: Any
    ) -> None:
        """Deliver a queue's batch as MiniStack does; here only because a fault may give it to a second worker."""
        self._faults.queue(
            lambda: self._run_sqs_batch(mapping, function, event, *rest),
            lambda: self._lambda._execute_function(function, event),
        )

    # -- what the stack asks

    def unfinished(self) -> dict[str, int]:
        """What is still to be done: records not yet reacted to, batches running, messages waiting, by name."""
        counts = {"invocations": self._lambda.executions_in_flight()[0], "rounds": self._rounds.count()}
        for account, region, mapping in self._lambda._iter_all_esms():
            source = mapping["EventSourceArn"]
            with scope(account, region):
                if ":dynamodb:" in source:
                    table = source.split("/stream/")[0].rpartition("/")[2]
                    counts[table] = self._dynamodb.stream_end_position(table) - self._position(mapping, table)
                elif queue := self._sqs._queue_by_arn(source):
                    counts[source.rpartition(":")[2]] = len(queue["messages"])
        return counts

    def stop(self) -> None:
        """End every execution environment."""
        for pool in self._pools.values():
            pool.stop()


def account_and_region(arn: str) -> tuple[str, str]:
    _, _, _, region, account, *_ = arn.split(":")
    return account, region
