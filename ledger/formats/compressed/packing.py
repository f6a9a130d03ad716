"""Where the values of a compressed update stand in its file (docs/spec/artifact.md, "A compressed update").

A value of the model is q · 2^s, with an integer q of 8 or 4 bits, and a shift s that its whole tensor has. The shifts
are the file's first tensor, so that the tensor root is over them, too.
"""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Literal, NamedTuple

from ledger.formats.artifact import Layout, Tensor
from ledger.formats.merkle import VALUES

Bits = Literal[8, 4]
SHIFTS = "!shifts"
"""The tensor of shifts: one byte for each tensor of the model. Its name is less than those of others."""


class TensorRange(NamedTuple):
    """Values `start` to `stop`, counted in their tensor; the tensor by its number."""

    tensor: int
    start: int
    stop: int


class Packing(Layout):
    """The layout of a compressed update's file, in bytes, for a `model` of int32.

    Raises Malformed for a model of too many tensors, or with one whose name is not behind that of the shifts.
    """

    def __init__(self, model: Layout, bits: Bits) -> None:
        self.model, self.bits, self.share = model, bits, 8 // bits
        self.most = (1 << bits - 1) - 1
        """The largest magnitude of a q: 127, or 7."""
        self.largest_shift = 32 - bits
        """With it the largest q still fits into int32."""
        self.shifts = len(model.tensors)
        packed = (Tensor(one.name, self._shape(one), 0) for one in model.tensors)
        super().__init__((Tensor(SHIFTS, (self.shifts,), 0), *packed), "I8" if bits == 8 else "U8")

    def place(self, value: int) -> int:
        """The byte, counted from the end of the header, in which value number `value` of the model stands."""
        tensor = bisect_right(self.model.starts, value) - 1
        return self.starts[1 + tensor] + (value - self.model.starts[tensor]) // self.share

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """The first byte of values `start` to `stop` of the model, and the one behind their last."""
        return self.place(start), self.place(stop - 1) + 1

    def segments(self, start: int, stop: int) -> Iterator[TensorRange]:
        """Values `start` to `stop` of the model, tensor by tensor."""
        tensor = bisect_right(self.model.starts, start) - 1
        while start < stop:
            first, behind = self.model.starts[tensor], min(stop, self.model.starts[tensor + 1])
            yield TensorRange(tensor, start - first, behind - first)
            start, tensor = behind, tensor + 1

    def locate(self, value: int) -> tuple[str, int]:
        """The tensor that a byte belongs to, and the number in it of the first value that the byte holds."""
        name, place = super().locate(value)
        return name, place if value < self.shifts else place * self.share

    def chunk_of(self, value: int) -> int | None:
        """The chunk of the model that the first value of a byte is in; None for a shift, which is in all of them."""
        if value < self.shifts:
            return None
        tensor = bisect_right(self.starts, value) - 2
        return (self.model.starts[tensor] + self.locate(value)[1]) // VALUES

    def _shape(self, tensor: Tensor) -> tuple[int, ...]:
        return tensor.shape if self.share == 1 else (-(-tensor.values // self.share),)
