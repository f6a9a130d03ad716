"""Memory for long runs of bytes, used again once nobody can see it any more.

Fresh memory costs as much as hashing it, where the system hands it out page by page, each one cleared.
"""

from collections.abc import Callable
from typing import Any
from weakref import finalize

import numpy as np
from numpy.typing import NDArray


class Lease(np.ndarray[Any, np.dtype[np.uint8]]):
    """A room while it is somebody's, and what was found out about the bytes in it when they were put there."""

    leaves = b""
    """Their leaf hashes, joined (`ledger.kernel.leaf_hashes`); nothing where nobody made them."""
    want: Callable[[], object] | None = None
    """Called where they are asked for, so that those of the pieces to come are made along with their digests."""


class Rooms:
    """So many rooms of `size` bytes each, at most: what is read ahead is bounded. Threads may share them."""

    def __init__(self, size: int, rooms: int) -> None:
        self.size = size
        self._free = [np.empty(size, np.uint8) for _ in range(rooms)]

    def take(self, size: int) -> memoryview | None:
        """Memory of so many bytes, the caller's for as long as there is a view of it; None while all rooms are taken.

        Raises ValueError for more than a room has.
        """
        if size > self.size:
            raise ValueError(f"a room has {self.size} bytes, not {size}")
        try:
            room = self._free.pop()
        except IndexError:
            return None
        lease = room[:size].view(Lease)
        finalize(lease, self._free.append, room).atexit = False
        return lease.data


def leaves_of(piece: bytes | bytearray | memoryview | NDArray[Any]) -> bytes:
    """The leaf hashes of a piece that is all of a room's bytes, where they were made; else nothing."""
    lease = piece.obj if isinstance(piece, memoryview) else None
    if not isinstance(lease, Lease):
        return b""
    if lease.want is not None:
        lease.want()
    return lease.leaves if isinstance(piece, memoryview) and piece.nbytes == lease.nbytes else b""
