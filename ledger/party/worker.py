"""What every role's worker does alike. A worker takes one member's steps, each decided purely and then carried out; it
remembers nothing that matters.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import TYPE_CHECKING

from ledger.errors import FedledgerError, Malformed
from ledger.history.fold import History
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.party.copies import Copies, Gathering
from ledger.party.journal import Journal
from ledger.rounds.facts import RoundFacts
from ledger.rounds.steps import Advance, Wait

if TYPE_CHECKING:
    from ledger.chain.sender import Sender


class Worker(ABC):
    """Takes a role's steps, on one connection and with one key."""

    def __init__(self, connection: Connection, sender: "Sender", journal: Journal) -> None:
        self._connection, self._sender, self._journal = connection, sender, journal
        self.copies = Copies(connection)
        self._told: set[tuple[int, int, int, str]] = set()

    @property
    def key(self) -> str:
        """The address of the key it acts with."""
        return self._sender.address

    @abstractmethod
    def advance(self, history: History, state: JobState, since: int, now: int) -> Wait | None:
        """Take the job's next step; the Wait where there is none to take now. `since` is when the job was first seen
        as it is, `now` the present time, both by the chain's clock.

        Raises Rejected where the contract refuses (most often: another was faster), Unavailable and Malformed where
        the job's document, its model or an update's bytes stand in the way.
        """

    def seen(self, state: JobState) -> Hashable:
        """The job as far as waiting for its next step depends on it: something new ends waiting and backoff."""
        round_ = state.current
        return (0, None, 0, 0) if round_ is None else (round_.number, round_.phase, len(round_.updates), round_.attempt)

    def note(
        self, action: str, state: JobState, text: str, why: FedledgerError | None = None, /, **facts: object
    ) -> None:
        """Write an action of a job down, and the facts of an error that is `why`."""
        self._journal.note(action, f"job {state.number}: {text}", why, job=state.number, **facts)

    def note_wait(self, state: JobState, wait: Wait) -> None:
        """Write down what is waited for, once for each reason."""
        self.note("waiting", state, wait.why, until=wait.until)

    def note_missing(self, facts: RoundFacts, gathering: Gathering) -> None:
        """Write down why each update that is missing could not be had, once for each kind of reason."""
        round_ = facts.round
        for member, error in gathering.missing.items():
            known = (round_.job, round_.number, member, type(error).__name__)
            if known in self._told:
                continue
            self._told.add(known)
            text = f"round {round_.number}: the update of member {member} is missing: {error.message}"
            said = {name: str(value) for name, value in error.facts.items()}
            self.note("missing", facts.state, text, round=round_.number, member=member, error=known[-1], facts=said)

    def document(self, state: JobState) -> Job:
        """The job's document, kept. Raises Malformed where its terms are not those of the contract."""
        job = self._connection.document(state)
        if job.terms != state.terms:
            raise Malformed(
                "the job's document has other terms than the contract: no round of it can be verified",
                expected=state.terms,
                actual=job.terms,
            )
        self.copies.job(job)
        return job

    def facts(self, state: JobState, number: int) -> RoundFacts:
        """All that a step needs of a round. Raises as `document`."""
        return RoundFacts.of(self._connection.place, state, self.document(state), state.rounds[number])

    def move_on(self, state: JobState, step: Advance) -> None:
        """Move on a round that is overdue, or that nobody can finish any more."""
        self._sender.send("ledger", "advance", state.number, step.round)
        self.note("advanced", state, f"round {step.round} was moved on", round=step.round)
