"""What a party counted of a model on its rows, and the figures that follow from counts of one or more parties.

Counts add up, and a figure of all rows together follows from their sum, exactly, in fractions. A mean of the parties'
figures is another number: a mean of areas under ROC curves is no area (docs/spec/release.md, "Counts").
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from ledger.errors import Malformed
from ledger.formats.strict import Strict

BINS = 100
"""Bins of a histogram of probabilities, each as wide as the others; bin b is of b/100 to below (b + 1)/100."""
MAX_CLASSES = 64
PLACES = 6
HELD = ("accuracy", "balanced_accuracy", "f1")
"""Figures that follow from a confusion matrix: what a party states of them is held against its counts."""
_TWO = 2


class Counts(Strict, frozen=True):
    """`confusion[t][p]` rows of class t were predicted as class p. `scores` are two histograms of a probability.

    With two classes it is that of class 1, of rows of class 0 and of rows of class 1. With more it is that of the
    predicted class, of rows that were predicted falsely and of those that were predicted rightly.
    """

    confusion: tuple[tuple[int, ...], ...]
    scores: tuple[tuple[int, ...], tuple[int, ...]]

    @property
    def rows(self) -> int:
        """How many rows were counted."""
        return sum(map(sum, self.confusion))


def check(counts: Counts, samples: int, where: str) -> None:
    """Refuse counts that are not of so many rows. Raises Malformed.

    1. The confusion matrix is a square over 2 to `MAX_CLASSES` classes, a histogram has `BINS` bins, nothing is
       negative.
    2. The matrix adds up to the number of samples.
    3. Each histogram adds up to the rows that it is of.
    """
    classes = len(counts.confusion)
    if not _TWO <= classes <= MAX_CLASSES or any(len(row) != classes for row in counts.confusion):
        raise Malformed("the confusion matrix is not a square", where=where, classes=classes, maximum=MAX_CLASSES)
    if any(len(one) != BINS for one in counts.scores):
        raise Malformed("a histogram of scores has another number of bins", where=where, expected=BINS)
    if any(count < 0 for row in (*counts.confusion, *counts.scores) for count in row):
        raise Malformed("a count is negative", where=where)
    if counts.rows != samples:
        raise Malformed("the confusion matrix does not add up", where=where, expected=samples, actual=counts.rows)
    right = _right(counts)
    expected = tuple(map(sum, counts.confusion)) if classes == _TWO else (samples - right, right)
    found = tuple(map(sum, counts.scores))
    if found != expected:
        raise Malformed("the histograms of scores do not add up", where=where, expected=expected, actual=found)


def check_stated(stated: Mapping[str, str], counts: Counts, where: str) -> None:
    """Refuse figures of `HELD` that are not those of the counts, in `PLACES` places. Raises Malformed.

    The counts may have no such figure (F1 without a row of class 1): then none may be stated but zero.
    """
    found = figures_of(counts)
    for name in HELD:
        if name in stated:
            expected = decimal(found.get(name, Fraction()))
            if abs(Fraction(stated[name]) - Fraction(expected)) > Fraction(1, 10**PLACES):
                said = {"expected": expected, "actual": stated[name]}
                raise Malformed(f"{name} is not that of the counts", where=where, **said)


def decimal(value: Fraction) -> str:
    """A number as text, with six places."""
    scaled = round(value * 10**PLACES)
    whole, part = divmod(abs(scaled), 10**PLACES)
    return f"{'-' if scaled < 0 else ''}{whole}.{part:0{PLACES}}"


def add(parts: Sequence[Counts]) -> Counts | None:
    """The counts of all rows together; None where there are none, or they are of unlike classes."""
    if not parts or len({len(part.confusion) for part in parts}) > 1:
        return None
    confusion = tuple(_sums(rows) for rows in zip(*(part.confusion for part in parts), strict=True))
    low, high = (_sums([part.scores[side] for part in parts]) for side in (0, 1))
    return Counts(confusion=confusion, scores=(low, high))


def figures_of(counts: Counts) -> dict[str, Fraction]:
    """Accuracy, balanced accuracy, F1, calibration error, and of two classes the area under the ROC curve.

    A figure that these rows do not have, such as an area with rows of one class alone, is left out.
    """
    found = {
        "accuracy": Fraction(_right(counts), counts.rows),
        "balanced_accuracy": _balanced(counts),
        "f1": _f1(counts),
        "auc": area(counts),
        "calibration_error": _calibration_error(*counts.scores),
    }
    return {name: value for name, value in found.items() if value is not None}


def area(counts: Counts) -> Fraction | None:
    """The area under the ROC curve of two classes, if these rows have one."""
    return _area(*counts.scores) if len(counts.confusion) == _TWO else None


def _right(counts: Counts) -> int:
    return sum(row[place] for place, row in enumerate(counts.confusion))


def _sums(rows: Sequence[Sequence[int]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*rows, strict=True)))


def _balanced(counts: Counts) -> Fraction:
    """The mean recall of the classes that are there."""
    recalls = [Fraction(row[place], sum(row)) for place, row in enumerate(counts.confusion) if sum(row)]
    return sum(recalls, Fraction()) / len(recalls)


def _f1(counts: Counts) -> Fraction | None:
    """Of class 1 of two; of more, the mean over the classes that are there or were predicted."""
    predicted = _sums(counts.confusion)
    parts = [
        Fraction(2 * row[place], sum(row) + predicted[place]) if sum(row) + predicted[place] else None
        for place, row in enumerate(counts.confusion)
    ]
    if len(parts) == _TWO:
        return parts[1]
    known = [part for part in parts if part is not None]
    return sum(known, Fraction()) / len(known)


def _area(low: Sequence[int], high: Sequence[int]) -> Fraction | None:
    """The share of pairs, a row of each class, in which that of class 1 is in a higher bin; in one bin, it is half."""
    pairs = sum(low) * sum(high)
    if not pairs:
        return None
    below = twice = 0
    for of_low, of_high in zip(low, high, strict=True):
        twice += of_high * (2 * below + of_low)
        below += of_low
    return Fraction(twice, 2 * pairs)


def _calibration_error(low: Sequence[int], high: Sequence[int]) -> Fraction:
    """The mean over rows of how far the share of `high` in a row's bin is from the bin's middle."""
    off = 0
    for place, (of_low, of_high) in enumerate(zip(low, high, strict=True)):
        off += abs(2 * BINS * of_high - (of_low + of_high) * (2 * place + 1))
    return Fraction(off, 2 * BINS * (sum(low) + sum(high)))
