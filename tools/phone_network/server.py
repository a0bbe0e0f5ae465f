"""Serving a network over HTTP on this machine alone: inside an event loop, or in a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from aiohttp import web

from phone_network import recording_host
from phone_network.config import Config
from phone_network.control_api import ControlApi
from phone_network.faults import FaultPlan
from phone_network.network import Network
from phone_network.rest_api import RestApi
from phone_network.twilio import recording_host as twilio_recording_host

HOST = "127.0.0.1"
_BACKLOG = 2048
_START_SECONDS = 30


class PhoneNetwork:
    """A network that is served while its `async with` lasts. Port 0 takes a free one; `url` tells which."""

    def __init__(self, config: Config, plan: FaultPlan | None = None, port: int = 0) -> None:
        self.network = Network(config, plan or FaultPlan())
        self.url = ""
        self._port = port
        app = web.Application(client_max_size=1024 * 1024 * 64)
        app.add_routes(
            [
                *ControlApi(self.network).routes(),
                *recording_host.routes(self.network),
                *twilio_recording_host.routes(self.network),
                *RestApi(self.network).routes(),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)

    async def __aenter__(self) -> Self:
        await self.network.open()
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self._port, backlog=_BACKLOG)
        try:
            await site.start()
        except OSError:
            await self.__aexit__(None, None, None)
            raise
        port = self._runner.addresses[0][1]
        self.url = f"http://{HOST}:{port}"
        self.network.serve_at(self.url)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.network.close()
        await self._runner.cleanup()


@contextmanager
def running(config: Config, plan: FaultPlan | None = None, port: int = 0) -> Iterator[PhoneNetwork]:
    """Serve a network in a thread, for callers without an event loop. Talk to it over HTTP only.

    Raises:
        OSError: the port is taken.
    """
    started = threading.Event()
    failures: list[BaseException] = []
    served: list[tuple[PhoneNetwork, asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        stop = asyncio.Event()
        async with PhoneNetwork(config, plan, port) as network:
            served.append((network, asyncio.get_running_loop(), stop))
            started.set()
            await stop.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            failures.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=run, name="phone-network", daemon=True)
    thread.start()
    if not started.wait(_START_SECONDS) or not served:
        raise failures[0] if failures else TimeoutError("The phone network did not start.")
    network, loop, stop = served[0]
    try:
        yield network
    finally:
        if thread.is_alive():
            loop.call_soon_threadsafe(stop.set)
        thread.join()
    if failures:
        raise failures[0]
