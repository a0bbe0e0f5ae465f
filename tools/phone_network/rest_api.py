"""Exotel's REST API: whoever calls it, with what, what is refused, and the misfortunes of the line.

Paths are under `/v1/Accounts/{sid}/`. There is no listing of SMS, as there is none in the real API.
"""

import asyncio
import socket
import struct
from base64 import b64decode
from collections.abc import Awaitable, Callable
from hmac import compare_digest

from aiohttp import web

from phone_network import call_form, call_listing, sms_form
from phone_network.answers import RestError, failure, success
from phone_network.calls import Call
from phone_network.faults import FaultPlan
from phone_network.messages import Sms
from phone_network.network import Books, Network
from phone_network.sms_form import SmsOrder

_Endpoint = Callable[[web.Request, Books], Awaitable[web.StreamResponse]]

_ABSENT_ACCOUNT = "Account sid is missing from the address, or may not be used with this key"


class RestApi:
    """The endpoints, over one network."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def routes(self) -> list[web.RouteDef]:
        """Return what the server must route here."""
        account = r"/v1/Accounts/{account}"
        return [
            web.post(account + r"/Sms/send{suffix:(\.json)?}", self._door(self._send)),
            web.get(account + r"/SMS/Messages/{sid:[^/.]+}{suffix:(\.json)?}", self._door(self._sms)),
            web.post(account + r"/Calls/connect{suffix:(\.json)?}", self._door(self._connect)),
            web.get(account + r"/Calls{suffix:(\.json)?}", self._door(self._calls)),
            web.get(account + r"/Calls/{sid:[^/.]+}{suffix:(\.json)?}", self._door(self._call)),
            web.post(account + r"/{resource:(?i:sms)}{rest:(/.*)?}", self._door(_no_such_action)),
            web.get(account + r"/{resource:(?i:sms)}{rest:(/.*)?}", self._door(_no_such_listing)),
            web.route("*", account + r"{rest:(/.*)?}", self._door(_no_such_resource)),
            web.route("*", r"/v{version:[^/]+}{rest:(/.*)?}", _malformed_address),
        ]

    def _door(self, endpoint: _Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                return await endpoint(request, authenticate(request, self._network))
            except RestError as error:
                return failure(request.path, error)

        return handle

    async def _send(self, request: web.Request, books: Books) -> web.StreamResponse:
        books.requests.add(asyncio.get_running_loop().time())
        fields = await sms_form.fields_of(request)
        plan = self._network.plan
        wanted = (fields.get("From", [""])[-1], sms_form.recipients(fields), fields.get("Body", [""])[-1])
        cause = (*wanted, books.attempt("send", *wanted))
        if lost := _lost(plan, "before", cause):
            return await self._lose(request, lost)
        _refuse_by_fault(plan, cause, self._network.config.timing.retry_after_seconds)
        if not books.sms_posts.admits(asyncio.get_running_loop().time()):
            raise RestError(429, "Too many requests", 40402)
        order = sms_form.check(fields, books.account)
        accepted = [self._accept(order, to, books) for to in order.recipients]
        lost = _lost(plan, "after", cause)
        reached = not lost and request.transport is not None
        for sms in accepted:
            sms.answer_reached_client = reached
        if lost:
            return await self._lose(request, lost)
        messages = [{"SMSMessage": sms.to_api()} for sms in accepted]
        return success(request.path, messages[0] if len(messages) == 1 else messages)

    def _accept(self, order: SmsOrder, to: str, books: Books) -> Sms:
        sms = order.to_sms(to, books, self._network.run_id, self._network.clock.now())
        self._network.accept_sms(sms)
        return sms

    async def _lose(self, request: web.Request, how: str) -> web.StreamResponse:
        """Give no answer: keep the client waiting until it gives up, or reset the connection at once."""
        if how == "timeout":
            end = asyncio.get_running_loop().time() + self._network.config.timing.hang_seconds
            while request.transport is not None and asyncio.get_running_loop().time() < end:
                await asyncio.sleep(0.05)
        _reset(request)
        return web.Response(status=500)

    async def _sms(self, request: web.Request, books: Books) -> web.StreamResponse:
        if not books.sms_gets.admits(asyncio.get_running_loop().time()):
            raise RestError(429, "Too many requests", 40403)
        sms = books.messages.find(request.match_info["sid"])
        if sms is None:
            return success(request.path, {"RestException": {"Status": 200, "Message": "No matching results"}})
        return success(request.path, {"SMSMessage": sms.to_api()})

    async def _connect(self, request: web.Request, books: Books) -> web.StreamResponse:
        fields = await sms_form.fields_of(request)
        plan = self._network.plan
        wanted = tuple(fields.get(name, [""])[-1] for name in ("From", "To", "Url", "CallerId"))
        cause = ("call", *wanted, books.attempt("call", *wanted))
        if lost := _lost(plan, "before", cause):
            return await self._lose(request, lost)
        _refuse_by_fault(plan, cause, self._network.config.timing.retry_after_seconds)
        if not books.call_posts.admits(asyncio.get_running_loop().time()):
            raise RestError(429, "Too many requests")
        order = call_form.check(fields, books.account)
        if not books.has_channels(2 if order.to else 1):
            raise RestError(429, "Too many simultaneous calls")
        call = self._network.make_call(books.account, order)
        if lost := _lost(plan, "after", cause):
            return await self._lose(request, lost)
        return success(request.path, {"Call": _shown(call, request)})

    async def _calls(self, request: web.Request, books: Books) -> web.StreamResponse:
        self._admit_call_request(books)
        return success(
            request.path, call_listing.page(request, books, self._network.plan, self._network.clock.now())
        )

    async def _call(self, request: web.Request, books: Books) -> web.StreamResponse:
        self._admit_call_request(books)
        call = books.calls.find(request.match_info["sid"])
        if call is None:
            raise RestError(404, "No matching results")
        return success(request.path, {"Call": _shown(call, request)})

    def _admit_call_request(self, books: Books) -> None:
        if not books.call_gets.admits(asyncio.get_running_loop().time()):
            raise RestError(429, "Too many requests")


def _shown(call: Call, request: web.Request) -> dict[str, object]:
    shown = call.to_api()
    if request.query.get("details") == "true":
        shown["Details"] = call.to_details()
    return shown


def authenticate(request: web.Request, network: Network) -> Books:
    """Return the books of the account that a request is for.

    Raises:
        RestError: its key or token is malformed (400), wrong (401), or another account's (403).
    """
    key, token = _credentials(request.headers.get("Authorization", ""))
    if not (key.isascii() and key.isalnum() and token.isascii() and token.isalnum()):
        raise RestError(400, "The key or token is not alphanumeric", 34001)
    books = next((each for each in network.books.values() if each.account.api_key == key), None)
    if books is None or not compare_digest(books.account.api_token, token):
        raise RestError(401, "Authentication is required to access this resource", 34010)
    if request.match_info["account"] != books.account.sid:
        raise RestError(403, _ABSENT_ACCOUNT, 34009)
    return books


def _credentials(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic" or not encoded:
        raise RestError(401, "Authentication is required to access this resource")
    try:
        key, colon, token = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        key = colon = token = ""
    if not colon:
        raise RestError(401, "Authentication is required to access this resource")
    return key, token


def _lost(plan: FaultPlan, when: str, cause: tuple[object, ...]) -> str | None:
    return next((how for how in ("timeout", "reset") if plan.strikes(f"api_{how}_{when}", *cause)), None)


def _refuse_by_fault(plan: FaultPlan, cause: tuple[object, ...], retry_after_seconds: int) -> None:
    """Raise the error that the plan has for this request, if any. Nothing has been sent yet."""
    broken = (
        RestError(500, "Internal server error", 35000),
        RestError(503, "Throttle limit exceeded", 40405),
        RestError(502, "502 Bad Gateway", html=True),
    )
    refusals = {
        "api_unauthorised": RestError(401, "Authentication is required to access this resource", 34010),
        "api_payment_required": RestError(402, "Payment required"),
        "api_no_balance": RestError(403, "Insufficient account balance", 40001),
        "api_inactive": RestError(403, "Account inactive", 40002),
        "api_429": RestError(429, "Too many requests", 40402),
        "api_429_retry_after": RestError(
            429, "Too many requests", 40402, {"Retry-After": str(retry_after_seconds)}
        ),
        "api_5xx": broken[int(plan.share("broken", *cause) * len(broken))],
    }
    for fault, error in refusals.items():
        if plan.strikes(fault, *cause):
            raise error


def _reset(request: web.Request) -> None:
    if request.transport is None:
        return
    connection = request.transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()


async def _no_such_action(request: web.Request, books: Books) -> web.StreamResponse:
    raise RestError(405, "Method not allowed on this resource", 40502)


async def _no_such_listing(request: web.Request, books: Books) -> web.StreamResponse:
    raise RestError(400, "Invalid parameters", 40500)


async def _no_such_resource(request: web.Request, books: Books) -> web.StreamResponse:
    raise RestError(404, "The requested resource was not found")


async def _malformed_address(request: web.Request) -> web.StreamResponse:
    error = RestError(400, "Unsupported API version")
    if request.match_info["version"] == "1":
        error = RestError(400, "/Accounts/ is missing from the address")
    return failure(request.path, error)
