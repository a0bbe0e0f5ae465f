"""The tasks of the state machine `answer_grievance`: wait for the answer, remind the team, sound the alarm."""

from collections.abc import Mapping
from typing import Any

from ringback.observability import observed
from ringback.runtime import current
from ringback.services import feedback

runtime = current()


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> Mapping[str, object]:
    match event:
        case {"task": "wait", "feedback": str(name), "token": str(token)}:
            return feedback.clock_waits(name, token)
        case {"task": "remind", "feedback": str(name), "nth": int(nth) | float(nth)}:
            return feedback.clock_reminds(name, int(nth))
        case {"task": "strike", "feedback": str(name)}:
            return feedback.clock_strikes(runtime, name)
        case _:
            raise ValueError(f"no task of the clock: {event.get('task')!r}")
