"""Builds the contracts with their own tools, one process at a time: `python -m support.building`."""

import subprocess
import sys
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (("node_modules/.bin/hardhat", "compile"), ("tools/foundry", "forge", "build"))


def main() -> int:
    """Runs each; what is built already takes seconds. What forge builds deploys what Hardhat built."""
    (ROOT / "build").mkdir(exist_ok=True)
    with FileLock(ROOT / "build" / "contracts.lock"):
        return max(subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL).returncode for command in COMMANDS)


if __name__ == "__main__":
    sys.exit(main())
