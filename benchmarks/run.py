"""Run the benchmarks and print their table: python benchmarks/run.py [NAME …] [--write]

Without names it runs every bench_*.py beside it. `--write` puts the rows into docs/benchmarks.md, in place of what
those benchmarks had there, and is for a quiet machine. The exit status is 1 where something falls short.
"""

import argparse
import importlib
import os
import platform
import re
import sys
import textwrap
import time
from datetime import UTC, datetime
from pathlib import Path

import measure

PAGE = measure.ROOT / "docs" / "benchmarks.md"
QUIET = 0.5
WIDTH = 120
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


def section(name: str, rows: list[measure.Row]) -> str:
    """A benchmark's part of the page: its day, its processor, its rows."""
    lines = [f"### {name}", "", f"{datetime.now(UTC):%-d %B %Y}, {processor()}", ""]
    lines += ["| work | must | measured | held? | how |", "|---|---|---:|---|---|"]
    for row in rows:
        verdict = {True: "yes", False: "**no**", None: ""}[row["ok"]]
        value = f"{measure.figure(row['measured'])} {row['unit']}".strip()
        lines.append(f"| {row['work']} | {row['must']} | {value} | {verdict} | {row['note']} |")
    return "\n".join(lines) + "\n"


def sections(page: str) -> dict[str, str]:
    """The parts that the page has, by benchmark."""
    parts = re.split(r"^### (\w+)\n", page, flags=re.MULTILINE)
    return {name: f"### {name}\n{text.rstrip()}\n" for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def write(results: dict[str, list[measure.Row]]) -> None:
    """Put the rows into the page, between its marks; other benchmarks' parts stay as they are."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    inside, _, after = rest.partition(END)
    text = (
        f"Measured on {machine()}. Each row is the median of its runs, made by `make bench`; one benchmark alone by "
        "`python benchmarks/run.py NAME`, with the name above its table, beside day and processor."
    )
    kept = sections(inside)
    made = {name: section(name, results[name]) if name in results else kept.get(name) for name in names()}
    parts = [textwrap.fill(text, WIDTH) + "\n", *filter(None, made.values())]
    PAGE.write_text(f"{before}{BEGIN}\n" + "\n".join(parts) + f"{END}{after}")


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
