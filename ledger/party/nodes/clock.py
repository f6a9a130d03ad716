"""The chain's present time, for what a node waits for. It decides no more than that: the contracts go by the time of
the block that a transaction gets into, and what is shown or signed rests on blocks (`ledger.rounds.depth`).

Where a block's hash is not known to cover its time, the node's word alone makes nothing late before this machine's own
clock does, too.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ledger.errors import Unavailable

if TYPE_CHECKING:
    from ledger.chain.node import ChainNode
    from ledger.index.sync import Header

SKEW = 3
"""Seconds by which a chain node's idea of the next block's time may run ahead of the block sealed in the end."""


FAR = 15
"""Seconds by which an unproved time is ahead of the own clock that is worth a word."""


class Clock:
    """The latest block's time and what has passed since this process saw it first, by its own clock.

    A chain that stands still, and was not watched meanwhile, is later than that: so late as both the node's pending
    block and this machine's clock say. Neither of them alone moves the time on, and the pending block is asked for only
    where this machine's clock is ahead by more than the skew. `latest` shows the latest block in the node's place.
    """

    def __init__(
        self,
        node: "ChainNode",
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        latest: "Callable[[], Header] | None" = None,
    ) -> None:
        self._node, self._monotonic, self._wall = node, monotonic, wall
        self._latest = latest or node.latest
        self._seen, self._since = b"", 0.0
        self.doubt: Unavailable | None = None
        """Why the latest block's time was not believed when `time` was asked last."""

    def of(self, block: "Header") -> int:
        """A block's time as far as anything may rest on it, in seconds since 1970."""
        return block.time if block.proved else min(block.time, int(self._wall()))

    @property
    def still(self) -> int:
        """For how many seconds the chain made no further block, as far as `time` was asked."""
        return int(self._monotonic() - self._since) if self._seen else 0

    def time(self) -> int:
        """Seconds since 1970. It goes back where the chain's latest block does."""
        latest = self._latest()
        if latest.hash != self._seen:
            self._seen, self._since = latest.hash, self._monotonic()
        self.doubt = self._doubt(latest)
        now, wall = latest.time + self.still, int(self._wall())
        now = now if latest.proved else min(now, wall)
        return now if wall - SKEW <= now else max(now, self._both(wall))

    def _both(self, wall: int) -> int:
        """What the node's pending block and this machine's clock both say; 0 where the node has none."""
        pending = self._node.pending_time()
        return 0 if pending is None else min(pending - SKEW, wall)

    def _doubt(self, block: "Header") -> Unavailable | None:
        ahead = block.time - int(self._wall())
        if block.proved or ahead <= FAR:
            return None
        return Unavailable(
            f"block {block.number} says that it is {ahead} s ahead of this machine's clock, and its hash is not known "
            "to cover that: nothing is late before this clock says so",
            advice="set this machine's clock right, or name another chain node",
        )
