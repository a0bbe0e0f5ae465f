"""Built functions under AWS's runtime client, with what they use written down."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from benchmarks.artefacts import Artefact
from benchmarks.wire import Bill, Meter
from ringback_local.environments import Function
from ringback_local.runtime_api import Worker

BYTES_PER_LOG_EVENT = 26
"""What CloudWatch adds to each event when it counts bytes. SOURCE: CloudWatch pricing, and the limits of PutLogEvents."""

PLATFORM_LOG = (
    "START RequestId: 8f5c2f0e-7d8a-4d5e-9a54-0d4bb1b0b6a1 Version: $LATEST\n",
    "END RequestId: 8f5c2f0e-7d8a-4d5e-9a54-0d4bb1b0b6a1\n",
    "REPORT RequestId: 8f5c2f0e-7d8a-4d5e-9a54-0d4bb1b0b6a1\tDuration: 123.45 ms\tBilled Duration: 124 ms\t"
    "Memory Size: 1024 MB\tMax Memory Used: 100 MB\t\n",
)
"""What Lambda itself logs about each invocation, as text. SOURCE: Lambda developer guide, "Viewing CloudWatch logs"."""

_NO_ENDPOINT = "http://127.0.0.1:9"


class Failed(Exception):
    """A function answered with an error, so there is nothing to measure."""


@dataclass(slots=True)
class Taken:
    """What a function used since it was last asked."""

    milliseconds: list[float] = field(default_factory=list)
    """Of each invocation, as the event's sender saw it."""
    cpu_milliseconds: float = 0.0
    cpu_of_each: list[float] = field(default_factory=list)
    """Of each invocation by itself, without what the runtime does between two."""
    log_bytes: int = 0
    """As CloudWatch counts them, Lambda's own lines not among them."""
    metrics: frozenset[str] = frozenset()
    """Names of the metrics among the log lines."""
    bill: Bill = field(default_factory=dict)


class Metered:
    """One function in one environment."""

    def __init__(
        self, artefact: Artefact, environment: Mapping[str, str], memory_mb: int, meter: Meter | None = None
    ) -> None:
        self.memory_mb = memory_mb
        self._meter = meter
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed when we are left
        self._worker = Worker(
            artefact.folder, environment, artefact.layers, timeout_seconds=120, output=self._log.fileno()
        )
        self._taken = Taken()
        self._cpu_seconds = self._worker.cpu_seconds()
        self._read = os.fstat(self._log.fileno()).st_size

    def invoke(self, event: Any) -> Any:
        """Run it once; `Failed` with Lambda's own words when it did not succeed."""
        before = self._worker.cpu_seconds()
        invocation = self._worker.invoke(event)
        self._taken.cpu_of_each.append((self._worker.cpu_seconds() - before) * 1000)
        if invocation.error:
            raise Failed(f"{invocation.error.get('errorType')}: {invocation.error.get('errorMessage')}")
        self._taken.milliseconds.append(invocation.milliseconds)
        return invocation.result

    def take(self) -> Taken:
        """What was used since the last time."""
        taken, self._taken = self._taken, Taken()
        cpu = self._worker.cpu_seconds()
        taken.cpu_milliseconds = (cpu - self._cpu_seconds) * 1000
        self._cpu_seconds = cpu
        lines = self._new_log().splitlines(keepends=True)
        taken.log_bytes = sum(len(line) + BYTES_PER_LOG_EVENT for line in lines)
        taken.metrics = frozenset(name for line in lines if b'"_aws"' in line for name in metric_names(line))
        taken.bill = self._meter.take() if self._meter else {}
        return taken

    def _new_log(self) -> bytes:
        """What was logged since the last time; read by position, since the worker writes with the same file offset."""
        told = os.pread(self._log.fileno(), 1 << 30, self._read)
        self._read += len(told)
        return told

    def peak_memory_mb(self) -> float:
        return self._worker.peak_memory_mb()

    def memory_mb_held(self) -> float:
        return self._worker.memory_mb()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._worker.close()
        self._log.close()


def metric_names(line: bytes) -> list[str]:
    """The metrics in a line of CloudWatch's embedded metric format."""
    directives = json.loads(line)["_aws"]["CloudWatchMetrics"]
    return [metric["Name"] for directive in directives for metric in directive["Metrics"]]


def environment_for_imports() -> dict[str, str]:
    """What any function needs to start, when nothing will be asked of AWS."""
    return {
        "AWS_REGION": "ap-south-1",
        "AWS_DEFAULT_REGION": "ap-south-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_ENDPOINT_URL": _NO_ENDPOINT,
        "TABLE_PREFIX": "ringback-",
        "SEND_QUEUE_URL": _NO_ENDPOINT,
        "DIAL_QUEUE_URL": _NO_ENDPOINT,
        "REACT_RETRY_QUEUE_URL": _NO_ENDPOINT,
        "RECORDING_QUEUE_URL": _NO_ENDPOINT,
        "RECORDINGS_BUCKET": "recordings",
        "ANSWER_GRIEVANCE_ARN": "arn:aws:states:ap-south-1:123456789012:stateMachine:answer-grievance",
        "VERIFY_INFLUENCER_ARN": "arn:aws:states:ap-south-1:123456789012:stateMachine:verify-influencer",
        "PUBLIC_URL": _NO_ENDPOINT,
        "SECRETS_NAME": "ringback/secrets",
        "EXOTEL_BASE_URL": _NO_ENDPOINT,
        **_lambda("Benchmark", 1024),
    }


def environment_of(function: Function, **changed: str) -> dict[str, str]:
    """A deployed function's variables, some of them changed."""
    return {**function.environment, **_lambda(function.name, function.memory_mb), **changed}


def api_event(path: str, query: str = "", method: str = "GET", body: str = "", content_type: str = "") -> Any:
    """A request as API Gateway's HTTP API hands it over."""
    with_body = {"body": body, "isBase64Encoded": False} if body else {"isBase64Encoded": False}
    return {
        "version": "2.0",
        "routeKey": "ANY /voice/{proxy+}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"accept": "*/*", "user-agent": "Exotel", "content-type": content_type},
        "requestContext": {
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.10"},
            "requestId": "benchmark",
            "stage": "$default",
        },
        **with_body,
    }


def platform_log_bytes() -> int:
    """What Lambda itself logs about one invocation."""
    return sum(len(line) + BYTES_PER_LOG_EVENT for line in PLATFORM_LOG)


def _lambda(name: str, memory_mb: int) -> dict[str, str]:
    return {
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
        "POWERTOOLS_SERVICE_NAME": "ringback",
        "POWERTOOLS_METRICS_NAMESPACE": "Ringback",
        "TZ": ":UTC",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
