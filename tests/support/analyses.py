"""Analyses and tables of their rows, for tests."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from ledger.jobs.analysis import FIRST, Analysis, AnalysisColumn
from ledger.statistics.answers import CountedRows

AGE = AnalysisColumn(name="age", low="20", high="100", step="1", bins=8)
DOSE = AnalysisColumn(name="dose", low="-1", high="3", step="0.5", bins=4)
SEX = AnalysisColumn(name="sex", categories=("F", "M"))
ILL = AnalysisColumn(name="ill", categories=("no", "yes"))
BY_ILL = Analysis(columns=(AGE, DOSE, SEX, ILL), by="ill", min_cell=3, min_rows=4, moments=2, correlations=True)

Row = tuple[int, ...]
"""The class, then for each column its cell and its steps."""


def rows_of(analysis: Analysis, table: Sequence[Row]) -> CountedRows:
    """A table of rows as integers."""
    columns = len(analysis.asked)
    flat = np.array(table, np.int64).reshape(len(table), 1 + 2 * columns)
    return CountedRows(flat[:, 0], list(flat[:, 1 : 1 + columns].T), list(flat[:, 1 + columns :].T))


@st.composite
def tables(draw: st.DrawFn, analysis: Analysis, most: int = 40) -> list[Row]:
    """Tables of rows in few cells, so that floors matter."""
    found = []
    for _ in range(draw(st.integers(1, most))):
        cells, steps = [], []
        for column in analysis.asked:
            at = draw(st.integers(0, column.steps)) if column.numeric else 0
            bin_ = min(at * column.bins // column.steps, column.bins - 1) if column.numeric else draw(st.integers(0, 1))
            cell = draw(st.sampled_from([0, 1, *[FIRST + bin_] * 6]))
            cells.append(cell)
            steps.append(at if column.numeric and cell >= FIRST else 0)
        found.append((draw(st.integers(-1, len(analysis.groups) - 1)) if analysis.by else 0, *cells, *steps))
    return found
