"""The tensor root is the tree of RFC 6962, and a proof shows one leaf in it and nothing else."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.formats import merkle

# The eight leaves, roots and audit paths that the Certificate Transparency project publishes for RFC 6962.
CT_LEAVES = [bytes.fromhex(h) for h in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
CT_LEAVES.append(bytes(range(0x60, 0x70)))
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_PATHS = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def rfc_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, as it is written there."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + rfc_root(leaves[:k]) + rfc_root(leaves[k:])).digest()


def rfc_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    if m < k:
        return [*rfc_path(m, leaves[:k]), rfc_root(leaves[k:])]
    return [*rfc_path(m - k, leaves[k:]), rfc_root(leaves[:k])]


def cut(data: bytes) -> list[bytes]:
    return [data[at : at + merkle.LEAF] for at in range(0, len(data), merkle.LEAF)]


@pytest.mark.parametrize("count", range(1, 9))
def test_published_roots(count: int) -> None:
    hashes = [merkle.leaf_hash(leaf) for leaf in CT_LEAVES[:count]]
    assert merkle.root(hashes).hex() == CT_ROOTS[count - 1]


@pytest.mark.parametrize(("place", "path"), CT_PATHS.items())
def test_published_proofs(place: tuple[int, int], path: list[str]) -> None:
    index, count = place
    hashes = [merkle.leaf_hash(leaf) for leaf in CT_LEAVES[:count]]
    proof = merkle.proof(hashes, index)
    assert [node.hex() for node in proof] == path
    assert merkle.root_from_proof(CT_LEAVES[index], index, count, proof).hex() == CT_ROOTS[count - 1]


def test_root_of_nothing() -> None:
    assert merkle.root([]) == merkle.root_of(b"") == hashlib.sha256(b"").digest()


@given(st.binary(max_size=9 * merkle.LEAF + 7))
def test_root_is_the_rfcs(data: bytes) -> None:
    assert merkle.root_of(data) == rfc_root(cut(data))


@given(st.integers(1, 70).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_every_leaf_has_its_proof(place: tuple[int, int]) -> None:
    count, index = place
    leaves = [bytes([i]) * (i % 5) for i in range(count)]
    hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
    proof = merkle.proof(hashes, index)
    assert proof == rfc_path(index, leaves)
    assert merkle.root_from_proof(leaves[index], index, count, proof) == merkle.root(hashes)


@pytest.mark.parametrize("count", [255, 256, 257, 512, 5000])
def test_integers_and_their_bytes_have_one_root(count: int) -> None:
    values = np.arange(count, dtype="<i4")
    expected = rfc_root(cut(values.tobytes()))
    assert merkle.root_of(values.data) == merkle.root_of(values.tobytes()) == expected
    assert len(merkle.leaf_hashes(values.data)) == -(-count // merkle.VALUES)


LEAVES = [bytes([i]) * 1024 for i in range(11)]
HASHES = [merkle.leaf_hash(leaf) for leaf in LEAVES]
ROOT = merkle.root(HASHES)
PROOF = merkle.proof(HASHES, 4)


@pytest.mark.parametrize(
    ("chunk", "index", "leaves", "path"),
    [
        (LEAVES[5], 4, 11, PROOF),
        (LEAVES[4], 5, 11, PROOF),
        (LEAVES[4], 4, 11, PROOF[::-1]),
        (LEAVES[4], 4, 11, [PROOF[0][:31], *PROOF[1:]]),
        (LEAVES[4], 4, 11, [PROOF[0] + b"\0", *PROOF[1:]]),
        (LEAVES[4], 4, 11, [b"", *PROOF[1:]]),
        (HASHES[4] + HASHES[5], 2, 6, PROOF[1:]),
        (b"\x01" + HASHES[4] + HASHES[5], 2, 6, PROOF[1:]),
    ],
    ids=["leaf", "index", "order", "short-hash", "long-hash", "empty-hash", "inner", "prefixed"],
)
def test_a_hostile_proof_leads_elsewhere(chunk: bytes, index: int, leaves: int, path: list[bytes]) -> None:
    assert merkle.root_from_proof(chunk, index, leaves, path) != ROOT


@pytest.mark.parametrize(
    ("index", "leaves", "path", "why"),
    [
        (4, 11, PROOF[:-1], "too short"),
        (4, 11, [], "too short"),
        (4, 17, PROOF, "too short"),
        (4, 8, PROOF, "too long"),
        (4, 11, [*PROOF, bytes(32)], "too long"),
        (0, 1, [bytes(32)], "too long"),
        (11, 11, PROOF, "no such leaf"),
        (-1, 11, PROOF, "no such leaf"),
        (0, 0, [], "no such leaf"),
    ],
)
def test_a_proof_of_the_wrong_length_is_refused(index: int, leaves: int, path: list[bytes], why: str) -> None:
    with pytest.raises(Malformed, match=why):
        merkle.root_from_proof(LEAVES[4], index, leaves, path)


@pytest.mark.parametrize("index", [-1, 11])
def test_no_proof_of_a_leaf_that_is_not_there(index: int) -> None:
    with pytest.raises(Malformed, match="no such leaf"):
        merkle.proof(HASHES, index)


def test_a_path_has_so_many_hashes() -> None:
    for leaves in range(1, 40):
        hashes = [bytes([leaf]) * 32 for leaf in range(leaves)]
        for index in range(leaves):
            assert merkle.path_length(index, leaves) == len(merkle.proof(hashes, index))
