"""What the benchmarks of the voter pool share: a runtime that has tables and nothing else, pools of any size, and one claim.

As a program, ``python -m benchmarks.claiming <prefix> <pool> <first caller> <callers>``: so many callers at once, each until they have a
voter. Prints one JSON object: the people they got, how often a ticket was lost to another caller, and when each began and ended.
"""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from benchmarks import crowds
from ringback import settings
from ringback.domain import pools
from ringback.domain.facts import Entry, VoterDialled
from ringback.domain.patches import Attempt, Kind, Patch
from ringback.domain.pools import BLOCK, SHARDS, PoolState, pool_id
from ringback.domain.turns import Party
from ringback.runtime import Runtime
from ringback.services.pools import Pools, change
from ringback.store import patches as patch_store
from ringback.store import pools as store
from ringback.store import tables, voters
from ringback.store.patches import Commit
from ringback.store.pools import Block

CAMPAIGN = "clean-water"
POOL = pool_id(CAMPAIGN, "main")

_UNUSED = (
    "SEND_QUEUE_URL",
    "DIAL_QUEUE_URL",
    "REACT_RETRY_QUEUE_URL",
    "RECORDING_QUEUE_URL",
    "RECORDINGS_BUCKET",
    "ANSWER_GRIEVANCE_ARN",
    "PATCH_CALL_ARN",
    "RING_BACK_PATCH_ARN",
    "VERIFY_INFLUENCER_ARN",
    "SECRETS_NAME",
    "EXOTEL_BASE_URL",
    "PUBLIC_URL",
)


def runtime(prefix: str) -> Runtime:
    """A runtime on the tables with a prefix. A machine that is busy with thousands of callers answers late: that is not the
    measured thing, so requests wait longer than a door would.
    """
    for model in tables.ALL:
        model.Meta.read_timeout_seconds = 120
        model.Meta.connect_timeout_seconds = 60
        model.Meta.max_retry_attempts = 20  # an emulator turns away whom it cannot listen to
        model.Meta.max_pool_connections = 500
    environment = dict.fromkeys(_UNUSED, "https://unused.example") | {"TABLE_PREFIX": prefix}
    return Runtime(settings.from_environment(environment | {"SMS_PER_MINUTE": "0"}))


def build(runtime: Runtime, pool: str, size: int, claims: int) -> None:
    """A pool of `size` tickets, open. Only the voters of the first `claims` tickets of each shard are written: nobody asks for the
    others.
    """
    store.create(pool, SHARDS)
    rows = []
    for shard in range(SHARDS):
        people = [_person(pool, n) for n in range(shard, size, SHARDS)]
        for at in range(0, len(people), BLOCK):
            block = Block(f"0123456789ab.{shard}.{at // BLOCK}", people[at : at + BLOCK], is_new=True)
            for place, person in enumerate(block.people[: max(0, claims - at)]):
                rows.append(voters.row_of(pool, person, "0123456789ab", block.ticket(place), _TOLD))
            store.advance(pool, shard, store.place(pool, shard, block), block)
    for at in range(0, len(rows), 25):
        assert not voters.put_all(rows[at : at + 25])
    change(runtime, pool, PoolState.OPEN)


_TOLD: Mapping[str, str | bool] = {
    "phone": "+919000000101",
    "language": "en",
    "area": "ward-12",
    "name": "A. Made-Up",
    "consent": "form",
    "consent_evidence": "sheet 12",
    "consent_at": "2026-01-15T00:00:00.000+05:30",
    "dnd": False,
    "dnd_checked_at": "2026-01-15T00:00:00.000+05:30",
}


@dataclass(slots=True)
class Claimed:
    """What one caller got, and the tickets they lost on the way."""

    person: str | None = None
    lost: int = 0


def claim(runtime: Runtime, doors: Pools, pool: str, call_id: str) -> Claimed:
    """What a Connect does once it has its slot, without the gate: a ticket, the voter, and the transaction of claim, patch and fact."""
    claimed, key = Claimed(), f"{call_id}/1"
    while (ticket := doors.take(pool, key)) is not None:
        voter = voters.load_known(pool, ticket.person).voter
        if voter is not None and pools.is_claimable(voter, ticket):
            patch, entry = _dialled(runtime, pool, call_id, ticket)
            also = partial(voters.add_claim, ticket=ticket, claim=key, now=entry.received_at)
            match patch_store.save(patch, entry, also):
                case Commit.DONE:
                    claimed.person = ticket.person
                    return claimed
                case Commit.RACED:
                    # Our own, whose answer got lost: what stands is read again, as the door does.
                    standing = patch_store.load(call_id)
                    assert standing is not None
                    claimed.person = standing.attempts[-1].who
                    return claimed
        claimed.lost += 1
    return claimed


def _dialled(runtime: Runtime, pool: str, call_id: str, ticket: pools.Ticket) -> tuple[Patch, Entry]:
    """A patch with its first attempt, and the fact of it, as the Connect of an Exotel call writes them."""
    now, person = runtime.clock.now(), _person("influencers", 1)
    attempt = Attempt(
        1, ticket.person, "+919000000101", Kind.VOTER, now, ticket.name, area="ward-12", language="en"
    )
    patch = Patch(
        call_id,
        CAMPAIGN,
        12,
        "+918040001031",
        person,
        Party.VOTER,
        now,
        now,
        now + timedelta(minutes=10),
        attempts=(attempt,),
        slot="exotel",
    )
    fact = VoterDialled(call_id, 1, ticket.person, person, patch.number, pool, "ward-12", ticket.name, now)
    raw = f"dialled={json.dumps(fact.to_document())}&{_TOLD_BY_EXOTEL}"
    digest = hashlib.sha256(raw.encode()).hexdigest()[:32]
    return patch, Entry(call_id, fact.name, CAMPAIGN, "exotel", "dial", raw, digest, now)


_TOLD_BY_EXOTEL = (
    "CallSid=b7e12c0a94d3f5e86170a2c4d6e8f97v&CallFrom=09000000201&CallTo=08040001031&Direction=incoming&flow_id=11754&tenant_id=1409"
    "&From=09000000201&To=08040001031&CurrentTime=2026-11-21+11%3A00%3A00"
)


def _person(pool: str, number: int) -> str:
    return hashlib.sha256(f"{pool} {number}".encode()).hexdigest()[:26]


def main(arguments: Sequence[str]) -> None:
    prefix, pool, *numbers = arguments
    first, callers = map(int, numbers)
    made = runtime(prefix)
    crowds.prepare()
    doors = [Pools(made) for _ in range(max(1, callers // 10))]
    asked = crowds.at_once(
        callers, lambda n: claim(made, doors[n % len(doors)], pool, f"exotel:{first + n:032x}")
    )
    people, lost = [claimed.person for claimed, _, _ in asked], sum(claimed.lost for claimed, _, _ in asked)
    spans = [(began, ended) for _, began, ended in asked]
    print(json.dumps({"people": people, "lost": lost, "spans": spans}))


if __name__ == "__main__":
    main(sys.argv[1:])
