"""What each stage of a round's pass costs: nanoseconds of one core's time a byte, beside those of hashlib.

Each figure is the least of many runs in one thread, all stages in turn, so that other processes and a changing clock
weigh on all alike. Stages of an update count its bytes, those of the model the model's. The last rows are a whole round
by all of its threads: of ten updates, and what of the machine's time it used.

    python benchmarks/parts/stages.py
"""

import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import measure
import numpy as np
from bench_aggregate import THREADS, whole_round
from scenes import synthetic

from ledger import kernel
from ledger.formats.cid import CHUNK
from ledger.formats.merkle import LEAF
from ledger.rounds.rules.arithmetic import BLOCKS
from ledger.store import files
from ledger.store.embedded import Embedded

RUN = BLOCKS * CHUNK
VALUES = RUN // 4
TURNS, ROUNDS = 120, 5
UPDATES, MODEL = 10, 5_000_000
STORED = 32 * RUN
Work = Callable[[], object]


def stages(store: Embedded) -> dict[str, tuple[int, Work]]:
    """What is measured, each with the bytes that it works on."""
    data = np.random.default_rng(1).integers(-(1 << 18), 1 << 18, VALUES, np.int32)
    view, room = memoryview(data).cast("B"), memoryview(bytearray(RUN))
    blocks = [view[at : at + CHUNK] for at in range(0, RUN, CHUNK)]
    leaves, sums, model = kernel.leaf_hashes(view, LEAF), np.zeros(VALUES, np.int64), np.zeros(VALUES, np.int32)
    cids = [store.put([block], f"block {number}") for number, block in enumerate(blocks)]
    rooms = [room[at : at + CHUNK] for at in range(0, RUN, CHUNK)]
    return {
        "hashlib, one stream": (CHUNK, lambda: sha256(blocks[0]).digest()),
        "read two blocks of the store, unchecked": (RUN, lambda: list(map(store.copy_into, cids, rooms))),
        "CIDs of two blocks": (RUN, lambda: kernel.digests(blocks)),
        "leaves": (RUN, lambda: kernel.leaf_hashes(view, LEAF)),
        "the tree above them": (RUN, lambda: kernel.Stack().add(leaves)),
        "CIDs and leaves together": (RUN, lambda: kernel.digests_and_leaves(blocks, LEAF)),
        "bounds and squares": (RUN, lambda: kernel.survey(data)),
        "weighted sum": (RUN, lambda: kernel.add_weighted(sums, data, 3)),
        "division and addition, of the model": (RUN, lambda: kernel.add_mean(model, data, sums, 30_007)),
        "leaves of the sums, of the model": (RUN, lambda: kernel.leaf_hashes(sums, LEAF)),
    }


def least(works: dict[str, tuple[int, Work]]) -> dict[str, float]:
    """Nanoseconds of this thread's time a byte of each, at its best."""
    found = dict.fromkeys(works, float("inf"))
    for _ in range(TURNS):
        for name, (size, work) in works.items():
            began = time.thread_time_ns()
            work()
            found[name] = min(found[name], (time.thread_time_ns() - began) / size)
    return found


def whole(work: Work, size: int) -> tuple[float, float]:
    """Nanoseconds of all threads' time a byte, and how many cores were in use, at its best."""
    runs = []
    for _ in range(ROUNDS):
        began, since = time.process_time(), time.perf_counter()
        work()
        used = time.process_time() - began
        runs.append((1e9 * used / size, used / (time.perf_counter() - since)))
    return min(runs)


def run() -> list[measure.Row]:
    with tempfile.TemporaryDirectory(prefix="bench-stages-") as folder:
        synthetic.make(Path(folder), UPDATES, MODEL)
        round_ = synthetic.load(Path(folder), UPDATES)
        found, piece = least(stages(round_.store)), memoryview(np.random.default_rng(2).bytes(STORED))
        one = found["hashlib, one stream"]
        rows = [
            measure.row(name, "", cost, "ns a byte", None, f"{cost / one:.2f} of hashlib")
            for name, cost in found.items()
        ]
        cid = round_.store.put([piece], "stored")
        wholes: dict[str, tuple[int, Work]] = {
            "store a file, on the disk": (STORED, lambda: round_.store.put([piece], "stored", replace=True)),
            "read a file, checked": (STORED, lambda: [None for _ in files.read(round_.store, cid)]),
            "a round of ten updates": (round_.update_bytes, lambda: whole_round(round_)),
        }
        for name, (size, work) in wholes.items():
            cost, cores = whole(work, size)
            note = f"{cost / one:.2f} of hashlib; {cores:.2f} cores in use, {THREADS} threads asked for"
            rows.append(measure.row(name, "", cost, "ns a byte", None, note))
        return rows


if __name__ == "__main__":
    sys.exit(measure.show(run()))
