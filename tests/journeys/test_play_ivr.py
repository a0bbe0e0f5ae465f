"""`ringback play ivr` from the command line, with every request told and every delivery made more than once."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ringback_cli.play import play
from ringback_cli.stories.ivr.judge import INVARIANTS

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.allow_hosts(["127.0.0.1", "localhost"]),
    pytest.mark.usefixtures("fresh_clients"),
]

DUPLICATES = {
    "passthru_drop": 0.05,
    "passthru_duplicate": 0.2,
    "passthru_concurrent": 0.3,
    "passthru_retry": 0.2,
    "passthru_malformed": 0.1,
    "hangup_races_key": 0.05,
    "fragment_concurrent": 0.2,
    "fragment_drop": 0.05,
    "stream_batch_twice_at_once": 0.5,
    "queue_message_twice_at_once": 0.3,
}


def test_a_story_in_which_everything_comes_twice_keeps_every_promise(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(DUPLICATES))

    result = CliRunner().invoke(play, ["ivr", "--size", "20", "--seed", "1", "--faults", str(plan), "--json"])

    document = json.loads(result.stdout.splitlines()[-1])
    assert document.get("broken", {}) == {}
    assert dict.fromkeys(INVARIANTS, True) == document["invariants"]
    assert result.exit_code == 0
    figures = document["figures"]
    assert figures["repeated_requests"] > figures["calls"] > 20
    assert figures["turns"] > figures["calls"]
    assert figures["recordings_kept"] > 0
    assert figures["fault_stream_twice"] > 0
    assert {name for name in figures if name.startswith("completion_")} == {
        f"completion_{menu}_percent" for menu in ("event", "grievance", "main", "poll", "registration")
    }
