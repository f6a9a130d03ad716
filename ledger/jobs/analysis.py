"""An analysis: what a job counts and sums of everyone's tables, instead of training a model (docs/spec/statistics.md).

Its model is integers: the mean over the parties of what each of them counted, from which the sums follow exactly.
Bins, categories and floors stand here, so they never depend on anybody's data.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import combinations_with_replacement
from math import isqrt
from typing import Literal

from ledger import kernel
from ledger.errors import Malformed
from ledger.formats.artifact import Tensor
from ledger.formats.grammar import check_text
from ledger.formats.merkle import LEAF
from ledger.formats.strict import Strict
from ledger.jobs.bounds import within

TASK = "statistics"
"""The one task that answers an analysis."""
WEIGHT = 1
"""Every answer counts once."""
SCALE_BITS = 8
"""Fraction bits of every tensor: a digit d is the integer d · 2^8, so that sums follow from a mean of up to 255."""
DIGIT_BITS = 20
COUNT_DIGITS, SUM_DIGITS = 2, 3
MAX_INTEGER = ((1 << DIGIT_BITS) - 1) << SCALE_BITS
"""The largest integer of an answer."""
MAX_STEPS = 1 << 16
MAX_COLUMNS = 256
MAX_CELLS = 4096
MAX_ANSWER = 1 << 20
"""Values of an answer."""
LEAST_SQUARED = 3
"""Rows of which squares are summed, at least: of two rows both values follow from their sum and that of squares."""
MISSING, OUTSIDE, FIRST = 0, 1, 2
"""Cells of a column: no value, a value out of range or of no category, and the first bin or category."""

_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,11})(\.[0-9]{0,11}[1-9])?", re.ASCII)


class AnalysisColumn(Strict, frozen=True, omit_defaults=True, dict=True):
    """A column of numbers (`low`, `high`, `step`, `bins`) or of categories.

    Numbers from `low` to `high` are rounded to whole steps above `low`, and fall into `bins` of equal width. Decimals
    are texts in their one form.
    """

    name: str
    low: str = ""
    high: str = ""
    step: str = ""
    bins: int = 0
    categories: tuple[str, ...] = ()

    @property
    def numeric(self) -> bool:
        """Whether it is one of numbers."""
        return not self.categories

    @property
    def cells(self) -> int:
        """How many cells its rows fall into, in each class."""
        return FIRST + (self.bins if self.numeric else len(self.categories))

    @property
    def bounds(self) -> tuple[Fraction, Fraction, Fraction]:
        """`low`, `high` and `step`, as numbers."""
        return Fraction(self.low), Fraction(self.high), Fraction(self.step)

    @cached_property
    def steps(self) -> int:
        """Whole steps from `low` to `high`."""
        low, high, step = self.bounds
        return int((high - low) / step)


class Analysis(Strict, frozen=True, omit_defaults=True, dict=True):
    """What is asked of every party's table. `by` names the column whose categories are the classes that all is asked
    of; empty for all rows together. No cell of fewer rows than `min_cell` is answered, and nothing of a class, no sum
    and no correlation of fewer than `min_rows`.
    """

    columns: tuple[AnalysisColumn, ...]
    correlations: bool
    min_cell: int
    min_rows: int
    moments: Literal[0, 1, 2]
    by: str = ""

    @cached_property
    def asked(self) -> tuple[AnalysisColumn, ...]:
        """The columns that are tabulated: all but `by`."""
        return tuple(column for column in self.columns if column.name != self.by)

    @property
    def divider(self) -> AnalysisColumn | None:
        """The column of `by`."""
        return next((column for column in self.columns if column.name == self.by), None)

    @property
    def groups(self) -> tuple[str, ...]:
        """The classes; one without a name where all rows are together."""
        return self.divider.categories if self.divider is not None else ("",)

    @property
    def numbers(self) -> tuple[int, ...]:
        """Places of the columns of numbers among those asked."""
        return tuple(place for place, column in enumerate(self.asked) if column.numeric)

    @cached_property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Places among `numbers` whose products are summed: each with itself and with every later one."""
        return tuple(combinations_with_replacement(range(len(self.numbers)), 2)) if self.correlations else ()

    @property
    def parts(self) -> "tuple[AnswerPart, ...]":
        """What an answer consists of, in the order of the job's tensors."""
        groups = len(self.groups)
        found = [AnswerPart("groups", (groups,), COUNT_DIGITS)]
        if self.correlations:
            found.append(AnswerPart("pairs", (groups, 1 + len(self.numbers) + len(self.pairs)), SUM_DIGITS))
        for place, column in enumerate(self.asked):
            found.append(AnswerPart(f"column.{place:03}.cells", (groups, column.cells), COUNT_DIGITS))
            if column.numeric and self.moments:
                found.append(AnswerPart(f"column.{place:03}.sums", (groups, 1 + self.moments), SUM_DIGITS))
        return tuple(sorted(found, key=lambda part: part.name))

    @property
    def sums_of_a_row(self) -> int:
        """In how many sums a row of the table is at most: its class, a cell of each column, the moments of numbers, and
        where correlations are asked for, rows, sums and products of all columns of numbers.
        """
        correlated = 1 + len(self.numbers) + len(self.pairs) if self.correlations else 0
        return 1 + len(self.asked) + self.moments * len(self.numbers) + correlated

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The one tensor table that the job has."""
        return tuple(Tensor(part.name, (*part.shape, part.digits), SCALE_BITS) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnswerPart:
    """Integers of an answer under one name: their shape, and the digits of each."""

    name: str
    shape: tuple[int, ...]
    digits: int

    @property
    def integers(self) -> int:
        """How many there are."""
        count = 1
        for length in self.shape:
            count *= length
        return count


class Around(Strict, frozen=True):
    """What else a job says that an analysis leaves no choice in."""

    task: str
    tensors: tuple[Tensor, ...]
    root: bytes
    rule: str
    limits: tuple[int, int, int]
    rounds: int
    hold_out: int
    others: tuple[str, ...]


def check_analysis(analysis: Analysis, around: Around) -> None:
    """Refuse an analysis that cannot be asked, or a job around it that would not answer it. Raises Malformed.

    1. Its columns, classes, floors and sums are in their form.
    2. The job's task, tensors, initial model (zeros), rule, limits, rounds and hold_out are those of an analysis.
    3. The job has nothing beside it that an analysis does not go with.
    """
    check_question(analysis)
    if around.others:
        raise Malformed(
            f"an analysis does not go with {around.others[0]}",
            advice=f"take {around.others[0]} out of the draft: an analysis has one round of plain or masked sums",
            others=", ".join(around.others),
        )
    for field, expected, actual in (
        ("task.name", TASK, around.task),
        ("tensors", analysis.tensors, around.tensors),
        ("initial_model.root", zero_root(sum(tensor.values for tensor in analysis.tensors)), around.root),
        ("aggregation.rule", "weighted_mean", around.rule),
        ("admission.max_weight, max_value and max_norm", limits_of(analysis), around.limits),
        ("terms.rounds", 1, around.rounds),
        ("hold_out", 0, around.hold_out),
    ):
        if expected != actual:
            raise Malformed(
                f"{field} is not that of an analysis",
                advice="leave it out of the draft: fedledger job create says it",
                expected=str(expected)[:200] if not isinstance(expected, bytes) else expected,
                actual=str(actual)[:200] if not isinstance(actual, bytes) else actual,
            )


def limits_of(analysis: Analysis) -> tuple[int, int, int]:
    """Largest weight, value and norm of an answer: none that is made of digits is refused."""
    values = sum(tensor.values for tensor in analysis.tensors)
    return WEIGHT, MAX_INTEGER, MAX_INTEGER * (isqrt(values - 1) + 1)


def check_question(analysis: Analysis) -> None:
    """The first of these checks alone."""
    within("the number of analysis.columns", len(analysis.columns), 1, MAX_COLUMNS)
    names = [column.name for column in analysis.columns]
    for column in analysis.columns:
        check_text(column.name, "the name of a column")
        if names.count(column.name) > 1:
            raise Malformed("a column stands twice in analysis.columns", actual=column.name)
        _check_column(column)
    within("analysis.min_cell", analysis.min_cell, 2, 1 << 20)
    least = LEAST_SQUARED if analysis.moments == 2 or analysis.correlations else 2
    within("analysis.min_rows", analysis.min_rows, max(analysis.min_cell, least), 1 << 20)
    if analysis.by:
        _check_divider(analysis)
    if not analysis.asked:
        raise Malformed("an analysis asks of at least one column", advice="name one besides `by`")
    if analysis.correlations and len(analysis.numbers) < 2:
        raise Malformed("correlations need two columns of numbers", advice="say correlations = false")
    within("the number of an answer's values", sum(tensor.values for tensor in analysis.tensors), 1, MAX_ANSWER)


def _check_divider(analysis: Analysis) -> None:
    divider = analysis.divider
    if divider is None or divider.numeric:
        raise Malformed(
            "analysis.by names a column with categories",
            advice="give that column among analysis.columns, with its categories",
            actual=analysis.by[:80],
        )
    if len(divider.categories) < 2:
        raise Malformed("analysis.by has one class", advice="leave by out", actual=divider.categories[0])


def _check_column(column: AnalysisColumn) -> None:
    ranges = (column.low, column.high, column.step)
    if column.categories:
        if any(ranges) or column.bins:
            raise Malformed("a column has a range or categories, not both", actual=column.name)
        within("the number of a column's categories", len(column.categories), 1, MAX_CELLS)
        for category in column.categories:
            check_text(category, "a category")
        if len(set(map(normal, column.categories))) < len(column.categories):
            raise Malformed("a category stands twice", column=column.name)
        return
    for field, value in zip(("low", "high", "step"), ranges, strict=True):
        if not _DECIMAL.fullmatch(value) or value == "-0":
            raise Malformed(
                f"{field} of column {column.name!r} is not a decimal in its one form",
                advice='as "0", "-2.5" or "120"; or give the column categories',
                actual=value[:80],
            )
    low, high, step = column.bounds
    if not (low < high and step > 0 and ((high - low) / step).denominator == 1 and column.steps <= MAX_STEPS):
        raise Malformed(
            f"column {column.name!r}: high is not above low by a whole number of steps, {MAX_STEPS:,} at most",
            advice="change step, or low and high",
            low=column.low,
            high=column.high,
            step=column.step,
        )
    within(f"bins of column {column.name!r}", column.bins, 1, min(column.steps, MAX_CELLS))


def normal(text: str) -> str:
    """The form in which a cell is compared with a category: numbers by their value, "1.0" as "1"."""
    text = text.strip()
    if re.fullmatch(r"[+-]?[0-9]{1,18}(\.[0-9]{0,18})?", text, re.ASCII):
        return str(Fraction(text))
    return text


@lru_cache(maxsize=8)
def zero_root(values: int) -> bytes:
    """The tensor root of so many zeros: the initial model of every analysis."""
    stack = kernel.Stack()
    stack.add(kernel.leaf_hashes(bytes(4 * values), LEAF))
    return stack.root()


def describe(analysis: Analysis) -> str:
    """What is asked, and by which floors, in a sentence for people."""
    floors = f"no cell below {analysis.min_cell} rows, nothing of fewer than {analysis.min_rows}"
    return f"{asked_in(analysis)}; {floors}"


def asked_in(analysis: Analysis) -> str:
    """What is asked."""
    names = ", ".join(column.name for column in analysis.asked)
    by = f", by {analysis.by}" if analysis.by else ""
    sums = ("", ", means", ", means and variances")[analysis.moments]
    pairs = ", correlations" if analysis.correlations else ""
    return f"counts{sums}{pairs} of {names}{by}"


def others_of(names: Sequence[tuple[str, bool]]) -> tuple[str, ...]:
    """The names of what is there."""
    return tuple(name for name, there in names if there)
