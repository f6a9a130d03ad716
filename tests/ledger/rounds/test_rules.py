"""Aggregation is exact: against fractions and slow references, in any order or grouping, and at the extremes."""

import random
from collections.abc import Sequence
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.jobs.rules import Median, Rule, TrimmedMean, WeightedMean
from ledger.jobs.scores import MAX_WEIGHT
from ledger.rounds.rules import MAX_UPDATES, combine
from ledger.rounds.rules.arithmetic import Mean, Saturated, add, add_mean, divide
from ledger.rounds.rules.weighted_mean import weighted_sum

LOW, HIGH = -(1 << 31), (1 << 31) - 1
int32 = st.integers(LOW, HIGH) | st.sampled_from([LOW, LOW + 1, -1, 0, 1, HIGH - 1, HIGH])
weight = st.integers(1, MAX_WEIGHT) | st.sampled_from([1, 2, MAX_WEIGHT - 1, MAX_WEIGHT])
SIZES = [1, 255, 256, 257]


def rounded(value: Fraction) -> int:
    """Half away from zero."""
    return floor(value + Fraction(1, 2)) if value >= 0 else -floor(-value + Fraction(1, 2))


def reference(rule: Rule, weights: Sequence[int], columns: np.ndarray) -> list[int]:
    """The rule as a textbook has it, one coordinate after the other, in fractions."""
    out = []
    for column in columns.T.tolist():
        if isinstance(rule, WeightedMean):
            mean = Fraction(sum(w * q for w, q in zip(weights, column, strict=True)), sum(weights))
        elif isinstance(rule, Median):
            ranked, half = sorted(column), len(column) // 2
            mean = Fraction(ranked[half] if len(column) % 2 else ranked[half - 1] + ranked[half], 2 - len(column) % 2)
        else:
            kept = sorted(column)[rule.trim : len(column) - rule.trim]
            mean = Fraction(sum(kept), len(kept))
        out.append(rounded(mean))
    return out


@given(st.integers(-(1 << 62), 1 << 62), st.integers(1, (1 << 32) - 1))
def test_divide_is_the_fraction_rounded(total: int, divisor: int) -> None:
    total %= divisor << 31
    for sign in (1, -1):
        assert divide(np.array([sign * total]), divisor).tolist() == [rounded(Fraction(sign * total, divisor))]


@given(st.integers(LOW, HIGH), st.integers(1, (1 << 32) - 1), st.integers(-2, 2))
def test_divide_at_and_around_ties(quotient: int, divisor: int, off: int) -> None:
    total = quotient * divisor + divisor // 2 + off
    if abs(total) < 1 << 63:
        assert divide(np.array([total]), divisor).tolist() == [rounded(Fraction(total, divisor))]


@pytest.mark.parametrize(
    ("total", "divisor", "expected"),
    [(1, 2, 1), (-1, 2, -1), (3, 2, 2), (-3, 2, -2), (0, 7, 0), (5, 10, 1), (-5, 10, -1), (4, 10, 0), (-4, 10, 0),
     (HIGH * 255 * MAX_WEIGHT, 255 * MAX_WEIGHT, HIGH), (LOW * 255 * MAX_WEIGHT, 255 * MAX_WEIGHT, LOW),
     ((HIGH * 2 - 1) * 127, 254, HIGH), ((LOW * 2 + 1) * 127, 254, LOW), (LOW, 1, LOW), (HIGH, 1, HIGH)],
)  # fmt: skip
def test_divide_examples(total: int, divisor: int, expected: int) -> None:
    assert divide(np.array([total]), divisor).tolist() == [expected]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("updates", [1, 2, 3, 4, 5, 8, 255])
@pytest.mark.parametrize("rule", [WeightedMean(), Median(), TrimmedMean(trim=1), TrimmedMean(trim=2)], ids=str)
def test_each_rule_equals_its_reference(rule: Rule, updates: int, size: int) -> None:
    if isinstance(rule, TrimmedMean) and 2 * rule.trim >= updates:
        with pytest.raises(Malformed, match="leaves no update"):
            combine(rule, [1] * updates, lambda k: np.zeros(size, "<i4"))
        return
    generator = np.random.default_rng(updates * 1000 + size)
    columns = generator.integers(LOW, HIGH, (updates, size), endpoint=True).astype("<i4")
    columns[:, :2] = generator.integers(-3, 4, (updates, min(size, 2)))
    weights = generator.integers(1, MAX_WEIGHT, updates, endpoint=True).tolist()
    got = combine(rule, weights, lambda k: columns[k])
    assert got.dtype == np.int64
    assert got.tolist() == reference(rule, weights, columns)


@given(st.lists(st.tuples(weight, int32), min_size=1, max_size=12))
def test_the_mean_of_one_coordinate(updates: list[tuple[int, int]]) -> None:
    weights = [w for w, _ in updates]
    columns = np.array([[q] for _, q in updates], dtype="<i4")
    assert combine(WeightedMean(), weights, lambda k: columns[k]).tolist() == reference(
        WeightedMean(), weights, columns
    )


@given(
    st.lists(st.integers(-(1 << 63) + 1, (1 << 63) - 1), min_size=1, max_size=40),
    st.one_of(st.integers(1, 9), st.integers(1, (1 << 32) - 1)),
    st.integers(-3, 3),
)
def test_a_division_is_exact_and_halves_go_away_from_zero(sums: list[int], divisor: int, by: int) -> None:
    near = [divisor * (value >> 33) + divisor // 2 + by for value in sums]
    for dividends in (sums, [value for value in near if -(1 << 63) < value < 1 << 63]):
        found = divide(np.array(dividends, np.int64), divisor)
        assert found.tolist() == [rounded(Fraction(value, divisor)) for value in dividends]


@given(st.lists(int32, min_size=1, max_size=12))
def test_the_median_of_one_coordinate(column: list[int]) -> None:
    columns = np.array([[q] for q in column], dtype="<i4")
    assert combine(Median(), [1] * len(column), lambda k: columns[k]).tolist() == reference(Median(), [], columns)


@given(st.integers(1, 20), st.randoms(use_true_random=False))
def test_any_order_and_any_grouping_has_the_same_sums(updates: int, shuffle: random.Random) -> None:
    generator = np.random.default_rng(updates)
    columns = generator.integers(LOW, HIGH, (updates, 257), endpoint=True).astype("<i4")
    weights = generator.integers(1, MAX_WEIGHT, updates, endpoint=True).tolist()
    whole = weighted_sum(weights, lambda k: columns[k])
    order = shuffle.sample(range(updates), updates)
    groups: list[list[int]] = [[] for _ in range(shuffle.randint(1, updates))]
    for position in order:
        shuffle.choice(groups).append(position)
    partial = [weighted_sum([weights[k] for k in g], lambda k, g=g: columns[g[k]]) for g in groups if g]
    assert (sum(partial) == whole).all()
    assert (weighted_sum([weights[k] for k in order], lambda k: columns[order[k]]) == whole).all()
    for rule in (WeightedMean(), Median()):
        straight = combine(rule, weights, lambda k: columns[k])
        shuffled = combine(rule, [weights[k] for k in order], lambda k: columns[order[k]])
        assert (straight == shuffled).all()


@pytest.mark.parametrize("value", [LOW, HIGH])
def test_the_heaviest_round_does_not_overflow(value: int) -> None:
    """255 updates, each of the largest weight and value: the bound behind MAX_WEIGHT and MAX_UPDATES."""
    assert MAX_UPDATES * MAX_WEIGHT * (1 << 31) + 3 * (1 << 32) < 1 << 63
    column = np.full(257, value, dtype="<i4")
    sums = weighted_sum([MAX_WEIGHT] * MAX_UPDATES, lambda k: column)
    assert sums.tolist() == [MAX_UPDATES * MAX_WEIGHT * value] * 257
    assert combine(WeightedMean(), [MAX_WEIGHT] * MAX_UPDATES, lambda k: column).tolist() == [value] * 257
    mixed = combine(WeightedMean(), [MAX_WEIGHT] * 254, lambda k: np.array([LOW if k % 2 else HIGH], dtype="<i4"))
    assert mixed.tolist() == [rounded(Fraction(-1, 2))] == [-1]


@pytest.mark.parametrize("updates", [0, 256, 1000])
def test_rounds_of_no_or_too_many_updates_are_refused(updates: int) -> None:
    with pytest.raises(Malformed, match="1 to 255"):
        combine(WeightedMean(), [1] * updates, lambda k: np.zeros(1, "<i4"))


@given(int32, st.integers(LOW, HIGH))
def test_a_model_is_exact_or_saturated_and_never_wraps(base: int, change: int) -> None:
    bases, changes = np.array([0, base], dtype="<i4"), np.array([0, change], dtype=np.int64)
    total = base + change
    if LOW <= total <= HIGH:
        assert add(bases, changes, 0).tolist() == [0, total]
        return
    with pytest.raises(Saturated) as caught:
        add(bases, changes, 1000)
    assert dict(caught.value.facts) == {"value": 1001, "actual": total}


@pytest.mark.parametrize(("base", "change"), [(HIGH, 1), (LOW, -1), (HIGH, HIGH), (LOW, LOW)])
def test_one_more_than_fits(base: int, change: int) -> None:
    with pytest.raises(Saturated):
        add(np.array([base], dtype="<i4"), np.array([change]), 0)
    assert add(np.array([base], dtype="<i4"), np.array([0]), 0).tolist() == [base]


@pytest.mark.parametrize("at", [0, (1 << 15) - 1, 1 << 15, 70_000])
def test_a_mean_is_added_run_by_run(at: int) -> None:
    """As a whole would be, and a value that does not fit has its own number, in whatever run it is."""
    random = np.random.default_rng(at)
    base = random.integers(-1000, 1000, 70_001).astype("<i4")
    mean = Mean(random.integers(-(1 << 40), 1 << 40, len(base)), 4097)
    assert (add_mean(base, mean, 0) == add(base, mean.divided(), 0)).all()
    mean.sums[at] = 4097 << 31
    base[at] = 5
    with pytest.raises(Saturated) as caught:
        add_mean(base, mean, 1000)
    assert dict(caught.value.facts) == {"value": 1000 + at, "actual": (1 << 31) + 5}


def test_the_inputs_are_left_as_they_were() -> None:
    columns = np.random.default_rng(0).integers(LOW, HIGH, (5, 300)).astype("<i4")
    before = columns.copy()
    for rule in (WeightedMean(), Median(), TrimmedMean(trim=1)):
        combine(rule, [3] * 5, lambda k: columns[k])
    assert (columns == before).all()
