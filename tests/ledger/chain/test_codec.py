"""The decoder agrees with eth_abi on everything it takes, and takes nothing but the canonical encoding."""

import pytest
from eth_abi import encode
from eth_utils import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain.build import SOLIDITY_NAMES, committed
from ledger.chain.codec import decoder, encode_word, signature, word_decoder
from ledger.chain.logs import snake
from ledger.formats.digest import checksum_address

WORDS = {
    "uint8": st.integers(0, 2**8 - 1),
    "uint32": st.integers(0, 2**32 - 1),
    "uint40": st.integers(0, 2**40 - 1),
    "uint256": st.integers(0, 2**256 - 1),
    "bool": st.booleans(),
    "bytes32": st.binary(min_size=32, max_size=32),
    "bytes28": st.binary(min_size=28, max_size=28),
    "address": st.binary(min_size=20, max_size=20).map(checksum_address),
}
TAILS = {"bytes": st.binary(max_size=100), "string": st.text(max_size=40)}


def fields(*kinds):
    return [{"name": f"field{number}", "type": kind} for number, kind in enumerate(kinds)]


@given(st.data())
def test_decoding_undoes_eth_abi(data):
    kinds = data.draw(st.lists(st.sampled_from([*WORDS, *TAILS]), max_size=6))
    values = [data.draw((WORDS | TAILS)[kind]) for kind in kinds]
    assert decoder(fields(*kinds))(encode(kinds, values)) == values


@given(st.data())
def test_static_structs_become_lists(data):
    kinds = data.draw(st.lists(st.sampled_from(list(WORDS)), min_size=1, max_size=5))
    values = [data.draw(WORDS[kind]) for kind in kinds]
    struct = {"name": "terms", "type": "tuple", "components": fields(*kinds)}
    encoded = encode([f"({','.join(kinds)})", "bytes"], [tuple(values), b"tail"])
    assert decoder([struct, {"name": "rest", "type": "bytes"}])(encoded) == [values, b"tail"]


@given(st.sampled_from(["uint8", "uint32", "uint256", "bytes32", "address"]), st.data())
def test_one_word_is_encoded_as_eth_abi_does(kind, data):
    value = data.draw(WORDS[kind])
    assert encode_word(kind, value) == encode([kind], [value])


@given(st.binary(min_size=20, max_size=20))
def test_addresses_have_their_check_sum(address):
    assert checksum_address(address) == to_checksum_address(address)


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("uint8", bytes(30) + b"\x01\x00"),
        ("uint40", bytes(26) + b"\x01" + bytes(5)),
        ("bool", bytes(31) + b"\x02"),
        ("address", b"\x01" + bytes(31)),
        ("bytes28", bytes(31) + b"\x01"),
    ],
)
def test_unused_bits_must_be_zero(kind, word):
    with pytest.raises(ValueError, match=r"not a|more than"):
        word_decoder(kind)(word)


def test_dynamic_data_has_one_encoding_only():
    decode = decoder(fields("uint8", "bytes"))
    good = encode(["uint8", "bytes"], [1, b"abc"])
    assert decode(good) == [1, b"abc"]
    for bad in (
        good + bytes(32),  # more than there is
        good[:-32],  # cut
        good[:-1] + b"\x01",  # padding is not zero
        good[:63] + b"\x60" + bytes(32) + good[64:],  # a hole before the tail
        good[:95] + b"\xff" + good[96:],  # longer than the data
        good[:32],
        b"",
    ):
        with pytest.raises(ValueError, match="data"):
            decode(bad)


def test_every_revert_of_the_contracts_has_words():
    from ledger.chain.reverts import MESSAGES

    errors = {e["name"] for name in SOLIDITY_NAMES for e in committed(name).abi if e["type"] == "error"}
    assert errors == set(MESSAGES)


def test_signatures_expand_structs():
    entry = next(e for e in committed("ledger").abi if e.get("name") == "JobProposed")
    assert (
        signature(entry)
        == "JobProposed(uint32,bytes32,address,(uint32,uint32,uint32,uint32,uint32,uint8,uint32,uint32,uint8,uint8),"
        "(bytes32,uint64,uint8,uint8,uint32,uint32,uint32,uint64,bool))"
    )


def test_snake_case():
    assert [snake(name) for name in ("job", "oldKey", "updateSeconds")] == ["job", "old_key", "update_seconds"]
