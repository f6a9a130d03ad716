"""What the embedded store must do with a file of one gigabyte, and what it does here, as a share of the rate at which
one core hashes (h).

Each row is the median of several runs in fresh folders; a run of `add` ends with the file on the disk and indexed.
"""

import hashlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from operator import truediv
from pathlib import Path
from random import Random
from typing import Any

from ledger.store import files
from ledger.store.embedded import Embedded

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


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _row(work: str, must: str, measured: float, unit: str, ok: bool | None, note: str) -> dict[str, Any]:
    return {"work": work, "must": must, "measured": round(measured, 2), "unit": unit, "ok": ok, "note": note}


def _hash() -> None:
    for piece in content():
        hashlib.sha256(piece).digest()


def _spread(rates: Sequence[float]) -> str:
    return f"{min(rates):.0f} to {max(rates):.0f} in {RUNS} runs"


def _once(folder: Path) -> tuple[float, float, float, float, float]:
    """Rates of adding, reading and hashing in MB/s; milliseconds to open and to add a small file."""
    store = Embedded(folder, create=True)
    add = SIZE / 1e6 / _timed(lambda: store.put(content(), "bench"))
    hashed = SIZE / 1e6 / _timed(_hash)
    cid = store.pins()["bench"]
    read = SIZE / 1e6 / _timed(lambda: sum(len(piece) for piece in files.read(store, cid)))
    opened = 1e3 * _timed(lambda: Embedded(folder).close())
    small = 10 * _timed(lambda: [store.put([b"%d" % number], f"small {number}") for number in range(100)])
    store.close()
    return add, read, hashed, opened, small


def measure() -> list[dict[str, Any]]:
    """Measure in this process, each run in a folder that is gone afterwards."""
    runs = []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory(prefix="bench-store-") as folder:
            runs.append(_once(Path(folder)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    adds, reads, hashes, opens, smalls = zip(*runs, strict=True)
    add, read, opened, small = map(statistics.median, (adds, reads, opens, smalls))
    one = statistics.median(hashes)
    added, found = (statistics.median(map(truediv, rates, hashes)) for rates in (adds, reads))
    return [
        _row("store: h, SHA-256 of 1 GB in one stream", "", one, "MB/s", None, "hashlib, in the same runs"),
        _row("store: add 1 GB, on the disk", "≥ 1.0", added, "h", added >= 1, f"{add:.0f} MB/s; {_spread(adds)}"),
        _row("store: read 1 GB, checked", "≥ 1.0", found, "h", found >= 1, f"{read:.0f} MB/s; {_spread(reads)}"),
        _row("store: peak memory", "< 100", peak, "MB", peak < 100, "the whole process"),
        _row("store: open", "< 20", opened, "ms", opened < 20, "what each command pays"),
        _row("store: add a small file", "< 20", small, "ms", small < 20, "three waits for the disk"),
    ]


def run() -> list[dict[str, Any]]:
    """Measure in a process of its own, so that its memory is its own."""
    done = subprocess.run([sys.executable, __file__, "--json"], capture_output=True, text=True, check=True)
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


if __name__ == "__main__":
    if "--json" in sys.argv:
        print(json.dumps(measure()))
    else:
        for row in measure():
            verdict = {True: "ok  ", False: "MISS", None: "    "}[row["ok"]]
            print(
                f"{verdict} {row['work']:32} {row['measured']:>9} {row['unit']:5} (must {row['must']}; {row['note']})"
            )
