"""The network's configuration: accounts with their ExoPhones and DLT registrations, handsets, time constants.

Example:
    {"accounts": [{"sid": "cleanwater1", "api_key": "key", "api_token": "token", "tenant_id": "1409",
                   "exophones": [{"number": "+918040001001", "flow": [
                       {"applet": "passthru", "url": "http://127.0.0.1:4566/voice/t/call", "async": true},
                       {"applet": "hangup"}]}],
                   "headers": ["CLNWTR"],
                   "dlt": {"entity_ids": ["1101000000000000001"],
                           "templates": {"1107000000000000001": "Thank you {#var#}"}}}],
     "handsets": [{"number": "+919000000101", "is_dnd": true}]}

One flow that drives any menu: our answer to the Passthru chooses the applet of each round.
    "flows": {"menu": [
        {"applet": "passthru", "url": ".../turn", "async": false, "otherwise": [{"applet": "hangup"}]},
        {"applet": "switch", "cases": {
            "gather": [{"applet": "gather", "url": ".../gather"}, {"applet": "transfer", "flow": "menu"}],
            "record": [{"applet": "voicemail", "max_seconds": 30}, {"applet": "transfer", "flow": "menu"}],
            "say": [{"applet": "greeting", "url": ".../say"}, {"applet": "transfer", "flow": "menu"}]},
         "otherwise": [{"applet": "greeting", "url": ".../say"}, {"applet": "hangup"}]}]},
    "exophones": [{"number": "+918040001002", "flow": "menu"}]
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from phone_network import flow_reading, scripts, sounds
from phone_network.applets import Flow
from phone_network.reading import ConfigError, Reader, as_object, as_seconds, matched, refuse_repeats
from phone_network.scripts import Script
from phone_network.twilio.config import TwilioAccount, read_twilio_account

__all__ = [
    "Account",
    "Config",
    "ConfigError",
    "ExoPhone",
    "HandsetSetup",
    "Template",
    "Timing",
    "loads",
    "parse",
]


@dataclass(frozen=True, slots=True)
class ExoPhone:
    """A number of an account, and the flow of applets a call to it walks through."""

    number: str
    flow: Flow
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
    entity_ids: frozenset[str]
    """The principal entities on DLT that the account may send for."""
    templates: dict[str, Template]
    flows: Mapping[str, Flow] = field(default_factory=dict)
    """By id: those the account named, and those of its ExoPhones. Transfer and the calls API go to these."""
    max_transfers: int = 100
    """How often one call may transfer before it is cut off. What the real limit is, is not known."""
    channels: int = 0
    """Calls at the same time, two-number calls counted twice; 0 = no limit. The API refuses what is more."""
    recording_type: str = sounds.MP3


@dataclass(frozen=True, slots=True)
class HandsetSetup:
    """How a handset begins. One that is not configured is on, known, not on DND, shows its number."""

    number: str
    is_on: bool = True
    is_known: bool = True
    is_dnd: bool = False
    withholds_number: bool = False
    answers: bool = True
    is_busy: bool = False
    answers_after_seconds: float = 4.0
    talks_seconds: float = 30.0
    script: Script | None = ()
    """What its holder does in a call; None = somebody acts through the controls."""


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
    fragment_timeout_seconds: float = 5.0
    """How long a Greeting, Gather, Connect or SMS URL may take. SOURCE: two integrators' field notes."""
    speech_speed: float = 100.0
    """Seconds of voice time in a second: prompts, waiting for keys, speaking, ringing of a second leg."""
    recording_ready_seconds: float = 1.0
    """From the end of a recording to its file. SOURCE: Exotel's new portal: 1 to 5 minutes."""
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
    twilio: tuple[TwilioAccount, ...] = ()
    recordings_url: str = ""
    """Where recordings are said to be; empty = at the network's own address."""
    fetches_sounds: bool = True
    """Whether sound files are fetched and checked before they are played; else each lasts five seconds."""


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
    top = Reader(value, "")
    readers = [Reader(item, where) for item, where in top.items("accounts")]
    kinds = [reader.matching("kind", "exotel|twilio", "exotel or twilio", "exotel") for reader in readers]
    accounts = tuple(_account(given) for given, kind in zip(readers, kinds, strict=True) if kind == "exotel")
    twilio = tuple(
        read_twilio_account(given) for given, kind in zip(readers, kinds, strict=True) if kind == "twilio"
    )
    config = Config(
        accounts=accounts,
        handsets=tuple(_handset(Reader(item, where)) for item, where in top.items("handsets", [])),
        clock_offset_seconds=top.number("clock_offset_seconds", 0.0),
        timing=_timing(Reader(top.take("timing", {}), "timing")),
        run_id=top.text("run_id", ""),
        twilio=twilio,
        recordings_url=top.url("recordings_url", "").rstrip("/"),
        fetches_sounds=top.flag("fetches_sounds", True),
    )
    top.finish()
    if not readers:
        raise ConfigError("accounts: at least one account is needed.")
    refuse_repeats("accounts: sid", [each.sid for each in accounts] + [each.sid for each in twilio])
    refuse_repeats("accounts: api_key", [account.api_key for account in accounts])
    refuse_repeats(
        "exophones: number",
        [phone.number for account in accounts for phone in account.exophones]
        + [phone.number for account in twilio for phone in account.numbers],
    )
    return config


def _account(given: Reader) -> Account:
    dlt = Reader(given.take("dlt", {}), f"{given.where}.dlt")
    named = {
        name: flow_reading.read_flow(Reader({name: flow}, f"{given.where}.flows"), name)
        for name, flow, _ in given.entries("flows", {})
    }
    exophones = tuple(_exophone(Reader(item, where), named) for item, where in given.items("exophones", []))
    account = Account(
        sid=given.matching("sid", r"[A-Za-z0-9_]+", "letters, digits and underscores"),
        api_key=given.matching("api_key", r"[A-Za-z0-9]+", "letters and digits"),
        api_token=given.matching("api_token", r"[A-Za-z0-9]+", "letters and digits"),
        tenant_id=given.text("tenant_id", "1409"),
        sms_per_minute=given.count("sms_per_minute", 200),
        calls_per_minute=given.count("calls_per_minute", 200),
        exophones=exophones,
        headers=frozenset(
            matched(item, where, r"[A-Za-z]{3,11}|\d{6}", "a header: 3 to 11 letters, or 6 digits")
            for item, where in given.items("headers", [])
        ),
        entity_ids=frozenset(
            matched(item, where, r"\d{12,19}", "an entity id of 12 to 19 digits")
            for item, where in dlt.items("entity_ids", [])
        ),
        templates={
            matched(
                key, f"{dlt.where}.templates", r"\d{12,19}", "a template id of 12 to 19 digits"
            ): _template(item, f"{dlt.where}.templates.{key}")
            for key, item in as_object(dlt.take("templates", {}), f"{dlt.where}.templates").items()
        },
        flows=MappingProxyType({**{phone.flow_id: phone.flow for phone in exophones}, **named}),
        max_transfers=given.count("max_transfers", 100),
        channels=given.count("channels", 0),
        recording_type=f"audio/{given.matching('recording_type', 'wav|mpeg', 'wav or mpeg', 'mpeg')}",
    )
    dlt.finish()
    given.finish()
    for flow_id, flow in account.flows.items():
        if unknown := flow_reading.targets(flow) - account.flows.keys():
            raise ConfigError(
                f"{given.where}: flow {flow_id} transfers to {min(unknown)}, which does not exist."
            )
    return account


def _exophone(given: Reader, named: Mapping[str, Flow]) -> ExoPhone:
    """Read a number whose flow stands there, or is one that the account named: `"flow": "menu"`."""
    number = given.phone("number")
    flow = given.take("flow")
    if isinstance(flow, str):
        if flow not in named:
            raise ConfigError(f"{given.place('flow')}: {flow!r} is not one of the account's flows.")
        phone = ExoPhone(number, named[flow], flow)
    else:
        applets = flow_reading.read_flow(Reader({"flow": flow}, given.where), "flow")
        phone = ExoPhone(number, applets, given.text("flow_id", str(int(number[-5:]) + 10_000)))
    given.finish()
    return phone


def _template(value: object, where: str) -> Template:
    if isinstance(value, str):
        return Template(value)
    given = Reader(value, where)
    headers = frozenset(
        matched(item, place, r"\w+", "a header") for item, place in given.items("headers", [])
    )
    template = Template(given.text("text"), headers)
    given.finish()
    return template


def _handset(given: Reader) -> HandsetSetup:
    handset = HandsetSetup(
        number=given.phone("number"),
        is_on=given.flag("is_on", True),
        is_known=given.flag("is_known", True),
        is_dnd=given.flag("is_dnd", False),
        withholds_number=given.flag("withholds_number", False),
        answers=given.flag("answers", True),
        is_busy=given.flag("is_busy", False),
        answers_after_seconds=given.seconds("answers_after_seconds", 4.0),
        talks_seconds=given.seconds("talks_seconds", 30.0),
        script=scripts.read(given, "script"),
    )
    given.finish()
    return handset


def _timing(given: Reader) -> Timing:
    default = Timing()
    values: dict[str, Any] = {}
    for constant in fields(Timing):
        usual = getattr(default, constant.name)
        match usual:
            case tuple():
                values[constant.name] = tuple(
                    as_seconds(item, where) for item, where in given.items(constant.name, list(usual))
                )
            case int():
                values[constant.name] = given.count(constant.name, usual)
            case _:
                values[constant.name] = as_seconds(
                    given.take(constant.name, usual), f"timing.{constant.name}"
                )
    given.finish()
    if values["speech_speed"] <= 0:
        raise ConfigError("timing.speech_speed: must be above 0.")
    return Timing(**values)
