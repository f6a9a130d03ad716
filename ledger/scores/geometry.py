"""Lengths and angles of updates from exact sums of integers (docs/spec/scores.md, "Genuine updates" and "Cosine").

Updates are read in bands, so that their memory is one band of each.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from ledger.scores.coalition import Values

Sums = NDArray[np.int64]
MILLION = 1_000_000
_BAND = 1 << 15
_HALF = 31
"""Bits of the low part of a value that is too large to multiply whole."""


def dot(left: Sums, right: Sums) -> int:
    """The exact scalar product of two arrays of at most 2^15 values, none of magnitude 2^62 or more.

    In int64: directly where the bound allows; else in parts of 31 bits, or of 16 where that is still too much.
    """
    if _magnitude(left) * _magnitude(right) * max(left.size, 1) < 1 << 63:
        return int(left @ right)
    bits = _HALF if min(_magnitude(left), _magnitude(right)) < 1 << 16 else 16
    if _magnitude(left) < _magnitude(right):
        left, right = right, left
    low = left & ((1 << bits) - 1)
    return (dot(left >> bits, right) << bits) + dot(low, right)


def _magnitude(values: Sums) -> int:
    return max(int(values.max()), -int(values.min())) if values.size else 0


def cosine(product: int, left: int, right: int) -> int:
    """product / √(left · right), in parts per million, rounded half away from zero; 0 where a length is."""
    if not left or not right:
        return 0
    doubled = isqrt(4 * MILLION**2 * product**2 // (left * right))
    return (doubled + 1) // 2 if product > 0 else -((doubled + 1) // 2)


def squares(updates: Sequence[Values], size: int) -> list[int]:
    """The square of each update's length."""
    totals = [0] * len(updates)
    for band in _bands(updates, size):
        for position, values in enumerate(band):
            totals[position] += dot(values, values)
    return totals


def cosines_to_others(weights: Sequence[int], updates: Sequence[Values], size: int) -> list[int]:
    """The cosine of each update to the weighted sum of the others, in parts per million.

    With s the weighted sum of all: u·(s - w·u) = u·s - w·u·u, and |s - w·u|² = s·s - 2·w·u·s + w²·u·u.
    """
    own, across, whole = [0] * len(updates), [0] * len(updates), 0
    for band in _bands(updates, size):
        total = np.zeros(len(band[0]), np.int64)
        for weight, values in zip(weights, band, strict=True):
            total += values * weight
        whole += dot(total, total)
        for position, values in enumerate(band):
            own[position] += dot(values, values)
            across[position] += dot(values, total)
    return [cosine(s - w * u, u, whole - 2 * w * s + w * w * u) for w, u, s in zip(weights, own, across, strict=True)]


@dataclass
class _Pair:
    """What is known of two updates' angle after some bands."""

    later: int
    earlier: int
    product: int = 0
    later_square: int = 0
    earlier_square: int = 0

    def near(self, whole: int, ppm: int) -> bool:
        """Whether what is left of the later one, seen along the earlier, may be `ppm` of its length or less.

        It only grows with every band, so a pair that is not near now never will be.
        """
        left = self.later_square * self.earlier_square - self.product**2
        return left * MILLION**2 <= ppm**2 * whole * self.earlier_square


def near_pairs(
    updates: Sequence[Values], pairs: Iterable[tuple[int, int]], lengths: Sequence[int], size: int, ppm: int
) -> set[tuple[int, int]]:
    """The pairs (later, earlier) whose angle is less than 90° and has a sine of `ppm` parts per million or less.

    `lengths` are the squares of the updates' lengths. A pair is dropped at the first band that rules it out, which for
    independent updates is the first of all.
    """
    left = [_Pair(*pair) for pair in pairs if lengths[pair[0]] and lengths[pair[1]]]
    for start in range(0, size, _BAND):
        if not left:
            break
        _extend(left, updates, start, min(size, start + _BAND))
        left = [pair for pair in left if pair.near(lengths[pair.later], ppm)]
    return {(pair.later, pair.earlier) for pair in left if pair.product > 0}


def _extend(pairs: list[_Pair], updates: Sequence[Values], start: int, stop: int) -> None:
    """Take one more band into the pairs' products and squares."""
    used = {position for pair in pairs for position in (pair.later, pair.earlier)}
    band = {position: updates[position](start, stop).astype(np.int64) for position in used}
    own = {position: dot(values, values) for position, values in band.items()}
    small = max(map(_magnitude, band.values())) ** 2 * (stop - start) < 1 << 63
    for pair in pairs:
        left, right = band[pair.later], band[pair.earlier]
        pair.product += int(left @ right) if small else dot(left, right)
        pair.later_square += own[pair.later]
        pair.earlier_square += own[pair.earlier]


def _bands(updates: Sequence[Values], size: int) -> Iterator[list[Sums]]:
    for start in range(0, size, _BAND):
        stop = min(size, start + _BAND)
        yield [values(start, stop).astype(np.int64) for values in updates]
