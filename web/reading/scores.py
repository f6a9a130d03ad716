"""Documents of contribution scores: how a job makes them, its sums, and a member's place among those scored."""

from itertools import islice

from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.jobs.scores import Measured, NoScoring, committed_set
from ledger.rounds.weights import counted, factors_of
from ledger.scores.tables import describe_method, ranked
from web.documents.scores import JobScores, ScoredRound, ScoringMethod, Standing, Sum
from web.reading.ledger import Reading
from web.reading.scorings import job_unit, scoring_lines

BEST = 5
LATEST, SEARCHED = 60, 1_000
"""A member's last scores are shown, so many, as far as they are among the last thousand scorings."""


def scoring_method(now: Reading, state: JobState) -> ScoringMethod | None:
    """How the job's scores are made; None without its document."""
    job = now.document(state)
    if job is None or isinstance(job.scoring, NoScoring):
        return None
    measured = job.scoring if isinstance(job.scoring, Measured) else None
    committed = committed_set(job.scoring)
    return ScoringMethod(
        how=describe_method(job),
        method=job.scoring.method,
        utility=measured.utility if measured else None,
        evidence=str(measured.evidence.__struct_config__.tag) if measured else None,
        samples=committed.samples if committed else None,
        past_scores=past_scores(job),
    )


def score_sums(now: Reading, state: JobState) -> tuple[Sum, ...]:
    """Every party that was ever scored, best first."""
    job, tallies = now.document(state), now.snapshot.standings[state.number].tallies
    factors = factors_of(tallies, tallies) if job is not None and past_scores(job) else {}
    whole = sum(factors.values())
    return tuple(
        Sum(
            party=now.member_party(one.index),
            score=one.score,
            rounds=one.rounds,
            factor=factors.get(one.index),
            share=round(1_000_000 * factors[one.index] / whole) if factors else None,
        )
        for one in ranked(tallies, now.name)
    )


def job_scores(now: Reading, state: JobState) -> JobScores | None:
    """A job's scores in short; None if it makes none."""
    if not state.terms.scored:
        return None
    sums = score_sums(now, state)
    running = scoring_lines(now, state, [state.rounds[one.round] for one in (state.scoring,) if one])
    return JobScores(
        unit=job_unit(now, state),
        made=scoring_method(now, state),
        parties=len(sums),
        rounds=sum(one.medians is not None for one in state.scorings.values()),
        best=sums[:BEST],
        running=next(iter(running), None),
    )


def member_standing(now: Reading, state: JobState, index: int) -> Standing | None:
    """A member's scores in a job; None if it never had any."""
    sums = score_sums(now, state)
    own = next((one for one in sums if one.party.index == index), None)
    if own is None:
        return None
    return Standing(
        unit=job_unit(now, state),
        sum=own,
        place=1 + sum(one.score > own.score for one in sums),
        parties=len(sums),
        latest=tuple(_latest(state, index, own.score)),
    )


def _latest(state: JobState, index: int, total: int) -> list[ScoredRound]:
    """The member's last scored rounds, oldest first, with its sum after each; `total` is the sum of all."""
    found = []
    scored = ((n, counted(state, n)) for n in sorted(state.scorings, reverse=True)[:SEARCHED])
    for number, counts in islice(((n, c) for n, c in scored if index in c), LATEST):
        found.append(ScoredRound(round=number, score=counts[index], sum=total))
        total -= counts[index]
    return found[::-1]


def past_scores(job: Job) -> bool:
    """Whether past scores weigh the next updates."""
    return not isinstance(job.scoring, NoScoring) and job.scoring.weighting == "past_scores"
