"""What updates weigh in the mean, and what settled scorings add up to: each party's cumulated score, and the factor
that its next updates weigh by (docs/spec/scores.md, "Past scores").
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from ledger.formats.integers import ratio
from ledger.history.state import JobState, Round, Update
from ledger.jobs.document import Job
from ledger.jobs.scores import MAX_FACTOR, NoScoring

NEUTRAL = MAX_FACTOR // 2


def shares(state: JobState, job: Job, round_: Round, updates: Sequence[Update]) -> list[int]:
    """What each update weighs in the mean: its samples, times the factor of past scores where the job says so."""
    if not weighs(job):
        return [update.weight for update in updates]
    factor = factors(state, round_)
    return [update.weight * factor[update.index] for update in updates]


def weighs(job: Job) -> bool:
    """Whether past scores weigh in the job's models."""
    return not isinstance(job.scoring, NoScoring) and job.scoring.weighting != "none"


class ScoreTally(NamedTuple):
    """What a member's scores add up to, over so many rounds."""

    score: int
    rounds: int


def settled(state: JobState, through: int | None = None, after: int = 0) -> Iterator[tuple[int, dict[int, int]]]:
    """The rounds above `after` that have settled scores, ascending, up to `through` where given; each with what they
    count."""
    for number in sorted(state.scorings):
        chosen = number > after and (through is None or number <= through)
        if chosen and state.scorings[number].medians is not None:
            yield number, counted(state, number)


def counted(state: JobState, number: int) -> dict[int, int]:
    """What the settled scores of a round count, by member index; nothing where it has none.

    A scorer that withheld its reveal forfeits what its own update won in the round: a positive score counts as zero.
    """
    scoring = state.scorings.get(number)
    withheld = scoring.withheld if scoring else frozenset[int]()
    return {k: min(score, 0) if k in withheld else score for k, score in state.scores(number).items()}


def tallied(
    state: JobState, through: int | None = None, *, known: Mapping[int, ScoreTally] | None = None, after: int = 0
) -> dict[int, ScoreTally]:
    """Each scored member's tally over the settled rounds, up to `through` where given, by member index.

    `known` are the tallies of the rounds up to `after`, where they were counted before.
    """
    tallies = dict(known or {})
    for _, scores in settled(state, through, after):
        for member, score in scores.items():
            before = tallies.get(member, ScoreTally(0, 0))
            tallies[member] = ScoreTally(before.score + score, before.rounds + 1)
    return dict(sorted(tallies.items()))


def factors(state: JobState, round_: Round) -> dict[int, int]:
    """The factor 1 to 1024 that each update of the round is weighed by under `past_scores`, by member index: its
    weight in the mean is its registered weight times the factor.

    From the scores settled before the round opened. A party's mean score, negative counting as nothing, against the
    mean of all scored parties: equal is 512, twice as much or more is 1024, nothing is 1. A party that was never scored
    gets 512, and so do all where nobody has a positive score.
    """
    return factors_of(tallied(state, round_.scored_to), round_.updates)


def factors_of(tallies: Mapping[int, ScoreTally], members: Iterable[int]) -> dict[int, int]:
    """The same for updates of `members`, by what was settled before."""
    means = {member: max(Fraction(*tally), Fraction(0)) for member, tally in tallies.items()}
    whole = sum(means.values(), Fraction(0))
    return {member: _factor(means.get(member), len(means), whole) for member in sorted(members)}


def _factor(mean: Fraction | None, parties: int, whole: Fraction) -> int:
    if mean is None or not whole:
        return NEUTRAL
    share = NEUTRAL * parties * mean / whole
    return min(max(ratio(share.numerator, share.denominator), 1), MAX_FACTOR)
