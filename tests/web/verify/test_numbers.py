"""The page's arithmetic: means, medians, ranges and norms are Python's, value for value, at every edge."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import kernel
from ledger.jobs.rules import Median, Rule, TrimmedMean, WeightedMean
from ledger.rounds.rules import mean_of
from ledger.rounds.rules.arithmetic import Saturated, add_mean

VECTORS = Path(__file__).parents[2] / "vectors"
LOW, HIGH = -(1 << 31), (1 << 31) - 1
HEAVIEST = (1 << 24) - 1
VALUES = st.one_of(
    st.integers(LOW, HIGH), st.sampled_from([LOW, LOW + 1, -1, 0, 1, HIGH, 65535, 65536, -65536, -65537])
)


def python_s(rule: Rule, weights: list[int], updates: list[list[int]], base: list[int]) -> list[int] | None:
    arrays = [np.array(one, "<i4") for one in updates]
    try:
        return [int(value) for value in add_mean(np.array(base, "<i4"), mean_of(rule, weights, arrays.__getitem__), 0)]
    except Saturated:
        return None


def test_the_frozen_means_are_made(modules: Any) -> None:
    for case in json.loads((VECTORS / "aggregation.json").read_text())["cases"]:
        base = [0] * len(case["updates"][0])
        for number, name in enumerate(("weighted_mean", "median")):
            made = modules("mean", number, 0, case["weights"], case["updates"], base)
            assert made == case["results"][name]


@settings(max_examples=400)
@given(st.data(), st.integers(1, 9), st.integers(1, 6), st.integers(0, 2))
def test_any_mean_is_python_s(modules: Any, data: st.DataObject, updates: int, values: int, number: int) -> None:
    trim = data.draw(st.integers(0, (updates - 1) // 2)) if number == 2 else 0
    if number == 2 and trim == 0:
        number = 1
    rule: Rule = (WeightedMean(), Median(), TrimmedMean(trim))[number]
    weights = data.draw(st.lists(st.integers(1, HEAVIEST), min_size=updates, max_size=updates))
    row = st.lists(VALUES, min_size=values, max_size=values)
    given_ = data.draw(st.lists(row, min_size=updates, max_size=updates))
    base = data.draw(st.one_of(row, st.just([0] * values)))
    assert modules("mean", number, trim, weights, given_, base) == python_s(rule, weights, given_, base)


def test_the_heaviest_round_there_can_be_is_exact(modules: Any) -> None:
    for value in (LOW, HIGH, LOW + 1, HIGH - 1):
        updates = [[value, value - (value > 0) + (place % 2), -1] for place in range(255)]
        updates = [[min(max(one, LOW), HIGH) for one in row] for row in updates]
        weights = [HEAVIEST - place % 3 for place in range(255)]
        base = [0, 0, 0]
        assert modules("mean", 0, 0, weights, updates, base) == python_s(WeightedMean(), weights, updates, base)


def test_halves_go_away_from_zero(modules: Any) -> None:
    updates = [[1, -1, 3, -3, 0], [0, 0, 0, 0, 0]]
    assert modules("mean", 0, 0, [1, 1], updates, [0] * 5) == [1, -1, 2, -2, 0]
    assert modules("mean", 1, 0, [5, 7], updates, [0] * 5) == [1, -1, 2, -2, 0]


def test_a_slice_s_border_changes_nothing(modules: Any) -> None:
    source = np.random.default_rng(5)
    updates = source.integers(LOW, HIGH, (3, 9000), endpoint=True).tolist()
    base = [0] * 9000
    for number, rule in enumerate((WeightedMean(), Median())):
        assert modules("mean", number, 0, [3, 5, 9], updates, base) == python_s(rule, [3, 5, 9], updates, base)


@settings(max_examples=200)
@given(st.lists(VALUES, max_size=20), st.integers(0, 1 << 32))
def test_ranges_and_squares_are_python_s(modules: Any, values: list[int], seed: int) -> None:
    source = np.random.default_rng(seed)
    for more in ([], source.integers(-(1 << 20), 1 << 20, 5000, endpoint=True).tolist(), [LOW] * 5000):
        whole = [*values, *more]
        largest, squares = kernel.survey(np.array(whole, "<i4"))
        assert modules("survey", whole) == [int(largest), str(int(squares))]
