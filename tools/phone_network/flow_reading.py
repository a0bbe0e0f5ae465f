"""Reading a flow of applets from the configuration: strictly, and with the orders between applets checked."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from phone_network.applets import (
    LONGEST_CONVERSATION_SECONDS,
    LONGEST_RINGING_SECONDS,
    LONGEST_VOICEMAIL_SECONDS,
    Applet,
    Connect,
    ConnectOrder,
    Flow,
    Gather,
    GatherOrder,
    Greeting,
    Hangup,
    Menu,
    Passthru,
    Prompt,
    SmsReply,
    Switch,
    Transfer,
    Voicemail,
)
from phone_network.reading import PHONE, ConfigError, Reader, matched


def read_flow(given: Reader, key: str, default: Any = None) -> Flow:
    """Take a flow: `[{"applet": "passthru", "url": ...}, {"applet": "hangup"}]`.

    Raises:
        ConfigError: an applet is not known, is set up wrongly, or stands where it cannot work.
    """
    flow: list[Applet] = []
    for item, where in given.items(key, default):
        applet = _applet(Reader(item, where))
        if isinstance(applet, Switch) and not _decides(flow):
            raise ConfigError(f"{where}: a switch must come right after a passthru that is not async.")
        flow.append(applet)
    return tuple(flow)


def targets(flow: Flow) -> frozenset[str]:
    """Return the ids of the flows that a flow may transfer to, its branches included."""
    found: set[str] = set()
    for applet in flow:
        match applet:
            case Transfer(target):
                found.add(target)
            case Menu(options=branches, otherwise=otherwise) | Switch(cases=branches, otherwise=otherwise):
                found = found.union(targets(otherwise), *map(targets, branches.values()))
            case Passthru(otherwise=otherwise) | Connect(otherwise=otherwise):
                found |= targets(otherwise)
            case _:
                pass
    return frozenset(found)


def _decides(flow: list[Applet]) -> bool:
    return bool(flow) and isinstance(flow[-1], Passthru) and not flow[-1].is_async


def _applet(given: Reader) -> Applet:
    kind = given.text("applet")
    if kind not in _KINDS:
        raise ConfigError(f"{given.where}.applet: {kind!r} is not known; known: {', '.join(_KINDS)}.")
    applet = _KINDS[kind](given)
    given.finish()
    return applet


def _passthru(given: Reader) -> Applet:
    return Passthru(given.url("url"), given.flag("async", True), read_flow(given, "otherwise", []))


def _hangup(given: Reader) -> Applet:
    return Hangup()


def _greeting(given: Reader) -> Applet:
    if _one_of(given, "prompt", "url") == "url":
        return Greeting(url=given.url("url"))
    return Greeting(prompts=(_prompt(given.take("prompt"), given.place("prompt")),))


def _gather(given: Reader) -> Applet:
    if _one_of(given, "prompt", "url") == "url":
        return Gather(url=given.url("url"), fallback_url=given.url("fallback_url", ""))
    return Gather(_order(given, GatherOrder(Prompt())))


def _menu(given: Reader) -> Applet:
    # SOURCE: Exotel's portal, "IVR Menu": keys 0-9, * and #.
    order = _order(given, GatherOrder(Prompt(), repeat_menu=2))
    if order.max_input_digits != 1 or order.finish_on_key:
        raise ConfigError(f"{given.where}: a menu takes one key and no finish_on_key.")
    options = {key: _branch(flow, where) for key, flow, where in given.entries("options")}
    for key in options:
        matched(key, given.place("options"), r"[0-9*#]", "a key: 0 to 9, * or #")
    return Menu(order, MappingProxyType(options), read_flow(given, "otherwise", []))


def _switch(given: Reader) -> Applet:
    cases = {name: _branch(flow, where) for name, flow, where in given.entries("cases")}
    return Switch(MappingProxyType(cases), read_flow(given, "otherwise", []))


def _voicemail(given: Reader) -> Applet:
    prompt = _prompt(given.take("prompt"), given.place("prompt")) if "prompt" in given else None
    return Voicemail(prompt, given.seconds("max_seconds", LONGEST_VOICEMAIL_SECONDS))


def _transfer(given: Reader) -> Applet:
    return Transfer(given.text("flow"))


def _sms(given: Reader) -> Applet:
    if _one_of(given, "text", "url") == "url":
        return SmsReply(url=given.url("url"))
    return SmsReply(
        given.text("text"), "", given.text("dlt_entity_id", ""), given.text("dlt_template_id", "")
    )


def _connect(given: Reader) -> Applet:
    how = _one_of(given, "numbers", "dial_whom_url", "url")
    order = None
    if how == "numbers":
        order = ConnectOrder(
            numbers=tuple(
                matched(item, where, PHONE, "a number like +918040001001")
                for item, where in given.items("numbers")
            ),
            record=given.flag("record", False),
            max_ringing_seconds=given.seconds("max_ringing_duration", LONGEST_RINGING_SECONDS),
            max_conversation_seconds=given.seconds("max_conversation_duration", LONGEST_CONVERSATION_SECONDS),
        )
    return Connect(
        order,
        dial_whom_url=given.url("dial_whom_url") if how == "dial_whom_url" else "",
        url=given.url("url") if how == "url" else "",
        fallback_url=given.url("fallback_url", "") if how == "url" else "",
        whisper_url=given.url("whisper_url", ""),
        popup_url=given.url("popup_url", ""),
        otherwise=read_flow(given, "otherwise", []),
    )


def _order(given: Reader, usual: GatherOrder) -> GatherOrder:
    return GatherOrder(
        prompt=_prompt(given.take("prompt"), given.place("prompt")),
        max_input_digits=given.count("max_input_digits", usual.max_input_digits),
        finish_on_key=given.matching("finish_on_key", r"[0-9*#]?", "a key or empty", usual.finish_on_key),
        input_timeout=given.seconds("input_timeout", usual.input_timeout),
        repeat_menu=given.count("repeat_menu", usual.repeat_menu),
        repeat_prompt=(
            _prompt(given.take("repeat_prompt"), given.place("repeat_prompt"))
            if "repeat_prompt" in given
            else None
        ),
    )


def _prompt(value: object, where: str) -> Prompt:
    if isinstance(value, str) and value:
        return Prompt(text=value)
    given = Reader(value, where)
    how = _one_of(given, "text", "audio_url")
    prompt = Prompt(text=given.text("text")) if how == "text" else Prompt(audio_url=given.url("audio_url"))
    given.finish()
    return prompt


def _branch(flow: object, where: str) -> Flow:
    parent, _, key = where.rpartition(".")
    return read_flow(Reader({key: flow}, parent), key)


def _one_of(given: Reader, *keys: str) -> str:
    there = [key for key in keys if key in given]
    if len(there) != 1:
        raise ConfigError(f"{given.where}: needs one of {', '.join(keys)}, and only one.")
    return there[0]


_KINDS: Mapping[str, Callable[[Reader], Applet]] = MappingProxyType(
    {
        "passthru": _passthru,
        "hangup": _hangup,
        "greeting": _greeting,
        "gather": _gather,
        "menu": _menu,
        "switch": _switch,
        "voicemail": _voicemail,
        "transfer": _transfer,
        "sms": _sms,
        "connect": _connect,
    }
)
