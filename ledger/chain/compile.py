"""From the Solidity sources to ABI and bytecode: what the build writes and what an audit recomputes.

`compiler.json` beside this module fixes version and settings for every compiler run: py-solc-x here, Hardhat, and,
held equal by a test, forge. Source names are part of the input, so they are always `contracts/<path>`, wherever the
directory lies. With `bytecodeHash: none` the bytecode is a function of names, contents, version and settings alone.
"""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from ledger.chain.programs import found_beside_python
from ledger.errors import Malformed, Unavailable

CONTRACTS = (
    "Consortium",
    "RoundLedger",
    "ScoreBoard",
    "ReleaseBoard",
    "Ballots",
    "MaskBoard",
    "BudgetBoard",
    "AggregateCourt",
)


class Compiler(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Version and settings of the one compiler run that counts."""

    version: str
    settings: dict[str, Any]


class Compiled(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """One contract as the compiler made it; `ledger/chain/abi/<name>.json` holds it in this form.

    The code on chain is `deployed_bytecode` with each range of `immutable_references` (in bytes) filled in by the
    constructor.
    """

    contract_name: str
    abi: list[dict[str, Any]]
    bytecode: str
    deployed_bytecode: str
    immutable_references: dict[str, list[dict[str, int]]]
    storage: dict[str, Any]
    compiler: str
    settings: dict[str, Any]

    def encode(self) -> bytes:
        """Indented JSON with sorted keys and a newline at the end."""
        return msgspec.json.format(msgspec.json.encode(self, order="sorted"), indent=1) + b"\n"


def compiler() -> Compiler:
    """The pinned compiler, from `compiler.json`."""
    return msgspec.json.decode(Path(__file__).with_name("compiler.json").read_bytes(), type=Compiler)


def standard_input(contracts_dir: Path) -> dict[str, Any]:
    """The compiler's standard JSON input for every source below `contracts_dir`. Raises Unavailable if it has none."""
    files = sorted(contracts_dir.rglob("*.sol"))
    if not files:
        raise Unavailable("no Solidity sources found", directory=contracts_dir)
    return {
        "language": "Solidity",
        "sources": {
            f"contracts/{file.relative_to(contracts_dir).as_posix()}": {"content": file.read_text("utf-8")}
            for file in files
        },
        "settings": {
            **compiler().settings,
            "outputSelection": {
                "*": {"*": ["abi", "metadata", "storageLayout", "evm.bytecode", "evm.deployedBytecode"]},
            },
        },
    }


def compile_contracts(contracts_dir: Path, solc_dir: Path | None = None) -> dict[str, Compiled]:
    """Compile the sources below `contracts_dir`.

    A native compiler of the pinned version is preferred, some ten times as fast: py-solc-x's, else the `solc` on PATH.
    Where there is none, `solc_dir` holds `solc-v<version>`. Raises Unavailable where the pinned compiler is absent,
    Malformed where the sources do not compile.
    """
    import solcx  # it brings requests, and an audit that finds the sources compiled needs neither
    from solcx.exceptions import SolcError

    pinned = compiler()
    request = standard_input(contracts_dir)
    try:
        with found_beside_python():
            output = solcx.compile_standard(request, solc_binary=_executable(pinned.version, solc_dir))
    except SolcError as error:
        raise Malformed(f"the contracts do not compile: {error}") from error
    return {name: _compiled(name, output["contracts"][f"contracts/{name}.sol"][name]) for name in CONTRACTS}


def _executable(version: str, folder: Path | None) -> Path:
    """A native compiler of this version, py-solc-x's or that on PATH, else the one in `folder`."""
    import solcx
    from solcx.exceptions import SolcNotInstalled

    with suppress(SolcNotInstalled, OSError):  # it makes its folder, in a home that may be locked
        return Path(solcx.install.get_executable(version))
    on_path = shutil.which("solc")
    if on_path is not None and _version_of(on_path) == version:
        return Path(on_path)
    binary = (folder or Path()) / f"solc-v{version}"
    if folder is None or not os.access(binary, os.X_OK):
        advice = "install it, such as with py-solc-x, or name a directory that holds it"
        raise Unavailable("the Solidity compiler is absent", advice=advice, version=version)
    return binary


def _version_of(program: str) -> str:
    import solcx
    from solcx.exceptions import SolcError, UnexpectedVersionError

    try:
        return str(solcx.wrapper.get_solc_version(program))
    except (SolcError, UnexpectedVersionError, ValueError, OSError, subprocess.SubprocessError):
        return ""


def _compiled(name: str, contract: dict[str, Any]) -> Compiled:
    deployed = contract["evm"]["deployedBytecode"]
    return Compiled(
        contract_name=name,
        abi=contract["abi"],
        bytecode="0x" + contract["evm"]["bytecode"]["object"],
        deployed_bytecode="0x" + deployed["object"],
        immutable_references=deployed.get("immutableReferences", {}),
        storage=_storage(contract["storageLayout"]),
        compiler=msgspec.json.decode(contract["metadata"])["compiler"]["version"],
        settings=compiler().settings,
    )


def _storage(layout: dict[str, Any]) -> dict[str, Any]:
    """Where the contract keeps its variables, as a tree; `ledger.chain.build.Variable` says what its nodes mean.

    The compiler's own table names types by places in the sources, which move whenever any source changes.
    """
    types = layout["types"] or {}

    def variable(kind: str, slot: int = 0, offset: int = 0) -> dict[str, Any]:
        known = types[kind]
        found: dict[str, Any] = {"slot": slot, "offset": offset, "bytes": int(known["numberOfBytes"])}
        if known["encoding"] == "mapping":
            found |= {"key": types[known["key"]]["label"], "value": variable(known["value"])}
        if "members" in known:
            found["members"] = named(known["members"])
        return found

    def named(variables: list[dict[str, Any]]) -> dict[str, Any]:
        return {one["label"]: variable(one["type"], int(one["slot"]), one["offset"]) for one in variables}

    return named(layout["storage"])
