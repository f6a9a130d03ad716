"""Headers and what stands under their roots, from what a node shows: against py-trie, and against hostile answers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain import rlp
from ledger.chain.bft_extra import ON_CHAIN, SIGNED, read_extra
from ledger.chain.headers import FIRST, KEPT, LARGEST_EXTRA, LATER, NUMBERS, _known, read_header
from ledger.chain.node import ChainNode
from ledger.chain.proofs.list_root import list_root
from ledger.chain.proofs.receipts import read_receipt
from ledger.chain.proofs.trie import EMPTY
from ledger.errors import Unavailable
from ledger.formats.digest import keccak

JSON = st.recursive(
    st.none() | st.integers() | st.text() | st.just("0x") | st.just("0x7"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIRST), inner, max_size=4),
    max_leaves=12,
)


def shown(later: int = 1, **other: str) -> dict[str, Any]:
    """A header as a node shows it, with so many of the later fields."""
    fields = {name: "0x7" if name in NUMBERS else "0x" + "77" * 32 for name in (*FIRST, *LATER[:later])}
    fields |= {"miner": "0x" + "12" * 20, "logsBloom": "0x" + "00" * 256, "nonce": "0x" + "00" * 8, "extraData": "0x"}
    return hashed(fields | other)


def hashed(fields: dict[str, Any]) -> dict[str, Any]:
    """With its hash, made here: the number's bytes or the bytes as they stand, in one list."""

    def plain(name: str) -> bytes:
        digits = fields[name][2:]
        return rlp.number(int(digits, 16)) if name in NUMBERS else bytes.fromhex(digits)

    names = [name for name in (*FIRST, *LATER) if name in fields]
    return fields | {"hash": "0x" + keccak(rlp.encode([plain(name) for name in names])).hex()}


@pytest.mark.parametrize("later", range(len(LATER) + 1))
def test_a_header_of_each_fork_is_read(later: int) -> None:
    header = read_header(shown(later))
    assert header is not None
    assert (header.number, header.parent, header.extra) == (7, b"\x77" * 32, b"")


def test_a_blocks_time_is_proved_by_its_hash() -> None:
    """False under a known form is refused; a form that is not known here is on the node's word."""
    true, later = shown(6), {"timestamp": "0x8"}
    assert ChainNode(Node(true)).latest().proved  # type: ignore[arg-type]
    with pytest.raises(Unavailable, match="does not hash to its hash"):
        ChainNode(Node(true | later)).latest()  # type: ignore[arg-type]
    for other in (true | later | {"newField": "0x1"}, {name: true[name] for name in true if name != "miner"} | later):
        block = ChainNode(Node(other)).latest()  # type: ignore[arg-type]
        assert (block.time, block.proved) == (8, False)


@pytest.mark.parametrize("name", FIRST)
def test_a_header_that_was_read_vouches_for_no_other_under_its_hash(name: str) -> None:
    true = shown()
    first = read_header(true)
    assert first is not None and read_header(dict(true)) is first
    digits = true[name][2:]
    other = "0x" + ("8" if not digits or digits[0] != "8" else "9") + (digits[1:] or "8")
    assert read_header(true | {name: other}) is None
    assert read_header(true) == first


def test_headers_are_kept_of_so_many_blocks_alone() -> None:
    for number in range(2 * KEPT + 2):
        assert read_header(shown(number=hex(number))) is not None
    assert len(_known) <= KEPT


def test_a_block_that_is_shown_again_is_read_once() -> None:
    node = Node(shown(6))
    chain = ChainNode(node)  # type: ignore[arg-type]
    first = chain.latest()
    node.answer = dict(node.answer)
    assert chain.latest() is first
    node.answer = node.answer | {"timestamp": "0x8"}
    with pytest.raises(Unavailable, match="does not hash to its hash"):
        chain.latest()


class Node:
    """A node that shows one block."""

    def __init__(self, block: dict[str, Any]) -> None:
        self.answer = block

    def call(self, *_: object) -> dict[str, Any]:
        return self.answer


BROKEN: dict[str, Any] = {
    "a sign": {"gasUsed": "-0x7"},
    "a separator": {"gasUsed": "0x7_7"},
    "no prefix": {"gasUsed": "7"},
    "a large number": {"gasUsed": "0x" + "7" * 65},
    "half a byte": {"extraData": "0x7"},
    "white space": {"parentHash": "0x" + "77 " * 32},
    "a short hash": {"parentHash": "0x77"},
    "a short bloom": {"logsBloom": "0x00"},
    "a short nonce": {"nonce": "0x"},
    "another field": {"stateRoot": "0x" + "78" * 32},
    "another hash": {"hash": "0x" + "78" * 32},
    "no hash": {"hash": None},
    "a list": {"miner": ["0x"]},
    "one field more": {"withdrawalsRoot": "0x" + "77" * 32},
    "large extra data": {"extraData": "0x" + "77" * (LARGEST_EXTRA + 1)},
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_does_not_hash_to_its_hash_is_not_a_header(name: str) -> None:
    assert read_header(shown()) is not None
    assert read_header(shown() | BROKEN[name]) is None


@given(JSON)
def test_no_answer_breaks_the_readers(answer: Any) -> None:
    assert read_header(answer) is None
    with pytest.raises(ValueError, match=r"."):
        read_receipt(answer)


@given(st.binary(max_size=300) | st.builds(rlp.encode, st.recursive(st.binary(max_size=66), st.lists, max_leaves=8)))
def test_no_extra_data_break_the_reader(extra: bytes) -> None:
    try:
        parts = read_extra(extra)
    except ValueError:
        return
    assert rlp.encode(parts.parts) == extra


@pytest.mark.parametrize("kind", ["qbft", "ibft2"])
def test_a_bft_headers_hash_leaves_round_and_seals_out(kind: str) -> None:
    zero = bytes(4) if kind == "ibft2" else b""
    parts: list[Any] = [bytes(32), [b"\x12" * 20], b"" if kind == "ibft2" else [], zero, []]
    bare = read_extra(rlp.encode(parts))
    said = shown(extraData="0x" + ON_CHAIN[kind](bare).hex())
    for round_ in (zero, (1).to_bytes(4) if kind == "ibft2" else b"\x01"):
        sealed = read_extra(rlp.encode([*parts[:3], round_, [b"\x13" * 65, b"\x14" * 65]]))
        header = read_header(said | {"extraData": "0x" + rlp.encode(sealed.parts).hex()})
        assert header is not None and "0x" + header.hash.hex() == said["hash"]
        assert (ON_CHAIN[kind](sealed), SIGNED[kind](sealed) != rlp.encode(sealed.parts)) == (
            ON_CHAIN[kind](bare),
            True,
        )
    other = rlp.encode([bytes(32), [b"\x15" * 20], *parts[2:]])
    assert read_header(said | {"extraData": "0x" + other.hex()}) is None


@pytest.mark.parametrize("size", [0, 1, 2, 3, 16, 17, 127, 128, 129, 200, 300])
def test_a_list_has_the_root_of_its_trie(size: int) -> None:
    from trie import HexaryTrie

    items = [bytes([place % 256]) * (1 + place % 90) for place in range(size)]
    made = HexaryTrie({})
    for place, item in enumerate(items):
        made[rlp.encode(rlp.number(place))] = item
    assert list_root(items) == made.root_hash
    assert size or list_root(items) == EMPTY


@given(st.lists(st.binary(min_size=1, max_size=80), max_size=40))
def test_any_list_has_the_root_of_its_trie(items: list[bytes]) -> None:
    from trie import HexaryTrie

    made = HexaryTrie({})
    for place, item in enumerate(items):
        made[rlp.encode(rlp.number(place))] = item
    assert list_root(items) == made.root_hash
