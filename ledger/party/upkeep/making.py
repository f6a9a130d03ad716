"""A round's outcome computed by a party: what comes of it is in its store before anything is said of it."""

from collections.abc import Collection, Iterator

from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid
from ledger.party.connection import Connection
from ledger.party.pins import carried_pin, model_pin, state_pin
from ledger.rounds.admission import Progress
from ledger.rounds.facts import RoundFacts
from ledger.rounds.outcome import Outcome, recompute


def make(
    connection: Connection,
    facts: RoundFacts,
    certified: Collection[int],
    *,
    threads: int = 1,
    progress: Progress = lambda _: None,
) -> Outcome:
    """The outcome, its model, state and carried file stored and pinned. Raises as `recompute`."""
    job, number = facts.round.job, facts.round.number

    def keep_state(stream: str, pieces: Iterator[Buffer]) -> Cid:
        return connection.put(pieces, state_pin(job, number, stream))

    outcome = recompute(
        facts,
        connection.fetch,
        certified,
        threads=threads,
        keep=lambda pieces: connection.put(pieces, model_pin(job, number)),
        keep_state=keep_state,
        progress=progress,
    )
    if not outcome.carried.empty:
        connection.put([outcome.carried.encode()], carried_pin(job, number))
    return outcome
