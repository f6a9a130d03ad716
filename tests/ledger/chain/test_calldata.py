"""What is signed is what web3.py would sign, of every function and every creation; nothing is filled up in silence."""

from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st
from web3 import Web3

from ledger.chain.build import SOLIDITY_NAMES, committed
from ledger.chain.calldata import call_data
from ledger.chain.codec import canonical
from ledger.chain.creation import creation
from ledger.errors import UsageError
from ledger.formats.digest import checksum_address

FUNCTIONS = [
    (name, entry["name"]) for name in SOLIDITY_NAMES for entry in committed(name).abi if entry["type"] == "function"
]
DIGEST = bytes(range(32))


def values(field: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Whatever a field of the ABI may hold."""
    kind: str = field["type"]
    if kind.endswith("]"):
        base, size = kind[:-1].rsplit("[", 1)
        count = int(size) if size else None
        return st.lists(values(field | {"type": base}), min_size=count or 0, max_size=count or 3)
    if kind == "tuple":
        return st.tuples(*map(values, field["components"]))
    if kind.startswith("uint"):
        return st.integers(0, (1 << int(kind[4:])) - 1)
    if kind.startswith("int"):
        return st.integers(-(1 << int(kind[3:]) - 1), (1 << int(kind[3:]) - 1) - 1)
    if kind.startswith("bytes") and kind != "bytes":
        return st.binary(min_size=int(kind[5:]), max_size=int(kind[5:]))
    return {
        "bool": st.booleans(),
        "address": st.binary(min_size=20, max_size=20).map(checksum_address),
        "bytes": st.binary(max_size=70),
        "string": st.text(max_size=40),
    }[kind]


@pytest.mark.parametrize(("contract", "function"), FUNCTIONS)
@settings(max_examples=5)
@given(data=st.data())
def test_every_call_is_encoded_as_web3_does(contract: Any, function: str, data: st.DataObject) -> None:
    (entry,) = (one for one in committed(contract).abi if one.get("name") == function and one["type"] == "function")
    arguments = [data.draw(values(field)) for field in entry["inputs"]]
    expected = Web3(middleware=[], ens=None).eth.contract(abi=[entry]).encode_abi(function, arguments)
    assert call_data(contract, function, *arguments) == expected


@pytest.mark.parametrize("contract", SOLIDITY_NAMES)
@settings(max_examples=5)
@given(data=st.data())
def test_every_creation_is_encoded_as_eth_abi_does(contract: Any, data: st.DataObject) -> None:
    build = committed(contract)
    (entry,) = (one for one in build.abi if one["type"] == "constructor")
    arguments = [data.draw(values(field)) for field in entry["inputs"]]
    kinds = [canonical(field) for field in entry["inputs"]]
    assert creation(contract, *arguments) == build.bytecode + encode(kinds, arguments).hex()


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("approveJob", (1, DIGEST[:31])),
        ("approveJob", (1, DIGEST + b"\x00")),
        ("approveJob", (1, DIGEST.hex())),
        ("approveJob", (True, DIGEST)),
        ("approveJob", (-1, DIGEST)),
        ("approveJob", (1 << 32, DIGEST)),
        ("approveJob", (1,)),
        ("approveJob", (1, DIGEST, 1)),
        ("noSuchCall", ()),
        ("JobProposed", (1,)),
    ],
)
def test_what_the_abi_does_not_have_is_not_encoded(function: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(UsageError, match="the contract has no such call"):
        call_data("ledger", function, *arguments)


def test_a_contract_is_not_created_of_arguments_that_do_not_fit() -> None:
    with pytest.raises(UsageError, match="cannot be created with these arguments") as caught:
        creation("scores", "0x12")
    assert caught.value.facts["contract"] == "ScoreBoard"
