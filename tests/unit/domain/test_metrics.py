"""The numbers a campaign is judged by: what a call adds, in which hour, and what makes stored counts true again."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.domain import metrics
from ringback.domain.calls import Caller, Recognised
from ringback.domain.campaigns import Number, Purpose
from ringback.domain.contacts import Contact
from ringback.domain.metrics import Hour, Increments

NOW = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)
NUMBER = Number("+918040001001", Purpose.VOLUNTEER, None, "en", "tv", "welcome")
CALL = Recognised("exotel:1", NUMBER.number, NUMBER, Caller.PERSON, "+919000000101", NOW)


@pytest.mark.parametrize(
    ("at", "hour"),
    [
        (NOW, "2026-03-02T11"),
        (datetime(2026, 12, 31, 18, 29, 59, tzinfo=UTC), "2026-12-31T23"),
        (datetime(2026, 12, 31, 18, 30, tzinfo=UTC), "2027-01-01T00"),
    ],
)
def test_an_hour_is_an_indian_one(at: datetime, hour: str) -> None:
    assert Hour("clean-water", hour) == metrics.hour_of("clean-water", at)


def test_a_first_call_is_raw_and_unique_at_campaign_number_and_source() -> None:
    added = metrics.of_call(CALL, repeated_telling=False, new_at=metrics.places(NUMBER))

    at = ("", f" number:{NUMBER.number}", " source:tv")
    assert {f"{kind}{place}": 1 for kind in ("raw", "unique") for place in at} == dict(added)


def test_a_later_call_is_only_raw() -> None:
    assert "unique" not in metrics.of_call(CALL, repeated_telling=False, new_at=())


def test_a_second_telling_may_only_bring_its_caller_to_light() -> None:
    assert metrics.of_call(CALL, repeated_telling=True, new_at=["campaign"]) == {"unique": 1}


@pytest.mark.parametrize("caller", [each for each in Caller if each is not Caller.PERSON])
def test_who_is_no_person_is_counted_apart(caller: Caller) -> None:
    call = Recognised("exotel:1", NUMBER.number, NUMBER, caller, None, NOW)

    assert metrics.of_call(call, repeated_telling=False, new_at=())[caller] == 1


def test_a_call_to_a_number_nobody_configured_is_counted_as_that() -> None:
    call = Recognised("exotel:1", "+918040009999", None, Caller.PERSON, "+919000000101", NOW)

    assert metrics.of_call(call, repeated_telling=False, new_at=()) == {"raw": 1, "unknown-number": 1}


def test_a_caller_is_new_where_this_call_was_the_first() -> None:
    campaign, number, source = metrics.places(NUMBER)
    contact = Contact(
        "p", "c", "+919000000101", "en", NOW, NUMBER.number, "tv",
        first_calls={campaign: "exotel:0", number: "exotel:1"},
    )  # fmt: skip

    assert (number,) == metrics.first_met(contact, "exotel:1", NUMBER)
    assert (campaign,) == metrics.first_met(contact, "exotel:0", NUMBER)
    assert metrics.first_met(contact, "exotel:2", NUMBER) == ()
    assert source not in contact.first_calls


def test_merging_nothing_leaves_no_hour_behind() -> None:
    increments: Increments = {}
    hour = Hour("c", "2026-03-02T11")
    metrics.merge(increments, hour, Counter())
    assert increments == {}
    metrics.merge(increments, hour, Counter(raw=1))
    metrics.merge(increments, hour, Counter(raw=2))

    assert {hour: Counter(raw=3)} == increments


COUNTS = st.dictionaries(
    st.builds(Hour, st.sampled_from("cl"), st.sampled_from(["T10", "T11"])),
    st.dictionaries(st.sampled_from(["raw", "unique"]), st.integers(1, 9)).map(Counter),
)


@settings(derandomize=True, max_examples=200)
@given(COUNTS, COUNTS)
def test_the_drift_added_to_the_stored_counts_gives_the_recounted_ones(
    stored: Increments, recounted: Increments
) -> None:
    mended = {hour: Counter(counts) for hour, counts in stored.items()}
    for hour, difference in metrics.drift(stored, recounted).items():
        assert all(difference.values())
        mended.setdefault(hour, Counter()).update(difference)

    assert metrics.drift(mended, recounted) == {}
    assert metrics.drift(stored, stored) == {}
