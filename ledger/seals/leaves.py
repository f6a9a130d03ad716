"""Salted roots: a tensor root from which nobody can try out values (docs/spec/seals.md, "Salted root").

The root of a tensor whose values are few is a dictionary: who hashes each has the value. So a leaf is hashed behind 16
bytes that only readers can make. A proof of one leaf shows that leaf's salt, and nothing of the others.
"""

from collections.abc import Iterable

import numpy as np

from ledger import kernel
from ledger.errors import Malformed
from ledger.formats.merkle import LEAF
from ledger.kernel.pure import Buffer
from ledger.masks.streams import counted
from ledger.seals.keys import ContentKey

SALT = 16
_ROW = SALT + LEAF
_SLICE = 256
"""Leaves hashed at a time: as many as stay in a core's cache."""


class SaltedTree:
    """The salted root of a stream that comes from front to back. Not for several threads at once."""

    def __init__(self, key: ContentKey, first: int = 0) -> None:
        """`first` is the number of the first leaf that comes."""
        self._salts = counted(key.derived(b"leaves"), first)
        self._stack, self._ended = kernel.Stack(), False
        self._rows = np.empty((_SLICE, _ROW), np.uint8)

    def add(self, data: Buffer) -> None:
        """The next leaves, whole but for the very last. Raises Malformed where one follows that."""
        self._stack.add(self.hashes(data))

    def hashes(self, data: Buffer) -> bytes:
        """The hashes of the next leaves, joined, for a tree elsewhere. Raises Malformed as `add`."""
        stream = np.frombuffer(data, np.uint8)
        if self._ended and len(stream):
            raise Malformed("a leaf that is not whole stands before the last")
        self._ended = len(stream) % LEAF != 0
        parts = range(0, len(stream), _SLICE * LEAF)
        return b"".join(self._hashed(stream[start : start + _SLICE * LEAF]) for start in parts)

    def _hashed(self, leaves: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> bytes:
        whole, rest = divmod(len(leaves), LEAF)
        count, rows = whole + bool(rest), self._rows
        rows[:count, :SALT] = np.frombuffer(self._salts.update(bytes(SALT * count)), np.uint8).reshape(count, SALT)
        rows[:whole, SALT:] = leaves[: whole * LEAF].reshape(whole, LEAF)
        if rest:
            rows[whole, SALT : SALT + rest] = leaves[whole * LEAF :]
        return kernel.leaf_hashes(rows.reshape(-1)[: whole * _ROW + (SALT + rest if rest else 0)], _ROW)

    def root(self) -> bytes:
        """The root over all leaves so far."""
        return self._stack.root()


def salted_root(pieces: Iterable[Buffer], key: ContentKey) -> bytes:
    """The salted root of a stream of integers in pieces, each but the last whole leaves. Raises Malformed otherwise."""
    tree = SaltedTree(key)
    for piece in pieces:
        tree.add(piece)
    return tree.root()
