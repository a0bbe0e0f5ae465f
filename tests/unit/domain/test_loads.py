"""Who may be in a pool at all (A9, A10), what a list may look like (A26), and where each person of it stands."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain import loads
from ringback.domain.errors import Rejected
from ringback.domain.loads import Listed, Order, Reader
from ringback.domain.pools import BLOCK, Consent
from ringback.domain.times import INDIA

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
READER = Reader(("en", "hi"), "en", {"+918040001001"}, NOW)
PHONE = {"phone": "09000000101"}


def test_a_row_needs_nothing_but_a_number() -> None:
    assert Listed("+919000000101", "en") == READER.read(PHONE)


def test_a_full_row_keeps_the_proof_of_consent() -> None:
    row = PHONE | {
        "language": "HI",
        "area": "eci:S13/26/112",
        "name": "A. Made-Up",
        "consent": "form",
        "consent_evidence": "sheet 12",
        "consent_at": "01-02-2026",
        "dnd": "no",
        "dnd_checked_at": "2026-02-28T10:00+05:30",
    }

    listed = READER.read(row)

    assert (listed.language, listed.area, listed.name) == ("hi", "eci:S13/26/112", "A. Made-Up")
    assert Consent("form", "sheet 12", datetime(2026, 2, 1, tzinfo=INDIA)) == listed.consent
    assert listed.is_dnd is False
    assert datetime(2026, 2, 28, 10, 0, tzinfo=INDIA) == listed.dnd_checked_at


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"phone": "18001234567"}, "toll-free"),
        ({"phone": "1401234567"}, "telemarketing"),
        ({"phone": "1600123456"}, "service"),
        ({"phone": "+18005550100"}, "another country"),
        ({"phone": "08040001001"}, "our own"),
        ({"phone": "9.87654E+09"}, "format its column as text"),
        ({"phone": ""}, "withheld"),
        ({}, "withheld"),
        (PHONE | {"language": "fr"}, "does not speak"),
        (PHONE | {"consent": "form"}, "go together"),
        (PHONE | {"consent_at": "2026-02-01"}, "go together"),
        (PHONE | {"dnd": "no"}, "go together"),
        (PHONE | {"dnd": "maybe"}, "yes or no"),
        (PHONE | {"dnd": "no", "dnd_checked_at": "soon"}, "must be a day"),
        (PHONE | {"dnd": "no", "dnd_checked_at": "2026-03-03"}, "future"),
        (PHONE | {"area": "a#b"}, "without #"),
        (PHONE | {"area": "a" * 65}, "64 characters"),
    ],
)
def test_a_row_that_may_not_be_in_a_pool_is_refused_with_its_reason(row: dict[str, str], reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        READER.read(row)


@pytest.mark.parametrize("answer", ["yes", "Y", "TRUE", "1"])
def test_a_registered_number_may_be_listed_for_the_policy_to_judge(answer: str) -> None:
    assert READER.read(PHONE | {"dnd": answer, "dnd_checked_at": "2026-03-01"}).is_dnd is True


@given(
    st.dictionaries(st.sampled_from(["phone", "area", "name", "consent_at", "dnd", "language"]), st.text())
)
def test_no_row_is_too_strange_to_be_refused(row: dict[str, str]) -> None:
    with suppress(Rejected):
        READER.read(row)


def test_headings_are_read_as_people_write_them() -> None:
    assert loads.columns(["Mobile_Number", " Lang ", "Serial", "NDNC"]) == ["phone", "language", None, "dnd"]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (["phone", "Mobile"], "two columns hold the phone"),
        (["phone", "area", "area"], "two columns hold the area"),
        (["name"], "no column holds the numbers"),
        ([], "no column holds the numbers"),
    ],
)
def test_a_header_that_says_too_little_or_too_much_is_refused(header: list[str], reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        loads.columns(header)


@given(st.integers(0, 5_000_000), st.integers(1, 16))
def test_people_go_round_the_shards_in_order(rank: int, shards: int) -> None:
    at = loads.place(rank, shards)

    assert rank == (at.block * BLOCK + at.place) * shards + at.shard
    assert 0 <= at.place < BLOCK


def test_a_load_is_named_after_its_content_and_its_order() -> None:
    names = {loads.name(content, order, seed) for content in ("a", "b") for order in Order for seed in (1, 2)}

    assert len(names) == 6  # the seed is nothing to the given order
    assert loads.name("a", Order.SHUFFLED, 1) == loads.name("a", Order.SHUFFLED, 1)


def test_a_seed_shuffles_and_another_shuffles_otherwise() -> None:
    people = [f"{n:026}" for n in range(50)]
    orders = [sorted(people, key=lambda person, s=seed: loads.shuffle_key(s, person)) for seed in (1, 2, 1)]  # type: ignore[misc]

    assert orders[0] == orders[2]
    assert orders[0] != orders[1]
    assert orders[0] != people
