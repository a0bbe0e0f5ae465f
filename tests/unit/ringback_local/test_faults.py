"""The faults of our side strike as planned, and not otherwise."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ringback_local import handler_process
from ringback_local.faults import Faults, Kill, Plan


def test_without_a_plan_everything_happens_once() -> None:
    faults = Faults(Plan())
    delivered: list[str] = []

    faults.queue(lambda: delivered.append("first"), lambda: delivered.append("again"))
    faults.stream(lambda: delivered.append("stream") is None)

    assert delivered == ["first", "stream"]
    assert faults.kill() is None


def test_a_queue_batch_is_given_to_a_second_worker() -> None:
    delivered: list[str] = []

    Faults(Plan(queue_twice=1)).queue(lambda: delivered.append("first"), lambda: delivered.append("again"))

    assert sorted(delivered) == ["again", "first"]


@pytest.mark.parametrize("seed", range(8))
def test_a_doubled_stream_batch_that_fails_is_told_as_failed(seed: int) -> None:
    """Else the shard would move on over a batch that nobody took. Some seeds double it in turn, some at once."""
    delivered: list[int] = []

    went_well = Faults(Plan(seed=seed, stream_twice=1)).stream(lambda: delivered.append(1) is not None)

    assert (went_well, len(delivered)) == (False, 2)


@pytest.mark.parametrize(
    ("plan", "kill"),
    [(Plan(kill_before=1), Kill.BEFORE), (Plan(kill_after=1), Kill.AFTER)],
    ids=["before", "after"],
)
def test_a_worker_dies_when_the_plan_says(plan: Plan, kill: Kill) -> None:
    assert Faults(plan).kill() is kill


def test_a_seed_fixes_the_decisions() -> None:
    def decisions(seed: int) -> list[Kill | None]:
        faults = Faults(Plan(seed=seed, kill_before=0.3, kill_after=0.3))
        return [faults.kill() for _ in range(50)]

    assert decisions(4) == decisions(4) != decisions(5)


def test_a_plan_survives_its_way_into_the_emulators_process() -> None:
    plan = Plan(seed=3, stream_twice=0.5, kill_after=0.1)

    assert Plan.from_json(plan.to_json()) == plan


HANDLER = """
import http.client, sys
def lambda_handler(event, context):
    with open(event["diary"], "a") as diary:
        print("called", file=diary)
    connection = http.client.HTTPConnection("127.0.0.1", event["port"])
    connection.request("POST", "/")
    connection.getresponse().read()
    with open(event["diary"], "a") as diary:
        print("answered", file=diary)
"""

PROVIDER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        open(sys.argv[1], "a").write("served\\n")
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""

DEATHS = {"not at all": (None, ["called", "served", "answered"], 0), "before": ("before", ["called"], -signal.SIGKILL), "after": ("after", ["called", "served"], -signal.SIGKILL)}  # fmt: skip


@pytest.mark.parametrize(("kill", "happened", "status"), DEATHS.values(), ids=DEATHS)
def test_a_worker_is_killed_around_its_call_to_the_provider(
    tmp_path: Path, kill: str | None, happened: list[str], status: int
) -> None:
    """Killed before, the provider never hears of it; killed after, it has done it and the handler never learns so."""
    (tmp_path / "app.py").write_text(HANDLER)
    diary = tmp_path / "diary"
    with subprocess.Popen(
        [sys.executable, "-c", PROVIDER, str(diary)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as provider:
        assert provider.stdout
        port = int(provider.stdout.readline())
        invocation = {
            "event": {"port": port, "diary": str(diary)},
            "request_id": "1",
            "arn": "arn",
            "timeout_seconds": 5,
            "kill": kill,
        }
        environment = {
            **os.environ,
            "EXOTEL_BASE_URL": f"http://127.0.0.1:{port}",
            "AWS_LAMBDA_FUNCTION_NAME": "SendMessage",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_LOG_GROUP_NAME": "group",
            "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
        }
        worker = subprocess.run(
            [sys.executable, handler_process.__file__, "app.lambda_handler"],
            cwd=tmp_path,
            env=environment,
            input=json.dumps(invocation) + "\n",
            capture_output=True,
            text=True,
            check=False,
        )
        provider.kill()

    assert diary.read_text().split() == happened
    assert worker.returncode == status
