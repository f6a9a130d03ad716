"""A limit on requests: a token bucket for each address, so that one client cannot keep the others waiting."""

import time
from collections import OrderedDict
from collections.abc import Callable

BURST_SECONDS = 4.0
MOST = 10_000


class Buckets:
    """`rate` requests a second in the long run, and what was saved up in four seconds at once; 0 sets no limit.

    Only the addresses seen last are remembered: a flood from many cannot fill the memory.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._size = max(1.0, rate * BURST_SECONDS)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        """Count a request: 0 if it may be served, else the seconds after which it may."""
        if not self._rate:
            return 0.0
        now = self._clock()
        left, since = self._buckets.pop(name, (self._size, now))
        left = min(self._size, left + (now - since) * self._rate)
        granted = left >= 1.0
        self._buckets[name] = (left - granted, now)
        if len(self._buckets) > MOST:
            self._buckets.popitem(last=False)
        return 0.0 if granted else (1.0 - left) / self._rate
