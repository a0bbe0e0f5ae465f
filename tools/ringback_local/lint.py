"""Lints what `sam validate --lint` leaves out: the translated template, where a dependency cycle shows, and the state
machines, whose files it never opens.

``python -m ringback_local.lint`` prints one finding a line and exits with 1 when there is any.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from cfnlint.api import lint
from cfnlint.rules import Match
from samtranslator.model.exceptions import InvalidDocumentException

from ringback_local import template

State = dict[str, Any]


def findings(root: Path = template.ROOT) -> Iterator[str]:
    """Every finding, as `file: where: what`."""
    path = root / "template.yaml"
    yield from template_findings(path)
    for machine in sorted((root / "statemachines").glob("*.asl.yaml")):
        name = machine.relative_to(root)
        definition = yaml.safe_load(machine.read_text(encoding="utf-8"))
        yield from (f"{name}: {finding}" for finding in machine_findings(definition))


def template_findings(path: Path) -> Iterator[str]:
    """What cfn-lint finds in a SAM template and in its translation to CloudFormation."""
    for match in cloudformation(path.read_text(encoding="utf-8")):
        yield f"{path.name}:{match.linenumber}: {match.rule.id} {match.message}"
    try:
        translated = json.dumps(template.translate(template.read(path)), default=str)
    except InvalidDocumentException as error:
        yield from (f"{path.name}: {cause.message}" for cause in error.causes)
        return
    for match in cloudformation(translated):
        where = "/".join(map(str, match.path or []))
        yield f"{path.name} (translated): {where}: {match.rule.id} {match.message}"


def cloudformation(text: str) -> list[Match]:
    """cfn-lint's errors and warnings; what it only suggests is left out."""
    found: list[Match] = lint(text, regions=[template.REGION])
    return [match for match in found if match.rule.severity != "informational"]


def machine_findings(machine: State, where: str = "") -> Iterator[str]:
    """Targets that do not exist, states that nothing leads to, states without exactly one of Next and End."""
    states: dict[str, State] = machine.get("States", {})
    reached, waiting = set(), [machine.get("StartAt", "")]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        if name in states:
            waiting += targets(states[name])
        else:
            yield f"{where}{name or 'StartAt'}: there is no such state"
    for name, state in states.items():
        if name not in reached:
            yield f"{where}{name}: nothing leads here"
        if state["Type"] not in ("Choice", "Succeed", "Fail") and ("Next" in state) == (
            state.get("End") is True
        ):
            yield f"{where}{name}: needs exactly one of Next and End"
        for inner in [*state.get("Branches", []), state.get("ItemProcessor")]:
            if inner:
                yield from machine_findings(inner, f"{where}{name}/")


def targets(state: State) -> list[str]:
    """Where a state may lead."""
    ways = [state, *state.get("Choices", []), *state.get("Catch", [])]
    return [way[key] for way in ways for key in ("Next", "Default") if key in way]


def main() -> int:
    found = list(findings())
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
