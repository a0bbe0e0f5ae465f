"""The controls, under `/control/`: what people do with their phones, what they see, and what goes wrong.

HTTP and JSON, for a person with curl, a command line or a test. Not part of what Exotel has. A mistake is
answered with 400 and `{"error": "..."}`.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from math import inf
from typing import Any

from aiohttp import web

from phone_network import control_calls, faults, numbers, scripts, summary
from phone_network.faults import FaultPlan, FaultPlanError
from phone_network.handsets import Handset
from phone_network.network import Network, NotInService
from phone_network.reading import ConfigError, Reader
from phone_network.scripts import Script

_Endpoint = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HEARTBEAT_SECONDS = 15.0
_POLL_SECONDS = 0.01
_CALLS_AT_A_STROKE = 100
_HANDSET_FLAGS = ("is_on", "is_known", "is_dnd", "withholds_number", "answers", "is_busy")
_HANDSET_SECONDS = ("answers_after_seconds", "talks_seconds")


class _Mistake(ValueError):
    """The request cannot be followed; the message says why."""


class _Engaged(Exception):
    """The handset cannot ring now; the message says why."""


class ControlApi:
    """The endpoints, over one network."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def routes(self) -> list[web.RouteDef]:
        """Return what the server must route here."""
        return [
            web.post("/control/ring", _forgiving(self._ring)),
            web.post("/control/ring-many", _forgiving(self._ring_many)),
            web.get("/control/handsets/{number}", _forgiving(self._handset)),
            web.post("/control/handsets/{number}", _forgiving(self._change_handset)),
            web.get("/control/summary", self._summary),
            web.get("/control/calls", self._calls),
            web.get("/control/messages", self._messages),
            web.get("/control/faults", self._faults),
            web.post("/control/faults", _forgiving(self._change_faults)),
            web.post("/control/clock", _forgiving(self._change_clock)),
            web.post("/control/reset", self._reset),
            web.get("/control/idle", _forgiving(self._idle)),
            web.get("/control/events", _forgiving(self._events)),
            web.get("/control/recordings", self._recordings),
            web.get("/control/second-legs", self._second_legs),
            *control_calls.routes(self._network),
        ]

    async def _ring(self, request: web.Request) -> web.StreamResponse:
        """`{"from", "to", "withheld"?, "script"?, "hang_up_at"?, "wait"?}`: a call; `wait` answers when it has ended.

        409 while the handset is in a call that somebody else placed: who talks on a phone rings nobody with it.
        """
        given = await _body(request)
        if self._network.handsets.at(_phone(given, "from")).was_rung:
            raise _Engaged(
                "This phone is in a call that somebody else placed: its holder rings nobody meanwhile."
            )
        call, course = self._place(given)
        if given.get("wait"):
            await course
        else:
            self._network.spawn("calls", course)
        return web.json_response(summary.row_of(call))

    async def _ring_many(self, request: web.Request) -> web.StreamResponse:
        """`{"calls": [{"from", "to", "script"?}, ...], "per_second"?, "at_once"?}`: answers now, the calls go on.

        `at_once` bounds the calls and callbacks under way together.
        """
        given = await _body(request)
        calls = given.get("calls")
        if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
            raise _Mistake("calls: must be a list of objects with from and to.")
        per_second = _amount(given, "per_second")
        at_once = _amount(given, "at_once")
        for call in calls:
            self._check(call)
        self._network.spawn("rounds", self._run_round(calls, per_second, at_once))
        return web.json_response({"calls": len(calls)})

    async def _run_round(
        self, calls: list[dict[str, Any]], per_second: float | None, at_once: float | None
    ) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        for index, call in enumerate(calls):
            if per_second:
                await asyncio.sleep(max(0.0, started + index / per_second - loop.time()))
            while at_once and self._network.calls_under_way >= at_once:
                await asyncio.sleep(_POLL_SECONDS)
            self._network.spawn("calls", self._place(call)[1])
            if index % _CALLS_AT_A_STROKE == 0:
                await asyncio.sleep(0)

    def _check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        caller, called = _phone(given, "from"), _phone(given, "to")
        withheld = given.get("withheld")
        if not isinstance(withheld, bool | str | None):
            raise _Mistake("withheld: must be true, false, or the text that arrives instead of the number.")
        if not self._network.has_number(called):
            raise _Mistake(f"No account has the number {called}.")
        try:
            reader = Reader({key: given[key] for key in ("script", "hang_up_at") if key in given}, "")
            script = scripts.read(reader, "script") if "script" in given else self._script_of(caller)
            leaves_at = reader.seconds("hang_up_at") if "hang_up_at" in given else inf
        except ConfigError as error:
            raise _Mistake(str(error)) from error
        return {
            "caller": caller,
            "called": called,
            "withheld": withheld,
            "script": script,
            "hang_up_at": leaves_at,
        }

    def _script_of(self, caller: str) -> Script | None:
        return self._network.handsets.at(caller).script

    def _place(self, given: Mapping[str, Any]) -> Any:
        return self._network.dial(**self._check(given))

    async def _handset(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(_handset_row(self._at(request)))

    async def _change_handset(self, request: web.Request) -> web.StreamResponse:
        """`{"is_on"?, "is_known"?, "is_dnd"?, "withholds_number"?, "answers"?, "is_busy"?, "script"?, ...}`."""
        handset = self._at(request)
        given = await _body(request)
        try:
            reader = Reader(given, "")
            if "script" in reader:
                handset.script = scripts.read(reader, "script")
            for name in _HANDSET_SECONDS:
                setattr(handset, name, reader.seconds(name, getattr(handset, name)))
        except ConfigError as error:
            raise _Mistake(str(error)) from error
        for name, value in given.items():
            if name in _HANDSET_FLAGS and isinstance(value, bool):
                setattr(handset, name, value)
            elif name not in (*_HANDSET_SECONDS, "script"):
                raise _Mistake(f"{name}: only {', '.join(_HANDSET_FLAGS)} can be set, to true or false.")
        return web.json_response(_handset_row(handset))

    def _at(self, request: web.Request) -> Handset:
        return self._network.handsets.at(_phone(request.match_info, "number"))

    async def _summary(self, request: web.Request) -> web.StreamResponse:
        """`?brief=1` leaves out what grows with the number of people."""
        whole = summary.totals if request.query.get("brief") else summary.of
        return web.json_response(whole(self._network))

    async def _calls(self, request: web.Request) -> web.StreamResponse:
        """`?whole=1` adds what was heard and done in each call."""
        row = summary.whole_call if request.query.get("whole") else summary.row_of
        return web.json_response({"calls": [row(call) for call in summary.all_calls(self._network)]})

    async def _recordings(self, request: web.Request) -> web.StreamResponse:
        """What was recorded, and how often each file was fetched."""
        return web.json_response({"recordings": summary.recording_rows(self._network)})

    async def _second_legs(self, request: web.Request) -> web.StreamResponse:
        """Whom calls were patched to, and what those people saw. `?after=N`: only from the Nth on."""
        after = request.query.get("after", "0")
        if not after.isdigit():
            raise _Mistake("after: must be a whole number.")
        return web.json_response({"second_legs": summary.second_leg_rows(self._network)[int(after) :]})

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        books = self._network.books.values()
        return web.json_response(
            {"messages": [summary.sms_row(sms) for each in books for sms in each.messages.all()]}
        )

    async def _faults(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(
            {**_plan_row(self._network.plan), "known": {**faults.NETWORK, **faults.OURS}}
        )

    async def _change_faults(self, request: web.Request) -> web.StreamResponse:
        """`{"plan": "none" | "rough" | {fault: rate}, "seed"?}`: the seed stays if it is not given."""
        given = await _body(request)
        plan, seed = given.get("plan"), given.get("seed", self._network.plan.seed)
        if not isinstance(seed, int):
            raise _Mistake("seed: must be a whole number.")
        try:
            if isinstance(plan, dict):
                self._network.change_faults(FaultPlan.of(plan, seed))
            elif plan in ("none", "rough"):
                self._network.change_faults(faults.load(plan, seed))
            else:
                raise _Mistake("plan: must be none, rough, or an object of rates by fault name.")
        except FaultPlanError as error:
            raise _Mistake(str(error)) from error
        return web.json_response(_plan_row(self._network.plan))

    async def _change_clock(self, request: web.Request) -> web.StreamResponse:
        """`{"offset_seconds"}` sets the network's clock, `{"advance_seconds"}` moves it."""
        given = await _body(request)
        clock = self._network.clock
        for name, value in given.items():
            if name not in ("offset_seconds", "advance_seconds") or not isinstance(value, int | float):
                raise _Mistake(f"{name}: only offset_seconds and advance_seconds can be set, to a number.")
            clock.offset_seconds = value + (clock.offset_seconds if name == "advance_seconds" else 0.0)
        return web.json_response({"offset_seconds": clock.offset_seconds, "now": clock.now().isoformat()})

    async def _reset(self, request: web.Request) -> web.StreamResponse:
        await self._network.reset()
        return web.json_response({})

    async def _idle(self, request: web.Request) -> web.StreamResponse:
        """`?wait=SECONDS` answers as soon as nothing is pending, at the latest after that long."""
        loop = asyncio.get_running_loop()
        wait = request.query.get("wait", "0")
        if not re.fullmatch(r"\d+(\.\d+)?", wait):
            raise _Mistake("wait: must be a number of seconds.")
        end = loop.time() + float(wait)
        while self._network.is_busy and loop.time() < end:
            await asyncio.sleep(_POLL_SECONDS)
        return web.json_response(
            {
                "idle": not self._network.is_busy,
                "pending": {k: n for k, n in self._network.pending.items() if n},
            }
        )

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """JSON lines as things happen. `?after=SEQ`: only later ones; `?follow=0`: only those up to now."""
        after = request.query.get("after", "0")
        if not after.isdigit():
            raise _Mistake("after: must be the seq of an event.")
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        if request.query.get("follow") == "0":
            await response.write(_lines(self._network.feed.since(int(after))))
            return response
        async for events in self._network.feed.follow(int(after), _HEARTBEAT_SECONDS):
            try:
                await response.write(_lines(events) or b"\n")
            except ConnectionError:
                break
        return response


def _forgiving(endpoint: _Endpoint) -> _Endpoint:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await endpoint(request)
        except (_Mistake, NotInService) as error:
            return web.json_response({"error": str(error)}, status=400)
        except _Engaged as error:
            return web.json_response({"error": str(error)}, status=409)

    return handle


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        value = json.loads(await request.text())
    except ValueError:
        raise _Mistake("The body must be JSON.") from None
    if not isinstance(value, dict):
        raise _Mistake("The body must be a JSON object.")
    return value


def _phone(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    phone = numbers.parse(value) if isinstance(value, str) else None
    if phone is None:
        raise _Mistake(f"{name}: {value!r} is not a phone number; write it like +919000000101.")
    return phone


def _amount(given: Mapping[str, Any], name: str) -> float | None:
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise _Mistake(f"{name}: must be a number above 0.")
    return float(value)


def _handset_row(handset: Handset) -> dict[str, object]:
    return {
        "number": handset.phone,
        **{name: getattr(handset, name) for name in (*_HANDSET_FLAGS, *_HANDSET_SECONDS)},
        "inbox": [
            {
                "sms_sid": sms.sms_sid,
                "header": sms.header,
                "body": sms.body,
                "dlt_template_id": sms.template_id,
                "at": sms.at.isoformat(),
            }
            for sms in handset.inbox
        ],
        "calls": [
            {
                "call_sid": call.call_sid,
                "to": call.exophone,
                "rang_at": call.rang_at.isoformat(),
                "ended_at": call.ended_at.isoformat(),
                "rings": call.rings,
                "answered": call.answered,
                "cost_rupees": call.cost_rupees,
                "is_incoming": call.is_incoming,
            }
            for call in handset.calls
        ],
    }


def _plan_row(plan: FaultPlan) -> dict[str, object]:
    return {"seed": plan.seed, "network": dict(plan.network), "ours": dict(plan.ours)}


def _lines(events: list[dict[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(event)}\n" for event in events).encode()
