"""Thousands of calls in a menu at once: none is lost, none hears another's, and faults strike the same people."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import ClientSession, web

from phone_network import PhoneNetwork
from phone_network.config import parse
from phone_network.faults import load

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

EXOPHONE = "+918040001001"


def menu(url: str) -> dict[str, Any]:
    again = {"applet": "transfer", "flow": "menu"}
    flow = [
        {"applet": "gather", "prompt": "Press a key, any key you like"},
        {"applet": "passthru", "url": f"{url}/turn", "async": False},
        {"applet": "switch", "cases": {"again": [again]}},
    ]
    return {"flows": {"menu": flow}, "exophones": [{"number": EXOPHONE, "flow": "menu"}]}


async def served(handler: Any) -> tuple[web.AppRunner, str]:
    app = web.Application()
    app.router.add_get("/turn", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


def test_five_thousand_calls_are_live_at_once_and_each_tells_its_own_keys(
    a_config: Callable[..., Any],
) -> None:
    told: dict[str, str] = {}

    async def turn(request: web.Request) -> web.Response:
        told[request.query["From"]] = request.query["digits"]
        return web.json_response({"select": "end"})

    async def story() -> tuple[int, Any]:
        runner, url = await served(turn)
        # Slow speech, so that the first still listens when the last has begun, however busy this machine is.
        timing = {"speech_speed": 0.25, "passthru_timeout_seconds": 30}
        config = parse(a_config(**menu(url), timing=timing))
        async with PhoneNetwork(config) as network, ClientSession(network.url) as client:
            calls = [
                {"from": f"+919000{n:06}", "to": EXOPHONE, "script": [{"press": str(n % 10)}]}
                for n in range(5000)
            ]
            await client.post("/control/ring-many", json={"calls": calls})
            live = 0
            while network.network.calls_under_way >= live:
                live = network.network.calls_under_way
                await asyncio.sleep(0.05)
            async with client.get("/control/idle", params={"wait": "60"}) as idle:
                assert (await idle.json())["idle"]
            async with client.get("/control/summary", params={"brief": "1"}) as answer:
                summary = await answer.json()
        await runner.cleanup()
        return live, summary

    live, summary = asyncio.run(story())

    assert live == 5000
    assert summary["calls"]["accepted"] == 5000
    assert told == {f"09000{n:06}": f'"{n % 10}"' for n in range(5000)}


def test_a_rough_menu_strikes_the_same_people_twice_in_any_order(a_config: Callable[..., Any]) -> None:
    async def turn(request: web.Request) -> web.Response:
        return web.json_response({"select": "again" if "1" in request.query.get("digits", "") else "end"})

    async def story(callers: list[str]) -> dict[str, str]:
        runner, url = await served(turn)
        timing = {"fault_delay_seconds": 0.01, "passthru_timeout_seconds": 30}
        config = parse(a_config(**menu(url), timing=timing))
        async with (
            PhoneNetwork(config, load("rough", seed=5)) as network,
            ClientSession(network.url) as client,
        ):
            script = [{"press": "1"}, {"press": "1"}, {"press": "2"}]
            calls = [{"from": caller, "to": EXOPHONE, "script": script} for caller in callers]
            await client.post("/control/ring-many", json={"calls": calls, "at_once": 25})
            await client.get("/control/idle", params={"wait": "30"})
            async with client.get("/control/calls") as answer:
                rows = (await answer.json())["calls"]
            logs = {}
            for row in rows:
                async with client.get(f"/control/calls/{row['call_sid']}") as answer:
                    log = (await answer.json())["log"]
                events = [(e["event"], e.get("keys"), e.get("digits"), e.get("status")) for e in log]
                logs[row["from"]] = json.dumps([row["requests_sent"], events])
        await runner.cleanup()
        return logs

    callers = [f"+919000{n:06}" for n in range(150)]
    first, second = asyncio.run(story(callers)), asyncio.run(story(callers[::-1]))

    assert first == second
    assert len(set(first.values())) > 5
