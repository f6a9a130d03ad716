"""Two ways to train, seed by seed: how far one is ahead of the other at each party, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from statistics import fmean, stdev

from participant.comparing.study import StudyFigure


@dataclass(frozen=True, slots=True)
class Lead:
    """By how much one is ahead of another at a party, in the mean over seeds, and the standard error of that mean;
    `above` of the `seeds` seeds it was ahead in. One seed has no error: it is infinite.
    """

    party: str
    mean: float
    error: float
    above: int
    seeds: int

    @property
    def t(self) -> float:
        """Student's t of the mean, with one degree of freedom less than there are seeds (Student 1908, "The Probable
        Error of a Mean"). Seeds of one data set share its rows: it says nothing of other rows.
        """
        return self.mean / self.error if self.error else inf if self.mean > 0 else -inf


def leads(first: StudyFigure, second: StudyFigure) -> list[Lead]:
    """How far `first` is ahead of `second`, by party. Raises ValueError for figures of different seeds."""
    found = []
    for party in first.by_party:
        gaps = [one[party] - other[party] for one, other in zip(first.seeds, second.seeds, strict=True)]
        error = stdev(gaps) / sqrt(len(gaps)) if len(gaps) > 1 else inf
        found.append(Lead(party, fmean(gaps), error, sum(gap > 0 for gap in gaps), len(gaps)))
    return found


def above_all(first: StudyFigure, second: StudyFigure) -> tuple[int, float]:
    """In how many seeds `first` is at every party ahead of the best of all parties of `second`, who is known afterwards
    only; and by how much in the mean.
    """
    pairs = zip(first.seeds, second.seeds, strict=True)
    gaps: Sequence[float] = [min(one.values()) - max(other.values()) for one, other in pairs]
    return sum(gap > 0 for gap in gaps), fmean(gaps)
