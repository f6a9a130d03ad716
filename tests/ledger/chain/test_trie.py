"""Proofs of Merkle-Patricia tries: py-trie makes them, and another reading of the same rules takes or refuses them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain import rlp
from ledger.chain.proofs.trie import DEEPEST, EMPTY, LARGEST, value_at
from ledger.formats.digest import keccak

KEYS = st.one_of(st.binary(min_size=2, max_size=2), st.sampled_from([bytes([0, n]) for n in range(20)]))
"""Short ones that share their beginnings: so tries have extensions, and nodes inside of nodes."""
LEAF = rlp.encode([b"\x20" + bytes(32), b"value"])


def trie_of(held: dict[bytes, bytes]) -> Any:
    from trie import HexaryTrie

    made = HexaryTrie({})
    for key, value in held.items():
        made[key] = value
    return made


def proof(made: Any, key: bytes) -> list[bytes]:
    """As a node shows it: the nodes on the way that have a hash of their own."""
    nodes = [rlp.encode(_plain(node)) for node in made.get_proof(key)]
    return [node for place, node in enumerate(nodes) if place == 0 or len(node) >= 32]


def _plain(node: Any) -> Any:
    return [_plain(part) for part in node] if isinstance(node, list | tuple) else bytes(node)


@given(st.dictionaries(KEYS, st.binary(min_size=1, max_size=40), max_size=30), st.lists(KEYS, max_size=5))
def test_what_is_held_and_what_is_not_is_proved(held: dict[bytes, bytes], others: list[bytes]) -> None:
    made = trie_of(held)
    for key in [*held, *others]:
        assert value_at(made.root_hash, key, proof(made, key)) == held.get(key, b"")


@given(st.dictionaries(KEYS, st.binary(min_size=33, max_size=40), min_size=1, max_size=30), st.data())
def test_a_proof_that_was_altered_proves_nothing(held: dict[bytes, bytes], data: Any) -> None:
    made = trie_of(held)
    key = data.draw(st.sampled_from(sorted(held)))
    nodes = proof(made, key)
    place = data.draw(st.integers(0, len(nodes) - 1))
    byte = data.draw(st.integers(0, len(nodes[place]) - 1))
    altered = bytearray(nodes[place])
    altered[byte] ^= data.draw(st.integers(1, 255))
    for false in ([*nodes[:place], bytes(altered), *nodes[place + 1 :]], nodes[:place] + nodes[place + 1 :]):
        with pytest.raises(ValueError, match="is not shown"):
            value_at(made.root_hash, key, false)


def test_an_empty_trie_holds_nothing() -> None:
    for nodes in ([], [b"\x80"]):
        assert value_at(EMPTY, bytes(32), nodes) == b""


@pytest.mark.parametrize(
    "node",
    [
        b"text",
        [],
        [b"\x20", b"a", b"b"],
        [b"", b"value"],
        [b"\x00", b"\x11" * 32],
        [b"\x05", b"value"],
        [b"\x25", b"value"],
        [b"\x40", b"value"],
        [[b"\x20"], b"value"],
        [b"\x20" + bytes(32), [b"value"]],
        [b"\x00\x00", b"\x11" * 31],
        [b"\x00\x00", b"\x11" * 32],
        [b"\x00\x00", [[b"a"] * 17, b"b"]],
        [b"\x11" * 33] * 17,
    ],
    ids=str,
)
def test_nodes_that_a_liar_makes_up_are_refused(node: Any) -> None:
    encoded = rlp.encode(node)
    with pytest.raises(ValueError):
        value_at(keccak(encoded), bytes(32), [encoded])


def test_proofs_have_bounds() -> None:
    assert value_at(keccak(LEAF), bytes(32), [LEAF]) == b"value"
    for nodes in ([LEAF] * (DEEPEST + 1), [LEAF, bytes(LARGEST + 1)]):
        with pytest.raises(ValueError, match="larger"):
            value_at(keccak(LEAF), bytes(32), nodes)
    for encoded in (LEAF + b"\0", LEAF[:-1], b"\xc1" * 500):
        with pytest.raises(ValueError):
            value_at(keccak(encoded), bytes(32), [encoded])
