"""Artifacts: models and updates as files. A closed subset of safetensors (docs/spec/artifact.md).

One tensor stream, names ascending, no holes, behind a header that the ledger alone determines. So a reader does not
interpret a foreign header: it writes the one that must be there and compares (ledger/formats/header.py). Values are
int32; in a masked update they are words, uint64, in some states of a server optimiser int64, and in a compressed update
integers of 8 or 4 bits (ledger/formats/compressed).
"""

from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate
from math import prod

import msgspec

from ledger.errors import Malformed
from ledger.formats import header
from ledger.formats.cid import CHUNK
from ledger.formats.dtypes import FLOAT, Dtype
from ledger.formats.grammar import check_name
from ledger.formats.header import MAX_DIMENSIONS, MAX_VALUES, WIDTHS, Binding, FileDtype
from ledger.formats.merkle import LEAF, VALUES, leaf_hashes

Buffer = bytes | bytearray | memoryview

MAX_TENSORS = 100_000


class Tensor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tensor of a model: on the ledger its values are integers q that stand for q · 2^-fraction_bits.

    `dtype` is the type of a tensor of integers, which has no fraction bits; a tensor of floats has none.
    """

    name: str
    shape: tuple[int, ...]
    fraction_bits: int = 24
    dtype: Dtype | msgspec.UnsetType = msgspec.UNSET

    @property
    def released(self) -> str:
        """The type in a released file, as safetensors names it."""
        return FLOAT if isinstance(self.dtype, msgspec.UnsetType) else self.dtype

    @property
    def values(self) -> int:
        return prod(self.shape)


class Layout:
    """Where each tensor's values stand in an artifact: names ascending, one after the other.

    `dtype` is that of the file's values. Raises Malformed for a table that no model can have, or that stands in another
    order.
    """

    def __init__(self, tensors: tuple[Tensor, ...], dtype: FileDtype = "I32") -> None:
        _check_table(tensors)
        self.tensors, self.dtype, self.width = tensors, dtype, WIDTHS[dtype]
        self.starts = tuple(accumulate((tensor.values for tensor in tensors), initial=0))
        self.values = self.starts[-1]
        if self.values > MAX_VALUES:
            raise Malformed("the model is too large", values=self.values, maximum=MAX_VALUES)

    @cached_property
    def masked(self) -> "Layout":
        """The layout of a masked update with these tensors: a word for each value."""
        return Layout(self.tensors, "U64")

    @cached_property
    def wide(self) -> "Layout":
        """The layout of a state with these tensors whose values need int64."""
        return Layout(self.tensors, "I64")

    @cached_property
    def header_size(self) -> int:
        """Bytes before the values, the same for every artifact of the layout: a whole number of leaves."""
        return header.size_of(self.entries())

    @property
    def size(self) -> int:
        """Bytes of every artifact of the layout."""
        return self.header_size + self.width * self.values

    @property
    def leaves(self) -> int:
        return -(-self.values * self.width // LEAF)

    def locate(self, value: int) -> tuple[str, int]:
        """The tensor that holds value number `value` of the stream, and the value's place in it."""
        index = bisect_right(self.starts, value) - 1
        return self.tensors[index].name, value - self.starts[index]

    def chunk_of(self, value: int) -> int | None:
        """The chunk of the model that value number `value` of the stream is in."""
        return value // VALUES

    def header(self, binding: Binding) -> bytes:
        """The one header an artifact with this layout and binding has. Raises Malformed as `header.encode`."""
        return header.encode(binding, self.entries())

    def bound(self, head: bytes, binding: Binding) -> Binding | None:
        """The whole binding of a header (`header.bound`); None for one that is not the right one."""
        return header.bound(head, binding, self.entries())

    def bands(self, blocks: int = 1) -> Iterator[tuple[int, int]]:
        """The stream in bands (start, stop), in values, whose bytes are blocks of the stored file: the first of one,
        behind the header, the others of so many.
        """
        start, room = 0, CHUNK - self.header_size % CHUNK
        while start < self.values:
            stop = min(self.values, start + room // self.width)
            yield start, stop
            start, room = stop, blocks * CHUNK

    def body(self, pieces: Iterator[Buffer], binding: Binding) -> Iterator[Buffer]:
        """The values' bytes of an artifact that arrives in pieces, once its header is the right one.

        Pieces come in any size and go out as whole leaves, but for the last, and never longer than a chunk. Raises
        Malformed where the header is another (see `header.explain`), or the artifact shorter or longer than the layout
        says.
        """
        head, rest = _take(pieces, self.header_size)
        if self.bound(head, binding) is None:
            raise header.explain(head, binding, self.entries())
        left = self.width * self.values
        for piece in _whole_leaves(_chain(rest, pieces)):
            left -= len(piece)
            if left < 0:
                raise Malformed("the artifact is longer than its tensors", expected=self.size)
            if len(piece) % self.width:
                raise Malformed("the artifact is truncated", expected=self.size, actual=self.size - left)
            yield piece
        if left:
            raise Malformed("the artifact is truncated", expected=self.size, actual=self.size - left)

    def leaf_hashes(self, pieces: Iterator[Buffer], binding: Binding) -> list[bytes]:
        """The leaf hashes of a file's integers (docs/spec/artifact.md, "Tensor root"). Raises Malformed as `body`."""
        return [leaf for piece in self.body(pieces, binding) for leaf in leaf_hashes(piece)]

    def entries(self) -> dict[str, dict[str, object]]:
        """A safetensors header's table of the tensors."""
        return {
            tensor.name: {
                "data_offsets": [self.width * start, self.width * (start + tensor.values)],
                "dtype": self.dtype,
                "shape": list(tensor.shape),
            }
            for tensor, start in zip(self.tensors, self.starts, strict=False)
        }


def _check_table(tensors: tuple[Tensor, ...]) -> None:
    if not 0 < len(tensors) <= MAX_TENSORS:
        raise Malformed("a model has at least one tensor and not too many", tensors=len(tensors), maximum=MAX_TENSORS)
    names = [tensor.name for tensor in tensors]
    if names != sorted(set(names)):
        raise Malformed("tensor names must be ascending and unique", names=str(names)[:200])
    for tensor in tensors:
        check_name(tensor.name, "a tensor's name")
        if tensor.name == "__metadata__":
            raise Malformed("a tensor's name is not allowed", name=tensor.name)
        if not 0 < len(tensor.shape) <= MAX_DIMENSIONS or any(not 0 < n <= MAX_VALUES for n in tensor.shape):
            raise Malformed(
                f"tensor {tensor.name!r} has an impossible shape",
                advice="leave an empty tensor out of shared(model)" if 0 in tensor.shape else "",
                shape=tensor.shape,
            )
        if not 0 <= tensor.fraction_bits <= 30:
            raise Malformed(f"tensor {tensor.name!r}: fraction_bits must be 0 to 30", actual=tensor.fraction_bits)
        if tensor.fraction_bits and tensor.released != FLOAT:
            raise Malformed(
                f"tensor {tensor.name!r} is of integers, which have no fraction bits",
                dtype=tensor.released,
                actual=tensor.fraction_bits,
            )


def _take(pieces: Iterator[Buffer], size: int) -> tuple[bytes, Buffer]:
    """The first `size` bytes of the pieces, and what the last piece used has left."""
    head = bytearray()
    for piece in pieces:
        view = memoryview(piece).cast("B")
        need = size - len(head)
        head += view[:need]
        if len(head) == size:
            return bytes(head), view[need:]
    return bytes(head), b""


def _chain(first: Buffer, rest: Iterator[Buffer]) -> Iterator[Buffer]:
    yield first
    yield from rest


def _whole_leaves(pieces: Iterator[Buffer]) -> Iterator[Buffer]:
    """The same bytes in pieces of whole leaves, the last as it comes; copies only what straddles a border."""
    held = bytearray()
    for piece in pieces:
        view = memoryview(piece).cast("B")
        if held:
            need = LEAF - len(held)
            held += view[:need]
            view = view[need:]
            if len(held) < LEAF:
                continue
            yield held
        whole = len(view) - len(view) % LEAF
        for start in range(0, whole, CHUNK):
            yield view[start : min(start + CHUNK, whole)]
        held = bytearray(view[whole:])
    if held:
        yield held
