"""Every minute: puts back the messages whose hold ends, and lists for people what stayed unknown for a day."""

from typing import Any

from ringback.observability import observed
from ringback.runtime import current
from ringback.services import messages

runtime = current()

_SPARE_MS = 10_000


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    released = messages.release(runtime, has_time=lambda: context.get_remaining_time_in_millis() > _SPARE_MS)
    return {"released": released, "listed": messages.list_for_people(runtime)}
