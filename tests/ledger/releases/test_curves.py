"""Curves and intervals are those of the counts, exactly."""

from fractions import Fraction
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.releases.counts import BINS, Counts, figures_of
from ledger.releases.curves import calibration, roc
from ledger.releases.intervals import UNIT, share, spread

BIN = st.integers(0, 5)
HALVES = st.lists(st.tuples(BIN, BIN), min_size=BINS, max_size=BINS).filter(
    lambda bins: all(any(one[side] for one in bins) for side in (0, 1))
)


def counted(bins: list[tuple[int, int]]) -> Counts:
    """Counts of two classes whose threshold is a half."""
    low, high = (tuple(one[side] for one in bins) for side in (0, 1))
    half = BINS // 2
    return Counts(
        confusion=((sum(low[:half]), sum(low[half:])), (sum(high[:half]), sum(high[half:]))), scores=(low, high)
    )


@given(HALVES)
def test_the_area_under_the_curve_is_the_area_of_the_counts(bins: list[tuple[int, int]]) -> None:
    counts = counted(bins)
    curve = roc(counts)
    assert curve is not None
    first, last = curve.points[0], curve.points[-1]
    assert (first.false, first.true) == (0, 0)
    assert (last.false, last.true) == (curve.negatives, curve.positives)
    area = sum(
        Fraction((after.false - before.false) * (after.true + before.true), 2)
        for before, after in zip(curve.points, curve.points[1:], strict=False)
    )
    assert area / (curve.negatives * curve.positives) == figures_of(counts)["auc"]


def test_rows_of_one_class_or_more_than_two_classes_have_no_curve() -> None:
    assert roc(Counts(confusion=((1, 0), (0, 0)), scores=((1, *[0] * 99), (0,) * 100))) is None
    three = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    assert roc(Counts(confusion=three, scores=((0,) * 100, (*[0] * 99, 3)))) is None


@given(HALVES)
def test_calibration_has_every_row_once(bins: list[tuple[int, int]]) -> None:
    counts = counted(bins)
    tenths = calibration(counts)
    assert sum(one.found.whole for one in tenths) == counts.rows
    assert sum(one.found.part for one in tenths) == sum(counts.scores[1])
    assert all(one.low <= one.said <= one.high for one in tenths)


@given(st.integers(1, 10**6).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole))))
def test_an_interval_is_wilsons_rounded_outwards(rows: tuple[int, int]) -> None:
    part, whole = rows
    found = share(part, whole)
    z, p = 1.96, part / whole
    middle, off = p + z * z / (2 * whole), z * sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole))
    low, high = (middle - off) / (1 + z * z / whole), (middle + off) / (1 + z * z / whole)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert float(found.low) == pytest.approx(low, abs=3e-6)
    assert float(found.high) == pytest.approx(high, abs=3e-6)
    assert (found.low * UNIT).denominator == (found.high * UNIT).denominator == 1


def test_an_interval_that_is_known() -> None:
    """81 of 263, as Newcombe (1998) has it: 0.2553 to 0.3662."""
    found = share(81, 263)
    assert (round(float(found.low), 4), round(float(found.high), 4)) == (0.2553, 0.3662)


def test_the_gap_is_newcombes() -> None:
    """56 of 70 against 48 of 80, as Newcombe (1998) has it: 0.2000, from 0.0524 to 0.3339."""
    named = [("worse", rows(48, 80)), ("better", rows(56, 70))]
    found = spread(named)
    assert found is not None
    assert (found.worst.name, found.best.name, found.gap) == ("worse", "better", Fraction(1, 5))
    assert (round(float(found.low), 4), round(float(found.high), 4)) == (0.0524, 0.3339)
    assert spread(named[:1]) is None


def rows(right: int, whole: int) -> Counts:
    """So many rows of class 0, of which so many were predicted rightly."""
    return Counts(confusion=((right, whole - right), (0, 0)), scores=((whole, *[0] * 99), (0,) * 100))
