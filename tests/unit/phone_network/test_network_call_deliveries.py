"""What is sent for a fragment, for the end of a call, and how digits are spelt, under a fault plan."""

import pytest

from phone_network import deliveries
from phone_network.dialling import ring
from phone_network.faults import FaultPlan
from phone_network.handsets import Handset

FIELDS = (("CallSid", "c1"), ("digits", '"12"'))


@pytest.mark.parametrize(
    ("fault", "shape"),
    [
        ("", [(0.0, 1, False)]),
        ("fragment_drop", []),
        ("fragment_delay", [(2.0, 1, False)]),
        ("fragment_concurrent", [(0.0, 3, False)]),
        ("fragment_reorder", [(0.0, 1, True)]),
        ("fragment_duplicate", [(0.0, 1, False), (2.0, 1, False), (4.0, 1, False)]),
    ],
)
def test_a_fragment_is_asked_for(fault: str, shape: list[tuple[float, int, bool]]) -> None:
    plan = FaultPlan.of({fault: 1} if fault else {})
    sent = deliveries.of_fragment(plan, ("cause",), FIELDS, 2.0)

    assert [(each.after_seconds, each.copies, each.waits_for_next) for each in sent] == shape
    assert all(each.fields == FIELDS for each in sent)


@pytest.mark.parametrize(
    ("fault", "shape"),
    [
        ("", [(0.0, 1)]),
        ("status_never", []),
        ("status_delay", [(2.0, 1)]),
        ("status_concurrent", [(0.0, 3)]),
        ("status_duplicate", [(0.0, 1), (2.0, 1)]),
    ],
)
def test_the_end_of_a_call_is_told(fault: str, shape: list[tuple[float, int]]) -> None:
    plan = FaultPlan.of({fault: 1} if fault else {})
    sent = deliveries.of_status(plan, ("cause",), FIELDS, 2.0)

    assert [(each.after_seconds, each.copies) for each in sent] == shape


def test_digits_keep_their_keys_in_every_spelling() -> None:
    plan = FaultPlan.of({"digits_spelling": 1})
    spelt = {dict(deliveries.respelt(plan, (n,), FIELDS))["digits"] for n in range(60)}

    assert spelt == {"12", '"12 "', ' "12" ', '" 12"'}


def test_digits_that_are_absent_are_so_in_every_spelling() -> None:
    plan = FaultPlan.of({"digits_spelling": 1})
    spelt = {dict(deliveries.respelt(plan, (n,), FIELDS[:1]))["digits"] for n in range(60)}

    assert spelt == {"", "null", '""', '"null"'}


def test_without_the_fault_digits_stay_as_they_are() -> None:
    assert deliveries.respelt(FaultPlan(), ("cause",), FIELDS) == FIELDS


@pytest.mark.parametrize(
    ("handset", "status", "seconds", "cause"),
    [
        (Handset("+919000000201"), "completed", 4.0, 16),
        (Handset("+919000000201", is_busy=True), "busy", 1.0, 17),
        (Handset("+919000000201", answers=False), "no-answer", 20.0, 1003),
        (Handset("+919000000201", answers_after_seconds=21), "no-answer", 20.0, 1003),
        (Handset("+919000000201", is_on=False, is_busy=True), "failed", 1.0, 20),
        (Handset("+919000000201", is_known=False), "failed", 1.0, 1),
    ],
)
def test_ringing_ends_as_the_handset_has_it(
    handset: Handset, status: str, seconds: float, cause: int
) -> None:
    rung = ring(handset, 20.0)

    assert (rung.status, rung.seconds, rung.cause) == (status, seconds, cause)
    assert rung.is_answered == (status == "completed")
