"""How deep in the chain that lies what a step rests on: what is shown or signed cannot be taken back, but the latest
blocks can. Pure.
"""

from typing import NamedTuple

from ledger.events.masks import Masking
from ledger.events.rounds import Terms
from ledger.history.state import Round, Scoring

PARTS = 4
"""In the first of so many parts of a phase the blocks come that its steps wait for; a job's times leave room for it."""


class DeepBlock(NamedTuple):
    """The latest block that is as deep in a member's own view of the chain as its consortium asks for
    (`confirmations`): number, hash, and time in seconds since 1970. Without a hash where the chain is not so long.
    """

    number: int = -1
    hash: bytes = b""
    time: int = 0

    def fixes(self, round_: Round) -> bool:
        """Whether nobody can commit to an update of the round any more on a chain with this block: as many have as it
        takes, or a block was made after the deadline. No clock of one's own decides that.
        """
        return self.time > round_.update_deadline or (round_.full and round_.committed_in <= self.number)

    def fixes_scores(self, scoring: Scoring) -> bool:
        """Whether nobody can commit to scores any more on a chain with this block, by the same rule."""
        return self.time > scoring.commit_deadline or (scoring.full and scoring.committed_in <= self.number)


def short_times(
    terms: Terms, masking: Masking | None, confirmations: int, block_seconds: float
) -> tuple[list[str], list[str]]:
    """The times of a job in which so many blocks cannot come at all, and those of which they take more than a quarter,
    by name, where a block takes `block_seconds`. `masking` is a masked job's.
    """
    wait = confirmations * block_seconds
    names = ["open_seconds", "aggregate_seconds", "attest_seconds"]
    names += ["score_seconds", "reveal_seconds"] if terms.scored else []
    times = {name: int(getattr(terms, name)) for name in names}
    if masking is not None:
        times |= {name: int(getattr(masking, name)) for name in ("set_up_seconds", "set_seconds", "unmask_seconds")}
    impossible = [name for name, seconds in times.items() if seconds <= wait]
    tight = [name for name, seconds in times.items() if name not in impossible and seconds < PARTS * wait]
    return (impossible, tight) if confirmations else ([], [])
