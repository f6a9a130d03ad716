"""When the blocks that messages name were made, by the own chain."""

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
