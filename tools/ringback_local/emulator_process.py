"""The emulator's process: MiniStack with our work-arounds, on two loopback ports.

Started by `emulator` as ``python -m ringback_local.emulator_process``; its settings come by environment. One port speaks
AWS, the other is the HTTP API's own, so that a callback's address looks as it does on AWS. SIGTERM or SIGINT stops it
gracefully, which is when MiniStack writes its state.
"""

import asyncio
import json
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from ministack import app as ministack

from ringback_local import fronts
from ringback_local.faults import Faults, Plan
from ringback_local.workarounds.in_process import Replacements
from ringback_local.workarounds.in_template import API_ID

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

_KEEP_ALIVE_SECONDS = 75

STAGE = f"/_aws/execute-api/{API_ID}/$default"


class Emulator:
    """MiniStack's ASGI application behind a front of ours."""

    def __init__(self, api_port: int, replacements: Replacements) -> None:
        self._api_port = api_port
        self._replacements = replacements

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await ministack.app(scope, receive, send)
        elif scope["server"][1] == self._api_port:
            await ministack.app(to_api(scope), receive, send)
        elif scope["path"] == fronts.UNFINISHED:
            await answer(send, self._replacements.unfinished())
        elif scope["path"] == fronts.STRUCK:
            await answer(send, self._replacements.struck())
        elif scope["path"] == fronts.WARM:
            await asyncio.to_thread(self._replacements.warm)
            await answer(send, {})
        else:
            await ministack.app(scope, receive, send)


def to_api(scope: Scope) -> Scope:
    """A request to the API's own port as MiniStack wants it: under the API's id and stage."""
    raw = scope.get("raw_path") or scope["path"].encode()
    return {**scope, "path": STAGE + scope["path"], "raw_path": STAGE.encode() + raw}


async def answer(send: Send, document: object) -> None:
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
    )
    await send({"type": "http.response.body", "body": json.dumps(document).encode()})


def main() -> None:
    gateway_port = int(os.environ["RINGBACK_LOCAL_GATEWAY_PORT"])
    api_port = int(os.environ["RINGBACK_LOCAL_API_PORT"])
    replacements = Replacements(
        Faults(Plan.from_json(os.environ["RINGBACK_LOCAL_FAULTS"])),
        logs=Path(os.environ["RINGBACK_LOCAL_LOGS"]),
        environments=int(os.environ["RINGBACK_LOCAL_ENVIRONMENTS"]),
    )
    replacements.install()
    config = uvicorn.Config(
        Emulator(api_port, replacements),
        http="httptools",
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        access_log=False,
        log_level="warning",
        lifespan="on",
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        ports = [listening(gateway_port), listening(api_port)]
        runner.run(Server(config, replacements).serve(sockets=ports))


class Server(uvicorn.Server):
    """Serves until SIGTERM or SIGINT. Deliveries come to rest while it still answers them, then it closes."""

    def __init__(self, config: uvicorn.Config, replacements: Replacements) -> None:
        super().__init__(config)
        self._replacements = replacements

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A signal ends the process as a success: uvicorn's own way raises it again at the end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.to_thread(self._replacements.stop)
        await super().shutdown(sockets)


def listening(port: int) -> socket.socket:
    """A loopback port, free again at once when the process is gone."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


if __name__ == "__main__":
    main()
