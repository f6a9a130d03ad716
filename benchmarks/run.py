"""Run the benchmarks and print their table: python benchmarks/run.py [NAME …] [--write]

Without names it runs every bench_*.py beside it. `--write` puts the rows into docs/benchmarks.md, in place of what
those benchmarks gave before, and is for a quiet machine. The exit status is 1 where something falls short.
"""

import argparse
import importlib
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import measure

PAGE = measure.ROOT / "docs" / "benchmarks.md"
QUIET = 0.5
BEGIN, END = "<!-- table: make bench -->", "<!-- end of table -->"


def names() -> list[str]:
    return sorted(path.stem.removeprefix("bench_") for path in measure.BENCHMARKS.glob("bench_*.py"))


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def machine() -> str:
    """What was measured on, but for the processor, in words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB of memory, {platform.system()}, Python {platform.python_version()}"
    )


def markdown(name: str, rows: list[measure.Row]) -> list[str]:
    """The rows of a benchmark in Markdown, each with its day and processor."""
    when = f"{datetime.now(UTC):%-d %B %Y}, {processor()}"
    made = []
    for row in rows:
        verdict = {True: "held", False: "**missed**", None: ""}[row["ok"]]
        value = f"{row['measured']:,g} {row['unit']}".strip()
        made.append(f"| {row['work']} | {row['must']} | {value} | {verdict} | {row['note']} (`{name}`, {when}) |")
    return made


def write(results: dict[str, list[measure.Row]]) -> None:
    """Put the rows into the page, between its marks; other benchmarks' rows stay as they are."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    inside, _, after = rest.partition(END)
    text = f"Measured on {machine()}. Each row is the median of its runs, made by `make bench`; one"
    text += (
        " benchmark alone by `python benchmarks/run.py NAME`, with the name at the row's end, before day and processor."
    )
    table = [text, "", "| work | must | measured | | how |", "|---|---|---:|---|---|"]
    for name in names():
        kept = [line for line in inside.splitlines() if f"(`{name}`, " in line]
        table += markdown(name, results[name]) if name in results else kept
    PAGE.write_text("\n".join([f"{before}{BEGIN}", *table, f"{END}{after}"]))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names())}; all without one")
    parser.add_argument("--write", action="store_true", help="put the rows into docs/benchmarks.md")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(names()):
        parser.error(f"no benchmark is called {min(unknown)}")
    results: dict[str, list[measure.Row]] = {}
    print(f"{processor()}: {machine()}", flush=True)
    if (load := os.getloadavg()[0]) > QUIET:
        print(f"The machine is busy (load {load:.1f}): figures will be too low.", flush=True)
    for name in arguments.names or names():
        print(f"\n{name}", flush=True)
        began = time.perf_counter()
        results[name] = importlib.import_module(f"bench_{name}").run()
        measure.show(results[name])
        print(f"({time.perf_counter() - began:.0f} s)", flush=True)
    if arguments.write:
        write(results)
    return int(any(row["ok"] is False for rows in results.values() for row in rows))


if __name__ == "__main__":
    sys.exit(main())
