"""Counts add up, or are refused; what follows from their sum is what all rows together have."""

from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.errors import Malformed
from ledger.releases.counts import BINS, Counts, add, check, figures_of

ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, BINS - 1)), min_size=1, max_size=40)


def counted(rows: list[tuple[int, int]]) -> Counts:
    """Counts of rows of two classes, (class, bin); from the middle on, class 1 is predicted."""
    cells, scores = [[0, 0], [0, 0]], [[0] * BINS, [0] * BINS]
    for target, bin_ in rows:
        cells[target][bin_ >= BINS // 2] += 1
        scores[target][bin_] += 1
    return Counts(confusion=tuple(map(tuple, cells)), scores=(tuple(scores[0]), tuple(scores[1])))


@given(rows=ROWS)
def test_figures_are_those_of_the_rows(rows: list[tuple[int, int]]) -> None:
    found = figures_of(counted(rows))
    right = [target == (bin_ >= BINS // 2) for target, bin_ in rows]
    assert found["accuracy"] == Fraction(sum(right), len(rows))
    ill, well = ([bin_ for target, bin_ in rows if target == side] for side in (1, 0))
    assert ("auc" in found) == bool(ill and well)
    if ill and well:
        worth = [Fraction(1 + (high > low) - (high < low), 2) for high, low in product(ill, well)]
        assert found["auc"] == sum(worth, Fraction()) / len(worth)
    recalls = [
        Fraction(sum((bin_ >= BINS // 2) == side for bin_ in side_rows), len(side_rows))
        for side, side_rows in ((True, ill), (False, well))
        if side_rows
    ]
    assert found["balanced_accuracy"] == sum(recalls, Fraction()) / len(recalls)
    assert all(0 <= value <= 1 for value in found.values())


@given(parts=st.lists(ROWS, min_size=1, max_size=4))
def test_the_sum_of_the_parties_counts_is_that_of_all_rows(parts: list[list[tuple[int, int]]]) -> None:
    together = add([counted(part) for part in parts])
    assert together == counted([row for part in parts for row in part])
    assert together is not None
    check(together, sum(map(len, parts)), "all")


def test_a_mean_of_areas_is_no_area() -> None:
    """Two parties, each of whose rows are told apart perfectly, and together not at all."""
    low, high = counted([(0, 10), (1, 20)]), counted([(0, 80), (1, 90)])
    assert figures_of(low)["auc"] == figures_of(high)["auc"] == 1
    together = add([low, high])
    assert together is not None
    assert figures_of(together)["auc"] == Fraction(3, 4)


@given(rows=ROWS)
def test_a_histogram_that_is_right_on_average_has_no_calibration_error(rows: list[tuple[int, int]]) -> None:
    """In each bin as many rows of class 1 as its middle says."""
    bins = {bin_ for _, bin_ in rows}
    exact = [(int(n < 2 * bin_ + 1), bin_) for bin_ in bins for n in range(2 * BINS)]
    assert figures_of(counted(exact))["calibration_error"] == 0


def test_three_classes_have_an_f1_over_those_that_occur() -> None:
    low, high = [0] * BINS, [0] * BINS
    low[50], high[99] = 1, 5
    counts = Counts(confusion=((3, 1, 0), (0, 2, 0), (0, 0, 0)), scores=(tuple(low), tuple(high)))
    check(counts, 6, "it")
    found = figures_of(counts)
    assert found["f1"] == (Fraction(6, 7) + Fraction(4, 5)) / 2
    assert "auc" not in found
    assert found["calibration_error"] == (abs(0 - Fraction(101, 200)) + 5 * (1 - Fraction(199, 200))) / 6


GOOD = counted([(0, 3), (0, 70), (1, 99)])
SHORT = tuple([0] * (BINS - 1))
BAD: dict[str, tuple[Any, str]] = {
    "more than n": (replace(GOOD, confusion=((1, 2), (0, 1))), "does not add up"),
    "fewer than n": (replace(GOOD, confusion=((1, 0), (0, 1))), "does not add up"),
    "negative": (replace(GOOD, confusion=((2, -1), (1, 1))), "negative"),
    "not square": (replace(GOOD, confusion=((1, 1, 0), (0, 1, 0))), "not a square"),
    "ragged": (replace(GOOD, confusion=((1, 1), (1,))), "not a square"),
    "one class": (replace(GOOD, confusion=((3,),)), "not a square"),
    "none": (replace(GOOD, confusion=()), "not a square"),
    "too many classes": (replace(GOOD, confusion=((0,) * 65,) * 65), "not a square"),
    "bins": (replace(GOOD, scores=(SHORT, GOOD.scores[1])), "number of bins"),
    "histograms of other classes": (replace(GOOD, scores=GOOD.scores[::-1]), "histograms"),
    "a histogram of more": (replace(GOOD, scores=(GOOD.scores[0], GOOD.scores[0])), "histograms"),
}


@pytest.mark.parametrize(("counts", "why"), BAD.values(), ids=BAD)
def test_counts_that_do_not_add_up_are_refused(counts: Counts, why: str) -> None:
    check(GOOD, 3, "it")
    with pytest.raises(Malformed, match=why):
        check(counts, 3, "it")


def test_unlike_classes_are_not_put_together() -> None:
    three = Counts(confusion=((1, 0, 0), (0, 1, 0), (0, 0, 1)), scores=GOOD.scores)
    assert add([GOOD, three]) is None
    assert add([]) is None
