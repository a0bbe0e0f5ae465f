"""The voice door: `ANY /voice/{token}/{step}`, and `ANY /voice/dial/{dial_id}/{proof}/{step}` for a call that we placed.

Keeps what the provider tells and answers at once what it asks.

Light on purpose (no resolver, no tracer, no phone library, one AWS client): while it starts, a caller hears ringing.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from ringback import doors
from ringback.observability import observed
from ringback.providers.base import DIAL, LEG, CallbackRequest, Reply
from ringback.runtime import current
from ringback.services import callbacks
from ringback.services.callbacks import Line

if TYPE_CHECKING:
    from ringback.services.connects import Connects
    from ringback.services.turns import Turns

runtime = current()
callbacks.prepare(runtime)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> doors.Reply:
    match doors.path_after(event, "/voice/dial/", 3) or doors.path_after(event, "/voice/", 2):
        case (dial_id, proof, step):
            request = doors.request(event, step)
            line = callbacks.dial_line_of(runtime, dial_id, proof, request)
        case (token, step):
            request = doors.request(event, step)
            line = callbacks.line_of(runtime, token, request)
        case _:
            return doors.reply(callbacks.unknown_address())
    if line is None:
        return doors.reply(callbacks.unknown_address())
    return doors.answer(_answered(line, request), request)


def _answered(line: Line, request: CallbackRequest) -> Reply:
    """Say what a caller in a menu hears next or whom they are connected to, or keep what the provider tells."""
    if request.step == DIAL and (reply := connects().answer(line, request)) is not None:
        return reply
    if request.step in line.dialect.STEPS:
        return turns().answer(line, request)
    if request.step == LEG:
        from ringback.services import patches

        patches.hear(runtime, line, request)
    else:
        callbacks.keep_told(runtime, line, request)
    return line.dialect.acknowledged(request.step)


@cache
def turns() -> "Turns":
    """Loaded with the first menu: who only gives missed calls need not wait for it."""
    from ringback.services.turns import Turns

    return Turns(runtime)


@cache
def connects() -> "Connects":
    """Loaded with the first caller who is connected to somebody."""
    from ringback.services.connects import Connects

    return Connects(runtime)
