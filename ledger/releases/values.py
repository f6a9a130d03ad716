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


class Group:
    """The tensors of a layout whose values have the same size: one run through the model makes them."""

    def __init__(self, layout: Layout, size: int) -> None:
        """Runs of values with the same conversion: where each ends, and the conversion; None for other groups'."""
        self._stops: list[int] = []
        self._converts: list[Convert | None] = []
        kind: object = None
        for tensor, start in zip(layout.tensors, layout.starts, strict=False):
            same = (tensor.released, tensor.fraction_bits) if size_of(tensor) == size else None
            if not self._stops or same != kind:
                kind = same
                self._stops.append(start)
                self._converts.append(_conversion(tensor) if same else None)
            self._stops[-1] = start + tensor.values

    def pieces(self, model: Iterator[Buffer]) -> Iterator[bytes]:
        """The group's values; `model` is the whole model's integers, read to its end."""
        start = 0
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
