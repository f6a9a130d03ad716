"""What the benchmarks share: rows, medians, and processes of their own, so that memory is their own."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psutil

ROOT = Path(__file__).resolve().parent.parent
BENCHMARKS = ROOT / "benchmarks"
FEDLEDGER = Path(sys.executable).with_name("fedledger")
LOOK = 0.02
"""Seconds from one look at a file to the next."""
SMALL = "BENCH_SMALL"
"""In the environment: whether every row is to run once, at a size that says nothing about speed."""
Row = dict[str, Any]


def sized(whole: int, small: int) -> int:
    """A size that is measured at, or the one that shows that a row runs."""
    return small if SMALL in os.environ else whole


def small() -> bool:
    """Whether rows are only to show that they run."""
    return SMALL in os.environ


def row(work: str, must: str, measured: float, unit: str, ok: bool | None, note: str = "") -> Row:
    """One line of the table. `ok` is None for a figure that nothing is demanded of."""
    return {"work": work, "must": must, "measured": round(measured, 3), "unit": unit, "ok": ok, "note": note}


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Smallest and largest of several runs, or the one value of all."""
    least, most = f"{min(values):.{digits}f}", f"{max(values):.{digits}f}"
    return f"{least} in all {len(values)} runs" if least == most else f"{least} to {most} in {len(values)} runs"


def figure(value: float) -> str:
    """A value with three significant digits, or all digits before the point, where there are more."""
    if value == round(value):
        return f"{value:,.0f}"
    before = len(f"{abs(value):.0f}") if abs(value) >= 1 else 0
    after = max(0, 3 - before)
    return f"{value:,.{after}f}"


def median(values: Sequence[float]) -> float:
    return float(statistics.median(values))


def peak_memory(beside: Sequence[str] = ()) -> float:
    """The most memory this process and those beside it ever had, in MB of 10^6 bytes, less what a bare interpreter has
    for each.

    From /proc, since getrusage counts the parent's memory before exec. Memory that they share counts for each.
    """
    processes = ["self", *beside]
    return (sum(map(high_water, processes)) - len(processes) * _bare_interpreter()) / 1e6


def children() -> list[str]:
    """The processes that this one has begun, and that run."""
    found: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # a thread that has just ended
            found += (task / "children").read_text().split()
    return found


def high_water(process: str = "self") -> int:
    line = next(line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def _bare_interpreter() -> int:
    code = "print(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1])"
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout) * 1024


def work_of(process: int) -> float:
    """Seconds of CPU that a process, its descendants, and those of them that have ended used so far; without what works
    aside, at a lower priority.
    """
    import psutil  # not above: it would count as memory of what is measured

    root = psutil.Process(process)
    times = [_times(one) for one in (root, *root.children(recursive=True))]
    return sum(map(sum, times))


def _times(process: "psutil.Process") -> tuple[float, ...]:
    import psutil

    try:
        return process.cpu_times()[:4] if process.nice() <= 0 else ()
    except psutil.Error:
        return ()


def memory_of(process: int) -> float:
    """MB of 10^6 bytes that a process and its descendants have; of what processes share, each its part (PSS)."""
    import psutil

    root, found = psutil.Process(process), 0.0
    for one in (root, *root.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            found += one.memory_full_info().pss / 1e6
    return found


def work_between(process: subprocess.Popen[str], lines: Path, first: int, last: int) -> float:
    """Seconds of CPU that a process and its descendants use from the time when a file has so many lines until it has
    `last`, or they end.
    """
    marks: dict[int, float] = {}
    while process.poll() is None and len(marks) < 2:
        done = lines.read_text().count("\n") if lines.exists() else 0
        if done in {first, last} - marks.keys():
            marks[done] = work_of(process.pid)
        time.sleep(LOOK)
    return marks[last] - marks[first]


def result_of(command: Sequence[str | Path], **environment: str) -> Any:
    """Run a command and read the JSON document on the last line it prints. Shows its errors where it fails."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env=os.environ | environment, cwd=ROOT
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command} failed:\n{done.stderr[-2000:]}\n{done.stdout[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def alone(module: str, *arguments: object) -> Any:
    """Run `module --worker arguments…` in a fresh process and read the JSON it prints."""
    command = [sys.executable, BENCHMARKS / f"{module}.py", "--worker", *map(str, arguments)]
    return result_of(command, PYTHONPATH=str(BENCHMARKS))


def show(rows: Sequence[Row]) -> None:
    """Print rows as a table."""
    for line in rows:
        verdict = {True: "ok  ", False: "MISS", None: "    "}[line["ok"]]
        value = f"{figure(line['measured'])} {line['unit']}"
        print(f"{verdict}  {line['work']:58} {value:>16}  {line['must']:>14}   {line['note']}", flush=True)
