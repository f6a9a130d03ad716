"""Rules by shares are exact: against plain integers, in any order, at ties and at the extremes."""

import json
import random
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.vectors import script

from ledger.errors import Malformed
from ledger.jobs.rules import ByShares, CentredClipping, GeometricMedian, MultiKrum
from ledger.rounds.rules import combine, shares_of
from ledger.rounds.rules.clipping import clipped, factor_of
from ledger.rounds.rules.distances import WHOLE
from ledger.rounds.rules.products import Products
from ledger.rounds.rules.weighted_mean import weighted_mean
from ledger.rounds.scaled import cut

PLAIN = script("make_shares")
VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "shares.json").read_text())
LOW, HIGH = -(1 << 31), (1 << 31) - 1
RULES: list[ByShares] = [
    MultiKrum(f=1),
    MultiKrum(f=2),
    GeometricMedian(),
    CentredClipping(radius=900),
    CentredClipping(radius=1 << 31),
]
int32 = st.integers(LOW, HIGH) | st.sampled_from([LOW, LOW + 1, -1, 0, 1, HIGH - 1, HIGH]) | st.integers(-5, 5)
columns = st.integers(1, 6).flatmap(
    lambda values: st.lists(st.lists(int32, min_size=values, max_size=values), min_size=1, max_size=12)
)


def fitting(rule: ByShares, updates: list[list[int]]) -> ByShares:
    """The rule, against as many as so few updates outnumber."""
    return MultiKrum(f=min(rule.f, max(0, (len(updates) - 3) // 2))) if isinstance(rule, MultiKrum) else rule


def products_of(vectors: Any, band: int = 0) -> list[list[int]]:
    arrays = [np.asarray(one, np.int64) for one in vectors]
    found, size = Products(len(arrays)), len(arrays[0])
    for start in range(0, size, band or size):
        found.add([one[start : start + (band or size)] for one in arrays])
    return found.matrix()


def made(rule: ByShares, updates: Any, centre: Any = None) -> list[int]:
    centred = [*updates, centre or [0] * len(updates[0])] if isinstance(rule, CentredClipping) else updates
    return list(shares_of(rule, products_of(centred)))


def plain(rule: ByShares, updates: Any, centre: Any = None) -> list[int]:
    return PLAIN.shares_of(msgspec.to_builtins(rule), updates, centre or [0] * len(updates[0]))


def test_the_script_writes_what_is_committed() -> None:
    assert PLAIN.text() == PLAIN.FILE.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_each_vector(case: dict[str, Any]) -> None:
    for one in case["rules"]:
        rule: Any = msgspec.convert(one["rule"], ByShares)
        assert made(rule, case["updates"], case["centre"]) == one["shares"]
        summed = np.array(PLAIN.summed(one["rule"], case["updates"], case["centre"]), "<i4")
        assert combine(rule, one["shares"], lambda k, s=summed: s[k]).tolist() == one["mean"]


@pytest.mark.parametrize("case", VECTORS["clipped"], ids=lambda case: str(case["max_norm"]))
def test_each_clipped_vector(case: dict[str, Any]) -> None:
    values = np.array(case["values"], "<i4")
    factor = factor_of(PLAIN.square(case["values"]), case["max_norm"])
    assert factor == case["factor"]
    assert clipped(values, factor).tolist() == case["clipped"]


@pytest.mark.parametrize("rule", RULES, ids=str)
@given(columns)
def test_shares_are_those_of_plain_integers(rule: ByShares, updates: list[list[int]]) -> None:
    rule = fitting(rule, updates)
    assert made(rule, updates) == plain(rule, updates)


@pytest.mark.parametrize("rule", RULES, ids=str)
@given(columns, st.randoms(use_true_random=False))
def test_the_order_of_updates_does_not_show(rule: ByShares, updates: list[list[int]], shuffle: random.Random) -> None:
    """Shares go with their updates; of equal scores the earlier one counts, so those are told apart first."""
    updates = [list(one) for one in dict.fromkeys(map(tuple, updates))]
    rule = fitting(rule, updates)
    assume(not isinstance(rule, MultiKrum) or len(set(scores(updates, rule.f))) == len(updates))
    found = made(rule, updates)
    order = shuffle.sample(range(len(updates)), len(updates))
    moved = made(rule, [updates[k] for k in order])
    assert moved[: len(updates)] == [found[k] for k in order]
    assert moved[len(updates) :] == found[len(updates) :]


def scores(updates: list[list[int]], f: int) -> list[int]:
    others = [[PLAIN.square(PLAIN.minus(a, b)) for b in updates if b is not a] for a in updates]
    return [sum(sorted(one)[: len(updates) - f - 2]) for one in others]


def test_of_equal_scores_the_earlier_member_counts() -> None:
    assert made(MultiKrum(f=1), [[-3], [-1], [0], [1], [3]]) == [WHOLE] * 4 + [0]
    assert made(MultiKrum(f=1), [[3], [-1], [0], [1], [-3]]) == [WHOLE] * 4 + [0]
    assert made(MultiKrum(f=2), [[7]] * 7) == [WHOLE] * 5 + [0, 0]


def test_multi_krum_of_too_few_is_refused() -> None:
    with pytest.raises(Malformed, match="2f"):
        made(MultiKrum(f=2), [[7]] * 6)


@pytest.mark.parametrize("far", [[900, -900], [1 << 20, 1 << 20], [HIGH, LOW]])
def test_what_is_far_moves_the_mean_little(far: list[int]) -> None:
    """Seven near zero and two that lie together: their part in the mean is bounded, however far they are."""
    updates = [[k - 3, 3 - k] for k in range(7)] + [far, far]
    assert made(MultiKrum(f=2), updates)[-2:] == [0, 0]
    for rule in (GeometricMedian(), CentredClipping(radius=5)):
        shares = made(rule, updates)
        summed = [*updates, [0, 0]] if isinstance(rule, CentredClipping) else updates
        assert max(map(abs, PLAIN.mean(summed, shares))) <= 5, rule


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_largest_round_at_the_extremes_is_exact(rule: ByShares) -> None:
    """255 updates of the largest magnitudes: neither products nor sums pass what int64 holds."""
    updates = [[LOW if (k + i) % 3 else HIGH for i in range(5)] for k in range(255)]
    centre = [LOW, HIGH, LOW, HIGH, 0]
    shares = made(rule, updates, centre)
    assert shares == plain(rule, updates, centre)
    assert sum(shares) <= 255 * WHOLE <= 1 << 24
    assert sum(shares) * (1 << 31) < 1 << 63
    summed = PLAIN.summed(msgspec.to_builtins(rule), updates, centre)
    found = weighted_mean(shares, lambda k: np.array(summed[k], "<i4")).divided()
    assert found.tolist() == PLAIN.mean(summed, shares)


@pytest.mark.parametrize("magnitude", [1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 1 << 31, 1 << 32])
@pytest.mark.parametrize("size", [1, 4095, 4096, 4097, 9000])
def test_products_are_exact_at_every_magnitude(magnitude: int, size: int) -> None:
    """Up to the 33 bits of a difference of two models, in runs of every kind, and bands of any length."""
    drawn = np.random.default_rng(size).integers(-magnitude, magnitude, (3, size), endpoint=True)
    drawn[0], drawn[1, : size // 2] = magnitude, -magnitude
    expected = [[sum(int(a) * int(b) for a, b in zip(x, y, strict=True)) for y in drawn] for x in drawn]
    assert products_of(drawn) == products_of(drawn, 1000) == expected


def test_products_of_more_runs_than_are_added_up_at_once() -> None:
    value, size = 1 << 20, (1 << 12) * 1030
    assert products_of([np.full(size, value), np.full(size, -value)]) == [
        [size << 40, -size << 40],
        [-size << 40, size << 40],
    ]


@given(st.lists(int32, min_size=1, max_size=20), st.integers(1, 1 << 40))
def test_what_is_clipped_is_no_longer_than_the_norm(values: list[int], max_norm: int) -> None:
    factor = factor_of(PLAIN.square(values), max_norm)
    assert factor == PLAIN.factor_of(values, max_norm)
    found = clipped(np.array(values, "<i4"), factor).tolist()
    assert found == PLAIN.clipped(values, factor)
    assert PLAIN.square(found) <= max_norm**2
    assert (factor == WHOLE) == (PLAIN.square(values) <= max_norm**2)


def test_a_centre_that_was_no_mean_update_is_cut_to_int32() -> None:
    step = np.array([HIGH + 1, LOW - 1, (1 << 32) - 1, -(1 << 32) + 1, 7, -7])
    assert cut(step).tolist() == [HIGH, LOW, HIGH, LOW, 7, -7]
