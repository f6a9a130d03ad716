"""The kernel's functions in C, called through ctypes, which leaves Python's lock free meanwhile (kernel.c)."""

import ctypes
import platform
from collections.abc import Sequence
from ctypes import POINTER, c_int, c_int32, c_size_t, c_uint8, c_uint64, c_void_p
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledger.kernel.hashing import NODE
from ledger.kernel.pure import (
    Buffer,
    Ints,
    Sums,
    checked_mean,
    checked_nodes,
    checked_size,
    checked_skips,
    checked_sum,
    checked_values,
    flat,
)

VERSION = 4
"""FL_VERSION of the kernel.c that this file calls."""
SHA, AVX2, AVX512 = 1, 2, 4
"""What `features` may hold."""
_MOST = 1 << 31
"""Values surveyed at a time: halves of so many squares fit 64 bits."""

_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "fl_version": (c_int, []),
    "fl_features": (c_int, []),
    "fl_hash": (None, [c_int, POINTER(c_void_p), *[POINTER(c_size_t)] * 2, *[c_size_t] * 2, c_uint8, *[c_void_p] * 2]),
    "fl_grow": (None, [c_int, c_void_p, c_uint64, c_void_p, c_size_t]),
    "fl_survey": (None, [c_int, c_void_p, c_size_t, POINTER(c_uint64)]),
    "fl_add_weighted": (None, [c_int, c_void_p, c_void_p, c_size_t, c_int32]),
    "fl_add_mean": (c_size_t, [c_int, c_void_p, c_void_p, c_void_p, c_size_t, c_uint64, c_uint64, c_int]),
}


class Native:
    """A loaded kernel. Raises OSError or AttributeError where the file is not one.

    `features` are the processor's own, or fewer: without `SHA`, plain C.
    """

    def __init__(self, file: Path, features: int | None = None) -> None:
        library = ctypes.CDLL(str(file))
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
        self.file, self._library = file, library
        self.version: int = library.fl_version()
        found: int = library.fl_features()
        self.features = found if features is None else found & features

    @property
    def instructions(self) -> str:
        """What the hashes are made with, in words."""
        sha = "SHA-NI" if platform.machine().lower() in {"x86_64", "amd64"} else "ARMv8 SHA2"
        return f"{sha}, 3 lanes" + (", AVX-512 for leaves" if self.features & AVX512 else "")

    def leaf_hashes(self, data: Buffer, size: int) -> bytes:
        """See `ledger.kernel.leaf_hashes`."""
        return self._hash([data], checked_size(size), [0], whole=False)[1][0]

    def digests(self, blocks: Sequence[Buffer]) -> list[bytes]:
        """See `ledger.kernel.digests`."""
        return self._hash(blocks, 0, None)[0]

    def digests_and_leaves(
        self, blocks: Sequence[Buffer], size: int, skips: Sequence[int] | None = None
    ) -> tuple[list[bytes], list[bytes]]:
        """See `ledger.kernel.digests_and_leaves`."""
        return self._hash(blocks, checked_size(size), checked_skips(blocks, skips))

    def grow(self, peaks: bytearray, leaves: int, hashes: Buffer) -> int:
        """See `ledger.kernel.pure.grow`."""
        nodes = checked_nodes(peaks, leaves, hashes)
        room = np.empty(len(nodes) + NODE, np.uint8)
        room[NODE:] = nodes
        count = len(nodes) // NODE
        self._library.fl_grow(self.features & AVX512, _address(flat(peaks)), leaves, _address(room), count)
        return leaves + count

    def survey(self, values: Ints) -> tuple[int, int]:
        """See `ledger.kernel.survey`."""
        checked_values(values, "<i4")
        found, largest, squares = (c_uint64 * 3)(), 0, 0
        for start in range(0, len(values), _MOST):
            part = values[start : start + _MOST]
            self._library.fl_survey(self.features & AVX2, _address(part), len(part), found)
            largest, squares = max(largest, found[0]), squares + found[1] + (found[2] << 32)
        return largest, squares

    def add_weighted(self, total: Sums, values: Ints, weight: int) -> None:
        """See `ledger.kernel.add_weighted`."""
        checked_sum(total, values, weight)
        self._library.fl_add_weighted(self.features & AVX2, _address(total), _address(values), len(values), weight)

    def add_mean(self, model: Ints, base: Ints, sums: Sums, divisor: int) -> int:
        """See `ledger.kernel.add_mean`."""
        checked_mean(model, base, sums, divisor)
        bits = (divisor - 1).bit_length()
        factor = (((1 << bits) - divisor) << 64) // divisor + 1
        places = _address(model), _address(base), _address(sums)
        fit: int = self._library.fl_add_mean(self.features & AVX512, *places, len(model), divisor // 2, factor, bits)
        return fit

    def _hash(
        self, blocks: Sequence[Buffer], piece: int, skips: Sequence[int] | None, whole: bool = True
    ) -> tuple[list[bytes], list[bytes]]:
        """Digests of the blocks, if `whole`, and of each its pieces' digests joined, where `piece` is not 0."""
        runs = [flat(block) for block in blocks]
        count = len(runs)
        sizes = [len(run) for run in runs]
        starts = [min(skip, size) for skip, size in zip(skips or [0] * count, sizes, strict=True)]
        lengths = [
            NODE * -(-(size - start) // piece) if piece else 0 for size, start in zip(sizes, starts, strict=True)
        ]
        digests, pieces = bytearray(NODE * count if whole else 0), bytearray(sum(lengths))
        self._library.fl_hash(
            self.features & AVX512,
            (c_void_p * count)(*map(_address, runs)),
            (c_size_t * count)(*sizes),
            (c_size_t * count)(*starts),
            count,
            piece,
            0,
            _address(flat(digests)) if whole else None,
            _address(flat(pieces)),
        )
        return _cut(digests, [NODE] * (count if whole else 0)), _cut(pieces, lengths)


def _address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _cut(data: bytearray, lengths: Sequence[int]) -> list[bytes]:
    """The data in pieces of those lengths."""
    pieces, start = [], 0
    for length in lengths:
        pieces.append(bytes(data[start : start + length]))
        start += length
    return pieces
