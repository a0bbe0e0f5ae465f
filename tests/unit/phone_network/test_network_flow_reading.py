"""A flow is read strictly: every applet, the order between applets, and where a transfer goes."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from phone_network import config
from phone_network.applets import (
    Connect,
    ConnectOrder,
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
from phone_network.config import ConfigError

URL = "http://127.0.0.1:9/x"
FLOW: list[dict[str, Any]] = [
    {"applet": "greeting", "prompt": "Welcome"},
    {"applet": "greeting", "url": URL},
    {"applet": "gather", "prompt": {"audio_url": URL}, "max_input_digits": 2, "repeat_prompt": "Again"},
    {"applet": "gather", "url": URL, "fallback_url": URL},
    {"applet": "menu", "prompt": "1 or 2", "options": {"1": [{"applet": "hangup"}]}},
    {"applet": "passthru", "url": URL, "async": False},
    {"applet": "switch", "cases": {"again": [{"applet": "transfer", "flow": "menu"}]}},
    {"applet": "voicemail", "max_seconds": 30},
    {"applet": "sms", "text": "Thanks", "dlt_template_id": "1107000000000000001"},
    {"applet": "connect", "numbers": ["+919000000201"], "max_ringing_duration": 20},
]


def a_config(flow: list[dict[str, Any]]) -> dict[str, Any]:
    account = {"sid": "a1", "api_key": "k", "api_token": "t", "flows": {"menu": flow}}
    return {"accounts": [{**account, "exophones": [{"number": "+918040001001", "flow": "menu"}]}]}


def test_every_applet_is_read() -> None:
    (account,) = config.parse(a_config(FLOW)).accounts

    assert account.flows["menu"] == (
        Greeting((Prompt("Welcome"),)),
        Greeting(url=URL),
        Gather(GatherOrder(Prompt(audio_url=URL), 2, repeat_prompt=Prompt("Again"))),
        Gather(url=URL, fallback_url=URL),
        Menu(GatherOrder(Prompt("1 or 2"), repeat_menu=2), {"1": (Hangup(),)}),
        Passthru(URL, is_async=False),
        Switch({"again": (Transfer("menu"),)}),
        Voicemail(max_seconds=30.0),
        SmsReply("Thanks", template_id="1107000000000000001"),
        Connect(ConnectOrder(("+919000000201",), max_ringing_seconds=20.0)),
    )
    assert account.exophones[0].flow == account.flows["menu"]
    assert (account.exophones[0].flow_id, account.max_transfers) == ("menu", 100)


def test_a_number_with_a_flow_of_its_own_can_be_transferred_to() -> None:
    given = a_config([{"applet": "transfer", "flow": "11001"}])
    given["accounts"][0]["exophones"] = [{"number": "+918040001001", "flow": [{"applet": "hangup"}]}]

    assert config.parse(given).accounts[0].flows["11001"] == (Hangup(),)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda f: f[0].pop("prompt"), "[0]: needs one of prompt, url, and only one."),
        (lambda f: f[1].update(prompt="Hi"), "[1]: needs one of prompt, url, and only one."),
        (lambda f: f[1].update(url="x"), "[1].url: 'x' is no http or https address."),
        (lambda f: f[2].update(finish_on_key="##"), "[2].finish_on_key: '##' is not a key or empty."),
        (
            lambda f: f[2].update(prompt={"text": "a", "audio_url": URL}),
            "[2].prompt: needs one of text, audio_url, and only one.",
        ),
        (lambda f: f[4].update(options={"10": []}), "[4].options: '10' is not a key: 0 to 9, * or #."),
        (lambda f: f[4].update(finish_on_key="#"), "[4]: a menu takes one key and no finish_on_key."),
        (
            lambda f: f[4]["options"].update({"2": [{"applet": "fly"}]}),
            "[4].options.2[0].applet: 'fly' is not known; ",
        ),
        (
            lambda f: f[5].update({"async": True}),
            "[6]: a switch must come right after a passthru that is not async.",
        ),
        (lambda f: f.pop(5), "[5]: a switch must come right after a passthru that is not async."),
        (lambda f: f[7].update(seconds=3), "[7].seconds: is not a known key."),
        (lambda f: f[8].update(url=URL), "[8]: needs one of text, url, and only one."),
        (lambda f: f[9].update(numbers=["12"]), "[9].numbers[0]: '12' is not a number like +918040001001."),
    ],
)
def test_what_is_wrong_is_named_with_its_place(spoil: Callable[[Any], object], sentence: str) -> None:
    flow = copy.deepcopy(FLOW)
    spoil(flow)

    with pytest.raises(ConfigError) as refused:
        config.parse(a_config(flow))

    assert str(refused.value).startswith(f"accounts[0].flows.menu{sentence}")


def test_a_transfer_needs_a_flow_to_go_to() -> None:
    inner = [{"applet": "transfer", "flow": "nowhere"}]
    flow = [{"applet": "menu", "prompt": "1", "options": {}, "otherwise": inner}]

    with pytest.raises(ConfigError, match="flow menu transfers to nowhere, which does not exist"):
        config.parse(a_config(flow))


def test_a_number_cannot_have_a_flow_that_is_not_there() -> None:
    given = a_config(FLOW)
    given["accounts"][0]["exophones"][0]["flow"] = "other"

    with pytest.raises(ConfigError, match=r"exophones\[0\].flow: 'other' is not one of the account's flows"):
        config.parse(given)
