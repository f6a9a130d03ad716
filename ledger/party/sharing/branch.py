"""The blocks of the own chain that messages name: what was said on another branch of it is void."""

from typing import TYPE_CHECKING

from ledger.party.connection import Connection
from ledger.rounds.receipts import SignedHave

if TYPE_CHECKING:
    from ledger.chain.node import Block


class Branch:
    """The chain as the connection follows it, each block asked for once; several threads may ask.

    Methods raise Unavailable where the chain's node does not answer.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known = connection.history, dict[int, "Block"]()

    def block(self, said: SignedHave) -> "Block | None":
        """The block that a message names; None where the own chain has another one there, or none yet."""
        found = self._at(said.block)
        return found if found is not None and found.hash == said.hash else None

    def lost(self, said: SignedHave) -> bool:
        """Whether the own chain has another block where a message names one: it is void."""
        found = self._at(said.block)
        return found is not None and found.hash != said.hash

    def _at(self, number: int) -> "Block | None":
        if number > self._connection.follower.tip.number:
            return None
        history, blocks = self._known
        if history is not self._connection.history:  # the chain lost blocks
            blocks = {}
            self._known = self._connection.history, blocks
        if number not in blocks and (found := self._connection.client.block(number)) is not None:
            blocks[number] = found
        return blocks.get(number)
