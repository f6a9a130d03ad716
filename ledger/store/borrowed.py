"""Blocks that a home needs for a round and does not keep: a file each, in a folder of the round, gone with it.

Nothing here is synced, served or named in findings: what a crash damages counts as not there, and is had again.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from ledger.errors import Unavailable
from ledger.formats import unixfs
from ledger.formats.cid import Cid
from ledger.store import Blocks, Buffer, disk


class Borrowed(Blocks):
    """The folder `folder`; threads and processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.name = folder, "what was borrowed"

    def copy(self, cid: Cid) -> Buffer:
        for round_ in self._rounds():
            try:
                with (round_ / str(cid)).open("rb", buffering=0) as file:
                    return file.read(unixfs.largest(cid) + 1) or b""
            except OSError:
                continue
        raise Unavailable(f"{self.name} has no block {cid}", block=cid)

    def take(self, job: int, round_: int, cid: Cid, block: Buffer) -> None:
        """Hold a block of a round. Raises Unavailable where the disk does not take it."""
        disk.write_whole(self._made(job, round_) / str(cid), [block])

    def sweep(self, over: Callable[[Path], bool]) -> None:
        """Delete the rounds whose path, named JOB-ROUND, is `over`."""
        for round_ in self._rounds():
            if over(round_):
                shutil.rmtree(round_, ignore_errors=True)

    def _made(self, job: int, round_: int) -> Path:
        folder = self._folder / f"{job}-{round_}"
        with disk.translated(folder):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _rounds(self) -> list[Path]:
        return sorted(self._folder.iterdir(), reverse=True) if self._folder.is_dir() else []
