"""`python -m phone_network --port N --config FILE.json [--seed S] [--faults none|rough|PLAN.json]`."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from phone_network import config, faults
from phone_network.server import PhoneNetwork


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM. Return 0, or 2 after one sentence about what cannot be used."""
    parser = argparse.ArgumentParser(
        prog="phone_network",
        description="A simulated telephone provider with handsets, on this machine alone.",
    )
    parser.add_argument(
        "--port", type=int, default=0, help="port on 127.0.0.1; 0, the default, takes a free one"
    )
    parser.add_argument(
        "--config", required=True, help="JSON file with accounts and handsets; - reads it from stdin"
    )
    parser.add_argument("--seed", type=int, default=0, help="decides whom the faults strike; default 0")
    parser.add_argument("--faults", default="none", help="none, rough, or a JSON file of {fault: rate}")
    given = parser.parse_args(arguments)
    try:
        text = sys.stdin.buffer.read() if given.config == "-" else Path(given.config).read_bytes()
        settings = config.loads(text)
        plan = faults.load(given.faults, given.seed)
    except OSError as error:
        return _refuse(f"The configuration {given.config} cannot be read: {error.strerror}.")
    except (config.ConfigError, faults.FaultPlanError) as error:
        return _refuse(str(error))
    try:
        asyncio.run(_serve(PhoneNetwork(settings, plan, given.port)))
    except OSError as error:
        return _refuse(f"Port {given.port} of 127.0.0.1 cannot be used: {error.strerror}.")
    return 0


async def _serve(network: PhoneNetwork) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with network:
        print(f"phone network on {network.url}", flush=True)
        await stop.wait()


def _refuse(sentence: str) -> int:
    print(f"phone_network: {sentence}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
