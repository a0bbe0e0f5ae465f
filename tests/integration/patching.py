"""A deployment in which callers are patched: approved influencers, a pool of voters, and what Exotel asks and tells of a Connect."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ringback.domain import times
from ringback.domain.influencers import Stage
from ringback.domain.loads import Listed, Order
from ringback.domain.patches import Patch
from ringback.domain.pools import PoolState, Voter
from ringback.domain.slots import Held
from ringback.domain.times import INDIA
from ringback.providers.base import CallbackRequest, FoundCall
from ringback.services import loads, patches
from ringback.services.connects import Connects
from ringback.services.pools import change
from ringback.store import influencers as influencer_store
from ringback.store import patches as store
from ringback.store import pools as pool_store
from ringback.store import slots, voters
from ringback.store.tables import InfluencerRow, VoterRow, update_if
from tests.deployment import CALLER, Deployment, Handset, line_of, local
from tests.integration import people

LINE = "+918040001031"
POOL = "clean-water/voters"
WARD = "clean-water/ward-12"
EVIDENCE = "form 7, 2 March 2026"


def voter_phones(count: int) -> list[str]:
    """Made-up voters; their numbers are nobody else's in the tests."""
    return [f"+9190010{index:05}" for index in range(count)]


VOTERS = voter_phones(6)
"""Who stands in the pool of the fixture `patched`."""


class Patched:
    """A deployment with its patches; `door` is the process of the voice door."""

    def __init__(self, deployment: Deployment, **changes: Any) -> None:
        self.deployment = deployment
        self.clock = deployment.clock
        self.runtime = deployment.runtime
        deployment.publish("clean-water", lambda document: self._changed(document, changes))
        self.door = Connects(self.runtime)

    @staticmethod
    def _changed(document: dict[str, Any], changes: dict[str, Any]) -> None:
        document["patching"] |= {"pool": "voters", "mystery_percent": 1} | changes
        if not changes.get("mystery_percent"):
            del document["patching"]["mystery_percent"]
            del document["patching"]["mystery_brief"]

    def move_to(self, pool: str, **changes: Any) -> None:
        """The campaign rings voters of another pool from now on."""
        self.deployment.publish(
            "clean-water", lambda document: self._changed(document, {"pool": pool} | changes)
        )
        self.clock.move(minutes=1)
        self.restart()

    def restart(self) -> None:
        """New processes take over."""
        self.deployment.restart()
        self.door = Connects(self.runtime)

    # who is there

    def approve(self, *phones: str) -> None:
        """Influencers with a go-ahead: the stage is set, as the whole way is tested elsewhere."""
        for phone in phones:
            people.meet(self.deployment, phone)
            self.stage(phone, Stage.APPROVED)

    def stage(self, phone: str, stage: Stage) -> None:
        update_if(
            InfluencerRow,
            self.deployment.person(phone),
            actions=[
                InfluencerRow.stage.set(str(stage)),
                InfluencerRow.listing.set(f"clean-water#{stage}#0"),
            ],
        )

    def fill(
        self,
        folder: Path,
        phones: Sequence[str],
        *,
        consent: bool = True,
        dnd: bool = False,
        area: str | None = None,
        pool: str = POOL,
    ) -> None:
        """Load voters, who agreed to be rung and are on no list, and open the pool."""
        pepper = self.runtime.secrets.person_pepper
        file = folder / pool.replace("/", "-")
        spool = loads.Spool(pepper, "clean-water", file, Order.GIVEN, 0)
        for phone in phones:
            spool.add(Listed(phone, "en", area=area))
        loads.load(self.runtime, pool, "first", spool)
        spool.close()
        change(self.runtime, pool, PoolState.OPEN)
        for phone in phones:
            known = [
                VoterRow.dnd.set(dnd),
                VoterRow.dnd_checked_at.set(times.written(self.clock.now())),
                VoterRow.consent.set("form"),
                VoterRow.consent_evidence.set(EVIDENCE),
                VoterRow.consent_at.set("2026-03-01T05:30:00.000+00:00"),
            ]
            key = f"{pool}/{self.deployment.person(phone)}"
            update_if(VoterRow, key, actions=known if consent else known[:2])

    # what Exotel asks and tells

    def begin(self, caller: str = CALLER, call_id: str = "call-1") -> "Caller":
        """An approved influencer rings, and walks the menu to where they are connected."""
        return Caller(self, caller, call_id)

    def told(self, call_id: str, event: str, number: str, **more: str) -> None:
        """An event of the Connect applet arrives."""
        query = {"CallSid": call_id, "EventType": event, "DialWhomNumber": local(number)} | more
        request = CallbackRequest("GET", "leg", urlencode(query), "", b"")
        patches.hear(self.runtime, line_of("clean-water"), request)

    def react(self) -> None:
        """React until nothing moves."""
        while self.deployment.pending():
            assert self.deployment.react() == []

    # what we can see

    def patch(self, call_id: str = "call-1") -> Patch:
        found = store.load(f"exotel:{call_id}")
        assert found is not None
        return found

    def held(self) -> Held:
        return slots.load("exotel")

    def voter(self, phone: str, pool: str = POOL) -> Voter:
        found = voters.load(pool, self.deployment.person(phone))
        assert found is not None
        return found

    def influencer(self, phone: str = CALLER) -> Any:
        return influencer_store.load(self.deployment.person(phone))

    def queued(self) -> int:
        pool = pool_store.load(POOL)
        assert pool is not None
        return pool_store.standing(pool).queued


class Caller:
    """An influencer on the line, in the hands of Exotel's flow."""

    def __init__(self, patched: Patched, caller: str, call_id: str) -> None:
        self._patched = patched
        self.phone, self.call_id = caller, call_id
        self.handset: Handset = patched.deployment.begin(caller, LINE, call_id=call_id)
        for _ in range(12):
            if self.handset.branch == "dial" or self.handset.branch in ("end", "hang-up"):
                break
            if self.handset.branch == "ask":
                self.handset.press("1")
            else:
                self.handset.wait()
        self.order: dict[str, Any] = {}

    @classmethod
    def on_the_line(cls, patched: Patched, handset: Handset, phone: str, call_id: str) -> "Caller":
        """An influencer whom we rang, and who has walked the menu to where they are connected."""
        caller = cls.__new__(cls)
        caller._patched, caller.phone, caller.call_id, caller.handset = patched, phone, call_id, handset
        caller.order = {}
        return caller

    @property
    def is_at_connect(self) -> bool:
        return self.handset.branch == "dial"

    def ask(self, **more: str) -> str | None:
        """Exotel asks whom to dial; returns the number, or None."""
        now = self._patched.clock.now().astimezone(INDIA)
        query = {
            "CallSid": self.call_id,
            "From": local(self.phone),
            "To": local(LINE),
            "Direction": "incoming",
            "CurrentTime": f"{now:%Y-%m-%d %H:%M:%S}",
        } | more
        request = CallbackRequest("GET", "dial", urlencode(query), "", b"")
        reply = self._patched.door.answer(line_of("clean-water"), request)
        assert reply is not None
        self.order = json.loads(reply.body)
        return next(iter(self.order["destination"]["numbers"]), None)

    def rung(self, **more: str) -> str:
        """The number that a question gets, which must be one."""
        number = self.ask(**more)
        assert number is not None
        return number

    def failed(self, number: str, status: str = "no-answer") -> str | None:
        """Exotel asks again after an attempt that failed."""
        return self.ask(DialWhomNumber=local(number), DialCallStatus=status)

    def talk(self, number: str, seconds: int = 40) -> None:
        """The person takes the call and talks; then the leg ends."""
        self._patched.told(self.call_id, "Answered", number)
        self._patched.clock.move(seconds=seconds)
        self._patched.told(
            self.call_id,
            "Terminal",
            number,
            DialCallStatus="completed",
            **{"Legs[0][Number]": local(number), "Legs[0][OnCallDuration]": str(seconds)},
        )

    def come_back(self, **more: str) -> str:
        """The Connect is over: the flow comes round to the head."""
        return self.handset.do(**more)


class Records:
    """The provider's own records of calls, by id."""

    name = "exotel"

    def __init__(self) -> None:
        self.calls: dict[str, FoundCall] = {}
        self.asked: list[str] = []

    def find_call(self, call_id: str) -> FoundCall | None:
        self.asked.append(call_id)
        return self.calls.get(call_id)
