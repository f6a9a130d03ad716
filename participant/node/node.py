"""A participant's node: the ledger's watch, for who trains, attests and scores.

An update that was stored before a crash is registered as it is; one that was not is trained again to the same bytes.
"""

import time

from ledger.events.records import Role
from ledger.history.fold import History
from ledger.history.state import JobState
from ledger.party.connection import Connection
from ledger.party.gateway import Serving
from ledger.party.journal import Journal
from ledger.party.watch import Watch, clock
from participant.node.steps import Attest, Submit
from participant.node.worker import Worker
from participant.scoring.scorer import Scorer
from participant.scoring.steps import scores_left


class Node(Watch):
    """One member's node. `scorer` gives its scores, beside the rounds; without one it gives none."""

    def __init__(
        self,
        connection: Connection,
        worker: Worker,
        journal: Journal,
        *,
        scorer: Scorer | None = None,
        serving: Serving | None = None,
        only: int | None = None,
        until_complete: bool = False,
        poll: float = 2.0,
    ) -> None:
        super().__init__(connection, worker, journal, serving=serving, only=only, poll=poll)
        self._key, self._until_complete, self._warm = worker.key, until_complete, False
        self._scorer, self._rounds = scorer, worker
        if scorer is not None:
            scorer.measuring.urgent = self._wanted

    @property
    def done(self) -> bool:
        """Whether it was to run until every job is complete, and they are: no round is left, and none to be scored."""
        states = self.chosen(self._connection.history)
        return self._until_complete and bool(states) and all(map(self._finished, states))

    def _finished(self, state: JobState) -> bool:
        left = scores_left(self._connection.history, state)
        return state.complete and not left and self._rests(state.number)

    def _rests(self, job: int) -> bool:
        """Whether nothing is left to do for a job: its last round's files are kept, too."""
        return self._watched[job].waiting != "" if job in self._watched else False

    def due_in(self) -> list[float]:
        """When scoring that failed is tried again."""
        return self._scorer.due_in() if self._scorer else []

    def _attend(self, history: History, state: JobState, now: int) -> bool:
        """The round's step first; where there is none to take, or it is in trouble, the scoring's."""
        if super()._attend(history, state, now):
            return True
        return self._scorer is not None and self._scorer.advance(history, state, now)

    def _wanted(self) -> bool:
        """Whether a round waits for this node, so that long scoring is put off."""
        history, now = self._connection.refresh(), clock(self._connection.client)
        return any(self._due(history, state, now) for state in self.chosen(history))

    def _due(self, history: History, state: JobState, now: int) -> bool:
        watched = self._watched.get(state.number)
        if watched is not None and time.monotonic() < watched.rest_until:
            return False
        return isinstance(self._rounds.decide(history, state, now), Submit | Attest)

    def rest(self) -> None:
        """Load torch while there is nothing to do: it takes seconds that a round would wait for."""
        member = self._connection.history.member_of(self._key)
        if self._warm or self.done or member is None or not member.has(Role.PARTICIPANT):
            return
        self._warm = True
        try:
            import participant.tasks.training  # noqa: F401
        except ModuleNotFoundError as error:
            self._journal.note(
                "failed", 'this node cannot train: install "fedledger[node]"', error=type(error).__name__
            )
