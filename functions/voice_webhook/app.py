"""The voice door: `ANY /voice/{token}/{step}`. Keeps what the provider tells and answers at once.

Light on purpose (no resolver, no tracer, no phone library, one AWS client): while it starts, a caller hears ringing.
"""

from typing import Any

from ringback import doors
from ringback.observability import observed
from ringback.runtime import current
from ringback.services import callbacks

runtime = current()
callbacks.prepare()


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> doors.Reply:
    match doors.path_after(event, "/voice/", 2):
        case (token, step):
            return doors.reply(callbacks.keep_call(runtime, token, doors.request(event, step)))
        case _:
            return doors.reply(callbacks.unknown_address())
