"""What noise costs: never less than it is, the same integer everywhere, and what others come to."""

import json
import subprocess
import sys
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

NOISE = st.decimals("0.8", "50", places=3)
SAMPLING = st.decimals("0.001", "1", places=4)
DELTA = Decimal("0.00001")
VECTORS = json.loads((FOLDER / "budget.json").read_text(encoding="utf-8"))


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

        def moment(order: int) -> Decimal:
            terms = (
                comb(order, k) * rest ** (order - k) * sampling**k * growth ** (k * k - k) for k in range(order + 1)
            )
            return sum(terms, Decimal(0))

        worst = max(moment(order).ln() / (order - 1) / order for order in range(2, orders + 1))
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


def test_decimals_in_python_come_to_the_same_as_those_in_c() -> None:
    """Two implementations of one specification, so the machine has no say."""
    source = (
        "import sys; sys.modules['_decimal'] = None; from decimal import Decimal; from ledger.budget.costs import cost"
    )
    for case in VECTORS["costs"][:3]:
        said = f"Decimal('{case['noise']}'), Decimal('{case['sampling']}'), {case['steps']}, {case['orders']}"
        ran = subprocess.run(
            [sys.executable, "-c", f"{source}; print(cost({said}), Decimal.__module__)"],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[3],
        )
        assert ran.stdout.split() == [str(case["cost"]), "decimal"]


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
    rest = log((order - 1) / order) - log(float(delta) * order) / (order - 1)
    assert (most + 1) / UNIT * order + rest > float(said) - 1e-9


def test_nothing_spent_is_nothing_shown() -> None:
    assert epsilon(0, 8, DELTA) == 0
    assert epsilon(1, 2, Decimal("0.1")) >= 0


@pytest.mark.parametrize(
    ("noise", "sampling", "steps", "delta", "theirs"),
    [
        ("2.36", "0.28", 40, "0.00001", 3.956560200104895),
        ("1.253", "0.089", 110, "0.00001", 4.950032296763164),
        ("8", "1", 40, "0.00001", 3.6278518728252274),
        ("0.7", "0.01", 1000, "0.000001", 6.451607048025803),
        ("20", "0.5", 10000, "0.00001", 14.19135579257794),
    ],
)
def test_an_accountant_that_others_keep_comes_to_the_same(
    noise: str, sampling: str, steps: int, delta: str, theirs: float
) -> None:
    """dp-accounting 0.6.0 (Google), `RdpAccountant` with orders 2 to 256; it cannot be installed beside our web3."""
    each = costs(Decimal(noise), Decimal(sampling), steps, 256)
    ours = float(min(epsilon(spent, order, Decimal(delta)) for order, spent in enumerate(each, 2)))
    assert theirs <= ours <= theirs + 1.1e-4


def test_the_vectors_are_what_the_script_writes() -> None:
    pytest.importorskip("torch")
    assert script("make_budget").text() == (FOLDER / "budget.json").read_text(encoding="utf-8")


def test_the_vectors_hold() -> None:
    for case in VECTORS["costs"]:
        found = cost(Decimal(case["noise"]), Decimal(case["sampling"]), case["steps"], case["orders"])
        assert found == case["cost"], case["name"]
