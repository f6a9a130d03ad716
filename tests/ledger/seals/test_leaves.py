"""Salted roots: they bind every leaf and its place, and nobody finds a value by trying."""

import os
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.seals import fresh, salt_of, salted_leaf

from ledger.errors import Malformed
from ledger.formats.merkle import LEAF, node_hash, proof, root, root_of
from ledger.seals.leaves import SaltedTree, salted_root

KEY = fresh()
DATA = os.urandom(600 * LEAF + 40)


def slowly(data: bytes) -> list[bytes]:
    """The leaf hashes of the page, one at a time."""
    leaves = range(-(-len(data) // LEAF))
    return [salted_leaf(salt_of(KEY, leaf), data[leaf * LEAF : (leaf + 1) * LEAF]) for leaf in leaves]


@pytest.mark.parametrize("size", [4, LEAF - 4, LEAF, LEAF + 4, 256 * LEAF, 256 * LEAF + 4, len(DATA)])
def test_the_root_is_the_page_s(size: int) -> None:
    assert salted_root([DATA[:size]], KEY) == root(slowly(DATA[:size]))


@given(st.lists(st.integers(0, 300), max_size=6))
def test_pieces_may_be_of_any_number_of_leaves(leaves: list[int]) -> None:
    borders = sorted({0, *(min(leaf, 600) * LEAF for leaf in leaves), len(DATA)})
    pieces = [DATA[one:other] for one, other in pairwise(borders)]
    assert salted_root(pieces, KEY) == salted_root([DATA], KEY)


def test_a_tree_may_begin_at_any_leaf() -> None:
    hashes = b"".join(slowly(DATA))
    for first in (0, 1, 255, 256, 600):
        assert SaltedTree(KEY, first).hashes(DATA[first * LEAF :]) == hashes[first * 32 :]


def test_a_leaf_that_is_not_whole_is_the_last() -> None:
    with pytest.raises(Malformed, match="not whole"):
        salted_root([DATA[:100], DATA], KEY)


def test_another_key_is_another_root() -> None:
    assert salted_root([DATA], KEY) != salted_root([DATA], fresh()) != root_of(DATA)


def test_a_proof_shows_one_leaf_and_its_salt() -> None:
    hashes, leaf = slowly(DATA[: 4 * LEAF]), 2
    path = proof(hashes, leaf)
    start = salted_leaf(salt_of(KEY, leaf), DATA[leaf * LEAF : (leaf + 1) * LEAF])
    assert node_hash(node_hash(*hashes[:2]), node_hash(start, path[0])) == salted_root([DATA[: 4 * LEAF]], KEY)


def update(count: int) -> bytes:
    """An update that tells how many patients there were, and nothing else."""
    values = np.zeros(256, "<i4")
    values[7] = count
    return values.tobytes()


def test_a_count_is_found_from_an_open_root_and_not_from_a_salted_one() -> None:
    """The attack tries all counts, with what is public: it hits the open root, and has no salt for the other."""
    open_root, salted = root_of(update(37)), salted_root([update(37)], KEY)
    assert [count for count in range(1000) if root_of(update(count)) == open_root] == [37]
    public = [bytes(16), KEY.commitment[:16], KEY.commitment[16:], KEY.name.packed[:16], open_root[:16]]
    tries = {salted_leaf(salt, update(count)) for count in range(1000) for salt in public}
    assert salted not in tries | {root_of(update(count)) for count in range(1000)}
    assert salted == salted_leaf(salt_of(KEY, 0), update(37))


def test_salts_of_a_key_all_differ() -> None:
    assert len({salt_of(KEY, leaf) for leaf in range(2000)}) == 2000
