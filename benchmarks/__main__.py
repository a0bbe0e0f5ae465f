"""``python -m benchmarks``: every benchmark, each in a process of its own. Exit status 1 when any bound was missed."""

import argparse
import subprocess
import sys

ALL = (
    *("cold_start", "webhook", "ivr_step", "sessions", "cost", "pace", "burst"),
    *("claim", "connect_answer", "pool_load", "memory"),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line, one for each")
    options = ["--json"] if parser.parse_args().json else []
    statuses: dict[str, int] = {}
    for name in ALL:
        print(f"{name} …", file=sys.stderr, flush=True)
        statuses[name] = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *options]).returncode
        if not options:
            print(flush=True)
    if missed := [name for name, status in statuses.items() if status]:
        print(f"Missed: {', '.join(missed)}", file=sys.stderr)
    return max(statuses.values())


if __name__ == "__main__":
    sys.exit(main())
