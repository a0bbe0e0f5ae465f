"""The lint finds what AWS's own tools leave out, and finds nothing in what we ship."""

from pathlib import Path

import pytest
import yaml

from ringback_local import lint, template

STEADY = """
StartAt: Ask the tracker
States:
  Ask the tracker:
    Type: Task
    Catch: [{ErrorEquals: [States.ALL], Next: Nobody answered}]
    Next: What did they say?
  What did they say?:
    Type: Choice
    Choices: [{Condition: "{% true %}", Next: Tell everyone}]
    Default: Nobody answered
  Tell everyone:
    Type: Map
    ItemProcessor: {StartAt: Send, States: {Send: {Type: Task, End: true}}}
    End: true
  Nobody answered: {Type: Fail}
"""

CASES = {
    "a target that does not exist": (("Next: What did they say?", "Next: What did they sing?"), "there is no such state"),
    "a state nothing leads to": (("  Nobody answered: {Type: Fail}", "  Forgotten: {Type: Fail}\n  Nobody answered: {Type: Fail}"), "Forgotten: nothing leads here"),
    "a start that does not exist": (("StartAt: Ask the tracker", "StartAt: Begin"), "Begin: there is no such state"),
    "both Next and End": (("    ItemProcessor", "    Next: Nobody answered\n    ItemProcessor"), "Tell everyone: needs exactly one of Next and End"),
    "neither Next nor End": (("{Type: Task, End: true}", "{Type: Task}"), "Tell everyone/Send: needs exactly one of Next and End"),
    "a fault in a nested machine": (("StartAt: Send,", "StartAt: Sent,"), "Tell everyone/Sent: there is no such state"),
    "a catch that leads nowhere": (("Next: Nobody answered}]", "Next: Nowhere}]"), "Nowhere: there is no such state"),
}  # fmt: skip


def test_a_machine_that_holds_together_has_no_findings() -> None:
    assert not list(lint.machine_findings(yaml.safe_load(STEADY)))


@pytest.mark.parametrize(("change", "finding"), CASES.values(), ids=CASES)
def test_a_machine_that_does_not_hold_together_is_told_where(change: tuple[str, str], finding: str) -> None:
    broken = STEADY.replace(*change)

    assert broken != STEADY
    assert any(finding in found for found in lint.machine_findings(yaml.safe_load(broken)))


def test_findings_name_the_machines_file(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(template.TEMPLATE.read_text())
    (tmp_path / "statemachines").mkdir()
    (tmp_path / "statemachines" / "review.asl.yaml").write_text("StartAt: A\nStates: {}\n")

    assert list(lint.findings(tmp_path)) == ["statemachines/review.asl.yaml: A: there is no such state"]


def test_a_cycle_of_dependencies_shows_in_the_translation(tmp_path: Path) -> None:
    """The function needs the API's address, and the API the function's: SAM's own lint passes it."""
    text = template.TEMPLATE.read_text()
    cyclic = text.replace(
        "        SECRETS_NAME: !Ref SecretsName",
        '        PUBLIC_URL: !Sub "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}"',
    )
    (tmp_path / "template.yaml").write_text(cyclic)

    found = list(lint.template_findings(tmp_path / "template.yaml"))

    assert cyclic != text
    assert any("E3004" in finding and "(translated)" in finding for finding in found)


def test_what_we_ship_has_no_findings() -> None:
    assert not list(lint.findings())
