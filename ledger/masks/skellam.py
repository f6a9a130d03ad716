"""Noise of integers: the difference of two Poisson numbers of one rate (J. Skellam 1946), from uniform words alone.

A value is the number of thresholds that a number of 128 random bits reaches (inversion; L. Devroye 1986, chapter III).
Thresholds follow from the rate by integers alone, so everybody draws the same noise from the same words, and the law is
Skellam's to within 2^-108 for each value (docs/spec/privacy.md, "Noise of a member").
"""

from functools import lru_cache
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from ledger.masks.streams import Words

_REACH, _EXTRA, _START = 20, 64, 1 << 192
_HALF, _MASK = 64, (1 << 64) - 1
_BUCKETS = 16
"""Bits of a word by which most values are found at once."""

Values = NDArray[np.int64]


def masses(rate: int) -> list[int]:
    """What the values 0, 1, … weigh, up to `reach`: the modified Bessel functions of the first kind at 2·rate, by
    their recurrence from the far end (J. Miller 1952): I(k - 1) = I(k + 1) + I(k) · k / rate.
    """
    above, here = 0, _START
    found = [here]
    for k in range(reach(rate), 0, -1):
        above, here = here, above + k * here // rate
        found.append(here)
    return found[::-1]


def reach(rate: int) -> int:
    """The largest value: more than 20 standard deviations."""
    return _REACH * (isqrt(2 * rate) + 1) + _EXTRA


def thresholds(rate: int) -> list[int]:
    """Those of the values from -reach on, ascending, of 128 bits each: value -reach + j is of the numbers that reach
    just j of them.
    """
    found, below, weighed = list[int](), 0, masses(rate)
    whole = weighed[0] + 2 * sum(weighed[1:])
    for one in [*weighed[:0:-1], *weighed[:-1]]:
        below += one
        found.append((below << 2 * _HALF) // whole)
    return found


class Skellam:
    """The law of a rate. Both parts of its number have mean `rate`: it has mean 0 and variance 2·rate."""

    def __init__(self, rate: int) -> None:
        found = thresholds(rate)
        zeros = next(place for place, one in enumerate(found) if one)
        self._least = zeros - reach(rate)
        self._high = np.array([one >> _HALF for one in found[zeros:]], np.uint64)
        self._low = np.array([one & _MASK for one in found[zeros:]], np.uint64)
        starts = np.arange(1 << _BUCKETS, dtype=np.uint64) << np.uint64(_HALF - _BUCKETS)
        self._first = np.searchsorted(self._high, starts).astype(np.int32)
        ends = np.append(self._first[1:], np.int32(len(self._high)))
        self._many = ends - self._first > 1
        self._padded = np.append(self._high, np.uint64(_MASK))

    def values(self, words: Words) -> tuple[Values, NDArray[np.intp]]:
        """The value of each word, and the places of those that the word alone does not settle: one in 2^48 or fewer
        (`settle`).
        """
        bucket = words >> np.uint64(_HALF - _BUCKETS)
        place = self._first[bucket]
        passed = self._padded[place]
        found = np.add(place, passed < words, dtype=np.int64)
        search = np.flatnonzero(self._many[bucket])
        found[search] = np.searchsorted(self._high, words[search])
        open_ = np.flatnonzero(self._padded[found] == words)
        found += self._least
        return found, open_

    def settle(self, word: int, lower: int) -> int:
        """The value of a word with the word that stands below it."""
        start, stop = (int(np.searchsorted(self._high, np.uint64(word), side)) for side in ("left", "right"))
        return self._least + start + int(np.searchsorted(self._low[start:stop], np.uint64(lower), "right"))


@lru_cache(4)
def skellam(rate: int) -> Skellam:
    """The law of a rate, kept: its thresholds take a moment."""
    return Skellam(rate)
