"""The network's configuration: accounts with their ExoPhones and DLT registrations, handsets, time constants.

Example:
    {"accounts": [{"sid": "cleanwater1", "api_key": "key", "api_token": "token", "tenant_id": "1409",
                   "exophones": [{"number": "+918040001001", "flow": [
                       {"applet": "passthru", "url": "http://127.0.0.1:4566/voice/t/call", "async": true},
                       {"applet": "hangup"}]}],
                   "headers": ["CLNWTR"],
                   "dlt": {"entity_id": "1101000000000000001",
                           "templates": {"1107000000000000001": "Thank you {#var#}"}}}],
     "handsets": [{"number": "+919000000101", "is_dnd": true}]}
"""

import json
import re
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit


class ConfigError(ValueError):
    """The configuration cannot be used; the message names the place and what is wrong there."""


@dataclass(frozen=True, slots=True)
class Passthru:
    """An applet that asks our URL. `is_async`: the flow goes on at once.

    A synchronous one waits: 200 goes on, anything else takes the flow `otherwise`.
    """

    url: str
    is_async: bool = True
    otherwise: tuple["Applet", ...] = ()


@dataclass(frozen=True, slots=True)
class Hangup:
    """An applet that ends the call."""


Applet = Passthru | Hangup


@dataclass(frozen=True, slots=True)
class ExoPhone:
    """A number of an account, and the flow of applets a call to it walks through."""

    number: str
    flow: tuple[Applet, ...]
    flow_id: str


@dataclass(frozen=True, slots=True)
class Template:
    """A text registered with DLT. `headers`: those it is tied to; empty = every header of the entity."""

    text: str
    headers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Account:
    """A customer of the provider. A limit of 0 requests per minute means no limit."""

    sid: str
    api_key: str
    api_token: str
    tenant_id: str
    sms_per_minute: int
    calls_per_minute: int
    exophones: tuple[ExoPhone, ...]
    headers: frozenset[str]
    entity_id: str
    templates: dict[str, Template]


@dataclass(frozen=True, slots=True)
class HandsetSetup:
    """How a handset begins. One that is not configured is on, known, not on DND, shows its number."""

    number: str
    is_on: bool = True
    is_known: bool = True
    is_dnd: bool = False
    withholds_number: bool = False


@dataclass(frozen=True, slots=True)
class Timing:
    """Time constants, in seconds."""

    ring_seconds: float = 0.2
    """From the first ring to the first applet."""
    passthru_timeout_seconds: float = 15.0
    """SOURCE: Exotel's new portal; not confirmed by its support pages."""
    sms_seconds: float = 0.5
    """From the acceptance of an SMS to its end, on average; spread over half to one and a half times this."""
    report_timeout_seconds: float = 15.0
    """SOURCE: Exotel, "Webhooks & Callbacks": 200 within 15 s, up to two more tries."""
    report_retry_seconds: tuple[float, ...] = (300.0, 900.0)
    """SOURCE: Exotel, "Webhooks setup": further tries after 5 and 15 minutes."""
    fault_delay_seconds: float = 2.0
    """How late a delayed, held or repeated callback is."""
    hang_seconds: float = 30.0
    """How long an API request that gets no answer is kept open; ends at once when the client gives up."""
    retry_after_seconds: int = 30
    """What the 429 with Retry-After says."""


@dataclass(frozen=True, slots=True)
class Config:
    """Everything a network is started with.

    `run_id` goes into every CallSid and SmsSid: empty means a fresh one, so that two runs never share an id.
    """

    accounts: tuple[Account, ...]
    handsets: tuple[HandsetSetup, ...] = ()
    clock_offset_seconds: float = 0.0
    timing: Timing = Timing()
    run_id: str = ""


def loads(text: str | bytes) -> Config:
    """Read a configuration from JSON text.

    Raises:
        ConfigError: it is no JSON, or `parse` refuses it.
    """
    try:
        return parse(json.loads(text))
    except json.JSONDecodeError as error:
        raise ConfigError(f"The configuration is not JSON: {error}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError("The configuration is not UTF-8.") from error


def parse(value: object) -> Config:
    """Check and build a configuration.

    Raises:
        ConfigError: at the first thing that is wrong, with its place, e.g. `accounts[0].exophones[1].number`.
    """
    top = _Fields(value, "")
    accounts = tuple(_account(_Fields(item, where)) for item, where in top.items("accounts"))
    config = Config(
        accounts=accounts,
        handsets=tuple(_handset(_Fields(item, where)) for item, where in top.items("handsets", [])),
        clock_offset_seconds=top.number("clock_offset_seconds", 0.0),
        timing=_timing(_Fields(top.take("timing", {}), "timing")),
        run_id=top.text("run_id", ""),
    )
    top.finish()
    if not accounts:
        raise ConfigError("accounts: at least one account is needed.")
    _refuse_repeats("accounts: sid", [account.sid for account in accounts])
    _refuse_repeats("accounts: api_key", [account.api_key for account in accounts])
    _refuse_repeats(
        "exophones: number", [phone.number for account in accounts for phone in account.exophones]
    )
    return config


def _account(given: "_Fields") -> Account:
    dlt = _Fields(given.take("dlt", {}), f"{given.where}.dlt")
    account = Account(
        sid=given.matching("sid", r"[A-Za-z0-9_]+", "letters, digits and underscores"),
        api_key=given.matching("api_key", r"[A-Za-z0-9]+", "letters and digits"),
        api_token=given.matching("api_token", r"[A-Za-z0-9]+", "letters and digits"),
        tenant_id=given.text("tenant_id", "1409"),
        sms_per_minute=given.count("sms_per_minute", 200),
        calls_per_minute=given.count("calls_per_minute", 200),
        exophones=tuple(_exophone(_Fields(item, where)) for item, where in given.items("exophones", [])),
        headers=frozenset(
            _matched(item, where, r"[A-Za-z]{3,11}|\d{6}", "a header: 3 to 11 letters, or 6 digits")
            for item, where in given.items("headers", [])
        ),
        entity_id=dlt.text("entity_id", ""),
        templates={
            _matched(
                key, f"{dlt.where}.templates", r"\d{12,19}", "a template id of 12 to 19 digits"
            ): _template(item, f"{dlt.where}.templates.{key}")
            for key, item in _object(dlt.take("templates", {}), f"{dlt.where}.templates").items()
        },
    )
    dlt.finish()
    given.finish()
    return account


def _exophone(given: "_Fields") -> ExoPhone:
    number = given.phone("number")
    phone = ExoPhone(number, _flow(given, "flow"), given.text("flow_id", str(int(number[-5:]) + 10_000)))
    given.finish()
    return phone


def _flow(given: "_Fields", key: str, default: Any = None) -> tuple[Applet, ...]:
    return tuple(_applet(_Fields(item, where)) for item, where in given.items(key, default))


def _applet(given: "_Fields") -> Applet:
    kind = given.text("applet")
    applet: Applet
    match kind:
        case "hangup":
            applet = Hangup()
        case "passthru":
            applet = Passthru(given.url("url"), given.flag("async", True), _flow(given, "otherwise", []))
        case _:
            raise ConfigError(f"{given.where}.applet: {kind!r} is not known; known: passthru, hangup.")
    given.finish()
    return applet


def _template(value: object, where: str) -> Template:
    if isinstance(value, str):
        return Template(value)
    given = _Fields(value, where)
    headers = frozenset(
        _matched(item, place, r"\w+", "a header") for item, place in given.items("headers", [])
    )
    template = Template(given.text("text"), headers)
    given.finish()
    return template


def _handset(given: "_Fields") -> HandsetSetup:
    handset = HandsetSetup(
        number=given.phone("number"),
        is_on=given.flag("is_on", True),
        is_known=given.flag("is_known", True),
        is_dnd=given.flag("is_dnd", False),
        withholds_number=given.flag("withholds_number", False),
    )
    given.finish()
    return handset


def _timing(given: "_Fields") -> Timing:
    default = Timing()
    values: dict[str, Any] = {}
    for constant in fields(Timing):
        usual = getattr(default, constant.name)
        match usual:
            case tuple():
                values[constant.name] = tuple(
                    _seconds(item, where) for item, where in given.items(constant.name, list(usual))
                )
            case int():
                values[constant.name] = given.count(constant.name, usual)
            case _:
                values[constant.name] = _seconds(given.take(constant.name, usual), f"timing.{constant.name}")
    given.finish()
    return Timing(**values)


class _Fields:
    """One JSON object being read: each key is taken once, and keys left over are refused."""

    def __init__(self, value: object, where: str) -> None:
        self.where = where
        self._left = dict(_object(value, where or "the configuration"))

    def take(self, key: str, default: object = None) -> Any:
        if key not in self._left and default is None:
            raise ConfigError(f"{self._place(key)}: is missing.")
        return self._left.pop(key, default)

    def text(self, key: str, default: str | None = None) -> str:
        return _matched(self.take(key, default), self._place(key), r"(?s).*", "a text")

    def matching(self, key: str, pattern: str, what: str) -> str:
        return _matched(self.take(key), self._place(key), pattern, what)

    def phone(self, key: str) -> str:
        return _matched(self.take(key), self._place(key), r"\+[1-9]\d{7,14}", "a number like +918040001001")

    def url(self, key: str) -> str:
        text = self.text(key)
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"{self._place(key)}: {text!r} is no http or https address.")
        return text

    def flag(self, key: str, default: bool) -> bool:
        value = self.take(key, default)
        if not isinstance(value, bool):
            raise ConfigError(f"{self._place(key)}: must be true or false.")
        return value

    def number(self, key: str, default: float) -> float:
        value = self.take(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(f"{self._place(key)}: must be a number.")
        return float(value)

    def count(self, key: str, default: int) -> int:
        value = self.take(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ConfigError(f"{self._place(key)}: must be a whole number, 0 or more.")
        return value

    def items(self, key: str, default: Any = None) -> list[tuple[Any, str]]:
        value = self.take(key, default)
        if not isinstance(value, list):
            raise ConfigError(f"{self._place(key)}: must be a list.")
        return [(item, f"{self._place(key)}[{index}]") for index, item in enumerate(value)]

    def finish(self) -> None:
        if self._left:
            raise ConfigError(f"{self._place(sorted(self._left)[0])}: is not a known key.")

    def _place(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: must be an object.")
    return value


def _matched(value: object, where: str, pattern: str, what: str) -> str:
    if not isinstance(value, str) or re.fullmatch(pattern, value) is None:
        raise ConfigError(f"{where}: {value!r} is not {what}.")
    return value


def _seconds(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ConfigError(f"{where}: must be a number of seconds, 0 or more.")
    return float(value)


def _refuse_repeats(what: str, values: list[str]) -> None:
    if repeated := sorted({value for value in values if values.count(value) > 1}):
        raise ConfigError(f"{what} {repeated[0]} stands more than once.")
