"""How many SMS a text is billed as."""

import pytest

from phone_network import segments


@pytest.mark.parametrize(
    ("body", "units"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("न" * 70, 1),
        ("न" * 71, 2),
        ("न" * 135, 3),
        ("\U0001f4a7" * 35, 1),
        ("\U0001f4a7" * 36, 2),
        ("a" * 70 + "\u2019", 2),
    ],
)
def test_units_follow_the_alphabet(body: str, units: int) -> None:
    assert segments.count(body) == units
