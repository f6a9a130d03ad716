"""A scorer's steps for a job, decided and carried out: what stands between the pure decision and chain and store.

It works beside the job's rounds and delays none of them: their steps come first, and its failures are its own.
"""

import time
from collections.abc import Hashable
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING

from ledger.errors import FedledgerError, Unavailable, UsageError
from ledger.formats.claims import SCORE, pack_scores, unpack_scores
from ledger.history.fold import History
from ledger.history.scorings import settlement
from ledger.history.state import JobState, Scoring
from ledger.party.connection import Connection
from ledger.party.journal import Journal
from ledger.party.worker import Worker
from ledger.rounds.steps import LAST_MOMENT, Nudge, Wait
from participant.scoring.measuring import Interrupted, Measuring
from participant.scoring.steps import (
    CommitScores,
    OpenScoring,
    RevealScores,
    ScoringSituation,
    ScoringStep,
    SettleScores,
    VoidScoring,
    next_scoring_step,
)
from participant.scoring.vectors import Vectors
from participant.tasks.data.files import DataFiles
from participant.trainer.trainers import Trainers

if TYPE_CHECKING:
    from ledger.chain.sender import Sender
    from ledger.keys import Signer


SHORT = 0.05
"""Seconds in which scores are worked out that a round may wait for."""
Taken = OpenScoring | CommitScores | RevealScores | SettleScores | VoidScoring


class Scorer(Worker):
    """Makes a member's scores: for each finalised round it opens, commits, reveals, settles or voids as its turn comes.

    `validation` is the scorer's own data, for jobs that are scored on private sets.
    """

    def __init__(
        self,
        connection: Connection,
        sender: "Sender",
        signer: "Signer",
        journal: Journal,
        validation: DataFiles,
        trainers: Trainers,
    ) -> None:
        super().__init__(connection, sender, journal)
        self.measuring = Measuring(connection, validation, trainers, sender.address)
        self._vectors = Vectors(connection, signer, self.measuring)
        self._abstained: dict[tuple[int, int], str] = {}
        self._waited_for: dict[int, str] = {}
        self._took: dict[int, float] = {}
        self._spent: dict[int, tuple[int, float]] = {}

    def decide(self, history: History, state: JobState, since: int, now: int) -> ScoringStep:
        """The job's next scoring step. Validation data that changed are tried again."""
        if self.measuring.changed(state.number):
            self._abstained = {key: why for key, why in self._abstained.items() if key[0] != state.number}
        deep, still = self._connection.deep(), self._connection.still
        situation = ScoringSituation(now, deep, since, still, self._abstained)
        return next_scoring_step(history, state, self.key, situation)

    def is_short(self, history: History, state: JobState, since: int, now: int) -> bool:
        """Whether there is a scoring step to take for the job, and it takes but a moment. To work scores out does where
        the last ones did.
        """
        step = self.decide(history, state, since, now)
        if isinstance(step, CommitScores):
            return self._took.get(state.number, inf) <= SHORT
        return isinstance(step, OpenScoring | RevealScores | SettleScores | VoidScoring)

    def advance(self, history: History, state: JobState, since: int, now: int) -> Wait | None:
        """See `Worker.advance`. What a round interrupts goes on at the next look."""
        step = self.decide(history, state, since, now)
        if isinstance(step, Wait):
            return step
        if isinstance(step, Nudge):
            self.nudge(state, step)
            return None
        with suppress(Interrupted):
            return self._take(state, step, since)
        return None

    def seen(self, state: JobState) -> Hashable:
        """The job's scorings: the latest, how many committed and revealed, how much is settled, if it has ended."""
        latest = state.latest_scoring
        if latest is None:
            return (state.next_to_score or 0, 0, 0, 0, False)
        ended = latest.outcome is not None
        number = (state.next_to_score or 0) if ended else latest.round
        return (number, len(latest.commitments), len(latest.reveals), len(latest.settled), ended)

    def note(
        self, action: str, state: JobState, text: str, why: FedledgerError | None = None, /, **facts: object
    ) -> None:
        """Write an action of a job's scoring down."""
        super().note(action, state, f"scores: {text}", why, **facts)

    def note_wait(self, state: JobState, wait: Wait) -> None:
        """Worth a line only while a scoring is under way, and once for the same reason."""
        if state.scoring is not None and self._waited_for.get(state.number) != wait.why:
            self._waited_for[state.number] = wait.why
            self._note("waiting", state, state.scoring.round, wait.why, until=wait.until)

    def _take(self, state: JobState, step: Taken, since: int) -> Wait | None:
        match step:
            case OpenScoring():
                self._open(state, step)
            case CommitScores():
                return self._commit(state, step, since)
            case RevealScores():
                return self._reveal(state, state.scorings[step.round])
            case SettleScores():
                self._settle(state, state.scorings[step.round])
            case VoidScoring():
                self._sender.send("scores", "voidScoring", step.job, step.round)
                short = len(state.scorings[step.round].reveals) < state.terms.scorers
                why = "too few scorers revealed" if short else "nobody settled its scores in time"
                self._note("voided", state, step.round, f"{why}: this round has no scores")
        return None

    def _open(self, state: JobState, step: OpenScoring) -> None:
        round_ = state.rounds[step.round]
        final = round_.final
        if final is None:
            raise UsageError("only a finalised round is scored", job=step.job, round=step.round)
        self._sender.send("scores", "openScoring", step.job, step.round, round_.opened, tuple(final.said))
        self._note("opened", state, step.round, "its scoring is open")

    def _commit(self, state: JobState, step: CommitScores, since: int) -> Wait | None:
        """Work the scores out, keep them, commit to them: in this order, so that what is committed can be shown."""
        scoring = state.scorings[step.round]
        scores = self._scores(state, scoring)
        if isinstance(scores, Wait) or not self._is_due(step, since):
            return scores if isinstance(scores, Wait) else None
        self._sender.send("scores", "commitScores", step.job, step.round, self._vectors.commitment(scoring, scores))
        self._note("committed", state, step.round, f"committed to {len(scores)} scores")
        return None

    def _scores(self, state: JobState, scoring: Scoring) -> tuple[int, ...] | Wait:
        """Kept from before, or worked out now, once all that they are made from is copied. Abstains where this scorer's
        data or task are the reason for none.
        """
        kept = self._vectors.find(scoring)
        if kept is not None:
            return kept
        facts = self.facts(state, scoring.round)
        seconds = max(scoring.reveal_deadline - self._connection.time(), LAST_MOMENT)
        if copying := self.copies.scored(facts, seconds).copying:
            return Wait(f"copies {', '.join(copying)} for the scores of round {scoring.round}")
        self.copies.check_scored(facts)
        round_, before = self._spent.get(state.number, (scoring.round, 0.0))
        began, self._took[state.number] = time.monotonic() - (before if round_ == scoring.round else 0.0), inf
        try:
            made = self._vectors.make(facts, scoring)
            self._took[state.number] = time.monotonic() - began
            return made
        except Unavailable:  # what was measured is remembered: the next call takes but the rest of the time
            self._spent[state.number] = scoring.round, time.monotonic() - began
            raise
        except FedledgerError as error:
            self._abstain(scoring, f"makes no scores for round {scoring.round}: {error.message}")
            raise

    def _reveal(self, state: JobState, scoring: Scoring) -> Wait | None:
        """Everyone's commitment is fixed, by all chain nodes that this home asks: show what was committed to. Raises
        UsageError where it is lost, and then abstains.
        """
        agreed = self.require_agreement_now(self.facts(state, scoring.round), "reveal")
        if isinstance(agreed, Wait):
            return agreed
        member = self._connection.history.member_of(self.key)
        committed = scoring.commitments[member.index].digest if member else b""
        scores = self._scores(state, scoring)
        if isinstance(scores, Wait):
            return scores
        if self._vectors.commitment(scoring, scores) != committed:
            self._abstain(scoring, f"the scores of round {scoring.round} that were committed to are lost")
            raise UsageError(
                "the scores that were committed to are lost, and are not the same when worked out again",
                advice="keep the home's folder `scores`; this round's reveal is withheld",
                expected=committed.hex(),
            )
        salt, packed = self._vectors.salt(scoring), pack_scores(scores)
        self._sender.send("scores", "revealScores", scoring.job, scoring.round, salt, packed)
        self._note("revealed", state, scoring.round, "scores revealed", scores=list(scores))
        return None

    def _settle(self, state: JobState, scoring: Scoring) -> None:
        """One range; the next look at the ledger goes on after it, even if another settled it."""
        start, shown, packed = settlement(scoring)
        self._sender.send("scores", "settleScores", scoring.job, scoring.round, start, shown, packed)
        medians = list(unpack_scores(packed, len(packed) // SCORE))
        whole = len(medians) == scoring.updates
        text = "scores settled" if whole else f"scores {start} to {start + len(medians) - 1} settled"
        self._note("settled", state, scoring.round, text, medians=medians)

    def _abstain(self, scoring: Scoring, why: str) -> None:
        self._abstained[scoring.job, scoring.round] = why

    def _is_due(self, step: CommitScores, since: int) -> bool:
        """Look at the ledger again: working scores out took its time. Whether the step is still the one to take."""
        history = self._connection.refresh()
        state = history.jobs.get(step.job)
        return state is not None and self.decide(history, state, since, self._connection.time()) == step

    def _note(self, action: str, state: JobState, round_: int, text: str, **facts: object) -> None:
        super().note(action, state, f"round {round_}: {text}", round=round_, **facts)
