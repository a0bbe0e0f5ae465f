"""How an accepted SMS ends: the sender's mistakes first, then the person's state, then the day's luck."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from phone_network import config, operators
from phone_network.faults import FaultPlan
from phone_network.handsets import Handset
from phone_network.messages import Sms, Stage

ENTITY = "1101000000000000001"
TEMPLATE = "1107000000000000001"
TIED = "1107000000000000002"
ACCOUNT = config.parse(
    {
        "accounts": [
            {
                "sid": "a1",
                "api_key": "k",
                "api_token": "t",
                "headers": ["CLNWTR", "OTHERS"],
                "dlt": {
                    "entity_ids": [ENTITY],
                    "templates": {
                        TEMPLATE: "Thank you {#var#}",
                        TIED: {"text": "Bye", "headers": ["OTHERS"]},
                    },
                },
            }
        ]
    }
).accounts[0]


def an_sms(**changes: Any) -> Sms:
    sms = Sms(
        sid="s1",
        account_sid="a1",
        exophone="+918040001001",
        header="CLNWTR",
        to="+919000000101",
        body="Thank you Asha",
        entity_id=ENTITY,
        template_id=TEMPLATE,
        sms_type="transactional",
        custom_field="",
        status_callback="",
        report_type="",
        units=1,
        nth=1,
        created_at=datetime(2026, 1, 5, tzinfo=UTC),
    )
    return replace(sms, **changes)


def verdict(sms: Sms, handset: Handset | None = None, fault: str | None = None) -> Stage:
    plan = FaultPlan.of({fault: 1} if fault else {})
    return operators.verdict(sms, ACCOUNT, handset or Handset(sms.to), plan)


def test_a_text_in_order_is_delivered() -> None:
    assert verdict(an_sms()) is Stage.DELIVERED_TO_HANDSET


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"entity_id": ""}, 23070),
        ({"entity_id": "1101000000000000009"}, 23281),
        ({"template_id": ""}, 23082),
        ({"template_id": "1107000000000000009"}, 23182),
        ({"template_id": TIED, "body": "Bye"}, 23080),
        ({"body": "Thank  you Asha"}, 23185),
        ({"to": "+912249360001"}, 23010),
    ],
    ids=[
        "no entity",
        "other entity",
        "no template",
        "unknown template",
        "other header",
        "other text",
        "landline",
    ],
)
def test_a_mistake_of_the_sender_fails_by_its_own_code(changes: dict[str, Any], code: int) -> None:
    assert verdict(an_sms(**changes)).code == code


def test_dlt_rules_end_at_the_border() -> None:
    assert verdict(an_sms(to="+447911123456", entity_id="", template_id="")) is Stage.DELIVERED_TO_HANDSET


@pytest.mark.parametrize(
    ("handset", "code"),
    [(Handset("+919000000101", is_known=False), 23040), (Handset("+919000000101", is_on=False), 23050)],
    ids=["unknown", "off"],
)
def test_the_state_of_the_handset_decides(handset: Handset, code: int) -> None:
    assert verdict(an_sms(), handset).code == code


@pytest.mark.parametrize(
    ("sms_type", "code"),
    [("promotional", 23005), ("", 23005), ("transactional", 20005), ("transactional_opt_in", 20005)],
)
def test_dnd_stops_what_is_not_transactional(sms_type: str, code: int) -> None:
    assert verdict(an_sms(sms_type=sms_type), Handset("+919000000101", is_dnd=True)).code == code


@pytest.mark.parametrize(
    ("fault", "codes"),
    [
        ("sms_dnd", {23005}),
        ("sms_unknown_subscriber", {23040}),
        ("sms_expired", {23050}),
        ("sms_operator_error", {24110}),
        ("sms_dlt_rejected", {23080, 23083, 23183, 23185}),
    ],
)
def test_a_fault_ends_a_text_in_order(fault: str, codes: set[int]) -> None:
    assert verdict(an_sms(), fault=fault).code in codes
