"""What Python hashes is what the ABI and the contracts hash."""

import hashlib
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from eth_abi import encode
from eth_utils import keccak, to_checksum_address
from hypothesis import given
from hypothesis import strategies as st
from web3 import Web3

from ledger.chain.build import committed
from ledger.errors import Malformed
from ledger.formats import claims
from ledger.formats.digest import checksum_address

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "commitments.json"
uint32 = st.integers(0, (1 << 32) - 1)
word = st.binary(min_size=32, max_size=32)
address = st.binary(min_size=20, max_size=20).map(checksum_address)
rounds = st.builds(claims.RoundName, st.integers(0, (1 << 64) - 1), address, uint32, uint32)
openings = st.builds(claims.UpdateOpening, address, uint32, word, word, st.binary(min_size=16, max_size=16))
blocks = st.integers(0, (1 << 40) - 1)
entries = st.builds(claims.OpenedEntry, st.integers(0, 254), uint32, word, st.binary(min_size=28, max_size=28))
aggregates = st.builds(claims.Claimed, word, word, word, blocks, word, word, word, word, st.binary(max_size=255))
PLACE = ["bytes32", "uint256", "address", "uint32", "uint32"]


@given(rounds, word, aggregates)
def test_the_claim_of_an_aggregate_is_the_abis(name: claims.RoundName, opened: bytes, said: claims.Claimed) -> None:
    kinds = [*PLACE, "bytes32", "bytes32", "bytes32", "bytes32", "uint40", *["bytes32"] * 5]
    values = [keccak(text="fedledger/claim/5"), *name, said.base, opened, *said[1:-1], keccak(said.verdicts)]
    assert claims.claim_of(name, opened, said) == keccak(encode(kinds, values))


@given(word, st.lists(st.lists(entries, min_size=1, max_size=4), max_size=4))
def test_what_was_opened_is_hashed_call_by_call_from_the_document_on(
    document: bytes, batches: list[list[claims.OpenedEntry]]
) -> None:
    digest = document
    for batch in batches:
        packed = b"".join(
            one.member.to_bytes(1, "big") + one.weight.to_bytes(4, "big") + one.root + one.commitment for one in batch
        )
        assert len(packed) == claims.ENTRY * len(batch)
        digest = hashlib.sha256(digest + packed).digest()
    assert claims.opened_digest(document, batches) == digest


@given(word, st.lists(entries, min_size=2, max_size=6, unique=True), st.data())
def test_another_order_or_another_cut_of_openings_is_another_digest(
    document: bytes, said: list[claims.OpenedEntry], data: st.DataObject
) -> None:
    whole = claims.opened_digest(document, [said])
    cut = data.draw(st.integers(1, len(said) - 1))
    assert claims.opened_digest(document, [said[:cut], said[cut:]]) != whole
    assert claims.opened_digest(document, [said[::-1]]) != whole


@given(rounds, openings)
def test_a_commitment_is_the_abis(name: claims.RoundName, opening: claims.UpdateOpening) -> None:
    domain = keccak(encode(PLACE, [keccak(text="fedledger/update/3"), *name]))
    assert claims.update_domain(name) == domain
    words = encode(["bytes32", "address", "uint32", "bytes32", "bytes32", "bytes16"], [domain, *opening])
    assert claims.commitment(name, opening) == keccak(words)[:28]


@given(st.lists(openings, max_size=3))
def test_openings_are_packed_and_read_back(made: list[claims.UpdateOpening]) -> None:
    packed = claims.pack_openings(made)
    assert len(packed) == 104 * len(made)
    assert claims.unpack_openings(packed) == made


OPENING = claims.UpdateOpening("0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", 1, b"r" * 32, b"c" * 32, b"s" * 16)


@pytest.mark.parametrize(
    "change",
    [
        {"party": OPENING.party.lower()},
        {"party": OPENING.party[:-2]},
        {"weight": 1 << 32},
        {"weight": -1},
        {"root": b"r" * 31},
        {"cid": b"c" * 33},
        {"salt": b""},
        {"salt": b"s" * 32},
    ],
)
def test_an_opening_with_parts_of_another_size_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        claims.pack_openings([OPENING._replace(**change)])


@pytest.mark.parametrize("size", [1, 103, 105, 207])
def test_openings_of_another_length_are_refused(size: int) -> None:
    with pytest.raises(Malformed, match="104 bytes"):
        claims.unpack_openings(bytes(size))


@given(address, word, word)
def test_a_witness_is_of_the_member_the_claim_and_the_sums(member: str, claim: bytes, sums: bytes) -> None:
    assert claims.witness(member, claim, sums) == sha256(bytes.fromhex(member[2:]) + claim + sums).digest()


@given(st.binary(min_size=20, max_size=20))
def test_an_address_is_eip_55(address: bytes) -> None:
    assert checksum_address(address) == to_checksum_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0xde709f2102306220921060314715629080e2fb77",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_the_addresses_that_eip_55_publishes(address: str) -> None:
    assert checksum_address(bytes.fromhex(address[2:])) == address


def test_the_contracts_compute_the_same(consortium: Any) -> None:
    ledger = consortium.network.contracts.ledger.address
    web3 = Web3(Web3.HTTPProvider(consortium.client.rpc.url))
    contract = web3.eth.contract(address=ledger, abi=committed("ledger").abi).functions
    for said in json.loads(VECTORS.read_text(encoding="utf-8"))["rounds"]:
        name = claims.RoundName(31337, ledger, said["job"], said["round"])
        for one in said["openings"]:
            opening = claims.UpdateOpening(**one_of(claims.UpdateOpening, one))
            expected = contract.commitmentOf(name.job, name.round, *opening).call()
            assert claims.commitment(name, opening) == expected
        opened = bytes.fromhex(said["aggregate"]["opened"])
        aggregate = claims.Claimed(**one_of(claims.Claimed, said["aggregate"]))
        assert (
            claims.claim_of(name, opened, aggregate)
            == contract.claimOf(name.job, name.round, opened, tuple(aggregate)).call()
        )


def one_of(kind: Any, said: dict[str, Any]) -> dict[str, Any]:
    """The fields of a named tuple in a file of vectors."""
    plain = {name: said[name] for name in kind._fields}
    return {
        name: bytes.fromhex(value) if isinstance(value, str) and name != "party" else value
        for name, value in plain.items()
    }
