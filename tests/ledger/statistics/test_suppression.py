"""No answer determines a small cell: every answer of every small table, compared with all others."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.jobs.analysis import FIRST, MISSING, Analysis, AnalysisColumn
from ledger.statistics.answers import CountedRows, answer
from ledger.statistics.suppression import is_small, shown


def tables(rows: int, cells: int) -> Iterator[tuple[int, ...]]:
    if cells == 1:
        yield (rows,)
        return
    for first in range(rows + 1):
        for rest in tables(rows - first, cells - 1):
            yield (first, *rest)


def told(counts: tuple[int, ...], floor: int) -> tuple[int, ...]:
    return tuple(count if kept else 0 for count, kept in zip(counts, shown(counts, floor), strict=True))


@pytest.mark.parametrize("floor", [2, 3, 4, 5])
@pytest.mark.parametrize("cells", [3, 4])
def test_no_small_cell_is_determined(floor: int, cells: int) -> None:
    """Whoever knows the rule, the number of rows and the answer finds two values at least for each small cell."""
    for rows in range(floor, 15):
        worlds = defaultdict(list)
        for counts in tables(rows, cells):
            worlds[told(counts, floor)].append(counts)
        for same in worlds.values():
            for place in range(cells):
                values = {counts[place] for counts in same}
                assert len(values) > 1 or not is_small(values.pop(), floor), (floor, same)


@given(st.lists(st.integers(0, 40), min_size=3, max_size=30), st.integers(2, 10))
def test_nothing_small_is_told_and_what_is_withheld_is_not_small(counts: list[int], floor: int) -> None:
    kept = shown(counts, floor)
    assert not any(is_small(count, floor) for count, there in zip(counts, kept, strict=True) if there)
    if sum(counts) >= floor:
        assert not is_small(sum(counts) - sum(told(tuple(counts), floor)), floor)


@given(st.lists(st.integers(5, 40) | st.just(0), min_size=1, max_size=30))
def test_without_small_cells_all_is_told(counts: list[int]) -> None:
    assert all(shown(counts, 5))


@pytest.mark.parametrize(("both", "told_of"), [(0, True), (1, False), (4, False), (5, True), (50, True)])
def test_how_few_rows_lack_two_columns_does_not_follow(both: int, told_of: bool) -> None:
    """Rows, those that lack one column, and those that lack none: a reader of all three has those that lack both."""
    columns = tuple(AnalysisColumn(name=name, low="0", high="10", step="1", bins=1) for name in ("age", "dose"))
    asked = Analysis(columns=columns, correlations=True, min_cell=5, min_rows=10, moments=2)
    age, dose = np.full(200, FIRST), np.full(200, FIRST)
    age[:50], dose[50 - both : 100 - both] = MISSING, MISSING
    steps = [np.where(age == FIRST, 5, 0), np.where(dose == FIRST, 3, 0)]
    pairs = answer(asked, CountedRows(np.zeros(200, np.int64), [age, dose], steps))["pairs"]
    assert pairs[0] == (100 + both if told_of else 0)
    assert any(pairs) is told_of
