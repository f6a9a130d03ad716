"""The contracts as they were built: ABI and bytecode, committed in `abi/`, so that nobody needs a compiler to run."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from ledger.errors import Malformed

ContractName = Literal["consortium", "ledger", "scores", "releases", "ballots", "masks", "budgets", "court"]
SOLIDITY_NAMES: dict[ContractName, str] = {
    "consortium": "Consortium",
    "ledger": "RoundLedger",
    "scores": "ScoreBoard",
    "releases": "ReleaseBoard",
    "ballots": "Ballots",
    "masks": "MaskBoard",
    "budgets": "BudgetBoard",
    "court": "AggregateCourt",
}
IMMUTABLES: dict[ContractName, tuple[ContractName, ...]] = {
    "consortium": ("ballots",),
    "ledger": ("consortium", "court"),
    "scores": ("consortium", "ledger"),
    "releases": ("ledger", "scores"),
    "ballots": ("consortium", "ledger", "releases"),
    "masks": ("consortium", "ledger"),
    "budgets": ("consortium", "ledger"),
    "court": ("ledger",),
}
"""Which contracts' addresses the constructor of each keeps in its code, in the order of their declaration."""


class Variable(msgspec.Struct, frozen=True):
    """Where storage has a variable: `slot` counts words from where its struct or contract begins, `offset` bytes from a
    word's lower end.

    A mapping has a `key`, a Solidity type, and a `value`; a struct has `members`.
    """

    slot: int
    offset: int
    bytes: int
    key: str | None = None
    value: "Variable | None" = None
    members: "dict[str, Variable] | None" = None


class Build(msgspec.Struct, frozen=True, rename="camel"):
    """One contract: what the compiler made of it. Code in hexadecimal with 0x; immutable ranges in bytes."""

    contract_name: str
    abi: list[dict[str, Any]]
    bytecode: str
    deployed_bytecode: str
    immutable_references: dict[str, list[dict[str, int]]]
    storage: dict[str, Variable]


@cache
def committed(contract: ContractName) -> Build:
    """The committed build of a contract."""
    path = Path(__file__).with_name("abi") / f"{SOLIDITY_NAMES[contract]}.json"
    return msgspec.json.decode(path.read_bytes(), type=Build)


def runtime_code(deployed: str, immutables: dict[str, list[dict[str, int]]], values: Sequence[str]) -> bytes:
    """The code that stands on chain: the compiler's, with each immutable (an address), in order, set.

    Raises Malformed where the source has another number of immutables.
    """
    if len(immutables) != len(values):
        raise Malformed(
            "the contract has immutables that are not known here", expected=len(values), actual=len(immutables)
        )
    code = bytearray.fromhex(deployed.removeprefix("0x"))
    # The compiler names them by their place in its syntax tree: the order in which they are declared.
    for name, value in zip(sorted(immutables, key=int), values, strict=True):
        for place in immutables[name]:
            start, length = place["start"], place["length"]
            code[start : start + length] = bytes.fromhex(value.removeprefix("0x")).rjust(length, b"\x00")
    return bytes(code)


def immutables_of(contract: ContractName, addresses: Mapping[ContractName, str]) -> list[str]:
    """The addresses that a contract's code holds, where the contracts stand at the given ones."""
    return [addresses[name] for name in IMMUTABLES[contract]]


def expected_code(contract: ContractName, addresses: Mapping[ContractName, str]) -> bytes:
    """The committed runtime code of a contract of a network whose contracts stand at the given addresses."""
    build = committed(contract)
    return runtime_code(build.deployed_bytecode, build.immutable_references, immutables_of(contract, addresses))
