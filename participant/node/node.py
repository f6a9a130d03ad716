"""A participant's node: the ledger's watch over training, attesting and scoring.

An update that was stored before a crash is registered as it is; one that was not is trained again to the same bytes.
"""

from ledger.errors import FedledgerError
from ledger.history.fold import History
from ledger.history.state import JobState, Phase
from ledger.party.connection import Connection
from ledger.party.copies import SOON
from ledger.party.gateway import Serving
from ledger.party.journal import Journal
from ledger.party.masking.proposing import Proposer, untold
from ledger.party.pacing import Pacing
from ledger.party.watch import Watch
from ledger.rounds.steps import Vouch
from participant.node.steps import Attest, Commit, OpenOwn, Show
from participant.node.worker import NodeWorker
from participant.scoring.scorer import Scorer
from participant.scoring.steps import scores_left

URGENT = Commit | Show | OpenOwn | Attest
"""Steps that a round waits for."""
TOGETHER = 2
"""Seconds of a phase in which who committed expects that all others act, so that its own next step is due."""


class Node(Watch):
    """One member's node. `scorer` makes its scores, beside the rounds; without one it makes none. `proposer` finishes
    what this member proposed.
    """

    def __init__(
        self,
        connection: Connection,
        worker: NodeWorker,
        journal: Journal,
        proposer: Proposer,
        *,
        scorer: Scorer | None = None,
        serving: Serving | None = None,
        only: int | None = None,
        until_complete: bool = False,
        poll: float = 2.0,
    ) -> None:
        super().__init__(connection, worker, journal, serving=serving, only=only, poll=poll)
        self._until_complete = until_complete
        self._rounds = worker
        self._masks = Pacing(connection, worker.masks)
        self._scorer = scorer
        self._scorings = Pacing(connection, scorer) if scorer is not None else None
        self._proposals = Pacing(connection, proposer)
        self._scored = scorer.copies if scorer is not None else None
        if scorer is not None:
            scorer.measuring.urgent = self._wanted

    @property
    def done(self) -> bool:
        """Whether it was to run until every job is complete, and they are: no round is left, and none to be scored."""
        states = self.chosen(self._connection.history)
        return self._until_complete and bool(states) and all(map(self._is_over, states))

    def _is_over(self, state: JobState) -> bool:
        """Whether nothing is left to do for a job: its last round's files are kept, too."""
        left = scores_left(self._connection.history, state)
        idle = self._pacing.waits(state.number) and not self._rounds.copies.busy
        return state.complete and not left and idle

    def due_in(self) -> list[float]:
        """Also when scoring that failed is tried again, and soon while files are copied or the own opening is shown."""
        copying = [SOON] if self._rounds.copies.is_copying or (self._scored and self._scored.is_copying) else []
        scored = self._scorings.due_in() if self._scorings else []
        scored += self._masks.due_in()
        trained = self._rounds.trainers.due_in()
        return super().due_in() + scored + copying + trained + self._rounds.due_in(self._connection.history)

    def settle(self, seconds: float) -> bool:
        """Also for what is exchanged with other members' gateways, and for what trainers are at."""
        copied = super().settle(seconds)
        copied = (self._scored is not None and self._scored.settle(seconds)) or copied
        trained = self._rounds.trainers.settle(seconds)
        return self._rounds.exchange.settle(seconds) or copied or trained

    def look(self) -> bool:
        """Also at the trainers: those that have had nothing to do for a while end. And at the jobs that this member
        proposed, whose masks may not be told yet.
        """
        self._rounds.trainers.tend()
        acted = super().look()
        self._look_after_keys()
        history, now = self._connection.history, self._connection.time()
        left = list(untold(history, self._rounds.key))
        told = [self._proposals.advance(history, state, now) for state in left]
        return acted or any(told)

    def attend(self, history: History, state: JobState, now: int) -> bool:
        """The round's step first; where there is none to take, or it is in trouble, that of its masks, then the
        scoring's, unless the round waits for this node.
        """
        if super().attend(history, state, now):
            return True
        if state.number in history.masks and self._masks.advance(history, state, now):
            return True
        if self._scorer is None or self._scorings is None:
            return False
        may = self._may_score(self._scorer, self._scorings, history, state, now)
        return may and self._scorings.advance(history, state, now)

    def _look_after_keys(self) -> None:
        """Mask keys are on the ledger before any job waits for them; trouble with them stops no round."""
        try:
            self._rounds.masks.look_after_keys(self._connection.history)
            self._trouble("mask keys", None)
        except FedledgerError as error:
            self._trouble("mask keys", error)

    def _may_score(self, scorer: Scorer, scorings: Pacing, history: History, state: JobState, now: int) -> bool:
        """Whether the round leaves this node the time for the scoring's next step. It does not where this node has to
        show its update now; where it has to soon, or to sign for the others', only for a short one.
        """
        round_, member = state.current, history.member_of(self._rounds.key)
        if round_ is None or member is None or member.index not in round_.commitments:
            return True
        step, moment = self._rounds.decide(history, state, now), now < self._pacing.since(state.number) + TOGETHER
        if isinstance(step, Show):
            return self._pacing.rests(state.number)
        soon = moment and (isinstance(step, Vouch) or round_.phase in (Phase.COLLECTING, Phase.OPENING))
        if not soon:
            return True
        scorings.notice(state, now)
        return scorer.is_short(history, state, scorings.since(state.number), now)

    def _wanted(self) -> bool:
        """Whether a round waits for this node, so that long scoring is put off."""
        history, now = self._connection.refresh(), self._connection.time()
        return any(self._due(history, state, now) for state in self.chosen(history))

    def _due(self, history: History, state: JobState, now: int) -> bool:
        resting = self._pacing.rests(state.number)
        return not resting and isinstance(self._rounds.decide(history, state, now), URGENT)
