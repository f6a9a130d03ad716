"""Change the contracts in one small way after another, and say which changes no test notices.

Each mutant is compiled alone and its code put where the tests deploy from, in a copy of the repository below `build/`:
neither forge nor Hardhat compiles anything again. Run `tools/foundry forge build` and `npx hardhat compile` first.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ledger.chain.compile import compiler, standard_input  # noqa: E402

COPY = ROOT / "build" / "mutants"
COPIED = ("contracts", "tests/contracts", "tests/vectors", "ledger/chain", "tools", "build/forge", "build/hardhat")
FILES = ("foundry.toml", "hardhat.config.js", "package.json")
# The tests of each contract, the fastest first: of forge by contract, of Hardhat by file.
TESTS = {
    "RoundLedger": (
        "RoundLedgerTest|VectorsTest|^InvariantsTest",
        ("updates", "rounds", "advance", "jobs", "roles", "decisions"),
    ),
    "Consortium": ("ConsortiumTest|^InvariantsTest", ("consortium", "decisions")),
    "ScoreBoard": ("ScoreBoardTest|VectorsTest|Scoring", ("scores",)),
    "ReleaseBoard": ("Ballots", ("decisions",)),
    "Ballots": ("Ballots|Polls", ("ballots", "proposals", "decisions")),
}
# What is replaced by what, wherever it stands in code.
SWAPS = (
    (r" < ", " <= "), (r" <= ", " < "), (r" > ", " >= "), (r" >= ", " > "), (r" == ", " != "), (r" != ", " == "),
    (r" && ", " || "), (r" \|\| ", " && "), (r" \+ ", " - "), (r" - ", " + "), (r" \* ", " + "), (r" / 2", " / 3"),
    (r"\+\+(?=\w)", "--"), (r"\btrue\b", "false"), (r"\bfalse\b", "true"), (r"if \(!", "if ("), (r" \| ", " & "),
    (r"\bPARTICIPANT\b", "AGGREGATOR"), (r"\bAGGREGATOR\b", "PARTICIPANT"), (r"(?<=[ (])1(?=[ ;,)])", "2"),
    (r"Phase\.Aggregating", "Phase.Attesting"), (r"Phase\.Attesting", "Phase.Aggregating"),
    (r"Phase\.Refuted", "Phase.Abandoned"), (r"Phase\.Abandoned", "Phase.Refuted"),
    (r"Phase\.Opening", "Phase.Collecting"), (r"Phase\.Collecting", "Phase.Opening"),
)  # fmt: skip
STATEMENT = re.compile(r"^\s+(if \(.*\) revert .*;|_\w+\(.*\);|emit .*;|[\w.\[\]()]+ (\||\+)?= .*;|\+\+\S+;)$")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One line of a contract, and what it became."""

    contract: str
    number: int
    line: str
    changed: str

    def __str__(self) -> str:
        return f"{self.contract}.sol:{self.number}: `{self.line.strip()}` → `{self.changed.strip() or 'nothing'}`"


def mutants(contract: str, source: str) -> Iterator[Mutant]:
    """Every mutant of this source; some of them do not compile."""
    body = False
    for number, line in enumerate(source.split("\n"), 1):
        body = body or line.startswith("contract ")
        code = line.split("//")[0].rstrip()
        if not body or not code.strip() or code.strip().startswith(("/*", "*", "import")) or " constant " in code:
            continue
        if STATEMENT.match(code):
            yield Mutant(contract, number, line, "")
        for pattern, replacement in SWAPS:
            for found in re.finditer(pattern, code):
                yield Mutant(contract, number, line, code[: found.start()] + replacement + code[found.end() :])


def compiled(mutant: Mutant) -> dict[str, str] | None:
    """The mutant's code as `bytecode` and `deployedBytecode`; None where it does not compile, or is the same code."""
    request = standard_input(ROOT / "contracts")
    name = f"contracts/{mutant.contract}.sol"
    lines = request["sources"][name]["content"].split("\n")
    lines[mutant.number - 1] = mutant.changed
    request["sources"][name]["content"] = "\n".join(lines)
    outputs = ["evm.bytecode.object", "evm.deployedBytecode.object"]
    request["settings"]["outputSelection"] = {name: {mutant.contract: outputs}}
    command = [ROOT / "tools" / "solc" / f"solc-v{compiler().version}", "--standard-json"]
    done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=True)
    output = json.loads(done.stdout)
    if any(problem["severity"] == "error" for problem in output.get("errors", [])):
        return None
    evm = output["contracts"][name][mutant.contract]["evm"]
    code = {kind: "0x" + evm[kind]["object"] for kind in ("bytecode", "deployedBytecode")}
    built = json.loads((ROOT / "ledger" / "chain" / "abi" / f"{mutant.contract}.json").read_text("utf-8"))
    return None if code["deployedBytecode"] == built["deployedBytecode"] else code


def install(contract: str, code: dict[str, str]) -> None:
    """Put this code where the copy's tests deploy the contract from."""
    forge = COPY / "build" / "forge" / "out" / f"{contract}.sol" / f"{contract}.json"
    hardhat = COPY / "build" / "hardhat" / "artifacts" / "contracts" / f"{contract}.sol" / f"{contract}.json"
    for path in (forge, hardhat):
        artifact = json.loads(path.read_text("utf-8"))
        for kind, value in code.items():
            if path is forge:
                artifact[kind]["object"] = value
            else:
                artifact[kind] = value
        path.write_text(json.dumps(artifact), "utf-8")


def killer(contract: str) -> str | None:
    """The first suite that fails on what is installed."""
    suites, files = TESTS[contract]
    few = {**os.environ, "FOUNDRY_FUZZ_RUNS": "32", "FOUNDRY_INVARIANT_RUNS": "4"}
    forge = ["tools/foundry", "forge", "test", "--fail-fast", "--match-contract", suites]
    if subprocess.run(forge, cwd=COPY, env=few, check=False, capture_output=True).returncode:
        return "forge"
    for file in files:
        command = ["node_modules/.bin/hardhat", "test", "--no-compile", "--bail", f"tests/contracts/hardhat/{file}.js"]
        if subprocess.run(command, cwd=COPY, check=False, capture_output=True).returncode:
            return f"{file}.js"
    return None


def copy() -> None:
    """Make the copy, with what is built."""
    shutil.rmtree(COPY, ignore_errors=True)
    for folder in COPIED:
        shutil.copytree(ROOT / folder, COPY / folder, symlinks=True)
    for file in FILES:
        shutil.copy2(ROOT / file, COPY / file)
    (COPY / "node_modules").symlink_to(ROOT / "node_modules")


@click.command(help=__doc__)
@click.argument("contracts", nargs=-1, type=click.Choice(sorted(TESTS)))
@click.option("--sample", default=40, show_default=True, help="How many mutants of each contract; 0 for all.")
@click.option("--seconds", default=3600, show_default=True, help="Start no other mutant after so long.")
@click.option("--seed", default=1, show_default=True, help="Which mutants the sample has.")
def main(contracts: tuple[str, ...], sample: int, seconds: int, seed: int) -> None:
    until = time.monotonic() + seconds
    copy()
    survivors: list[Mutant] = []
    tried = 0
    for contract in contracts or tuple(TESTS):
        source = (ROOT / "contracts" / f"{contract}.sol").read_text("utf-8")
        found = list(mutants(contract, source))
        random.Random(seed).shuffle(found)  # noqa: S311 - a sample, not a secret
        of_contract = 0
        for mutant in found:
            if (sample and of_contract == sample) or time.monotonic() > until:
                break
            code = compiled(mutant)
            if code is None:
                continue
            install(contract, code)
            by = killer(contract)
            of_contract += 1
            tried += 1
            survivors += [] if by else [mutant]
            click.echo(f"{by or 'SURVIVED':<12} {mutant}")
        built = json.loads((ROOT / "ledger" / "chain" / "abi" / f"{contract}.json").read_text("utf-8"))
        install(contract, {kind: built[kind] for kind in ("bytecode", "deployedBytecode")})
    click.echo(f"\n{tried - len(survivors)} of {tried} killed. Survivors:")
    for mutant in survivors:
        click.echo(f"- {mutant}")


if __name__ == "__main__":
    main()
