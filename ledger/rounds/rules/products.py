"""The exact scalar products of all pairs of a round's updates (docs/spec/round.md, "Shares"): all that a rule by shares
asks of them.

Why they are exact, though they are done as products of float64 matrices (as `ledger.scores.inference`): a float64
holds every integer up to 2^53. A run has at most 2^12 values. Where none is beyond 2^20 in magnitude, each product of
two runs, and each sum of a part of it, is an integer of at most 2^52. Where one is, values are split into
high · 2^16 + low with |low| <= 2^15 and |high| <= 2^16, for values of up to 33 bits, and the products of the parts are
at most 2^44. So nothing is ever rounded, in whatever order a BLAS library adds. 2^9 runs fit into int64; then they are
added up in Python's integers.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ledger.rounds.rules.arithmetic import Ints, Sums

Matrix = Sequence[Sequence[int]]
"""The products of each update with each."""

_RUN = 1 << 12
_SMALL = 1 << 20
_RUNS = 1 << 9
_SHIFTS = (32, 16, 0)
"""What the products of high parts, of high and low ones, and of low ones are multiplied by: bits."""

_Floats = NDArray[np.float64]


class Products:
    """The products of so many vectors, which come band by band: memory is one band of each."""

    def __init__(self, vectors: int) -> None:
        self._parts = np.zeros((len(_SHIFTS), vectors, vectors), np.int64)
        self._whole = np.zeros((vectors, vectors), object)
        self._runs = 0

    def add(self, band: Sequence[Ints | Sums]) -> None:
        """The next band of each vector, in order: values of at most 33 bits, as many of each."""
        size = len(band[0])
        room = np.empty((len(band), min(_RUN, size)), np.int64)
        for start in range(0, size, _RUN):
            run = room[:, : min(_RUN, size - start)]
            for row, values in zip(run, band, strict=True):
                row[:] = values[start : start + _RUN]
            self._take(run)

    def matrix(self) -> list[list[int]]:
        """The products of all that was added."""
        self._settle()
        return [[int(value) for value in row] for row in self._whole]

    def _take(self, run: Sums) -> None:
        if max(int(run.max()), -int(run.min())) <= _SMALL:
            whole = run.astype(np.float64)
            self._parts[2] += (whole @ whole.T).astype(np.int64)
        else:
            low = ((run + (1 << 15)) & 0xFFFF) - (1 << 15)
            self._take_split((run - low >> 16).astype(np.float64), low.astype(np.float64))
        self._runs += 1
        if self._runs == _RUNS:
            self._settle()

    def _take_split(self, high: _Floats, low: _Floats) -> None:
        across = (high @ low.T).astype(np.int64)
        self._parts[0] += (high @ high.T).astype(np.int64)
        self._parts[1] += across + across.T
        self._parts[2] += (low @ low.T).astype(np.int64)

    def _settle(self) -> None:
        for part, shift in zip(self._parts, _SHIFTS, strict=True):
            self._whole += part.astype(object) << shift
        self._parts[:] = 0
        self._runs = 0
