"""When the blocks that messages name were made, by the own chain."""

from bisect import bisect_right
from collections.abc import Iterable
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
        self.learn([number])
        block = self._blocks().get(number)
        return None if block is None else block.time

    def learn(self, numbers: Iterable[int]) -> None:
        """Ask for these blocks, as far as they are on the own chain and not known, together. Raises as `of`."""
        blocks, tip = self._blocks(), self._connection.follower.tip.number
        unknown = sorted({number for number in numbers if number <= tip} - blocks.keys())
        found = self._connection.client.blocks(unknown) if unknown else ()
        blocks.update((number, block) for number, block in zip(unknown, found, strict=False) if block is not None)

    def _blocks(self) -> "dict[int, Block]":
        """Those that are known of the chain as it is now."""
        history, blocks = self._known
        if history is not self._connection.history:  # the chain lost blocks
            blocks = {}
            self._known = self._connection.history, blocks
        return blocks

    def last_by(self, seconds: int, first: int) -> int:
        """The latest block, not before `first`, that was made by then, in seconds since 1970, as `first` was.

        It asks for as many blocks as the number of those since has bits, whatever messages name. Raises as `of`.
        """
        numbers, late = range(first, self._connection.follower.tip.number + 1), seconds + 1

        def time_of(number: int) -> int:
            time = self.of(number)
            return late if time is None else time

        return first - 1 + bisect_right(numbers, seconds, key=time_of)
