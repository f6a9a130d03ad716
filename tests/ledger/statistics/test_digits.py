"""Sums survive the mean's one division, whatever is summed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.statistics.digits import BASE, digits_of, sum_of_digit, sums_of, written


def mean_of(values: list[int]) -> int:
    """As `weighted_mean` divides: half away from zero."""
    total, count = sum(values), len(values)
    rounded = (2 * abs(total) + count) // (2 * count)
    return rounded if total >= 0 else -rounded


@given(st.lists(st.integers(0, BASE - 1), min_size=1, max_size=255))
def test_a_sum_follows_from_the_mean(digits: list[int]) -> None:
    assert sum_of_digit(mean_of([256 * digit for digit in digits]), len(digits)) == sum(digits)


@given(st.lists(st.lists(st.integers(0, BASE**3 - 1), min_size=2, max_size=2), min_size=1, max_size=255))
def test_sums_of_large_numbers_do(numbers: list[list[int]]) -> None:
    updates = [written(one, 3) for one in numbers]
    means = [mean_of(list(values)) for values in zip(*updates, strict=True)]
    assert list(sums_of(means, 3, len(numbers))) == [sum(each) for each in zip(*numbers, strict=True)]


@given(st.integers(1, 127), st.integers(0, 1 << 20))
def test_a_model_of_other_integers_is_refused(updates: int, digit: int) -> None:
    """Half of a digit in one update alone shows: the model is the mean of no whole numbers."""
    with pytest.raises(Malformed, match="no whole numbers"):
        sum_of_digit(mean_of([256 * digit + 128] + [0] * (updates - 1)), updates)


def test_a_number_beyond_its_digits_is_refused() -> None:
    with pytest.raises(Malformed, match="does not fit"):
        digits_of(BASE**2, 2)
