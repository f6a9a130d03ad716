"""Bytes in and out of the command line, counted as they pass; files that appear only when they are whole; and what it
means where a stream or a file fails.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ledger.errors import Unavailable, UsageError
from ledger.files.foreign import reading

if TYPE_CHECKING:
    from ledger.store import Buffer

STDIO = "-"
_UNWRITABLE = frozenset({errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF, errno.EDQUOT})
"""What printing may fail with."""
_UNUSABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO})
_UNUSABLE |= {errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG}
"""What a file or folder that was named may fail with."""


def counted(pieces: Iterable["Buffer"], advance: Callable[[int], None]) -> Iterator["Buffer"]:
    for piece in pieces:
        advance(len(piece))
        yield piece


class CountedSource:
    """A source that reports how much of it is read."""

    def __init__(self, source: BinaryIO | Any, advance: Callable[[int], None]) -> None:
        self._source, self._advance = source, advance
        self.name = getattr(source, "name", "the CAR")

    def read(self, length: int) -> bytes:
        with reading(self.name):
            data: bytes = self._source.read(length)
        self._advance(len(data))
        return data


def write_file(output: Path, pieces: Iterable["Buffer"]) -> int:
    """Write pieces to standard output, or to a file that appears only when it is whole."""
    from ledger.store import disk

    if str(output) == STDIO:
        return sum(sys.stdout.buffer.write(piece) for piece in pieces)
    return disk.write_whole(output, pieces)


def human(number: object) -> str:
    size = float(number) if isinstance(number, int) else -1.0
    if size < 0:
        return "?"
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def translated(error: BaseException) -> BaseException:
    """What could not be printed, and a file that could not be used, are Unavailable: neither a verdict nor a defect."""
    if isinstance(error, OSError) and error.filename is not None and error.errno in _UNUSABLE:
        advice = "make room, or let it be read and written; --home and FEDLEDGER_HOME name another folder"
        return Unavailable(f"a file or folder cannot be used: {error.strerror}", advice=advice, path=error.filename)
    reason = "the pipe is closed" if isinstance(error, SystemExit) else ""  # rich exits with 1 there
    if isinstance(error, OSError) and error.filename is None and error.errno in _UNWRITABLE:
        reason = str(error.strerror)
    if not reason:
        return error
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter fails again when it ends
    return Unavailable(f"the output could not be written: {reason}")


@contextmanager
def no_verdict() -> Iterator[None]:
    """Of a command whose exit codes are verdicts: what keeps it from coming to one, or from telling it, ends with 2, as
    wrong usage does. That of Unavailable would be one of them.
    """
    try:
        yield
        sys.stdout.flush()
    except MemoryError as error:
        raise UsageError("there is too little memory to come to a verdict") from error
    except (OSError, SystemExit, Unavailable) as error:
        told = translated(error)
        if not isinstance(told, Unavailable):
            raise
        told.exit_code = UsageError.exit_code
        raise told from error
