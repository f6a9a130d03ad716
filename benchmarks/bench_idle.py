"""What a member's node costs while nothing happens: one node on a local chain, no job, after it came to rest."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import measure

from demo.consortium import LocalConsortium, Resident, found
from ledger.config import HomeSettings, save
from ledger.events.records import Role

REST, SECONDS = 35.0, 20.0
"""Seconds until the pauses between two questions are long and its trainer has ended, and for which the CPU is taken."""
LIMIT = 0.2
LOOK = 0.1


@contextmanager
def running(local: LocalConsortium, resident: Resident) -> Iterator[int]:
    """A member's node at work; its process."""
    home = ("--home", str(resident.home.folder), "--passphrase-file", str(resident.passphrase_file))
    log = resident.home.folder / "node.jsonl"
    with subprocess.Popen([measure.FEDLEDGER, "node", "run", *home], stdout=subprocess.DEVNULL) as node:
        try:
            while not (log.exists() and '"waiting"' in log.read_text()):
                if node.poll() is not None:
                    raise RuntimeError("the node has ended")
                time.sleep(LOOK)
            yield node.pid
        finally:
            node.terminate()


def shares(folder: Path) -> tuple[float, float]:
    """Percent of a core that a node takes at rest, and the chain's node for it."""
    roles = Role.PARTICIPANT | Role.AGGREGATOR
    local = found(folder, "At rest", [(name, roles) for name in ("One", "Two", "Three")])
    home, data = local.residents["One"].home, folder / "rows.csv"
    data.touch()  # no job reads it
    save(home.settings_file, HomeSettings(name="One", data=str(data)))
    try:
        with running(local, local.residents["One"]) as node:
            time.sleep(REST)
            before = measure.work_of(node), measure.work_of(local.anvil.pid)
            time.sleep(SECONDS)
            after = measure.work_of(node), measure.work_of(local.anvil.pid)
    finally:
        local.stop()
    mine, chain = (100 * (b - a) / SECONDS for a, b in zip(before, after, strict=True))
    return mine, chain


def run() -> list[measure.Row]:
    with tempfile.TemporaryDirectory(prefix="bench-idle-") as folder:
        mine, chain = shares(Path(folder))
    note = f"over {SECONDS:.0f} s; the chain's node {chain:.2f} % for it"
    return [measure.row("idle node, local chain, of a core", f"≤ {LIMIT}", mine, "%", mine <= LIMIT, note)]


if __name__ == "__main__":
    measure.show(run())
