"""The whole of the simulated network: its state, and what people and campaigns can make it do."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from math import ceil
from secrets import token_hex

from phone_network import flows, operators, sids
from phone_network.callbacks import Callbacks
from phone_network.calls import Call, CallBook
from phone_network.clock import Clock
from phone_network.config import Account, Config
from phone_network.events import Feed
from phone_network.faults import FaultPlan
from phone_network.handsets import Handset, Handsets, LoggedCall
from phone_network.limits import Busiest, Limit
from phone_network.messages import MessageBook, Sms
from phone_network.numbers import as_exotel

# A ring and its pause. SOURCE: Indian ringing cadence, 0.4 s on, 0.2 off, 0.4 on, 2.0 off.
_RING_SECONDS = 3.0

# How a withheld number has been seen to arrive.
_WITHHELD = ("", "anonymous", "private", "Restricted", "+266696687", "0000000000")


class NotInService(LookupError):
    """No account has this number."""


@dataclass(slots=True)
class Books:
    """What the provider keeps for one account: records, limits, counts."""

    account: Account
    calls: CallBook = field(default_factory=CallBook)
    messages: MessageBook = field(default_factory=MessageBook)
    requests: Busiest = field(default_factory=Busiest)
    accepted: Busiest = field(default_factory=Busiest)
    attempts: Counter[tuple[object, ...]] = field(default_factory=Counter)
    texts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    sms_posts: Limit = field(init=False)
    sms_gets: Limit = field(init=False)
    call_gets: Limit = field(init=False)

    def __post_init__(self) -> None:
        self.sms_posts = Limit(self.account.sms_per_minute)
        self.sms_gets = Limit(self.account.sms_per_minute)
        self.call_gets = Limit(self.account.calls_per_minute)

    def attempt(self, *cause: object) -> int:
        """Count one more request with this cause, and return how many there were."""
        self.attempts[cause] += 1
        return self.attempts[cause]


class Network:
    """Accounts, handsets, calls and SMS of one run, in one event loop; `open` first, `close` last."""

    def __init__(self, config: Config, plan: FaultPlan) -> None:
        self.config = config
        self.clock = Clock(config.clock_offset_seconds)
        self.feed = Feed(self.clock)
        self.pending: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[object]] = set()
        self._begin(plan)

    def _begin(self, plan: FaultPlan) -> None:
        self.run_id = self.config.run_id or token_hex(8)
        self.callbacks = Callbacks(self.clock, self.config.timing, self.feed, self.spawn)
        self.callbacks.plan = plan
        self.handsets = Handsets(self.config.handsets)
        self.books = {account.sid: Books(account) for account in self.config.accounts}
        self._exophones = {
            exophone.number: (account, exophone)
            for account in self.config.accounts
            for exophone in account.exophones
        }
        self._dialled: Counter[tuple[str, str]] = Counter()

    @property
    def plan(self) -> FaultPlan:
        """The faults in force."""
        return self.callbacks.plan

    async def open(self) -> None:
        """Get ready to call out."""
        await self.callbacks.open()

    async def close(self) -> None:
        """Drop everything under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.callbacks.close()

    async def reset(self) -> None:
        """Drop everything under way and forget everything, but for the configuration, the plan and the clock.

        With a configured `run_id` the ids of the next run are those of this one again.
        """
        plan = self.plan
        await self.close()
        self._begin(plan)
        await self.open()
        self.feed.tell("network.reset")

    def change_faults(self, plan: FaultPlan) -> None:
        """Put another plan in force, for what happens from now on."""
        self.callbacks.plan = plan

    def spawn(self, kind: str, work: Coroutine[None, None, object]) -> None:
        """Run something in the background; it counts as pending until it ends."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        self.pending[kind] += 1
        task.add_done_callback(lambda done: self._ended(kind, done))

    def _ended(self, kind: str, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        self.pending[kind] -= 1
        if not task.cancelled() and (error := task.exception()):
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"The network failed at {kind}.", "exception": error, "task": task}
            )

    @property
    def is_busy(self) -> bool:
        """Whether a call, a callback or an SMS is under way, a try to come included."""
        return bool(self._tasks)

    @property
    def calls_under_way(self) -> int:
        """How many calls and callbacks of calls are under way."""
        return self.pending["calls"] + self.pending["callbacks"]

    def has_exophone(self, number: str) -> bool:
        """Say whether some account has this number."""
        return number in self._exophones

    def place_call(
        self, caller: str, exophone: str, withheld: bool | str | None = None
    ) -> tuple[Call, Coroutine[None, None, None]]:
        """Let a handset dial an ExoPhone; return the call, and its course, to be run or awaited.

        Args:
            caller: the handset, in E.164.
            exophone: the number dialled, in E.164.
            withheld: hide the number; a text says how it arrives instead; None leaves it to the handset.

        Raises:
            NotInService: no account has the number dialled.
        """
        if exophone not in self._exophones:
            raise NotInService(f"No account has the number {exophone}.")
        account, dialled = self._exophones[exophone]
        handset = self.handsets.at(caller)
        self._dialled[caller, exophone] += 1
        nth = self._dialled[caller, exophone]
        call = Call(
            sid=sids.make(self.run_id, "call", caller, exophone, nth),
            account_sid=account.sid,
            tenant_id=account.tenant_id,
            caller=caller,
            shown=self._shown(handset, withheld, nth),
            exophone=dialled,
            nth=nth,
            created_at=self.clock.now(),
        )
        self.books[account.sid].calls.add(call)
        self.feed.tell("call.ringing", call_sid=call.sid, **{"from": caller, "to": exophone})
        return call, self._run(call, handset)

    def accept_sms(self, sms: Sms) -> None:
        """Enter an SMS that the API took, and send it on its way."""
        books = self.books[sms.account_sid]
        books.messages.add(sms)
        books.accepted.add(asyncio.get_running_loop().time())
        self.feed.tell(
            "sms.accepted", sms_sid=sms.sid, **{"from": sms.header, "to": sms.to, "body": sms.body}
        )
        self.spawn(
            "messages",
            operators.carry(
                sms,
                books.account,
                self.handsets.at(sms.to),
                self.callbacks,
                self.clock,
                self.config.timing,
                self.feed,
            ),
        )

    async def _run(self, call: Call, handset: Handset) -> None:
        await asyncio.sleep(self.config.timing.ring_seconds)
        await flows.walk(call, self.callbacks, self.spawn)
        ended_at = call.ended_at = self.clock.now()
        rang = (ended_at - call.created_at).total_seconds()
        rings = max(1, ceil(rang / _RING_SECONDS))
        handset.calls.append(LoggedCall(call.sid, call.exophone.number, call.created_at, ended_at, rings))
        self.feed.tell("call.ended", call_sid=call.sid, answered=False, rings=rings)

    def _shown(self, handset: Handset, withheld: bool | str | None, nth: int) -> str:
        if isinstance(withheld, str):
            return withheld
        if handset.withholds_number if withheld is None else withheld:
            return _WITHHELD[int(self.plan.share("withheld", handset.phone, nth) * len(_WITHHELD))]
        return as_exotel(handset.phone)
