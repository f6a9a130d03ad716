"""Documents of scorings: the phase of each, and what a round's scorers committed to and revealed. No update is read."""

from collections.abc import Iterable

from ledger.audit.claims import scores_claim
from ledger.history.state import JobState, Round, Scoring, ScoringPhase
from ledger.jobs.scores import Cosine, Measured
from ledger.rounds.admission import Verdict
from ledger.rounds.weights import counted
from web.documents.scores import (
    Opening,
    RoundScoring,
    Score,
    ScoredUpdate,
    ScorerDocument,
    ScoringLine,
    ScoringPhaseName,
    Unit,
)
from web.reading.audits.last import answer_for
from web.reading.ledger import Reading


def job_unit(now: Reading, state: JobState) -> Unit:
    """What a million parts of a job's scores are, as far as its document has been read."""
    job = now.document(state)
    if job is None:
        return "ppm"
    if isinstance(job.scoring, Measured):
        return "nats" if job.scoring.utility == "loss" else "points"
    return "cosine" if isinstance(job.scoring, Cosine) else "ppm"


def scoring_lines(now: Reading, state: JobState, rounds: Iterable[Round]) -> tuple[ScoringLine, ...]:
    """The scorings of finalised rounds, in a list."""
    refuted = _refuted_rounds(now, state)
    return tuple(_line(now, state, round_, round_.number in refuted) for round_ in rounds)


def _line(now: Reading, state: JobState, round_: Round, refuted: bool) -> ScoringLine:
    scoring, phase = state.scorings.get(round_.number), _phase(now, state, round_.number)
    return ScoringLine(
        round=round_.number,
        phase=phase,
        deadline=_deadline(scoring, phase),
        committed=len(scoring.commitments) if scoring else 0,
        revealed=len(scoring.reveals) if scoring else 0,
        scorers=scoring.scorers if scoring else 0,
        quorum=scoring.quorum if scoring else state.terms.scorers,
        withheld=tuple(sorted(scoring.withheld)) if scoring else (),
        refuted=refuted,
        scores=_scores(state, round_),
    )


def round_scoring(now: Reading, state: JobState, round_: Round) -> RoundScoring | None:
    """A round's scoring; None if it has no final model or the job makes no scores."""
    if round_.final is None or not state.terms.scored:
        return None
    scoring, phase = state.scorings.get(round_.number), _phase(now, state, round_.number)
    given, counts = state.scores(round_.number), counted(state, round_.number)
    return RoundScoring(
        job=state.number,
        round=round_.number,
        unit=job_unit(now, state),
        phase=phase,
        deadline=_deadline(scoring, phase),
        scorers=scoring.scorers if scoring else 0,
        quorum=scoring.quorum if scoring else state.terms.scorers,
        root=scoring.root.hex() if scoring and scoring.medians is not None else None,
        refuted=round_.number in _refuted_rounds(now, state),
        opening=_opening(now, scoring) if scoring else None,
        ended=now.moment(scoring.ended_in) if scoring else None,
        updates=tuple(
            ScoredUpdate(
                party=now.party(update.index, update.party),
                weight=update.weight,
                score=given.get(update.index),
                forfeited=given.get(update.index) != counts.get(update.index),
            )
            for update in round_.admitted()
        ),
        parts=tuple(_scorer(now, scoring, index) for index in sorted(scoring.commitments)) if scoring else (),
    )


def score_of(now: Reading, state: JobState, number: int, index: int) -> Score | None:
    """What a member's update scored in a round; None if it had none or the job makes no scores."""
    if not state.terms.scored or state.rounds[number].final is None:
        return None
    return next((one for one in _scores(state, state.rounds[number]) if one.index == index), None)


def _scores(state: JobState, round_: Round) -> tuple[Score, ...]:
    """Every update that the round had before it, refused ones too."""
    verdicts = round_.final.verdicts if round_.final else b""
    given, counts = state.scores(round_.number), counted(state, round_.number)
    return tuple(
        Score(
            index=update.index,
            admitted=verdict == Verdict.ADMITTED,
            score=given.get(update.index),
            forfeited=given.get(update.index) != counts.get(update.index),
        )
        for update, verdict in zip(round_.sorted_updates(), verdicts, strict=False)
    )


def _phase(now: Reading, state: JobState, number: int) -> ScoringPhaseName:
    scoring = state.scorings.get(number)
    return _PHASES[scoring.phase(now.state.time)] if scoring else "Waiting"


_PHASES: dict[ScoringPhase, ScoringPhaseName] = {
    ScoringPhase.COMMITTING: "Committing",
    ScoringPhase.REVEALING: "Revealing",
    ScoringPhase.OVER: "AwaitingSettlement",
    ScoringPhase.SETTLED: "Settled",
    ScoringPhase.VOID: "Void",
}


def _deadline(scoring: Scoring | None, phase: ScoringPhaseName) -> int | None:
    ends = {"Committing": scoring.commit_deadline, "Revealing": scoring.reveal_deadline} if scoring else {}
    return ends.get(phase)


def _refuted_rounds(now: Reading, state: JobState) -> frozenset[int]:
    """The rounds whose scores the last audit contradicts."""
    return frozenset(n for n in state.scorings if answer_for(now, scores_claim(state.number, n)) == "no")


def _opening(now: Reading, scoring: Scoring) -> Opening:
    return Opening(
        opener=now.owner(scoring.opener),
        epoch=scoring.epoch,
        seed=scoring.seed.hex(),
        commit_deadline=scoring.commit_deadline,
        reveal_deadline=scoring.reveal_deadline,
        tx=scoring.tx.hex(),
        **now.dated(scoring.block),
    )


def _scorer(now: Reading, scoring: Scoring, index: int) -> ScorerDocument:
    commitment, reveal = scoring.commitments[index], scoring.reveals.get(index)
    return ScorerDocument(
        party=now.party(index, commitment.scorer),
        state="revealed" if reveal else "withheld" if index in scoring.withheld else "committed",
        commitment=commitment.digest.hex(),
        committed_tx=commitment.tx.hex(),
        committed=now.moment(commitment.block),
        scores=reveal.scores if reveal else (),
        salt=reveal.salt.hex() if reveal else None,
        revealed_tx=reveal.tx.hex() if reveal else None,
        revealed=now.moment(reveal.block) if reveal else None,
    )
