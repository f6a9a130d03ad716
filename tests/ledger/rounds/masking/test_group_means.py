"""Rules over means of groups: exact, one rounding, the same in any order of groups."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.jobs.rules import Median, Rule, TrimmedMean, WeightedMean
from ledger.rounds.masking.means import mean_of_groups
from ledger.rounds.rules.arithmetic import add_mean

HEAVIEST = 255 * ((1 << 24) - 1)
"""All updates of a round together weigh no more."""
LARGEST = (1 << 31) - 1


def rounded(value: Fraction) -> int:
    """Half away from zero."""
    whole = (2 * abs(value.numerator) + value.denominator) // (2 * value.denominator)
    return whole if value >= 0 else -whole


def expected(rule: Rule, sums: list[int], weights: list[int]) -> int:
    """One value, by fractions."""
    if isinstance(rule, WeightedMean):
        return rounded(Fraction(sum(sums), sum(weights)))
    trim = rule.trim if isinstance(rule, TrimmedMean) else (len(sums) - 1) // 2
    ranked = sorted(range(len(sums)), key=lambda k: (Fraction(sums[k], weights[k]), k))
    kept = ranked[trim : len(sums) - trim]
    return rounded(Fraction(sum(sums[k] for k in kept), sum(weights[k] for k in kept)))


@st.composite
def groups(draw: st.DrawFn) -> tuple[list[int], list[list[int]]]:
    """Weights of groups, and the sums of some values; means that are equal, or nearly so, are common."""
    count = draw(st.integers(1, 7))
    weights = draw(st.lists(st.integers(1, HEAVIEST // count) | st.integers(1, 4), min_size=count, max_size=count))
    means = st.integers(-LARGEST, LARGEST) | st.integers(-3, 3)
    values = []
    for _ in range(draw(st.integers(1, 4))):
        near = draw(means)
        value = [near if draw(st.booleans()) else draw(means) for _ in weights]
        off = [draw(st.integers(-1, 1)) for _ in weights]
        limits = [LARGEST * weight for weight in weights]
        sums = [mean * weight + more for mean, weight, more in zip(value, weights, off, strict=True)]
        values.append([min(max(one, -limit), limit) for one, limit in zip(sums, limits, strict=True)])
    return weights, values


@settings(max_examples=300)
@given(made=groups(), data=st.data())
def test_rules_over_groups_are_the_fractions_ones(made: tuple[list[int], list[list[int]]], data: st.DataObject) -> None:
    weights, values = made
    rules: list[Rule] = [WeightedMean(), Median()]
    if len(weights) > 2:
        rules.append(TrimmedMean(trim=data.draw(st.integers(1, (len(weights) - 1) // 2))))
    for rule in rules:
        sums = [np.array(column, np.int64) for column in zip(*values, strict=True)]
        before = [one.copy() for one in sums]
        mean = mean_of_groups(rule, sums, weights)
        found = [expected(rule, value, weights) for value in values]
        assert mean.divided().tolist() == found
        assert all((one == other).all() for one, other in zip(sums, before, strict=True)), "coalitions use them again"
        small = [value for value in found if abs(value) <= LARGEST]
        if len(small) == len(found):
            assert add_mean(np.zeros(len(found), "<i4"), mean, 0).tolist() == found


def test_a_median_is_no_mean_and_a_heavy_group_cannot_carry_it_away() -> None:
    sums, weights = [np.array([10]), np.array([22]), np.array([10**12])], [10, 20, 30]
    assert mean_of_groups(Median(), sums, weights).divided().tolist() == [1]
    assert mean_of_groups(TrimmedMean(trim=1), sums, weights).divided().tolist() == [1]
    assert mean_of_groups(WeightedMean(), sums, weights).divided().tolist() == [rounded(Fraction(10**12 + 32, 60))]


def test_of_two_left_in_the_middle_the_heavier_weighs_more() -> None:
    sums, weights = [np.array([-100]), np.array([0]), np.array([90]), np.array([1000])], [1, 1, 9, 1]
    assert mean_of_groups(Median(), sums, weights).divided().tolist() == [9]


def test_fractions_that_differ_by_less_than_2_to_the_minus_63_are_told_apart() -> None:
    """1 / (W - 1) - 1 / W for W below 2^32: the finest difference that there is."""
    weight = (1 << 32) - 1
    sums, weights = [np.array([1]), np.array([1]), np.array([0])], [weight, weight - 1, 1]
    mean = mean_of_groups(Median(), sums, weights)
    assert (mean.sums.tolist(), list(mean.divisor)) == ([1], [weight])  # type: ignore[arg-type]


@pytest.mark.parametrize("far", [1 << 31, 1 << 40, -(1 << 31) - 1])
def test_a_mean_beyond_32_bits_is_ordered_like_any_other(far: int) -> None:
    sums, weights = [np.array([3 * far]), np.array([15]), np.array([-30]), np.array([6]), np.array([0])], [3] * 5
    assert mean_of_groups(Median(), sums, weights).divided().tolist() == [2 if far > 0 else 0]


def test_nothing_is_left_by_trimming_all() -> None:
    with pytest.raises(Malformed, match="trimming leaves no group"):
        mean_of_groups(TrimmedMean(trim=1), [np.array([1]), np.array([2])], [1, 1])
