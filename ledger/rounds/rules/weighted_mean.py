"""The mean of the updates, weighted by their samples (docs/spec/round.md, "Aggregation").

B. McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, AISTATS 2017.
"""

from collections.abc import Sequence
from threading import Lock

import numpy as np

from ledger.kernel import add_weighted
from ledger.rounds.rules.arithmetic import Ints, Mean, Read, Sums, fresh


def weighted_mean(weights: Sequence[int], read: Read) -> Mean:
    """Σ w·q / Σ w for each value. Holds one update at a time, whatever their number."""
    return Mean(weighted_sum(weights, read), sum(weights))


def weighted_sum(weights: Sequence[int], read: Read) -> Sums:
    """Σ w·q for each value: a partial sum that may be added to any other, in any order. What `read` gives as int64 is
    such a sum already, and is added as it is.

    It fits int64 for up to 255 updates whose weights are within the job's bounds (docs/spec/job.md, rule 4).
    """
    total = _begun(first := read(0))
    _add(total, first, weights[0])
    del first
    for position in range(1, len(weights)):
        _add(total, read(position), weights[position])
    return total


def _add(total: Sums, piece: Ints | Sums, weight: int) -> None:
    """An update by its weight; an edge's sum (int64) holds its children's weights already."""
    if piece.dtype == np.int64:
        np.add(total, piece, out=total)
    else:
        add_weighted(total, piece.view("<i4"), weight)


class WeightedSums:
    """The same sums, of many bands, from pieces that several threads bring: exact sums need no order.

    Of every band comes a piece of each update, then one of something else, which is handed back. `divisor` is 0 for the
    sum of the weights.
    """

    def __init__(self, weights: Sequence[int], divisor: int = 0) -> None:
        self._weights, self._divisor = weights, divisor or sum(weights)
        self._lock, self._sums = Lock(), dict[int, Sums]()

    def take(self, number: int, piece: Ints) -> Ints | None:
        """Add piece `number` to its band's sums, or hand it back where it is not an update's."""
        band, position = divmod(number, len(self._weights) + 1)
        if position == len(self._weights):
            return piece
        with self._lock:
            if band not in self._sums:
                self._sums[band] = _begun(piece)
            _add(self._sums[band], piece, self._weights[position])
        return None

    def of(self, band: int) -> Mean:
        """The mean of a band, once all its pieces have come; to be asked for once."""
        with self._lock:
            return Mean(self._sums.pop(band), self._divisor)


def _begun(first: Ints) -> Sums:
    """Sums of as many values as a piece has, all 0."""
    total: Sums = fresh(len(first), "<i8")
    total.fill(0)
    return total
