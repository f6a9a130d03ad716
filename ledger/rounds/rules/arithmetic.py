"""Exact arithmetic on arrays of integers, which every aggregation rule shares (docs/spec/round.md, "Aggregation").

A rule is given its updates one at a time by a `Read`. Sums are int64; there is one division, exact, and nothing wraps.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ledger.errors import FedledgerError

Ints = NDArray[np.int32]
"""Values of a model or an update: int32, one dimension."""
Sums = NDArray[np.int64]
"""Sums of such values, and the mean update made of them: int64, one dimension."""
Read = Callable[[int], Ints]
"""Returns the values of the k-th admitted update, the same range of each. Called once for each k, in order."""

_INT32 = np.iinfo(np.int32)
_SLICE = 1 << 15
"""Values worked on at a time: as many as stay in a core's cache, which makes sums three times as fast."""


class Mean(NamedTuple):
    """A mean before its division: the exact sum for each value, and what all of them are divided by."""

    sums: Sums
    divisor: int

    def divided(self) -> Sums:
        """The mean update, rounded half away from zero."""
        return divide(self.sums, self.divisor)


class Saturated(FedledgerError):
    """A value of the next model does not fit into int32, so there is no next model."""

    exit_code = 1


def slices(values: int) -> Iterator[slice]:
    """`values` values cut into runs that stay in a core's cache."""
    return (slice(start, start + _SLICE) for start in range(0, values, _SLICE))


def divide(sums: Sums, divisor: int) -> Sums:
    """sums / divisor, rounded half away from zero, exactly, for |sums| < 2^63 and a divisor below 2^32."""
    quotients = np.empty_like(sums)
    for part in slices(len(sums)):
        dividend, quotient = sums[part], quotients[part]
        np.floor_divide(dividend, divisor, out=quotient)
        remainder = quotient * divisor
        np.subtract(dividend, remainder, out=remainder)
        remainder *= 2
        remainder += dividend > 0
        quotient += remainder > divisor
    return quotients


def add(base: Ints, change: Sums, start: int) -> Ints:
    """The next model's values, of which the first is value number `start` of the model.

    Raises Saturated, naming the first value that does not fit; never wraps or clips.
    """
    model: Ints = np.empty(len(base), "<i4")
    for part in slices(len(base)):
        _add(base[part], change[part], start + part.start, model[part])
    return model


def add_mean(base: Ints, mean: Mean, start: int) -> Ints:
    """As `add` of `mean.divided()`, in runs that stay in a core's cache."""
    model: Ints = np.empty(len(base), "<i4")
    for part in slices(len(base)):
        _add(base[part], divide(mean.sums[part], mean.divisor), start + part.start, model[part])
    return model


def _add(base: Ints, change: Sums, start: int, model: Ints) -> None:
    values = base + change
    if values.min() < _INT32.min or values.max() > _INT32.max:
        at = int(((values < _INT32.min) | (values > _INT32.max)).argmax())
        raise Saturated("the next model does not fit into int32", value=start + at, actual=int(values[at]))
    model[:] = values
