"""Statistics of many tables equal those of the pooled table, exactly."""

from fractions import Fraction
from math import sqrt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.jobs.analysis import FIRST, AnalysisColumn, check_question
from ledger.statistics import figures
from ledger.statistics.answers import answer, check_answer
from ledger.statistics.findings import figures_of
from ledger.statistics.table import CountedClass, CountedColumn, answer_of, groups_of, integers_of, totals
from tests.ledger.statistics.test_digits import mean_of
from tests.support.analyses import BY_ILL, Row, rows_of, tables

MANY = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def federated(parties: list[list[Row]]) -> tuple[CountedClass, ...]:
    """What everyone reads off the model of these parties' answers."""
    answers = [answer(BY_ILL, rows_of(BY_ILL, table)) for table in parties]
    for one in answers:
        check_answer(BY_ILL, one)
    updates = [integers_of(BY_ILL, one) for one in answers]
    model = [mean_of(list(values)) for values in zip(*updates, strict=True)]
    return groups_of(BY_ILL, totals(BY_ILL, model, len(parties)))


def value(place: int, row: Row) -> Fraction:
    """What stands in a column of numbers."""
    low, _, step = BY_ILL.asked[place].bounds
    return low + step * row[1 + len(BY_ILL.asked) + place]


@MANY
@given(st.lists(tables(BY_ILL, 12), min_size=1, max_size=4))
def test_without_small_cells_all_figures_are_those_of_the_pooled_rows(parties: list[list[Row]]) -> None:
    check_question(BY_ILL)
    whole = [[row for row in table for _ in range(BY_ILL.min_rows)] for table in parties]
    pooled = [row for table in whole for row in table]
    for number, group in enumerate(federated(whole)):
        rows = [row for row in pooled if row[0] == number]
        assert group.rows == len(rows)
        for place, counted in enumerate(group.columns):
            of_cells = [sum(row[1 + place] == cell for row in rows) for cell in range(counted.column.cells)]
            assert list(counted.cells) == of_cells
            assert counted.withheld == 0
            if not counted.column.numeric:
                continue
            values = [value(place, row) for row in rows if row[1 + place] >= FIRST]
            if not values:
                assert figures.mean(counted) is None
                continue
            mean = sum(values, Fraction()) / len(values)
            assert figures.mean(counted) == mean
            assert figures.variance(counted) == sum((one - mean) ** 2 for one in values) / (len(values) - 1)
            for part in figures.QUANTILES:
                exact = sorted(values)[max(-(-part * len(values) // 1), 1) - 1]
                low, high = figures.quantile(counted, part) or (0, 0)
                assert low <= exact <= high
        assert not figures.troubles(group)


@MANY
@given(st.lists(tables(BY_ILL, 12), min_size=2, max_size=4))
def test_so_are_correlations(parties: list[list[Row]]) -> None:
    whole = [[row for row in table for _ in range(BY_ILL.min_rows)] for table in parties]
    pooled = [row for table in whole for row in table]
    for number, group in enumerate(federated(whole)):
        rows = [row for row in pooled if row[0] == number and row[1] >= FIRST and row[2] >= FIRST]
        assert group.correlated is not None
        assert group.correlated.rows == len(rows)
        found = figures.correlation(group.correlated, 0, 1)
        pairs = [(value(0, row), value(1, row)) for row in rows]
        exact = pearson(pairs)
        assert (found is None) == (exact is None)
        assert found is None or exact is None or abs(float(found) - exact) < 1e-9


def pearson(pairs: list[tuple[Fraction, Fraction]]) -> float | None:
    """Correlation by its definition."""
    if not pairs:
        return None
    one, other = (sum(column, Fraction()) / len(pairs) for column in zip(*pairs, strict=True))
    across = sum((x - one) * (y - other) for x, y in pairs)
    within = sum((x - one) ** 2 for x, _ in pairs) * sum((y - other) ** 2 for _, y in pairs)
    return float(across) / sqrt(within) if within else None


@MANY
@given(st.lists(tables(BY_ILL), min_size=1, max_size=4))
def test_a_sum_of_answers_is_the_answers_sum(parties: list[list[Row]]) -> None:
    answers = [answer(BY_ILL, rows_of(BY_ILL, table)) for table in parties]
    model = [mean_of(list(each)) for each in zip(*[integers_of(BY_ILL, one) for one in answers], strict=True)]
    found = totals(BY_ILL, model, len(parties))
    for name in found:
        assert found[name] == [sum(each) for each in zip(*(one[name] for one in answers), strict=True)]
    assert answer_of(BY_ILL, integers_of(BY_ILL, answers[0])) == answers[0]


@MANY
@given(tables(BY_ILL))
def test_no_party_tells_a_small_number(table: list[Row]) -> None:
    check_answer(BY_ILL, answer(BY_ILL, rows_of(BY_ILL, table)))


@pytest.mark.parametrize("part", ["groups", "column.000.cells", "column.000.sums", "pairs"])
def test_an_answer_with_a_small_number_is_not_stored(part: str) -> None:
    told = answer(BY_ILL, rows_of(BY_ILL, [(0, 2, 2, 2, 5, 1, 0)] * 9))
    told[part][0] = 2
    with pytest.raises(Malformed, match="too few rows"):
        check_answer(BY_ILL, told)


@pytest.mark.parametrize("sums", [(10, 50, 1), (10, -5, 1), (-3, 5, 1)])
def test_sums_that_no_table_has_are_shown_and_named(sums: tuple[int, ...]) -> None:
    """A lie of one party must not take the others' statistics away."""
    column = AnalysisColumn(name="age", low="0", high="10", step="1", bins=2)
    counted = CountedColumn(column, 10, (0, 0, 5, 5), sums)
    assert figures_of(counted)["std"] is None
    assert figures.troubles(CountedClass("", 10, (counted,)))
