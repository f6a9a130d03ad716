"""A small cell is never computable from two jobs: of every small table, every pair of answers that a home gives."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations_with_replacement
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.analyses import AGE, BY_ILL, DOSE, ILL, SEX, Row, rows_of, tables

from ledger.errors import UsageError
from ledger.jobs.analysis import FIRST, Analysis, AnalysisColumn
from ledger.statistics.answers import CountedRows, answer
from ledger.statistics.suppression import is_small
from participant.statistics.questions import AnsweredQuestion, question_of, require_compatible
from participant.tasks.data.tabulating import digests

A = AnalysisColumn(name="a", low="0", high="2", step="1", bins=2)
B = AnalysisColumn(name="b", low="0", high="2", step="1", bins=2)
COARSE = msgspec.structs.replace(A, bins=1)
VALUES = [(0, 0), (1, 0), (2, 0), (3, 2)]
"""Missing, outside, and one value in each bin."""


def asked(columns: tuple[AnalysisColumn, ...], floor: int, **options: Any) -> Analysis:
    said = {"correlations": False, "min_cell": floor, "min_rows": floor, "moments": 2} | options
    return Analysis(columns=columns, **said)


def counted(analysis: Analysis, table: tuple[tuple[int, int], ...]) -> CountedRows:
    """A table whose rows are places in VALUES of a and of b."""
    names = {"a": 0, "b": 1}
    flat = np.array([[VALUES[place] for place in row] for row in table], np.int64)
    places = [names[column.name] for column in analysis.asked]
    cells = [flat[:, place, 0] for place in places]
    if COARSE in analysis.asked:
        cells[analysis.asked.index(COARSE)] = np.minimum(cells[analysis.asked.index(COARSE)], FIRST)
    return CountedRows(np.zeros(len(table), np.int64), cells, [flat[:, place, 1] for place in places])


def ask(analysis: Analysis, rows: CountedRows) -> tuple[AnsweredQuestion, str, list[list[int]]]:
    """The question, what is told, and the counts of all cells."""
    rows_of_each = {name: digest.hex() for name, digest in digests(analysis, rows).items()}
    counts = [
        np.bincount(cells, minlength=column.cells).tolist()
        for column, cells in zip(analysis.asked, rows.cells, strict=True)
    ]
    return question_of(bytes(32), analysis, rows_of_each), repr(answer(analysis, rows)), counts


def is_told(first: AnsweredQuestion, second: AnsweredQuestion) -> bool:
    try:
        require_compatible([first], second)
    except UsageError:
        return False
    return True


def worlds(rows: int, more: int) -> Iterator[tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]]:
    """Every table of so many rows, and every one that some more rows make of it."""
    kinds = [(a, b) for a in range(4) for b in range(4)]
    for table in combinations_with_replacement(kinds, rows):
        for added in combinations_with_replacement(kinds, more):
            yield table, table + added


PAIRS = [
    ((A,), (A,), {}),
    ((A,), (B,), {}),
    ((A,), (A, B), {}),
    ((A, B), (A, B), {"correlations": True}),
    ((A,), (COARSE,), {}),
    ((A,), (COARSE, B), {}),
]


@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize("floor", [2, 3])
@pytest.mark.parametrize(("first", "second", "options"), PAIRS)
def test_no_small_cell_follows_from_two_answers(
    first: tuple[AnalysisColumn, ...],
    second: tuple[AnalysisColumn, ...],
    options: dict[str, Any],
    floor: int,
    more: int,
) -> None:
    """Whoever knows all rules, both numbers of rows and both answers finds two values at least for each small cell. The
    second answer is of the same table, or of one with a row more.
    """
    one, other = asked(first, floor), asked(second, floor, **options)
    known: dict[tuple[Any, ...], Any] = {}

    def of(analysis: Analysis, table: tuple[tuple[int, int], ...]) -> tuple[AnsweredQuestion, str, list[list[int]]]:
        key = analysis, tuple(sorted(table))
        if key not in known:
            known[key] = ask(analysis, counted(analysis, table))
        return known[key]  # type: ignore[no-any-return]

    seen = defaultdict(list)
    for before, after in worlds(4 - more, more):
        (question, told, counts), (next_, told_next, counts_next) = of(one, before), of(other, after)
        accepted = is_told(question, next_)
        seen[told, told_next if accepted else ""].append(counts + (counts_next if accepted else []))
    for same in seen.values():
        for column in range(len(same[0])):
            for cell in range(len(same[0][column])):
                values = {counts[column][cell] for counts in same if len(counts) > column}
                assert len(values) > 1 or not is_small(values.pop(), floor), (floor, same[:3], column, cell)


def asked_of_ill(draw: st.DrawFn) -> Analysis:
    columns = draw(st.permutations([AGE, DOSE, SEX]))[: draw(st.integers(1, 3))]
    if draw(st.booleans()):
        columns = [msgspec.structs.replace(one, bins=2) if one.numeric else one for one in columns]
    by = draw(st.sampled_from(["", "ill"]))
    numbers = sum(one.numeric for one in columns)
    return Analysis(
        columns=(*columns, *([ILL] if by else [])),
        by=by,
        min_cell=draw(st.sampled_from([3, 4])),
        min_rows=4,
        moments=2,
        correlations=numbers > 1 and draw(st.booleans()),
    )


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data(), tables(BY_ILL, 14), st.booleans())
def test_what_is_told_twice_of_a_column_is_the_same(data: st.DataObject, table: list[Row], changed: bool) -> None:
    """Whatever two questions are: of a column, and of correlations, both answers have the same numbers."""
    first, second = (data.draw(st.composite(asked_of_ill)()) for _ in range(2))
    later = [*table, table[0]] if changed else table
    told = []
    for analysis, rows in ((first, table), (second, later)):
        of = chosen(analysis, rows_of(BY_ILL, rows))
        question = question_of(bytes(32), analysis, {k: v.hex() for k, v in digests(analysis, of).items()})
        told.append((question, answer(analysis, of)))
    (before, one), (after, other) = told
    if not is_told(before, after):
        return
    for name in set(before.columns) & set(after.columns):
        places = [[column.name for column in analysis.asked].index(name) for analysis in (first, second)]
        for part in ("cells", "sums") if before.columns[name][0].numeric else ("cells",):
            numbers = [found[f"column.{at:03}.{part}"] for found, at in zip((one, other), places, strict=True)]
            assert numbers[0] == numbers[1]
            assert one["groups"] == other["groups"]
    if set(before.correlated) & set(after.correlated):
        assert one["pairs"] == other["pairs"]


def chosen(analysis: Analysis, rows: CountedRows) -> CountedRows:
    """The columns that an analysis asks of a table with those of BY_ILL, in its bins and classes."""
    places = [[column.name for column in BY_ILL.asked].index(column.name) for column in analysis.asked]
    cells = []
    for column, place in zip(analysis.asked, places, strict=True):
        found, steps = rows.cells[place], rows.steps[place]
        if column.numeric:
            bins = np.minimum(steps * column.bins // column.steps, column.bins - 1)
            found = np.where(found >= FIRST, FIRST + bins, found)
        cells.append(found)
    groups = rows.groups if analysis.by else np.zeros(len(rows), np.int64)
    return CountedRows(groups, cells, [rows.steps[place] for place in places])


def whole(**options: Any) -> AnsweredQuestion:
    said = {"columns": (AGE, SEX, ILL), "by": "ill", "correlations": False}
    analysis = msgspec.structs.replace(BY_ILL, **(said | options))
    names = {column.name for column in analysis.columns} | {""}
    return question_of(b"\1" * 32, analysis, dict.fromkeys(names, "00"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"by": "", "columns": (AGE, SEX)}, "other classes"),
        ({"by": "sex", "columns": (AGE, SEX)}, "other classes"),
        ({"by": "", "columns": (ILL,)}, "other classes"),
        ({"min_cell": 2}, "other floors"),
        ({"min_rows": 9}, "other floors"),
        ({"columns": (msgspec.structs.replace(AGE, bins=4), ILL)}, "other bins"),
        ({"columns": (msgspec.structs.replace(SEX, categories=("F",)), ILL)}, "other bins"),
    ],
)
def test_another_question_about_a_column_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        require_compatible([whole()], whole(**options))
    assert "fedledger node told --forget" in caught.value.advice


def test_correlations_with_other_columns_are_refused() -> None:
    first = whole(columns=(AGE, DOSE, ILL), correlations=True)
    weight = msgspec.structs.replace(DOSE, name="weight")
    with pytest.raises(UsageError, match="correlated with other columns"):
        require_compatible([first], whole(columns=(AGE, DOSE, weight, ILL), correlations=True))
    require_compatible([first], whole(columns=(AGE, ILL)))


def test_what_shares_no_column_is_told() -> None:
    require_compatible([whole(columns=(AGE,), by="")], whole(columns=(SEX,), by="", min_cell=2))
