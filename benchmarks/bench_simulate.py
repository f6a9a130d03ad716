"""A thousand simulated clients, a hundred rounds, 10 k values: processor time, memory, and overhead.

Everything but training counts as overhead: integers at the border, admission, aggregation, the round's root and its
transaction. Of processor time, so that a busy machine does not show. Flower's simulator, being slow, trains the same
model on fewer clients, in fewer rounds; what all its processes take besides training counts from its second round on.
What pfl-research takes is from a study on another machine of the same kind.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measure
from peers import flower

CLIENTS, ROUNDS, ROWS, COLUMNS, HIDDEN, CLASSES = 1000, 100, 10, 64, 133, 10
SECONDS, MEMORY, OVERHEAD = 120.0, 1000.0, 0.4
FLOWER_CLIENTS, FLOWER_ROUNDS, RATIO = 200, 3, 0.1
FULL_CLIENTS, FULL_ROUNDS = 20, 5
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


def worker(ledger: str, clients: int, rounds: int) -> None:
    """One simulation in this process: processor time and memory, as JSON."""
    from participant.simulation.simulation import Simulation, Wanted

    with tempfile.TemporaryDirectory(prefix="bench-simulate-") as name:
        folder = Path(name)
        job, rows = write(folder)
        asked = {"clients": clients, "rounds": rounds, "partition": "iid", "ledger": ledger, "seed": 1}
        made = Simulation(
            Wanted(job, (rows,), None, **asked, exact=False, device="cpu", folder=folder / "results")  # type: ignore[arg-type]
        )
        made.run()
        spent = made.seconds
        facts = {"training": spent.training, "evaluation": spent.evaluation, "ledger": spent.ledger}
        print(json.dumps({**facts, "all": time.process_time(), "peak": measure.high_water() / 1e6}))


def flowers() -> tuple[float, float]:
    """Milliseconds that Flower takes for a client and round: besides training, and training."""
    with tempfile.TemporaryDirectory(prefix="bench-simulate-") as name:
        write(Path(name))
        command = [flower.python(), flower.SIMULATE, name, str(FLOWER_CLIENTS), str(FLOWER_ROUNDS)]
        with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) as process:
            work = measure.work_between(process, Path(name) / "rounds", 2, FLOWER_ROUNDS + 1)
            training = json.loads(process.communicate()[0].strip().splitlines()[-1])["training"]
    each = work / (FLOWER_CLIENTS * (FLOWER_ROUNDS - 1))
    return 1e3 * (each - training), 1e3 * training


def run() -> list[measure.Row]:
    clock = time.perf_counter()
    spent = measure.alone("bench_simulate", "root", CLIENTS, ROUNDS)
    clock = time.perf_counter() - clock
    overhead, of_flower = _overhead(spent), flowers()
    ratio = overhead / of_flower[0]
    simulator = f"Flower {flower.version()}, {FLOWER_CLIENTS} clients × {FLOWER_ROUNDS}"
    return [
        measure.row(
            f"simulate {CLIENTS:,} × {ROUNDS}, 10 k values, --ledger root, processor time",
            f"≤ {SECONDS:.0f}",
            spent["all"],
            "s",
            spent["all"] <= SECONDS,
            f"{clock:.0f} s by the clock",
        ),
        measure.row("… peak memory", f"≤ {MEMORY:.0f}", spent["peak"], "MB", spent["peak"] <= MEMORY),
        _overhead_row("root", spent, "; pfl-research 0.42"),
        measure.row(
            "… as a ratio to Flower's simulator, no ledger",
            f"≤ {RATIO}",
            ratio,
            "×",
            ratio <= RATIO,
            f"{simulator}: {of_flower[0]:.2f} ms, training {of_flower[1]:.2f} ms",
        ),
        _overhead_row("none", measure.alone("bench_simulate", "none", CLIENTS, ROUNDS)),
        _full(measure.alone("bench_simulate", "full", FULL_CLIENTS, FULL_ROUNDS)),
    ]


def _overhead(spent: dict[str, float]) -> float:
    """Milliseconds a client and round, besides training."""
    return 1e3 * spent["ledger"] / (CLIENTS * ROUNDS)


def _overhead_row(ledger: str, spent: dict[str, float], note: str = "") -> measure.Row:
    overhead, training = _overhead(spent), 1e3 * spent["training"] / (CLIENTS * ROUNDS)
    return measure.row(
        f"… --ledger {ledger}, a client and round besides training",
        f"≤ {OVERHEAD}",
        overhead,
        "ms",
        overhead <= OVERHEAD,
        f"training {training:.2f} ms{note}",
    )


def _full(spent: dict[str, float]) -> measure.Row:
    return measure.row(
        f"… --ledger full, {FULL_CLIENTS} × {FULL_ROUNDS}, a client and round besides training",
        "",
        1e3 * spent["ledger"] / (FULL_CLIENTS * FULL_ROUNDS),
        "ms",
        None,
        f"of this process, without the chain's; {spent['all']:.1f} s in all",
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(sys.argv[2], *map(int, sys.argv[3:]))
    else:
        measure.show(run())
