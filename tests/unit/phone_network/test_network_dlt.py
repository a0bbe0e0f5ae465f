"""A text must equal its registered template, to the character."""

import pytest

from phone_network import dlt

TEMPLATE = "Thank you {#var#}, call {#cbn#} to stop. - CLNWTR"


@pytest.mark.parametrize(
    ("body", "matches"),
    [
        ("Thank you Asha, call 08040001009 to stop. - CLNWTR", True),
        ("Thank you , call 08040001009 to stop. - CLNWTR", True),
        ("Thank you Asha,  call 08040001009 to stop. - CLNWTR", False),
        ("Thank you Asha, call 08040001009 to stop.\u00a0- CLNWTR", False),
        ("Thank you Asha, call 08040001009 to stop. - CLNWTR.", False),
        ("thank you Asha, call 08040001009 to stop. - CLNWTR", False),
        ("Thank you Asha, call us to stop. - CLNWTR", False),
        ("Thank you " + "x" * 41 + ", call 08040001009 to stop. - CLNWTR", False),
        ("Thank you A\nB, call 08040001009 to stop. - CLNWTR", False),
    ],
    ids=[
        "same",
        "empty",
        "two blanks",
        "nbsp",
        "trailing dot",
        "case",
        "no number",
        "41 characters",
        "newline",
    ],
)
def test_a_text_is_compared_to_the_character(body: str, matches: bool) -> None:
    assert dlt.matches(TEMPLATE, body) is matches


@pytest.mark.parametrize(
    ("tag", "good", "bad"),
    [
        ("{#numeric#}", "123456", "12x"),
        ("{#number#}", "1", ""),
        ("{#alphanumeric#}", "Ward 12", "x" * 41),
        ("{#url#}", "https://e.example/a?b=1", "e.example"),
        ("{#urlott#}", "https://e.example/app", "app"),
        ("{#cbn#}", "+918040001009", "call us"),
        ("{#email#}", "a@e.example", "a.example"),
        ("{#name#}", "{#name#}", "Asha"),
    ],
)
def test_a_typed_tag_takes_its_own_kind_only(tag: str, good: str, bad: str) -> None:
    assert dlt.matches(f"See {tag}", f"See {good}")
    assert not dlt.matches(f"See {tag}", f"See {bad}")


def test_signs_with_a_meaning_in_patterns_are_plain_text() -> None:
    assert dlt.matches("Rs. 5 (five)* {#var#}?", "Rs. 5 (five)* now?")
    assert not dlt.matches("Rs. 5", "Rsx 5")
