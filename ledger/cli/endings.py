"""What an error means for the exit code, where it came from the system or keeps a command from its verdict."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ledger.errors import Unavailable, UsageError

_UNWRITABLE = frozenset({errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF, errno.EDQUOT})
"""What printing may fail with."""
_UNUSABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO})
_UNUSABLE |= {errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG}
"""What a file or folder that was named may fail with."""


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
