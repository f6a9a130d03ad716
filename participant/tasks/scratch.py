"""A job's scratch folder: what a task keeps for its next round, safe against a crash at any point.

    scratch/<job digest>/
        7/         what round 7 left when its training finished
        8/
        working/   a copy of the newest of them, in which a round trains now

A round works in a copy of what the newest round before it left, and what it writes gets the round's name, all at once,
when its training has finished. So a round that is trained again starts from the same files as the first time, and what
a killed round wrote is never seen. Where nothing was left before, a round that leaves nothing leaves no folder either:
the next starts from an empty one both ways, and no disk is waited for.

It may hold regular files, folders, and symbolic links that stay inside. The owner may always read and write what is
kept: a folder that a task made read-only must not lock the job out.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ledger.errors import Unavailable, UsageError
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

        Raises Unavailable where another process trains for this job in this home, or the disk does not take it;
        UsageError where the round leaves something that cannot be kept. What cannot be removed afterwards is left to
        the next round, so that neither the task's own error is hidden nor a finished round fails.
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
                with suppress(Unavailable):
                    self._remove(self._working)
            with suppress(Unavailable):
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
                check_contents(self._folder / str(source))
                shutil.copytree(self._folder / str(source), self._working, symlinks=True)

    def _publish(self, number: int) -> None:
        """Give the working folder the round's name, once all of it is allowed, and on the disk; not where it is empty
        and so was the one before.
        """
        with translated(self._working):
            check_contents(self._working)
            nothing = not any(self._working.iterdir())
        if nothing and self._newest(number) is None:
            return
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
            _delete(rubbish)
            if folder.exists():
                folder.rename(rubbish)
                _delete(rubbish)


def contents(folder: Path) -> Iterator[Path]:
    """All that is in a folder, at any depth, in order; no link is followed. Its folders are opened to their owner."""
    folder.chmod(folder.stat().st_mode | stat.S_IRWXU)
    for path in sorted(folder.iterdir()):
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from contents(path)


def check_contents(folder: Path) -> None:
    """Open a scratch folder's files to their owner. Raises UsageError for what may not be in it, opening nothing."""
    for path in contents(folder):
        mode = path.lstat().st_mode
        kind = _kind(mode)
        if stat.S_ISLNK(mode) and not _inside(path, folder):
            kind = f"a symbolic link to {str(path.readlink())[:200]!r}"
        if kind:
            raise UsageError(
                "the scratch folder holds something that cannot be kept",
                advice="keep regular files, folders, and symbolic links that stay inside, written relative",
                name=str(path.relative_to(folder)),
                actual=kind,
            )
        if stat.S_ISREG(mode):
            path.chmod(mode | stat.S_IRUSR | stat.S_IWUSR)


def _kind(mode: int) -> str:
    """What a thing is that cannot be kept; empty for a file, a folder and a link."""
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode):
        return ""
    return {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}.get(stat.S_IFMT(mode), "a device")


def _inside(link: Path, folder: Path) -> bool:
    """Whether a link leads into the folder, wherever that is put later."""
    written = os.path.normpath(link.parent.relative_to(folder) / link.readlink())
    real = Path(os.path.realpath(link)).is_relative_to(os.path.realpath(folder))
    return real and not {"/", ".."} & set(Path(written).parts)


def _delete(folder: Path) -> None:
    """Remove a folder with all that is in it, where there is one."""
    if folder.exists():
        for _ in contents(folder):
            pass
        shutil.rmtree(folder)


def _sync(path: Path) -> None:
    if path.is_symlink():
        return
    with translated(path), path.open("rb") as file:
        os.fsync(file.fileno())
