"""Leaf hashes and trees by hashlib alone; as a program, for another process (`ledger.kernel.beside`).

A leaf is too short for hashlib to leave Python's lock, so that threads do not share this work: a process beside does,
and this file imports nothing that would make one heavy.
"""

import hashlib
import struct
import sys
from collections.abc import Iterable

NODE = 32
"""Bytes of a hash."""
PEAKS = 64 * NODE
"""Bytes of a tree's peaks: no tree is higher."""
LEAF, INNER = b"\x00", b"\x01"
"""What stands before a leaf and before two nodes where they are hashed."""
IDLE = 10.0
"""Seconds without a request after which the program ends."""
REQUEST = struct.Struct("<QQQQQ")
"""A room, whether its tree is the one that grew right before, how many leaves it had, how many whole leaves follow in
the room, and the bytes of a shorter one."""
DONE = b"."


def leaf_hashes(view: memoryview, size: int) -> list[bytes]:
    """The hash of each piece of `size` bytes, the last one shorter, as a leaf."""
    return _hashes(LEAF, (view[start : start + size] for start in range(0, len(view), size)))


def grow(peaks: bytearray | memoryview, leaves: int, hashes: Iterable[bytes]) -> int:
    """See `ledger.kernel.pure.grow`; the hashes come one by one."""
    nodes, level = list(hashes), 0
    grown = leaves + len(nodes)
    while nodes:
        place = slice(NODE * level, NODE * (level + 1))
        if leaves >> level & 1:
            nodes.insert(0, bytes(peaks[place]))
        if len(nodes) % 2:
            peaks[place] = nodes.pop()
        nodes = _above(nodes)
        level += 1
    return grown


def _hashes(prefix: bytes, pieces: Iterable[bytes | memoryview]) -> list[bytes]:
    """The hash of each piece behind a prefix: a copy of one hash object costs less than another."""
    copy, hashes = hashlib.sha256(prefix).copy, []
    for piece in pieces:
        hasher = copy()
        hasher.update(piece)
        hashes.append(hasher.digest())
    return hashes


def _above(nodes: list[bytes]) -> list[bytes]:
    """The nodes above an even number of nodes."""
    copy, above, pairs = hashlib.sha256(INNER).copy, [], iter(nodes)
    for left, right in zip(pairs, pairs, strict=True):
        hasher = copy()
        hasher.update(left)
        hasher.update(right)
        above.append(hasher.digest())
    return above


class TreeRoom:
    """A room that two processes have: the peaks of a tree, then so many leaves, each behind its prefix."""

    def __init__(self, memory: memoryview, size: int) -> None:
        self.peaks, self.rows = memory[:PEAKS], memory[PEAKS:]
        self._leaves = [self.rows[at : at + size + 1] for at in range(0, len(self.rows), size + 1)]

    @staticmethod
    def bytes_of(leaves: int, size: int) -> int:
        """How long such a room is."""
        return PEAKS + leaves * (size + 1)

    def grow(self, leaves: int, whole: int, rest: int) -> None:
        """Grow the tree by so many whole leaves, and one of `rest` bytes."""
        last = [self._leaves[whole][: rest + 1]] if rest else []
        grow(self.peaks, leaves, _hashes(b"", self._leaves[:whole] + last))


def serve(rooms: list[TreeRoom]) -> None:
    """Grow trees, one after the other, as standard input asks, until nobody is there to ask, or nobody does."""
    import os  # here, as below: what imports this file has no need of it
    import select

    grown = bytes(PEAKS)
    while select.select([0], [], [], IDLE)[0]:
        said = os.read(0, REQUEST.size)
        if len(said) != REQUEST.size:
            return
        number, same, *rest = REQUEST.unpack(said)
        room = rooms[number]
        if same:
            room.peaks[:] = grown
        room.grow(*rest)
        grown = bytes(room.peaks)
        os.write(1, DONE)


def main(memory: int, rooms: int, leaves: int, size: int) -> None:
    """The descriptor of the memory, how many rooms it has, and of how many leaves of which size each."""
    import gc
    import mmap

    gc.disable()
    shared, each = memoryview(mmap.mmap(memory, 0)), TreeRoom.bytes_of(leaves, size)
    serve([TreeRoom(shared[at : at + each], size) for at in range(0, rooms * each, each)])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
