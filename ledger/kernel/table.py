"""The one table of functions, filled by either path."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ledger.kernel.native import AVX512, SHA, Native
from ledger.kernel.pure import (
    Buffer,
    Ints,
    Sums,
    add_mean,
    add_weighted,
    digests,
    digests_and_leaves,
    grow,
    leaf_hashes,
    survey,
)


class Kernel(NamedTuple):
    """The functions in use, and their name (`ledger.kernel` documents each)."""

    name: str
    leaf_hashes: Callable[[Buffer, int], bytes]
    digests: Callable[[Sequence[Buffer]], list[bytes]]
    digests_and_leaves: Callable[[Sequence[Buffer], int, Sequence[int] | None], tuple[list[bytes], list[bytes]]]
    grow: Callable[[bytearray, int, Buffer], int]
    survey: Callable[[Ints], tuple[int, int]]
    add_weighted: Callable[[Sums, Ints, int], None]
    add_mean: Callable[[Ints, Ints, Sums, int], int]
    leaves_along: bool = False
    beside: bool = False
    """Whether the hashes of leaves hold Python's lock, so that a process beside this one may make them."""


def native_kernel(native: Native) -> Kernel:
    """The native functions; without instructions for SHA-256, hashlib's are faster than any in C."""
    sums = (native.survey, native.add_weighted, native.add_mean)
    if native.features & SHA:
        hashes = (native.leaf_hashes, native.digests, native.digests_and_leaves, native.grow)
        return Kernel(f"native: {native.instructions}", *hashes, *sums, bool(native.features & AVX512))
    hashes = (leaf_hashes, digests, digests_and_leaves, grow)
    return Kernel("native: plain C, SHA-256 by hashlib", *hashes, *sums, beside=True)


def pure_kernel(why: str) -> Kernel:
    """The pure functions, and why they are in use."""
    hashes = (leaf_hashes, digests, digests_and_leaves, grow)
    return Kernel(f"pure Python: {why}", *hashes, survey, add_weighted, add_mean, beside=True)
