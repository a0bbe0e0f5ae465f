"""The number shapes that Exotel takes and gives."""

import pytest

from phone_network import numbers


@pytest.mark.parametrize(
    "written", ["09000000101", "9000000101", "919000000101", "+919000000101"], ids=["0", "bare", "91", "+91"]
)
def test_the_shapes_of_an_indian_number_are_one_number(written: str) -> None:
    assert numbers.parse(written) == "+919000000101"


@pytest.mark.parametrize(
    "written",
    ["", "112", "90000001", "0919000000101", " 9000000101", "90000O0101", "+0919000000101", "anonymous"],
)
def test_what_no_network_could_route_is_no_number(written: str) -> None:
    assert numbers.parse(written) is None


def test_a_foreign_number_needs_its_plus_and_keeps_it() -> None:
    assert numbers.parse("+447911123456") == "+447911123456"
    assert numbers.as_exotel("+447911123456") == "+447911123456"
    assert numbers.parse("447911123456") is None


def test_exotel_writes_an_indian_number_with_a_zero() -> None:
    assert numbers.as_exotel("+919000000101") == "09000000101"


@pytest.mark.parametrize(
    ("phone", "takes"),
    [("+919000000101", True), ("+912249360001", False), ("+911600123456", False), ("+447911123456", True)],
    ids=["mobile", "landline", "service", "foreign"],
)
def test_landlines_and_service_numbers_take_no_sms(phone: str, takes: bool) -> None:
    assert numbers.may_take_sms(phone) is takes
