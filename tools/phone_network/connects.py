"""The Connect applet: a second person is dialled and, if they answer, talks with the caller.

SOURCE: Exotel, "Working with Connect applet: dial whom" and "dynamic URL". With `fetch_after_attempt` the URL
is asked again after each attempt that failed, and only the first request carries the digits.
"""

from time import perf_counter

from phone_network import dialling, fragments
from phone_network.applets import Connect, ConnectOrder
from phone_network.calls import Call, Dialled
from phone_network.config import Account
from phone_network.dialling import Rung
from phone_network.exchange import Exchange
from phone_network.fragments import BadAnswer
from phone_network.lines import Gone, Line
from phone_network.numbers import as_exotel
from phone_network.second_legs import SecondLeg

# So that a URL that never tires of naming numbers does not ring the country. Not documented.
MOST_ATTEMPTS = 30

_VERSION = {"Exotel-Version": "1.0"}


async def connect(
    call: Call, line: Line, account: Account, exchange: Exchange, applet: Connect, cause: tuple[object, ...]
) -> bool:
    """Run the applet; say whether there was a conversation. The caller may have left when it returns."""
    return await _Connecting(call, line, account, exchange, applet, cause).run()


class _Connecting:
    def __init__(
        self,
        call: Call,
        line: Line,
        account: Account,
        exchange: Exchange,
        applet: Connect,
        cause: tuple[object, ...],
    ) -> None:
        self._call = call
        self._line = line
        self._account = account
        self._exchange = exchange
        self._applet = applet
        self._cause = cause
        self._polls = 0
        self._attempts = 0

    async def run(self) -> bool:
        order = await self._order()
        while order.numbers and self._attempts < MOST_ATTEMPTS:
            for number in order.numbers:
                self._attempts += 1
                if await self._attempt(number, order):
                    return True
                if self._line.is_gone or order.fetch_after_attempt:
                    break
            if self._line.is_gone or not order.fetch_after_attempt:
                break
            order = await self._order()
        if self._call.dialled and not self._line.is_gone:
            self._call.call_type = "incomplete"
        return False

    async def _order(self) -> ConnectOrder:
        applet = self._applet
        if applet.order:
            return applet.order
        self._polls += 1
        fields = self._call.to_flow(self._line.now())
        if self._polls > 1:
            fields = [field for field in fields if field[0] != "digits"]
        fetch = self._exchange.callbacks.fetch
        cause = (*self._cause, "poll", self._polls)
        if applet.dial_whom_url:
            try:
                answer = await fetch(applet.dial_whom_url, tuple(fields), cause)
                return ConnectOrder(fragments.numbers_to_dial(answer))
            except BadAnswer as failure:
                self._fail(str(failure), applet.dial_whom_url)
                return ConnectOrder(())
        for url in filter(None, (applet.url, applet.fallback_url)):
            asked_at = perf_counter()
            try:
                return fragments.connect(await fetch(url, tuple(fields), (*cause, url), _VERSION))
            except BadAnswer as failure:
                self._fail(str(failure), url)
            finally:
                self._exchange.second_legs.answer_seconds.append(perf_counter() - asked_at)
        return ConnectOrder(())

    async def _attempt(self, number: str, order: ConnectOrder) -> bool:
        """Dial one number, and return whether there was a conversation."""
        handset = self._exchange.handsets.at(number)
        rung = dialling.ring(handset, order.max_ringing_seconds)
        ours = self._call.exophone.number
        legs = self._exchange.second_legs
        shown = order.outgoing_phone_number or ours
        with legs.ringing(self._call.sid, self._call.caller, handset, ours, shown) as leg:
            return await self._ring(rung, leg, number, order)

    async def _ring(self, rung: Rung, leg: SecondLeg, number: str, order: ConnectOrder) -> bool:
        began = self._line.second
        self._line.note("dialled", number=number, status=rung.status)
        self._tell(order, "Dial", number, "busy")
        talked = 0.0
        ended_by = "Callee"
        try:
            await self._line.wait(rung.seconds)
            if rung.is_answered:
                self._tell(order, "Answered", number, "busy")
                talked, ended_by = await self._converse(number, leg, order)
            status = rung.status
        except Gone:
            status, ended_by = ("completed" if rung.is_answered and talked else "canceled"), "Caller"
            if not talked:
                self._call.call_type = "client-hangup"
        leg.status, leg.talked_seconds = status, talked
        self._note(number, status, self._line.second - began, talked, rung, ended_by)
        self._tell(order, "Terminal", number, "free")
        return talked > 0

    async def _converse(self, number: str, leg: SecondLeg, order: ConnectOrder) -> tuple[float, str]:
        """Whisper, then let the two talk; return for how long, and who ended it."""
        whisper = await self._whisper(leg, order)
        if whisper is not None:
            await self._line.wait(whisper)
        handset = self._exchange.handsets.at(number)
        length = min(handset.talks_seconds, order.max_conversation_seconds)
        began = self._line.second
        ended_by = "Callee"
        try:
            with self._exchange.second_legs.bridging(leg):
                await self._line.talk(length)
        except Gone:
            ended_by = "Caller"
        talked = self._line.second - began
        self._call.call_type = "completed"
        self._call.conversation_seconds += round(talked)
        self._line.note("talked", number=number, seconds=round(talked, 3), ended_by=ended_by)
        if order.record:
            self._exchange.keep_recording(self._call, self._account, talked)
        return max(talked, 0.001), ended_by

    async def _whisper(self, leg: SecondLeg, order: ConnectOrder) -> float | None:
        """Return how long the whisper lasts, or None if there is none. It is the callee's to hear, so it is only noted."""
        prompt = order.whisper
        if self._applet.whisper_url:
            fields = tuple(self._call.to_greeting())
            cause = (*self._cause, "whisper", self._attempts)
            try:
                answer = await self._exchange.callbacks.fetch(
                    self._applet.whisper_url, fields, cause, head_type=fragments.JSON
                )
                prompt, _ = fragments.whisper(answer)
            except BadAnswer as failure:
                self._fail(str(failure), self._applet.whisper_url)
        if prompt is None:
            return None
        spoken = await self._exchange.spoken(self._line, (prompt,))
        self._line.note("whispered", text=prompt.text, audio_url=prompt.audio_url)
        leg.whispered.append(prompt.text or prompt.audio_url)
        return sum(each.seconds for each in spoken)

    def _note(
        self, number: str, status: str, seconds: float, talked: float, rung: Rung, ended_by: str
    ) -> None:
        self._call.dialled = Dialled(
            number, status, round(seconds), round(talked), rung.cause_code, rung.cause, ended_by
        )

    def _tell(self, order: ConnectOrder, event: str, number: str, state: str) -> None:
        """Tell the event URLs of an attempt; nobody waits for their answers.

        SOURCE: captures of Connect's pop-up requests: EventType, and Status of the one who was dialled.
        """
        for url in filter(None, (self._applet.popup_url, order.event_url)):
            fields = {
                **dict(self._call.to_flow(self._line.now())),
                "DialWhomNumber": as_exotel(number),
                "EventType": event,
                "Status": state,
            }
            cause = (*self._cause, event, self._attempts)
            self._exchange.spawn(
                "callbacks", self._exchange.callbacks.notify(self._call, url, cause, tuple(fields.items()))
            )

    def _fail(self, reason: str, url: str) -> None:
        self._line.note("failed", what="connect", reason=reason, url=url)
        self._exchange.feed.tell("applet.failed", call_sid=self._call.sid, what="connect", reason=reason)
