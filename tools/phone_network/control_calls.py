"""The controls of a call in progress: a person with curl or a command line holds the handset.

Example:
    POST /control/calls                 {"from": "+919000000101", "to": "+918040001001"}
    POST /control/calls/{sid}/keys      {"digits": "1"}
    POST /control/calls/{sid}/speak     {"seconds": 12, "text": "no water since Monday"}
    POST /control/calls/{sid}/silence   {}
    POST /control/calls/{sid}/hangup    {}
    GET  /control/calls/{sid}

Every one answers with the call: its state, what was heard, its log. A POST answers when the call waits for the
person again or has ended, after `wait_seconds` (default 10) at the latest. The call waits for a person as
long as it takes; `"patient": false` lets the time-outs of the menu run, at the speed of voice time.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from phone_network import scripts, summary
from phone_network.lines import State
from phone_network.network import AnyCall, Network, NotInService
from phone_network.reading import ConfigError, Reader, matched
from phone_network.scripts import HangUp, Press, Silence, Speak, Step

_Endpoint = Callable[[web.Request], Awaitable[web.StreamResponse]]

WAIT_SECONDS = 10.0


class _Refused(Exception):
    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def routes(network: Network) -> list[web.RouteDef]:
    """Return what the server must route here."""
    controls = _Controls(network)
    return [
        web.post("/control/calls", _answering(controls.place)),
        web.get("/control/calls/{sid}", _answering(controls.show)),
        web.post("/control/calls/{sid}/keys", _answering(controls.press)),
        web.post("/control/calls/{sid}/speak", _answering(controls.speak)),
        web.post("/control/calls/{sid}/silence", _answering(controls.keep_silent)),
        web.post("/control/calls/{sid}/hangup", _answering(controls.hang_up)),
    ]


class _Controls:
    def __init__(self, network: Network) -> None:
        self._network = network

    async def place(self, request: web.Request) -> web.StreamResponse:
        given = await _body(request)
        wait = given.seconds("wait_seconds", WAIT_SECONDS)
        script = scripts.read(given, "script") if "script" in given else None
        call, course = self._network.dial(
            given.phone("from"), given.phone("to"), script=script, is_patient=given.flag("patient", True)
        )
        given.finish()
        self._network.spawn("calls", course)
        return await _shown(call, wait)

    async def show(self, request: web.Request) -> web.StreamResponse:
        return await _shown(self._at(request), 0.0)

    async def press(self, request: web.Request) -> web.StreamResponse:
        given = await _body(request)
        keys = matched(given.take("digits"), "digits", scripts.KEYS, "keys: 0 to 9, * and #")
        return await self._act(request, given, Press(keys))

    async def speak(self, request: web.Request) -> web.StreamResponse:
        given = await _body(request)
        return await self._act(
            request, given, Speak(scripts.speech_seconds(given, "seconds"), given.text("text", ""))
        )

    async def keep_silent(self, request: web.Request) -> web.StreamResponse:
        return await self._act(request, await _body(request), Silence())

    async def hang_up(self, request: web.Request) -> web.StreamResponse:
        return await self._act(request, await _body(request), HangUp())

    async def _act(self, request: web.Request, given: Reader, step: Step) -> web.StreamResponse:
        wait = given.seconds("wait_seconds", WAIT_SECONDS)
        given.finish()
        call = self._at(request)
        line = call.line
        if line is None or line.script is not None:
            raise _Refused(409, "This handset acts by a script.")
        if line.state is State.ENDED:
            raise _Refused(409, "The call has ended.")
        line.act(step)
        return await _shown(call, wait)

    def _at(self, request: web.Request) -> AnyCall:
        call = self._network.find_call(request.match_info["sid"])
        if call is None:
            raise _Refused(404, "There is no such call.")
        return call


async def _shown(call: AnyCall, wait_seconds: float) -> web.StreamResponse:
    if call.line is not None and wait_seconds:
        await call.line.rest(wait_seconds)
    return web.json_response(summary.whole_call(call))


def _answering(endpoint: _Endpoint) -> _Endpoint:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await endpoint(request)
        except (ConfigError, NotInService) as error:
            return web.json_response({"error": str(error)}, status=400)
        except _Refused as error:
            return web.json_response({"error": str(error)}, status=error.status)

    return handle


async def _body(request: web.Request) -> Reader:
    try:
        value: Any = json.loads(await request.text() or "{}")
    except ValueError:
        raise ConfigError("The body must be JSON.") from None
    return Reader(value, "")
