"""Exact arithmetic on arrays of integers, which every aggregation rule shares (docs/spec/round.md, "Aggregation").

A rule is given its updates one at a time by a `Read`. Sums are int64; there is one division, exact, and nothing wraps.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ledger import kernel
from ledger.errors import FedledgerError
from ledger.formats.cid import CHUNK
from ledger.kernel import pure
from ledger.kernel.rooms import Rooms

Ints = NDArray[np.int32]
"""Values of a model or an update: int32, one dimension."""
Sums = NDArray[np.int64]
"""Sums of such values, and the mean update made of them: int64, one dimension."""
Read = Callable[[int], Ints]
"""Returns the values of the k-th admitted update, the same range of each. Called once for each k, in order."""

_INT32 = np.iinfo(np.int32)
_SLICE = 1 << 15
"""Values worked on at a time: as many as stay in a core's cache, which makes sums three times as fast."""
_LONG = 1 << 20
"""Bytes from which on memory is used again."""
BLOCKS = 2
"""Blocks of a band, at most (`kernel.run`)."""
_ROOMS = {"<i4": Rooms(BLOCKS * CHUNK, 3), "<i8": Rooms(2 * BLOCKS * CHUNK, 3)}
"""Memory of bands: of one that is summed, one that is made, and one that is written."""


Divisor = int | NDArray[np.uint64]
"""What sums are divided by, above 0 and below 2^32: one number for all of them, or one for each."""


class Mean(NamedTuple):
    """A mean before its division: the exact sum for each value, and what they are divided by."""

    sums: Sums
    divisor: Divisor

    def divided(self) -> Sums:
        """The mean update, rounded half away from zero."""
        return divide(self.sums, self.divisor)


class Saturated(FedledgerError):
    """A value of the next model does not fit into int32, so there is no next model."""

    exit_code = 1


def fresh(values: int, dtype: str) -> NDArray[Any]:
    """Memory for so many values, of those that bands had before where there is some."""
    size, rooms = values * np.dtype(dtype).itemsize, _ROOMS[dtype]
    room = rooms.take(size) if _LONG <= size <= rooms.size else None
    return np.empty(values, dtype) if room is None else np.frombuffer(room, dtype)


def slices(values: int) -> Iterator[slice]:
    """`values` values cut into runs that stay in a core's cache."""
    return (slice(start, start + _SLICE) for start in range(0, values, _SLICE))


def divide(sums: Sums, divisor: Divisor) -> Sums:
    """sums / divisor, rounded half away from zero, exactly, for |sums| < 2^63 and a divisor below 2^32."""
    quotients, scratch = np.empty_like(sums), np.empty(_SLICE, np.int64)
    for part in slices(len(sums)):
        by = divisor[part] if isinstance(divisor, np.ndarray) else divisor
        pure.divide(sums[part], by, quotients[part], scratch[: len(sums[part])])
    return quotients


def add(base: Ints, change: Sums, start: int) -> Ints:
    """The next model's values, of which the first is value number `start` of the model.

    Raises Saturated, naming the first value that does not fit; never wraps or clips.
    """
    model: Ints = fresh(len(base), "<i4")
    scratch = np.empty(_SLICE, np.int64)
    for part in slices(len(base)):
        _add(base[part], change[part], start + part.start, model[part], scratch)
    return model


def add_mean(base: Ints, mean: Mean, start: int) -> Ints:
    """As `add` of `mean.divided()`, in one go where there is one divisor."""
    if isinstance(mean.divisor, np.ndarray):
        return add(base, mean.divided(), start)
    model: Ints = fresh(len(base), "<i4")
    fit = kernel.add_mean(model, base, mean.sums, mean.divisor)
    if fit < len(model):
        raise _saturated(start + fit, int(base[fit]) + int(divide(mean.sums[fit : fit + 1], mean.divisor)[0]))
    return model


def _add(base: Ints, change: Sums, start: int, model: Ints, scratch: Sums) -> None:
    values = np.add(base, change, out=scratch[: len(base)])
    if values.min() < _INT32.min or values.max() > _INT32.max:
        at = int(((values < _INT32.min) | (values > _INT32.max)).argmax())
        raise _saturated(start + at, int(values[at]))
    model[:] = values


def _saturated(value: int, actual: int) -> Saturated:
    return Saturated("the next model does not fit into int32", value=value, actual=actual)
