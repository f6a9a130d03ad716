"""How long to leave a chain's node alone before it is asked again whether there is a new block. Pure.

Steps follow one another: where something has just happened, more will. So a pause is a part of the time for which
nothing did: news is late by that part at most, and a chain at rest is hardly asked.
"""

from typing import NamedTuple

from ledger.config import LOCAL_CHAIN


class Pauses(NamedTuple):
    """The pause as a part of the quiet before it, and its bounds in seconds."""

    part: float
    shortest: float
    longest: float

    def after(self, quiet: float) -> float:
        """The pause after so many seconds in which nothing happened."""
        return min(max(self.part * quiet, self.shortest), self.longest)


LOCAL = Pauses(0.1, 0.02, 1.0)
"""On a node of one's own that seals a block for each transaction, at once."""
DISTANT = Pauses(0.5, 0.1, 1.0)
"""On a node that others use too, and whose blocks take seconds."""


def pauses_on(chain: int) -> Pauses:
    """The pauses for a chain, by its id."""
    return LOCAL if chain == LOCAL_CHAIN else DISTANT
