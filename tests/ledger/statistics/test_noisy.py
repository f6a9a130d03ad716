"""Noisy answers: what one row changes is what the noise covers, and what is told follows from noisy numbers alone."""

from fractions import Fraction
from itertools import product

import msgspec
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.jobs.analysis import FIRST, Analysis
from ledger.statistics import figures
from ledger.statistics.answers import CountedRows, answer, check_answer
from ledger.statistics.noisy import noisy_answer
from ledger.statistics.table import Correlated, groups_of, integers_of
from tests.support.analyses import BY_ILL, Row, rows_of, tables

ASKED = msgspec.structs.replace(BY_ILL, correlations=False)
FAR = 1 << 30
MANY = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def quiet(_most: int) -> int:
    return 0


@MANY
@given(tables(ASKED))
def test_without_noise_and_small_cells_it_is_the_exact_answer(table: list[Row]) -> None:
    for asked in (ASKED, BY_ILL):
        rows = rows_of(asked, table * asked.min_rows)
        assert noisy_answer(asked, rows, quiet) == answer(asked, rows)


@MANY
@given(tables(ASKED), tables(ASKED, 1), st.sampled_from([0, 1, 2]))
def test_one_row_changes_as_many_sums_as_are_paid_for_and_each_by_what_its_noise_is_made_for(
    table: list[Row], one: list[Row], moments: int
) -> None:
    """With noise so large that nothing is withheld, brought to a bound or told in another way, sums lie open."""
    asked: Analysis = msgspec.structs.replace(ASKED, moments=moments)
    bounds = list[int]()

    def loud(most: int) -> int:
        bounds.append(most)
        return FAR

    def sums(rows: list[Row]) -> dict[str, list[int]]:
        bounds.clear()
        found = noisy_answer(asked, rows_of(asked, rows), loud)
        for part in asked.parts:
            if part.name.endswith(".sums"):
                width = part.shape[-1]
                found[part.name] = [value for at, value in enumerate(found[part.name]) if at % width]
        return found

    before, asked_for = sums(table), len(bounds)
    after = sums(table + one)
    assert len(bounds) == asked_for, "the noise is asked for as often, whatever the rows are"
    steps = {
        f"column.{at:03}.sums": [column.steps**power for power in range(1, moments + 1)]
        for at, column in enumerate(asked.asked)
        if column.numeric
    }
    changed = 0
    for name, values in before.items():
        for at, value in enumerate(values):
            most = steps[name][at % moments] if name in steps else 1
            assert most in bounds
            assert abs(after[name][at] - value) <= most
            changed += after[name][at] != value
    assert changed <= asked.sums_of_a_row


@MANY
@given(tables(ASKED), st.lists(st.integers(-60, 60), min_size=200, max_size=200))
def test_whatever_the_noise_is_nothing_small_or_impossible_is_told(table: list[Row], noise: list[int]) -> None:
    left = iter(noise)
    told = noisy_answer(BY_ILL, rows_of(BY_ILL, table), lambda most: next(left) * most)
    check_answer(BY_ILL, told)
    integers_of(BY_ILL, told)
    for group in groups_of(BY_ILL, told, noisy=True):
        sums = group.correlated
        assert sums is not None
        for one, other in product(range(len(BY_ILL.numbers)), repeat=2):
            found = figures.correlation(sums, one, other)
            assert found is None or -1 <= found <= 1
            error = figures.correlation_error(sums, (one, other), (1, 1), Fraction(3))
            assert error is None or 0 <= error <= 1
        assert not figures.troubles(group)
        for counted in group.columns:
            assert counted.withheld >= 0
            if counted.sums and counted.sums[0]:
                low, high, _ = counted.column.bounds
                mean = figures.mean(counted)
                assert mean is not None
                assert low <= mean <= high
            figures.deviation(counted)


def test_the_largest_noise_fits_the_digits() -> None:
    told = noisy_answer(BY_ILL, rows_of(BY_ILL, [(0, 2, 2, 2, 5, 1, 0)] * 9), lambda most: (1 << 40) * most)
    integers_of(BY_ILL, told)


PLAIN = msgspec.structs.replace(BY_ILL, by="", min_cell=2, min_rows=3, columns=tuple(
    column for column in BY_ILL.columns if column.numeric
))  # fmt: skip
WIDTHS = [column.steps for column in PLAIN.asked]


def from_the_middle(told: dict[str, list[int]]) -> list[int]:
    """Rows, and from the middle of each range sums and products, in half steps: what has noise, before it is told."""
    rows, *rest = told["pairs"]
    sums = [2 * one - rows * width for one, width in zip(rest[: len(WIDTHS)], WIDTHS, strict=True)]
    found = [rows, *sums]
    for value, (one, other) in zip(rest[len(WIDTHS) :], PLAIN.pairs, strict=True):
        low = WIDTHS[other] * sums[one] + WIDTHS[one] * sums[other] + rows * WIDTHS[one] * WIDTHS[other]
        found.append(4 * value - low)
    return found


@MANY
@given(st.lists(st.tuples(*(st.integers(0, width) for width in WIDTHS)), min_size=1, max_size=6), st.data())
def test_one_row_changes_products_by_what_their_noise_is_made_for(
    steps: list[tuple[int, ...]], data: st.DataObject
) -> None:
    one = data.draw(st.sampled_from(steps))
    bounds = list[int]()

    def heard(most: int) -> int:
        bounds.append(most)
        return 0

    def told(rows: list[tuple[int, ...]]) -> list[int]:
        bounds.clear()
        return from_the_middle(noisy_answer(PLAIN, counted(rows), heard))

    before, after = told(steps * 3), told([*steps * 3, one])
    pairs = 1 + len(WIDTHS) + len(PLAIN.pairs)
    expected = [1, *WIDTHS, *(WIDTHS[a] * WIDTHS[b] for a, b in PLAIN.pairs)]
    assert bounds[-pairs:] == expected
    assert all(abs(now - then) <= most for now, then, most in zip(after, before, expected, strict=True))
    without = msgspec.structs.replace(PLAIN, correlations=False)
    assert PLAIN.sums_of_a_row == without.sums_of_a_row + pairs, "and each of them is paid for"


def counted(rows: list[tuple[int, ...]]) -> CountedRows:
    steps = np.array(rows, np.int64)
    bins = [column.bins for column in PLAIN.asked]
    cells = [FIRST + np.minimum(steps[:, at] * bins[at] // width, bins[at] - 1) for at, width in enumerate(WIDTHS)]
    return CountedRows(np.zeros(len(rows), np.int64), cells, [steps[:, at] for at in range(len(WIDTHS))])


def test_the_error_that_is_said_is_about_the_error_that_there_is() -> None:
    """A thousand draws of noise on sums of 4,000 rows that hang together."""
    random = np.random.default_rng(5)
    width, noise = 200, 25.0
    first = random.normal(0.1, 0.3, 4000).clip(-1, 1)
    second = (0.6 * first + random.normal(0, 0.25, 4000)).clip(-1, 1)
    low = np.rint((np.stack([first, second]) + 1) / 2 * width).astype(np.int64)
    exact = [4000, *low.sum(1).tolist(), *(int((low[a] * low[b]).sum()) for a, b in ((0, 0), (0, 1), (1, 1)))]

    def correlated(moved: list[int]) -> Correlated:
        return Correlated(moved[0], tuple(moved[1:3]), {(0, 0): moved[3], (0, 1): moved[4], (1, 1): moved[5]})

    made = []
    for _ in range(1000):
        rows, one, other, *more = (int(part) for part in random.normal(0, noise, 6))
        sums = [(part * width + rows * width) // 2 for part in (one, other)]
        middles = [2 * part - rows * width for part in sums]
        across = ((0, 0, more[0]), (0, 1, more[1]), (1, 1, more[2]))
        lower = [(part * width**2 + width * (middles[a] + middles[b]) + rows * width**2) // 4 for a, b, part in across]
        parts = zip(exact, [rows, *sums, *lower], strict=True)
        found = figures.correlation(correlated([whole + part for whole, part in parts]), 0, 1)
        made.append(float(found or 0))
    said = figures.correlation_error(correlated(exact), (0, 1), (width, width), Fraction(noise))
    assert said is not None
    assert 0.9 < float(said) / float(np.std(made)) < 1.1
