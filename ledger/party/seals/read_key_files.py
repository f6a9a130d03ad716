"""Read keys on the disk: age's identity files, for their owner alone."""

import os
from pathlib import Path

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.masks.keys import point_of
from ledger.masks.secret import Secret
from ledger.masks.sharing import draw_secret
from ledger.seals.read_keys import LONGEST, read_key_file, show_key, show_point

OTHERS = 0o077


def create_read_key(path: Path) -> Secret:
    """Make a read key in a new file, mode 0600. Raises UsageError where the file exists: no key is overwritten."""
    key = draw_secret()
    text = f"# public key: {show_point(point_of(key))}\n{show_key(key)}\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        advice = "name another file"
        raise UsageError("there is a file already; a read key is not overwritten", advice=advice, file=path) from error
    except OSError as error:
        raise Unavailable(f"the read key cannot be written: {error.strerror}", file=str(path)) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    return key


def load_read_key(path: Path) -> Secret:
    """The read key in a file. Raises UsageError where it is not there or others may read it, Malformed where it is not
    one.
    """
    try:
        with path.open("rb") as file:
            mode, data = os.fstat(file.fileno()).st_mode, file.read(LONGEST + 1)
    except OSError as error:
        raise UsageError(f"the read key cannot be read: {error.strerror}", file=str(path)) from error
    if mode & OTHERS:
        raise UsageError("others may read this read key", advice=f"chmod 600 {path}", file=str(path))
    if len(data) > LONGEST:
        raise Malformed("a read key's file is too large", file=str(path), maximum=LONGEST)
    return read_key_file(data)
