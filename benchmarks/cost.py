"""What a missed call costs on AWS, from the callback to the hand-off of its SMS, a call through a menu, a verification and a patched call;
and what is paid each month for being there.

The built functions run under the runtime client, one batch after another; every request to AWS passes a meter that counts DynamoDB's
units from the items themselves. Nothing is estimated but the share of a processor that Lambda gives a function, and what AWS does
around it: the API's request, the queue's receive and delete for each batch, the access log.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from benchmarks import bounds, patched, prices
from benchmarks.artefacts import NAMES, PEOPLE_NAMES
from benchmarks.measuring import Check, Report, Table, main, progress
from benchmarks.pipeline import AGENDA_AND_SUPPORT, PROVIDER_SECONDS, Pipeline, running
from benchmarks.workers import BYTES_PER_LOG_EVENT, Taken, platform_log_bytes
from ringback.domain.ledger import Side
from ringback_local import template
from ringback_local.network import parsed, sample_documents
from ringback_local.stack import Options

VCPU_MB = 1769
"""Memory at which a function has one processor to itself. SOURCE: Lambda developer guide, "Configure Lambda function memory"."""

MONTH_MINUTES = 730 * 60
POLLERS, POLL_SECONDS = 5, 20
"""How Lambda watches an idle queue. SOURCE: AWS Compute blog, "Understanding how AWS Lambda scales with Amazon SQS" (long polls of 20 s by five)."""

JOURNAL_MONTHS = 400 / 30.4

BILLED_BY_USE = {
    "AWS::Serverless::Function",
    "AWS::Serverless::LayerVersion",
    "AWS::Serverless::HttpApi",
    "AWS::DynamoDB::Table",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Logs::LogGroup",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::Serverless::StateMachine",
    "AWS::SNS::Topic",
    "AWS::SNS::Subscription",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
}
"""Types of resources that cost nothing for an hour in which nobody uses them, or a small sum a month that is listed below."""


@dataclass(frozen=True, slots=True)
class Batches:
    """How calls come: so many at a time, in batches of that size at each step."""

    title: str
    size: int
    rounds: int
    transitions: int = 0
    """Of state machines, for each."""


BUSY = Batches("in batches of 10", 10, 4)
LONE = Batches("a lone call", 1, 10)
WALKS = Batches("through the main menu", 10, 4)
"""Ten callers walk five turns each, then `react` hears of them."""
VERIFICATIONS = Batches("a verification", 10, 2, patched.transitions("verify_influencer"))
PATCHES = Batches("a patched call", 10, 2, patched.transitions("patch_call"))
"""Influencers ring ten at a time: they talk to a tracker, who is rung for the verdict; with a go-ahead, to a voter who answers at once."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One way of calls coming, measured: requests and units with the meter, time without it."""

    batches: Batches
    counted: Mapping[str, Taken]
    timed: Mapping[str, Taken]

    @property
    def calls(self) -> int:
        return self.batches.size * self.batches.rounds

    @property
    def invocations(self) -> Counter[str]:
        return Counter({name: len(taken.milliseconds) for name, taken in self.timed.items()})

    def only(self, function: str) -> "Measured":
        """What one function did of it."""
        return Measured(self.batches, {function: self.counted[function]}, {function: self.timed[function]})


def measure() -> Report:
    source = template.read()
    options = Options(parameters={"Schedules": "DISABLED"}, timing={"sms_seconds": 3600})
    progress("counting requests and units")
    counted, idle = _measured(options, metered=True)
    progress("timing the same without the meter")
    timed, idle_timed = _measured(options, metered=False)
    memory = {name: memory_mb(source, name) for name in idle}
    busy, lone, walks, verified, patches = every = [
        Measured(batches, counted[batches.title], timed[batches.title])
        for batches in (BUSY, LONE, WALKS, VERIFICATIONS, PATCHES)
    ]
    totals = {each.batches.title: per_call(each, memory, source) for each in every}
    bill = [
        (
            line,
            totals[BUSY.title][line][0],
            totals[LONE.title][line][0],
            totals[BUSY.title][line][1],
            totals[LONE.title][line][1],
        )
        for line in totals[BUSY.title]
    ]
    sms = busy.only("SendMessage")
    usd = {title: sum(price for _, price in lines.values()) for title, lines in totals.items()}
    named = {
        name
        for taken in (*(taken for each in every for taken in each.counted.values()), *idle.values())
        for name in taken.metrics
    }
    fixed = monthly(source, len(named), idle, idle_timed, memory)
    hourly = billed_by_the_hour(source)
    oldest, newest = prices.as_of()
    return Report(
        "cost",
        [
            Table(
                f"A new caller's missed call, from callback to SMS hand-off, {BUSY.size * BUSY.rounds} calls in batches of {BUSY.size}"
                f" and {LONE.rounds} lone ones",
                (
                    "what AWS bills, by call",
                    *(each.batches.title for each in (busy, lone)),
                    "USD/million",
                    "lone, USD/million",
                ),
                [*bill, ("all of it", "", "", usd[BUSY.title], usd[LONE.title])],
            ),
            Table(
                "DynamoDB requests and units by call",
                ("", "requests", "WU", "RU", "lone: requests", "lone: WU", "lone: RU"),
                operations(busy, lone),
            ),
            Table(
                f"A new caller's call of {len(AGENDA_AND_SUPPORT)} turns in the main menu, {walks.calls} calls",
                ("what AWS bills, by call", "", "USD/million"),
                [
                    *((line, n, price) for line, (n, price) in totals[WALKS.title].items() if n),
                    ("all of it", "", usd[WALKS.title]),
                ],
            ),
            Table(
                "DynamoDB requests and units by call in a menu",
                ("", "requests", "WU", "RU"),
                operations(walks),
            ),
            *(
                table
                for each, what in (
                    (verified, "A verification: the call, the tracker rung for the verdict, its machine"),
                    (patches, "A patched call: one voter, who answers, and its machine"),
                )
                for table in (
                    Table(
                        f"{what}, {each.calls} of them",
                        ("what AWS bills, by call", "", "USD/million"),
                        [
                            *(
                                (line, n, price)
                                for line, (n, price) in totals[each.batches.title].items()
                                if n
                            ),
                            ("all of it", "", usd[each.batches.title]),
                        ],
                    ),
                    Table(
                        f"DynamoDB requests and units of {each.batches.title}",
                        ("", "requests", "WU", "RU"),
                        operations(each),
                    ),
                )
            ),
            Table(
                "Requests to AWS by event, and USD for 1,000",
                ("", "requests", "USD"),
                [
                    (
                        name,
                        requests_by_call(each),
                        sum(usd for _, usd in per_call(each, memory, source).values()) / 1000,
                    )
                    for name, each in (
                        ("missed call, to its SMS", busy),
                        ("of that, the SMS from its queue on", sms),
                        ("call of five turns in a menu", walks),
                        ("verification, two calls", verified),
                        ("patched call", patches),
                    )
                ],
            ),
            Table(
                "Each function, by invocation",
                ("", "memory MB", "ms", "CPU ms", "billed ms", "lone: ms", "lone: CPU ms", "lone: billed ms"),
                [
                    (
                        name,
                        memory[name],
                        *_times(busy.timed[name], memory[name]),
                        *_times(lone.timed[name], memory[name]),
                    )
                    for name in ("VoiceWebhook", "React", "SendMessage")
                ],
            ),
            Table(
                "Each month, for being there (USD)",
                ("", "n", "each", "a month"),
                [*fixed, ("all of it", "", "", sum(float(line[3]) for line in fixed))],
            ),
            Table("Billed by the hour", ("resource",), [(name,) for name in hourly]),
        ],
        [
            Check(
                "write units by missed call",
                sum(_units(busy, "writes").values()),
                bounds.WRITE_UNITS_PER_CALL,
            ),
            Check("USD per million missed calls", usd[BUSY.title], bounds.USD_PER_MILLION_CALLS),
            Check("USD per million calls in a menu", usd[WALKS.title], bounds.USD_PER_MILLION_MENU_CALLS),
            Check(
                "USD per thousand verifications",
                usd[VERIFICATIONS.title] / 1000,
                bounds.USD_PER_THOUSAND_VERIFICATIONS,
            ),
            Check(
                "USD per thousand patched calls",
                usd[PATCHES.title] / 1000,
                bounds.USD_PER_THOUSAND_PATCHED_CALLS,
            ),
            Check("resources billed by the hour", len(hourly), bounds.BILLED_BY_THE_HOUR),
        ],
        [
            f"Prices: {prices.RATES.relative_to(template.ROOT)}, ap-south-1, read {oldest} to {newest}, without free tiers. Provider: "
            f"{PROVIDER_SECONDS * 1000:.0f} ms. Pace: the template's {source['Parameters']['SmsPerMinute']['Default']} a minute, so a batch of "
            f"{BUSY.size} takes {BUSY.size * 60 / source['Parameters']['SmsPerMinute']['Default']:.0f} s.",
            f"Billed ms: as measured here, plus the wait for a processor of which Lambda gives {VCPU_MB} MB one whole.",
            telephony(usd[PATCHES.title] / 1e6),
            f"Not in it: storage, USD {stored():.2f} for a million journal rows over their 400 days; the delivery report that follows.",
        ],
    )


def _measured(options: Options, *, metered: bool) -> tuple[dict[str, dict[str, Taken]], dict[str, Taken]]:
    """What each function used, by the way the calls came; and what a run of each function with nothing to do uses."""
    with running(options, metered=metered, names=(*NAMES, *PEOPLE_NAMES)) as (stack, runtime, pipeline):
        _come(pipeline, Batches("warming up", 10, 1))
        for name in ("Release", "Reconcile"):
            pipeline.functions[name].invoke({})
        _take(pipeline)
        found = {}
        for batches in (BUSY, LONE):
            _come(pipeline, batches)
            found[batches.title] = _take(pipeline)
        _walk(pipeline, Batches("warming up", 10, 1))
        _take(pipeline)
        _walk(pipeline, WALKS)
        found[WALKS.title] = _take(pipeline)
        for name in ("Release", "Reconcile"):
            pipeline.functions[name].invoke({})
        idle = _take(pipeline)
        people = patched.People(stack, runtime, pipeline, 200)
        for batches, come in ((VERIFICATIONS, people.verify), (PATCHES, people.patch)):
            come(2)  # warms up
            _take(pipeline)
            for _ in range(batches.rounds):
                come(batches.size)
            found[batches.title] = _take(pipeline)
        return found, idle


def _come(pipeline: Pipeline, batches: Batches) -> None:
    for _ in range(batches.rounds):
        pipeline.call(batches.size)
        pipeline.react(batches.size)
        pipeline.send(batches.size)
        time.sleep(0.4)  # so that the next batch finds nobody waiting for a departure


def _walk(pipeline: Pipeline, batches: Batches) -> None:
    for _ in range(batches.rounds):
        pipeline.walk(batches.size)
        pipeline.react(batches.size)


def _take(pipeline: Pipeline) -> dict[str, Taken]:
    return {name: function.take() for name, function in pipeline.functions.items()}


def per_call(
    measured: Measured, memory: Mapping[str, int], source: template.Template
) -> dict[str, tuple[float, float]]:
    """By line of the bill: how much of it one call uses, and what a million calls pay for it."""
    calls = measured.calls
    invocations = measured.invocations
    callbacks = invocations["VoiceWebhook"]
    gb_seconds = sum(
        invocations[name] * billed_ms(taken, memory[name]) / 1000 * memory[name] / 1024
        for name, taken in measured.timed.items()
        if invocations[name]
    )
    quiet = logs_are_quiet(source)
    log_bytes = sum(taken.log_bytes for taken in measured.counted.values()) + callbacks * access_log_bytes(
        source
    )
    log_bytes += 0 if quiet else sum(invocations.values()) * platform_log_bytes()
    sqs = sum(_requests(measured, "sqs").values())
    sqs += 2 * (invocations["SendMessage"] + invocations["PlaceCall"])
    used = {
        "HTTP API requests": ("http_api_request", callbacks),
        "Lambda requests": ("lambda_request", sum(invocations.values())),
        "Lambda GB-seconds": ("lambda_gb_second", gb_seconds),
        "DynamoDB write units": ("dynamodb_write_unit", sum(_units(measured, "writes").values()) * calls),
        "DynamoDB read units": ("dynamodb_read_unit", sum(_units(measured, "reads").values()) * calls),
        "DynamoDB stream reads": ("dynamodb_stream_read", invocations["React"]),
        "SQS requests": ("sqs_request", sqs),
        "Step Functions transitions": ("state_transition", calls * measured.batches.transitions),
        "Secrets Manager requests": ("secret_request", sum(_requests(measured, "secretsmanager").values())),
        "log bytes": ("log_gb", log_bytes),
    }
    return {
        line: (n / calls, n / calls * prices.used(price) * (1e6 / 1e9 if price == "log_gb" else 1e6))
        for line, (price, n) in used.items()
    }


def requests_by_call(measured: Measured) -> float:
    """What AWS is asked for one call: at the API, of functions, and by functions."""
    asked = sum(used.requests for taken in measured.counted.values() for used in taken.bill.values())
    return (
        measured.invocations["VoiceWebhook"] + sum(measured.invocations.values()) + asked
    ) / measured.calls


def billed_ms(taken: Taken, memory: int) -> float:
    """Of one invocation, rounded up: what it took here, and the longer wait for a part of a processor."""
    invocations = len(taken.milliseconds)
    waiting = taken.cpu_milliseconds / invocations * (max(1.0, VCPU_MB / memory) - 1)
    return sum(ceil(each + waiting) for each in taken.milliseconds) / invocations


def memory_mb(source: template.Template, function: str) -> int:
    properties: Mapping[str, Any] = source["Resources"][function]["Properties"]
    return int(properties.get("MemorySize", source["Globals"]["Function"]["MemorySize"]))


def logs_are_quiet(source: template.Template) -> bool:
    """Whether the template spares itself Lambda's own lines about each invocation that succeeds."""
    logging: Mapping[str, str] = source["Globals"]["Function"].get("LoggingConfig", {})
    return logging.get("SystemLogLevel") == "WARN"


def access_log_bytes(source: template.Template) -> int:
    """Of one request, with values as long as they really are."""
    line: str = source["Resources"]["Api"]["Properties"]["AccessLogSettings"]["Format"]
    for name, value in (
        ("$context.requestId", "JKJaXmPLvHcESHA="),
        ("$context.routeKey", "ANY /voice/{proxy+}"),
        ("$context.status", "200"),
        ("$context.responseLatency", "12"),
        ("$context.integrationErrorMessage", "-"),
    ):
        line = line.replace(name, value)
    return len(line) + BYTES_PER_LOG_EVENT


def operations(*measured: Measured) -> list[tuple[str | float, ...]]:
    """Each DynamoDB operation with what one call makes of it, in each way of calls coming."""
    sides = [
        (_requests(each, "dynamodb"), _units(each, "writes"), _units(each, "reads")) for each in measured
    ]
    names = sorted({name for requests, _, _ in sides for name in requests})
    rows: list[tuple[str | float, ...]] = [
        (name, *(part.get(name, 0.0) for parts in sides for part in parts)) for name in names
    ]
    return [*rows, ("all of them", *(sum(part.values()) for parts in sides for part in parts))]


def monthly(
    source: template.Template,
    metrics: int,
    idle: Mapping[str, Taken],
    idle_timed: Mapping[str, Taken],
    memory: Mapping[str, int],
) -> list[tuple[str, float, float, float]]:
    """What is paid each month though nobody calls, line by line: how many, USD for each, USD together."""
    resources = source["Resources"].values()
    kinds = [resource["Type"] for resource in resources]
    queues_watched = sum(
        resource["Type"] == "AWS::Lambda::EventSourceMapping"
        and "FunctionResponseTypes" in resource["Properties"]
        for resource in resources
    )
    lines: list[tuple[str, float, float]] = [
        ("secrets", 1, prices.monthly("secret")),
        ("metrics that alarms watch", sum(map(_watched, resources)), prices.monthly("alarm")),
        ("dashboards", kinds.count("AWS::CloudWatch::Dashboard"), prices.monthly("dashboard")),
        ("metrics of ours that were written", metrics, prices.monthly("metric")),
        (
            "polls of idle queues",
            queues_watched * POLLERS * MONTH_MINUTES * 60 / POLL_SECONDS,
            prices.used("sqs_request"),
        ),
    ]
    for name, minutes in (("Release", 1), ("Reconcile", 5)):
        runs = MONTH_MINUTES / minutes
        lines += [
            (
                f"runs of {name} with nothing to do",
                runs,
                _usd_of_one(idle[name], idle_timed[name], memory[name], source),
            )
        ]
    return [(name, n, each, n * each) for name, n, each in lines]


def _watched(resource: Mapping[str, Any]) -> int:
    """How many metrics an alarm watches, each of which is paid for; one that reckons watches those that it reckons with."""
    if resource["Type"] != "AWS::CloudWatch::Alarm":
        return 0
    return sum("MetricStat" in each for each in resource["Properties"].get("Metrics", ())) or 1


def _usd_of_one(counted: Taken, timed: Taken, memory: int, source: template.Template) -> float:
    log_bytes = counted.log_bytes + (0 if logs_are_quiet(source) else platform_log_bytes())
    return (
        prices.used("lambda_request")
        + billed_ms(timed, memory) / 1000 * memory / 1024 * prices.used("lambda_gb_second")
        + sum(used.writes for used in counted.bill.values()) * prices.used("dynamodb_write_unit")
        + sum(used.reads for used in counted.bill.values()) * prices.used("dynamodb_read_unit")
        + log_bytes / 1e9 * prices.used("log_gb")
    )


def billed_by_the_hour(source: template.Template) -> list[str]:
    """Resources that cost money for every hour they exist: of a type not known to be billed by use, or set up so."""
    return [
        name
        for name, resource in source["Resources"].items()
        if resource["Type"] not in BILLED_BY_USE
        or (
            resource["Type"] == "AWS::DynamoDB::Table"
            and resource["Properties"]["BillingMode"] != "PAY_PER_REQUEST"
        )
        or (
            "ProvisionedConcurrencyConfig" in resource["Properties"]
            and source["Parameters"]["ProvisionedConcurrency"]["Default"]
        )
    ]


def _times(taken: Taken, memory: int) -> tuple[float, float, float]:
    invocations = len(taken.milliseconds)
    return (
        sum(taken.milliseconds) / invocations,
        taken.cpu_milliseconds / invocations,
        billed_ms(taken, memory),
    )


def _units(measured: Measured, kind: str) -> dict[str, float]:
    return _by_call(measured, "dynamodb", lambda used: getattr(used, kind))


def _requests(measured: Measured, service: str) -> dict[str, float]:
    scale = 1 if service == "dynamodb" else measured.calls
    return {name: n * scale for name, n in _by_call(measured, service, lambda used: used.requests).items()}


def _by_call(measured: Measured, service: str, of: Callable[[Any], float]) -> dict[str, float]:
    summed: dict[str, float] = {}
    for taken in measured.counted.values():
        for name, used in taken.bill.items():
            if name.startswith(f"{service} ") and of(used):
                operation = name.removeprefix(f"{service} ")
                summed[operation] = summed.get(operation, 0.0) + of(used) / measured.calls
    return summed


def telephony(usd: float) -> str:
    """How a patched call's cost on AWS compares with what the provider charges for its two legs of a minute."""
    legs = parsed(sample_documents())[0].rules.patch_legs
    assert legs is not None  # the rules of the day have them
    rupees = sum(legs.paise(side, patched.TALKED_SECONDS) for side in Side) / 100
    return (
        f"The telephony of such a call, two legs of {patched.TALKED_SECONDS} s by catalog/rules.yaml, is {rupees:.2f} rupees; AWS's USD "
        f"{usd:.6f} would be as much at {rupees / usd:,.0f} rupees a dollar."
    )


def stored() -> float:
    """USD for keeping the journal rows of a million calls, at the kilobyte that one may have."""
    return 1e6 * 1024 / 1e9 * prices.used("dynamodb_gb_month") * JOURNAL_MONTHS


if __name__ == "__main__":
    sys.exit(main(measure))
