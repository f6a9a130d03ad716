"""Prints one hash over what the server optimisers of this machine make of the vectors, and of a million random values.

    .venv/bin/python tests/vectors/hash_optimisers.py

`make arm` runs it on emulated ARM64 and compares; a test runs it with fewer of this processor's instructions.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1]))

from ledger.jobs.server import Server  # noqa: E402
from ledger.rounds.optimisers import Turnout, stepped  # noqa: E402
from ledger.rounds.optimisers.arithmetic import square_root  # noqa: E402

VALUES = 1 << 18


def drawn(seed: int, values: int, bits: int) -> Any:
    """Whole numbers of so many bits, of all sizes, by xorshift: no generator of numpy's is needed to be the same."""
    state = np.arange(1, values + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
    for shift in (13, -7, 17, 13, -7, 17):
        state ^= state << np.uint64(shift) if shift > 0 else state >> np.uint64(-shift)
    sizes = (state >> np.uint64(64 - bits)) >> (state % np.uint64(bits))
    return sizes.astype(np.int64)


def main() -> str:
    digest = hashlib.sha256()
    for case in json.loads((FOLDER / "optimisers.json").read_text(encoding="utf-8"))["cases"]:
        server = msgspec.convert(case["server"], Server)
        turnout, bits = Turnout(case["updates"], case["parties"]), case["fraction_bits"]
        signs = 1 - 2 * (drawn(3, VALUES, 1) & 1)
        mean, state = drawn(1, VALUES, 31) * signs, [drawn(2, VALUES, 31) for _ in server.streams]
        for _ in range(2):
            change, after = stepped(server, mean, state, turnout, bits)
            state = list(after)
            for made in (change, *state):
                digest.update(made.astype("<i8").tobytes())
    digest.update(square_root(drawn(5, 1 << 20, 62)).astype("<i8").tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.stdout.write(main() + "\n")
