"""Every compiler run makes the bytecode that is committed, and that an audit expects on chain."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import solcx

from ledger.chain.build import IMMUTABLES, SOLIDITY_NAMES
from ledger.chain.compile import CONTRACTS, Compiled, compile_contracts, compiler, standard_input
from ledger.errors import Malformed, Unavailable


@pytest.fixture(scope="module")
def compiled(root: Path) -> dict[str, Compiled]:
    return compile_contracts(root / "contracts", root / "tools" / "solc")


def test_committed_files_are_what_the_sources_compile_to(root, compiled):
    for name, contract in compiled.items():
        assert (root / "ledger" / "chain" / "abi" / f"{name}.json").read_bytes() == contract.encode()


@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("built")
def test_hardhat_and_py_solc_x_agree(root, compiled):
    for name, contract in compiled.items():
        path = root / "build" / "hardhat" / "artifacts" / "contracts" / f"{name}.sol" / f"{name}.json"
        artifact = json.loads(path.read_bytes())
        assert artifact["abi"] == contract.abi
        assert artifact["bytecode"] == contract.bytecode
        assert artifact["deployedBytecode"] == contract.deployed_bytecode


def test_compiler_is_the_pinned_one(root, compiled):
    assert set(compiled) == set(CONTRACTS)
    assert {contract.compiler for contract in compiled.values()} == {"0.8.37+commit.f401782d"}
    for name in CONTRACTS:
        assert f"pragma solidity {compiler().version};" in (root / "contracts" / f"{name}.sol").read_text("utf-8")


def test_forge_deploys_what_hardhat_built(root):
    """Forge compiles its tests alone, for the same chain, and no contract: `Base.create` is the one way to deploy."""
    profile = tomllib.loads((root / "foundry.toml").read_text("utf-8"))["profile"]["default"]
    settings = compiler().settings
    assert profile["evm_version"] == settings["evmVersion"]
    assert profile["bytecode_hash"] == settings["metadata"]["bytecodeHash"]
    assert profile["skip"] == ["contracts/**"]
    texts = {file.name: file.read_text("utf-8") for file in (root / "tests" / "contracts" / "forge").glob("*.sol")}
    assert '"build/hardhat/artifacts/contracts/"' in texts["Base.sol"]
    assert [name for name, text in texts.items() if "vm.deployCode(" in text] == ["Base.sol"]
    assert not [name for name, text in texts.items() for one in CONTRACTS if f"new {one}(" in text]


def test_immutables_are_the_other_contracts_addresses(compiled):
    """An audit fills these ranges in, and nothing else."""
    for name, solidity_name in SOLIDITY_NAMES.items():
        built = compiled[solidity_name]
        code = bytes.fromhex(built.deployed_bytecode[2:])
        assert len(built.immutable_references) == len(IMMUTABLES[name])
        for ranges in built.immutable_references.values():
            assert all(code[r["start"] : r["start"] + r["length"]] == bytes(32) for r in ranges)


def test_code_fits_the_limit_of_the_chain(compiled):
    assert all(len(contract.deployed_bytecode) // 2 - 1 <= 24_576 for contract in compiled.values())


@pytest.mark.usefixtures("compiled")
def test_check_names_the_file_that_drifted(root, tmp_path):
    """In a copy, which has what the compiler keeps."""
    for part in ("contracts", "ledger", "tools"):
        shutil.copytree(root / part, tmp_path / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "node_modules").symlink_to(root / "node_modules")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "solc").symlink_to(root / "build" / "solc")
    drifted = tmp_path / "ledger" / "chain" / "abi" / "Consortium.json"
    drifted.write_bytes(drifted.read_bytes().replace(b"0x60", b"0x61", 1))
    done = subprocess.run(
        [sys.executable, tmp_path / "tools" / "contracts.py", "--check"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "ledger/chain/abi/Consortium.json" in done.stderr
    assert "RoundLedger" not in done.stderr


def test_source_names_do_not_depend_on_the_directory(root, tmp_path):
    shutil.copytree(root / "contracts", tmp_path / "elsewhere")
    assert standard_input(tmp_path / "elsewhere") == standard_input(root / "contracts")


def test_absent_sources_or_compiler_are_unavailable(root, tmp_path):
    with pytest.raises(Unavailable, match="no Solidity sources"):
        standard_input(tmp_path)
    with pytest.raises(Unavailable, match="compiler is absent"):
        compile_contracts(root / "contracts", tmp_path)


def test_broken_sources_are_malformed(root, tmp_path):
    (tmp_path / "Broken.sol").write_text("contract Broken {")
    with pytest.raises(Malformed, match="do not compile"):
        compile_contracts(tmp_path, root / "tools" / "solc")


def test_what_was_compiled_is_kept_by_its_input(root, tmp_path):
    """Not where the compiler read a file that is not part of the input."""
    (tmp_path / "Base.sol").write_text("contract Base {}")
    kept, solc = root / "build" / "solc", root / "tools" / "solc" / "solc"
    for source, whole in (("contract Alone {}", True), ('import "Base.sol"; contract Derived is Base {}', False)):
        settings = {"outputSelection": {"*": {"*": ["abi"]}}}
        given = {"language": "Solidity", "sources": {"A.sol": {"content": source}}, "settings": settings}
        request = json.dumps(given)
        said = [
            subprocess.run([solc, "--standard-json"], input=request, cwd=tmp_path, capture_output=True, text=True)
            for _ in range(2)
        ]
        assert said[0].stdout == said[1].stdout
        assert json.loads(said[0].stdout)["contracts"]["A.sol"]
        version = json.loads((root / "node_modules" / "solc" / "package.json").read_text())["version"]
        name = hashlib.sha256(f"{version}\n{request}".encode()).hexdigest()
        assert (kept / f"{name}.json").is_file() is whole


def test_one_run_of_the_compiler_serves_all(root, tmp_path):
    """Whichever parts they ask for with the code, and in any order; other requests are compiled by themselves."""
    shutil.copytree(root / "tools" / "solc", tmp_path / "tools" / "solc", symlinks=True)
    (tmp_path / "node_modules").symlink_to(root / "node_modules")
    sources = {name: {"content": f"contract {name[0]} {{ uint256 x; }}"} for name in ("A.sol", "B.sol")}

    def answer(named: list[str], *outputs: str, ast: bool = False) -> dict[str, Any]:
        settings = {"outputSelection": {"*": {"*": outputs} | ({"": ["ast"]} if ast else {})}}
        given = {"language": "Solidity", "settings": settings, "sources": {name: sources[name] for name in named}}
        command = [tmp_path / "tools" / "solc" / "solc", "--standard-json"]
        return json.loads(subprocess.run(command, input=json.dumps(given), capture_output=True, text=True).stdout)

    def kept() -> int:
        return len(list((tmp_path / "build" / "solc").iterdir()))

    first = answer(["A.sol", "B.sol"], "abi", "metadata", "storageLayout", "evm.bytecode", "evm.deployedBytecode")
    assert first["contracts"]["A.sol"]["A"]["storageLayout"]["storage"]
    assert (
        answer(["B.sol", "A.sol"], "evm.deployedBytecode", "evm.bytecode", "evm.methodIdentifiers", ast=True) == first
    )
    assert kept() == 1
    assert first["sources"]["B.sol"]["ast"]
    other = answer(["A.sol", "B.sol"], "evm.bytecode", "evm.legacyAssembly")
    assert "legacyAssembly" in other["contracts"]["A.sol"]["A"]["evm"]
    assert kept() == 2


def test_shim_answers_combined_json(root, tmp_path):
    """What slither and py-solc-x's `compile_files` ask for."""
    (tmp_path / "Base.sol").write_text("contract Base { uint256 public value; }")
    source = tmp_path / "Derived.sol"
    source.write_text('import "./Base.sol"; contract Derived is Base {}')
    output = solcx.compile_files(
        [source], output_values=["abi", "bin"], allow_paths=tmp_path, solc_binary=root / "tools/solc/solc-v0.8.37"
    )
    (derived,) = (found for name, found in output.items() if name.endswith(":Derived"))
    assert derived["abi"][0]["name"] == "value"
    assert derived["bin"]


def test_a_native_compiler_of_the_pinned_version_is_preferred(root, tmp_path, monkeypatch):
    """One of another version is passed over, and so is one that does not run."""
    said = tmp_path / "said"
    for folder, version in (("broken", "0.8.37"), ("other", "0.8.36"), ("right", "0.8.37")):
        program = tmp_path / folder / "solc"
        program.parent.mkdir()
        asked = f'echo "$@" >> {said}; exec {root}/tools/solc/solc "$@"'
        answers = f'[ "$1" = --version ] && echo "Version: {version}+commit.0" && exit; {asked}'
        program.write_text("#!/bin/sh\n" + ("exit 1\n" if folder == "broken" else answers + "\n"))
        program.chmod(0o700)
    path = os.environ["PATH"]
    for folder in ("broken", "other", "right"):
        monkeypatch.setenv("PATH", f"{tmp_path / folder}{os.pathsep}{path}")
        (tmp_path / "contracts").mkdir(exist_ok=True)
        (tmp_path / "contracts" / "x.sol").write_text("this is not Solidity")
        with pytest.raises(Malformed, match="do not compile"):
            compile_contracts(tmp_path / "contracts", root / "tools" / "solc")
        assert said.exists() == (folder == "right")
