"""`ringback stats`: raw, unique and verified side by side."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from ringback.domain.metrics import hour_of
from ringback.store import counters
from tests.deployment import CALLER, Deployment
from tests.integration.patching import LINE, Patched, voter_phones
from tests.integration.ringback_cli.conftest import Read, Run


@pytest.fixture
def busy(deployment: Deployment) -> Deployment:
    """Three calls of two people to one campaign over two hours, one welcome delivered; a withheld call."""
    deployment.ring("+919000000101", call_id="a")
    deployment.settle()
    deployment.report(deployment.message(), "sent", "20005")
    deployment.ring("+919000000102", "+918040001002", call_id="b")
    deployment.ring("anonymous", call_id="c")
    deployment.settle()
    deployment.clock.move(hours=1)
    deployment.ring("+919000000101", call_id="d", StartTime="2026-03-02 12:00:00")
    deployment.settle()
    return deployment


def counts(row: dict[str, object]) -> tuple[object, object, object]:
    return row["raw"], row["unique"], row["verified"]


def test_a_campaign_has_its_three_counts_and_what_is_odd(busy: Deployment, run: Run, read: Read) -> None:
    rows = {row["campaign"]: row for row in read("stats")["stats"]}

    assert counts(rows["clean-water"]) == (4, 2, 1)
    assert rows["clean-water"]["withheld"] == 1
    assert rows["clean-water"]["sms-delivered"] == 1
    assert counts(rows["library-hours"]) == (0, 0, 0)
    shown = run("stats").output
    assert "raw calls" in shown
    assert "verified callers" in shown
    assert "unparsed" not in shown


def test_counts_split_by_number_and_source(busy: Deployment, read: Read) -> None:
    by_number = {
        row["number"]: row for row in read("stats", "--campaign", "clean-water", "--by", "number")["stats"]
    }
    by_source = {
        row["source"]: row for row in read("stats", "--campaign", "clean-water", "--by", "source")["stats"]
    }

    assert (by_number["+918040001001"]["raw"], by_number["+918040001001"]["unique"]) == (3, 1)
    assert (by_number["+918040001002"]["raw"], by_number["+918040001002"]["unique"]) == (1, 1)
    assert (by_source["tv"]["raw"], by_source["newspaper"]["raw"], by_source["rally"]["raw"]) == (3, 1, 0)


def test_counts_split_by_hour_of_indian_time_and_span(busy: Deployment, run: Run, read: Read) -> None:
    def hours(*options: str) -> dict[str, object]:
        rows = read("stats", "--campaign", "clean-water", "--by", "hour", *options)["stats"]
        return {row["hour"]: row["raw"] for row in rows}

    assert hours() == {"2026-03-02T11": 3, "2026-03-02T12": 1}
    assert hours("--since", "2026-03-02T12:00") == {"2026-03-02T12": 1}
    assert hours("--until", "2026-03-02T12:00") == {"2026-03-02T11": 3}
    assert hours("--since", "30m") == {"2026-03-02T11": 3, "2026-03-02T12": 1}
    assert "2026-03-02T12" in run("stats", "--by", "hour").output


def test_a_campaign_that_does_not_exist_is_told_in_one_sentence(run: Run) -> None:
    result = run("stats", "--campaign", "nowhere")

    assert (result.exit_code, result.stderr) == (1, "Error: campaign nowhere has no published content\n")


def test_a_moment_that_is_none_is_a_usage_error_with_examples(run: Run) -> None:
    result = run("stats", "--since", "yesterday")

    assert result.exit_code == 2
    assert "write 2026-11-21" in result.stderr


def test_a_number_whose_counts_part_is_named_with_where_it_was_publicised(
    deployment: Deployment, run: Run, read: Read
) -> None:
    number = "number:+918040001001"
    assert "counts part" not in run("stats").output
    hour = hour_of("clean-water", deployment.clock.now() - timedelta(hours=2))
    counters.add({hour: Counter({"raw": 5_000, f"raw {number}": 5_000, f"unique {number}": 40})}, shard=1)

    (row,) = read("stats", "--campaign", "clean-water")["stats"]
    assert row["diverging"] == ["tv: calls-without-callers"]
    assert "tv: calls-without-callers" in run("stats").output
    rows = read("stats", "--campaign", "clean-water", "--by", "number")["stats"]
    parting = {row["number"]: row["diverging"] for row in rows if row["diverging"]}
    assert parting == {"+918040001001": "calls-without-callers"}
    assert "calls-without-callers" in run("stats", "--by", "number").output
    assert "counts part" not in run("stats", "--by", "source").output


def test_whom_callers_were_put_through_to_is_counted_where_anybody_was(
    deployment: Deployment, run: Run, read: Read, tmp_path: Path
) -> None:
    """F94: the reach of a campaign."""
    assert "voters" not in run("stats").output
    patched = Patched(deployment)
    patched.approve(CALLER)
    patched.fill(tmp_path, voter_phones(4))
    caller = patched.begin()
    first = caller.ask()
    assert first is not None
    second = caller.failed(first)
    assert second is not None
    caller.talk(second, 75)
    patched.react()

    (row,) = read("stats", "--campaign", "clean-water")["stats"]
    assert (row["voters-dialled"], row["voters-reached"], row["trackers-dialled"]) == (2, 1, 0)
    assert (row["raw"], row["ivr"]) == (1, 1)
    shown = run("stats").output
    assert "voters rung" in shown
    assert "voters reached" in shown
    assert "trackers rung" not in shown
    (line,) = [row for row in read("stats", "--by", "number")["stats"] if row["number"] == LINE]
    assert (line["raw"], line["unique"]) == (1, 1)
