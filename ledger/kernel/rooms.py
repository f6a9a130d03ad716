"""Memory for long runs of bytes, used again once nobody can see it any more.

Fresh memory costs as much as hashing it, where the system hands it out page by page, each one cleared.
"""

from weakref import finalize

import numpy as np


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
        lease = room[:size]
        finalize(lease, self._free.append, room).atexit = False
        return lease.data
