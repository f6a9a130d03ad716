"""Ten updates of 25 million parameters from disk to a global model, against Flower averaging the same in memory.

Three figures of one round: the weighted mean alone (every block read from the store and held to its CID), admission
(tensor root, bounds, exact norm), and the whole of what an aggregator does, from bytes on disk to a stored model.
"""

import json
import sys
import tempfile
from pathlib import Path

import measure
import synthetic
from peers import flower

from ledger.formats.cid import of_file
from ledger.rounds.inputs import Inputs
from ledger.rounds.one_pass import Pass

UPDATES, VALUES, TENSORS, RUNS = 10, 25_000_000, 25, 5
MANY = 30
MEMORY = 256
THREADS = 2


def worker(folder: str, updates: str, runs: str) -> None:
    """Measure in this process, and print the seconds of each step and the peak of memory."""
    round_ = synthetic.load(Path(folder), int(updates))
    seconds: dict[str, list[float]] = {"mean": [], "admission": [], "round": []}
    for _ in range(int(runs)):
        seconds["mean"].append(measure.timed(lambda: weighted_mean(round_)))
    memory = measure.peak_memory()
    for _ in range(int(runs)):
        seconds["admission"].append(measure.timed(lambda: admission(round_)))
        seconds["round"].append(measure.timed(lambda: whole_round(round_)))
    print(json.dumps({"bytes": round_.update_bytes, "memory": memory, "whole": measure.peak_memory(), **seconds}))


def weighted_mean(round_: synthetic.Consortium) -> None:
    job, updates = round_.job, round_.history.jobs[1].rounds[1].sorted_updates()
    cids = [of_file(update.cid, job.layout.size) for update in updates]
    weights = [update.weight for update in updates]
    inputs = Inputs(job.layout, job.aggregation, round_.facts.base.cid, cids, weights, round_.fetch)
    for _ in inputs.bands(THREADS):
        pass


def admission(round_: synthetic.Consortium) -> None:
    Pass(round_.facts, round_.fetch, range(round_.updates), threads=THREADS).finish()


def whole_round(round_: synthetic.Consortium) -> None:
    round_.outcome(threads=THREADS, keep=lambda pieces: round_.store.put(pieces, "model", replace=True))


def run() -> list[measure.Row]:
    with tempfile.TemporaryDirectory(prefix="bench-aggregate-") as folder:
        synthetic.make(Path(folder), MANY, VALUES, TENSORS)
        ours = measure.alone("bench_aggregate", folder, UPDATES, RUNS)
        theirs = measure.result_of([flower.python(), flower.AGGREGATE, UPDATES, VALUES, TENSORS, RUNS])["seconds"]
        many = measure.alone("bench_aggregate", folder, MANY, 1)
    rate = {step: [ours["bytes"] / 1e9 / second for second in ours[step]] for step in ("mean", "admission", "round")}
    mean = measure.median(rate["mean"])
    flowers = [4 * UPDATES * VALUES / 1e9 / second for second in theirs]
    ratio = mean / measure.median(flowers)
    growth = many["memory"] - ours["memory"]
    return [
        measure.row(
            "aggregate 10 × 25 M parameters from disk, weighted mean",
            "≥ 1.46",
            mean,
            "GB/s",
            mean >= 1.46,
            measure.spread(rate["mean"]) + ", every block held to its CID",
        ),
        measure.row(
            "… as a ratio to Flower, in memory and unverified",
            "",
            ratio,
            "×",
            None,
            f"Flower {flower.version()}: {measure.median(flowers):.2f} GB/s ({measure.spread(flowers)})",
        ),
        measure.row(
            "… peak memory above the interpreter, 10 updates",
            f"≤ {MEMORY}",
            ours["memory"],
            "MB",
            ours["memory"] <= MEMORY,
        ),
        measure.row(
            "… peak memory above the interpreter, 30 updates",
            "the same",
            many["memory"],
            "MB",
            growth < 10,
            f"{growth:+.1f} MB",
        ),
        measure.row(
            "admission of 10 × 25 M: tensor root, bounds, exact norm",
            "",
            measure.median(rate["admission"]),
            "GB/s",
            None,
            measure.spread(rate["admission"]),
        ),
        measure.row(
            "the whole round, from bytes on disk to a stored model",
            "",
            measure.median(rate["round"]),
            "GB/s",
            None,
            f"{measure.spread(rate['round'])}; peak {ours['whole']:.0f} MB, with 30 updates {many['whole']:.0f} MB",
        ),
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        measure.show(run())
