#!/usr/bin/env python3
"""Lists the files of tests that take longest, from what `make test` left in build/tests.xml:
`tools/longest.py > tests/longest.txt`. The longest first, but those behind that wait until the contracts are built.
"""

import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEAST = 15
"""Seconds: what takes less fills the processes evenly in any order."""
BEFORE_BUILT = 1200
"""Seconds of other tests that begin before those of built contracts, which are built meanwhile."""
BUILT = ("tests/contracts/test_hardhat.py", "tests/contracts/test_forge.py", "tests/contracts/test_bytecode.py")


def taken(report: Path) -> Counter[str]:
    """Seconds by file."""
    seconds: Counter[str] = Counter()
    for case in ET.parse(report).iter("testcase"):  # noqa: S314  our own
        seconds[case.get("file", "")] += float(case.get("time", 0))
    return seconds


def ordered(seconds: Counter[str]) -> list[tuple[str, float]]:
    """Files and seconds."""
    long = [(file, took) for file, took in seconds.most_common() if took >= LEAST or file in BUILT]
    others = [pair for pair in long if pair[0] not in BUILT]
    before, place = 0.0, 0
    while place < len(others) and before < BEFORE_BUILT:
        before += others[place][1]
        place += 1
    return others[:place] + [pair for pair in long if pair[0] in BUILT] + others[place:]


def main() -> int:
    report = ROOT / "build" / "tests.xml"
    if not report.is_file():
        sys.stderr.write(f"{report} is not there: run `make test`\n")
        return 2
    lines = ["# Files of tests that begin first, with seconds of a whole run: `make test`, then `tools/longest.py`."]
    lines += [f"{took:4.0f} {file}" for file, took in ordered(taken(report))]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
