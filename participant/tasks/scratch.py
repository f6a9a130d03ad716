"""A job's scratch folder: what a task keeps for its next round, safe against a crash at any point.

    scratch/<job digest>/
        7/         what round 7 left when its training finished
        8/
        working/   a copy of the newest of them, in which a round trains now

A round works in a copy of what the newest round before it left, and what it writes gets the round's name, all at once,
when its training has finished. So a round that is trained again starts from the same files as the first time, and what
a killed round wrote is never seen.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ledger.errors import Unavailable
from ledger.store.disk import publish, sync_folder, translated

KEPT = 3
"""Rounds whose files are kept: the chain may take back the latest ones, and they are trained again."""


class Scratch:
    """The scratch folder of one job, made where there is none; only its owner may look inside (mode 0700)."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._working = folder, folder / "working"

    @contextmanager
    def training(self, number: int, *, keep: bool = True) -> Iterator[Path]:
        """The folder that round `number` works in. An error on the way, or `keep` false, leaves no trace of it.

        Raises Unavailable where another process trains for this job in this home, or the disk does not take it.
        """
        with self._locked():
            self._remove(self._working)
            if keep:
                self._forget(number)
            self._copy(self._newest(number))
            try:
                yield self._working
                if keep:
                    self._publish(number)
            finally:
                self._remove(self._working)
            self._prune()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with translated(self._folder):
            for folder in (self._folder.parent, self._folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FileLock(self._folder / ".lock", timeout=0)
            try:
                lock.acquire()
            except Timeout as error:
                raise Unavailable(
                    "another process trains for this job in this home",
                    advice="wait until it has finished",
                    folder=str(self._folder),
                ) from error
        try:
            yield
        finally:
            lock.release()

    def _rounds(self) -> list[int]:
        return sorted(int(path.name) for path in self._folder.iterdir() if path.name.isdecimal())

    def _newest(self, before: int) -> int | None:
        return max((number for number in self._rounds() if number < before), default=None)

    def _copy(self, source: int | None) -> None:
        """Make the working folder, with what the round `source` left. Copies, no links: a task may write in place."""
        with translated(self._working):
            if source is None:
                self._working.mkdir(mode=0o700)
            else:
                shutil.copytree(self._folder / str(source), self._working, symlinks=True)

    def _publish(self, number: int) -> None:
        """Give the working folder the round's name, once all of it is on the disk."""
        for folder, _, files in os.walk(self._working):
            for name in files:
                _sync(Path(folder) / name)
            sync_folder(Path(folder))
        publish(self._working, self._folder / str(number))

    def _forget(self, first: int) -> None:
        """Remove what this round and later ones left: the round is trained again, or the chain went back."""
        for number in self._rounds():
            if number >= first:
                self._remove(self._folder / str(number))

    def _prune(self) -> None:
        for number in self._rounds()[:-KEPT]:
            self._remove(self._folder / str(number))

    def _remove(self, folder: Path) -> None:
        """Remove a folder, under another name first: half a folder must not look like a whole one."""
        rubbish = self._folder / "removing"
        with translated(folder):
            shutil.rmtree(rubbish, ignore_errors=True)
            if folder.exists():
                folder.rename(rubbish)
                shutil.rmtree(rubbish)


def _sync(path: Path) -> None:
    if path.is_symlink():
        return
    with translated(path), path.open("rb") as file:
        os.fsync(file.fileno())
