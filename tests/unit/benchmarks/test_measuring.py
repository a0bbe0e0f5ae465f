"""Reports, and the arithmetic of noisy measurements."""

import json

import pytest

from benchmarks.bounds import Bound
from benchmarks.measuring import Check, NotMeasured, Report, Table, alternate, lower_quartile, main


def a_report(value: float) -> Report:
    return Report(
        "cost", [Table("Calls", ("", "n"), [("all", 12_345)])], [Check("units", value, Bound(7))], ["A note."]
    )


def measured(value: float) -> Report:
    return a_report(value)


def test_each_side_is_measured_once_a_round_and_every_second_round_backwards() -> None:
    """Neither side always follows the other."""
    order: list[str] = []

    def side(name: str) -> str:
        order.append(name)
        return name

    results = alternate(2, lambda: side("ours"), lambda: side("bare"))

    assert order == ["ours", "bare", "bare", "ours"]
    assert results == [["ours", "ours"], ["bare", "bare"]]


def test_the_lower_quartile_leaves_a_quarter_below() -> None:
    """It forgets the disturbed starts above."""

    assert lower_quartile([100, 1, 2, 3, 900]) == 2


@pytest.mark.parametrize(
    ("bound", "value", "expected"),
    [
        (Bound(7), 7.0, True),
        (Bound(7), 7.01, False),
        (Bound(0.95, at_least=True), 0.95, True),
        (Bound(0.95, at_least=True), 0.94, False),
    ],
)
def test_a_bound_holds_up_to_its_limit(bound: Bound, value: float, expected: bool) -> None:
    """The limit itself is within."""

    assert bound.holds(value) is expected


@pytest.mark.parametrize(("value", "status", "verdict"), [(6.3, 0, "pass"), (7.3, 1, "MISSED")])
def test_a_missed_bound_is_said_and_ends_with_status_1(
    value: float, status: int, verdict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that a program sees it too."""

    assert main(lambda: measured(value), []) == status
    printed = capsys.readouterr().out
    assert verdict in printed
    assert "12,345" in printed
    assert "python -m benchmarks.cost" in printed


def test_a_program_gets_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    """Figures as numbers, each with its bound and verdict."""
    main(lambda: measured(6.3), ["--json"])
    document = json.loads(capsys.readouterr().out)

    assert document["checks"] == [{"name": "units", "value": 6.3, "bound": "≤ 7", "passed": True}]
    assert document["tables"] == {"Calls": [{"": "all", "n": 12345}]}
    assert document["passed"] is True


def test_what_cannot_be_measured_says_why_and_ends_with_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    """A missing build is neither a pass nor a miss."""

    def unmeasured() -> Report:
        raise NotMeasured("run `make build` first")

    assert main(unmeasured, []) == 2
    assert capsys.readouterr().err == "run `make build` first\n"
