"""The work on every byte, in one table of functions: native where a kernel was built and has proved itself, else pure.

Both have the same results, to the bit. The native ones leave Python's lock free, so threads scale. Which are in use is
settled at the first call. `FEDLEDGER_KERNEL=pure` in the environment forces the pure ones.
"""

from collections.abc import Sequence
from functools import cache, reduce
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ledger.kernel.beside import Growth, Hashed, Helper
    from ledger.kernel.pure import Buffer, Ints, Sums
    from ledger.kernel.table import Kernel

_NODE = 32
_LEVELS = 64


def in_use() -> str:
    """Which functions run: "native: SHA-NI, 3 lanes", "native: plain C" or "pure Python: " and why."""
    return _kernel().name


def leaf_hashes(data: "Buffer", size: int) -> bytes:
    """SHA-256(0x00 || piece) of each piece of `size` bytes, the last one shorter, joined."""
    return _kernel().leaf_hashes(data, size)


def digests(blocks: "Sequence[Buffer]") -> list[bytes]:
    """SHA-256 of each block, of whatever lengths: fastest for three or more at once."""
    return _kernel().digests(blocks)


def digests_and_leaves(
    blocks: "Sequence[Buffer]", size: int, skips: Sequence[int] | None = None
) -> tuple[list[bytes], list[bytes]]:
    """SHA-256 of each block, and of each its leaf hashes, joined (`leaf_hashes`), in one pass over the bytes.

    skips[k] bytes of block k stand before its first leaf, such as a file's header: 0 without `skips`. A block that
    skips all it has has no leaves.
    """
    return _kernel().digests_and_leaves(blocks, size, skips)


def leaves_along() -> bool:
    """Whether digests and leaf hashes in one call cost less than in two."""
    return _kernel().leaves_along


def run() -> int:
    """Blocks of a file that are best worked on together: more than one where they are hashed side by side."""
    return 1 if _kernel().beside else 2


def readers(threads: int) -> int:
    """How many of so many threads are best to read what is hashed as blocks and as leaves: none beside the caller's,
    where a process beside this one hashes leaves. Others would take Python's lock from it, which it needs to hand them
    over, or to hash some.
    """
    return 0 if _kernel().beside and _wanted() else threads


class Stack:
    """A streaming Merkle root (RFC 9162, section 2.1): one hash a level is kept, whatever the number of leaves."""

    def __init__(self) -> None:
        self.leaves = 0
        self._peaks = bytearray(_LEVELS * _NODE)
        self._growth: Growth | Hashed | None = None

    def add(self, hashes: "Buffer") -> None:
        """The hashes of the next leaves, joined. Raises ValueError for a part of a hash."""
        self._settle()
        self.leaves = _kernel().grow(self._peaks, self.leaves, hashes)

    def add_leaves(self, data: "Buffer", size: int) -> None:
        """The next leaves themselves, of `size` bytes each, the very last one perhaps shorter: as `add` of their
        `leaf_hashes`. It may still be under way when this returns; `data` may change all the same.
        """
        helper = _helper(data, size) if _kernel().beside else None
        if helper is None:
            self.add(leaf_hashes(data, size))
            return
        self._growth = helper.grow(self._growth or bytes(self._peaks), self.leaves, data)
        self.leaves = self._growth.leaves

    def root(self) -> bytes:
        """The root over all leaves so far; more may follow."""
        self._settle()
        places = [_NODE * level for level in range(_LEVELS) if self.leaves >> level & 1]
        if not places:
            return sha256(b"").digest()
        peaks = [bytes(self._peaks[place : place + _NODE]) for place in places]
        return reduce(lambda right, left: sha256(b"\x01" + left + right).digest(), peaks)

    def _settle(self) -> None:
        if self._growth is not None:
            self._peaks[:] = self._growth.peaks()
            self._growth = None


def survey(values: "Ints") -> tuple[int, int]:
    """The largest magnitude of int32 values, and the exact sum of their squares."""
    return _kernel().survey(values)


def add_weighted(total: "Sums", values: "Ints", weight: int) -> None:
    """Add `values` times `weight`, below 2^31 in magnitude, to int64 sums in place: exact while sums fit."""
    _kernel().add_weighted(total, values, weight)


def add_mean(model: "Ints", base: "Ints", sums: "Sums", divisor: int) -> int:
    """Set `model` to `base` + `sums` / `divisor`, rounded half away from zero, up to the first value that does not fit
    into int32; how many do.

    Exact for |sums| < 2^63 and a divisor below 2^62.
    """
    return _kernel().add_mean(model, base, sums, divisor)


def _helper(data: "Buffer", size: int) -> "Helper | None":
    from ledger.kernel.beside import helper

    return helper(data, size)


def _wanted() -> bool:
    from ledger.kernel.beside import wanted

    return wanted()


@cache
def _kernel() -> "Kernel":
    from ledger.kernel.choice import choose

    return choose()
