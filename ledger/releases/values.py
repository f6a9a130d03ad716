"""The values of a released file, from the integers of a model (docs/spec/release.md, "model.safetensors").

The one place outside `participant/` where floats are made (docs/adr/0011-released-models-as-floats.md): a float is
q · 2^-f, rounded once; an integer keeps its type (docs/adr/0030-integers-keep-their-type.md).
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledger.formats.artifact import Buffer, Layout, Tensor
from ledger.formats.dtypes import FLOAT, NUMPY, bounds

WIDTH = 4
"""Bytes of an integer in a model."""
Convert = Callable[[NDArray[np.int32]], NDArray[Any]]


def size_of(tensor: Tensor) -> int:
    """Bytes of one of the tensor's values in a released file."""
    return np.dtype(NUMPY[tensor.released]).itemsize


class Values:
    """Where a layout's values stand in a released file: wide types first, so that each is aligned; then by name."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._ordered = sorted(layout.tensors, key=lambda tensor: (-size_of(tensor), tensor.name))
        sizes = (size_of(tensor) * tensor.values for tensor in self._ordered)
        self._starts = list(accumulate(sizes, initial=0))
        self.size = self._starts[-1]

    def entries(self) -> dict[str, dict[str, object]]:
        """The header's table: names ascending, no holes."""
        placed = zip(self._ordered, self._starts, self._starts[1:], strict=False)
        found: dict[str, dict[str, object]] = {
            tensor.name: {"data_offsets": [start, stop], "dtype": tensor.released, "shape": list(tensor.shape)}
            for tensor, start, stop in placed
        }
        return dict(sorted(found.items()))

    @cached_property
    def groups(self) -> list["Group"]:
        """The values in their order: those of one size are one run through the model."""
        return [Group(self.layout, size) for size in sorted({size_of(t) for t in self.layout.tensors}, reverse=True)]

    def locate(self, byte: int) -> tuple[str, int]:
        """The tensor that has a value at this byte after the header, and the value's place in it."""
        index = bisect_right(self._starts, byte) - 1
        tensor = self._ordered[index]
        return tensor.name, (byte - self._starts[index]) // size_of(tensor)


def whole_integers(pieces: Iterator[Buffer]) -> Iterator[bytes]:
    """Bytes of integers, in pieces that end where one does."""
    rest = b""
    for piece in pieces:
        data = rest + piece
        end = len(data) - len(data) % WIDTH
        rest = data[end:]
        yield data[:end]


class Group:
    """The tensors of a layout whose values have the same size: one run through the model makes them."""

    def __init__(self, layout: Layout, size: int) -> None:
        """Runs of values with the same conversion: where each ends, and the conversion; None for other groups'.

        And of each tensor of the group: its first byte among the group's, and its first integer in the model.
        """
        self._width, self.size = size, 0
        self._firsts: list[tuple[int, int]] = []
        self._stops: list[int] = []
        self._converts: list[Convert | None] = []
        kind: object = None
        for tensor, start in zip(layout.tensors, layout.starts, strict=False):
            same = (tensor.released, tensor.fraction_bits) if size_of(tensor) == size else None
            if same:
                self._firsts.append((self.size, start))
                self.size += size * tensor.values
            if not self._stops or same != kind:
                kind = same
                self._stops.append(start)
                self._converts.append(_conversion(tensor) if same else None)
            self._stops[-1] = start + tensor.values

    def integer_at(self, byte: int) -> tuple[int, int]:
        """The integer that makes a byte of the group, by its place in the model, and the byte's place in its value."""
        first, start = self._firsts[bisect_right(self._firsts, byte, key=lambda pair: pair[0]) - 1]
        return start + (byte - first) // self._width, (byte - first) % self._width

    def pieces(self, model: Iterator[Buffer], start: int = 0) -> Iterator[bytes]:
        """The group's values; `model` is the model's integers from the one at `start` on, read to their end."""
        for piece in model:
            integers = np.frombuffer(piece, "<i4")
            stop, at = start + len(integers), start
            run = bisect_right(self._stops, start)
            while at < stop:
                end = min(stop, self._stops[run])
                convert = self._converts[run]
                if convert is not None:
                    yield convert(integers[at - start : end - start]).tobytes()
                at, run = end, run + 1
            start = stop


def _conversion(tensor: Tensor) -> Convert:
    """Integers of the ledger to values of a released file.

    An int32 becomes a float32 by one rounding (IEEE 754, to the nearest, ties to even); the scale is a power of two not
    below 2^-30, so that to multiply by it is exact. An integer stays what it is, or becomes the nearest of its type.
    """
    if tensor.released == FLOAT:
        scale = np.float32(2.0**-tensor.fraction_bits)
        return lambda integers: integers.astype("<f4") * scale
    low, high = bounds(tensor.released)
    return lambda integers: np.clip(integers, low, high).astype(NUMPY[tensor.released])
