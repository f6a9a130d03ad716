"""Bundles: how large, how fast they are written and read, by the project's reader and by verify_bundle.py.

The bundles are of a consortium in memory whose members sign real transactions, all of them honest. Each reading is a
process of its own. What is counted is processor time, which other work on the machine hardly changes; rates are of the
bytes of updates, each counted once.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import measure

RUNS, THREADS, DAY = 3, 2, 86_400
MANY, SMALLEST = (100, 100, 22), (10, 1, 1_000_000)
LARGE = (4, 1, 11_700_000)
VERIFIER = measure.ROOT / "ledger" / "bundle" / "verify_bundle.py"
MEMORY = 100
RUN = """import runpy, sys
del sys.argv[0]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    sys.stderr.writelines(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
"""
"""Runs a program and says the most memory that its process ever had."""
Size = tuple[int, int, int]
"""Members, rounds, and values of a model."""


def written(folder: Path, size: Size) -> tuple[Path, float]:
    """A bundle of honest rounds, and the seconds of processors that writing it took."""
    sys.path.insert(0, str(measure.ROOT / "tests"))
    from support.bundles import Staged

    from ledger.events.records import Terms
    from ledger.formats.artifact import Tensor
    from ledger.jobs.document import Admission

    members, rounds, values = size
    limits = Admission(2, 1000, 1 << 20, 1 << 40)
    terms = Terms(1000, DAY, DAY, DAY, DAY, 3)
    staged = Staged(members, tensors=(Tensor("layer", (values,)),), limits=limits, terms=terms)
    for _ in range(rounds):
        staged.honest_round()
    path, began = folder / "bundle.car", time.process_time()
    staged.write(path)
    return path, time.process_time() - began


def worker(path: str) -> None:
    """Read a bundle in this process, once, and say how long it took and how much memory."""
    from ledger.bundle.check import BundleCheck, check_bundle

    began = time.process_time()
    verdict = check_bundle(Path(path), BundleCheck(threads=THREADS)).verdict
    cpu = time.process_time() - began
    print(json.dumps({"verdict": verdict, "cpu": cpu, "memory": measure.peak_memory()}))


def read(path: Path) -> list[dict[str, Any]]:
    """The readings of a bundle by the project."""
    found = [measure.alone("proof/bundle", path) for _ in range(RUNS)]
    if any(one["verdict"] != "VERIFIED" for one in found):
        raise RuntimeError(f"a bundle of honest rounds is {found}")
    return found


def verified(path: Path) -> tuple[float, float]:
    """Seconds of processors that verify_bundle.py takes, as it is called, and the MB of memory of its process."""
    command = [sys.executable, "-c", RUN, str(VERIFIER), "--json", str(path)]
    before = os.times()
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    after = os.times()
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, int(said.split()[-2]) * 1024 / 1e6


def rows_of(folder: Path, size: Size, name: str, alone: float | None) -> list[measure.Row]:
    members, rounds, values = size
    path, writing = written(folder, size)
    found = read(path)
    cpu = measure.median([one["cpu"] for one in found])
    memory = max(one["memory"] for one in found)
    rate = 4e-6 * members * rounds * values / cpu
    note = f"{path.stat().st_size / 1e6:.1f} MB, written in {writing:.1f} s; {memory:.0f} MB of memory"
    note += f", {rate:.0f} MB of updates a second" if values > MANY[2] else ""
    made = [measure.row(f"{name}, read by the project", "", cpu, "s of processor", None, note)]
    if alone is not None:
        took, memory = map(measure.median, zip(*[verified(path) for _ in range(RUNS)], strict=True))
        held, note = took <= alone and memory <= MEMORY, f"≤ {MEMORY} MB of memory: {memory:.0f}"
        made.append(measure.row(f"{name}, verify_bundle.py", f"≤ {alone:.0f}", took, "s of processor", held, note))
    return made


def run() -> list[measure.Row]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        small = (4, 2, 22)
        for size, name, alone in (
            (MANY, "10,000 updates of 22 values", 10.0),
            (SMALLEST, "10 updates of a million values", 4.0),
            (LARGE, "4 updates of 11.7 million values", None),
        ):
            rows += rows_of(Path(folder), small if measure.small() else size, name, alone)
    return rows


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(sys.argv[2])
    else:
        measure.show(run())
