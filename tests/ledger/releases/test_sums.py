"""Sums of errors and counts of times add up, or are refused; what follows from them is what all rows together have."""

from fractions import Fraction
from itertools import product
from math import isclose, sqrt
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.errors import Malformed
from ledger.formats.digest import decode, encode
from ledger.formats.strict import Strict
from ledger.releases.counts import decimal
from ledger.releases.regression import FARTHEST, UNITS, RegressionSums, TargetSums
from ledger.releases.report import NOT_MEANS, parse
from ledger.releases.sums import Sums, add, check, check_stated, figures_of
from ledger.releases.survival import RISKS, UNIT, SurvivalSums

NUMBERS = st.lists(st.tuples(st.integers(0, UNITS), st.integers(-UNITS, 2 * UNITS)), min_size=1, max_size=30)
TIMES = 4
ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, TIMES), st.integers(0, RISKS - 1)), min_size=1, max_size=30)


def numbers(rows: list[tuple[int, int]]) -> RegressionSums:
    """Sums of rows (true value, predicted one) of a target from 10 to 30."""
    errors = [min(abs(said - true), FARTHEST) for true, said in rows]
    target = TargetSums(
        name="dose",
        low="10",
        high="30",
        error=sum(errors),
        square=sum(one * one for one in errors),
        value=sum(true for true, _ in rows),
        value_square=sum(true * true for true, _ in rows),
    )
    return RegressionSums(rows=len(rows), targets=(target,))


def times(rows: list[tuple[bool, int, int]]) -> SurvivalSums:
    """Counts of rows (was the event seen, in or after which bin, risk)."""
    events, censored = ([[0] * RISKS for _ in range(lines)] for lines in (TIMES, TIMES + 1))
    for seen, place, risk in rows:
        if seen and place < TIMES:
            events[place][risk] += 1
        else:
            censored[place][risk] += 1
    lines = tuple(map(tuple, events)), tuple(map(tuple, censored))
    return SurvivalSums(events=lines[0], censored=lines[1], log_loss=0, brier=0)


@given(rows=NUMBERS)
def test_errors_are_those_of_the_rows(rows: list[tuple[int, int]]) -> None:
    sums = numbers(rows)
    check(sums, len(rows), "one")
    found, unit = figures_of(sums), Fraction(20, UNITS)
    errors = [min(abs(said - true), FARTHEST) for true, said in rows]
    assert found["mae"] == Fraction(sum(errors), len(rows)) * unit
    assert isclose(found["rmse"], sqrt(sum(one * one for one in errors) / len(rows)) * unit, abs_tol=1e-9)
    mean = Fraction(sum(true for true, _ in rows), len(rows))
    around = sum((true - mean) ** 2 for true, _ in rows)
    assert ("r2" in found) == bool(around)
    if around:
        assert found["r2"] == 1 - Fraction(sum(one * one for one in errors)) / around


@given(rows=ROWS)
def test_order_is_that_of_the_pairs(rows: list[tuple[bool, int, int]]) -> None:
    sums = times(rows)
    check(sums, len(rows), "one")
    ended = [(place, risk) for seen, place, risk in rows if seen and place < TIMES]
    lasting = [(place, risk, seen and place < TIMES) for seen, place, risk in rows]
    worth = [
        Fraction(1 + (risk > other) - (risk < other), 2)
        for (place, risk), (until, other, seen) in product(ended, lasting)
        if until > place
    ]
    found = figures_of(sums)
    assert ("binned_concordance" in found) == bool(worth)
    if worth:
        assert found["binned_concordance"] == sum(worth, Fraction()) / len(worth)


@given(parts=st.lists(NUMBERS, min_size=1, max_size=4), others=st.lists(ROWS, min_size=1, max_size=4))
def test_the_sum_of_the_parties_sums_is_that_of_all_rows(parts: list[Any], others: list[Any]) -> None:
    assert add([numbers(part) for part in parts]) == numbers([row for part in parts for row in part])
    assert add([times(part) for part in others]) == times([row for part in others for row in part])


def test_a_mean_of_the_parties_figures_is_no_figure_of_all_rows() -> None:
    """Each party's model explains nothing around its own mean, and together nearly all."""
    low, high = numbers([(0, 500), (1000, 500)]), numbers([(60_000, 60_500), (61_000, 60_500)])
    assert figures_of(low)["r2"] == figures_of(high)["r2"] == 0
    together = add([low, high])
    assert together is not None
    assert figures_of(together)["r2"] > Fraction(99, 100)
    assert {"rmse", "r2", "r2_8", "concordance", "brier"} <= NOT_MEANS
    assert "mae" not in NOT_MEANS, "a mean over rows is the figure of all rows"


def test_losses_are_of_the_bins_that_rows_are_known_of() -> None:
    sums = replace(times([(True, 0, 5), (False, 2, 5)]), log_loss=3 * UNIT, brier=UNIT)
    assert sums.known == 3
    assert figures_of(sums)["log_loss"] == 1
    assert figures_of(sums)["brier"] == Fraction(1, 3)
    nothing = times([(False, 0, 0)])
    check(nothing, 1, "one")
    assert figures_of(nothing) == {}


def test_unlike_sums_are_not_added() -> None:
    first = numbers([(1, 2)])
    other = replace(first, targets=(replace(first.targets[0], high="31"),))
    shorter = SurvivalSums(events=((1, *[0] * 99),), censored=((0,) * 100,) * 2, log_loss=0, brier=0)
    assert add([]) is None
    assert add([first, other]) is None
    assert add([first, times([(True, 0, 0)])]) is None
    assert add([times([(True, 0, 0)]), shorter]) is None


TWO = numbers([(5, 7), (60, 40)])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"error": -1}, "no rows have such sums of errors"),
        ({"square": 1}, "no rows have such sums of errors"),
        ({"square": 1 << 60}, "no rows have such sums of errors"),
        ({"square": 405}, "no rows have such sums of errors"),
        ({"error": 1, "square": 3}, "no rows have such sums of errors"),
        ({"error": 2 * FARTHEST + 1, "square": 1 << 40}, "no rows have such sums of errors"),
        ({"value": 2 * UNITS + 1}, "no rows have such sums of values"),
        ({"value_square": 0}, "no rows have such sums of values"),
        ({"low": "30"}, "not low:high"),
        ({"low": "1e3"}, "not low:high"),
        ({"name": ""}, "a target's name"),
    ],
)
def test_sums_that_no_rows_have_are_refused(fields: dict[str, Any], message: str) -> None:
    check(TWO, 2, "two")
    with pytest.raises(Malformed, match=message):
        check(replace(TWO, targets=(replace(TWO.targets[0], **fields),)), 2, "two")


SEEN = times([(True, 1, 3), (False, 2, 9)])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"events": ()}, "another shape"),
        ({"censored": SEEN.events}, "another shape"),
        ({"events": ((1,),) * TIMES}, "another shape"),
        ({"events": ((-1, *[0] * 99), *SEEN.events[1:])}, "a count is negative"),
        ({"brier": 5 * UNIT}, "no rows have such a sum of brier"),
        ({"log_loss": -1}, "no rows have such a sum of log_loss"),
        ({"log_loss": 1 << 40}, "no rows have such a sum of log_loss"),
    ],
)
def test_counts_that_no_rows_have_are_refused(fields: dict[str, Any], message: str) -> None:
    check(SEEN, 2, "two")
    with pytest.raises(Malformed, match=message):
        check(replace(SEEN, **fields), 2, "two")


@pytest.mark.parametrize("sums", [TWO, SEEN])
def test_of_another_number_of_rows_or_stated_otherwise_they_are_refused(sums: Sums) -> None:
    with pytest.raises(Malformed, match="another number of rows"):
        check(sums, 3, "three")
    name, value = next(iter(figures_of(sums).items()))
    check_stated({name: decimal(value), "loss": "7"}, sums, "two")
    with pytest.raises(Malformed, match=f"{name} is not that of the sums"):
        check_stated({name: decimal(value + Fraction(1, 100_000))}, sums, "two")


@pytest.mark.parametrize(
    ("sums", "name"), [(numbers([(5, 7), (5, 9)]), "r2"), (times([(False, 0, 3)]), "log_loss"), (SEEN, "nothing")]
)
def test_a_figure_that_the_rows_do_not_have_is_not_stated(sums: Sums, name: str) -> None:
    assert name not in figures_of(sums)
    check_stated({name: "0"}, sums, "one")
    if name == "nothing":
        check_stated({name: "0.99"}, sums, "one")
        return
    with pytest.raises(Malformed, match=f"{name} is not that of the sums"):
        check_stated({name: "0.99"}, sums, "one")


@given(rows=st.lists(st.integers(0, 4), min_size=1, max_size=4), sums=st.tuples(st.integers(0, 16), st.integers(0, 64)))
def test_what_some_rows_have_is_taken(rows: list[int], sums: tuple[int, int]) -> None:
    fields = {"error": sums[0], "square": sums[1], "value": sum(rows), "value_square": sum(one * one for one in rows)}
    found = RegressionSums(rows=len(rows), targets=(TargetSums(name="t", low="0", high="1", **fields),))
    had = {(sum(one), sum(n * n for n in one)) for one in product(range(9), repeat=len(rows)) if sum(one) == sums[0]}
    if sums in had:
        check(found, len(rows), "one")


class Held(Strict, frozen=True):
    sums: Sums


@pytest.mark.parametrize("sums", [TWO, SEEN])
def test_they_are_read_back_strictly(sums: Sums) -> None:
    written = encode(Held(sums=sums))
    assert decode(written, Held, "held") == Held(sums=sums)
    with pytest.raises(Malformed):
        decode(written.replace(b'"kind":"', b'"kind":"x'), Held, "held")
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**msgspec.to_builtins(sums), "more": 1}, Sums)  # type: ignore[arg-type]


def report(*parties: tuple[Sums, dict[str, str]]) -> bytes:
    """A report in which each party has sums and states figures."""
    made = [
        {
            "party": f"party {number}",
            "key": "0x" + f"{number + 1:02d}" * 20,
            "samples": sums.rows,
            "rows": "own_file",
            "metrics": stated,
            "sums": msgspec.to_builtins(sums),
        }
        for number, (sums, stated) in enumerate(parties)
    ]
    model = {"chain": 1, "ledger": "0x" + "01" * 20, "job": 1, "round": 1, "root": "00" * 32}
    return encode({"fedledger": "evaluation/1", **model, "parties": made})


def test_a_report_has_the_figures_of_all_rows_from_the_parties_sums() -> None:
    low, high = numbers([(0, 500), (1000, 500)]), numbers([(60_000, 60_500), (61_000, 60_500)])
    found = parse(report((low, {"mae": "0.152588", "r2": "0.0"}), (high, {"mae": "0.152588", "r2": "0.0"})))
    assert found.pooled["r2"].startswith("0.99")
    assert found.pooled["mae"] == found.mean["mae"] == "0.152588"
    assert "r2" not in found.mean
    assert found.together is None
    mixed = parse(report((low, {"mae": "0.152588"}), (SEEN, {"loss": "1"})))
    assert mixed.pooled == {}


def test_a_report_that_states_other_errors_than_its_sums_is_refused() -> None:
    low = numbers([(0, 500), (1000, 500)])
    with pytest.raises(Malformed, match="mae is not that of the sums"):
        parse(report((low, {"mae": "0.15"})))
    with pytest.raises(Malformed, match="no rows have such sums"):
        parse(report((replace(low, targets=(replace(low.targets[0], square=1),)), {"loss": "1"})))
    with pytest.raises(Malformed, match="another number of rows"):
        parse(report((low, {"loss": "1"})).replace(b'"samples":2', b'"samples":3'))
