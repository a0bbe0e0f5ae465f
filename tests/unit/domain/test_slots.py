"""What a recount of slots may put right."""

from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.slots import Held, corrected

A, B = "+918040001031", "+918040001032"


def held(**by_number: int) -> Held:
    numbers = {{"a": A, "b": B}[name]: count for name, count in by_number.items()}
    return Held(7, numbers, sum(numbers.values()))


def test_a_count_that_the_patches_bear_out_stands() -> None:
    assert corrected(held(a=2, b=1), {A: 2, B: 1}, {}) is None
    assert corrected(Held(0, {}, 0), {}, {}) is None


def test_a_count_that_is_too_high_is_lowered_to_the_patches_and_those_under_way() -> None:
    assert corrected(held(a=9), {A: 2}, {A: 1}) == {A: 3}


def test_a_count_that_is_too_low_is_raised_to_the_patches() -> None:
    assert corrected(held(a=1), {A: 2}, {A: 5}) == {A: 2}


def test_a_count_between_the_two_is_left_alone() -> None:
    assert corrected(held(a=4), {A: 2}, {A: 5}) is None


def test_a_total_that_is_not_the_sum_is_put_right() -> None:
    assert corrected(Held(7, {A: 2}, 3), {A: 2}, {}) == {A: 2}


COUNTS = st.dictionaries(st.sampled_from([A, B]), st.integers(0, 5))


@given(COUNTS, COUNTS, COUNTS)
def test_a_correction_is_never_below_what_is_held_and_never_needed_twice(
    counted: dict[str, int], holding: dict[str, int], about_to: dict[str, int]
) -> None:
    right = corrected(Held(1, counted, sum(counted.values())), holding, about_to)
    after = counted if right is None else right
    assert all(after.get(number, 0) >= count for number, count in holding.items())
    assert corrected(Held(2, after, sum(after.values())), holding, about_to) is None
