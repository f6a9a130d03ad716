"""Scores of finalised rounds: the fold of commitments, reveals and medians.

`ledger.history.fold` hands it those events. All that the log says of a scoring is recomputed, except its seed, which
comes from a block's hash; the root, which the chain keeps, vouches for that.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from ledger.errors import Malformed
from ledger.events import scores as r
from ledger.events.members import Role
from ledger.formats.claims import (
    CHUNK,
    LARGEST_SCORERS,
    SCORE,
    lower_median,
    pack_scores,
    scores_commitment,
    scores_hash,
    scores_root,
    unpack_scores,
)
from ledger.history.impossible import Impossible
from ledger.history.jobs import Jobs
from ledger.history.members import Members
from ledger.history.state import Commitment, JobState, Reveal, ScoreBoard, Scoring, ScoringPhase

ADMITTED = 0
SCORES_IN_A_CALL = 2048
"""What one call settles, scorers times updates: 330,000 gas where no byte of the scores is zero."""


@dataclass(slots=True)
class Scorings:
    """Keeps the scorings in the jobs that they are of."""

    members: Members
    jobs: Jobs
    board: ScoreBoard

    def apply(self, event: r.AnyScoreEvent) -> None:
        """Take one more event. Raises Impossible where it cannot follow, and then changes nothing."""
        match event:
            case r.ScoresCommitted():
                self._commit(event)
            case r.ScoresRevealed():
                self._reveal(event)
            case r.ScoringOpened():
                self._open(event)
            case r.MediansSettled():
                self._settle_medians(event)
            case r.ScoresSettled():
                self._settle(event)
            case r.ScoringVoid():
                self._make_void(event)
            case _:
                assert_never(event)

    def _open(self, event: r.ScoringOpened) -> None:
        job, terms = self.jobs.require(event.job), self.jobs.require(event.job).terms
        self.members.holder(event.opener, Role.SCORER, self.members.epoch)
        round_ = job.rounds.get(event.round)
        if job.scoring is not None or event.round != job.next_to_score or round_ is None or round_.final is None:
            raise Impossible(f"round {event.round} of job {event.job} cannot be scored")
        scorers = min(self.members.having(Role.SCORER), LARGEST_SCORERS)
        updates = round_.final.verdicts.count(ADMITTED)
        expected = (self.members.epoch, scorers, updates)
        if (event.epoch, event.scorers, event.updates) != expected or scorers < terms.scorers or not updates:
            raise Impossible(f"round {event.round} has {updates} updates to score and {scorers} scorers")
        job.scorings[event.round] = Scoring(
            event.job,
            event.round,
            event.opener,
            event.seed,
            updates,
            event.epoch,
            scorers,
            terms.scorers,
            event.commit_deadline,
            event.commit_deadline + terms.reveal_seconds,
            event.tx,
            block=event.block,
        )

    def _commit(self, event: r.ScoresCommitted) -> None:
        scoring = self._under_way(event.job, event.round)
        index = self.members.holder(event.scorer, Role.SCORER, scoring.epoch).index
        if scoring.full or scoring.reveals or index in scoring.commitments:
            raise Impossible(f"member {index} cannot commit to scores of round {event.round}")
        scoring.commitments[index] = Commitment(event.scorer, index, event.commitment, event.tx, event.block)
        scoring.committed_in = event.block

    def _reveal(self, event: r.ScoresRevealed) -> None:
        scoring = self._under_way(event.job, event.round)
        index = self.members.require(event.scorer).index
        if index in scoring.reveals or scoring.settled:
            raise Impossible(f"member {index} cannot reveal scores of round {event.round}")
        try:
            scores = unpack_scores(event.scores, scoring.updates)
        except Malformed as error:
            raise Impossible(f"impossible scores: {error.message}") from error
        place = (self.board.chain, self.board.address, event.job, event.round)
        said = scores_commitment(*place, event.scorer, event.salt, scores)
        committed = scoring.commitments.get(index)
        if committed is None or (committed.scorer, committed.digest) != (event.scorer, said):
            raise Impossible(f"member {index} did not commit to what it reveals")
        scoring.reveals[index] = Reveal(event.scorer, index, scores, event.salt, event.tx, event.block)

    def _settle_medians(self, event: r.MediansSettled) -> None:
        scoring = self._under_way(event.job, event.round)
        count = len(event.medians) // SCORE
        end = event.start + count
        whole = count > 0 and (count % CHUNK == 0 or end == scoring.updates)
        if len(scoring.reveals) < scoring.quorum or event.start != len(scoring.settled) or not whole:
            raise Impossible(f"{count} scores of round {event.round} cannot be settled")
        median = medians(scoring)[event.start : end]
        if event.medians != pack_scores(median):
            raise Impossible(f"other scores of round {event.round} than the medians of what was revealed")
        scoring.settled += median

    def _settle(self, event: r.ScoresSettled) -> None:
        scoring = self._under_way(event.job, event.round)
        if len(scoring.settled) != scoring.updates or event.withheld != bitmap(scoring.pending):
            raise Impossible(f"the scores of round {event.round} are not settled")
        if event.root != root_of(scoring):
            raise Impossible(f"the scores of round {event.round} have another root")
        scoring.medians, scoring.root = scoring.settled, event.root
        scoring.withheld, scoring.outcome = scoring.pending, ScoringPhase.SETTLED
        scoring.ended_in = event.block

    def _make_void(self, event: r.ScoringVoid) -> None:
        """That nobody settled in time is the contract's word: the log has no clock."""
        scoring = self._under_way(event.job, event.round)
        if len(scoring.settled) == scoring.updates or event.withheld != bitmap(scoring.pending):
            raise Impossible(f"the scoring of round {event.round} cannot be void")
        scoring.withheld, scoring.outcome = scoring.pending, ScoringPhase.VOID
        scoring.ended_in = event.block

    def _under_way(self, job: int, number: int) -> Scoring:
        """The scoring of that round, while it lasts."""
        state: JobState = self.jobs.require(job)
        scoring = state.latest_scoring
        if scoring is None or scoring.round != number or scoring.outcome is not None:
            raise Impossible(f"round {number} of job {job} is not being scored")
        return scoring


def medians(scoring: Scoring) -> tuple[int, ...]:
    """The score of each admitted update, from what was revealed so far."""
    vectors = (reveal.scores for reveal in scoring.reveals.values())
    return tuple(lower_median(column) for column in zip(*vectors, strict=True))


def root_of(scoring: Scoring) -> bytes:
    """The root that the scoring has if it is settled on what was revealed so far."""
    revealed = {index: (reveal.scorer, reveal.scores) for index, reveal in scoring.reveals.items()}
    return scores_root(scoring.job, scoring.round, scoring.seed, scoring.pending, revealed, medians(scoring))


def settlement(scoring: Scoring) -> tuple[int, bytes, bytes]:
    """The next range to settle, as `settleScores` takes it: its first update, scores and medians."""
    start = len(scoring.settled)
    end = start + CHUNK * max(1, SCORES_IN_A_CALL // (CHUNK * len(scoring.reveals)))
    scores = (
        pack_scores(reveal.scores[start:end]) + scores_hash(reveal.scorer, reveal.scores[end:])
        for reveal in scoring.reveals.values()
    )
    return start, b"".join(scores), pack_scores(medians(scoring)[start:end])


def bitmap(indices: Iterable[int]) -> bytes:
    """Members as the contract names them: bit i is member i's."""
    return sum(1 << index for index in indices).to_bytes(32, "big")
