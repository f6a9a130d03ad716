"""Listeners to live events: so many at a time, and of them so many at one address."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ledger.http.clients import make_room
from web.access.metrics import Metrics

PLACES, SHARE = 200, 40
"""Listeners at a time, in all and at one address. For one more, the oldest of the largest crowd leaves: a browser comes
back by itself."""


class Listener:
    """One connection that waits for events. `left` says that its stream is to end."""

    busy = False

    def __init__(self, address: str) -> None:
        self.address, self.waits, self.left = address, time.monotonic(), False

    def leave(self) -> None:
        """End its stream."""
        self.left = True


class Listeners:
    """All that listen now."""

    def __init__(self, metrics: Metrics) -> None:
        self._present: list[Listener] = []
        self._metrics = metrics

    @contextmanager
    def admit(self, address: str) -> Iterator[Listener]:
        """One more from an address, until the context ends."""
        staying = [one for one in self._present if not one.left]
        make_room(staying, address, PLACES, SHARE)
        listener = Listener(address)
        self._present.append(listener)
        self._metrics.listeners.inc()
        try:
            yield listener
        finally:
            self._present.remove(listener)
            self._metrics.listeners.dec()
