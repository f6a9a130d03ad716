"""What all parties counted together, from the model of an analysis' one round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ledger.errors import Malformed
from ledger.jobs.analysis import FIRST, MISSING, OUTSIDE, Analysis, AnalysisColumn
from ledger.statistics.digits import sums_of, written

Answer = Mapping[str, Sequence[int]]
"""A party's natural numbers, or the sums of many parties', by the names of the analysis' parts, flat."""


@dataclass(frozen=True, slots=True)
class CountedColumn:
    """A column in one class: its cells, and of numbers the rows in `sums` with the sum of their steps, and of squares.

    `rows` are those of the class; what is in no cell was withheld. Where the numbers are `noisy`, that is a guess.
    """

    column: AnalysisColumn
    rows: int
    cells: tuple[int, ...]
    sums: tuple[int, ...] = ()
    noisy: bool = False

    @property
    def missing(self) -> int:
        return self.cells[MISSING]

    @property
    def outside(self) -> int:
        return self.cells[OUTSIDE]

    @property
    def bins(self) -> tuple[int, ...]:
        """Counts of bins or categories."""
        return self.cells[FIRST:]

    @property
    def withheld(self) -> int:
        """Rows of the class in cells that were not told."""
        found = self.rows - sum(self.cells)
        return max(found, 0) if self.noisy else found


@dataclass(frozen=True, slots=True)
class Correlated:
    """Rows with a shown value in every column of numbers, the sums of their steps, and of the products of two."""

    rows: int
    sums: tuple[int, ...]
    products: Mapping[tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class CountedClass:
    """One class, or all rows: its name, rows and columns."""

    name: str
    rows: int
    columns: tuple[CountedColumn, ...]
    correlated: Correlated | None = None


def totals(analysis: Analysis, model: Sequence[int], updates: int) -> dict[str, list[int]]:
    """The sums over all parties, by the model's integers and the number of updates that it is the mean of. Raises
    Malformed where it is no mean of answers.
    """
    lengths = [part.integers * part.digits for part in analysis.parts]
    if len(model) != sum(lengths):
        raise Malformed("the model is not one of this analysis", expected=sum(lengths), actual=len(model))
    starts = accumulate(lengths, initial=0)
    return {
        part.name: list(sums_of(model[start : start + length], part.digits, updates))
        for part, start, length in zip(analysis.parts, starts, lengths, strict=False)
    }


def integers_of(analysis: Analysis, answer: Answer) -> list[int]:
    """The integers of an update that is this answer. Raises Malformed for a number that does not fit."""
    return [value for part in analysis.parts for value in written(answer[part.name], part.digits)]


def answer_of(analysis: Analysis, integers: Sequence[int]) -> dict[str, list[int]]:
    """The numbers of one update. Raises Malformed as `totals`."""
    return totals(analysis, integers, 1)


def groups_of(analysis: Analysis, answer: Answer, *, noisy: bool = False) -> tuple[CountedClass, ...]:
    """An answer, or a sum of answers, as people read it; `noisy` where the job adds noise."""
    return tuple(_group(analysis, answer, place, noisy) for place in range(len(analysis.groups)))


def _group(analysis: Analysis, answer: Answer, place: int, noisy: bool) -> CountedClass:
    rows = answer["groups"][place]
    columns = tuple(_column(analysis, answer, place, at, (rows, noisy)) for at in range(len(analysis.asked)))
    return CountedClass(analysis.groups[place], rows, columns, _correlated(analysis, answer, place))


def _column(analysis: Analysis, answer: Answer, group: int, at: int, known: tuple[int, bool]) -> CountedColumn:
    column, (rows, noisy) = analysis.asked[at], known
    cells = _row(answer[f"column.{at:03}.cells"], group, column.cells)
    if not column.numeric or not analysis.moments:
        return CountedColumn(column, rows, cells, noisy=noisy)
    sums = _row(answer[f"column.{at:03}.sums"], group, 1 + analysis.moments)
    return CountedColumn(column, rows, cells, sums, noisy)


def _correlated(analysis: Analysis, answer: Answer, group: int) -> Correlated | None:
    if not analysis.correlations:
        return None
    numbers = len(analysis.numbers)
    row = _row(answer["pairs"], group, 1 + numbers + len(analysis.pairs))
    return Correlated(row[0], row[1 : 1 + numbers], dict(zip(analysis.pairs, row[1 + numbers :], strict=True)))


def _row(values: Sequence[int], place: int, width: int) -> tuple[int, ...]:
    return tuple(values[place * width : (place + 1) * width])
