"""Figures of a column's numbers, batch by batch: exact counts in bins whose width doubles where the range grows."""

from math import ceil, floor, frexp, isfinite, ldexp, log2, sqrt
from sys import float_info

import numpy as np
from numpy.typing import NDArray

from participant.profile.document import Bin, Numbers

BINS = 40
SENTINELS = (0.0, -1.0, 9.0, -9.0, 99.0, -99.0, 999.0, -999.0, 9999.0, -9999.0, 99999.0, 88.0, 888.0, 8888.0)
"""Numbers that people write where nothing was measured."""
_APART = 0.25
"""How far from the other numbers, in parts of their range, a sentinel stands."""


class NumberFigures:
    """Counts, bounds, mean and variance (Chan, Golub and LeVeque 1983), and a histogram of finite float64 numbers."""

    def __init__(self, bins: int = BINS, clip: tuple[float, float] | None = None, ranks: int = 0) -> None:
        """`bins` is how many hold the range, at least; with `clip` numbers beyond its ends count as these. `ranks` is
        how many of the smallest and of the largest numbers are kept, one by one.
        """
        self.count, self._most, self._clip, self._ranks = 0, bins, clip, ranks
        self._lowest = self._highest = np.empty(0)
        self.fractions = 0
        self.mean = self._squares = 0.0
        self.minimum, self.maximum = float("inf"), float("-inf")
        self.others = (float("inf"), float("-inf"))
        self.sentinels = dict.fromkeys(SENTINELS, 0)
        self._power, self._first = 0, 0.0
        self._bins: dict[int, int] = {}

    def add(self, numbers: NDArray[np.float64], counts: NDArray[np.int64] | None = None) -> None:
        """Add numbers, each once or so often as `counts` says."""
        if not numbers.size:
            return
        with np.errstate(all="ignore"):
            self._add(numbers, counts)

    def _add(self, numbers: NDArray[np.float64], counts: NDArray[np.int64] | None) -> None:
        weights = np.ones(1, np.int64) if counts is None else counts
        self._add_sentinels(numbers, counts)
        self._add_ends(numbers, counts)
        fractional = numbers != np.floor(numbers)
        self.fractions += int(fractional.sum() if counts is None else counts[fractional].sum())
        numbers = numbers if self._clip is None else np.clip(numbers, *self._clip)
        before = self.maximum - self.minimum
        self._first = self._first if self.count else float(numbers[0])
        total = numbers.size if counts is None else int(counts.sum())
        mean = float((numbers * weights).sum() / total)
        mean = mean if isfinite(mean) else float((numbers / total * weights).sum())
        squares = float((np.square(numbers - mean) * weights).sum())
        apart = mean - self.mean
        whole = self.count + total
        self._squares += squares + (apart * apart * (self.count / whole * total) if self.count else 0.0)
        kept = self.mean * (self.count / whole) + mean * (total / whole)
        self.mean = self.mean + apart * (total / whole) if isfinite(apart) else kept
        self.count = whole
        self.minimum, self.maximum = min(self.minimum, float(numbers.min())), max(self.maximum, float(numbers.max()))
        self._add_bins(numbers, counts, before)

    def _add_ends(self, numbers: NDArray[np.float64], counts: NDArray[np.int64] | None) -> None:
        if not self._ranks:
            return
        each = numbers if counts is None else np.repeat(numbers, np.minimum(counts, self._ranks))
        self._lowest = np.sort(np.concatenate([self._lowest, each]))[: self._ranks]
        self._highest = np.sort(np.concatenate([self._highest, each]))[-self._ranks :]

    @property
    def ends(self) -> tuple[float, float]:
        """The `ranks`-th smallest and the `ranks`-th largest number, where there are so many."""
        return float(self._lowest[-1]), float(self._highest[0])

    def _add_sentinels(self, numbers: NDArray[np.float64], counts: NDArray[np.int64] | None) -> None:
        special = np.isin(numbers, SENTINELS)
        if special.any():
            for number, count in _counted(numbers[special], None if counts is None else counts[special]):
                self.sentinels[number] += count
            numbers = numbers[~special]
        if numbers.size:
            low, high = self.others
            self.others = (min(low, float(numbers.min())), max(high, float(numbers.max())))

    def _add_bins(self, numbers: NDArray[np.float64], counts: NDArray[np.int64] | None, before: float) -> None:
        """`before` is the range of all numbers so far: while that is zero, all of them are one number in one bin."""
        power = self._width()
        if not before > 0:
            known = sum(self._bins.values())
            self._power = power
            self._bins = {self._bin(self._first): known} if known else {}
        elif power > self._power:
            old, steps = self._bins, power - self._power
            self._power, self._bins = power, {}
            for place, count in old.items():
                self._bins[place >> steps] = self._bins.get(place >> steps, 0) + count
        places = np.floor(np.ldexp(numbers, -self._power))
        first = float(places.min())
        counted = np.bincount((places - first).astype(np.int64), weights=counts)
        for place in np.flatnonzero(counted).tolist():
            at = int(first) + place
            self._bins[at] = self._bins.get(at, 0) + int(counted[place])

    def _width(self) -> int:
        """The power of two that a bin is wide, by the range so far: its ends are two float64, and none overflows."""
        width = self.maximum / self._most - self.minimum / self._most
        finest = frexp(max(abs(self.minimum), abs(self.maximum)))[1] - float_info.mant_dig
        return max(ceil(log2(width)) if width > 0 else 0, finest)

    def _bin(self, number: float) -> int:
        return floor(ldexp(number, -self._power))

    def result(self) -> Numbers | None:
        """What was found; None where there were no numbers."""
        if not self.count:
            return None
        width, most = 2.0**self._power, float_info.max
        bins = tuple(
            Bin(max(place * width, -most), min((place + 1) * width, most), self._bins[place])
            for place in sorted(self._bins)
        )
        deviation = sqrt(self._squares / (self.count - 1)) if self.count > 1 else 0.0
        return Numbers(self.count, self.minimum, self.maximum, self.mean, deviation, self.sentinels.get(0.0, 0), bins)

    def suspected(self) -> list[tuple[float, int]]:
        """Sentinels that stand apart from the other numbers, or are the only number there is, with their counts."""
        low, high = self.others
        found = []
        for number, count in self.sentinels.items():
            if count and count == self.count > 1:
                found.append((number, count))
            elif count and low < high:
                gap = low - number if number < low else number - high
                if gap > _APART * (high - low):
                    found.append((number, count))
        return found


def _counted(numbers: NDArray[np.float64], counts: NDArray[np.int64] | None) -> list[tuple[float, int]]:
    different, at, plain = np.unique(numbers, return_inverse=True, return_counts=True)
    if counts is not None:
        plain = np.bincount(at, weights=counts).astype(np.int64)
    return list(zip(different.tolist(), plain.tolist(), strict=True))
