"""Where a round is at a time: what follows from time alone is no event, neither on chain nor here."""

from typing import NamedTuple

from ledger.events.rounds import Terms
from ledger.history.state import Phase, Round


class PresentPhase(NamedTuple):
    """A round's phase, and its last second, since 1970; of a round that ended, the last second of its last phase."""

    phase: Phase
    deadline: int


def present(round_: Round, terms: Terms, now: int) -> PresentPhase:
    """Where the round is at `now`, in seconds since 1970 by the chain's clock: RoundLedger's `_requireRound`.

    Collecting passes into Opening and that into Aggregating by time; every other step is a transaction.
    """
    phase, deadline = round_.phase, round_.deadline
    if phase is Phase.COLLECTING and now > deadline:
        phase, deadline = Phase.OPENING, deadline + terms.open_seconds
    if phase is Phase.OPENING and now > deadline:
        phase, deadline = Phase.AGGREGATING, deadline + 2 * terms.aggregate_seconds
    return PresentPhase(phase, deadline)
