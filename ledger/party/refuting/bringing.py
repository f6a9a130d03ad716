"""A refutation brought before the court, once, by any key; and what became of the round."""

from ledger.chain.sender import Sender
from ledger.errors import Rejected
from ledger.history.state import Aggregate, JobState, Phase
from ledger.party.connection import Connection
from ledger.party.refuting.attempts import Attempt, attempt_at
from ledger.party.refuting.finding import Refutation


def bring(connection: Connection, sender: Sender, attempt: Attempt, refutation: Refutation) -> Attempt:
    """Send the calls, and wait until the ledger shows the conviction; what stands then.

    What is on its way already is not sent again, and where somebody else was faster nothing is. Raises Rejected with
    the contract's own error where it refuses, Unavailable where no block comes in time.
    """
    where = attempt.facts.state.number, attempt.facts.round.number, attempt.aggregate.attempt
    for call in refutation.calls:
        try:
            sender.send("court", call.function, *call.arguments)
        except Rejected:
            connection.refresh()
            now = attempt_at(connection, *where)
            if now.convicted is None:
                raise
            return now
    connection.refresh()
    return attempt_at(connection, *where)


def what_comes_next(state: JobState, attempt: Attempt) -> str:
    """What became of a round whose aggregate is convicted, and whose turn it is."""
    number, aggregate, job = attempt.facts.round.number, attempt.aggregate, state.number
    if aggregate.outcome is not Phase.FINALISED:
        return _failed(state, number, aggregate)
    if state.closed:
        return f"job {job} is closed: no round builds on the model"
    if state.is_void(number):
        return f"the members rewound job {job}: no round builds on the model"
    return (
        f"the model of round {number} stays on record, marked: no round of job {job} opens, and no release of it or of "
        f"a model built on it passes, until the members decide: fedledger proposal propose rewind {job} (back to "
        f"{_model(state.sound)}), or fedledger proposal propose close-job {job}"
    )


def _failed(state: JobState, number: int, aggregate: Aggregate) -> str:
    round_ = state.rounds[number]
    if round_.phase is Phase.AGGREGATING:
        return f"attempt {aggregate.attempt} of round {number} has failed: another aggregator publishes the next"
    return f"attempt {aggregate.attempt} of round {number} has failed, and the round is {round_.phase.value.lower()}"


def _model(number: int) -> str:
    return f"the model of round {number}" if number else "the job's initial model"
