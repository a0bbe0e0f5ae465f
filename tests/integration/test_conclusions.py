"""The line with which a door ends an invocation: log and metric in one."""

import json

import pytest

from ringback import observability
from tests.deployment import forget_metrics


def test_one_line_is_the_outcome_and_its_metric_and_shows_no_number(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """CloudWatch takes the metric out of it, people find the rest; a number that strayed into an id is masked."""
    forget_metrics()
    observability.conclude("Kept a callback", "CallbackNew", source_id="exotel:+919000000101", kept="new")
    observability.metrics.flush_metrics()
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)

    assert told["message"] == "Kept a callback"
    assert told["level"] == "INFO"
    assert told["CallbackNew"] == [1.0]
    assert told["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [{"Name": "CallbackNew", "Unit": "Count"}]
    assert "9000000101" not in line
    assert observability.metrics.metadata_set == {}
