"""What operators do before the first call: the pool is loaded from a list and opened, trackers are enrolled with their PINs."""

import csv
import tempfile
from contextlib import closing
from datetime import datetime
from pathlib import Path

from ringback.domain import loads
from ringback.domain.campaigns import Campaign
from ringback.domain.loads import Order, Reader
from ringback.domain.pools import PoolState, pool_id
from ringback.runtime import Runtime
from ringback.services import loads as loading
from ringback.services import pools, trackers
from ringback.services.loads import Spool
from ringback_cli import voter_lists
from ringback_cli.stories import Tell
from ringback_cli.stories.patching.cast import Script
from ringback_cli.voter_lists import Refused


def load_pool(runtime: Runtime, campaign: Campaign, script: Script, tell: Tell) -> int:
    """Write the voters' list as CSV and load it as `ringback pool load` does; returns how many came in. Opens the pool."""
    assert campaign.patching is not None
    pool = pool_id(campaign.id, campaign.patching.pool)
    with tempfile.TemporaryDirectory(prefix="ringback-") as folder:
        path = Path(folder) / "voters.csv"
        _write(path, script, runtime.clock.now())
        source = voter_lists.examine(path)
        reader = Reader(
            campaign.languages, campaign.default_language, {*campaign.numbers}, runtime.clock.now()
        )
        spool = Spool(
            runtime.secrets.person_pepper,
            campaign.id,
            Path(folder) / "list.sqlite",
            Order.SHUFFLED,
            script.seed,
        )
        with closing(spool):
            for _, row in voter_lists.rows(source, reader):
                assert not isinstance(row, Refused)
                spool.add(row)
            name = loads.name(source.digest, Order.SHUFFLED, script.seed)
            loaded = loading.load(runtime, pool, name, spool, lambda what, done, of: tell(what, done, of))
    pools.change(runtime, pool, PoolState.OPEN)
    return loaded.added


def enrol_trackers(runtime: Runtime, campaign: Campaign, script: Script) -> None:
    """Enrol every tracker; all may be rung in a voter's stead. They begin their shifts themselves."""
    for nth, each in enumerate(script.trackers, 1):
        trackers.enrol(runtime, campaign.id, each.phone, f"Tracker {nth}", each.pin, ("en",), mystery=True)


def _write(path: Path, script: Script, at: datetime) -> None:
    rows = [voter.to_list(at) for voter in script.voters]
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
