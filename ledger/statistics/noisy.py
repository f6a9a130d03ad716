"""What one party's table answers with noise: every sum made noisy, then small ones withheld (docs/spec/statistics.md).

A row of the table is in `Analysis.sums_of_a_row` sums at most, and each of them has noise in proportion to what one
row changes it by. What is told is worked out from the noisy sums and the job alone, so the noise covers all of it.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ledger.jobs.analysis import FIRST, Analysis, AnalysisColumn
from ledger.statistics.answers import MAX_ROWS, CountedRows, Ints, require_countable

Bools = NDArray[np.bool_]
NoiseOfSum = Callable[[int], int]
"""Draws the noise of a sum that one row changes by so much at most."""


def noisy_answer(analysis: Analysis, rows: CountedRows, noise: NoiseOfSum) -> dict[str, list[int]]:
    """The numbers that a party registers, by the analysis' parts. `noise` is called in a fixed order, once for each sum
    that is asked, whatever the rows are. Raises Malformed for too many rows.

    1. Rows of each class; one whose noisy number is below `min_rows` is not told, and all of it is 0.
    2. In a class, cells of each column; one whose noisy number is below `min_cell` is 0.
    3. Sums over the rows in bins that are told, where these are `min_rows` or more by the noisy numbers; else 0. A sum
       is brought to what so many rows can have.
    4. Where correlations are asked for, the rows that are so in every column of numbers, with sums and products from
       the middle of each range, where one row changes a product by a quarter of what it does from the lower end.
    """
    require_countable(rows)
    found: dict[str, list[int]] = {part.name: [] for part in analysis.parts}
    for group in range(len(analysis.groups)):
        chosen = rows.groups == group
        count = min(int(chosen.sum()) + noise(1), MAX_ROWS)
        is_told = count >= analysis.min_rows
        found["groups"].append(count if is_told else 0)
        summed: list[tuple[Ints, Bools]] = []
        for place, column in enumerate(analysis.asked):
            steps = rows.steps[place][chosen]
            cells, sums, is_summed = _column(analysis, column, rows.cells[place][chosen], steps, noise)
            summed += [(steps, is_summed)] if column.numeric else []
            found[f"column.{place:03}.cells"] += cells if is_told else [0] * len(cells)
            if sums:
                found[f"column.{place:03}.sums"] += sums if is_told else [0] * len(sums)
        if analysis.correlations:
            pairs = _pairs(analysis, summed, noise)
            found["pairs"] += pairs if is_told else [0] * len(pairs)
    return found


def _column(
    analysis: Analysis, column: AnalysisColumn, cells: Ints, steps: Ints, noise: NoiseOfSum
) -> tuple[list[int], list[int], Bools]:
    """Cells and sums that are told, and which rows are summed."""
    counts = [min(one + noise(1), MAX_ROWS) for one in np.bincount(cells, minlength=column.cells).tolist()]
    told = [one if one >= analysis.min_cell else 0 for one in counts]
    is_summed = (np.array(told)[cells] > 0) & (cells >= FIRST)
    if not column.numeric or not analysis.moments:
        return told, [], is_summed
    sums = _sums(analysis, column, min(sum(told[FIRST:]), MAX_ROWS), steps[is_summed], noise)
    return told, sums, is_summed


def _sums(analysis: Analysis, column: AnalysisColumn, rows: int, steps: Ints, noise: NoiseOfSum) -> list[int]:
    noisy = [int((steps**power).sum()) + noise(column.steps**power) for power in range(1, 1 + analysis.moments)]
    if rows < analysis.min_rows:
        return [0] * (1 + analysis.moments)
    return [rows, *_possible(noisy, rows, column.steps)]


def _possible(sums: Sequence[int], rows: int, steps: int) -> list[int]:
    """The nearest sums that so many rows of values up to `steps` can have."""
    return [_within(one, rows * steps**power) for power, one in enumerate(sums, 1)]


def _pairs(analysis: Analysis, summed: Sequence[tuple[Ints, Bools]], noise: NoiseOfSum) -> list[int]:
    """Rows, sums and products of rows that are summed in every column of numbers; the sums as they are from the lower
    end of a range, since that follows from what is noisy.
    """
    whole = np.logical_and.reduce([one for _, one in summed])
    widths = [analysis.asked[place].steps for place in analysis.numbers]
    columns = [2 * steps[whole] - width for (steps, _), width in zip(summed, widths, strict=True)]
    rows = min(int(whole.sum()) + noise(1), MAX_ROWS)
    middles = [int(column.sum()) + noise(width) for column, width in zip(columns, widths, strict=True)]
    across = [int((columns[a] * columns[b]).sum()) + noise(widths[a] * widths[b]) for a, b in analysis.pairs]
    if rows < analysis.min_rows:
        return [0] * (1 + len(middles) + len(across))
    sums = [_within((one + rows * width + 1) // 2, rows * width) for one, width in zip(middles, widths, strict=True)]
    middles = [2 * one - rows * width for one, width in zip(sums, widths, strict=True)]
    products = []
    for product, (one, other) in zip(across, analysis.pairs, strict=True):
        room = widths[one] * widths[other]
        lower = product + widths[other] * middles[one] + widths[one] * middles[other] + rows * room
        products.append(_within((lower + 2) // 4, rows * room))
    return [rows, *sums, *products]


def _within(number: int, most: int) -> int:
    return min(max(number, 0), most)
