"""What the benchmarks of the Connect share: calls that stand where somebody is to be dialled, influencers behind them, and voters.

As a program, ``python -m benchmarks.connecting <where> <first call> <first caller> <callers>``: so many callers at the Connect, all at
once but one who asks ahead; at the voice door where that is an address, else at the door's code on the tables of that prefix. Prints
one JSON object: the numbers that they were given, and when each question began and ended.
"""

import json
import sys
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from benchmarks import crowds
from benchmarks.claiming import POOL, runtime
from benchmarks.deployment import unlimited
from ringback.domain import times
from ringback.domain.conversations import Call, Saved
from ringback.domain.facts import Entry
from ringback.domain.influencers import Influencer, Stage
from ringback.domain.menus import Session
from ringback.domain.phones import person_id
from ringback.domain.pools import SHARDS, PoolState
from ringback.domain.times import INDIA
from ringback.domain.turns import Knowledge, Party, Reach
from ringback.providers import exotel
from ringback.runtime import Clock, Runtime, Secrets
from ringback.services import campaigns
from ringback.services.connects import Connects
from ringback.services.pools import change
from ringback.store import calls, influencers, voters
from ringback.store import pools as pool_store
from ringback.store.pools import Block
from ringback_local.network import sample_documents

CAMPAIGN, LINE = "clean-water", "+918040001031"
PEPPER = bytes(range(32))
_DOOR_SECONDS = 300.0


def on_tables(prefix: str) -> Runtime:
    """A runtime on tables alone, at eleven in the morning of India, with secrets of its own."""
    morning = datetime.now(INDIA).replace(hour=11, minute=0, second=0)
    made = runtime(prefix)
    made.clock = Clock(morning - datetime.now(UTC))
    vars(made)["secrets"] = Secrets(PEPPER, PEPPER, "account", "key", "token")
    return made


def publish(made: Runtime, slots: int) -> None:
    """The sample campaign, with so many slots and nothing else that a crowd would meet."""
    document = unlimited(next(each for each in sample_documents() if each["campaign"] == CAMPAIGN))
    patching = document["patching"] | {
        "pool": POOL.partition("/")[2],
        "slots": {"account": slots, "per_number": slots},
        "calls_per_day": 1_000_000,
        "per_area_per_day": 1_000_000,
    }
    del patching["mystery_percent"], patching["mystery_brief"]
    campaigns.publish(made, document | {"patching": patching})


def caller(n: int) -> str:
    return f"+9190000{n % 100_000:05}"


def call_sid(n: int) -> str:
    return f"{n:032x}"


def ring(made: Runtime, numbers: Iterable[int]) -> None:
    """Calls of approved influencers that stand at a Connect, written as the door writes them."""
    now = made.clock.now()

    def write(n: int) -> None:
        person = person_id(made.secrets.person_pepper, CAMPAIGN, caller(n))
        influencers.enrol(Influencer(person, CAMPAIGN, caller(n), "en", now, Stage.APPROVED, now))
        asked = Saved(6, (), Reach(Party.VOTER))
        session = Session(Knowledge("en", True, stage="APPROVED", now=now), "to-voter", "to-voter")
        call = Call(
            f"exotel:{call_sid(n)}", CAMPAIGN, 1, "influencer", LINE, caller(n), person, session, now, now, 6,
            tuple(f"{each:016x}" for each in range(6)), (asked,),
        )  # fmt: skip
        entry = Entry(call.call_id, "turn-6", CAMPAIGN, "exotel", "turn", "turn={}", "0" * 32, now)
        calls.save(call, entry, None)

    with ThreadPoolExecutor(16) as workers:
        list(workers.map(write, numbers))


def fill(made: Runtime, size: int) -> None:
    """A pool of so many voters, open: whoever they are, they may be rung."""
    pool_store.create(POOL, SHARDS)
    rows, today = [], times.written(made.clock.now())
    for shard in range(SHARDS):
        phones = [f"+9198000{n:05}" for n in range(shard, size, SHARDS)]
        people = [person_id(made.secrets.person_pepper, CAMPAIGN, phone) for phone in phones]
        for at in range(0, len(people), 500):
            block = Block(f"0123456789ab.{shard}.{at // 500}", people[at : at + 500], is_new=True)
            for place, person in enumerate(block.people):
                told = _TOLD | {"phone": phones[at + place], "dnd_checked_at": today}
                rows.append(voters.row_of(POOL, person, "0123456789ab", block.ticket(place), told))
            pool_store.advance(POOL, shard, pool_store.place(POOL, shard, block), block)
    for at in range(0, len(rows), 25):
        assert not voters.put_all(rows[at : at + 25])
    change(made, POOL, PoolState.OPEN)


_TOLD: dict[str, str | bool] = {
    "language": "en",
    "area": "ward-12",
    "consent": "form",
    "consent_evidence": "sheet 12",
    "consent_at": "2026-01-15T00:00:00.000+05:30",
    "dnd": False,
}


def query(n: int, at: datetime) -> dict[str, str]:
    """What Exotel asks at a Connect."""
    local = f"0{caller(n).removeprefix('+91')}"
    return {
        "CallSid": call_sid(n),
        "CallFrom": local,
        "CallTo": f"0{LINE.removeprefix('+91')}",
        "Direction": "incoming",
        "DialCallDuration": "0",
        "StartTime": f"{at.astimezone(INDIA):%Y-%m-%d %H:%M:%S}",
        "EndTime": "1970-01-01 05:30:00",
        "CallType": "call-attempt",
        "DialWhomNumber": "",
        "flow_id": "11754",
        "tenant_id": "1409",
        "From": local,
        "To": f"0{LINE.removeprefix('+91')}",
        "CurrentTime": f"{at.astimezone(INDIA) + timedelta(seconds=20):%Y-%m-%d %H:%M:%S}",
    }


def connect(made: Runtime, door: Connects, n: int) -> str | None:
    """One Connect question, answered; the number it gives."""
    pairs = tuple(query(n, made.clock.now()).items())
    answer = door.connect(exotel, CAMPAIGN, exotel.read_turn("dial", pairs), pairs)
    return answer.reach.number if answer is not None and answer.reach is not None else None


def on_code(prefix: str) -> Callable[[int], str | None]:
    """How a question is asked of the door's code in this process."""
    made = on_tables(prefix)
    crowds.prepare()
    door = Connects(made)
    return lambda n: connect(made, door, n)


def at_door(address: str) -> Callable[[int], str | None]:
    """How a question is asked over HTTP at the voice door; `address` ends with the step and, behind a `#`, with the moment of it."""
    door, _, moment = address.partition("#")
    at = datetime.fromisoformat(moment)

    def ask(n: int) -> str | None:
        with urllib.request.urlopen(f"{door}?{urlencode(query(n, at))}", timeout=_DOOR_SECONDS) as reply:
            numbers: list[str] = json.load(reply)["destination"]["numbers"]
        return next(iter(numbers), None)

    return ask


def main(arguments: Sequence[str]) -> None:
    where, offset, *numbers = arguments
    first, callers = int(offset) + int(numbers[0]), int(numbers[1])
    ask = at_door(where) if where.startswith("http") else on_code(where)
    ahead = ask(first)  # so that the content is read and parsed once, not by everybody
    asked = crowds.at_once(callers - 1, lambda n: ask(first + 1 + n))
    spans = [(began, ended) for _, began, ended in asked]
    print(json.dumps({"numbers": [ahead, *(number for number, _, _ in asked)], "spans": spans}))


if __name__ == "__main__":
    main(sys.argv[1:])
