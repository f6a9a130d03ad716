"""What one party's table answers: counted in integers, then whatever is too small withheld.

Rows come as integers: the class of each (−1 for none), and of each column its cell and, of numbers, its steps above
low.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ledger.errors import Malformed
from ledger.jobs.analysis import FIRST, Analysis
from ledger.statistics.suppression import is_small, shown

Ints = NDArray[np.int64]
MAX_ROWS = (1 << 28) - 1
"""With more, a sum of squares would not fit its digits."""


@dataclass(frozen=True, slots=True)
class CountedRows:
    """`groups` n; `cells` and `steps`, n of each column asked. Steps count in cells of bins only."""

    groups: Ints
    cells: Sequence[Ints]
    steps: Sequence[Ints]

    def __len__(self) -> int:
        return len(self.groups)


def answer(analysis: Analysis, rows: CountedRows) -> dict[str, list[int]]:
    """The numbers that a party with these rows registers, by the analysis' parts. Raises Malformed for too many rows.

    1. Rows of classes: a class of fewer than `min_rows` rows is withheld, and others with it, as cells are.
    2. In a class, cells of each column: `ledger.statistics.suppression`, with `min_cell`.
    3. Sums over the rows in bins that are shown; none over fewer than `min_rows`.
    4. Products over rows that are so in every column of numbers. None where these are fewer than `min_rows`, or all
       but fewer than that of a column's rows: the difference would be told. None, too, where the rows that are so in
       neither of two columns are fewer than `min_cell`: their number would follow.
    """
    require_countable(rows)
    found: dict[str, list[int]] = {part.name: [] for part in analysis.parts}
    told = _groups(analysis, rows)
    for group, count in enumerate(told):
        found["groups"].append(count)
        _columns(analysis, _of_group(rows, group if count else None), found)
    return found


def require_countable(rows: CountedRows) -> None:
    """Raises Malformed for too many rows."""
    if len(rows) > MAX_ROWS:
        raise Malformed("a table has too many rows for an analysis", maximum=MAX_ROWS, actual=len(rows))


def _groups(analysis: Analysis, rows: CountedRows) -> list[int]:
    """Rows of each class, 0 of those withheld."""
    counts = np.bincount(rows.groups + 1, minlength=len(analysis.groups) + 1).tolist()
    if not analysis.by:
        return [counts[1] if counts[1] >= analysis.min_rows else 0]
    return [count if kept else 0 for count, kept in zip(counts, shown(counts, analysis.min_rows), strict=True)][1:]


def _of_group(rows: CountedRows, group: int | None) -> CountedRows:
    chosen = rows.groups == group if group is not None else np.zeros(len(rows), bool)
    return CountedRows(rows.groups[chosen], [one[chosen] for one in rows.cells], [one[chosen] for one in rows.steps])


def _columns(analysis: Analysis, rows: CountedRows, found: dict[str, list[int]]) -> None:
    counted = []
    for place, column in enumerate(analysis.asked):
        counts = np.bincount(rows.cells[place], minlength=column.cells).tolist()
        kept = shown(counts, analysis.min_cell)
        found[f"column.{place:03}.cells"] += [count if there else 0 for count, there in zip(counts, kept, strict=True)]
        if not column.numeric:
            continue
        is_summed = np.array(kept)[rows.cells[place]] & (rows.cells[place] >= FIRST)
        counted.append((rows.steps[place], is_summed))
        if analysis.moments:
            found[f"column.{place:03}.sums"] += _sums(rows.steps[place][is_summed], analysis)
    if analysis.correlations:
        found["pairs"] += _products(analysis, counted)


def _sums(steps: Ints, analysis: Analysis) -> list[int]:
    if len(steps) < analysis.min_rows:
        return [0] * (1 + analysis.moments)
    return [len(steps), int(steps.sum()), int((steps * steps).sum())][: 1 + analysis.moments]


def _products(analysis: Analysis, counted: Sequence[tuple[Ints, NDArray[np.bool_]]]) -> list[int]:
    whole = np.logical_and.reduce([summed for _, summed in counted])
    rows = int(whole.sum())
    differences = [int(summed.sum()) - rows for _, summed in counted]
    lacking = [int((~summed).sum()) for _, summed in counted]
    twice = sum(lacking) - (len(whole) - rows)
    if (
        rows < analysis.min_rows
        or any(is_small(one, analysis.min_rows) for one in differences)
        or is_small(twice, analysis.min_cell)
    ):
        return [0] * (1 + len(counted) + len(analysis.pairs))
    columns = [steps[whole] for steps, _ in counted]
    products = [int((columns[one] * columns[other]).sum()) for one, other in analysis.pairs]
    return [rows, *(int(column.sum()) for column in columns), *products]


def check_answer(analysis: Analysis, told: dict[str, list[int]]) -> None:
    """Refuse numbers of one party among which a cell is below its floor: its node stores none. Raises Malformed."""
    floors = {"groups": analysis.min_rows}
    for part in analysis.parts:
        if part.name in floors or part.name.endswith(".cells"):
            counts, floor = told[part.name], floors.get(part.name, analysis.min_cell)
        else:
            counts, floor = told[part.name][:: part.shape[-1]], analysis.min_rows
        small = [count for count in counts if count < 0 or is_small(count, floor)]
        if small:
            raise Malformed("an answer tells a cell of too few rows", part=part.name, minimum=floor, actual=small[0])
