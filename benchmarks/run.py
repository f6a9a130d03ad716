"""Run the benchmarks and print their table: python benchmarks/run.py [NAME …] [--write | --small]

Without names it runs every bench_*.py beside it, and every file of the folders learning and proof, whose names are
learning.FILE and proof.FILE; a folder's name alone is all of its files. `--write` puts the rows into
docs/benchmarks.md, in place of what those benchmarks had there, and is for a quiet machine. The exit status is 1 where
something falls short. `--small` runs the rows of privacy and noise at sizes that only show that they run: its figures
say nothing.
"""

import argparse
import importlib
import os
import platform
import re
import sys
import textwrap
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import measure

PAGE = measure.ROOT / "docs" / "benchmarks.md"
QUIET = 0.5
WIDTH = 120
GROUPS = ("learning", "proof")
BEGIN, END = "<!-- table: make bench -->", "<!-- end of table -->"


def names() -> list[str]:
    """All benchmarks: those beside this file, and those of a group, with its name before theirs."""
    alone = [path.stem.removeprefix("bench_") for path in measure.BENCHMARKS.glob("bench_*.py")]
    return sorted([*alone, *(f"{group}.{path.stem}" for group in GROUPS for path in files(group))])


def files(group: str) -> list[Path]:
    return sorted((measure.BENCHMARKS / group).glob("[a-z]*.py"))


def chosen(asked: Sequence[str]) -> list[str]:
    """The benchmarks that are asked for, a group's name standing for all of it; all without one."""
    return [name for name in names() if not asked or name in asked or name.partition(".")[0] in asked]


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
    parts = re.split(r"^### ([\w.]+)\n", page, flags=re.MULTILINE)
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
    parser.add_argument("--small", action="store_true", help="only show that the rows run; figures say nothing")
    arguments = parser.parse_args()
    if arguments.small and arguments.write:
        parser.error("--small measures nothing that could be written")
    if arguments.small:
        os.environ[measure.SMALL] = "1"
    if unknown := set(arguments.names) - set(names()) - set(GROUPS):
        parser.error(f"no benchmark is called {min(unknown)}")
    results: dict[str, list[measure.Row]] = {}
    print(f"{processor()}: {machine()}", flush=True)
    if (load := os.getloadavg()[0]) > QUIET:
        print(f"The machine is busy (load {load:.1f}): figures will be too low.", flush=True)
    for name in chosen(arguments.names):
        print(f"\n{name}", flush=True)
        began = time.perf_counter()
        results[name] = importlib.import_module(name if "." in name else f"bench_{name}").run()
        measure.show(results[name])
        print(f"({time.perf_counter() - began:.0f} s)", flush=True)
    if arguments.write:
        write(results)
    return int(any(row["ok"] is False for rows in results.values() for row in rows))


if __name__ == "__main__":
    sys.exit(main())
