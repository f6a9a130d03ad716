"""From the last reading to documents of contribution scores. Pure, as `reading` is: no update is read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from ledger.audit.report import Check
from ledger.history.state import JobState, Round, Scoring, ScoringPhase
from ledger.jobs.document import Cosine, Job, Measured, NoScoring, committed_set
from ledger.rounds.admission import Verdict
from ledger.rounds.weights import counted, factors_of
from ledger.scores.tables import describe_method, ranked
from web.documents import scores as s
from web.reading.ledger import Reading

BEST = 5
LATEST, SEARCHED = 60, 1_000
"""A member's last scores are shown, so many, as far as they are among the last thousand scorings."""


@dataclass(frozen=True, slots=True)
class ScoreReading:
    """Makes documents of scores from a reading."""

    now: Reading

    def made(self, state: JobState) -> s.ScoringMethod | None:
        """How the job's scores are made; None without its document."""
        job = self.now.document(state)
        if job is None or isinstance(job.scoring, NoScoring):
            return None
        measured = job.scoring if isinstance(job.scoring, Measured) else None
        committed = committed_set(job.scoring)
        return s.ScoringMethod(
            how=describe_method(job),
            method=job.scoring.method,
            utility=measured.utility if measured else None,
            evidence=str(measured.evidence.__struct_config__.tag) if measured else None,
            samples=committed.samples if committed else None,
            past_scores=past_scores(job),
        )

    def unit(self, state: JobState) -> s.Unit:
        return unit_of(self.now.document(state))

    def rounds(self, state: JobState, before: int) -> Iterator[Round]:
        """The finalised rounds below `before`, newest first."""
        first = min(len(state.rounds), before - 1)
        return (state.rounds[number] for number in range(first, 0, -1) if state.rounds[number].final is not None)

    def lines(self, state: JobState, rounds: Iterable[Round]) -> tuple[s.ScoringLine, ...]:
        """The scorings of finalised rounds, in a list."""
        refuted = self._refuted(state)
        return tuple(self._line(state, round_, round_.number in refuted) for round_ in rounds)

    def _line(self, state: JobState, round_: Round, refuted: bool) -> s.ScoringLine:
        scoring, phase = state.scorings.get(round_.number), self._phase(state, round_.number)
        return s.ScoringLine(
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

    def whole(self, state: JobState, round_: Round) -> s.RoundScoring | None:
        """A round's scoring; None where it has no final model, or the job makes no scores."""
        if round_.final is None or not state.terms.scored:
            return None
        scoring, phase = state.scorings.get(round_.number), self._phase(state, round_.number)
        given, counts = state.scores(round_.number), counted(state, round_.number)
        return s.RoundScoring(
            job=state.number,
            round=round_.number,
            unit=self.unit(state),
            phase=phase,
            deadline=_deadline(scoring, phase),
            scorers=scoring.scorers if scoring else 0,
            quorum=scoring.quorum if scoring else state.terms.scorers,
            root=scoring.root.hex() if scoring and scoring.medians is not None else None,
            refuted=round_.number in self._refuted(state),
            opening=self._opening(scoring) if scoring else None,
            updates=tuple(
                s.ScoredUpdate(
                    party=self.now.party(update.index, update.party),
                    weight=update.weight,
                    score=given.get(update.index),
                    forfeited=given.get(update.index) != counts.get(update.index),
                )
                for update in round_.admitted()
            ),
            parts=tuple(self._scorer(scoring, index) for index in sorted(scoring.commitments)) if scoring else (),
        )

    def sums(self, state: JobState) -> tuple[s.Sum, ...]:
        """Every party that was ever scored, best first."""
        job, tallies = self.now.document(state), self.now.snapshot.standings[state.number].tallies
        factors = factors_of(tallies, tallies) if job is not None and past_scores(job) else {}
        whole = sum(factors.values())
        return tuple(
            s.Sum(
                party=self.now.anyone(one.index),
                score=one.score,
                rounds=one.rounds,
                factor=factors.get(one.index),
                share=round(1_000_000 * factors[one.index] / whole) if factors else None,
            )
            for one in ranked(tallies, self.now.network.party_name)
        )

    def glance(self, state: JobState) -> s.JobScores | None:
        """A job's scores in short; None where it makes none."""
        if not state.terms.scored:
            return None
        sums = self.sums(state)
        running = self.lines(state, [state.rounds[one.round] for one in (state.scoring,) if one])
        return s.JobScores(
            unit=self.unit(state),
            made=self.made(state),
            parties=len(sums),
            rounds=sum(one.medians is not None for one in state.scorings.values()),
            best=sums[:BEST],
            running=next(iter(running), None),
        )

    def standing(self, state: JobState, index: int) -> s.Standing | None:
        """A member's scores in a job; None where it never had any."""
        sums = self.sums(state)
        own = next((one for one in sums if one.party.index == index), None)
        if own is None:
            return None
        return s.Standing(
            unit=self.unit(state),
            sum=own,
            place=1 + sum(one.score > own.score for one in sums),
            parties=len(sums),
            latest=tuple(_latest(state, index, own.score)),
        )

    def score(self, state: JobState, number: int, index: int) -> s.Score | None:
        """What a member's update scored in a round; None where it had none, or the job makes no scores."""
        if not state.terms.scored or state.rounds[number].final is None:
            return None
        return next((one for one in _scores(state, state.rounds[number]) if one.index == index), None)

    def _phase(self, state: JobState, number: int) -> s.ScoringPhase:
        scoring = state.scorings.get(number)
        return _WORDS[scoring.phase(self.now.state.time)] if scoring else "Waiting"

    def _refuted(self, state: JobState) -> frozenset[int]:
        """The rounds whose scores the last audit contradicts."""
        audited = self.now.state.audited
        found = audited.report.findings if audited and audited.report else []
        refuted = (one for one in found if one.check is Check.SCORES and one.status == "refuted")
        return frozenset(one.round for one in refuted if one.job == state.number and one.round is not None)

    def _opening(self, scoring: Scoring) -> s.Opening:
        return s.Opening(
            opener=self.now.owner(scoring.opener),
            epoch=scoring.epoch,
            seed=scoring.seed.hex(),
            commit_deadline=scoring.commit_deadline,
            reveal_deadline=scoring.reveal_deadline,
            tx=scoring.tx.hex(),
        )

    def _scorer(self, scoring: Scoring, index: int) -> s.ScorerDocument:
        commitment, reveal = scoring.commitments[index], scoring.reveals.get(index)
        return s.ScorerDocument(
            party=self.now.party(index, commitment.scorer),
            state="revealed" if reveal else "withheld" if index in scoring.withheld else "committed",
            commitment=commitment.digest.hex(),
            committed_tx=commitment.tx.hex(),
            scores=reveal.scores if reveal else (),
            salt=reveal.salt.hex() if reveal else None,
            revealed_tx=reveal.tx.hex() if reveal else None,
        )


_WORDS: dict[ScoringPhase, s.ScoringPhase] = {
    ScoringPhase.COMMITTING: "Committing",
    ScoringPhase.REVEALING: "Revealing",
    ScoringPhase.OVER: "Over",
    ScoringPhase.SETTLED: "Settled",
    ScoringPhase.VOID: "Void",
}


def unit_of(job: Job | None) -> s.Unit:
    """What a million parts of a job's scores are."""
    if job is None:
        return "ppm"
    if isinstance(job.scoring, Measured):
        return "nats" if job.scoring.utility == "loss" else "points"
    return "cosine" if isinstance(job.scoring, Cosine) else "ppm"


def past_scores(job: Job) -> bool:
    """Whether past scores weigh the next updates."""
    return not isinstance(job.scoring, NoScoring) and job.scoring.weighting == "past_scores"


def _deadline(scoring: Scoring | None, phase: s.ScoringPhase) -> int | None:
    ends = {"Committing": scoring.commit_deadline, "Revealing": scoring.reveal_deadline} if scoring else {}
    return ends.get(phase)


def _scores(state: JobState, round_: Round) -> tuple[s.Score, ...]:
    """Every update that the round had before it, refused ones too."""
    verdicts = round_.final.verdicts if round_.final else b""
    given, counts = state.scores(round_.number), counted(state, round_.number)
    return tuple(
        s.Score(
            index=update.index,
            admitted=verdict == Verdict.ADMITTED,
            score=given.get(update.index),
            forfeited=given.get(update.index) != counts.get(update.index),
        )
        for update, verdict in zip(round_.sorted_updates(), verdicts, strict=False)
    )


def _latest(state: JobState, index: int, total: int) -> list[s.Scored]:
    """The member's last scored rounds, oldest first, with its sum after each; `total` is the sum of all."""
    found = []
    scored = ((n, counted(state, n)) for n in sorted(state.scorings, reverse=True)[:SEARCHED])
    for number, counts in islice(((n, c) for n, c in scored if index in c), LATEST):
        found.append(s.Scored(round=number, score=counts[index], sum=total))
        total -= counts[index]
    return found[::-1]
