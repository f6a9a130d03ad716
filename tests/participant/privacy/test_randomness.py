"""Coins and noise: what they follow from, and that they are what they say."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.formats.digest import sha256
from ledger.masks.secret import Secret
from participant.privacy.randomness import Randomness, noise_seed

SALT, JOB, BASE, LEAVES = (sha256(word) for word in (b"salt", b"job", b"base", b"leaf"))
SEED = noise_seed(SALT, JOB, 1, BASE, [LEAVES])


def test_a_seed_follows_from_all_that_training_depends_on() -> None:
    others = [
        noise_seed(JOB, JOB, 1, BASE, [LEAVES]),
        noise_seed(SALT, SALT, 1, BASE, [LEAVES]),
        noise_seed(SALT, JOB, 2, BASE, [LEAVES]),
        noise_seed(SALT, JOB, 1, JOB, [LEAVES]),
        noise_seed(SALT, JOB, 1, BASE, []),
        noise_seed(SALT, JOB, 1, BASE, [LEAVES, LEAVES]),
    ]
    assert len({one.reveal() for one in [SEED, *others]}) == 7
    assert noise_seed(SALT, JOB, 1, BASE, iter([LEAVES])) == SEED


def test_a_stream_is_used_up_once() -> None:
    stream = Randomness(SEED)
    first, second = stream.normal(5), stream.normal(5)
    assert not np.array_equal(first, second)
    assert np.array_equal(Randomness(SEED).normal(5), first)
    assert not np.array_equal(Randomness(Secret(bytes(32))).normal(5), first)


def test_the_seed_of_another_generator_leaves_the_stream_alone() -> None:
    stream, other = Randomness(SEED), Randomness(Secret(bytes(32)))
    assert stream.seed() == Randomness(SEED).seed() != other.seed()
    assert 0 <= stream.seed() < 1 << 63
    assert np.array_equal(stream.normal(5), Randomness(SEED).normal(5))


@given(count=st.integers(0, 33))
def test_as_many_as_are_asked_for(count: int) -> None:
    stream = Randomness(SEED)
    assert stream.normal(count).shape == (count,)
    assert stream.coins(count, Decimal("0.5")).shape == (count,)


def test_noise_is_normal() -> None:
    """Of a million numbers: mean, variance, skewness and kurtosis within six standard errors, tails as they must be."""
    drawn = Randomness(SEED).normal(1_000_000)
    assert abs(drawn.mean()) < 6e-3
    assert abs(drawn.var() - 1) < 6 * np.sqrt(2e-6)
    assert abs((drawn**3).mean()) < 6 * np.sqrt(15e-6)
    assert abs((drawn**4).mean() - 3) < 6 * np.sqrt(96e-6)
    assert np.isfinite(drawn).all()
    for bound, share in ((1.0, 0.317311), (2.0, 0.045500), (3.0, 0.002700), (4.0, 0.0000633)):
        expected = share * len(drawn)
        assert abs((np.abs(drawn) > bound).sum() - expected) < 6 * np.sqrt(expected)
    half = len(drawn) // 2
    assert abs(np.corrcoef(drawn[:half], drawn[half:])[0, 1]) < 6 / np.sqrt(half)


@pytest.mark.parametrize("text", ["0.5", "0.089", "0.000001", "0.999999"])
def test_coins_are_as_likely_as_they_say(text: str) -> None:
    tossed, expected = Randomness(SEED).coins(1_000_000, Decimal(text)), 1_000_000 * float(text)
    assert abs(tossed.sum() - expected) < 6 * np.sqrt(expected * (1 - float(text))) + 1


def test_a_coin_is_never_more_often_true_than_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """A third and so on are no multiples of 2^-64: the cost is that of no less than what is drawn."""
    edge = (3 << 64) // 10
    words = np.array([edge - 1, edge], np.uint64)
    monkeypatch.setattr("participant.privacy.randomness.words", lambda *_: words)
    assert Randomness(SEED).coins(2, Decimal("0.3")).tolist() == [True, False]


def test_a_certain_coin_uses_no_word() -> None:
    stream = Randomness(SEED)
    assert stream.coins(7, Decimal(1)).all()
    assert np.array_equal(stream.normal(3), Randomness(SEED).normal(3))
