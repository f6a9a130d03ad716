"""Curves that follow from counts, exactly: the ROC curve of two classes, and calibration by tenths of probability."""

from dataclasses import dataclass
from fractions import Fraction

from ledger.releases.counts import BINS, Counts
from ledger.releases.intervals import Share, share

TENTHS = 10
_TWO = 2


@dataclass(frozen=True, slots=True)
class Threshold:
    """Rows from bin `bin` on are taken to be of class 1: `false` rows of class 0 are, and `true` rows of class 1."""

    bin: int
    false: int
    true: int


@dataclass(frozen=True, slots=True)
class Roc:
    """Thresholds from the highest down: from none of the `negatives` and `positives` to all of them."""

    negatives: int
    positives: int
    points: tuple[Threshold, ...]


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Rows with a probability from `low` to `high`: `said` is the mean of their bins' middles, `found` what came true.

    Of two classes, that is class 1; of more, that the predicted class is right.
    """

    low: Fraction
    high: Fraction
    said: Fraction
    found: Share


def roc(counts: Counts) -> Roc | None:
    """The curve, corner to corner; None with more than two classes, or rows of one class alone."""
    low, high = counts.scores
    if len(counts.confusion) != _TWO or not sum(low) or not sum(high):
        return None
    points, false, true = [Threshold(BINS, 0, 0)], 0, 0
    for place in range(BINS - 1, -1, -1):
        if low[place] or high[place]:
            false, true = false + low[place], true + high[place]
            points.append(Threshold(place, false, true))
    return Roc(false, true, tuple(points))


def calibration(counts: Counts) -> tuple[Calibrated, ...]:
    """Each tenth of probability that has rows, ascending."""
    found, wide = [], BINS // TENTHS
    for tenth in range(TENTHS):
        bins = range(tenth * wide, (tenth + 1) * wide)
        low, high = ([side[place] for place in bins] for side in counts.scores)
        rows = sum(low) + sum(high)
        if rows:
            said = sum((a + b) * (2 * place + 1) for place, a, b in zip(bins, low, high, strict=True))
            edges = Fraction(tenth, TENTHS), Fraction(tenth + 1, TENTHS)
            found.append(Calibrated(*edges, Fraction(said, 2 * BINS * rows), share(sum(high), rows)))
    return tuple(found)
