"""Lengths and angles are exact, at any size of value."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.scores import geometry
from ledger.scores.coalition import held

LOW, HIGH = -(1 << 31), (1 << 31) - 1
int32 = st.integers(LOW, HIGH) | st.sampled_from([LOW, -1, 0, 1, HIGH])
wide = st.integers(-(1 << 62) + 1, (1 << 62) - 1)


@given(st.lists(st.tuples(wide, wide), max_size=20))
def test_a_product_of_wide_numbers_is_exact(pairs: list[tuple[int, int]]) -> None:
    left, right = (np.array([pair[k] for pair in pairs], np.int64) for k in (0, 1))
    assert geometry.dot(left, right) == sum(a * b for a, b in pairs)


@pytest.mark.parametrize("left", [LOW, HIGH, (1 << 62) - 1, -(1 << 62) + 1, (1 << 16) - 1])
@pytest.mark.parametrize("right", [LOW, HIGH, (1 << 62) - 1, 1 << 16])
def test_a_whole_band_of_the_largest_is_exact(left: int, right: int) -> None:
    size = 1 << 15
    assert geometry.dot(np.full(size, left), np.full(size, right)) == left * right * size


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**35), st.integers(1, 10**35))
def test_a_cosine_is_rounded_half_away_from_zero(product: int, left: int, right: int) -> None:
    found = geometry.cosine(product, left, right)
    square = Fraction(product**2 * 10**12, left * right)
    assert (2 * abs(found) - 1) ** 2 <= 4 * square or found == 0
    assert 4 * square < (2 * abs(found) + 1) ** 2
    assert found * product >= 0


@given(st.lists(st.lists(int32, min_size=5, max_size=5), min_size=2, max_size=6), st.data())
def test_the_cosine_to_the_others_is_that_of_their_sum(updates: list[list[int]], data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.integers(1, 1 << 24), min_size=len(updates), max_size=len(updates)))
    arrays = [np.array(update, "<i4") for update in updates]
    found = geometry.cosines_to_others(weights, [held(array) for array in arrays], 5)
    for k, own in enumerate(updates):
        others = [
            sum(w * u[j] for i, (w, u) in enumerate(zip(weights, updates, strict=True)) if i != k) for j in range(5)
        ]
        product = sum(a * b for a, b in zip(own, others, strict=True))
        assert found[k] == geometry.cosine(product, sum(a * a for a in own), sum(b * b for b in others))


def near(updates: list[Any], pairs: list[tuple[int, int]], ppm: int) -> set[tuple[int, int]]:
    values = [held(np.asarray(update, "<i4")) for update in updates]
    size = len(updates[0])
    return geometry.near_pairs(values, pairs, geometry.squares(values, size), size, ppm)


@given(
    st.lists(st.lists(st.integers(-100, 100), min_size=4, max_size=4), min_size=2, max_size=5), st.integers(0, 10**6)
)
def test_near_is_the_sine(updates: list[list[int]], ppm: int) -> None:
    pairs = [(i, j) for i in range(len(updates)) for j in range(i)]
    expected = set()
    for i, j in pairs:
        a, b = updates[i], updates[j]
        aa, bb, ab = (sum(x * y for x, y in zip(*pair, strict=True)) for pair in ((a, a), (b, b), (a, b)))
        if aa and bb and ab > 0 and (aa * bb - ab * ab) * 10**12 <= ppm**2 * aa * bb:
            expected.add((i, j))
    assert near(updates, pairs, ppm) == expected


def test_a_pair_that_starts_alike_and_ends_otherwise_is_not_near() -> None:
    """More than one band: what the first cannot rule out, a later one does; and what it rules out stays so."""
    random = np.random.default_rng(1)
    size = 3 * (1 << 15)
    one = random.integers(-1000, 1000, size)
    late, early, copy = one.copy(), one.copy(), one * 2
    late[-20000:] = random.integers(-1000, 1000, 20000)
    early[:20000] = random.integers(-1000, 1000, 20000)
    copy[5] += 1
    assert near([one, late, early, copy], [(1, 0), (2, 0), (3, 0)], 10_000) == {(3, 0)}
