"""Every minute: puts back the messages and dials whose hold ends, lists for people what stayed unknown for a day, ends calls that went
quiet, rings back the influencers who were promised it, and queues the voters again whose days are over."""

from typing import Any

from ringback.observability import observed
from ringback.runtime import current
from ringback.services import dials, messages, pools, trackers
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
        "promises_kept": trackers.keep_promises(runtime, has_time),
        "voters_queued": pools.reissue_due(runtime, has_time),
    }
