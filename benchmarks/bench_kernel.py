"""The work on every byte, native and pure, as shares of the rate at which hashlib hashes one long stream.

Each figure is the least of many short runs, natively, purely and with hashlib in turn, so that other processes and a
changing clock weigh on all alike.
"""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import measure
import numpy as np

from ledger.formats.merkle import LEAF
from ledger.kernel.choice import choose
from ledger.kernel.table import Kernel, pure_kernel

SIZE = 1 << 20
BLOCKS = [np.random.default_rng(block).integers(0, 256, SIZE, np.uint8).data for block in range(6)]
VALUES = np.frombuffer(BLOCKS[0], "<i4")
SUMS = np.zeros(len(VALUES), "<i8")
TURNS, RUNS = 60, 300

Work = tuple[str, int, Callable[[Kernel], object]]
"""What is measured: its name, the bytes it works on, and the call."""
WORKS: list[Work] = [
    ("digests of three blocks of 1 MiB", 3 * SIZE, lambda kernel: kernel.digests(BLOCKS[:3])),
    ("digest of one block", SIZE, lambda kernel: kernel.digests(BLOCKS[:1])),
    ("leaves of 1 KiB", SIZE, lambda kernel: kernel.leaf_hashes(BLOCKS[0], LEAF)),
    ("digests and leaves, three blocks", 3 * SIZE, lambda kernel: kernel.digests_and_leaves(BLOCKS[:3], LEAF, None)),
    ("digest and leaves, one block", SIZE, lambda kernel: kernel.digests_and_leaves(BLOCKS[:1], LEAF, None)),
    ("largest magnitude and exact squares", SIZE, lambda kernel: kernel.survey(VALUES)),
    ("weighted sum", SIZE, lambda kernel: kernel.add_weighted(SUMS, VALUES, 1000)),
]


def hashlib_stream(_: Kernel) -> object:
    return sha256(BLOCKS[0]).digest()


def rates(works: list[tuple[int, Callable[[], object]]]) -> list[float]:
    """Bytes a second of each work at its best, all of them in turn."""
    least = [float("inf")] * len(works)
    for _ in range(TURNS):
        for place, (_, work) in enumerate(works):
            least[place] = min(least[place], measure.timed(work))
    return [size / seconds for (size, _), seconds in zip(works, least, strict=True)]


def on_two_threads(work: Callable[[list[memoryview]], object]) -> float:
    """How much more two threads do than one: 2 where each has what it needs, 1 where they share it."""
    with ThreadPoolExecutor(2) as pool:
        alone = min(measure.timed(lambda: list(pool.map(work, [BLOCKS[:3]]))) for _ in range(RUNS))
        both = min(measure.timed(lambda: list(pool.map(work, [BLOCKS[:3], BLOCKS[3:]]))) for _ in range(RUNS))
    return 2 * alone / both


def sharing(kernel: Kernel) -> measure.Row:
    """Whether two virtual cores share a SHA unit: bounds and squares, which need none, show what two cores do."""

    def survey(blocks: list[memoryview]) -> None:
        for block in blocks * 8:
            kernel.survey(np.frombuffer(block, "<i4"))

    hashes, others = on_two_threads(kernel.digests), on_two_threads(survey)
    busy = "two virtual cores share a SHA unit" if others > 1.6 else "no two cores were free"
    note = "two virtual cores have a SHA unit each" if hashes > 1.3 else busy
    work = "digests by two threads, of what one does"
    return measure.row(work, "", hashes, "times", None, f"{note}; without hashes {others:.2f} times")


def run() -> list[measure.Row]:
    used, pure = choose(), pure_kernel("as the peer")
    rows = []
    for name, size, call in WORKS:
        works = [(SIZE, lambda: hashlib_stream(pure)), (size, lambda c=call: c(used)), (size, lambda c=call: c(pure))]
        one, ours, theirs = rates(works)
        note = f"pure {theirs / one:.2f} h, so {ours / theirs:.1f} times"
        rows.append(measure.row(f"kernel: {name}", "", ours / one, "h", None, note))
    core = "the processor's own rate h: hashlib, SHA-256, one stream"
    first = measure.row(core, "", one / 1e9, "GB/s", None, used.name)
    return [first, *rows, sharing(used)]


if __name__ == "__main__":
    sys.exit(measure.show(run()))
