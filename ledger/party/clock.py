"""The chain's present time, for what a node waits for. It decides no more than that: the contracts go by the time of
the block that a transaction gets into, and what is shown or signed rests on blocks (`ledger.rounds.depth`).
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ledger.chain.node import ChainNode

SKEW = 3
"""Seconds by which a chain node's idea of the next block's time may run ahead of the block sealed in the end."""


class Clock:
    """The latest block's time and what has passed since this process saw it first, by its own clock.

    A chain that stands still, and was not watched meanwhile, is later than that: so late as both the node's pending
    block and this machine's clock say. Neither of them alone moves the time on.
    """

    def __init__(
        self,
        node: "ChainNode",
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._node, self._monotonic, self._wall = node, monotonic, wall
        self._seen, self._since = b"", 0.0

    @property
    def still(self) -> int:
        """For how many seconds the chain made no further block, as far as `time` was asked."""
        return int(self._monotonic() - self._since) if self._seen else 0

    def time(self) -> int:
        """Seconds since 1970. It goes back where the chain's latest block does."""
        latest = self._node.latest()
        if latest.hash != self._seen:
            self._seen, self._since = latest.hash, self._monotonic()
        pending = self._node.pending_time()
        both = 0 if pending is None else min(pending - SKEW, int(self._wall()))
        return max(latest.time + self.still, both)
