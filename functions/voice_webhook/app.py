"""The voice door: `ANY /voice/{token}/{step}`. Keeps what the provider tells and answers at once what it asks.

Light on purpose (no resolver, no tracer, no phone library, one AWS client): while it starts, a caller hears ringing.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from ringback import doors
from ringback.observability import observed
from ringback.providers.base import CallbackRequest
from ringback.runtime import current
from ringback.services import callbacks

if TYPE_CHECKING:
    from ringback.services.turns import Turns

runtime = current()
callbacks.prepare(runtime)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> doors.Reply:
    match doors.path_after(event, "/voice/", 2):
        case (token, step):
            return _answered(token, doors.request(event, step))
        case _:
            return doors.reply(callbacks.unknown_address())


def _answered(token: str, request: CallbackRequest) -> doors.Reply:
    """Say what a caller in a menu hears next, or keep what the provider tells."""
    line = callbacks.line_of(runtime, token, request)
    if line is None:
        return doors.reply(callbacks.unknown_address())
    if request.step in line.dialect.STEPS:
        return doors.answer(turns().answer(line.dialect, line.campaign, request, token), request)
    callbacks.keep_told(runtime, line, request, token)
    return doors.answer(line.dialect.acknowledged(request.step), request)


@cache
def turns() -> "Turns":
    """Loaded with the first menu: who only gives missed calls need not wait for it."""
    from ringback.services.turns import Turns

    return Turns(runtime)
