"""``python -m ringback_local up|down|status``: the local stack without the operator's command line."""

import argparse
import sys
import time

from ringback_local import stack
from ringback_local.deploy import NotDeployed
from ringback_local.network import parsed, sample_documents
from ringback_local.processes import DidNotStart


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="ringback_local", description="Ringback's whole stack on this machine."
    )
    parser.add_argument("command", choices=("up", "down", "status"))
    match parser.parse_args(arguments).command:
        case "up":
            return up()
        case "down":
            print("Stopped." if stack.stop() else "Nothing was running.")
            return 0
        case _:
            return status()


def up() -> int:
    """Start the kept stack and leave it running."""
    started = time.monotonic()
    local = stack.Stack(parsed(sample_documents()), state=stack.STATE)
    try:
        local.start()
    except (DidNotStart, NotDeployed) as error:
        print(error, file=sys.stderr)
        return 1
    local.leave_running()
    print(f"Up after {time.monotonic() - started:.1f} s; the clock says {local.now():%d %b %Y, %H:%M} UTC.")
    return status()


def status() -> int:
    """Print where everything listens; 1 when nothing runs."""
    addresses = stack.running()
    if addresses is None:
        print("Not running.")
        return 1
    print(f"AWS            {addresses.aws_url}\nour HTTP API   {addresses.api_url}")
    print(f"phone network  {addresses.network_url}\nlogs           {stack.STATE / 'logs'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
