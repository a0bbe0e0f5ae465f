"""The voice door: `ANY /voice/{token}/{step}`, and `ANY /voice/dial/{dial_id}/{proof}/{step}` for a call that we placed.

Keeps what the provider tells and answers at once what it asks.

Light on purpose (no resolver, no tracer, no phone library, one AWS client): while it starts, a caller hears ringing.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from ringback import doors
from ringback.observability import observed
from ringback.providers.base import DIAL, LEG, CallbackRequest
from ringback.runtime import current
from ringback.services import callbacks

if TYPE_CHECKING:
    from ringback.services.patches import Patches
    from ringback.services.turns import Turns

runtime = current()
callbacks.prepare(runtime)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> doors.Reply:
    match doors.path_after(event, "/voice/dial/", 3):
        case (dial_id, proof, step):
            return _of_dial(dial_id, proof, doors.request(event, step))
    match doors.path_after(event, "/voice/", 2):
        case (token, step):
            return _answered(token, doors.request(event, step))
        case _:
            return doors.reply(callbacks.unknown_address())


def _answered(token: str, request: CallbackRequest) -> doors.Reply:
    """Say what a caller in a menu hears next or whom they are connected to, or keep what the provider tells."""
    line = callbacks.line_of(runtime, token, request)
    if line is None:
        return doors.reply(callbacks.unknown_address())
    if request.step == LEG:
        patches().hear(line.dialect, line.campaign, request, token)
        return doors.answer(line.dialect.acknowledged(request.step), request)
    if request.step == DIAL:
        reply = patches().answer(line.dialect, line.campaign, request, token)
        if reply is not None:
            return doors.answer(reply, request)
    if request.step in line.dialect.STEPS:
        return doors.answer(turns().answer(line.dialect, line.campaign, request, token), request)
    callbacks.keep_told(runtime, line, request, token)
    return doors.answer(line.dialect.acknowledged(request.step), request)


def _of_dial(dial_id: str, proof: str, request: CallbackRequest) -> doors.Reply:
    """The same of a call that we placed, at an address that was given out for it alone."""
    line = callbacks.dial_line_of(runtime, dial_id, proof, request)
    if line is None:
        return doors.reply(callbacks.unknown_address())
    if request.step in line.dialect.STEPS:
        return doors.answer(turns().answer(line.dialect, line.campaign, request, proof, dial_id), request)
    return doors.reply(callbacks.keep_dial_status(runtime, line, dial_id, request, proof))


@cache
def turns() -> "Turns":
    """Loaded with the first menu: who only gives missed calls need not wait for it."""
    from ringback.services.turns import Turns

    return Turns(runtime)


@cache
def patches() -> "Patches":
    """Loaded with the first caller who is connected to somebody."""
    from ringback.services.patches import Patches

    return Patches(runtime)
