"""What hiding a member costs: never less than the divergence is, the same integer everywhere."""

import json
from fractions import Fraction
from math import exp, fsum, log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.vectors import FOLDER, script

from ledger.budget.costs import UNIT
from ledger.budget.members import ceil_sqrt, member_cost
from ledger.masks.skellam import masses

VECTORS = json.loads((FOLDER / "noise.json").read_text(encoding="utf-8"))


def divergence(rate: int, shift: int, order: int) -> float:
    """Of Skellam noise moved by `shift`, of one value, by the definition (A. Rényi 1961)."""
    found = masses(rate)
    whole = found[0] + 2 * sum(found[1:])
    logs = [log(Fraction(one, whole)) for one in found]
    most = len(found) - 1
    terms = [
        order * logs[abs(x - shift)] - (order - 1) * logs[abs(x)]
        for x in range(-most, most + 1)
        if abs(x - shift) <= most
    ]
    return log(fsum(exp(one) for one in terms)) / (order - 1)


@pytest.mark.parametrize("rate", [8, 24, 512])
@pytest.mark.parametrize("shift", [1, 2, 5])
@pytest.mark.parametrize("order", [2, 3, 8, 32])
def test_the_cost_is_above_the_divergence_of_one_value(rate: int, shift: int, order: int) -> None:
    bound = order * member_cost(shift, 2 * rate, 1) / UNIT
    assert bound >= divergence(rate, shift, order) * (1 - 1e-9)


def test_and_near_it_where_noise_is_fine() -> None:
    assert 2 * member_cost(5, 2 * 512, 1) / UNIT == pytest.approx(divergence(512, 5, 2), rel=0.02)


def test_the_cost_of_many_values_is_above_that_of_each_way_to_spread_the_norm() -> None:
    """Divergences of independent values add up."""
    for parts in ((5,), (4, 3), (3, 4), (1,) * 25):
        whole = sum(divergence(24, one, 2) for one in parts)
        assert 2 * member_cost(5, 48, len(parts)) / UNIT >= whole


@given(clip=st.integers(1, 1 << 40), variance=st.integers(48, 1 << 34), values=st.integers(1, 1 << 31))
def test_more_noise_never_costs_more_and_a_larger_clip_never_less(clip: int, variance: int, values: int) -> None:
    here = member_cost(clip, variance, values)
    assert here >= UNIT * clip**2 / (2 * variance)
    assert member_cost(clip, variance + 1, values) <= here <= member_cost(clip + 1, variance, values)
    assert here <= member_cost(clip, variance, values + 1)


@given(number=st.integers(0, 1 << 200))
def test_roots_are_rounded_up(number: int) -> None:
    root = ceil_sqrt(number)
    assert root * root >= number
    assert root == 0 or (root - 1) ** 2 < number


def test_vectors() -> None:
    assert (FOLDER / "noise.json").read_text(encoding="utf-8") == script("make_noise").text()
    for case in VECTORS["costs"]:
        assert member_cost(case["clip"], case["variance"], case["values"]) == case["cost"]
