"""The emulator's process: MiniStack with our work-arounds, on two loopback ports.

Started by `emulator` as ``python -m ringback_local.emulator_process``; its settings come by environment. One port speaks
AWS, the other is the HTTP API's own, so that a callback's address looks as it does on AWS. SIGTERM or SIGINT stops it
gracefully, which is when MiniStack writes its state.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app as ministack

from ringback_local.faults import Faults, Plan
from ringback_local.workarounds import in_process
from ringback_local.workarounds.in_template import API_ID

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

UNFINISHED_PATH = "/_local/unfinished"
STAGE = f"/_aws/execute-api/{API_ID}/$default"


class Emulator:
    """MiniStack's ASGI application with our own front."""

    def __init__(self, api_port: int, applied: in_process.Applied) -> None:
        self._api_port = api_port
        self._applied = applied

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if scope["server"][1] == self._api_port:
                scope = to_api(scope)
            elif scope["path"] == UNFINISHED_PATH:
                await answer(send, self._applied.unfinished())
                return
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
    gateway_port, api_port = int(os.environ["GATEWAY_PORT"]), int(os.environ["RINGBACK_LOCAL_API_PORT"])
    applied = in_process.apply(
        Faults(Plan.from_json(os.environ["RINGBACK_LOCAL_FAULTS"])),
        logs=Path(os.environ["RINGBACK_LOCAL_LOGS"]),
        environments=int(os.environ["RINGBACK_LOCAL_ENVIRONMENTS"]),
    )
    config = Config()
    config.bind = [f"127.0.0.1:{gateway_port}", f"127.0.0.1:{api_port}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    try:
        asyncio.run(serve(Emulator(api_port, applied), config))  # type: ignore[arg-type]
    finally:
        applied.stop()


if __name__ == "__main__":
    main()
