"""Patched calls on the local stack: who has a go-ahead, who waits in the pool, and what came of it in the end."""

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep

from ringback import workflows
from ringback.domain import phones
from ringback.domain.influencers import Stage
from ringback.domain.ledger import Side
from ringback.domain.loads import Listed, Order
from ringback.domain.patches import Patch
from ringback.domain.pools import Consent, PoolState
from ringback.runtime import Runtime
from ringback.services import loads, reviews
from ringback.services.ledger import execution_name
from ringback.services.loads import Spool
from ringback.services.pools import change
from ringback.store import influencers, journal, ledger, patches, pools, slots

POOL = "clean-water/main"
PATIENCE_SECONDS = 40

TOLD = {"dialled-1", "dialled-2", "leg-2-terminal"}
"""What is kept of a call in which the second voter talked, by whichever provider. That the first did not answer is told by the question
for the next, which `dialled-2` keeps, or by an event before it; and an answer that is told after the end says nothing new.
"""


def eventually(is_so: Callable[[], bool]) -> bool:
    until = monotonic() + PATIENCE_SECONDS
    while not is_so():
        if monotonic() > until:
            return False
        sleep(0.2)
    return True


def fill(runtime: Runtime, folder: Path, voters: list[str]) -> None:
    """Load voters who agreed to be called into the campaign's pool, and open it. It has one shard: they are rung as they are listed."""
    pools.create(POOL, 1)
    now, pepper = runtime.clock.now(), runtime.secrets.person_pepper
    agreed = Consent("membership", "form 17", now - timedelta(days=30))
    with closing(Spool(pepper, "clean-water", folder / "spool", Order.GIVEN, 0)) as spool:
        for phone in voters:
            spool.add(Listed(phone, "hi", consent=agreed, is_dnd=False, dnd_checked_at=now))
        loads.load(runtime, POOL, "list", spool, lambda *_: None)
    change(runtime, POOL, PoolState.OPEN)


def person_of(runtime: Runtime, phone: str) -> str:
    return phones.person_id(runtime.secrets.person_pepper, "clean-water", phone)


def stands_at(person: str, stage: Stage) -> bool:
    influencer = influencers.load(person)
    return influencer is not None and influencer.stage is stage


def give_go_ahead(runtime: Runtime, person: str) -> None:
    """An operator approves somebody who has heard the manifesto."""
    assert eventually(lambda: stands_at(person, Stage.INFORMED))
    reviews.approve(runtime, person, "known to all of us", without_call=True)


def patches_of(person: str) -> list[Patch]:
    found = [patch for patch in patches.every("clean-water") if patch.influencer == person]
    return sorted(found, key=lambda patch: patch.began_at)


def booked(patch: Patch) -> dict[Side, int]:
    """The paise of each leg of a call."""
    return {each.side: each.paise for each in ledger.every("clean-water") if each.call_id == patch.call_id}


def told_of(patch: Patch) -> set[str]:
    """The facts of a patched call but for its turns in the menu."""
    return {entry.key for entry in journal.tellings(patch.call_id) if not entry.key.startswith("turn-")}


def last_state(machine: str, person: str, cause: str) -> str | None:
    """Where the execution that was named after a person and a call stands."""
    states = workflows.story(machine, execution_name(person, cause))
    return states[-1].state if states else None


def assert_it_is_settled(patch: Patch) -> None:
    """Its slot is free, and both legs are booked."""
    assert eventually(lambda: booked(patch) != {})
    assert not patch.holds_slot
    assert slots.load(patch.call_id.partition(":")[0]).total == 0
    legs = booked(patch)
    assert set(legs) == set(Side)
    assert min(legs.values()) > 0
