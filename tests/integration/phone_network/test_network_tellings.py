"""What the network counts so that a judge can hold the campaign's journal to it."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]


@pytest.mark.parametrize(
    ("fault", "requests", "tellings"),
    [
        ("passthru_duplicate", 3, 1),
        ("passthru_concurrent", 3, 1),
        ("passthru_changed", 2, 2),
        ("passthru_two_terminals", 3, 3),
        ("passthru_drop", 0, 0),
    ],
)
def test_the_same_request_again_is_the_same_telling_and_another_one_is_not(
    serve: Callable[..., Any], fault: str, requests: int, tellings: int
) -> None:
    network = serve(faults={fault: 1})
    network.ring()
    network.wait_until_idle()

    (call,) = network.control("calls")["calls"]
    assert (requests, tellings) == (call["requests_accepted"], call["tellings_accepted"])


def test_a_telling_that_was_not_taken_is_not_counted(serve: Callable[..., Any], our_side: Any) -> None:
    our_side.statuses += [200, 503]
    network = serve(faults={"passthru_changed": 1})
    network.ring()
    network.wait_until_idle()

    (call,) = network.control("calls")["calls"]
    assert call["tellings_accepted"] == 1


@pytest.mark.parametrize(
    ("fault", "answers"),
    [
        ("passthru_duplicate", [[("one", 0), ("two", 0), ("two", 0)]]),
        ("passthru_retry", [[("one", 0), ("two", 0)]]),
        ("passthru_timeout", [[("one", 0)]]),
        ("passthru_drop", [[]]),
    ],
)
def test_every_answer_to_a_passthru_is_kept_also_those_that_the_flow_waits_for_in_vain(
    serve: Callable[..., Any], our_side: Any, fault: str, answers: list[list[tuple[str, int]]]
) -> None:
    told = iter(("one", "two", "two"))
    our_side.pages["/turn"] = lambda request: (200, "text/plain", next(told))
    flow = [{"applet": "passthru", "url": f"{our_side.url}/turn", "async": False}, {"applet": "hangup"}]
    network = serve(faults={fault: 1}, exophones=[{"number": "+918040001001", "flow": flow}])
    network.ring()
    network.wait_until_idle()

    (call,) = network.control("calls?whole=1")["calls"]
    found = [[(each["body"], each["behind"]) for each in requests] for requests in call["answers"]]
    assert found == answers
    assert len([entry for entry in call["log"] if entry["event"] == "told"]) == 1


def test_a_repeat_tells_how_many_later_passthrus_had_been_answered(
    serve: Callable[..., Any], our_side: Any
) -> None:
    passthru = {"applet": "passthru", "url": f"{our_side.url}/turn", "async": False}
    network = serve(
        faults={"passthru_duplicate": 1},
        exophones=[{"number": "+918040001001", "flow": [passthru, passthru, {"applet": "hangup"}]}],
    )
    network.ring()
    network.wait_until_idle()

    (call,) = network.control("calls?whole=1")["calls"]
    assert [[each["behind"] for each in requests] for requests in call["answers"]] == [[0, 1, 1], [0, 0, 0]]


def test_the_summary_says_how_often_each_fault_has_struck(serve: Callable[..., Any]) -> None:
    network = serve(faults={"passthru_duplicate": 1, "passthru_drop": 0.000001})
    for nth in range(3):
        network.ring(f"+9190000{nth}0101")
    network.wait_until_idle()

    assert network.control("summary")["faults"] == {"passthru_duplicate": 3}


def test_an_account_may_send_for_several_principal_entities(
    serve: Callable[..., Any], a_form: Callable[..., dict[str, Any]]
) -> None:
    entities = ["1101000000000000001", "1101000000000000002"]
    network = serve(dlt={"entity_ids": entities, "templates": {"1107000000000000001": "Thank you {#var#}"}})
    for nth, entity in enumerate([*entities, "1101000000000000003"]):
        network.exotel("Sms/send.json", a_form(To=f"+9190000{nth}0101", DltEntityId=entity))
    network.wait_until_idle()

    ends = [sms["detailed_status"] for sms in network.control("messages")["messages"]]
    assert ends == ["DELIVERED_TO_HANDSET", "DELIVERED_TO_HANDSET", "DLT_ENTITY_NOT_FOUND"]
