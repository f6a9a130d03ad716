"""When the blocks that messages name were made, by the own chain."""

from bisect import bisect_right
from typing import TYPE_CHECKING

from ledger.party.connection import Connection

if TYPE_CHECKING:
    from ledger.chain.node import Block


class BlockTimes:
    """The chain as the connection follows it, each block asked for once; several threads may ask."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known = connection.history, dict[int, "Block"]()

    def of(self, number: int) -> int | None:
        """The time of a block, in seconds since 1970; None where the own chain is not that high.

        Raises Unavailable where the chain's node does not answer.
        """
        if number > self._connection.follower.tip.number:
            return None
        history, blocks = self._known
        if history is not self._connection.history:  # the chain lost blocks
            blocks = {}
            self._known = self._connection.history, blocks
        if number not in blocks and (found := self._connection.client.block(number)) is not None:
            blocks[number] = found
        return blocks[number].time if number in blocks else None

    def last_by(self, seconds: int, first: int) -> int:
        """The latest block, not before `first`, that was made by then, in seconds since 1970, as `first` was.

        It asks for as many blocks as the number of those since has bits, whatever messages name. Raises as `of`.
        """
        numbers, late = range(first, self._connection.follower.tip.number + 1), seconds + 1

        def time_of(number: int) -> int:
            time = self.of(number)
            return late if time is None else time

        return first - 1 + bisect_right(numbers, seconds, key=time_of)
