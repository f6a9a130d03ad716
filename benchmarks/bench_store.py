"""What the embedded store must do with a file of one gigabyte, and what it does here, as a share of the rate at which
one core hashes (h).

Each row is the median of several runs in fresh folders; a run of `add` ends with the file on the disk and indexed. The
disk alone is the same file written without hashing, and the wait for it, as far beside the writing as in `add`. No
store is faster than its disk: where that is slower than h, what `add` must reach is the disk alone, in the same runs.
"""

import hashlib
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from operator import truediv
from pathlib import Path
from random import Random

import measure

from ledger.store import files
from ledger.store.embedded import Embedded
from ledger.store.packs import STRIDE

SIZE = 1_000_000_000
RUNS = 5
PIECE = 6 << 20


def content(size: int = SIZE) -> Iterator[memoryview]:
    """A file whose chunks all differ, made in place so that making it costs next to nothing."""
    buffer = bytearray(Random(1).randbytes(PIECE))
    view = memoryview(buffer)
    for number, start in enumerate(range(0, size, PIECE)):
        for chunk in range(0, PIECE, 1 << 20):
            buffer[chunk : chunk + 8] = (number * PIECE + chunk).to_bytes(8, "big")
        yield view[: min(PIECE, size - start)]


def _hash() -> None:
    for piece in content():
        hashlib.sha256(piece).digest()


def _write(path: Path) -> None:
    """What the disk takes: the bytes alone, on it in the end."""
    handle, end, synced, syncing = os.open(path, os.O_WRONLY | os.O_CREAT), 0, 0, Future[None]()
    syncing.set_result(None)
    with ThreadPoolExecutor(1) as beside:
        for piece in content():
            end += os.pwrite(handle, piece, end)
            if syncing.done() and end - synced >= STRIDE:
                synced, syncing = end, beside.submit(os.fsync, handle)
        syncing.result()
    os.fsync(handle)
    os.close(handle)


def _disk(folder: Path) -> float:
    """MB/s of the disk alone."""
    return SIZE / 1e6 / measure.timed(lambda: _write(folder / "alone"))


def _spread(rates: Sequence[float]) -> str:
    return f"{min(rates):.0f} to {max(rates):.0f} in {RUNS} runs"


def _once(folder: Path, disk_first: bool) -> tuple[float, float, float, float, float, float]:
    """Rates of adding, reading, hashing and of the disk in MB/s; milliseconds to open and to add a small file.

    A disk is often faster for its first gigabytes: so it is measured alone before the adding or after it.
    """
    store = Embedded(folder, create=True)
    disk = _disk(folder) if disk_first else 0.0
    add = SIZE / 1e6 / measure.timed(lambda: store.put(content(), "bench"))
    hashed = SIZE / 1e6 / measure.timed(_hash)
    cid = store.pins()["bench"]
    read = SIZE / 1e6 / measure.timed(lambda: sum(len(piece) for piece in files.read(store, cid)))
    opened = 1e3 * measure.timed(lambda: Embedded(folder).close())
    small = 10 * measure.timed(lambda: [store.put([b"%d" % number], f"small {number}") for number in range(100)])
    disk = disk or _disk(folder)
    store.close()
    return add, read, hashed, disk, opened, small


def rows() -> list[measure.Row]:
    """Measured in this process, each run in a folder that is gone afterwards."""
    runs = []
    for number in range(RUNS):
        with tempfile.TemporaryDirectory(prefix="bench-store-") as folder:
            runs.append(_once(Path(folder), disk_first=number % 2 == 0))
    peak = measure.high_water() / 1e6
    adds, reads, hashes, disks, opens, smalls = zip(*runs, strict=True)
    add, read, alone, opened, small = map(statistics.median, (adds, reads, disks, opens, smalls))
    one, of_disk = statistics.median(hashes), statistics.median(map(truediv, adds, disks))
    added, found, bound = (statistics.median(map(truediv, rates, hashes)) for rates in (adds, reads, disks))
    note = f"{add:.0f} MB/s, {of_disk:.2f} of the disk alone; {_spread(adds)}"
    return [
        measure.row("store: h, SHA-256 of 1 GB in one stream", "", one, "MB/s", None, "hashlib, in the same runs"),
        measure.row(
            "store: the disk alone, without hashing", "", bound, "h", None, f"{alone:.0f} MB/s; {_spread(disks)}"
        ),
        measure.row("store: add 1 GB, on the disk", "≥ 1.0, or the disk", added, "h", max(added, of_disk) >= 1, note),
        measure.row("store: read 1 GB, checked", "≥ 1.0", found, "h", found >= 1, f"{read:.0f} MB/s; {_spread(reads)}"),
        measure.row("store: peak memory", "< 100", peak, "MB", peak < 100, "the whole process"),
        measure.row("store: open", "< 20", opened, "ms", opened < 20, "what each command pays"),
        measure.row("store: add a small file", "< 20", small, "ms", small < 20, "three waits for the disk"),
    ]


def run() -> list[measure.Row]:
    """Measure in a process of its own, so that its memory is its own."""
    found: list[measure.Row] = measure.alone("bench_store")
    return found


if __name__ == "__main__":
    if "--worker" in sys.argv:
        print(json.dumps(rows()))
    else:
        measure.show(run())
