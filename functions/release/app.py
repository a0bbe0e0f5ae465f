"""Every minute: puts back the messages and dials whose hold ends, lists for people what stayed unknown for a day, and ends calls that went quiet."""

from typing import Any

from ringback.observability import observed
from ringback.runtime import current
from ringback.services import dials, messages
from ringback.services.turns import Turns

runtime = current()
turns = Turns(runtime)

_SPARE_MS = 10_000


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    def has_time() -> bool:
        return bool(context.get_remaining_time_in_millis() > _SPARE_MS)

    released = messages.release(runtime, has_time=has_time)
    return {
        "released": released + dials.release(runtime, has_time=has_time),
        "listed": messages.list_for_people(runtime) + dials.list_for_people(runtime),
        "gone_quiet": turns.end_quiet(has_time),
    }
