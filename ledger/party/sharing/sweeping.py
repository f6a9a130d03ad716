"""What is left of rounds that are over: openings that were shown, what members said that they hold, and updates that
were borrowed, are deleted.

The ledger has the openings, and aggregates name the receipts that convict, which stay in the store. An own opening that
was never shown is not touched here.
"""

from ledger.history.state import JobState, Round
from ledger.party.connection import Connection
from ledger.party.sharing.haves import Haves
from ledger.party.sharing.named import is_over
from ledger.party.sharing.openings import ROUNDS_KEPT, Openings

DEEP = 256
"""Blocks after which the last round of a job is over for good: as far back as a contract knows a block's hash."""


def needed_from(state: JobState, tip: int) -> int:
    """The first round of a job of which something may still be needed, where the chain is `tip` blocks high: it may go
    back over the ends of a few rounds.
    """
    latest = len(state.rounds)
    round_ = state.current
    over = state.closed or (state.complete and round_ is not None and round_.phase.terminal)
    if over and (round_ is None or _last_block(round_) + DEEP <= tip):
        return latest + 1
    return latest - ROUNDS_KEPT + 1


class Sweeper:
    """Looks once in a block whether rounds are over, and into the folders where some are."""

    def __init__(self, connection: Connection, openings: Openings, haves: Haves) -> None:
        self._connection, self._openings, self._haves = connection, openings, haves
        self._tip, self._needed = -1, dict[int, int]()

    def look(self) -> None:
        """Delete what is not needed any more. Raises Unavailable where the disk does not let it."""
        tip = self._connection.follower.tip.number
        if tip == self._tip:
            return
        needed = {number: needed_from(state, tip) for number, state in self._connection.history.jobs.items()}
        if needed != self._needed:
            self._openings.sweep(needed)
            self._haves.sweep(needed)
            self._connection.borrowed.sweep(lambda path: is_over(path, needed))
        self._tip, self._needed = tip, needed


def _last_block(round_: Round) -> int:
    return max(round_.opened_in, *(made.block for made in round_.aggregates), 0)
