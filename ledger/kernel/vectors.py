"""What a kernel is tried with before it is used: the lengths, places and values at which it may err."""

from collections.abc import Callable, Iterator
from hashlib import shake_256

import numpy as np

from ledger.kernel.table import Kernel

_BYTES = shake_256(b"fedledger").digest(6000)
_SIZES = (1, 2, 54, 55, 56, 62, 63, 64, 65, 118, 119, 120, 127, 128, 129, 170)
"""Of pieces, more than go side by side: about the borders of blocks with a prefix."""
_LOWEST, _HIGHEST = -(1 << 31), (1 << 31) - 1


def vectors() -> Iterator[tuple[str, Callable[[Kernel], object]]]:
    """Names of functions, each with what calls it and returns its results."""
    yield "digests", lambda kernel: kernel.digests([_BYTES[n : 2 * n] for n in range(131)])
    yield "leaf_hashes", lambda kernel: [kernel.leaf_hashes(_BYTES[1:n], 55 + n % 11) for n in range(1, 1500, 97)]
    yield "leaf_hashes", lambda kernel: [kernel.leaf_hashes(_BYTES[n:], 1024) for n in (0, 1, 2, 3, 880)]
    yield "leaf_hashes", lambda kernel: [kernel.leaf_hashes(_BYTES[n % 7 : 7 + 35 * n], n) for n in _SIZES]
    yield "digests_and_leaves", _blocks
    yield "grow", _trees
    yield "survey", lambda kernel: [kernel.survey(values) for values in _values()]
    yield "add_weighted", _sums
    yield "add_mean", _models


def _blocks(kernel: Kernel) -> object:
    blocks, pair = [_BYTES[:4096], _BYTES[7:3000], b"", _BYTES[:70]], [_BYTES[:4096], _BYTES[5:5990]]
    few = kernel.digests_and_leaves(blocks, 1024, [1024, 0, 0, 71])
    return few, kernel.digests_and_leaves(pair, 100, [0, 64]), kernel.digests_and_leaves(pair[::-1], 63, None)


def _trees(kernel: Kernel) -> object:
    peaks, leaves = bytearray(2048), 0
    for count in (1, 2, 0, 3, 7, 1, 64, 33):
        leaves = kernel.grow(peaks, leaves, _BYTES[count : 33 * count])
    return leaves, bytes(peaks)


def _values() -> list[np.ndarray]:
    """int32 values, misaligned ones and all extremes among them."""
    wild = np.frombuffer(_BYTES, "<i4", 300, offset=1)
    return [wild, wild[:1], wild[:0], np.full(37, _LOWEST, "<i4"), np.array([_HIGHEST, 0, _LOWEST, -1, 1], "<i4")]


def _sums(kernel: Kernel) -> object:
    found = []
    for values in _values():
        total = np.arange(-(1 << 60), -(1 << 60) + len(values), dtype="<i8")
        for weight in (1, (1 << 24) - 1, -_HIGHEST, _HIGHEST):
            kernel.add_weighted(total, values, weight)
        found.append(total.tobytes())
    return found


def _models(kernel: Kernel) -> object:
    """Divisors about powers of two, sums about multiples and halves of them, and values about the ends of int32."""
    found = []
    for divisor in (1, 2, 3, 7, 255, (1 << 24) - 1, 1 << 31, (1 << 32) - 1, 1 << 61):
        near = [part * divisor // 2 + off for part in (0, 1, 2, 3, 5) for off in (-1, 0, 1)]
        far = [(1 << 63) - 1, _HIGHEST * divisor, _HIGHEST * divisor + divisor // 2 + 1]
        wide = [sum_ for size in near + far for sum_ in (size, -size) if abs(sum_) < 1 << 63]
        sums, base = np.array(wide, "<i8"), np.arange(-20, len(wide) - 20, dtype="<i4")
        for start in range(0, len(wide), 5):
            model = np.zeros(len(wide) - start, "<i4")
            fit = kernel.add_mean(model, base[start:], sums[start:], divisor)
            found.append((fit, model[:fit].tobytes()))
    return found
