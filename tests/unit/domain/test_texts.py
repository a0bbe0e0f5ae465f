"""SMS length, variables, links and numbers in texts: india-rules §3, attacks A15, A17."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain import texts
from ringback.domain.errors import Rejected
from ringback.domain.texts import Segments


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("", Segments("gsm-7", 0, 1), id="empty"),
        pytest.param("a" * 160, Segments("gsm-7", 160, 1), id="160 fit into one"),
        pytest.param("a" * 161, Segments("gsm-7", 161, 2), id="161 take two"),
        pytest.param("a" * 306, Segments("gsm-7", 306, 2), id="153 to a part"),
        pytest.param("a" * 307, Segments("gsm-7", 307, 3), id="307 take three"),
        pytest.param("^{}\\[]~|€", Segments("gsm-7", 18, 1), id="extension characters count twice"),
        pytest.param("a" * 159 + "€", Segments("gsm-7", 161, 2), id="one euro sign too many"),
        pytest.param(
            "a" * 152 + "€" + "a" * 152, Segments("gsm-7", 306, 3), id="an escape is not cut in two"
        ),
        pytest.param(
            "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà\n\r", Segments("gsm-7", 44, 1), id="alphabet"
        ),
        pytest.param("ç", Segments("ucs-2", 1, 1), id="small c cedilla is not in it"),
        pytest.param("`", Segments("ucs-2", 1, 1), id="nor is the backtick"),
        pytest.param("न" * 70, Segments("ucs-2", 70, 1), id="70 units fit into one"),
        pytest.param("न" * 71, Segments("ucs-2", 71, 2), id="71 take two"),
        pytest.param("न" * 134, Segments("ucs-2", 134, 2), id="67 to a part"),
        pytest.param("न" * 135, Segments("ucs-2", 135, 3), id="135 take three"),
        pytest.param("😀" * 35, Segments("ucs-2", 70, 1), id="an emoji is two units"),
        pytest.param("न" * 66 + "😀" + "न" * 66, Segments("ucs-2", 134, 3), id="an emoji is not cut in two"),
        pytest.param("\ud800", Segments("ucs-2", 1, 1), id="A7: lone surrogate"),
        pytest.param("x" * 104 + "’", Segments("ucs-2", 105, 2), id="a curly quote makes one SMS two"),
        pytest.param("x" * 104 + "₹", Segments("ucs-2", 105, 2), id="a rupee sign makes one SMS two"),
        pytest.param("Dhanyavaad! " + "x" * 125, Segments("gsm-7", 137, 1), id="Hindi in Roman script"),
    ],
)
def test_a_body_is_counted_as_the_network_counts_it(body: str, expected: Segments) -> None:
    assert texts.segments(body) == expected


@given(body=st.text(max_size=400))
def test_parts_hold_all_units_and_no_part_is_needless(body: str) -> None:
    counted = texts.segments(body)
    alone, joined = (160, 153) if counted.encoding == "gsm-7" else (70, 67)

    if counted.parts == 1:
        assert counted.units <= alone
    else:
        assert alone < counted.units <= counted.parts * joined
        assert counted.units > (counted.parts - 1) * (joined - 1)


@given(body=st.text(st.characters(codec="utf-16"), min_size=1, max_size=100))
def test_ucs2_units_are_those_of_utf16(body: str) -> None:
    counted = texts.segments(body + "न")

    assert counted.units == len((body + "न").encode("utf-16-le")) // 2


def test_the_characters_that_make_a_text_dear_are_named_once_in_order() -> None:
    assert texts.foreign("It’s ₹5 or ₹6 – yes’") == ("’", "₹", "–")


def test_variables_are_named_once_in_order() -> None:
    assert texts.variables("{b} {a_2} {b} {A} {{c}} {#var#} { d }") == ("b", "a_2", "c")


@pytest.mark.parametrize(
    "value",
    [
        "{name}",
        "{{7*7}}",
        "${jndi:ldap://x}",
        "%n%s",
        "<script>alert(1)</script>",
        "\\1",
        "\\g<0>",
        "{#var#}",
    ],
    ids=lambda value: f"A15: {value}",
)
def test_a_value_is_inert_whatever_markup_it_holds(value: str) -> None:
    assert texts.render("Dear {name}, {city}", {"name": value, "city": "Pune"}) == f"Dear {value}, Pune"


def test_every_variable_without_a_value_is_named() -> None:
    with pytest.raises(Rejected) as caught:
        texts.render("{a} {b} {c}", {"b": "1"})

    assert caught.value.reasons == ("no value for the variable {a}", "no value for the variable {c}")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("Dear {name}", False),
        ("Dear { name }", True),
        ("Dear {Name}", True),
        ("{{name}}", True),
        ("A15: {{7*7}}", True),
        ("{#var#}", True),
        ("no braces", False),
    ],
)
def test_braces_that_are_no_variable_are_seen(body: str, expected: bool) -> None:
    assert texts.stray_braces(body) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("no link. None at all, Rs.500, 10.30 am, e.g. a.m.", (), id="none"),
        pytest.param(
            "See https://a.example/x?y=1.", ("https://a.example/x?y=1",), id="https, full stop after"
        ),
        pytest.param("HTTP://A.EXAMPLE", ("HTTP://A.EXAMPLE",), id="upper case"),
        pytest.param("(www.a.example)", ("www.a.example",), id="www in brackets"),
        pytest.param("go to a.example/x now", ("a.example/x",), id="bare with path"),
        pytest.param("a.example:8080/x", ("a.example:8080/x",), id="bare with port"),
        pytest.param("join x.y.example", ("x.y.example",), id="bare"),
        pytest.param("Thanks.Reply soon", ("Thanks.Reply",), id="handsets link a forgotten blank"),
        pytest.param("write to help@a.example", (), id="an e-mail address is none"),
        pytest.param(
            "https://user@evil.example/", ("https://user@evil.example/",), id="A17: user before host"
        ),
        pytest.param("http://169.254.169.254/x", ("http://169.254.169.254/x",), id="A17: bare address"),
        pytest.param("intent://scan/#Intent", ("intent://scan/#Intent",), id="A17: other scheme"),
        pytest.param("ｃｌｅａｎ．example", ("clean.example",), id="A17: full-width"),
        pytest.param("clean。example", ("clean.example",), id="A17: ideographic full stop"),
        pytest.param("сlean.example", ("сlean.example",), id="A17: Cyrillic look-alike"),
        pytest.param("xn--lean-5cd.example", ("xn--lean-5cd.example",), id="A17: punycode"),
        pytest.param("जल.भारत", ("जल.भारत",), id="A17: Indian domain"),
        pytest.param("டாக்டர் எம்.எல்.ஏ வருகிறார். நன்றி.", (), id="Tamil abbreviations are none"),
    ],
)
def test_whatever_a_handset_could_open_is_a_link(body: str, expected: tuple[str, ...]) -> None:
    assert texts.links(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("missed call to 08040001009.", ("+918040001009",)),
        ("ring +91 80400 01009 or 1800-123-4567", ("+918040001009", "+9118001234567")),
        ("ring 9000012345678", ("9000012345678",)),
        ("ring 0000000000", ("0000000000",)),
        ("on 12 March 2026 at 10 am, Rs 50000", ()),
        ("https://a.example/9000012345", ()),
        ("id 1107160000000010101", ()),
    ],
)
def test_numbers_a_reader_could_ring_are_found(body: str, expected: tuple[str, ...]) -> None:
    assert texts.phone_numbers(body) == expected
