"""Compile the contracts into `ledger/chain/abi/`. The compiler is `tools/solc`: run `make setup` first."""

import sys
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ledger.chain.compile import compile_contracts  # noqa: E402
from ledger.chain.source_check import compiled_sources  # noqa: E402
from ledger.config import cache_folder  # noqa: E402
from ledger.errors import FedledgerError  # noqa: E402


@click.command(help=__doc__)
@click.option("--check", is_flag=True, help="Change nothing; exit 1 where a file is not current.")
@click.option("--cache", is_flag=True, help="Only compile into this user's cache, where audits look.")
def main(check: bool, cache: bool) -> None:
    try:
        if cache:
            compiled_sources(ROOT / "contracts", ROOT / "tools" / "solc", cache_folder())
            return
        compiled = compile_contracts(ROOT / "contracts", ROOT / "tools" / "solc")
    except FedledgerError as error:
        click.echo(error, err=True)
        sys.exit(error.exit_code)
    drifted = False
    for name, contract in compiled.items():
        path = ROOT / "ledger" / "chain" / "abi" / f"{name}.json"
        if path.is_file() and path.read_bytes() == contract.encode():
            continue
        if check:
            click.echo(f"{path.relative_to(ROOT)} is not what contracts/ compiles to: run tools/contracts.py", err=True)
            drifted = True
        else:
            path.write_bytes(contract.encode())
            click.echo(f"wrote {path.relative_to(ROOT)}: {len(contract.deployed_bytecode) // 2 - 1} bytes of code")
    sys.exit(drifted)


if __name__ == "__main__":
    main()
