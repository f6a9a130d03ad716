"""Least squares that gives every machine the same numbers (docs/spec/scores.md, "Regressions").

float64 throughout, and only additions, subtractions, multiplications and divisions of whole arrays by numpy: each
element is one IEEE-754 operation, in an order that the code fixes. No BLAS, no numpy sum, no fused multiply-add.
"""

from collections.abc import Collection, Sequence
from fractions import Fraction
from math import comb

import numpy as np
from numpy.typing import NDArray

from ledger.scores.utility import exponential

Floats = NDArray[np.float64]
Sums = NDArray[np.int64]

_SHARE_BITS = 16
_RIDGE = 2.0**-8
_DOUBLED = _SHARE_BITS - 1
"""Squares of shares are in units of 2^-32: this shift doubles them and leaves units of 2^-16."""
_FAR = 32 << 16


def weight(players: int, size: int) -> float:
    """The Shapley kernel of a coalition's size, as a multiple of that of one player alone."""
    return players * (players - 1) / (comb(players, size) * size * (players - size))


def constrained(
    rows: Sequence[Sequence[int]], weights: Sequence[float], gains: Sequence[int], total: int
) -> list[Fraction]:
    """The x that minimises Σ weight · (gain - row · x)² and adds up to `total`.

    That sum joins the equations as a row, which changes no solution and makes the matrix regular.
    """
    matrix, target = np.array(rows, np.float64), np.array(gains, np.float64)
    square, right = np.ones((matrix.shape[1],) * 2), np.full(matrix.shape[1], float(total))
    for row, factor, gain in zip(matrix, weights, target, strict=True):
        scaled = row * factor
        square += scaled[:, None] * row
        right += scaled * gain
    free, ones = _solve(square, right), _solve(square, np.ones_like(right))
    excess = (_sum(free) - total) / _sum(ones)
    return [Fraction(float(value)) for value in free - excess * ones]


def smooth(
    weights: Sequence[int], known: Sequence[Collection[int]], worths: Sequence[int], wanted: Sequence[Collection[int]]
) -> list[int]:
    """Kernel ridge regression of worths on mixtures: what the coalitions `wanted` are worth, in whole numbers.

    The kernel of two mixtures is exp(-2 · |p - q|²), the ridge 1/256, and the worths are counted from that of everyone,
    which stands second in `known`; the empty coalition, which has no mixture, stands first and is left out.
    """
    centre = worths[1]
    points, targets = _mixtures(weights, known[1:]), np.array(worths[1:], np.float64) - centre
    square = _kernel(points, points)
    square[np.diag_indices_from(square)] += _RIDGE
    factors = _solve(square, targets)
    guesses = np.full(len(wanted), float(centre))
    for column, factor in zip(_kernel(points, _mixtures(weights, wanted)), factors, strict=True):
        guesses += column * factor
    return [int(guess) for guess in np.rint(guesses)]


def _mixtures(weights: Sequence[int], coalitions: Sequence[Collection[int]]) -> Sums:
    """Each player's share in each coalition's mean, in units of 2^-16, rounded down."""
    shares = np.zeros((len(coalitions), len(weights)), np.int64)
    for row, members in zip(shares, coalitions, strict=True):
        whole = sum(weights[k] for k in members)
        for k in members:
            row[k] = (weights[k] << _SHARE_BITS) // whole
    return shares


def _kernel(points: Sums, others: Sums) -> Floats:
    """exp(-2 · |p - q|²) for each of `points` and each of `others`, from integers."""
    rows = [((others - point) ** 2).sum(axis=1) for point in points]
    kernel: Floats = exponential(np.minimum(np.array(rows) >> _DOUBLED, _FAR)).astype(np.float64)
    return kernel * 2.0**-31


def _solve(square: Floats, right: Floats) -> Floats:
    """The solution of equations with a symmetric positive definite matrix, by elimination without pivots."""
    left, x = square.copy(), right.copy()
    for k in range(len(x)):
        factors = left[k + 1 :, k] / left[k, k]
        left[k + 1 :, k + 1 :] -= factors[:, None] * left[k, k + 1 :]
        x[k + 1 :] -= factors * x[k]
    for k in range(len(x) - 1, -1, -1):
        x[k] /= left[k, k]
        x[:k] -= left[:k, k] * x[k]
    return x


def _sum(values: Floats) -> float:
    """From left to right."""
    total = 0.0
    for value in values.tolist():
        total += value
    return total
