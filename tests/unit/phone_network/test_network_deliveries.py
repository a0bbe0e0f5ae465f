"""Which requests leave for one callback, fault by fault."""

import pytest

from phone_network import deliveries
from phone_network.deliveries import Delivery, Fields
from phone_network.faults import FaultPlan

CALL: Fields = (
    ("CallSid", "c1"),
    ("From", "09000000101"),
    ("CallType", "call-attempt"),
    ("To", "08040001001"),
)
FINAL: Fields = (("SmsSid", "s1"), ("To", "09000000101"), ("Status", "sent"), ("SmsUnits", "1"))
EARLIER: Fields = (("SmsSid", "s1"), ("To", "09000000101"), ("Status", "submitted"), ("SmsUnits", "1"))
OPPOSITE: Fields = (("SmsSid", "s1"), ("To", "09000000101"), ("Status", "failed"), ("SmsUnits", "1"))


def passthru(*faults: str) -> list[Delivery]:
    return deliveries.of_passthru(FaultPlan.of(dict.fromkeys(faults, 1)), ("cause",), CALL, 2.0)


def report(*faults: str) -> list[Delivery]:
    plan = FaultPlan.of(dict.fromkeys(faults, 1))
    return deliveries.of_report(plan, ("cause",), FINAL, EARLIER, OPPOSITE, 2.0)


def values(sent: list[Delivery], name: str) -> list[str | None]:
    return [dict(delivery.fields).get(name) for delivery in sent]


def test_without_faults_one_request_leaves_at_once() -> None:
    assert passthru() == [Delivery(CALL)]
    assert report() == [Delivery(FINAL)]


def test_a_dropped_passthru_and_a_report_that_never_comes_send_nothing() -> None:
    assert passthru("passthru_drop", "passthru_duplicate") == []
    assert report("dlr_never", "dlr_duplicate") == []


def test_the_event_of_a_leg_may_be_lost_besides_faring_like_a_passthru() -> None:
    def leg(*faults: str) -> list[Delivery]:
        return deliveries.of_leg(FaultPlan.of(dict.fromkeys(faults, 1)), ("cause",), CALL, 2.0)

    assert leg() == [Delivery(CALL)]
    assert leg("leg_drop") == []
    assert leg("passthru_duplicate") == passthru("passthru_duplicate")
    assert passthru("leg_drop") == [Delivery(CALL)]


def test_duplicates_are_the_same_request_later() -> None:
    assert passthru("passthru_duplicate") == [Delivery(CALL), Delivery(CALL, 2.0), Delivery(CALL, 4.0)]
    assert report("dlr_duplicate") == [Delivery(FINAL), Delivery(FINAL, 2.0)]


def test_concurrent_copies_leave_together() -> None:
    assert passthru("passthru_concurrent") == [Delivery(CALL, copies=3)]
    assert report("dlr_concurrent") == [Delivery(FINAL, copies=3)]


def test_a_delayed_request_and_its_repeats_are_all_late() -> None:
    assert passthru("passthru_delay", "passthru_duplicate") == [
        Delivery(CALL, 2.0),
        Delivery(CALL, 4.0),
        Delivery(CALL, 6.0),
    ]
    assert report("dlr_delay") == [Delivery(FINAL, 2.0)]


def test_a_reordered_passthru_waits_for_the_next() -> None:
    assert passthru("passthru_reorder") == [Delivery(CALL, waits_for_next=True)]


def test_a_changed_repeat_differs_in_call_type_only() -> None:
    first, second = passthru("passthru_changed")

    assert first == Delivery(CALL)
    assert dict(second.fields) == {**dict(CALL), "CallType": "client-hangup"}


def test_a_terminal_can_overtake_the_ringing() -> None:
    sent = passthru("passthru_terminal_first")

    assert values(sent, "CallStatus") == ["completed", "ringing"]
    assert [delivery.after_seconds for delivery in sent] == [0.0, 2.0]


def test_two_different_terminals_can_follow() -> None:
    assert values(passthru("passthru_two_terminals"), "CallStatus") == [None, "completed", "failed"]
    assert values(report("dlr_two_terminals"), "Status") == ["sent", "failed"]


def test_the_report_of_the_state_before_can_come_last() -> None:
    assert values(report("dlr_reorder"), "Status") == ["sent", "submitted"]


def test_sparse_requests_keep_what_is_always_there() -> None:
    (call,) = passthru("passthru_sparse")
    (message,) = report("dlr_sparse")

    assert dict(call.fields).keys() == {"CallSid", "From", "To"}
    assert dict(message.fields).keys() == {"SmsSid", "To", "Status"}


@pytest.mark.parametrize("name", [name for name, _ in CALL])
def test_malformed_extras_leave_the_good_parameters_alone(name: str) -> None:
    (sent,) = passthru("passthru_malformed")

    assert [value for key, value in sent.fields if key == name] == [dict(CALL)[name]]
    assert len(sent.fields) > len(CALL)
