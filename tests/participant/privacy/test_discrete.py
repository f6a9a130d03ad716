"""The discrete Gaussian law: its probabilities, its tails, large variances, and that a seed decides it."""

from collections import Counter
from fractions import Fraction
from math import exp, sqrt

import pytest

from ledger.masks.secret import Secret
from participant.privacy.discrete import DiscreteGaussian
from participant.privacy.randomness import Randomness

DRAWS = 4000


def drawn(variance: Fraction, seed: int = 1, count: int = DRAWS) -> list[int]:
    source = DiscreteGaussian(Randomness(Secret(bytes([seed]) * 32)).take)
    return [source.draw(variance) for _ in range(count)]


@pytest.mark.parametrize("variance", [Fraction(1, 10), Fraction(1), Fraction(9, 4), Fraction(50)])
def test_each_number_is_as_likely_as_the_law_says(variance: Fraction) -> None:
    found = Counter(drawn(variance))
    weights = {value: exp(-(value**2) / (2 * float(variance))) for value in range(-100, 101)}
    whole = sum(weights.values())
    for value, weight in weights.items():
        expected = DRAWS * weight / whole
        assert abs(found[value] - expected) < 5 * sqrt(expected) + 3, value
    assert set(found) <= set(weights)


@pytest.mark.parametrize("variance", [Fraction(1, 10**6), Fraction(123, 7), Fraction(236, 100) ** 2 * 65536**4])
def test_mean_and_variance_are_right(variance: Fraction) -> None:
    found = drawn(variance)
    deviation = sqrt(variance)
    assert abs(sum(found)) < 5 * deviation * sqrt(DRAWS)
    squares = sum(one * one for one in found) / DRAWS
    assert abs(squares - float(variance)) < 0.2 * float(variance) + 1e-6


def test_a_seed_decides_it_and_another_is_other_noise() -> None:
    assert drawn(Fraction(100), 1, 40) == drawn(Fraction(100), 1, 40)
    assert drawn(Fraction(100), 1, 40) != drawn(Fraction(100), 2, 40)
