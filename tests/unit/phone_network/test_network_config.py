"""A configuration is read strictly: what is wrong is named with its place."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from phone_network import config
from phone_network.applets import Hangup, Passthru
from phone_network.config import ConfigError, Template

WHOLE: dict[str, Any] = {
    "accounts": [
        {
            "sid": "cleanwater1",
            "api_key": "key1",
            "api_token": "token1",
            "tenant_id": "1409",
            "sms_per_minute": 100,
            "exophones": [
                {
                    "number": "+918040001001",
                    "flow": [
                        {
                            "applet": "passthru",
                            "url": "http://127.0.0.1:9/voice/t/missed-call",
                            "async": False,
                            "otherwise": [{"applet": "hangup"}],
                        },
                        {"applet": "hangup"},
                    ],
                }
            ],
            "headers": ["CLNWTR"],
            "dlt": {
                "entity_ids": ["1101000000000000001"],
                "templates": {
                    "1107000000000000001": "Thank you {#var#}",
                    "1107000000000000002": {"text": "Bye", "headers": ["CLNWTR"]},
                },
            },
        }
    ],
    "handsets": [{"number": "+919000000101", "is_dnd": True}],
    "clock_offset_seconds": 60,
    "timing": {"sms_seconds": 0, "report_retry_seconds": [1, 2]},
    "run_id": "r1",
}


def test_a_whole_configuration_is_read() -> None:
    read = config.loads(json.dumps(WHOLE))

    (account,) = read.accounts
    (exophone,) = account.exophones
    assert exophone.flow == (
        Passthru("http://127.0.0.1:9/voice/t/missed-call", is_async=False, otherwise=(Hangup(),)),
        Hangup(),
    )
    assert account.templates["1107000000000000001"] == Template("Thank you {#var#}")
    assert account.templates["1107000000000000002"] == Template("Bye", frozenset({"CLNWTR"}))
    assert (account.sms_per_minute, account.calls_per_minute) == (100, 200)
    assert read.handsets[0].is_dnd
    assert (read.timing.sms_seconds, read.timing.report_retry_seconds) == (0.0, (1.0, 2.0))
    assert (read.clock_offset_seconds, read.run_id) == (60.0, "r1")


def test_an_account_needs_little() -> None:
    read = config.parse({"accounts": [{"sid": "a1", "api_key": "k", "api_token": "t"}]})

    assert read.accounts[0].sms_per_minute == 200
    assert read.timing.report_retry_seconds == (300.0, 900.0)


def _account(changed: dict[str, Any]) -> dict[str, Any]:
    account: dict[str, Any] = changed["accounts"][0]
    return account


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda c: c.pop("accounts"), "accounts: is missing."),
        (lambda c: c["accounts"].clear(), "accounts: at least one account is needed."),
        (lambda c: c.update(acounts=[]), "acounts: is not a known key."),
        (lambda c: c.update(accounts={}), "accounts: must be a list."),
        (lambda c: c["accounts"].append(7), "accounts[1]: must be an object."),
        (
            lambda c: _account(c).update(api_key="a-b"),
            "accounts[0].api_key: 'a-b' is not letters and digits.",
        ),
        (
            lambda c: _account(c).update(sms_per_minute=-1),
            "accounts[0].sms_per_minute: must be a whole number, 0 or more.",
        ),
        (
            lambda c: _account(c).update(headers=["A"]),
            "accounts[0].headers[0]: 'A' is not a header: 3 to 11 letters, or 6 digits.",
        ),
        (
            lambda c: _account(c)["exophones"][0].update(number="08040001001"),
            "accounts[0].exophones[0].number: '08040001001' is not a number like +918040001001.",
        ),
        (
            lambda c: _account(c)["exophones"][0]["flow"][0].update(url="ftp://x"),
            "accounts[0].exophones[0].flow[0].url: 'ftp://x' is no http or https address.",
        ),
        (
            lambda c: _account(c)["exophones"][0]["flow"][1].update(applet="fax"),
            "accounts[0].exophones[0].flow[1].applet: 'fax' is not known; known: passthru, hangup, greeting, "
            "gather, menu, switch, voicemail, transfer, sms, connect.",
        ),
        (
            lambda c: _account(c)["exophones"].append(_account(c)["exophones"][0]),
            "exophones: number +918040001001 stands more than once.",
        ),
        (
            lambda c: _account(c)["dlt"]["templates"].update({"12": "x"}),
            "accounts[0].dlt.templates: '12' is not a template id of 12 to 19 digits.",
        ),
        (lambda c: c["handsets"][0].update(is_dnd="yes"), "handsets[0].is_dnd: must be true or false."),
        (
            lambda c: c["timing"].update(sms_seconds=-1),
            "timing.sms_seconds: must be a number of seconds, 0 or more.",
        ),
        (lambda c: c["timing"].update(sms_second=1), "timing.sms_second: is not a known key."),
        (lambda c: c.update(clock_offset_seconds="1"), "clock_offset_seconds: must be a number."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_named_with_its_place(
    spoil: Callable[[dict[str, Any]], object], sentence: str
) -> None:
    changed = copy.deepcopy(WHOLE)
    spoil(changed)

    with pytest.raises(ConfigError) as refused:
        config.parse(changed)

    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("text", "reason"), [("{", "not JSON"), (b'"\xff"', "not UTF-8"), ("[]", "must be an object")]
)
def test_what_is_no_json_object_is_refused(text: str | bytes, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        config.loads(text)
