"""How fast a holder serves: bytes a second over the latest seconds that were spent waiting for it. Pure."""

from collections import deque

WINDOW = 20.0
"""Seconds of waiting that count: what one request may take, so that a holder is judged by what it does now."""
GRAIN = 0.2
"""Seconds of waiting that are remembered as one: the window slides by so much."""
REQUEST = 1 << 16
"""Bytes that a block counts for besides its own: a round trip of a small one is not slowness."""
FLOOR = 1 << 16
"""Bytes a second below which a holder is not waited for: half a megabit. 100 MB take half an hour at that rate, longer
than a round has time for; the slowest link of a hospital or a factory has a multiple of it."""
TRIAL = 10.0
"""Seconds of waiting before a holder is judged: a cold disk or a new connection is not a rate."""


class Rate:
    """What one holder served, and in how many seconds."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()
        self._seconds, self._size = 0.0, 0

    def add(self, seconds: float, block: int | None) -> None:
        """One request: the seconds it took, and the length of the block, None where none came."""
        size = 0 if block is None else block + REQUEST
        self._seconds, self._size = self._seconds + seconds, self._size + size
        if self._samples and self._samples[-1][0] < GRAIN:
            last, served = self._samples.pop()
            seconds, size = seconds + last, size + served
        self._samples.append((seconds, size))
        while self._seconds - self._samples[0][0] >= WINDOW:
            oldest, served = self._samples.popleft()
            self._seconds, self._size = self._seconds - oldest, self._size - served

    @property
    def measured(self) -> bool:
        """Whether anything was asked for yet."""
        return bool(self._samples)

    @property
    def speed(self) -> float:
        """Bytes a second; infinite where nothing was measured, so that an unknown holder is tried once."""
        return self._size / self._seconds if self._seconds > 0 else float("inf")

    @property
    def below_floor(self) -> bool:
        """Whether it had its trial, and is too slow."""
        return self._seconds >= TRIAL and self.speed < FLOOR

    def __str__(self) -> str:
        return f"{self.speed:,.0f} bytes a second" if self._seconds > 0 else "not measured yet"
