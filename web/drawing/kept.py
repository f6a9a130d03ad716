"""What was made once and is the same when it is asked for again, within a bound of memory."""

from collections import OrderedDict
from collections.abc import Callable, Hashable


class Kept:
    """Bodies by all that they depend on; beyond `most` bytes those that were not asked for longest are dropped.

    One thread uses it: that of the server's event loop.
    """

    def __init__(self, most: int) -> None:
        self._most, self.size = most, 0
        self._bodies: OrderedDict[Hashable, bytes] = OrderedDict()

    def get(self, key: Hashable) -> bytes | None:
        """A body that is kept."""
        found = self._bodies.get(key)
        if found is not None:
            self._bodies.move_to_end(key)
        return found

    def keep(self, key: Hashable, body: bytes) -> bytes:
        """Keep a body, and return it; one that is larger than all that may be kept is not."""
        if len(body) > self._most:
            return body
        self.size += len(body) - len(self._bodies.pop(key, b""))
        self._bodies[key] = body
        while self.size > self._most:
            self.size -= len(self._bodies.popitem(last=False)[1])
        return body

    def made(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """The body that is kept, or one made now."""
        found = self.get(key)
        return self.keep(key, make()) if found is None else found

    def clear(self) -> None:
        """Drop everything."""
        self._bodies.clear()
        self.size = 0
