"""`ringback play patching` from the command line: a small campaign in which every event of a leg is told late, twice or not at all."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ringback_cli.play import play
from ringback_cli.stories.patching.judge import INVARIANTS

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.allow_hosts(["127.0.0.1", "localhost"]),
    pytest.mark.usefixtures("fresh_clients"),
]

LOST_ENDS = {
    "leg_drop": 0.1,
    "passthru_duplicate": 0.1,
    "passthru_concurrent": 0.1,
    "fragment_concurrent": 0.2,
    "stream_batch_twice_at_once": 0.5,
}


def test_a_campaign_with_lost_and_repeated_ends_keeps_every_promise(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(LOST_ENDS))

    result = CliRunner().invoke(
        play, ["patching", "--influencers", "4", "--voters", "14", "--faults", str(plan), "--json"]
    )

    document = json.loads(result.stdout.splitlines()[-1])
    assert document.get("broken", {}) == {}
    assert document["invariants"] == dict.fromkeys(INVARIANTS, True)
    assert result.exit_code == 0
    figures = document["figures"]
    assert figures["verified"] >= 2
    assert figures["voters_reached"] >= 4
    assert 0 < figures["bridges_at_once"] <= figures["slots"] == 2
    assert figures["rejected"] == 1
    assert figures["fault_leg_drop"] > 0
    assert "slots" in Path(document["picture"]).read_text(encoding="utf-8")
