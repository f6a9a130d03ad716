"""When what is on record came about, for the JSON of commands: the block, and the time that its header says."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ledger.index import BlockTime
    from ledger.party.connection import Connection


class Moments:
    """The times of some blocks of the history; a block 0 stands for what has not come about.

    Raises Unavailable where the chain's node does not answer.
    """

    def __init__(self, connection: "Connection", *blocks: int) -> None:
        self._times: Mapping[int, BlockTime] = connection.follower.times(frozenset(blocks))

    def of(self, block: int) -> dict[str, object]:
        """`block`, `time` in seconds since 1970, null where it is not known, and whether the block's hash covers it."""
        found = self._times.get(block)
        return {"block": block, "time": found.time if found else None, "time_proved": bool(found and found.proved)}

    def at(self, block: int) -> dict[str, object] | None:
        """The same; None for block 0."""
        return self.of(block) if block else None
