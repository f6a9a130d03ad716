"""Blocks that a home needs for a round and does not keep: in memory, and what has no room there a file each in a folder
of the round, gone with it.

Nothing here is synced, served or named in findings: what a crash damages or loses counts as not there, and is had
again.
"""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from ledger.errors import Unavailable
from ledger.formats import unixfs
from ledger.formats.cid import Cid
from ledger.store import Blocks, Buffer, disk

ROOM = 12 << 20
"""Bytes that are in memory at a time, at most: three rounds of a hundred members, of 40 kB each."""
SHORT = 1 << 16
"""The longest block, in bytes, that is in memory: for others a file of their own costs little."""


class Borrowed(Blocks):
    """The folder `folder`; threads and processes may share it, and each process has a memory of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.name = folder, "what was borrowed"
        self._lock, self._left = threading.Lock(), ROOM
        self._here: dict[tuple[int, int], dict[Cid, bytes]] = {}

    def holds(self, cid: Cid) -> bool:
        """Whether a block is in memory."""
        return self._held(cid) is not None

    def copy(self, cid: Cid) -> Buffer:
        if (block := self._held(cid)) is not None:
            return block
        for round_ in self._rounds():
            try:
                with (round_ / str(cid)).open("rb", buffering=0) as file:
                    return file.read(unixfs.largest(cid) + 1) or b""
            except OSError:
                continue
        raise Unavailable(f"{self.name} has no block {cid}", block=cid)

    def take(self, job: int, round_: int, cid: Cid, block: Buffer) -> None:
        """Hold a block of a round. Raises Unavailable where there is no room in memory, and the disk does not take it
        either.
        """
        if not self._hold((job, round_), cid, block):
            disk.write_whole(self._made(job, round_) / str(cid), [block])

    def sweep(self, over: Callable[[Path], bool]) -> None:
        """Delete the rounds whose path, named JOB-ROUND, is `over`."""
        with self._lock:
            for job, round_ in list(self._here):
                if over(self._path(job, round_)):
                    self._drop((job, round_))
        for path in self._rounds():
            if over(path):
                shutil.rmtree(path, ignore_errors=True)

    def _held(self, cid: Cid) -> bytes | None:
        for blocks in list(self._here.values()):
            if (block := blocks.get(cid)) is not None:
                return block
        return None

    def _hold(self, round_: tuple[int, int], cid: Cid, block: Buffer) -> bool:
        """Take a block into memory while there is room; whether it is there."""
        if len(block) > SHORT:
            return False
        with self._lock:
            if cid in (blocks := self._here.setdefault(round_, {})):
                return True
            if len(block) > self._left:
                return False
            blocks[cid] = bytes(block)
            self._left -= len(block)
            return True

    def _drop(self, round_: tuple[int, int]) -> None:
        """Let go of what is in memory of a round. Under the lock."""
        self._left += sum(map(len, self._here.pop(round_).values()))

    def _made(self, job: int, round_: int) -> Path:
        folder = self._path(job, round_)
        with disk.translated(folder):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _path(self, job: int, round_: int) -> Path:
        return self._folder / f"{job}-{round_}"

    def _rounds(self) -> list[Path]:
        return sorted(self._folder.iterdir(), reverse=True) if self._folder.is_dir() else []
