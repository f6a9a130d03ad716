"""Gas of one update: the real contract on a real EVM, a thousand rounds long. The Hardhat gas test measures it."""

import re
import subprocess

import measure

TEST = "tests/contracts/hardhat/gas.js"
LINE = re.compile(r"submitUpdate, round 1; least and most of rounds 2 to (\d+)\s+(\d+)\s+(\d+)\s+(\d+)")


def run() -> list[measure.Row]:
    command = ["npx", "--no-install", "hardhat", "test", TEST]
    done = subprocess.run(command, cwd=measure.ROOT, capture_output=True, text=True)
    found = LINE.search(done.stdout)
    if done.returncode != 0 or not found:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    rounds, first, least, most = map(int, found.groups())
    return [
        measure.row(
            f"gas of one update, rounds 2 to {rounds:,}",
            "≤ 37000",
            most,
            "gas",
            most <= 37_000,
            f"the dearest; the cheapest {least:,} (calldata with more zeros); a party's first {first:,}; 32,000 wished",
        )
    ]


if __name__ == "__main__":
    measure.show(run())
