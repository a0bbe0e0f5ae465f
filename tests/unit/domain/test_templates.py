"""A text against its DLT template: T6 to T9, attacks A16 and A17."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.templates import DltTemplate, mismatches

LONGEST = {"var": 30, "alphanumeric": 40}
ALLOWED = frozenset({"https://cleanwater.example/day", "https://cleanwater.example/p/", "+918040001009"})
REGISTERED = "Thank you {#var#}. Next: {#var#} days."


def reasons(body: str, rendered: str, longest: dict[str, int] = LONGEST) -> tuple[str, ...]:
    return mismatches(DltTemplate("1107160000000010101", body), rendered, longest, ALLOWED)


@pytest.mark.parametrize(
    ("body", "rendered"),
    [
        pytest.param("Hello.", "Hello.", id="no variable"),
        pytest.param(REGISTERED, "Thank you Asha. Next: 7 days.", id="two variables"),
        pytest.param("{#var#}", "x" * 30, id="T6: 30 characters"),
        pytest.param("{#alphanumeric#}", "x" * 40, id="T6: 40 for alphanumeric"),
        pytest.param("{#var#}{#var#}", "x" * 60, id="adjacent variables share a long value"),
        pytest.param("a {#var#} b", "a 1 b 2 b", id="a value may hold the words that follow it"),
        pytest.param("{#number#}", "42", id="T7: number"),
        pytest.param("{#numeric#}", "007", id="T7: numeric"),
        pytest.param("{#cbn#}", "08040001009", id="T7: call-back number"),
        pytest.param("{#cbn#}", "+91 80400 01009", id="T7: call-back number in E.164 with blanks"),
        pytest.param("{#email#}", "help@cleanwater.example", id="T7: e-mail"),
        pytest.param("{#url#}", "https://cleanwater.example/day", id="T7: exact link"),
        pytest.param("{#urlott#}", "https://cleanwater.example/p/x1", id="T8: below an allowed folder"),
        pytest.param("{#var#}", "{{7*7}}", id="A15: markup of others is inert"),
        pytest.param("धन्यवाद {#var#}।", "धन्यवाद आशा।", id="Hindi"),
        pytest.param("one\ntwo {#var#}", "one\ntwo x", id="new line of the template itself"),
    ],
)
def test_the_registered_text_with_legal_values_matches(body: str, rendered: str) -> None:
    assert reasons(body, rendered) == ()


@pytest.mark.parametrize(
    ("rendered", "reason"),
    [
        pytest.param("Thank you  Asha. Next: 7 days.", None, id="a blank within a value is part of it"),
        pytest.param("Thank  you Asha. Next: 7 days.", "does not begin", id="T9: double blank"),
        pytest.param("thank you Asha. Next: 7 days.", "does not begin", id="T9: lower case"),
        pytest.param("Thank you\u00a0Asha. Next: 7 days.", "does not begin", id="T9: no-break blank"),
        pytest.param(
            "Thank you Asha. Next： 7 days.", "lacks the template's '. Next: '", id="T9: full-width colon"
        ),
        pytest.param("Thank you Asha. Next: 7 days", "lacks the template's ' days.'", id="T9: no full stop"),
        pytest.param("Thank you Asha. Next: 7 days..", "goes on", id="T9: two full stops"),
        pytest.param("Thank you Asha. Next: 7 days. ", "goes on", id="T9: blank at the end"),
        pytest.param("Thank you . Next: 7 days.", "{#var#} is empty", id="empty value"),
        pytest.param("", "does not begin", id="nothing"),
    ],
)
def test_a_text_must_be_the_template_to_the_character(rendered: str, reason: str | None) -> None:
    found = reasons(REGISTERED, rendered)

    assert (found == ()) if reason is None else (len(found) == 1 and reason in found[0])


@pytest.mark.parametrize(
    ("tag", "value", "expected"),
    [
        pytest.param(
            "var", "x" * 31, ("{#var#} has 31 characters, 30 are allowed",), id="A16: 31 characters"
        ),
        pytest.param(
            "var", "x" * 41, ("{#var#} has 41 characters, 30 are allowed",), id="A16: 41 characters"
        ),
        pytest.param(
            "alphanumeric",
            "x" * 41,
            ("{#alphanumeric#} has 41 characters, 40 are allowed",),
            id="A16: typed, 41",
        ),
        pytest.param(
            "number", "1" * 31, ("{#number#} has 31 characters, 30 are allowed",), id="limit of var"
        ),
        pytest.param(
            "var", "a\nb", ("{#var#} holds a new line or another control character",), id="A16: new line"
        ),
        pytest.param(
            "var", "a\x00", ("{#var#} holds a new line or another control character",), id="A7: NUL"
        ),
        pytest.param("var", "{#var#}", ("{#var#} holds template markup",), id="A16: a tag as value"),
        pytest.param(
            "var",
            "https://cleanwater.example/day",
            ("{#var#} holds a link",),
            id="A16: link in a plain variable",
        ),
        pytest.param(
            "var",
            "evil.example",
            ("the link evil.example is not on the campaign's list", "{#var#} holds a link"),
            id="A16: unknown link",
        ),
        pytest.param("number", "4a", ("{#number#} is not what a number looks like",), id="T7: number"),
        pytest.param(
            "numeric", "४", ("{#numeric#} is not what a numeric looks like",), id="T7: ASCII digits only"
        ),
        pytest.param(
            "cbn", "our office", ("{#cbn#} is not what a cbn looks like",), id="T7: call-back number"
        ),
        pytest.param("email", "help at x", ("{#email#} is not what a email looks like",), id="T7: e-mail"),
        pytest.param("url", "see above", ("{#url#} is not a registered link",), id="T7: not a link"),
        pytest.param(
            "url",
            "https://cleanwater.example/other",
            (
                "the link https://cleanwater.example/other is not on the campaign's list",
                "{#url#} is not a registered link",
            ),
            id="A17: path not on the list",
        ),
    ],
)
def test_a_value_must_be_what_its_tag_allows(tag: str, value: str, expected: tuple[str, ...]) -> None:
    assert reasons(f"See {{#{tag}#}}", f"See {value}") == expected


@pytest.mark.parametrize(
    "link",
    [
        pytest.param("https://cleanwater.example.evil.example/day", id="A17: host continued"),
        pytest.param("https://сleanwater.example/day", id="A17: Cyrillic look-alike"),
        pytest.param("https://cleanwater.example@evil.example/day", id="A17: user before host"),
        pytest.param("http://cleanwater.example/day", id="A17: another scheme"),
        pytest.param("https://cleanwater.example/dayx", id="A17: path continued"),
        pytest.param("cleanwater.example", id="A17: host alone"),
    ],
)
def test_a_link_that_only_looks_registered_is_blocked_even_in_the_template_itself(link: str) -> None:
    assert reasons(f"See {link}", f"See {link}") == (f"the link {link} is not on the campaign's list",)


def test_a_number_that_is_not_the_campaigns_is_blocked() -> None:
    assert reasons("Ring {#var#}", "Ring 09000012345") == ("the number +919000012345 is not the campaign's",)


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert reasons("Dear {#var#}, see {#url#} {#number#}", f"Dear {'x' * 31}, see y z") == (
        "{#var#} has 31 characters, 30 are allowed",
        "{#url#} is not a registered link",
        "{#number#} is not what a number looks like",
    )


def test_an_adjacent_variable_that_gets_nothing_is_told() -> None:
    assert reasons("{#var#}{#number#}", "x" * 31) == (
        "{#var#} has 31 characters, 30 are allowed",
        "{#number#} is empty",
    )


def test_limits_are_data() -> None:
    assert reasons("{#var#}", "x" * 41, {"var": 41}) == ()


WORDS = st.text(st.sampled_from("ab ,न"), max_size=8)
VALUES = st.text(st.sampled_from("xyz न"), min_size=1, max_size=30)


@given(parts=st.lists(st.tuples(WORDS, VALUES), max_size=6), end=WORDS)
def test_filling_a_template_with_legal_values_always_matches(parts: list[tuple[str, str]], end: str) -> None:
    body = "".join(f"{words}{{#var#}}" for words, _ in parts) + end
    rendered = "".join(words + value for words, value in parts) + end

    assert reasons(body, rendered) == ()


@given(body=st.text(st.sampled_from("ab. "), min_size=1, max_size=30), at=st.integers(0, 29))
def test_changing_one_character_of_fixed_words_never_matches(body: str, at: int) -> None:
    changed = body[: at % len(body)] + "#" + body[at % len(body) + 1 :]

    assert reasons(body, changed) != ()


def test_no_text_makes_matching_slow() -> None:
    """A pattern matcher that backtracks needs years for this one."""
    started = time.perf_counter()
    found = reasons("{#var#} " * 12 + "!", "x " * 200)

    assert found
    assert time.perf_counter() - started < 2
