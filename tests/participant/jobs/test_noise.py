"""From a draft's `dp` to the job's: enough noise for the rounds, and no more than that."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.errors import Malformed
from participant.jobs.draft import DraftNoise
from participant.jobs.noise import best, least_noise, noise_of, text_of

DRAFT = DraftNoise(
    clip=Decimal(1),
    sampling=Decimal("0.28"),
    steps=4,
    epsilon=Decimal(4),
    delta=Decimal("0.00001"),
    scope="patients",
)


@settings(max_examples=12)
@given(
    epsilon=st.decimals("0.3", "20", places=1),
    sampling=st.sampled_from(["0.01", "0.28", "1"]),
    steps=st.integers(1, 20),
    rounds=st.integers(1, 30),
)
def test_the_noise_is_the_least_that_lasts_and_the_budget_keeps_its_word(
    epsilon: Decimal, sampling: str, steps: int, rounds: int
) -> None:
    draft = replace(DRAFT, epsilon=epsilon, sampling=Decimal(sampling), steps=steps)
    said = noise_of(draft, rounds)
    assert said.rounds >= rounds
    assert said.epsilon(said.budget) <= epsilon
    less = said.decimal("noise") - Decimal("0.001")
    if less >= Decimal("0.1"):
        found = best(draft, less)
        assert found is None or found.rounds < rounds


def test_the_studys_noise_is_found() -> None:
    """Breast cancer at ε = 4: 2.36 by dp-accounting's table of orders."""
    assert float(least_noise(DRAFT, 10)) == pytest.approx(2.36, abs=0.02)


def test_noise_that_is_given_is_kept() -> None:
    said = noise_of(replace(DRAFT, noise=Decimal("3.50")), 10)
    assert said.noise == "3.5"
    assert said.rounds > 10


def test_orders_that_are_given_are_kept() -> None:
    said = noise_of(replace(DRAFT, orders=5), 10)
    assert said.orders == 5
    assert said.epsilon(said.budget) <= DRAFT.epsilon


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"clip": Decimal(0)}, r"dp\.clip"),
        ({"clip": Decimal("NaN")}, r"dp\.clip"),
        ({"sampling": Decimal("1.01")}, r"dp\.sampling"),
        ({"delta": Decimal("1e-13")}, r"dp\.delta"),
        ({"epsilon": Decimal(0)}, r"dp\.epsilon"),
        ({"epsilon": Decimal(1001)}, r"dp\.epsilon"),
        ({"steps": 0}, r"dp\.steps"),
        ({"orders": 1}, r"dp\.orders"),
        ({"noise": Decimal(0)}, r"dp\.noise"),
        ({"noise": Decimal("0.0000001")}, r"dp\.noise"),
        ({"scope": "two words"}, r"dp\.scope"),
        ({"noise": Decimal("0.5"), "steps": 1000}, "not even one round"),
        ({"epsilon": Decimal("0.0001"), "steps": 65536, "sampling": Decimal(1)}, "no noise is enough|not even one"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(Malformed, match=named):
        noise_of(replace(DRAFT, **changes), 10)


@pytest.mark.parametrize(("value", "text"), [("1.0", "1"), ("1E+2", "100"), ("0.50", "0.5"), ("1E-6", "0.000001")])
def test_decimals_have_one_form(value: str, text: str) -> None:
    assert text_of(Decimal(value)) == text
