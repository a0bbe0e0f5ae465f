"""The published client, exotelpy 0.1.1, against the network."""

from collections.abc import Callable
from typing import Any

import exotelpy
import pytest

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


def send(stage: Any, *, token: str = "token1", **changes: Any) -> Any:
    client = exotelpy.Exotel(sid="cleanwater1", key="key1", token=token, baseurl=stage.url)
    asked: dict[str, Any] = {
        "from_": "CLNWTR",
        "to": ["+919000000101"],
        "body": "Thank you Asha",
        "dlt_entity_id": "1101000000000000001",
        "dlt_template_id": "1107000000000000001",
        "sms_type": "transactional",
        **changes,
    }
    return client.send_bulk_sms(**asked)


def test_it_sends_an_sms_and_reads_its_state(serve: Callable[..., Any]) -> None:
    stage = serve()
    sent = send(stage)
    stage.wait_until_idle()
    client = exotelpy.Exotel(sid="cleanwater1", key="key1", token="token1", baseurl=stage.url)

    assert sent["SMSMessage"]["Status"] == "queued"
    details = client.get_sms_details(sent["SMSMessage"]["Sid"])
    assert details["SMSMessage"]["DetailedStatus"] == "DELIVERED_TO_HANDSET"
    assert len(stage.control("handsets/+919000000101")["inbox"]) == 1


def test_its_way_to_write_two_recipients_reaches_the_last_one_only(serve: Callable[..., Any]) -> None:
    """It repeats `To`; how Exotel reads that is not known, so the network reads it as PHP does."""
    stage = serve()
    send(stage, to=["+919000000101", "+919000000102"])

    assert [row["to"] for row in stage.control("messages")["messages"]] == ["+919000000102"]


def test_it_takes_a_server_error_for_a_success(serve: Callable[..., Any]) -> None:
    """Why nobody should send through it unwrapped: a 500 with a JSON body is returned like an answer."""
    stage = serve(faults={"api_5xx": 1})
    answers = []
    for index in range(12):
        try:
            answers.append(send(stage, body=f"Thank you {index}"))
        except ValueError:
            answers.append("no JSON")

    assert "no JSON" in answers
    assert {answer["RestException"]["Status"] for answer in answers if answer != "no JSON"} == {500, 503}


def test_it_maps_a_refusal_to_its_own_error(serve: Callable[..., Any]) -> None:
    with pytest.raises(exotelpy.ValidationError, match="From is not a sender id"):
        send(serve(), from_="STRNGR")
