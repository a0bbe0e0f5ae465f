"""The whole of the simulated network: its state, and what people and campaigns can make it do."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil, inf
from secrets import token_hex

from phone_network import flows, operators, outgoing, segments, sids
from phone_network.call_form import CallOrder
from phone_network.callbacks import Callbacks
from phone_network.calls import INCOMING, OUTGOING, Call, CallBook
from phone_network.clock import Clock
from phone_network.config import Account, Config
from phone_network.events import Feed
from phone_network.exchange import Exchange
from phone_network.faults import FaultPlan
from phone_network.handsets import Handset, Handsets, LoggedCall
from phone_network.limits import Busiest, Limit
from phone_network.lines import Line
from phone_network.messages import MessageBook, Sms
from phone_network.numbers import as_exotel
from phone_network.scripts import Script
from phone_network.second_legs import SecondLegs
from phone_network.twilio import calls as twilio_calls
from phone_network.twilio.calls import TwilioCall, identifier

# A ring and its pause. SOURCE: Indian ringing cadence, 0.4 s on, 0.2 off, 0.4 on, 2.0 off.
_RING_SECONDS = 3.0

# What an answered call costs the one who dialled: a usual tariff, to tell free calls from others.
_RUPEES_A_MINUTE = 1.0

# How a withheld number has been seen to arrive.
_WITHHELD = ("", "anonymous", "private", "Restricted", "+266696687", "0000000000")


AnyCall = Call | TwilioCall
"""A call of either dialect."""


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
    call_posts: Limit = field(init=False)
    channels_in_use: int = 0

    def __post_init__(self) -> None:
        self.sms_posts = Limit(self.account.sms_per_minute)
        self.sms_gets = Limit(self.account.sms_per_minute)
        self.call_gets = Limit(self.account.calls_per_minute)
        self.call_posts = Limit(self.account.calls_per_minute)

    def has_channels(self, wanted: int) -> bool:
        """Say whether so many more channels are free."""
        return not self.account.channels or self.channels_in_use + wanted <= self.account.channels

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
        self.url = ""
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
        self._twilio_numbers = {
            number.number: (account, number) for account in self.config.twilio for number in account.numbers
        }
        self.twilio_calls: dict[str, TwilioCall] = {}
        self._dialled: Counter[tuple[str, ...]] = Counter()
        self.exchange = Exchange(
            self.config,
            self.clock,
            self.feed,
            self.callbacks,
            self.spawn,
            self.handsets,
            self.send_text,
            SecondLegs(self.clock, self.feed),
        )
        self.exchange.own_url = self.url

    @property
    def plan(self) -> FaultPlan:
        """The faults in force."""
        return self.callbacks.plan

    def serve_at(self, url: str) -> None:
        """Say where the network can be reached."""
        self.url = self.exchange.own_url = url

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

    def place_call(
        self,
        caller: str,
        exophone: str,
        withheld: bool | str | None = None,
        script: Script | None = (),
        hang_up_at: float = inf,
        is_patient: bool = True,
    ) -> tuple[Call, Coroutine[None, None, None]]:
        """Let a handset dial an ExoPhone; return the call, and its course, to be run or awaited.

        Args:
            caller: the handset, in E.164.
            exophone: the number dialled, in E.164.
            withheld: hide the number; a text says how it arrives instead; None leaves it to the handset.
            script: what its holder does when the call is answered; None = somebody acts through the controls.
            hang_up_at: second of the answered call at which they leave.
            is_patient: whether the call waits for that somebody as long as it takes.

        Raises:
            NotInService: no account has the number dialled.
        """
        if exophone not in self._exophones:
            raise NotInService(f"No account has the number {exophone}.")
        account, dialled = self._exophones[exophone]
        handset = self.handsets.at(caller)
        self._dialled[caller, exophone] += 1
        nth = self._dialled[caller, exophone]
        line = Line(caller, self.clock, self.config.timing.speech_speed, script, is_patient, hang_up_at)
        call = Call(
            sid=sids.make(self.run_id, "call", caller, exophone, nth),
            account_sid=account.sid,
            tenant_id=account.tenant_id,
            caller=caller,
            shown=self._shown(handset, withheld, nth),
            exophone=dialled,
            nth=nth,
            created_at=self.clock.now(),
            line=line,
        )
        self.books[account.sid].calls.add(call)
        self.feed.tell("call.ringing", call_sid=call.sid, **{"from": caller, "to": exophone})
        return call, self._run(call, line, account)

    def has_number(self, number: str) -> bool:
        """Say whether some account, of either dialect, has this number."""
        return number in self._exophones or number in self._twilio_numbers

    def dial(
        self,
        caller: str,
        called: str,
        withheld: bool | str | None = None,
        script: Script | None = (),
        hang_up_at: float = inf,
        is_patient: bool = True,
    ) -> tuple[AnyCall, Coroutine[None, None, None]]:
        """Let a handset dial a number of either dialect; arguments and answer as of `place_call`.

        Raises:
            NotInService: no account has the number dialled.
        """
        if called in self._twilio_numbers:
            return self._dial_twilio(caller, called, script, hang_up_at, is_patient)
        return self.place_call(caller, called, withheld, script, hang_up_at, is_patient)

    def _dial_twilio(
        self, caller: str, called: str, script: Script | None, hang_up_at: float, is_patient: bool
    ) -> tuple[TwilioCall, Coroutine[None, None, None]]:
        account, number = self._twilio_numbers[called]
        self._dialled[caller, called] += 1
        nth = self._dialled[caller, called]
        speed = self.config.timing.speech_speed
        call = TwilioCall(
            sid=identifier("CA", self.run_id, caller, called, nth),
            account=account,
            number=number,
            caller=caller,
            nth=nth,
            created_at=self.clock.now(),
            line=Line(caller, self.clock, speed, script, is_patient, hang_up_at),
        )
        self.twilio_calls[call.sid] = call
        self.feed.tell("call.ringing", call_sid=call.sid, **{"from": caller, "to": called})
        return call, self._run_twilio(call)

    async def _run_twilio(self, call: TwilioCall) -> None:
        with self.handsets.at(call.caller).engaged():
            await asyncio.sleep(self.config.timing.ring_seconds)
            await twilio_calls.run(call, self.exchange, self.run_id)
        call.ended_at = call.line.now()
        self._log(call.sid, call.number.number, call.created_at, call.line, call.ended_at, is_incoming=False)

    def find_call(self, sid: str) -> AnyCall | None:
        """Return the call with this CallSid, whichever account it is of."""
        found = next((call for books in self.books.values() if (call := books.calls.find(sid))), None)
        return found or self.twilio_calls.get(sid)

    def send_text(self, account: Account, to: str, body: str, entity_id: str, template_id: str) -> None:
        """Send what an SMS applet says, under the account's first header; it is never reported."""
        books = self.books[account.sid]
        header = min(account.headers, default="")
        books.texts[header, to, body] += 1
        nth = books.texts[header, to, body]
        self.accept_sms(
            Sms(
                sid=sids.make(self.run_id, "sms", account.sid, header, to, body, nth),
                account_sid=account.sid,
                exophone="",
                header=header,
                to=to,
                body=body,
                entity_id=entity_id,
                template_id=template_id,
                sms_type="transactional",
                custom_field="",
                status_callback="",
                report_type="",
                units=segments.count(body),
                nth=nth,
                created_at=self.clock.now(),
            )
        )

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

    def make_call(self, account: Account, order: CallOrder) -> Call:
        """Make the call that the API was asked for, and set it on its way."""
        self._dialled["api", order.caller, order.exophone.number] += 1
        nth = self._dialled["api", order.caller, order.exophone.number]
        handset = self.handsets.at(order.caller)
        line = Line(order.caller, self.clock, self.config.timing.speech_speed, handset.script)
        call = Call(
            sid=sids.make(self.run_id, "api-call", order.caller, order.exophone.number, nth),
            account_sid=account.sid,
            tenant_id=account.tenant_id,
            caller=order.caller,
            shown=as_exotel(order.caller),
            exophone=order.exophone,
            nth=nth,
            created_at=self.clock.now(),
            line=line,
            direction=OUTGOING,
            flow_id=order.flow_id,
            custom_field=order.custom_field,
            to=order.to,
        )
        self.books[account.sid].calls.add(call)
        self.feed.tell("call.made", call_sid=call.sid, **{"from": order.exophone.number, "to": order.caller})
        self.spawn("calls", self._run_outgoing(call, line, account, order))
        return call

    async def _run(self, call: Call, line: Line, account: Account) -> None:
        books = self.books[account.sid]
        books.channels_in_use += 1
        try:
            with self.handsets.at(call.caller).engaged():
                await asyncio.sleep(self.config.timing.ring_seconds)
                await flows.walk(call, line, account, self.exchange, call.exophone.flow)
        finally:
            books.channels_in_use -= 1
        self._end(call, line)

    async def _run_outgoing(self, call: Call, line: Line, account: Account, order: CallOrder) -> None:
        books, channels = self.books[account.sid], 2 if order.to else 1
        books.channels_in_use += channels
        try:
            await outgoing.run(call, line, account, self.exchange, order)
        finally:
            books.channels_in_use -= channels
        self._end(call, line)
        outgoing.tell_end(call, self.exchange, order)

    def _end(self, call: Call, line: Line) -> None:
        call.ended_at = line.now()
        is_incoming = call.direction != INCOMING
        self._log(call.sid, call.exophone.number, call.created_at, line, call.ended_at, is_incoming)

    def _log(
        self, sid: str, number: str, began: datetime, line: Line, ended_at: datetime, is_incoming: bool
    ) -> None:
        """Write a call that has ended into the log of its handset."""
        answered = line.answered_at is not None
        rings = max(1, ceil(((line.answered_at or ended_at) - began).total_seconds() / _RING_SECONDS))
        cost = ceil(line.second / 60) * _RUPEES_A_MINUTE if answered and not is_incoming else 0.0
        self.handsets.at(line.phone).calls.append(
            LoggedCall(sid, number, began, ended_at, rings, answered, cost, is_incoming)
        )
        self.feed.tell("call.ended", call_sid=sid, answered=answered, rings=rings)

    def _shown(self, handset: Handset, withheld: bool | str | None, nth: int) -> str:
        if isinstance(withheld, str):
            return withheld
        if handset.withholds_number if withheld is None else withheld:
            return _WITHHELD[int(self.plan.share("withheld", handset.phone, nth) * len(_WITHHELD))]
        return as_exotel(handset.phone)
