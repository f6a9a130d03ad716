"""The contracts as they were built: ABI and bytecode, committed in `abi/`, so that nobody needs a compiler to run."""

from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from ledger.errors import Malformed

ContractName = Literal["consortium", "ledger"]
SOLIDITY_NAMES: dict[ContractName, str] = {"consortium": "Consortium", "ledger": "RoundLedger"}


class Build(msgspec.Struct, frozen=True, rename="camel"):
    """One contract: what the compiler made of it. Code in hexadecimal with 0x; immutable ranges in bytes."""

    contract_name: str
    abi: list[dict[str, Any]]
    bytecode: str
    deployed_bytecode: str
    immutable_references: dict[str, list[dict[str, int]]]


@cache
def committed(contract: ContractName) -> Build:
    """The committed build of a contract."""
    path = Path(__file__).with_name("abi") / f"{SOLIDITY_NAMES[contract]}.json"
    return msgspec.json.decode(path.read_bytes(), type=Build)


def runtime_code(deployed: str, immutables: dict[str, list[dict[str, int]]], consortium: str) -> bytes:
    """The code that stands on chain: the compiler's, with the one immutable there is (the consortium's address) set.

    Raises Malformed where the source has other immutables than that one.
    """
    if len(immutables) > 1:
        raise Malformed("the contract has immutables that are not known here", expected=1, actual=len(immutables))
    code = bytearray.fromhex(deployed.removeprefix("0x"))
    value = bytes.fromhex(consortium.removeprefix("0x"))
    for place in (place for places in immutables.values() for place in places):
        start, length = place["start"], place["length"]
        code[start : start + length] = value.rjust(length, b"\x00")
    return bytes(code)


def expected_code(contract: ContractName, consortium: str) -> bytes:
    """The committed runtime code of a contract whose consortium stands at the given address."""
    build = committed(contract)
    return runtime_code(build.deployed_bytecode, build.immutable_references, consortium)
