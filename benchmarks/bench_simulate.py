"""A thousand simulated clients, a hundred rounds, 10 k values: processor time, memory, and overhead.

Everything but training counts as overhead: integers at the border, admission, aggregation, the round's root and its
transaction. Of processor time, so that a busy machine does not show. What Flower's simulator and pfl-research take for
each client and round besides training is from a study on another machine of the same kind.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import measure

CLIENTS, ROUNDS, ROWS, COLUMNS, HIDDEN, CLASSES = 1000, 100, 10, 64, 133, 10
SECONDS, MEMORY, OVERHEAD = 120.0, 1000.0, 0.4
DRAFT = """
name = "simulated"
hold_out = 0
[task]
name = "tabular"
[task.settings]
model = "mlp"
hidden = ["{hidden}"]
columns = {columns}
ranges = {ranges}
classes = {classes}
[aggregation]
rule = "weighted_mean"
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
"""


def write(folder: Path) -> tuple[Path, Path]:
    """A draft of a job with 9,985 values, and rows for all clients."""
    import numpy as np

    random = np.random.default_rng(1)
    kinds = random.integers(0, CLASSES, CLIENTS * ROWS)
    values = np.clip(random.random((CLASSES, COLUMNS))[kinds] + random.normal(0, 0.2, (len(kinds), COLUMNS)), 0, 1)
    np.savez(folder / "rows.npz", x=values, y=kinds.astype(str))
    columns, ranges = ([form.format(n) for n in range(COLUMNS)] for form in ("c{}", "0:1"))
    lists = {"columns": columns, "ranges": ranges, "classes": [str(n) for n in range(CLASSES)]}
    settings = {name: json.dumps(value) for name, value in lists.items()}
    (folder / "job.toml").write_text(DRAFT.format(hidden=HIDDEN, **settings))
    return folder / "job.toml", folder / "rows.npz"


def worker(ledger: str, rounds: int) -> None:
    """One simulation in this process: processor time and memory, as JSON."""
    from participant.simulation.simulation import Simulation, Wanted

    with tempfile.TemporaryDirectory(prefix="bench-simulate-") as name:
        folder = Path(name)
        job, rows = write(folder)
        asked = {"clients": CLIENTS, "rounds": rounds, "partition": "iid", "ledger": ledger, "seed": 1}
        made = Simulation(
            Wanted(job, (rows,), None, **asked, exact=None, device="cpu", folder=folder / "results")  # type: ignore[arg-type]
        )
        made.run()
        spent = made.seconds
        facts = {"training": spent.training, "evaluation": spent.evaluation, "ledger": spent.ledger}
        print(json.dumps({**facts, "all": time.process_time(), "peak": measure.high_water() / 1e6}))


def run() -> list[measure.Row]:
    rows = []
    for ledger in ("root", "none"):
        clock = time.perf_counter()
        spent = measure.alone("bench_simulate", ledger, ROUNDS)
        clock = time.perf_counter() - clock
        overhead = 1e3 * spent["ledger"] / (CLIENTS * ROUNDS)
        training = 1e3 * spent["training"] / (CLIENTS * ROUNDS)
        if ledger == "root":
            note = f"{clock:.0f} s by the clock"
            rows += [
                measure.row(
                    f"simulate {CLIENTS:,} × {ROUNDS}, 10 k values, --ledger root, processor time",
                    f"≤ {SECONDS:.0f}",
                    spent["all"],
                    "s",
                    spent["all"] <= SECONDS,
                    note,
                ),
                measure.row("… peak memory", f"≤ {MEMORY:.0f}", spent["peak"], "MB", spent["peak"] <= MEMORY),
            ]
        rows.append(
            measure.row(
                f"… --ledger {ledger}, a client and round besides training",
                f"≤ {OVERHEAD}",
                overhead,
                "ms",
                overhead <= OVERHEAD,
                f"training {training:.2f} ms; Flower 6.5, pfl-research 0.42",
            )
        )
    return rows


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(sys.argv[2], int(sys.argv[3]))
    else:
        measure.show(run())
