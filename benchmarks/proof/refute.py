"""From suspicion to `Refuted`: ten updates of 11.7 million values in a node's store, a false value, a real chain.

The commands run in processes of their own, with all that they load. The chain seals a block for each transaction, so it
costs next to nothing; on another one its block time comes on top.
"""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import measure
from scenes.accused import Accusation

from ledger.court.conviction import check, parse

UPDATES, MOST = 10, 32 << 10
LIE = 5000
"""How far from the end of the stream the false value is."""


def timed(*command: object) -> tuple[float, Any]:
    """Seconds that a command takes, and what it prints as JSON."""
    printed = []

    def work() -> None:
        words = [str(measure.FEDLEDGER), *map(str, command), "--json"]
        printed.append(subprocess.run(words, check=True, capture_output=True, text=True).stdout)

    seconds = measure.timed(work)
    return seconds, json.loads(printed[0])


def run() -> list[measure.Row]:
    values = measure.sized(11_700_000, 20_000)
    with tempfile.TemporaryDirectory() as folder, Accusation(Path(folder), UPDATES, values) as case:
        case.publish_false(values - LIE)
        file = Path(folder) / "conviction.rlp"
        network = ("--network", case.local.network_file, "--home", Path(folder) / "visitor")
        dry, _ = timed("refute", "--round", 1, "--dry-run", "--output", file, *case.home)
        seconds, done = timed("refute", "--round", 1, "--output", file, *case.home, *case.key)
        gas = case.gas(done["tx"])
        whole, _ = timed("evidence", "check", file, *network[:2])
        data, times = file.read_bytes(), []
        for _ in range(11):
            times.append(measure.timed(lambda: check(parse(data))))
        work = measure.median(times)
    size = f"{UPDATES} updates of {values / 1e6:.1f} million values"
    return [
        measure.row(f"suspicion to Refuted, {size}", "≤ 60 s", seconds, "s", seconds <= 60, f"a dry run {dry:.1f} s"),
        measure.row("gas of the refutation", "≤ 480 k", gas / 1000, "k", gas <= 480_000, "by the rules before Prague"),
        measure.row("conviction file", f"≤ {MOST:,} B", len(data), "B", len(data) <= MOST, f"of {size}"),
        measure.row("conviction file, checked", "≤ 0.2 s", work, "s", work <= 0.2, f"{whole:.2f} s as a command"),
    ]
