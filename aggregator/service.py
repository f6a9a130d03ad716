"""The aggregator at work: the ledger's watch, until its goal is reached."""

from dataclasses import dataclass

from aggregator.worker import AggregatorWorker
from ledger.history.state import JobState
from ledger.party.connection import Connection
from ledger.party.gateway import Serving
from ledger.party.journal import Journal
from ledger.party.watch import Watch


@dataclass(frozen=True, slots=True)
class Goal:
    """When to stop: when each job has had its last round (`complete`), the round it is in (`once`), or round `rounds`.

    Without any of them, never. No round is opened for a job that has reached the goal.
    """

    complete: bool = False
    once: bool = False
    rounds: int | None = None

    def reached(self, state: JobState, first: int) -> bool:
        """Whether a job is done with; `first` is the round it was in, or about to open, when it was first seen."""
        if state.complete:
            return True
        last = first if self.once else self.rounds
        round_ = None if last is None else state.rounds.get(last)
        return round_ is not None and round_.phase.terminal

    @property
    def ends(self) -> bool:
        return self.complete or self.once or self.rounds is not None


class Service(Watch):
    """One member's aggregator."""

    def __init__(
        self,
        connection: Connection,
        worker: AggregatorWorker,
        journal: Journal,
        *,
        serving: Serving | None = None,
        only: int | None = None,
        goal: Goal | None = None,
        poll: float = 2.0,
    ) -> None:
        super().__init__(connection, worker, journal, serving=serving, only=only, poll=poll)
        self._rounds, self._goal = worker, goal or Goal()

    @property
    def done(self) -> bool:
        """Whether the goal is reached."""
        states = self.chosen(self._connection.history)
        return self._goal.ends and bool(states) and all(map(self.finished, states))

    def finished(self, state: JobState) -> bool:
        """Whether the goal is reached for a job: no further round is opened for it."""
        return self._goal.reached(state, self.first_round(state.number))

    def settle(self, seconds: float) -> bool:
        """Also for what is exchanged with other members' gateways."""
        copied = super().settle(seconds)
        return self._rounds.exchange.settle(seconds) or copied

    def due_in(self) -> list[float]:
        """Also when bytes that could not be had are asked for again, and when openings or signatures may have come."""
        copies = self._rounds.copies
        states = [state for state in self.chosen(self._connection.history) if not _rests(state)]
        retried = [wait for state in states if (wait := copies.retry_in(state.number)) is not None]
        return super().due_in() + retried + self._rounds.due_in(frozenset(state.number for state in states))


def _rests(state: JobState) -> bool:
    return state.current is None or state.current.phase.terminal
