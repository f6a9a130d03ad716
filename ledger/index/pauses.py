"""How long to leave a chain's node alone before it is asked again whether there is a new block. Pure.

Steps follow one another: where something has just happened, more will. So a pause is a part of the time for which
nothing did: news is late by that part at most, and a chain at rest is hardly asked.

Where many want the same cores, each look at the news makes all of them slower. So a pause is also as long as a look
costs, times those who are too many; and where a chain's parties are on one machine and each of their transactions is a
block, it grows with their number: of a hundred nodes each then looks at many blocks at once, as seldom as it looks at
what else comes in (`crowded`).
"""

from typing import NamedTuple

from ledger.config import LOCAL_CHAIN


class Pauses(NamedTuple):
    """The pause as a part of the quiet before it, and its bounds in seconds; `each` is the least for each member."""

    part: float
    shortest: float
    longest: float
    each: float = 0.0

    def after(self, quiet: float, cost: float = 0.0, members: int = 0) -> float:
        """The pause after so many seconds in which nothing happened, among so many members. `cost` is what the last
        look took of a core, in seconds, times the number of those who are too many for it.
        """
        least = max(self.shortest, self.each * members, self.crowded(members))
        return min(max(self.part * quiet, least, cost), self.longest)

    def crowded(self, members: int) -> float:
        """Seconds that news of many members may be gathered before one looks at it; 0 among few."""
        return GATHERED * self.each * (members - FEW) if members > FEW else 0.0

    def unhurried(self) -> "Pauses":
        """The same for one that only watches, and that nobody waits for: twenty looks a second are enough."""
        return self._replace(shortest=max(self.shortest, WATCHED))


FEW = 16
"""Members, each of whose news is looked at as it comes."""
GATHERED = 4
"""What comes in is gathered so many times as long as the chain is left alone for each member more."""
WATCHED = 0.05
"""Seconds between two looks of one that only watches."""
LOCAL = Pauses(0.05, 0.01, 1.0, each=0.0025)
"""On a node of one's own that seals a block for each transaction, at once."""
DISTANT = Pauses(0.5, 0.1, 1.0)
"""On a node that others use too, and whose blocks take seconds."""


def pauses_on(chain: int) -> Pauses:
    """The pauses for a chain, by its id."""
    return LOCAL if chain == LOCAL_CHAIN else DISTANT
