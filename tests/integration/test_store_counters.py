"""What many workers change at once: the pace, the budget, pauses, bursts and the watermark."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.domain.circuits import Circuit
from ringback.domain.metrics import Hour
from ringback.services.effects import LATE, SHARE_OF_RATE
from ringback.store import counters, sending, watermarks
from tests.deployment import deployed

NOW = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def _tables() -> Iterator[None]:
    """One set of tables for the file; each test, and each example of a property, counts under a name of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "ap-south-1")
        with deployed(publish=()):
            yield


_names = iter(range(1_000_000))


def a_name() -> str:
    return f"name-{next(_names)}"


# Pace


BATCHES = st.lists(st.tuples(st.integers(0, 4_000), st.integers(1, 10)), min_size=1, max_size=12)
"""Milliseconds since the batch before, and how many departures it takes."""


@settings(derandomize=True, max_examples=25, deadline=None)
@given(BATCHES, st.sampled_from([1, 60, 200, 1_000]))
def test_departures_never_overlap_and_none_is_in_the_past(
    batches: list[tuple[int, int]], per_minute: int
) -> None:
    account, now, gap = a_name(), NOW, timedelta(milliseconds=round(60_000 / per_minute))
    departures: list[datetime] = []
    for waited, many in batches:
        now += timedelta(milliseconds=waited)
        first = sending.depart(account, now, gap, many)
        assert first >= now
        departures += [first + index * gap for index in range(many)]

    assert departures == sorted(departures)
    assert all(later - earlier >= gap for earlier, later in pairwise(departures))


@settings(derandomize=True, max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 1_000)), min_size=250, max_size=250))
def test_no_sixty_seconds_hold_more_than_the_limit_however_late_departures_are_used(
    sends: list[tuple[int, int]],
) -> None:
    """With the gap that `Sender` plans for 200 a minute, each departure used at once or up to `LATE` after its moment."""
    gap = timedelta(seconds=60 / 200 / SHARE_OF_RATE)
    account, now, arrivals = a_name(), NOW, []
    for start in range(0, len(sends), 10):
        batch = sends[start : start + 10]
        first = sending.depart(account, now, gap, len(batch))
        for index, (_, late_ms) in enumerate(batch):
            assert timedelta(milliseconds=late_ms) <= LATE
            arrivals.append(first + index * gap + timedelta(milliseconds=late_ms))
        now += timedelta(milliseconds=batch[0][0])
    arrivals.sort()

    windows = (arrivals[start : start + 201] for start in range(len(arrivals) - 200))
    assert all(window[-1] - window[0] >= timedelta(seconds=60) for window in windows)


def test_a_pause_asked_for_by_the_provider_moves_the_next_departure_and_never_back() -> None:
    account = a_name()
    assert sending.next_departure(account) is None
    assert sending.load_account(account).closed_until is None
    sending.back_off(account, NOW + timedelta(seconds=30))
    sending.back_off(account, NOW + timedelta(seconds=10))

    assert NOW + timedelta(seconds=30) == sending.load_account(account).closed_until
    assert NOW + timedelta(seconds=30) == sending.next_departure(account)


def test_a_pause_holds_although_departures_far_behind_it_were_granted() -> None:
    account = a_name()
    sending.depart(account, NOW, timedelta(seconds=1), 500)
    sending.back_off(account, NOW + timedelta(seconds=60))

    assert NOW + timedelta(seconds=60) == sending.load_account(account).closed_until


def test_accounts_have_a_pace_each() -> None:
    for account in (a_name(), a_name()):
        assert sending.depart(account, NOW, timedelta(seconds=10)) == NOW


# Circuit


def test_a_circuit_that_nobody_has_touched_is_closed() -> None:
    assert sending.Account(None, Circuit()) == sending.load_account(a_name())


def test_failures_are_counted_beside_the_pace_and_the_pause() -> None:
    account = a_name()
    sending.depart(account, NOW, timedelta(seconds=1))
    sending.back_off(account, NOW + timedelta(seconds=30))
    counted = [sending.count_failure(account).failures for _ in range(3)]

    assert counted == [1, 2, 3]
    assert sending.load_account(account) == sending.Account(NOW + timedelta(seconds=30), Circuit(failures=3))


MICROSECONDS = st.integers(0, 999_999)


@settings(derandomize=True, max_examples=25, deadline=None)
@given(MICROSECONDS, MICROSECONDS)
def test_of_many_that_change_a_circuit_as_they_read_it_the_first_does(one: int, other: int) -> None:
    """Whatever the moments: what was read back is the same to the millisecond as what was written."""
    account = a_name()
    opened = Circuit(failures=5).opened(NOW + timedelta(microseconds=one), timedelta(minutes=1))
    assert sending.change_circuit(account, Circuit(failures=5), opened)
    assert not sending.change_circuit(account, Circuit(failures=5), opened), "somebody has opened it"
    found = sending.load_account(account).circuit
    trying = found.tried_until(NOW + timedelta(minutes=9, microseconds=other))

    assert sending.change_circuit(account, found, trying)
    assert not sending.change_circuit(account, found, trying), "somebody tries already"
    assert sending.load_account(account).circuit.is_tried
    assert not sending.change_circuit(account, opened, Circuit()), (
        "the outcome of an earlier try comes too late"
    )
    assert sending.change_circuit(account, trying, Circuit())
    assert sending.load_account(account).circuit == Circuit()


def test_an_open_circuit_delays_the_backlog() -> None:
    account = a_name()
    sending.change_circuit(account, Circuit(), Circuit().opened(NOW, timedelta(minutes=1)))

    assert sending.next_departure(account) == NOW + timedelta(minutes=1)


# Budget


SPENDINGS = st.lists(st.tuples(st.integers(1, 60), st.booleans()), max_size=20)


@settings(derandomize=True, max_examples=20, deadline=None)
@given(SPENDINGS, st.integers(0, 200))
def test_the_budget_is_never_overspent_and_what_is_refused_costs_nothing(
    spendings: list[tuple[int, bool]], budget: int
) -> None:
    campaign, spent = a_name(), 0
    for paise, is_given_back in spendings:
        taken = sending.spend(campaign, paise, budget)
        assert taken is (spent + paise <= budget)
        spent += paise * taken
        if taken and is_given_back:
            sending.give_back(campaign, paise)
            spent -= paise
        assert spent <= budget
        assert spent == sending.standing(campaign, []).paise


# Standing


def test_a_campaign_without_history_stands_clean() -> None:
    assert sending.Standing(0, None, {}) == sending.standing(a_name(), ["+9190000"])


def test_a_pause_keeps_its_first_reason_until_somebody_resumes() -> None:
    campaign = a_name()
    sending.pause(campaign, "first")
    sending.pause(campaign, "second")
    assert sending.standing(campaign, []).paused == "first"
    sending.resume(campaign)

    assert sending.standing(campaign, []).paused is None


def test_many_blocks_are_read_at_once() -> None:
    campaign, blocks = a_name(), [f"+91900{index:03}" for index in range(150)]
    sending.count_prefix(campaign, blocks[140], NOW, 61, 60, timedelta(hours=1))

    assert {blocks[140]: NOW + timedelta(hours=1)} == sending.standing(campaign, blocks).prefixes


def test_a_burst_is_counted_by_the_minute() -> None:
    campaign, hold = a_name(), timedelta(hours=1)

    def count(minute: int, calls: int) -> bool:
        at = NOW + timedelta(minutes=minute)
        return sending.count_prefix(campaign, "+9190000", at, calls, 60, hold)

    assert [count(0, 30), count(0, 30), count(0, 1), count(1, 60)] == [False, False, True, False]
    assert {"+9190000": NOW + hold} == sending.standing(campaign, ["+9190000"]).prefixes


# Watermark and hours


@settings(derandomize=True, max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=10))
def test_a_watermark_only_moves_forward(minutes: list[int]) -> None:
    name = a_name()
    for index, minute in enumerate(minutes):
        watermarks.advance(name, NOW + timedelta(minutes=minute))
        assert NOW + timedelta(minutes=max(minutes[: index + 1])) == watermarks.read(name)


def test_there_is_no_watermark_before_the_first() -> None:
    assert watermarks.read(a_name()) is None


def test_hours_are_summed_over_their_shards_and_cut_at_both_ends() -> None:
    campaign = a_name()
    for shard in range(counters.SHARDS * 2):
        counters.add({Hour(campaign, f"2026-03-02T{hour}"): Counter(raw=1) for hour in (10, 11, 12)}, shard)
    counters.add({}, 0)

    def found(since: str = "", until: str = "~") -> dict[str, int]:
        return {hour.hour[-3:]: n["raw"] for hour, n in counters.hours(campaign, since, until).items()}

    assert found() == {"T10": 8, "T11": 8, "T12": 8}
    assert found("2026-03-02T11", "2026-03-02T11") == {"T11": 8}
    assert found("2026-03-03T00") == {}
