"""The circuit to a failing provider: when it opens, and for how long."""

from datetime import UTC, datetime, timedelta

import pytest

from ringback.domain.circuits import TRY_IS_OVER_AFTER, Circuit

NOW = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("circuit", "opens"),
    [
        (Circuit(), False),
        (Circuit(failures=4), False),
        (Circuit(failures=5), True),
        (Circuit(failures=9), True),
        (Circuit(failures=9, openings=1, open_until=NOW), False),
    ],
    ids=["closed", "four failures", "five failures", "more at once", "open already"],
)
def test_it_opens_after_five_failures_in_a_row(circuit: Circuit, opens: bool) -> None:
    assert opens is circuit.must_open


def test_each_opening_is_twice_as_long_as_the_one_before_up_to_ten_times_the_first() -> None:
    circuit, minutes = Circuit(failures=5), []
    for _ in range(200):
        circuit = circuit.opened(NOW, MINUTE)
        assert circuit.open_until is not None
        minutes.append((circuit.open_until - NOW) / MINUTE)

    assert minutes[:6] == [1, 2, 4, 8, 10, 10]
    assert max(minutes) == 10


def test_a_try_counts_as_no_opening_and_forgets_none() -> None:
    trying = Circuit(openings=2, open_until=NOW).tried_until(NOW + timedelta(seconds=90))

    assert trying == Circuit(openings=2, open_until=NOW + timedelta(seconds=90), is_tried=True)


@pytest.mark.parametrize(
    ("circuit", "again"),
    [
        (Circuit(failures=4), None),
        (Circuit(open_until=NOW), None),
        (Circuit(open_until=NOW + 10 * MINUTE), NOW + 10 * MINUTE),
        (Circuit().tried_until(NOW + 10 * MINUTE), NOW + TRY_IS_OVER_AFTER),
        (Circuit().tried_until(NOW + TRY_IS_OVER_AFTER / 2), NOW + TRY_IS_OVER_AFTER / 2),
    ],
    ids=["closed", "half-open", "open", "being tried", "the try is nearly over"],
)
def test_what_finds_it_open_asks_again_when_it_is_over_or_soon_while_one_tries(
    circuit: Circuit, again: datetime | None
) -> None:
    assert again == circuit.asked_again_at(NOW)
