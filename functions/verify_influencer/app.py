"""The tasks of the state machine `verify_influencer`: wait for the call's end and the verdict, ask the tracker, go without a verdict."""

from collections.abc import Mapping
from typing import Any

from ringback.domain.reviews import Awaited
from ringback.observability import observed
from ringback.runtime import current
from ringback.services import reviews

runtime = current()


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> Mapping[str, object]:
    match event:
        case {"task": "wait", "review": str(name), "for": str(awaited), "token": str(token)}:
            return reviews.wait(runtime, name, Awaited(awaited), token)
        case {"task": "ask", "review": str(name)}:
            return reviews.ask(runtime, name)
        case {"task": "no-end", "review": str(name)}:
            return reviews.no_end(runtime, name)
        case {"task": "no-verdict", "review": str(name)}:
            return reviews.no_verdict(runtime, name)
        case _:
            raise ValueError(f"no task of a review: {event.get('task')!r}")
