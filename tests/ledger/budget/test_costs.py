"""What noise costs: never less than it is, the same integer everywhere, and what others come to."""

import json
from decimal import Decimal, getcontext, localcontext
from fractions import Fraction
from math import ceil, comb, exp, fsum, log
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.vectors import FOLDER, script

from ledger.budget.costs import UNIT, cost, costs, divergences
from ledger.budget.epsilon import budget, epsilon

NOISE = st.decimals("0.3", "50", places=3)
SAMPLING = st.decimals("0.001", "1", places=4)
DELTA = Decimal("0.00001")


def plainly(noise: float, sampling: float, order: int) -> float:
    """The divergence in floats, as the paper has it."""
    terms = (
        comb(order, k) * (1 - sampling) ** (order - k) * sampling**k * exp(k * (k - 1) / (2 * noise**2))
        for k in range(order + 1)
    )
    return log(fsum(terms)) / (order - 1)


@given(noise=NOISE, sampling=SAMPLING, orders=st.integers(2, 24))
def test_divergences_are_those_of_the_paper_and_no_less(noise: Decimal, sampling: Decimal, orders: int) -> None:
    found = divergences(noise, sampling, orders)
    assert len(found) == orders - 1
    for order, value in enumerate(found, 2):
        assert float(value) == pytest.approx(plainly(float(noise), float(sampling), order), rel=1e-6, abs=1e-13)


@given(noise=NOISE, sampling=SAMPLING, steps=st.integers(1, 1000), orders=st.integers(2, 12))
def test_more_digits_make_a_cost_no_larger(noise: Decimal, sampling: Decimal, steps: int, orders: int) -> None:
    """The bound is above what 120 digits say, and within one unit of it."""
    with localcontext() as context:
        context.prec, context.Emax = 120, 10**6
        growth = (1 / noise / noise / 2).exp()
        rest = 1 - sampling
        worst = max(
            sum(comb(order, k) * rest ** (order - k) * sampling**k * growth ** (k * (k - 1)) for k in range(order + 1)).ln()
            / (order - 1)
            / order
            for order in range(2, orders + 1)
        )
        exact = worst * steps * UNIT
    assert exact <= cost(noise, sampling, steps, orders) <= exact + 1 + exact * Decimal("1e-40")


@given(noise=NOISE, steps=st.integers(1, 1000), orders=st.integers(2, 60))
def test_without_sampling_it_is_the_gaussians(noise: Decimal, steps: int, orders: int) -> None:
    exact = Fraction(steps * UNIT) / (2 * Fraction(noise) ** 2)
    assert ceil(exact) <= cost(noise, Decimal(1), steps, orders) <= ceil(exact) + 1


@given(noise=NOISE, sampling=SAMPLING, steps=st.integers(1, 50))
def test_cost_grows_with_orders_steps_and_sampling_and_falls_with_noise(
    noise: Decimal, sampling: Decimal, steps: int
) -> None:
    each = costs(noise, sampling, steps, 12)
    assert list(each) == sorted(each)
    assert each[-1] == cost(noise, sampling, steps, 12)
    assert cost(noise, sampling, steps + 1, 12) >= each[-1]
    assert cost(noise + 1, sampling, steps, 12) <= each[-1]
    assert cost(noise, sampling / 2, steps, 12) <= each[-1]
    assert each[-1] <= cost(noise, Decimal(1), steps, 12)


def test_settings_of_the_interpreter_change_nothing() -> None:
    expected = cost(Decimal("2.36"), Decimal("0.28"), 4, 30)
    divergences.cache_clear()
    with localcontext() as context:
        context.prec, context.rounding = 3, "ROUND_FLOOR"
        assert getcontext().prec == 3
        assert cost(Decimal("2.36"), Decimal("0.28"), 4, 30) == expected
        assert epsilon(expected, 30, DELTA) > 0


def test_python_in_place_of_c_comes_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own decimals, which need no library in C."""
    import _pydecimal
    import runpy

    monkeypatch.setitem(__import__("sys").modules, "decimal", _pydecimal)
    source = Path(__import__("ledger.budget.costs", fromlist=["costs"]).__file__)
    pure = runpy.run_path(str(source))
    monkeypatch.setattr("fractions.Fraction.from_decimal", lambda value: Fraction(*value.as_integer_ratio()))
    assert pure["Decimal"] is _pydecimal.Decimal
    found = pure["divergences"](_pydecimal.Decimal("2.36"), _pydecimal.Decimal("0.28"), 6)
    assert [str(one) for one in found] == [str(one) for one in divergences(Decimal("2.36"), Decimal("0.28"), 6)]


@given(
    said=st.decimals("0.01", "50", places=2),
    delta=st.sampled_from([Decimal("0.1"), Decimal("0.00001"), Decimal("0.000000001")]),
    order=st.integers(2, 256),
)
def test_a_budget_is_within_its_epsilon_and_one_more_is_not_by_that_order(
    said: Decimal, delta: Decimal, order: int
) -> None:
    most = budget(said, delta, order)
    if most <= 0:
        return
    assert epsilon(most, order, delta) <= said
    above = Fraction(most + 1, UNIT) * order + Fraction(log((order - 1) / order) - log(float(delta) * order) / (order - 1))
    assert float(above) > float(said) - 1e-9


def test_nothing_spent_is_nothing_shown() -> None:
    assert epsilon(0, 8, DELTA) == 0
    assert epsilon(1, 2, Decimal("0.1")) >= 0


@pytest.mark.parametrize(("noise", "sampling", "steps"), [("2.36", "0.28", 40), ("1.253", "0.089", 110), ("8", "1", 40)])
def test_an_accountant_that_is_kept_by_others_comes_to_the_same(noise: str, sampling: str, steps: int) -> None:
    """dp-accounting (Google), with the same orders: ε to four digits."""
    import dp_accounting
    from dp_accounting.rdp import RdpAccountant

    accountant = RdpAccountant(orders=list(range(2, 257)))
    gaussian = dp_accounting.GaussianDpEvent(float(noise))
    event = dp_accounting.PoissonSampledDpEvent(float(sampling), gaussian) if sampling != "1" else gaussian
    accountant.compose(event, steps)
    theirs = accountant.get_epsilon(float(DELTA))
    ours = min(
        epsilon(spent, order, DELTA)
        for order, spent in enumerate(costs(Decimal(noise), Decimal(sampling), steps, 256), 2)
    )
    assert float(ours) == pytest.approx(theirs, rel=1e-4)
    assert float(ours) >= theirs - 1e-9


def test_the_vectors_are_what_the_script_writes() -> None:
    pytest.importorskip("torch")
    assert script("make_budget").text() == (FOLDER / "budget.json").read_text(encoding="utf-8")


def test_the_vectors_hold() -> None:
    for case in json.loads((FOLDER / "budget.json").read_text(encoding="utf-8"))["costs"]:
        found = cost(Decimal(case["noise"]), Decimal(case["sampling"]), case["steps"], case["orders"])
        assert found == case["cost"], case["name"]
