"""The kernel's functions in Python and numpy: what the native ones must equal, and what runs where there are none."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledger.kernel import hashing
from ledger.kernel.hashing import NODE, PEAKS

Buffer = bytes | bytearray | memoryview | NDArray[Any]
"""Bytes in one run: a bytes-like object or a C-contiguous array, of any alignment, that may be read-only."""
Ints = NDArray[np.int32]
Sums = NDArray[np.int64]

WEIGHTS = 1 << 31
"""Weights are smaller than this in magnitude."""
MOST = 1 << 62
"""Sizes and counts are smaller than this."""
_INT32 = np.iinfo(np.int32)
_SLICE = 1 << 15
"""Values worked on at a time: as many as stay in a core's cache."""


def leaf_hashes(data: Buffer, size: int) -> bytes:
    """See `ledger.kernel.leaf_hashes`."""
    return b"".join(hashing.leaf_hashes(flat(data).data, checked_size(size)))


def digests(blocks: Sequence[Buffer]) -> list[bytes]:
    """See `ledger.kernel.digests`."""
    return [hashlib.sha256(flat(block).data).digest() for block in blocks]


def digests_and_leaves(
    blocks: Sequence[Buffer], size: int, skips: Sequence[int] | None = None
) -> tuple[list[bytes], list[bytes]]:
    """See `ledger.kernel.digests_and_leaves`."""
    skips = checked_skips(blocks, skips)
    leaves = [leaf_hashes(flat(block)[skip:], size) for block, skip in zip(blocks, skips, strict=True)]
    return digests(blocks), leaves


def grow(peaks: bytearray, leaves: int, hashes: Buffer) -> int:
    """Add leaf hashes, joined, to a tree of so many leaves; returns how many it has then.

    Of its peaks, the full tree of 2^k leaves stands at place k, for each bit k of the number of leaves.
    """
    nodes = checked_nodes(peaks, leaves, hashes).tobytes()
    return hashing.grow(peaks, leaves, [nodes[at : at + NODE] for at in range(0, len(nodes), NODE)])


def survey(values: Ints) -> tuple[int, int]:
    """See `ledger.kernel.survey`."""
    checked_values(values, "<i4")
    largest = squares = 0
    for start in range(0, len(values), _SLICE):
        part = values[start : start + _SLICE]
        peak = max(int(part.max()), -int(part.min()))
        largest, squares = max(largest, peak), squares + _squares(part, peak)
    return largest, squares


def add_weighted(total: Sums, values: Ints, weight: int) -> None:
    """See `ledger.kernel.add_weighted`."""
    checked_sum(total, values, weight)
    room = np.empty(min(_SLICE, len(values)), np.int64)
    for start in range(0, len(values), _SLICE):
        part = values[start : start + _SLICE]
        product = room[: len(part)]
        product[:] = part
        product *= weight
        total[start : start + _SLICE] += product


def add_mean(model: Ints, base: Ints, sums: Sums, divisor: int) -> int:
    """See `ledger.kernel.add_mean`."""
    checked_mean(model, base, sums, divisor)
    values, sign = np.empty(_SLICE, np.int64), np.empty(_SLICE, np.int64)
    for start in range(0, len(model), _SLICE):
        part = slice(start, start + _SLICE)
        made, scratch = values[: len(base[part])], sign[: len(base[part])]
        divide(sums[part], divisor, made, scratch)
        made += base[part]
        if made.min() < _INT32.min or made.max() > _INT32.max:
            fit = int(((made < _INT32.min) | (made > _INT32.max)).argmax())
            model[start : start + fit] = made[:fit]
            return start + fit
        model[part] = made
    return len(model)


def divide(sums: Sums, divisor: int | NDArray[np.uint64], quotients: Sums, scratch: Sums) -> None:
    """sums / divisor, rounded half away from zero, with as much room beside.

    By magnitude, so that half away from zero is half up. `sign` is 0 or -1: (x ^ -1) - -1 is -x.
    """
    sign = np.right_shift(sums, 63, out=scratch)
    np.bitwise_xor(sums, sign, out=quotients)
    quotients -= sign
    sizes = quotients.view(np.uint64)
    by = divisor if isinstance(divisor, np.ndarray) else np.uint64(divisor)
    sizes += by >> np.uint64(1)
    sizes //= by
    quotients ^= sign
    quotients -= sign


def flat(data: Buffer) -> NDArray[np.uint8]:
    """The bytes of a buffer, without a copy. Raises ValueError or TypeError where they are not one run."""
    return np.frombuffer(data, np.uint8)


def checked_size(size: int) -> int:
    """The size of a leaf. Raises ValueError for one that is not positive, or no machine has room for."""
    if not 1 <= size < MOST:
        raise ValueError(f"a leaf has at least 1 byte, and not {size}")
    return size


def checked_skips(blocks: Sequence[Buffer], skips: Sequence[int] | None) -> Sequence[int]:
    """What each block skips. Raises ValueError where their number differs or one is negative."""
    skips = [0] * len(blocks) if skips is None else skips
    if len(skips) != len(blocks) or any(skip < 0 for skip in skips):
        raise ValueError(f"each of {len(blocks)} blocks skips 0 or more bytes, not {skips}")
    return skips


def checked_nodes(peaks: bytearray, leaves: int, hashes: Buffer) -> NDArray[np.uint8]:
    """Hashes joined. Raises ValueError where they are not a whole number of hashes, or no tree has so many leaves."""
    nodes = flat(hashes)
    if len(nodes) % NODE or len(peaks) != PEAKS or not 0 <= leaves < MOST:
        raise ValueError(f"cannot add {len(nodes)} bytes to a tree of {leaves} leaves and {len(peaks)} bytes of peaks")
    return nodes


def checked_values(values: NDArray[Any], dtype: str) -> None:
    """Raise ValueError for an array that is not one run of values of that type."""
    if values.dtype != np.dtype(dtype) or values.ndim != 1 or not values.flags.c_contiguous:
        raise ValueError(f"not one run of {dtype}: {values.dtype}, shape {values.shape}, strides {values.strides}")


def checked_sum(total: Sums, values: Ints, weight: int) -> None:
    """Raise ValueError where `values` times `weight` cannot be added to `total`."""
    checked_values(total, "<i8")
    checked_values(values, "<i4")
    if len(total) != len(values) or not total.flags.writeable or not -WEIGHTS < weight < WEIGHTS:
        raise ValueError(f"cannot add {len(values)} values times {weight} to {len(total)} sums")


def checked_mean(model: Ints, base: Ints, sums: Sums, divisor: int) -> None:
    """Raise ValueError where a model cannot be made of `base` and `sums`."""
    checked_values(model, "<i4")
    checked_values(base, "<i4")
    checked_values(sums, "<i8")
    same = len(model) == len(base) == len(sums)
    if not same or not model.flags.writeable or not 1 <= divisor < MOST:
        raise ValueError(f"no {len(model)} values of {len(base)} and {len(sums)} sums by {divisor}")


def _squares(values: Ints, largest: int) -> int:
    """The exact sum of squares of at most 2^20 values, none larger in magnitude than `largest`.

    In float64, where all sums on the way are integers that it holds: of the values where the bound allows, else with
    each split as high · 2^16 + low. By `einsum`, which works by itself: other products numpy hands to a BLAS, whose
    threads cost a hundred times the work where other processes want the cores.
    """
    if largest * largest * values.size < 1 << 53:
        return _product(floats := values.astype(np.float64), floats)
    low, high = (values & 0xFFFF).astype(np.float64), (values >> 16).astype(np.float64)
    return (_product(high, high) << 32) + (_product(high, low) << 17) + _product(low, low)


def _product(left: NDArray[np.float64], right: NDArray[np.float64]) -> int:
    return int(np.einsum("i,i->", left, right))
