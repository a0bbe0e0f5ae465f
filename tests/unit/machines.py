"""A state machine walked from its file: what the tasks answer decides which way it goes.

The expressions are evaluated by the engine that the local stack uses; nothing waits.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonata
import yaml

from ringback_local import template


class TaskError(Exception):
    """How a task of the walk fails: by the name that Step Functions gives the error."""


Task = Callable[[dict[str, Any], int | None], Any]


def read(name: str) -> dict[str, Any]:
    """A machine's definition."""
    path = template.ROOT / "statemachines" / f"{name}.asl.yaml"
    machine: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return machine


def walk(machine: Mapping[str, Any], task: Task, given: Mapping[str, Any]) -> Iterator[str]:
    """The states entered, until the end; `task` gets a task's payload and time-out, and returns or raises `TaskError`."""
    name: str = machine["StartAt"]
    variables: dict[str, Any] = {}
    for _ in range(50):
        yield name
        state, result = machine["States"][name], None
        if state["Type"] == "Task":
            payload = evaluated(state["Arguments"]["Payload"], given, variables)
            try:
                result = task(payload, evaluated(state["TimeoutSeconds"], given, variables))
            except TaskError as error:
                name = caught(state, str(error))
                continue
        assigned = evaluated(state.get("Assign", {}), given, variables, result)
        variables = {**variables, **assigned}
        if state["Type"] in ("Succeed", "Fail"):
            return
        if state["Type"] == "Choice":
            chosen = (
                choice["Next"]
                for choice in state["Choices"]
                if evaluated(choice["Condition"], given, variables) is True
            )
            name = next(chosen, state["Default"])
        else:
            name = state["Next"]
    raise AssertionError("the machine does not come to an end")


def caught(state: Mapping[str, Any], error: str) -> str:
    """Where an error leads that no retry has helped."""
    for catcher in state["Catch"]:
        if {error, "States.ALL"} & set(catcher["ErrorEquals"]):
            return str(catcher["Next"])
    raise AssertionError(f"nothing catches {error}")


def evaluated(value: Any, given: Any, variables: Mapping[str, Any], result: Any = None) -> Any:
    if isinstance(value, dict):
        return {key: evaluated(each, given, variables, result) for key, each in value.items()}
    if not (isinstance(value, str) and value.startswith("{%")):
        return value
    expression = jsonata.Jsonata(value[2:-2].strip())
    states = {"input": given, "result": result, "context": {"Task": {"Token": "token"}}}
    frame = expression.create_frame()
    for name, bound in {**variables, "states": states}.items():
        frame.bind(name, bound)
    return expression.evaluate(given, frame)
