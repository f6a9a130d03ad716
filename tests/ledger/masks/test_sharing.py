"""Shares: any threshold of them make the secret again, and fewer fit every secret alike."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.masked import draws

from ledger.errors import Malformed
from ledger.masks.secret import Secret
from ledger.masks.sharing import PRIME, deal, draw_secret, rebuild


def secret(number: int) -> Secret:
    return Secret(number.to_bytes(32, "little"))


def test_the_polynomial_is_the_specifications() -> None:
    """5 + 2x + 3x² at 1, 2, 4, coefficients drawn as 40 bytes."""
    coefficients = iter([2 + PRIME, 3 + 7 * PRIME])
    shares = deal(secret(5), 3, [0, 1, 3], lambda size: next(coefficients).to_bytes(size, "little"))
    assert shares == {0: secret(10), 1: secret(21), 3: secret(61)}


@given(
    number=st.integers(0, PRIME - 1) | st.sampled_from([0, 1, PRIME - 1]),
    holders=st.sets(st.integers(0, 254), min_size=3, max_size=9),
    seed=st.integers(0, 1 << 32),
)
def test_any_threshold_of_the_shares_makes_the_secret(number: int, holders: set[int], seed: int) -> None:
    threshold = len(holders) // 2 + 1
    shares = deal(secret(number), threshold, holders, draws(seed))
    for some in itertools.combinations(sorted(holders), threshold):
        assert rebuild({holder: shares[holder] for holder in some}) == secret(number)


def test_255_members() -> None:
    shares = deal(secret(7), 171, range(255), draws(1))
    chosen = random.Random(1).sample(range(255), 171)
    assert rebuild({holder: shares[holder] for holder in chosen}) == secret(7)


@given(number=st.integers(0, PRIME - 1), other=st.integers(0, PRIME - 1), seed=st.integers(0, 1 << 32))
def test_one_share_less_fits_any_secret(number: int, other: int, seed: int) -> None:
    """For every other secret there is just one last share, so what is held says nothing of which it is."""
    shares = deal(secret(number), 4, range(6), draws(seed))
    held = {holder: shares[holder] for holder in (0, 2, 5)}
    # Three shares and any secret at 0 fix a polynomial, and so the share of holder 1 that makes this secret.
    points = {0: other} | {holder + 1: int.from_bytes(share.reveal(), "little") for holder, share in held.items()}
    last = 0
    for point, value in points.items():
        above = below = 1
        for another in points:
            if another != point:
                above, below = above * (2 - another) % PRIME, below * (point - another) % PRIME
        last += value * above * pow(below, -1, PRIME)
    assert rebuild(held | {1: secret(last % PRIME)}) == secret(other)


def test_drawn_secrets_are_below_the_prime() -> None:
    tries = iter([b"\xed" + b"\xff" * 31, b"\xff" * 32, b"\x01" + b"\xff" * 30 + b"\x80"])
    assert draw_secret(lambda size: next(tries)) == Secret(b"\x01" + b"\xff" * 30 + b"\x00")


def test_what_is_not_below_the_prime_is_refused() -> None:
    with pytest.raises(Malformed, match="a secret is not below"):
        deal(secret(PRIME), 2, range(3))
    with pytest.raises(Malformed, match="a share is not below"):
        rebuild({0: secret(PRIME)})
    with pytest.raises(Malformed, match="no share"):
        rebuild({})
