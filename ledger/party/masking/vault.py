"""The folder `masks` of a home: what a member's masks rest on, each thing in a file of its own.

    masks/keys/POINT                       a private mask key
    masks/segments/JOB-SEGMENT-WHERE-HOW   .secrets  round keys and self seeds, 64 bytes a round; zeros once it is over
                                           .setup    the set-up file that was made of them
    masks/held/JOB-SEGMENT-WHERE-OPENING   whose set-up files came in time, until there is a cast
    masks/rounds/JOB-ROUND-WHERE           .pad      which update was masked
                                           .set      the set that was answered for
                                           .unmask, .shares, .open  what was answered

WHERE is a digest of chain and ledger, HOW one of the roster and mask keys that the segment was opened with, in a job
with groups followed by OPENING, the transaction that opened it. Folders have mode 0700 and files 0600, which is looked
at whenever one is read. What is written is on the disk before it is used; but for secrets that are deleted, and what
came in time, nothing is written a second time.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ledger.errors import Unavailable
from ledger.formats.claims import RoundName
from ledger.formats.digest import sha256
from ledger.masks.segment import Segment
from ledger.masks.setup import head_of
from ledger.store import disk

OTHERS = 0o077


def segment_file(segment: Segment, member: int) -> str:
    """What a member's files for a segment are called, as it was opened."""
    return any_opening(segment) + sha256(head_of(segment, member)).hex()


def any_opening(segment: Segment, folder: str = "segments") -> str:
    """How the names of a segment's files in a folder begin, whatever it was opened with."""
    return f"{folder}/{segment.job}-{segment.number}-{_where(segment.name(0))}-"


def round_file(round_: RoundName) -> str:
    """What the files of a round are called."""
    return f"rounds/{round_.job}-{round_.round}-{_where(round_)}"


def _where(round_: RoundName) -> str:
    return sha256(round_.words[:64]).hex()


class Vault:
    """The folder; processes of one home may use it at the same time."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "masks"

    def read(self, name: str, most: int) -> bytes | None:
        """A file of at most `most` bytes; None where there is none.

        Raises Unavailable for a file or folder that others can read or that is not this user's, and for a file that
        cannot be read or is longer: NotRead where it may be readable the next time.
        """
        path = self.folder / name
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise disk.unread(path, error) from error
        with os.fdopen(handle, "rb") as file:
            _require_private(path, os.fstat(file.fileno()), 0o600)
            for folder in (path.parent, self.folder):
                _require_private(folder, folder.stat(), 0o700)
            data = file.read(most + 1)
        if len(data) > most:
            raise damaged(path)
        return data

    def write(self, name: str, data: bytes) -> None:
        """Keep a file, unless there is one: the first that was written stays. Raises Unavailable."""
        self._write(name, data, replace=False)

    def overwrite(self, name: str, data: bytes) -> None:
        """Put other bytes in the place of a file's, all at once. Raises Unavailable."""
        self._write(name, data, replace=True)

    def names(self, folder: str, suffix: str = "") -> Iterator[str]:
        """The files of a folder, by ascending name."""
        with suppress(FileNotFoundError):
            found = sorted(path.name for path in (self.folder / folder).iterdir())
            yield from (f"{folder}/{name}" for name in found if name.endswith(suffix) and not name.startswith("."))

    def delete(self, name: str) -> None:
        """Delete a file; one that is gone, or whose folder never was, is fine. Raises Unavailable."""
        path = self.folder / name
        with disk.translated(path), suppress(FileNotFoundError):
            path.unlink()
            disk.sync_folder(path.parent)

    def clear_drafts(self) -> None:
        """Delete what processes left that were killed while they wrote. Raises Unavailable."""
        for path in self.folder.glob("*/.*"):
            process = path.name.split(".")[-2]
            if not process.isdecimal() or not _lives(int(process)):
                with disk.translated(path):
                    path.unlink(missing_ok=True)

    def _write(self, name: str, data: bytes, *, replace: bool) -> None:
        path = self.folder / name
        with disk.translated(path):
            for folder in (self.folder, path.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        disk.write_private(path, [data], replace=replace)


def damaged(path: Path | str) -> Unavailable:
    """The error of a file that is not what was written there."""
    return Unavailable(
        f"{path} is damaged", advice="look after the disk: what the file was for is sat out", path=str(path)
    )


def _require_private(path: Path, found: os.stat_result, mode: int) -> None:
    if found.st_uid != os.geteuid():
        raise Unavailable(
            f"{path} holds secrets of masks and belongs to another user",
            advice=f"chown it to the user that runs the node, and chmod {mode:o} it",
            path=str(path),
            expected=os.geteuid(),
            actual=found.st_uid,
        )
    if found.st_mode & OTHERS:
        raise Unavailable(
            f"{path} holds secrets of masks and is open to other users",
            advice=f"chmod {mode:o} {path}; if others may have read it, take a new mask key: fedledger node mask-key",
            path=str(path),
            expected=f"{mode:04o}",
            actual=f"{stat.S_IMODE(found.st_mode):04o}",
        )


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
