"""Is the code on chain made from this source? Compile it again and compare."""

import contextlib
import os
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ledger.chain.build import SOLIDITY_NAMES, immutables_of, runtime_code
from ledger.chain.client import Client
from ledger.chain.programs import find_program
from ledger.errors import Unavailable
from ledger.formats.digest import keccak, sha256

if TYPE_CHECKING:
    from ledger.chain.compile import Compiled


class SourceStatus(Enum):
    """`UNCHECKED` says that nobody looked; it is never as good as `SAME`."""

    SAME = "same"
    DIFFERENT = "different"
    UNCHECKED = "unchecked"


class SourceCheck(msgspec.Struct, frozen=True):
    """The result: for each contract the Keccak-256 of the code compiled here and of the code on chain (hexadecimal).

    Without them where it could not be checked, and then `reason` says why.
    """

    status: SourceStatus
    reason: str = ""
    expected: dict[str, str] = {}
    actual: dict[str, str] = {}


def sources() -> Path:
    """Where the contracts' sources are: inside an installed package, else beside it in a checkout.

    Raises Unavailable where there are none.
    """
    package = Path(__file__).parent
    for folder in (package / "contracts", package.parents[1] / "contracts"):
        if (folder / "RoundLedger.sol").is_file():
            return folder
    raise Unavailable("the contracts' sources are not installed", advice="name their directory")


def compiler_dir() -> Path | None:
    """Where the compiler is: a checkout's own, once `npm ci` has run, else py-solc-x's folder (None)."""
    root = Path(__file__).parents[2]
    own = (root / "node_modules" / "solc").is_dir() and find_program("node") is not None
    return root / "tools" / "solc" if own else None


def check_source(
    client: Client,
    contracts_dir: Path | None = None,
    solc_dir: Path | None = None,
    cache: Path | None = None,
) -> SourceCheck:
    """Compile the sources and compare with the code on chain, the contracts' addresses set where they belong.

    `solc_dir` holds the compiler; see `compiler_dir`. Compiling takes some seconds; with `cache`, a folder of this
    user's own, the same sources are compiled there once.
    A compiler or sources that are missing give UNCHECKED. Raises Malformed for sources that do not compile,
    Unavailable where the chain cannot be read.
    """
    actual = {name: client.code(address) for name, address in client.addresses.items()}
    try:
        compiled = compiled_sources(contracts_dir or sources(), solc_dir or compiler_dir(), cache)
    except Unavailable as error:
        return SourceCheck(SourceStatus.UNCHECKED, reason=str(error))
    expected = {}
    for name, solidity_name in SOLIDITY_NAMES.items():
        built = compiled[solidity_name]
        addresses = immutables_of(name, client.addresses)
        expected[name] = runtime_code(built.deployed_bytecode, built.immutable_references, addresses)
    return SourceCheck(
        SourceStatus.SAME if expected == actual else SourceStatus.DIFFERENT,
        expected={name: _hash(code) for name, code in expected.items()},
        actual={name: _hash(code) for name, code in actual.items()},
    )


def is_compiled(cache: Path) -> bool:
    """Whether `cache` holds these sources compiled; also where there are no sources, and nothing will be compiled."""
    try:
        return _kept(sources(), cache).is_file()
    except Unavailable:
        return True


def compiled_sources(contracts_dir: Path, solc_dir: Path | None, cache: Path | None) -> "dict[str, Compiled]":
    """The sources compiled, or what `cache` holds of an earlier time. Raises what `compile_contracts` raises."""
    from ledger.chain.compile import Compiled, compile_contracts

    if cache is None:
        return compile_contracts(contracts_dir, solc_dir)
    kept = _kept(contracts_dir, cache)
    with contextlib.suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode(kept.read_bytes(), type=dict[str, Compiled])
    fresh = compile_contracts(contracts_dir, solc_dir)
    with contextlib.suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = kept.with_suffix(f".{os.getpid()}")
        draft.write_bytes(msgspec.json.encode(fresh))
        draft.replace(kept)
    return fresh


def _kept(contracts_dir: Path, cache: Path) -> Path:
    """The file of these sources compiled. Raises Unavailable where there are none."""
    from ledger.chain.compile import compiler, standard_input

    request = msgspec.json.encode([compiler().version, standard_input(contracts_dir)], order="deterministic")
    return cache / f"compiled-{sha256(request).hex()}.json"


def _hash(code: bytes) -> str:
    return "0x" + keccak(code).hex()
