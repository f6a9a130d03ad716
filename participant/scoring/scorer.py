"""A scorer's steps for one job, decided and carried out: what stands between the pure decision and chain and store.

It works beside the job's rounds and holds none of them up: their steps come first, and its failures are its own.
Nothing but the scores that were worked out is kept (`participant.scoring.kept`), and the salt follows from the key: a
node killed between commit and reveal shows the same vector when it is started again.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger.errors import FedledgerError, Rejected, Unavailable, UsageError
from ledger.formats.claims import pack_scores, scores_commitment, unpack_scores
from ledger.history.fold import History
from ledger.history.scorings import settlement
from ledger.history.state import JobState, Round, Scoring
from ledger.party.connection import Connection
from ledger.party.copies import Copies
from ledger.party.journal import Journal
from ledger.party.watch import FIRST_BACKOFF, LONGEST_BACKOFF, clock, runnable
from ledger.rounds.steps import Wait
from participant.scoring.kept import Kept, KeptScores
from participant.scoring.measuring import Interrupted, Measuring
from participant.scoring.salt import salt_of
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
from participant.tasks.machine import Machine

if TYPE_CHECKING:
    from ledger.chain.sender import Sender
    from ledger.keys import Signer

Seen = tuple[int, int, int, bool]


@dataclass(slots=True)
class Noticed:
    """What is remembered of a job's scorings between looks. Lost in a crash, it costs a look.

    `since` is when they were first seen as they are, by the chain's clock.
    """

    seen: Seen | None = None
    since: int = 0
    failures: int = 0
    rest_until: float = 0.0
    waiting: str = ""


class Scorer:
    """Gives a member's scores: for each finalised round it opens, commits, reveals, settles or voids as its turn comes.

    `validation` is the scorer's own data, for jobs that are scored on private sets.
    """

    def __init__(
        self,
        connection: Connection,
        sender: "Sender",
        signer: "Signer",
        journal: Journal,
        validation: Path,
        machine: Machine,
    ) -> None:
        self._connection, self._sender, self._signer, self._journal = connection, sender, signer, journal
        self.measuring = Measuring(connection, validation, machine)
        self._copies = Copies(connection)
        self._kept = KeptScores(connection.folder / "scores")
        self._noticed: dict[int, Noticed] = {}
        self._abstained: dict[tuple[int, int], str] = {}

    def advance(self, history: History, state: JobState, now: int) -> bool:
        """Take the job's next scoring step; whether anything was done. What stands in the way is noted and tried
        again later: it stops no round."""
        noticed = self._noticed.setdefault(state.number, Noticed())
        if noticed.seen != (seen := present(state)):
            noticed.seen, noticed.since = seen, now
            noticed.failures, noticed.rest_until, noticed.waiting = 0, 0.0, ""
        if time.monotonic() < noticed.rest_until:
            return False
        step = self.decide(history, state, now)
        if isinstance(step, Wait):
            self._wait(noticed, state, step)
            return False
        try:
            self._take(state, step)
        except Interrupted:
            return True
        except Rejected as error:
            return self._refused(noticed, state, error)
        except FedledgerError as error:
            return self._failed(noticed, state, error)
        noticed.failures = 0
        return True

    def decide(self, history: History, state: JobState, now: int) -> ScoringStep:
        """The job's next scoring step. Validation data that were mended are tried again."""
        if self.measuring.changed():
            self._abstained = {}
        noticed = self._noticed.get(state.number, Noticed(since=now))
        situation = ScoringSituation(now, noticed.since, self._abstained)
        return next_scoring_step(history, state, self._sender.address, situation)

    def due_in(self) -> list[float]:
        """Seconds until what failed is tried again."""
        now = time.monotonic()
        return [noticed.rest_until - now for noticed in self._noticed.values() if noticed.rest_until > now]

    def _take(self, state: JobState, step: ScoringStep) -> None:
        match step:
            case OpenScoring():
                self._open(state, state.rounds[step.round])
            case CommitScores():
                self._commit(state, state.scorings[step.round], step)
            case RevealScores():
                self._reveal(state, state.scorings[step.round])
            case SettleScores():
                self._settle(state, state.scorings[step.round])
            case VoidScoring():
                self._sender.send("scores", "voidScoring", step.job, step.round)
                self._note("voided", state, step.round, "too few scorers revealed: this round has no scores")

    def _open(self, state: JobState, round_: Round) -> None:
        final = round_.final
        if final is None:
            raise UsageError("only a finalised round is scored", job=state.number, round=round_.number)
        self._sender.send("scores", "openScoring", state.number, round_.number, final.root, final.cid, final.verdicts)
        self._note("opened", state, round_.number, "its scoring is open")

    def _commit(self, state: JobState, scoring: Scoring, step: CommitScores) -> None:
        """Work the scores out, keep them, commit to them: in this order, so that what is committed can be shown."""
        scores = self._scores(state, scoring)
        if scores is None or not self._still(step):
            return
        self._sender.send("scores", "commitScores", step.job, step.round, self._commitment(scoring, scores))
        self._note("committed", state, step.round, f"committed to {len(scores)} scores")

    def _scores(self, state: JobState, scoring: Scoring) -> tuple[int, ...] | None:
        """Kept from before, or worked out now; None where this scorer has no scores to give, which it says."""
        kept = self._find(scoring)
        if kept is not None:
            return kept
        job = runnable(self._connection, state)
        self._copies.evaluation_set(job)
        try:
            scores = self.measuring.scores(state, job, state.rounds[scoring.round], scoring.seed)
        except FedledgerError as error:
            if not isinstance(error, Unavailable):
                where = (scoring.job, scoring.round)
                self._abstained[where] = f"gives no scores for round {scoring.round}: {error.message}"
            raise
        place = self._connection.place
        self._kept.keep(
            Kept(
                fedledger="scores/1",
                chain=place.chain,
                board=self._board,
                job=scoring.job,
                round=scoring.round,
                seed=scoring.seed.hex(),
                scores=scores,
            )
        )
        return scores

    def _reveal(self, state: JobState, scoring: Scoring) -> None:
        """Show what was committed to. Raises UsageError where it is lost, and then abstains."""
        member = self._connection.history.member_of(self._sender.address)
        committed = scoring.commitments[member.index].digest if member else b""
        scores = self._find(scoring) or self._scores(state, scoring)
        if scores is None or self._commitment(scoring, scores) != committed:
            where = (scoring.job, scoring.round)
            self._abstained[where] = f"the scores of round {scoring.round} that were committed to are lost"
            raise UsageError(
                "the scores that were committed to are lost, and are not the same when worked out again",
                advice="keep the home's folder `scores`; this round's reveal is withheld",
                expected=committed.hex(),
            )
        self._sender.send(
            "scores", "revealScores", scoring.job, scoring.round, self._salt(scoring), pack_scores(scores)
        )
        self._note("revealed", state, scoring.round, "scores revealed", scores=list(scores))

    def _settle(self, state: JobState, scoring: Scoring) -> None:
        shown, medians = settlement(scoring)
        self._sender.send("scores", "settleScores", scoring.job, scoring.round, shown, medians)
        self._note(
            "settled", state, scoring.round, "scores settled", medians=list(unpack_scores(medians, scoring.updates))
        )

    def _find(self, scoring: Scoring) -> tuple[int, ...] | None:
        chain = self._connection.place.chain
        return self._kept.find(chain, self._board, scoring.job, scoring.round, scoring.seed)

    def _commitment(self, scoring: Scoring, scores: tuple[int, ...]) -> bytes:
        chain, me = self._connection.place.chain, self._sender.address
        return scores_commitment(chain, self._board, scoring.job, scoring.round, me, self._salt(scoring), scores)

    def _salt(self, scoring: Scoring) -> bytes:
        place = (self._connection.place.chain, self._board, scoring.job, scoring.round)
        return salt_of(self._signer, *place, scoring.seed)

    @property
    def _board(self) -> str:
        return self._connection.network.contracts.scores.address

    def _still(self, step: CommitScores) -> bool:
        """Look at the ledger again: working scores out took its time. Whether the step is still the one to take."""
        history = self._connection.refresh()
        state = history.jobs.get(step.job)
        return state is not None and self.decide(history, state, clock(self._connection.client)) == step

    def _wait(self, noticed: Noticed, state: JobState, wait: Wait) -> None:
        if wait.why != noticed.waiting and state.scoring is not None:
            noticed.waiting = wait.why
            self._note("waiting", state, state.scoring.round, wait.why, until=wait.until)

    def _refused(self, noticed: Noticed, state: JobState, error: Rejected) -> bool:
        """Another was faster, or a deadline passed: normal. A refusal while nothing changed is a failure."""
        fresh = self._connection.refresh().jobs.get(state.number)
        if fresh is None or present(fresh) == noticed.seen:
            return self._failed(noticed, state, error)
        self._journal.note("overtaken", f"job {state.number}: the scoring went on: {error.message}", job=state.number)
        return True

    def _failed(self, noticed: Noticed, state: JobState, error: FedledgerError) -> bool:
        pause = min(FIRST_BACKOFF * 2.0**noticed.failures, LONGEST_BACKOFF)
        noticed.failures += 1
        noticed.rest_until = time.monotonic() + pause
        facts: dict[str, Any] = {name: str(value) for name, value in error.facts.items()}
        text = f"job {state.number}: scores: {error.message}"
        kind = type(error).__name__
        self._journal.note("failed", text, job=state.number, error=kind, advice=error.advice, facts=facts)
        return False

    def _note(self, action: str, state: JobState, round_: int, text: str, **facts: object) -> None:
        self._journal.note(
            action, f"job {state.number}: round {round_}: {text}", job=state.number, round=round_, **facts
        )


def present(state: JobState) -> Seen:
    """The job's scorings as far as waiting depends on them: how many, and how far the latest is."""
    latest = state.latest_scoring
    if latest is None:
        return (state.next_to_score or 0, 0, 0, False)
    ended = latest.outcome is not None
    return ((state.next_to_score or 0) if ended else latest.round, len(latest.commitments), len(latest.reveals), ended)
