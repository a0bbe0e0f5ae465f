"""`ringback play missed-calls` from the command line, with everything told and delivered more than once."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ringback_cli.play import play
from ringback_cli.stories.missed_calls.judge import INVARIANTS

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.allow_hosts(["127.0.0.1", "localhost"]),
    pytest.mark.usefixtures("fresh_clients"),
]

DUPLICATES = {
    "passthru_drop": 0.1,
    "passthru_concurrent": 0.2,
    "passthru_changed": 0.2,
    "dlr_concurrent": 0.2,
    "stream_batch_twice_at_once": 0.5,
    "queue_message_twice_at_once": 0.3,
}


def test_a_story_in_which_everything_comes_twice_keeps_every_promise(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(DUPLICATES))
    logs = tmp_path / "logs"

    result = CliRunner().invoke(
        play,
        [
            "missed-calls",
            "--size",
            "20",
            "--seed",
            "1",
            "--faults",
            str(plan),
            "--json",
            "--keep-logs",
            str(logs),
        ],
    )

    document = json.loads(result.stdout.splitlines()[-1])
    assert document.get("broken", {}) == {}
    assert dict.fromkeys(INVARIANTS, True) == document["invariants"]
    assert result.exit_code == 0
    assert (document["story"], document["size"], document["seed"]) == ("missed-calls", 20, 1)
    figures = document["figures"]
    assert figures["fault_passthru_drop"] > 0
    assert figures["fault_stream_twice"] > 0
    assert figures["fault_queue_twice"] > 0
    assert figures["answer_p50_ms"] > 0
    assert figures["sms_per_second"] > 0
    assert (logs / "functions" / "SendMessage.log").exists()
