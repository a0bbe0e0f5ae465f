"""Walking a call through the applets of its flow.

A call is answered by the first applet that has to speak, listen or dial: a flow without one costs its
caller nothing. When the caller hangs up, what they were in the middle of decides: after a voicemail or a
second person the flow runs on as far as it needs nobody, at a prompt or a Gather it stops at once.
A flow loops by a Transfer to itself, as deep as the account's `max_transfers` (100 unless set).

SOURCE: Exotel's support articles on the applets. Where they say nothing, the strict reading is taken and
said beside it.
"""

from collections import Counter
from typing import assert_never

from phone_network import connects, fragments, numbers
from phone_network.applets import (
    Applet,
    Connect,
    Flow,
    Gather,
    GatherOrder,
    Greeting,
    Hangup,
    Menu,
    Passthru,
    SmsReply,
    Switch,
    Transfer,
    Voicemail,
)
from phone_network.calls import Call
from phone_network.clock import wall
from phone_network.config import Account
from phone_network.exchange import Exchange
from phone_network.fragments import Answer, BadAnswer, NeverSent
from phone_network.lines import Gone, Heard, Line, Listening

VERSION = {"Exotel-Version": "1.0"}

# How long a voicemail waits in silence before it ends. Not documented; common in recorders.
VOICEMAIL_SILENCE_SECONDS = 5.0

_NEEDS_SOMEBODY = (Greeting, Gather, Menu, Voicemail, Connect)

Branch = tuple[Flow, str]
"""A flow to go on with, and what to call its place."""


async def walk(call: Call, line: Line, account: Account, exchange: Exchange, flow: Flow) -> None:
    """Run a flow; return when it hangs up, ends, or has nobody left to run for."""
    await _Walk(call, line, account, exchange).run(flow)
    line.end("caller" if line.is_gone else "network")


class _Walk:
    def __init__(self, call: Call, line: Line, account: Account, exchange: Exchange) -> None:
        self._call = call
        self._line = line
        self._account = account
        self._exchange = exchange
        self._plan = exchange.callbacks.plan
        self._visits: Counter[str] = Counter()
        self._asked = 0
        self._transfers = 0
        self._answer: Answer | None = None
        """What the last synchronous Passthru was answered with, for a Switch."""
        self._runs_on = False
        """Whether the flow goes on although the caller has gone."""
        self._is_racing = False
        """Whether they went while their keys were on the way: one more Passthru tells of them."""

    async def run(self, flow: Flow) -> None:
        place, index = "", 0
        try:
            while index < len(flow):
                if self._line.is_gone and not self._may_run(flow[index]):
                    return
                here = f"{place}{index}"
                index += 1
                branch = await self._do(flow[index - 1], here)
                if branch is not None:
                    (flow, place), index = branch, 0
        except Gone:
            return
        except BadAnswer as failure:
            # SOURCE: an integrator's notes: an applet that fails and has no fallback disconnects the call.
            self._fail("applet", str(failure))

    def _may_run(self, applet: Applet) -> bool:
        if not self._runs_on or isinstance(applet, _NEEDS_SOMEBODY):
            return False
        if self._is_racing and isinstance(applet, Passthru):
            self._runs_on = False
        return True

    async def _do(self, applet: Applet, here: str) -> Branch | None:
        """Run one applet; return where to go on, if not at the next one. Raises Gone at the end of the call."""
        match applet:
            case Hangup():
                return (), here
            case Passthru():
                return await self._passthru(applet, here)
            case Switch():
                return self._switch(applet, here)
            case Transfer():
                return self._transfer(applet)
            case Greeting():
                await self._greeting(applet, here)
            case Gather():
                await self._gather(applet, here)
            case Menu():
                return await self._menu(applet, here)
            case Voicemail():
                await self._voicemail(applet)
            case SmsReply():
                await self._sms(applet, here)
            case Connect():
                return await self._connect(applet, here)
            case _:
                assert_never(applet)
        return None

    async def _passthru(self, applet: Passthru, here: str) -> Branch | None:
        call, now = self._call, self._line.now()
        told = {"url": applet.url, "digits": call.digits, "current_time": wall(now)}
        work = self._exchange.callbacks.ask(call, applet, self._cause(here), now)
        if applet.is_async:
            self._exchange.spawn("callbacks", work)
            self._line.note("told", **told, is_async=True)
            return None
        is_sent = True
        try:
            self._answer = await work
        except NeverSent:
            self._answer, is_sent = None, False
        status = self._answer and self._answer.status
        self._line.note("told", **told, status=status, sent=is_sent)
        return None if status == 200 else (applet.otherwise, f"{here}.")

    def _switch(self, applet: Switch, here: str) -> Branch:
        try:
            option = fragments.selected(self._answer) if self._answer else ""
        except BadAnswer as failure:
            self._fail("switch", str(failure))
            option = ""
        if option not in applet.cases:
            if option:
                self._fail("switch", f"there is no case {option!r}")
            return applet.otherwise, f"{here}.otherwise."
        return applet.cases[option], f"{here}.{option}."

    def _transfer(self, applet: Transfer) -> Branch:
        self._transfers += 1
        if self._transfers > self._account.max_transfers:
            self._fail("transfer", f"more than {self._account.max_transfers} transfers in one call")
            return (), ""
        self._call.flow_id = applet.flow
        return self._account.flows[applet.flow], f"{applet.flow}:"

    async def _greeting(self, applet: Greeting, here: str) -> None:
        self._line.answer()
        prompts = applet.prompts
        if applet.url:
            try:
                prompts = fragments.prompts(
                    await self._fetch(applet.url, self._call.to_greeting(), here, head_type=fragments.TEXT)
                )
            except BadAnswer as failure:
                self._fail("greeting", str(failure), applet.url)
                return
        await self._line.hear(await self._exchange.spoken(self._line, prompts))

    async def _gather(self, applet: Gather, here: str) -> None:
        self._line.answer()
        order = applet.order or await self._ordered(applet, here)
        await self._ask(order)

    async def _ordered(self, applet: Gather, here: str) -> GatherOrder:
        fields = [field for field in self._call.to_flow(self._line.now()) if field[0] != "digits"]
        for url in filter(None, (applet.url, applet.fallback_url)):
            try:
                return fragments.gather(await self._fetch(url, fields, here, is_versioned=True))
            except BadAnswer as failure:
                self._fail("gather", str(failure), url)
        raise BadAnswer("gather: neither URL gave an order")

    async def _ask(self, order: GatherOrder) -> Heard:
        """Play and wait for keys, and again as often as the order says. The keys of the call are these from now."""
        listening = Listening(order.input_timeout, order.max_input_digits, order.finish_on_key)
        self._call.digits = None
        prompt = order.prompt
        for _ in range(order.repeat_menu + 1):
            heard = await self._line.ask(await self._exchange.spoken(self._line, (prompt,)), listening)
            if heard.keys is not None:
                break
            prompt = order.repeat_prompt or order.prompt
        self._take(heard)
        return heard

    def _take(self, heard: Heard) -> None:
        self._asked += 1
        self._call.digits, self._call.was_asked_for_keys = heard.keys, True
        if heard.keys and self._plan.strikes("hangup_races_key", *self._call.cause, self._asked):
            self._line.hang_up()
            self._runs_on = self._is_racing = True

    async def _menu(self, applet: Menu, here: str) -> Branch:
        self._line.answer()
        order, prompt = applet.order, applet.order.prompt
        listening = Listening(order.input_timeout)
        for _ in range(order.repeat_menu + 1):
            heard = await self._line.ask(await self._exchange.spoken(self._line, (prompt,)), listening)
            if heard.keys in applet.options:
                break
            prompt = order.repeat_prompt or order.prompt
        self._take(heard)
        if heard.keys is None or heard.keys not in applet.options:
            return applet.otherwise, f"{here}.otherwise."
        return applet.options[heard.keys], f"{here}.{heard.keys}."

    async def _voicemail(self, applet: Voicemail) -> None:
        self._line.answer()
        if applet.prompt:
            await self._line.hear(await self._exchange.spoken(self._line, (applet.prompt,)))
        taken = await self._line.record(applet.max_seconds, VOICEMAIL_SILENCE_SECONDS, "#")
        self._runs_on = True
        self._call.call_type = "voicemail"
        self._exchange.keep_recording(self._call, self._account, taken.seconds)

    async def _sms(self, applet: SmsReply, here: str) -> None:
        text = applet.text
        if applet.url:
            try:
                answer = await self._fetch(applet.url, self._call.to_sms(), here, head_type=fragments.TEXT)
                text = fragments.sms_text(answer)
            except BadAnswer as failure:
                self._fail("sms", str(failure), applet.url)
                return
        if text and numbers.parse(self._call.shown) is None:
            self._fail("sms", "the caller's number is not known")
        elif text:
            self._exchange.send_text(
                self._account, self._call.caller, text, applet.entity_id, applet.template_id
            )

    async def _connect(self, applet: Connect, here: str) -> Branch | None:
        self._line.answer()
        self._runs_on = True
        has_talked = await connects.connect(
            self._call, self._line, self._account, self._exchange, applet, self._cause(here)
        )
        return None if has_talked else (applet.otherwise, f"{here}.")

    async def _fetch(
        self,
        url: str,
        fields: list[tuple[str, str]],
        here: str,
        head_type: str = "",
        is_versioned: bool = False,
    ) -> Answer:
        headers = VERSION if is_versioned else None
        cause = self._cause(f"{here} {url}")
        return await self._exchange.callbacks.fetch(url, tuple(fields), cause, headers, head_type)

    def _cause(self, here: str) -> tuple[object, ...]:
        """Name one visit to one applet of this call."""
        self._visits[here] += 1
        nth = self._visits[here]
        return (*self._call.cause, here) if nth == 1 else (*self._call.cause, here, nth)

    def _fail(self, what: str, reason: str, url: str = "") -> None:
        self._line.note("failed", what=what, reason=reason, **({"url": url} if url else {}))
        self._exchange.feed.tell("applet.failed", call_sid=self._call.sid, what=what, reason=reason)
