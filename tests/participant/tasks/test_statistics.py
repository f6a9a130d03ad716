"""What a table counts as: exact decimals, what is missing, what is outside; and a table too small to tell of."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.analyses import AGE, BY_ILL, DOSE, ILL, SEX

from ledger.errors import Malformed, UsageError
from ledger.jobs.analysis import Analysis, AnalysisColumn
from participant.tasks.data.tabulating import digests, tabulate
from participant.tasks.discovery import find

pytestmark = pytest.mark.node


@pytest.fixture
def table(tmp_path: Path) -> Callable[[str], Path]:
    def write(rows: str) -> Path:
        path = tmp_path / "rows.csv"
        path.write_text("age,dose,sex,ill,name\n" + rows)
        return path

    return write


def test_cells_and_steps(table: Callable[[str], Path]) -> None:
    rows = tabulate(
        table("20,-1,F,no,x\n100.0,3.00,M,yes,x\n?,9,,no,x\n29.5,0.24,other, yes ,x\n1e2,2.25, F ,maybe,x\n"), BY_ILL
    )
    assert rows.groups.tolist() == [0, 1, 0, 1, -1]
    age, dose, sex = (cells.tolist() for cells in rows.cells)
    assert age == [2, 9, 0, 3, 9]
    assert dose == [2, 5, 1, 3, 5]
    assert sex == [2, 3, 0, 1, 2]
    assert rows.steps[0].tolist() == [0, 80, 0, 10, 80]
    assert rows.steps[1].tolist() == [0, 8, 0, 2, 7]


@given(st.decimals(-1, 3, places=6))
def test_a_number_is_rounded_to_its_nearest_step_exactly(value: Decimal) -> None:
    from participant.tasks.data.tabulating import _numbers

    cell, steps = _numbers(DOSE)(f"{value:f}")
    assert abs(Fraction(value) - (-1 + Fraction(steps, 2))) <= Fraction(1, 4)
    assert cell == 2 + min(steps * 4 // 8, 3)


@pytest.mark.parametrize("text", ["0.15", "15e-2", "+1.5E-01", ".15" + "0" * 60, "0.0015e2"])
def test_one_number_is_in_one_cell_however_it_is_written(text: str) -> None:
    from participant.tasks.data.tabulating import _numbers

    column = AnalysisColumn(name="dose", low="0", high="10", step="0.1", bins=100)
    assert _numbers(column)(text) == (4, 2)


def test_numbers_of_categories_are_compared_by_value(table: Callable[[str], Path]) -> None:
    kind = AnalysisColumn(name="sex", categories=("0", "1"))
    asked = Analysis(columns=(kind,), min_cell=2, min_rows=2, moments=0, correlations=False)
    rows = tabulate(table("1,1,1.0,no,x\n1,1,0,no,x\n1,1,+1,no,x\n1,1,2,no,x\n"), asked)
    assert rows.cells[0].tolist() == [3, 2, 3, 1]


@pytest.mark.parametrize(
    ("rows", "said"),
    [("20,tall,F,no,x\n", "text stands in a column of numbers"), ("", "no rows"), ("20,1\n", "number of fields")],
)
def test_what_cannot_be_read_is_named(table: Callable[[str], Path], rows: str, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        tabulate(table(rows), BY_ILL)


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("age,sex,ill\n1,F,no\n")
    with pytest.raises(Malformed, match="column 'dose' is missing"):
        tabulate(tmp_path / "rows.csv", BY_ILL)


def test_the_order_of_rows_and_other_columns_change_no_digest(table: Callable[[str], Path], tmp_path: Path) -> None:
    first = digests(BY_ILL, tabulate(table("20,1,F,no,x\n30,2,M,yes,y\n"), BY_ILL))
    assert digests(BY_ILL, tabulate(table("30,2.0,M,yes,z\n20,1,F,no,x\n"), BY_ILL)) == first
    more = digests(BY_ILL, tabulate(table("30,2,M,yes,z\n20,1,F,no,x\n20,1,F,no,x\n"), BY_ILL))
    assert not set(more.values()) & set(first.values())


def test_a_table_of_too_few_rows_is_not_told_of(table: Callable[[str], Path]) -> None:
    task: Any = find("statistics").create({})
    task.analyse(Analysis(columns=(AGE, SEX, ILL), by="ill", min_cell=3, min_rows=4, moments=1, correlations=False))
    data = task.load_data(table("30,1,F,no,x\n" * 3 + "30,1,F,yes,x\n"))
    with pytest.raises(UsageError, match="too few rows"):
        task.train(task.build_model(1), data, SimpleNamespace(number=1, noise=None))


def test_without_an_analysis_it_builds_nothing() -> None:
    with pytest.raises(UsageError, match="answers an analysis"):
        find("statistics").create({}).build_model(1)
