"""When a member signs for what it holds while it still copies the rest. Pure, but for the clock.

A signature says all that its member holds, goes to every other member, and stands in everyone's file beside the earlier
ones. Among a hundred members, one for each copy would be a hundred times a hundred messages from each of them. So the
next one waits as long as it took to the last, a second at least, and never long enough to come too late.
"""

import time
from collections.abc import Callable

from ledger.rounds.receipts import spreading

SHORTEST = 1.0
"""Seconds to the first signature that is not for everything, and from one to the next, at least."""
PART = 4
"""No pause is longer than this part of the time in which a signature must have spread."""


class Sparing:
    """The present round of each job; `clock` is monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: dict[int, tuple[int, float, float]] = {}

    def is_due(self, job: int, round_: int, aggregate_seconds: int) -> bool:
        """Whether to sign now for a part of what is being copied for a round; if so, that is remembered."""
        now = self._clock()
        number, began, last = self._times.get(job, (0, 0.0, 0.0))
        if number != round_:
            began = last = now
        pause = min(max(SHORTEST, last - began), spreading(aggregate_seconds) / PART)
        due = now - last >= pause
        self._times[job] = round_, began, now if due else last
        return due
