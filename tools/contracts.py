"""Compile the contracts into `ledger/chain/abi/`; with `--check`, only say whether what is there is current.

The compiler is `tools/solc`, the npm package over its own command line: run `npm ci` first.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ledger.chain.compile import compile_contracts  # noqa: E402
from ledger.errors import FedledgerError  # noqa: E402


def main() -> int:
    """Return 0, or 1 where a file drifted, or the error's own exit number."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail on drift")
    check = parser.parse_args().check
    try:
        compiled = compile_contracts(ROOT / "contracts", ROOT / "tools" / "solc")
    except FedledgerError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    drifted = 0
    for name, contract in compiled.items():
        path = ROOT / "ledger" / "chain" / "abi" / f"{name}.json"
        if path.is_file() and path.read_bytes() == contract.encode():
            continue
        if check:
            print(f"{path.relative_to(ROOT)} is not what contracts/ compiles to: run tools/contracts.py", file=sys.stderr)
            drifted = 1
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contract.encode())
            print(f"wrote {path.relative_to(ROOT)}: {len(contract.deployed_bytecode) // 2 - 1} bytes of code")
    return drifted


if __name__ == "__main__":
    sys.exit(main())
