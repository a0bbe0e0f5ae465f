"""From what was used to what is paid."""

from datetime import date
from typing import Any

import pytest
import yaml

from benchmarks import cost, prices
from benchmarks.workers import Taken, metric_names
from ringback_local import template


def rates() -> list[Any]:
    document = yaml.safe_load(prices.RATES.read_text(encoding="utf-8"))
    return [*document["used"].items(), *document["monthly"].items()]


@pytest.mark.parametrize(("name", "rate"), rates())
def test_every_price_names_its_source_and_its_day(name: str, rate: dict[str, Any]) -> None:
    """A price without them cannot be checked."""

    assert rate["source"]
    assert date.fromisoformat(rate["as_of"]) <= date.today()
    assert ("usd" in rate) != ("usd_per_million" in rate)


def test_a_price_is_for_one() -> None:
    """Whether the list says it for one or for a million."""

    assert prices.used("sqs_request") == pytest.approx(0.40e-6)
    assert prices.monthly("secret") == pytest.approx(0.40)


def test_a_function_with_a_whole_processor_is_billed_what_it_took_rounded_up() -> None:
    """Lambda bills by the millisecond begun."""

    assert cost.billed_ms(Taken([10.2, 10.8], cpu_milliseconds=20), cost.VCPU_MB) == 11


def test_a_function_with_half_a_processor_computes_twice_as_long() -> None:
    """10 ms of processor time here are 20 ms there; waiting takes no longer."""

    assert cost.billed_ms(Taken([300.0], cpu_milliseconds=10), cost.VCPU_MB // 2 + 1) == 310


def test_metrics_are_read_from_the_lines_that_carry_them() -> None:
    """CloudWatch's embedded metric format, as Powertools writes it."""
    line = b'{"_aws": {"CloudWatchMetrics": [{"Metrics": [{"Name": "CallbackNew", "Unit": "Count"}]}]}, "CallbackNew": [1]}'

    assert metric_names(line) == ["CallbackNew"]


def test_what_bills_by_the_hour_is_found() -> None:
    """A type nobody has looked at, a table with provisioned capacity, a function kept warm."""
    resources = {
        "Gateway": {"Type": "AWS::EC2::NatGateway", "Properties": {}},
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"BillingMode": "PROVISIONED"}},
        "Door": {"Type": "AWS::Serverless::Function", "Properties": {"ProvisionedConcurrencyConfig": {}}},
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}},
    }
    source = {"Parameters": {"ProvisionedConcurrency": {"Default": 1}}, "Resources": resources}

    assert cost.billed_by_the_hour(source) == ["Gateway", "Table", "Door"]


def test_nothing_in_our_template_bills_by_the_hour() -> None:
    """Ringback costs next to nothing while nobody calls."""

    assert cost.billed_by_the_hour(template.read()) == []
