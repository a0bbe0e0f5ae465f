"""The numbers a campaign is judged by: what a call adds, in which hour, and what makes stored counts true again."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.domain import metrics
from ringback.domain.calls import Caller, Recognised
from ringback.domain.campaigns import Number, Purpose
from ringback.domain.contacts import Contact
from ringback.domain.endings import Ending
from ringback.domain.facts import DialEnded
from ringback.domain.metrics import Divergence, Hour, Increments, Three

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


@pytest.mark.parametrize(
    ("ending", "repeated", "counted"),
    [
        (Ending.BUSY, False, {"call-busy": 1}),
        (Ending.NO_ANSWER, False, {"call-no-answer": 1}),
        (Ending.FAILED, False, {"call-failed": 1}),
        (Ending.COMPLETED, False, {}),
        (Ending.BUSY, True, {}),
    ],
)
def test_a_call_that_nobody_took_counts_by_its_ending_and_one_that_was_answered_by_its_turn(
    ending: Ending, repeated: bool, counted: dict[str, int]
) -> None:
    assert metrics.of_ending(DialEnded("d", ending, None, None, None), repeated_telling=repeated) == counted


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


# Where the three counts part (X8)


@pytest.mark.parametrize(
    ("now", "before", "how"),
    [
        pytest.param(Three(0, 0, 0), Three(0, 0, 0), None, id="silence"),
        pytest.param(Three(900, 800, 650), Three(1_000, 900, 720), None, id="an ordinary day"),
        pytest.param(Three(40_000, 33_000, 25_000), Three(1_000, 900, 720), None, id="a TV spot"),
        pytest.param(Three(40_000, 33_000, 0), Three(0, 0, 0), None, id="a launch of which no report has come yet"),
        pytest.param(Three(900, 90, 100), Three(10_000, 9_000, 7_000), None, id="the day after a launch"),
        pytest.param(Three(1_200, 60, 60), Three(1_000, 100, 80), None, id="a number that everybody knows"),
        pytest.param(Three(9_000, 300, 200), Three(1_000, 900, 720), Divergence.CALLS, id="few phones, many calls"),
        pytest.param(Three(2_000, 199, 150), Three(0, 0, 0), Divergence.CALLS, id="few phones on a new number"),
        pytest.param(Three(2_000, 200, 150), Three(0, 0, 0), None, id="ten calls a caller"),
        pytest.param(Three(199, 1, 1), Three(0, 0, 0), None, id="a child with a telephone"),
        pytest.param(Three(1_999, 1, 1), Three(1_000, 900, 720), None, id="not sudden"),
        pytest.param(Three(500, 400, 20), Three(30_000, 27_000, 900), Divergence.CALLERS, id="nobody is there"),
        pytest.param(Three(500, 400, 6_000), Three(30_000, 27_000, 900), None, id="proven a day later"),
        pytest.param(Three(0, 0, 0), Three(99, 99, 0), None, id="too few to tell"),
        pytest.param(Three(0, 0, 0), Three(100, 100, 24), Divergence.CALLERS, id="enough to tell"),
        pytest.param(Three(0, 0, 1), Three(100, 100, 24), None, id="a quarter is proven"),
    ],
)  # fmt: skip
def test_three_counts_that_part(now: Three, before: Three, how: Divergence | None) -> None:
    assert how is metrics.divergence(now, before)


@settings(derandomize=True, max_examples=200)
@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_tiny_counts_never_part(
    raw: int, unique: int, verified: int, before: int, unique_before: int
) -> None:
    now, earlier = Three(raw, min(unique, raw), verified), Three(before, min(unique_before, before), 0)

    assert metrics.divergence(now, earlier) is None


def test_a_number_is_judged_by_its_own_hours_of_two_days() -> None:
    """What is older does not count, and the other number is left in peace."""

    def hour(ago: int) -> Hour:
        return metrics.hour_of("c", NOW - timedelta(hours=ago))

    def counts(number: str, raw: int, unique: int) -> Counter[str]:
        return Counter({f"raw number:{number}": raw, f"unique number:{number}": unique})

    counted = {
        hour(0): counts("+911", 2_000, 10) + counts("+912", 500, 400),
        hour(23): counts("+911", 2_000, 10),
        hour(24): counts("+911", 500, 400),
        hour(48): counts("+911", 90_000, 10),
    }

    assert metrics.diverging(counted, "c", NOW) == {"+911": Divergence.CALLS}
