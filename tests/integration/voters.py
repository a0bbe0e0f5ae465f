"""Made-up voters, loaded into a pool of a deployment that a test drives."""

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from ringback.domain import loads, pools
from ringback.domain.loads import Listed, Order
from ringback.domain.pools import Consent, PoolState, Ticket, Voter
from ringback.runtime import Runtime
from ringback.services import loads as loading
from ringback.services.loads import Loaded, Spool
from ringback.services.pools import Pools, change
from ringback.store import pools as store
from ringback.store import voters
from ringback.store.tables import VoterRow, connection
from tests.deployment import SECRETS, callers
from tests.integration.functions import Functions

POOL = "clean-water/main"
CONSENTING = callers(30, "+9190003")
"""Voters who agreed to be called."""

PEPPER = bytes.fromhex(str(SECRETS["person_pepper"]))


def open_pool(functions: Functions, folder: Path) -> None:
    """`CONSENTING` in a pool, open."""
    now = functions.clock.now()
    agreed = Consent("membership", "form 17", now - timedelta(days=30))
    with closing(
        Spool(functions.runtime.secrets.person_pepper, "clean-water", folder / "spool", Order.GIVEN, 0)
    ) as spool:
        for phone in CONSENTING:
            spool.add(Listed(phone, "hi", consent=agreed, is_dnd=False, dnd_checked_at=now))
        loading.load(functions.runtime, POOL, "walks", spool, lambda *_: None)
    change(functions.runtime, POOL, PoolState.OPEN)


def spooled(folder: Path, phones: list[str], order: Order = Order.GIVEN, seed: int = 0) -> Spool:
    spool = Spool(PEPPER, "clean-water", folder / f"{len(list(folder.iterdir()))}", order, seed)
    for phone in phones:
        spool.add(Listed(phone, "en"))
    return spool


def load(
    runtime: Runtime,
    folder: Path,
    phones: list[str],
    order: Order = Order.GIVEN,
    seed: int = 0,
    watch: Callable[[str, int, int], object] = lambda *_: None,
) -> Loaded:
    """Load these numbers as `ringback pool load` does."""
    with closing(spooled(folder, phones, order, seed)) as spool:
        name = loads.name(" ".join(phones), order, seed)
        return loading.load(runtime, POOL, name, spool, watch)


def opened(runtime: Runtime, folder: Path, count: int) -> Pools:
    """A pool of so many voters, open."""
    load(runtime, folder, callers(count))
    change(runtime, POOL, PoolState.OPEN)
    return Pools(runtime)


def claim(runtime: Runtime, ticket: Ticket, key: str) -> bool:
    """Claim the voter of a ticket, as a door does in its transaction; False when that fails."""
    try:
        with TransactWrite(connection=connection(VoterRow).connection) as transaction:
            voters.add_claim(transaction, ticket, key, runtime.clock.now())
    except TransactWriteError:
        return False
    return True


def claimed(runtime: Runtime, doors: Pools, key: str) -> Ticket | None:
    """Take a ticket and claim its voter."""
    ticket = doors.take(POOL, key)
    if ticket is None:
        return None
    assert pools.is_claimable(voters.load(POOL, ticket.person), ticket)
    assert claim(runtime, ticket, key)
    return ticket


def voter(person: str) -> Voter:
    """A voter who must be there."""
    found = voters.load(POOL, person)
    assert found is not None
    return found


def queue() -> list[str]:
    """The tickets that wait, shard by shard."""
    pool = store.load(POOL)
    assert pool is not None
    return [
        block.ticket(place)
        for cursor in store.cursors(pool)
        for start, block in store.blocks(POOL, cursor.shard, cursor.next, cursor.tail)
        for place in range(len(block.people))
        if start + place >= cursor.next
    ]
