"""Reading and naming phone numbers: exotel §6.1, india-rules §2 (shapes and traps), attacks A7, A8, A10, A11, A26."""

import re

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ringback.domain import phones
from ringback.domain.phones import NumberClass

MOBILES = st.from_regex(r"[6-9][0-9]{9}", fullmatch=True)
DEVANAGARI = str.maketrans("0123456789", "०१२३४५६७८९")
FULL_WIDTH = str.maketrans("+0123456789", "＋０１２３４５６７８９")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param("09000012345", "+919000012345", id="exotel: trunk zero"),
        pytest.param("9000012345", "+919000012345", id="exotel: ten digits"),
        pytest.param("+919000012345", "+919000012345", id="exotel: E.164"),
        pytest.param("919000012345", "+919000012345", id="exotel: country code without plus"),
        pytest.param(" 919000012345", "+919000012345", id="exotel: the plus decoded to a blank"),
        pytest.param("022-493-60001", "+912249360001", id="exotel: landline with STD code and dashes"),
        pytest.param("08040001001", "+918040001001", id="exotel: ExoPhone"),
        pytest.param("00919000012345", "+919000012345", id="international prefix"),
        pytest.param("8040001001", "+918040001001", id="landline without trunk zero"),
        pytest.param("01140001001", "+911140001001", id="Delhi, two-digit code"),
        pytest.param("+91 141 240 0100", "+911412400100", id="Jaipur, three-digit code"),
        pytest.param("0491-2400100", "+914912400100", id="Palakkad, three-digit code from 4"),
        pytest.param("01332 240010", "+911332240010", id="Roorkee, four-digit code"),
        pytest.param("+91 90000-12345", "+919000012345", id="blank and dash"),
        pytest.param("(0)90000 12345", "+919000012345", id="brackets"),
        pytest.param("90000.12345", "+919000012345", id="dot"),
        pytest.param("+91\u00a090000\u201312345\n", "+919000012345", id="no-break blank, en dash, new line"),
        pytest.param("18001234567", "+9118001234567", id="trap: toll-free is read, to be refused by class"),
        pytest.param("1409876543", "+911409876543", id="trap: 140 is read, to be refused by class"),
        pytest.param("1600123456", "+911600123456", id="trap: 1600 is read, to be refused by class"),
        pytest.param("0919000012345", "+919000012345", id="A11 trap: trunk zero and country code"),
        pytest.param("tel:+91-90000-12345", "+919000012345", id="trap: tel URI"),
        pytest.param("9000012345;ext=5", "+919000012345", id="trap: extension"),
        pytest.param("'+919000012345", "+919000012345", id="trap: spreadsheet quote"),
        pytest.param("=919000012345", "+919000012345", id="trap: spreadsheet formula"),
        pytest.param('"9000012345"', "+919000012345", id="trap: quotes around"),
        pytest.param("90000\u200b12345", "+919000012345", id="A11 trap: zero-width space"),
        pytest.param("\u202e9000012345", "+919000012345", id="A7: right-to-left override"),
        pytest.param("\ufeff9000012345", "+919000012345", id="byte order mark"),
        pytest.param("९०००० १२३४५", "+919000012345", id="A11 trap: Devanagari digits"),
        pytest.param("௯௦௦௦௦௧௨௩௪௫", "+919000012345", id="Tamil digits"),
        pytest.param("＋９１９００００１２３４５", "+919000012345", id="full-width"),
    ],
)
def test_every_known_shape_of_a_number_is_read_as_its_e164(raw: str, expected: str) -> None:
    assert phones.read(raw) == expected


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "",
        "   ",
        "anonymous",
        "Anonymous",
        "private",
        "Private Number",
        "withheld",
        "Restricted",
        "unknown",
        "unavailable",
        "null",
        "No Caller ID",
        "+266696687",
        "266696687",
        "0",
        "0000000000",
        "+0000000000"[1:],
    ],
    ids=lambda raw: f"A8: {raw!r}",
)
def test_a_hidden_caller_is_withheld(raw: str | None) -> None:
    with pytest.raises(phones.Withheld):
        phones.read(raw)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param("112", "a short code, 3 digits", id="A8: emergency"),
        pytest.param("139", "a short code, 3 digits", id="A8: railways"),
        pytest.param("56070", "a short code, 5 digits", id="SMS short code"),
        pytest.param("90000O2345", "9 digits, 1 other characters", id="trap: letter O for zero"),
        pytest.param(
            "9000012345678", "13 digits, 0 other characters", id="trap: 13 digits are only possible"
        ),
        pytest.param("900001234", "9 digits, 0 other characters", id="nine digits"),
        pytest.param("5123456789012", "13 digits", id="too long"),
        pytest.param("0110001001", "10 digits", id="no subscriber begins with 0"),
        pytest.param(
            "+447911123456", "another country, 12 digits", id="trap: Guernsey, for the phone library"
        ),
        pytest.param("00447911123456", "14 digits", id="other country with 00, for the phone library"),
        pytest.param("+19005550123", "another country, 11 digits", id="A10: US premium rate"),
        pytest.param("+88213123456", "another country, 11 digits", id="A10: satellite"),
        pytest.param("+9190000", "7 digits", id="plus and too short"),
        pytest.param("9.00001E+09", "spreadsheet", id="A26: scientific notation"),
        pytest.param("9,00001e9", "spreadsheet", id="A26: scientific notation, decimal comma"),
        pytest.param("90000²2345", "9 digits, 1 other", id="superscript is no digit"),
        pytest.param("90000①2345", "9 digits, 1 other", id="circled digit is no digit"),
        pytest.param("9000012345\x00", "1 other characters", id="A7: NUL"),
        pytest.param("\ud800", "0 digits, 1 other characters", id="A7: lone surrogate"),
        pytest.param("9000012345, 9000054321", "20 digits", id="two numbers"),
        pytest.param("sip:9000012345@example.org", "10 digits", id="SIP address"),
        pytest.param("9" * 65, "65 characters are too long", id="A6: huge"),
        pytest.param("{{7*7}}", "2 digits, 5 other characters", id="A15: markup"),
    ],
)
def test_what_cannot_be_settled_is_unreadable_and_says_why_without_the_digits(raw: str, reason: str) -> None:
    with pytest.raises(phones.Unreadable) as caught:
        phones.read(raw)

    assert reason in caught.value.reason
    assert not re.search(r"\d{6}", caught.value.reason)


@given(
    number=MOBILES,
    shape=st.sampled_from(["{}", "0{}", "91{}", "+91{}", "0091{}", "091{}", " 91{}", "tel:+91{}", "'+91{}"]),
)
def test_every_way_of_writing_a_mobile_is_one_person(number: str, shape: str) -> None:
    assert phones.read(shape.format(number)) == f"+91{number}"


@given(number=MOBILES, gap=st.sampled_from([" ", "-", "\u2011", "\u200b", "\u2060", "\u00a0", ".", ""]))
def test_separators_and_scripts_do_not_make_another_person(number: str, gap: str) -> None:
    written = gap.join(number)

    assert (
        phones.read(written.translate(DEVANAGARI))
        == phones.read(written.translate(FULL_WIDTH))
        == f"+91{number}"
    )


@given(raw=st.text(max_size=80))
@example("+")
@example(";")
def test_any_text_is_read_withheld_or_unreadable_and_never_anything_else(raw: str) -> None:
    try:
        phone = phones.read(raw)
    except (phones.Withheld, phones.Unreadable):
        return

    assert re.fullmatch(r"\+91[0-9]{10,11}", phone)
    assert phones.read(phone) == phone


@pytest.mark.parametrize(
    ("phone", "expected"),
    [
        ("+919000012345", NumberClass.MOBILE),
        ("+916000012345", NumberClass.MOBILE),
        ("+918040001001", NumberClass.LANDLINE),
        ("+912249360001", NumberClass.LANDLINE),
        ("+916122200100", NumberClass.LANDLINE),
        ("+917552400100", NumberClass.LANDLINE),
        pytest.param("+9118001234567", NumberClass.TOLL_FREE, id="A10: 1800, 11 digits"),
        pytest.param("+911800123456", NumberClass.TOLL_FREE, id="A10: 1800, 10 digits"),
        pytest.param("+9118601234567", NumberClass.SHARED_COST, id="A10: 1860"),
        pytest.param("+911409876543", NumberClass.TELEMARKETING, id="A10: 140"),
        pytest.param("+911600123456", NumberClass.SERVICE, id="A10 trap: libraries say 1600 is mobile"),
        pytest.param("+911601234567", NumberClass.SERVICE, id="A10 trap: libraries say 1601 is mobile"),
        pytest.param("+911602200100", NumberClass.LANDLINE, id="Kharar's code is 160 too"),
        pytest.param("+911802600100", NumberClass.LANDLINE, id="Panipat's code is 180 too"),
        pytest.param("+91112", NumberClass.SHORT_CODE, id="A8: 112"),
        pytest.param("+19005550123", NumberClass.INTERNATIONAL, id="A10: +1 900"),
        pytest.param("+88213123456", NumberClass.INTERNATIONAL, id="A10: +88213"),
    ],
)
def test_the_numbering_plan_says_what_a_number_is(phone: str, expected: NumberClass) -> None:
    assert phones.classify(phone) is expected


def test_no_number_that_must_be_a_mobile_is_taken_for_a_landline() -> None:
    """The phone library is the judge, over every block of a hundred thousand numbers a mobile can be in."""
    blocks = (phonenumbers.parse(f"+91{block}200123") for block in range(6000, 10000))
    judged = {
        f"+91{number.national_number}": phonenumbers.number_type(number)
        for number in blocks
        if phonenumbers.is_valid_number(number)
    }

    assert len(judged) > 3900
    for phone, kind in judged.items():
        if kind is phonenumbers.PhoneNumberType.MOBILE:
            assert phones.classify(phone) is NumberClass.MOBILE
        if phones.classify(phone) is NumberClass.LANDLINE:
            assert kind is not phonenumbers.PhoneNumberType.MOBILE


@pytest.mark.parametrize(
    ("phone", "expected"),
    [
        ("+919000012345", True),
        ("+918040001001", True),
        ("+447911123456", True),
        ("+9118001234567", False),
        ("+9118601234567", False),
        ("+911409876543", False),
        ("+911600123456", False),
        ("+91112", False),
    ],
)
def test_only_numbers_a_person_can_stand_behind_become_contacts(phone: str, expected: bool) -> None:
    assert phones.may_be_contact(phone) is expected


@pytest.mark.parametrize(
    ("phone", "expected"),
    [
        ("+919000012301", "+9190••••01"),
        ("09000012301", "090••••01"),
        ("9000012301", "90••••01"),
        ("+266696687", "+2••••87"),
        ("112", "••••12"),
    ],
)
def test_a_masked_number_keeps_its_head_and_two_digits(phone: str, expected: str) -> None:
    assert phones.mask(phone) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rung by +919000012301 twice", "rung by +9190••••01 twice"),
        ("From=09000012301&To=08040001009", "From=090••••01&To=080••••09"),
        ("From=%2B919000012301", "From=%2B9190••••01"),
        ("+91 90000-12301, 90000 12302", "+9190••••01, 90••••02"),
        ("9000012301 9000012302", "90••••01 90••••02"),
        ("९००००१२३०१", "९०••••०१"),
        ("90000\u200b12301", "90••••01"),
        ("+447911123456", "+4479••••56"),
        ("template 1107160000000010101", "template 1107160000000010101"),
        ("at 2026-03-02 11:00:00", "at 2026-03-02 11:00:00"),
        ("at 2026-03-02T11:00:00+00:00", "at 2026-03-02T11:00:00+00:00"),
        ("CallSid=e12e0d8b7v", "CallSid=e12e0d8b7v"),
        ("SmsSid=3db949b8526be94470612596738e5080", "SmsSid=3db949b8526be94470612596738e5080"),
        ("no number, 42", "no number, 42"),
    ],
)
def test_numbers_inside_words_are_masked_and_ids_and_dates_are_not(text: str, expected: str) -> None:
    assert phones.mask_all(text) == expected


@given(
    before=st.text("ab=&: %", max_size=5),
    number=MOBILES,
    head=st.sampled_from(["", "0", "91", "+91", "0091"]),
)
def test_no_mobile_stays_in_clear_wherever_it_stands(before: str, number: str, head: str) -> None:
    """A27: the scan of every log after a test run."""
    masked = phones.mask_all(f"{before}{head}{number} x")

    assert not re.search(r"\+?(91)?[6-9]\d{9}", masked)


def test_a_person_has_one_name_in_a_campaign_another_elsewhere_and_none_without_the_pepper() -> None:
    name = phones.person_id(b"pepper", "clean-water", "+919000012345")

    assert re.fullmatch("[a-z2-7]{26}", name)
    assert name == phones.person_id(b"pepper", "clean-water", "+919000012345")
    assert name != phones.person_id(b"pepper", "library-hours", "+919000012345")
    assert name != phones.person_id(b"other", "clean-water", "+919000012345")
    assert name != phones.person_id(b"pepper", "clean-water", "+919000012346")


def test_numbers_of_one_block_share_a_prefix() -> None:
    assert phones.prefix("+919000012345") == phones.prefix("+919000019999") == "+91900001"
