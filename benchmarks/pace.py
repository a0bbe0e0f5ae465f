"""How well the allowed rate is used while there is work waiting, counted by the phone network: 200 SMS a minute, never more."""

import json
import sys
import time
from urllib.request import urlopen

from benchmarks import bounds
from benchmarks.deployment import CAMPAIGN, call_id, caller, deployed, missed_call
from benchmarks.load import get_all
from benchmarks.measuring import Check, NotMeasured, Report, Table, main, progress
from ringback_local.stack import Options, Stack

PER_MINUTE = 200
SECONDS = 95
"""Of sending: long enough that everything beyond the first seconds was held and released."""

WAITING = 450
"""Messages that wait at the start: more than can leave in that time."""


def measure() -> Report:
    options = Options(
        parameters={"SmsPerMinute": str(PER_MINUTE), "Schedules": "DISABLED"}, timing={"sms_seconds": 3600}
    )
    with deployed(options) as (stack, _):
        door = f"{stack.voice_url(CAMPAIGN)}/missed-call"
        get_all(
            [f"{door}?{missed_call(call_id(n), caller(n), stack.now())}" for n in range(WAITING)], at_once=16
        )
        progress(f"{WAITING} callers are waiting; sending for {SECONDS} s")
        first_at = _first_request(stack)
        releases = _send_for(stack, first_at + SECONDS)
        elapsed, account = time.monotonic() - first_at, _account(stack)
    sent, most = account["sms_requests"], account["most_sms_requests_in_60_s"]
    allowed = elapsed * PER_MINUTE / 60
    return Report(
        "pace",
        [
            Table(
                f"{elapsed:.0f} s with work waiting, limit {PER_MINUTE} a minute, as the phone network counts",
                ("", "requests"),
                [
                    ("sent", sent),
                    ("allowed", allowed),
                    ("accepted", account["sms_accepted"]),
                    ("most in any 60 s", most),
                    ("released by the schedule", releases),
                ],
            )
        ],
        [
            Check("share of the allowed rate that was used", sent / allowed, bounds.PACE_SHARE),
            Check("most requests in any 60 s", most, bounds.pace_in_60_seconds(PER_MINUTE)),
        ],
    )


def _first_request(stack: Stack) -> float:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if _account(stack)["sms_requests"]:
            return time.monotonic()
        time.sleep(0.05)
    raise NotMeasured("no SMS was sent within a minute")


def _send_for(stack: Stack, until: float) -> int:
    """Wait, running `Release` once a minute as its schedule would; returns how many messages it put back."""
    released, next_run = 0, time.monotonic()
    while (now := time.monotonic()) < until:
        if now >= next_run:
            released += stack.invoke("Release")["released"]
            next_run += 60
        time.sleep(min(0.5, max(0.0, until - time.monotonic())))
    return released


def _account(stack: Stack) -> dict[str, int]:
    with urlopen(f"{stack.addresses.network_url}/control/summary?brief=1", timeout=10) as answer:
        (account,) = json.load(answer)["accounts"].values()
    figures: dict[str, int] = account
    return figures


if __name__ == "__main__":
    sys.exit(main(measure))
