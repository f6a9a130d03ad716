"""Files that somebody else may put, or swap, where we read: no link is followed, no pipe is waited for."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ledger.errors import Malformed


def open_foreign(path: Path, what: str) -> BinaryIO:
    """A regular file, open to be read; `what` names it. Raises Malformed for a link, pipe or folder, else OSError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)  # a pipe never blocks
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise Malformed(f"{what} is a link", file=path.name) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Malformed(f"{what} is not a regular file", file=path.name)
    return os.fdopen(descriptor, "rb")


@contextmanager
def reading(path: Path | str) -> Iterator[None]:
    """What reading an open file fails with names it, as what opening it fails with does: else it could be the output
    that fails.
    """
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def read_named(path: Path, most: int = -1) -> bytes:
    """A file that a user names, links and pipes among them: all of it, or its first `most` bytes. Raises OSError, which
    names the file.
    """
    with reading(path), path.open("rb") as file:
        return file.read(most)


def read_foreign(path: Path, what: str, most: int) -> bytes:
    """The whole of such a file of at most so many bytes. Raises as `open_foreign`, and Malformed for a longer one."""
    with open_foreign(path, what) as file, reading(path):
        data = file.read(most + 1)
    if len(data) > most:
        raise Malformed(f"{what} is too large", file=path.name, maximum=most)
    return data
