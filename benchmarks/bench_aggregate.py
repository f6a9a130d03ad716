"""Ten updates of 25 million parameters from disk to a stored global model, against Flower averaging the same in memory.

Rates are shares of h, what one core hashes in the same run: `hashlib`, SHA-256, one stream. Each figure with the native
kernel and without it (`FEDLEDGER_KERNEL=pure`). Every run stores its model as a new file, as a round does: to replace
one costs as much again. Beside the whole round its parts: admission alone (CID, tensor root, bounds, exact norm), and
the weighted mean alone (every block read from the store and held to its CID).
"""

import json
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import measure
from peers import flower
from scenes import synthetic

from ledger import kernel
from ledger.formats.cid import CHUNK
from ledger.rounds.inputs import Inputs
from ledger.rounds.model import inputs_of
from ledger.rounds.one_pass import Pass
from ledger.store.packs import name_of

UPDATES, VALUES, TENSORS, RUNS = 10, 25_000_000, 25, 5
MANY = 30
MEMORY = 70
THREADS = 2
HASHED = 256
MODEL = "model"
STEPS = ("round", "admission", "mean")
PATHS = {"native": ("kernel, 2 threads", 0.75), "pure": ("pure Python and numpy", 0.35)}


def worker(folder: str, updates: str, runs: str) -> None:
    """Measure in this process, and print the rates of each step in GB/s, and the peak of memory after whole rounds.

    Where a process hashes leaves beside this one, its memory counts, too.
    """
    round_ = synthetic.load(Path(folder), int(updates))
    size, rates = round_.update_bytes / 1e9, dict[str, list[float]]({"h": []})
    for step, work in zip(STEPS, (whole_round, admission, weighted_mean), strict=True):
        rates[step] = []
        for _ in range(int(runs)):
            rates["h"].append(HASHED * CHUNK / 1e9 / measure.timed(hash_stream))
            forget_model(round_)
            rates[step].append(size / measure.timed(lambda work=work: work(round_)))
        if step == "round":
            memory = measure.peak_memory(measure.children())
    print(json.dumps({"kernel": kernel.in_use(), "memory": memory, **rates}))


def hash_stream() -> None:
    piece = bytes(CHUNK)
    for _ in range(HASHED):
        sha256(piece).digest()


def forget_model(round_: synthetic.Consortium) -> None:
    """Remove the model that a run stored."""
    if cid := round_.store.pins().get(MODEL):
        round_.store.drop(round_.store.packs / name_of(cid))


def whole_round(round_: synthetic.Consortium) -> None:
    round_.outcome(threads=THREADS, keep=lambda pieces: round_.store.put(pieces, MODEL, replace=True))


def admission(round_: synthetic.Consortium) -> None:
    Pass(round_.facts, round_.fetch, range(round_.updates), threads=THREADS).finish()


def weighted_mean(round_: synthetic.Consortium) -> None:
    for _ in inputs(round_).bands(THREADS):
        pass


def inputs(round_: synthetic.Consortium) -> Inputs:
    facts = round_.facts
    return inputs_of(facts.state, facts.job, facts.round, facts.base, facts.round.sorted_updates(), round_.fetch)


def run() -> list[measure.Row]:
    with tempfile.TemporaryDirectory(prefix="bench-aggregate-") as folder:
        synthetic.make(Path(folder), MANY, VALUES, TENSORS)
        few = {path: measured(path, folder, UPDATES, RUNS) for path in PATHS}
        many = {path: measured(path, folder, MANY, 1) for path in PATHS}
        theirs = measure.result_of([flower.python(), flower.AGGREGATE, UPDATES, VALUES, TENSORS, RUNS])["seconds"]
    flowers = [4 * UPDATES * VALUES / 1e9 / second for second in theirs]
    rows = [row for path in PATHS for row in rows_of(path, few[path], many[path])]
    ratio = measure.median(few["native"]["round"]) / measure.median(flowers)
    note = f"Flower {flower.version()}: {measure.median(flowers):.2f} GB/s ({measure.spread(flowers)})"
    return [*rows, measure.row("… to Flower, in memory and unverified", "≥ 0.3", ratio, "×", ratio >= 0.3, note)]


def measured(path: str, folder: str, updates: int, runs: int) -> dict[str, Any]:
    """What a worker measures on one of the two paths."""
    command = [sys.executable, measure.BENCHMARKS / "bench_aggregate.py", "--worker", folder, updates, runs]
    found: dict[str, Any] = measure.result_of(command, FEDLEDGER_KERNEL="pure" if path == "pure" else "")
    return found


def rows_of(path: str, few: dict[str, Any], many: dict[str, Any]) -> list[measure.Row]:
    """The rows of one path."""
    name, must = PATHS[path]
    one = measure.median(few["h"])
    whole, admitted, mean = ([rate / one for rate in few[step]] for step in STEPS)
    share, speed = measure.median(whole), measure.median(few["round"])
    note = f"{measure.spread(whole)}; {speed:.2f} GB/s, h {one:.2f} GB/s; {few['kernel']}"
    rows = [measure.row(f"round of 10 × 25 M, disk to model, {name}", f"≥ {must}", share, "h", share >= must, note)]
    for what, shares in (("admission alone", admitted), ("the weighted mean alone", mean)):
        rows.append(measure.row(f"… {what}", "", measure.median(shares), "h", None, measure.spread(shares)))
    for updates, found in ((UPDATES, few), (MANY, many)):
        what, memory = f"… peak memory above the interpreter, {updates} updates", found["memory"]
        rows.append(measure.row(what, f"≤ {MEMORY}", memory, "MB", memory <= MEMORY))
    return rows


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        measure.show(run())
