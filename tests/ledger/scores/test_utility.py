"""Utilities are whole numbers that depend on outputs and labels alone, and are right to the millionth."""

from decimal import Decimal, getcontext
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.scores import utility
from ledger.scores.utility import BOUND, MAX_LOSS, BadUtility, checked, from_float, measure

getcontext().prec = 50
output = st.integers(-(1 << 31), (1 << 31) - 1) | st.integers(-(1 << 18), 1 << 18)


@st.composite
def labelled(draw: st.DrawFn, classes: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    wide = classes or draw(st.integers(2, 5))
    rows = draw(st.integers(1, 12))
    values = draw(st.lists(st.lists(output, min_size=wide, max_size=wide), min_size=rows, max_size=rows))
    labels = draw(st.lists(st.integers(0, wide - 1), min_size=rows, max_size=rows))
    return np.array(values, np.int64), np.array(labels, "<i4")


@given(labelled())
def test_loss_is_the_cross_entropy_to_the_millionth(case: tuple[np.ndarray, np.ndarray]) -> None:
    outputs, labels = case
    for row, label, found in zip(
        outputs.tolist(), labels.tolist(), utility.cross_entropies(outputs, labels), strict=True
    ):
        scaled = [Decimal(value - max(row)) / 65536 for value in row]
        exact = sum(value.exp() for value in scaled).ln() - scaled[label]
        exact = min(exact, Decimal(MAX_LOSS))
        assert abs(Decimal(int(found)) / 1_000_000 - exact) < Decimal("0.000001")


@given(labelled())
def test_loss_is_minus_the_rounded_mean_and_bounded(case: tuple[np.ndarray, np.ndarray]) -> None:
    outputs, labels = case
    each = [int(loss) for loss in utility.cross_entropies(outputs, labels)]
    assert measure("loss", outputs, labels) == -round(Fraction(sum(each), len(each)) + Fraction(1, 10**9))
    assert all(0 <= loss <= MAX_LOSS * 1_000_000 for loss in each)


@given(labelled(), st.integers(-(1 << 20), 1 << 20))
def test_loss_does_not_change_with_a_shift(case: tuple[np.ndarray, np.ndarray], shift: int) -> None:
    outputs, labels = case
    assert measure("loss", outputs + shift, labels) == measure("loss", outputs, labels)


@given(labelled())
def test_accuracy_counts_the_first_of_the_largest(case: tuple[np.ndarray, np.ndarray]) -> None:
    outputs, labels = case
    right = sum(row.index(max(row)) == label for row, label in zip(outputs.tolist(), labels.tolist(), strict=True))
    assert measure("accuracy", outputs, labels) == (2_000_000 * right + len(labels)) // (2 * len(labels))


@given(labelled(classes=2))
def test_auc_counts_pairs_and_ties_half(case: tuple[np.ndarray, np.ndarray]) -> None:
    outputs, labels = case
    if len(set(labels.tolist())) < 2:
        with pytest.raises(Malformed, match="both classes"):
            measure("auc", outputs, labels)
        return
    margin = (outputs[:, 1] - outputs[:, 0]).tolist()
    ill = [m for m, label in zip(margin, labels, strict=True) if label]
    well = [m for m, label in zip(margin, labels, strict=True) if not label]
    twice = sum(2 * (a > b) + (a == b) for a, b in product(ill, well))
    pairs = 2 * len(ill) * len(well)
    assert measure("auc", outputs, labels) == (2_000_000 * twice + pairs) // (2 * pairs)


@given(st.integers(0, MAX_LOSS << 16))
def test_the_exponential_is_right_to_its_last_bits(x: int) -> None:
    exact = (Decimal(-x) / 65536).exp() * (1 << 31)
    assert abs(int(utility.exponential(np.array([x]))[0]) - exact) <= Decimal("1.6")


@given(st.integers(1 << 31, 1 << 43))
def test_the_logarithm_is_right_to_its_last_bits(s: int) -> None:
    exact = (Decimal(s) / (1 << 31)).ln() * (1 << 31)
    assert abs(int(utility.logarithm(np.array([s]))[0]) - exact) < 14


def test_the_tables_are_pinned() -> None:
    """docs/spec/scores.md lists these: they are numbers of the specification, not of a library."""
    coarse, fine = utility._exponentials()
    steps, two = utility._logarithms()
    assert (len(coarse), coarse[:3].tolist(), len(fine), fine[:3].tolist()) == (
        1025,
        [2147483648, 2081412522, 2017374191],
        2048,
        [2147483648, 2147450880, 2147418113],
    )
    assert (len(steps), steps[:3].tolist(), two) == (1024, [0, 2096129, 4190213], 1488522236)
    assert int(coarse.sum()) + int(fine.sum()) + int(steps.sum()) == PINNED


PINNED = 5248595086267


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1001.0])
def test_a_figure_that_is_not_a_number_is_refused(value: float) -> None:
    with pytest.raises(BadUtility) as caught:
        from_float(value)
    assert "not a number" in caught.value.message or caught.value.facts["maximum"] == BOUND


@pytest.mark.parametrize(("value", "ppm"), [(0.5, 500_000), (-0.0000005, 0), (0.9823, 982_300), (1, 1_000_000)])
def test_a_private_figure_becomes_parts_per_million(value: float, ppm: int) -> None:
    assert from_float(value) == ppm


@pytest.mark.parametrize("value", [None, True, 0.5, "1", float("nan"), BOUND + 1, -BOUND - 1])
def test_what_is_not_a_utility_is_refused(value: Any) -> None:
    with pytest.raises(BadUtility) as caught:
        checked(value)
    assert caught.value.facts["actual"] is value


def test_outputs_without_labels_are_refused() -> None:
    for outputs, labels in (
        (np.zeros((2, 2), np.int64), np.zeros(3, "<i4")),
        (np.zeros((0, 2), np.int64), np.zeros(0, "<i4")),
    ):
        with pytest.raises(Malformed, match="for each of its labels"):
            measure("accuracy", outputs, labels)
