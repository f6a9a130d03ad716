"""Mask streams: any part of one is the same, however it is made."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.masks.secret import Secret
from ledger.masks.streams import add_streams, add_streams_on, words

SEED = Secret(bytes(range(32)))
OTHER = Secret(bytes(32))


def test_the_first_words_are_those_of_aes_256_in_counter_mode() -> None:
    """FIPS 197, C.3's key; made with OpenSSL: openssl enc -aes-256-ctr -iv 0."""
    block = np.array([words(SEED, 0, 2)]).tobytes()
    assert block.hex() == "f29000b62a499fd0a9f39a6add2e7780"


@given(start=st.integers(0, 100), count=st.integers(0, 50))
def test_any_part_is_made_without_what_stands_before_it(start: int, count: int) -> None:
    assert words(SEED, start, count).tolist() == words(SEED, 0, 200)[start : start + count].tolist()


def test_a_part_far_out_is_made_as_any_other() -> None:
    far = (1 << 31) - 5
    assert words(SEED, far, 4).tolist() == words(SEED, far - 3, 7)[3:].tolist()


def test_what_is_added_and_taken_away_is_gone_and_wraps() -> None:
    total = np.array([0, 1, (1 << 64) - 1], np.uint64)
    before = total.copy()
    add_streams(total, [SEED], [OTHER], 7)
    assert total.tolist() == [
        (int(value) + int(plus) - int(minus)) % (1 << 64)
        for value, plus, minus in zip(before, words(SEED, 7, 3), words(OTHER, 7, 3), strict=True)
    ]
    add_streams(total, [OTHER], [SEED], 7)
    assert total.tolist() == before.tolist()


@pytest.mark.parametrize("count", [0, 1, 5, (1 << 15) + 1, 100_001])
def test_threads_make_the_same(count: int) -> None:
    one, many = np.zeros(count, np.uint64), np.zeros(count, np.uint64)
    add_streams(one, [SEED], [OTHER], 3)
    add_streams_on(3, many, [SEED], [OTHER], 3)
    assert np.array_equal(one, many)


def test_words_are_uniform() -> None:
    """The top byte of 2^16 words: χ² of 255 degrees of freedom, far from both ends."""
    counts = np.bincount(words(SEED, 0, 1 << 16) >> np.uint64(56), minlength=256)
    chi2 = float(((counts - 256) ** 2 / 256).sum())
    assert 180 < chi2 < 340
