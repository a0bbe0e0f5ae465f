"""The network as a process of its own, and in an event loop under load."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from phone_network import PhoneNetwork, running
from phone_network.config import parse
from phone_network.faults import load

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


def run(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "phone_network", *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, a_config: Callable[..., Any]) -> None:
    path = tmp_path / "network.json"
    path.write_text(json.dumps(a_config()))
    process = subprocess.Popen(
        [sys.executable, "-m", "phone_network", "--config", str(path), "--seed", "7", "--faults", "rough"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    url = line.split()[-1]
    with urllib.request.urlopen(f"{url}/control/faults", timeout=5) as answer:
        plan = json.load(answer)
    process.send_signal(signal.SIGINT)

    assert line.startswith("phone network on http://127.0.0.1:")
    assert plan["seed"] == 7
    assert plan["network"]["passthru_drop"] > 0
    assert process.wait(10) == 0
    process.stdout.close()


@pytest.mark.parametrize(
    ("arguments", "given", "sentence"),
    [
        (["--config", "-"], '{"accounts": []}', "accounts: at least one account is needed."),
        (["--config", "-"], "{", "The configuration is not JSON"),
        (
            ["--config", "absent.json"],
            None,
            "The configuration absent.json cannot be read: No such file or directory.",
        ),
        (["--config", "-", "--faults", "absent.json"], None, "The fault plan absent.json cannot be read"),
    ],
    ids=["wrong", "broken", "absent", "faults"],
)
def test_what_cannot_be_used_ends_with_one_sentence(
    a_config: Callable[..., Any], arguments: list[str], given: str | None, sentence: str
) -> None:
    ended = run(*arguments, given=json.dumps(a_config()) if given is None else given)

    assert ended.returncode == 2
    assert ended.stderr.startswith(f"phone_network: {sentence}")
    assert ended.stderr.count("\n") == 1


def test_a_port_that_is_taken_ends_with_one_sentence(a_config: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("--config", "-", "--port", str(port), given=json.dumps(a_config()))

    assert ended.returncode == 2
    assert ended.stderr.startswith(f"phone_network: Port {port} of 127.0.0.1 cannot be used: ")
    assert ended.stderr.count("\n") == 1


def test_a_network_in_a_thread_reports_a_port_that_is_taken(a_config: Callable[..., Any]) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(OSError),
        running(parse(a_config()), port=taken.getsockname()[1]),
    ):
        pass


def test_it_listens_on_this_machine_alone(a_config: Callable[..., Any]) -> None:
    with running(parse(a_config())) as network:
        assert network.url.startswith("http://127.0.0.1:")


def test_five_hundred_callbacks_are_in_flight_together_and_none_is_lost(a_config: Callable[..., Any]) -> None:
    async def story() -> tuple[int, Any]:
        arrived: set[str] = set()

        async def slow(request: web.Request) -> web.Response:
            arrived.add(request.query["CallSid"])
            await asyncio.sleep(0.5)
            return web.Response()

        app = web.Application()
        app.router.add_get("/slow", slow)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=2048)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/slow"
        flow = [{"applet": "passthru", "url": url}, {"applet": "hangup"}]
        timing = {"passthru_timeout_seconds": 20}
        config = parse(a_config(exophones=[{"number": "+918040001001", "flow": flow}], timing=timing))
        async with PhoneNetwork(config) as network, ClientSession(network.url) as client:
            calls = [{"from": f"+919000{index:06}", "to": "+918040001001"} for index in range(1500)]
            await client.post("/control/ring-many", json={"calls": calls})
            async with client.get("/control/idle", params={"wait": "30"}) as idle:
                assert (await idle.json())["idle"]
            async with client.get("/control/summary", params={"brief": "1"}) as answer:
                summary = await answer.json()
        await runner.cleanup()
        return len(arrived), summary

    arrived, summary = asyncio.run(story())

    assert arrived == 1500
    assert summary["calls"]["accepted"] == 1500
    assert summary["passthru"]["most_in_flight"] >= 500


def test_a_rough_story_strikes_the_same_people_twice_in_any_order(a_config: Callable[..., Any]) -> None:
    plan = load("rough", seed=11)

    async def story(callers: list[str]) -> dict[str, tuple[int, bool]]:
        config = parse(a_config(timing={"fault_delay_seconds": 0.01}))
        async with PhoneNetwork(config, plan) as network, ClientSession(network.url) as client:
            calls = [{"from": caller, "to": "+918040001001"} for caller in callers]
            await client.post("/control/ring-many", json={"calls": calls, "at_once": 20})
            await client.get("/control/idle", params={"wait": "30"})
            async with client.get("/control/calls") as answer:
                rows = (await answer.json())["calls"]
        return {row["from"]: (row["requests_sent"], row["dropped"]) for row in rows}

    callers = [f"+919000{index:06}" for index in range(200)]
    first, second = asyncio.run(story(callers)), asyncio.run(story(callers[::-1]))

    assert first == second
    assert len(set(first.values())) > 3
