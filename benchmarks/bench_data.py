"""What a look at a large table costs: the whole process of `fedledger data profile`, and its memory."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import measure

SIZE = 1_000_000_000
PART = 200_000
SECONDS, MEMORY = 60.0, 1000.0
_RUN = """
import contextlib, io, json, sys, time
sys.path.insert(0, sys.argv[2])
import measure
from ledger.cli.main import fedledger
began, said = time.perf_counter(), io.StringIO()
with contextlib.redirect_stdout(said):
    fedledger.main(["data", "profile", sys.argv[1], "--json"], standalone_mode=False)
seconds, found = time.perf_counter() - began, json.loads(said.getvalue())
memory, busy = measure.peak_memory(), time.process_time()
print(json.dumps({"seconds": seconds, "memory": memory, "rows": found["rows"], "busy": busy}))
"""


def make(path: Path, size: int) -> None:
    """A table of thirteen columns, some in quotes, some cells missing, of at least so many bytes."""
    import numpy as np
    import polars as pl

    rng, written, first = np.random.default_rng(1), 0, 0
    with path.open("wb") as file:
        while written < size:
            frame = pl.DataFrame(
                {
                    "patient": np.arange(first, first + PART),
                    "age": rng.integers(18, 95, PART),
                    "sex": rng.choice(["F", "M"], PART),
                    "site": rng.choice(["Taipei", "Tainan, west", "Hualien"], PART),
                    "dose": rng.normal(5, 1, PART).round(3),
                    "cholesterol": np.where(rng.random(PART) < 0.05, 0, rng.integers(120, 400, PART)),
                    "ldl": rng.normal(3, 0.8, PART).round(4),
                    "hdl": rng.normal(1.3, 0.3, PART).round(4),
                    "glucose": rng.normal(5.5, 1, PART).round(2),
                    "bmi": rng.normal(25, 4, PART).round(1),
                    "smoker": rng.choice(["0", "1", "?"], PART, p=[0.7, 0.28, 0.02]),
                    "visit": rng.choice(["2024-01-03", "2024-02-11", "2025-06-30"], PART),
                    "ill": rng.choice(["no", "yes"], PART, p=[0.9, 0.1]),
                }
            )
            written += file.write(frame.write_csv(include_header=not first).encode())
            first += PART


def run() -> list[measure.Row]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cohort.csv"
        make(path, measure.sized(SIZE, 1_000_000))
        command = [sys.executable, "-c", _RUN, str(path), str(measure.BENCHMARKS)]
        environment = {**os.environ, "PYTHONPATH": str(measure.ROOT)}
        said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
        found, size = json.loads(said), path.stat().st_size / 1e6
    work = f"`data profile` of {size:,.0f} MB, {found['rows']:,} rows of 13 columns"
    seconds, memory, busy = found["seconds"], found["memory"], found["busy"]
    return [
        measure.row(work, f"< {SECONDS:.0f}", seconds, "s", seconds < SECONDS, f"{busy:.0f} s of all processors"),
        measure.row(f"{work}: memory", f"< {MEMORY:,.0f}", memory, "MB", memory < MEMORY, "peak"),
    ]


if __name__ == "__main__":
    measure.show(run())
