"""A job that a member proposes: the ledger is told of it, then of its masks and of what its rounds cost, where it has
any, each in a transaction.

Killed between them, the same command makes what is left, and so does the proposer's node: no member approves a job of
which the contracts were not told all.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import astuple

from ledger.errors import Rejected
from ledger.history.agreement import contradiction
from ledger.history.fold import History
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.party.worker import Worker
from ledger.rounds.steps import Wait

if TYPE_CHECKING:
    from ledger.chain.sender import Sender


def propose(connection: Connection, sender: "Sender", document: Job) -> JobState:
    """Propose a job and tell of its masks and costs; or tell of those of a job that was proposed and left. Raises as
    `Sender.send`.
    """
    history = connection.refresh()
    same = (one for one in untold(history, sender.address) if one.digest == document.digest)
    state = next((one for one in same if _may_follow(history, document, one)), None)
    if state is None:
        terms = (astuple(document.terms), astuple(document.model_terms))
        receipt = sender.send("ledger", "proposeJob", document.digest, *terms)
        state = _proposed_in(connection.refresh(), receipt.tx)
    tell_masks(connection, sender, state, document)
    tell_costs(connection, sender, state, document)
    return connection.history.jobs[state.number]


def untold(history: History, proposer: str) -> Iterator[JobState]:
    """The jobs that a key proposed and nobody opened or closed yet, of which no masks or no costs are told. Their
    documents say whether they have any.
    """
    for state in history.jobs.values():
        proposed = state.proposer == proposer and not (state.open or state.closed)
        if proposed and (state.number not in history.masks or state.spending is None):
            yield state


def _may_follow(history: History, document: Job, state: JobState) -> bool:
    """Whether a contract lacks something of a proposed job that its proposer can still tell it."""
    found = contradiction(document, state, history.masks.get(state.number))
    return found is not None and found.may_follow(state)


def tell_masks(connection: Connection, sender: "Sender", state: JobState, document: Job) -> bool:
    """Tell the contract how a proposed job is masked, where it is; whether it was told now. Another process of the same
    home may be faster. Raises as `Sender.send`.
    """
    if document.masked is None or state.number in connection.history.masks:
        return False
    try:
        sender.send("masks", "configure", state.number, astuple(document.masked.masking))
    except Rejected:
        if state.number not in connection.refresh().masks:
            raise
        return False
    connection.refresh()
    return True


def tell_costs(connection: Connection, sender: "Sender", state: JobState, document: Job) -> bool:
    """The same of what its rounds cost."""
    if document.dp is None or connection.history.jobs[state.number].spending is not None:
        return False
    try:
        sender.send("budgets", "configure", state.number, astuple(document.dp.spending))
    except Rejected:
        if connection.refresh().jobs[state.number].spending is None:
            raise
        return False
    connection.refresh()
    return True


def _proposed_in(history: History, tx: bytes) -> JobState:
    return next(state for state in reversed(history.jobs.values()) if state.tx == tx)


class Proposer(Worker):
    """Tells of masks and costs of jobs that its member proposed, where it was stopped before it did."""

    def advance(self, history: History, state: JobState, since: int, now: int) -> Wait | None:
        """See `Worker.advance`; of those that are `untold`."""
        document = self._connection.documents.get(state)
        if document.masked is None and document.dp is None:
            return Wait("")
        if state.block > self._connection.deep().number:
            return Wait("its proposal is not deep in the chain yet; masks and costs are told after that")
        if tell_masks(self._connection, self._sender, state, document):
            self.note("masked", state, "its masks are told: members can approve it now")
        if tell_costs(self._connection, self._sender, state, document):
            self.note("costs", state, "what its rounds cost is told: members can approve it now")
        return None
