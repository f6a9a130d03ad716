"""What compressed updates cost in accuracy, and save in bytes: digits at twenty clients by Dirichlet's distribution,
through `fedledger simulate`'s own training and arithmetic; and how fast their values are read.
"""

import json
import sys
import tempfile
from pathlib import Path
from statistics import fmean

import measure
import numpy as np
from scenes.unlike import two_halves

from ledger.formats.artifact import Layout, Tensor
from ledger.formats.compressed.packed import packed
from ledger.formats.compressed.packing import Packing
from ledger.formats.compressed.unpacking import UnpackedBands

CLIENTS, ROUNDS, LAST, SEEDS = 20, 40, 5, 2
FEWER, LOSS = 3.9, 0.01
VALUES, BAND = 1 << 24, 1 << 18
DRAFT = """
name = "digits"
hold_out = 0
seed = {seed}
[task]
name = "tabular"
[task.settings]
model = "mlp"
hidden = ["256", "64"]
epochs = 3
batch_size = 16
learning_rate = 0.05
columns = {columns}
ranges = {ranges}
classes = {classes}
[admission]
min_updates = 2
max_weight = 1000
max_value = 4.0
max_norm = 100
[terms]
rounds = 100
update_seconds = 60
aggregate_seconds = 30
attest_seconds = 30
{compression}
"""
WAYS = {
    "32 bits": "",
    "8 bits": "[compression]\nbits = 8\nerror_feedback = false",
    "4 bits": "[compression]\nbits = 4\nerror_feedback = false",
    "4 bits and error feedback": "[compression]\nbits = 4\nerror_feedback = true",
}


def write(folder: Path, compression: str, seed: int) -> Path:
    """A draft, rows to train on and rows of other writers."""
    for name, rows in zip(("rows", "test"), two_halves(), strict=True):
        np.savez(folder / f"{name}.npz", x=rows.x, y=rows.y.astype(str))
    columns, ranges = ([form.format(n) for n in range(64)] for form in ("c{}", "0:1"))
    lists = {"columns": columns, "ranges": ranges, "classes": [str(n) for n in range(10)]}
    said = {name: json.dumps(value) for name, value in lists.items()}
    (folder / "job.toml").write_text(DRAFT.format(compression=compression, seed=seed, **said))
    return folder / "job.toml"


def run_of(compression: str, seed: int) -> tuple[list[float], int]:
    """The accuracy after each round, and the bytes of an update."""
    from participant.simulation.simulation import Simulation, Wanted

    with tempfile.TemporaryDirectory(prefix="bench-compression-") as name:
        folder = Path(name)
        job = write(folder, compression, seed)
        asked = {"clients": CLIENTS, "rounds": measure.sized(ROUNDS, 2), "partition": "dirichlet:0.5"}
        made = Simulation(
            Wanted(
                job,
                (folder / "rows.npz",),
                folder / "test.npz",
                **asked,  # type: ignore[arg-type]
                ledger="none",
                seed=seed,
                exact=True,
                device="cpu",
                folder=folder / "results",
            )
        )
        made.run()
        return [float(row.figures["accuracy"] or 0.0) for row in made.results.rows], made.job.update_size


def run() -> list[measure.Row]:
    rows, plain, whole = [], 0.0, 0
    for way, compression in WAYS.items():
        runs = [run_of(compression, seed) for seed in range(1, measure.sized(SEEDS, 1) + 1)]
        accuracy, size = fmean(fmean(figures[-LAST:]) for figures, _ in runs), runs[0][1]
        early = " and ".join(
            f"{fmean(figures[min(at, len(figures)) - 1] for figures, _ in runs):.3f}" for at in (10, 20)
        )
        plain, whole = plain or accuracy, whole or size
        must = f"≥ {FEWER}" if way == "8 bits" else ""
        fewer, note = whole / size, f"{size:,} bytes for 33,738 values"
        rows.append(
            measure.row(f"compression: {way}, fewer bytes", must, fewer, "×", _held(must, fewer >= FEWER), note)
        )
        loss, must = plain - accuracy, f"≤ {LOSS}" if way in {"8 bits", "4 bits and error feedback"} else ""
        note = f"accuracy {accuracy:.3f}, after 10 and 20 rounds {early}"
        rows.append(measure.row(f"… {way}, accuracy lost", must, loss, "", _held(must, loss <= LOSS), note))
    return [*rows, reading(8), reading(4)]


def _held(must: str, held: bool) -> bool | None:
    return held if must else None


def reading(bits: int) -> measure.Row:
    """How fast bytes become int32 values, held to the one encoding on the way."""
    packing = Packing(Layout((Tensor("w", (VALUES,)),)), bits)  # type: ignore[arg-type]
    drawn = np.random.default_rng(1).integers(-packing.most, packing.most + 1, VALUES).astype(np.int32)
    body = packed(packing, drawn << np.int32(9))

    def read() -> None:
        at = 0

        def take(size: int) -> memoryview:
            nonlocal at
            at += size
            return body[at - size : at]

        runs = UnpackedBands(packing, take, whole=True)
        for start in range(0, VALUES, BAND):
            runs.values(start, start + BAND)

    times = [measure.timed(read) for _ in range(5)]
    work = f"compression: {bits} bits read and held to their form"
    return measure.row(work, "", 1e9 * measure.median(times) / VALUES, "ns a value", None, "in numpy, one thread")


if __name__ == "__main__":
    sys.exit(measure.show(run()))
