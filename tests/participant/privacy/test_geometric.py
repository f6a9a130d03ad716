"""Two-sided geometric noise: its law, and that a seed decides it."""

from collections import Counter
from fractions import Fraction
from hashlib import sha256
from math import exp

import pytest

from ledger.masks.secret import Secret
from participant.privacy.geometric import geometric

DRAWS = 4000


@pytest.mark.parametrize("epsilon", [Fraction(1, 5), Fraction(1), Fraction(5, 2)])
def test_the_noise_has_the_law_that_epsilon_says(epsilon: Fraction) -> None:
    drawn = [geometric(Secret(sha256(f"{epsilon} {number}".encode()).digest()), epsilon) for number in range(DRAWS)]
    odds = exp(-float(epsilon))
    for value in (-2, -1, 0, 1, 2):
        expected = DRAWS * (1 - odds) / (1 + odds) * odds ** abs(value)
        assert abs(Counter(drawn)[value] - expected) < 5 * expected**0.5 + 5
    variance = 2 * odds / (1 - odds) ** 2
    assert abs(sum(drawn)) < 5 * (DRAWS * variance) ** 0.5
    assert abs(sum(value * value for value in drawn) / DRAWS - variance) < 0.2 * variance


def test_a_seed_decides_it() -> None:
    seeds = [Secret(bytes([number]) * 32) for number in range(20)]
    first = [geometric(seed, Fraction(1, 3)) for seed in seeds]
    assert first == [geometric(seed, Fraction(1, 3)) for seed in seeds]
    assert len(set(first)) > 3
