"""Places of trainers: as many of a user's begin their work at once as this machine has cores, whatever number of nodes
runs here; those of another niceness have places of their own, since they leave the cores to others, or have them.

Nodes know nothing of each other, so a place is a file in a folder of the user's, held locked: it is free again when its
process ends, however that ends. To load torch and to train a round of a small model take seconds of a core, which many
together only lengthen. Long work gives its place up, and nobody waits without end: without a place it begins all the
same.
"""

import fcntl
import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISDIR

HELD = 10.0
"""Seconds after which a place is given up."""
PATIENCE = 60.0
"""Seconds after which work begins without one."""
PAUSE, LONGEST_PAUSE = 0.002, 0.2
"""Seconds between two looks for a place: a quarter of the time waited, within these bounds. A round of a small model is
trained in 10 ms.
"""
_OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


@contextmanager
def place(folder: Path | None = None, places: int | None = None) -> Iterator[None]:
    """Work in a place, once there is one. Raises nothing: where places cannot be had at all, work goes on."""
    files = _files(folder, places or os.cpu_count() or 1)
    held = _Held(_first(files))
    try:
        yield
    finally:
        held.give_up()
        for file in files:
            os.close(file)


class _Held:
    """A place, until it is given up: at the end, or when the work has taken long."""

    def __init__(self, file: int | None) -> None:
        self._file, self._lock = file, threading.Lock()
        self._timer = threading.Timer(HELD, self.give_up)
        self._timer.daemon = True
        if file is not None:
            self._timer.start()

    def give_up(self) -> None:
        self._timer.cancel()
        with self._lock:
            if self._file is not None:
                fcntl.flock(self._file, fcntl.LOCK_UN)
                self._file = None


def _first(files: list[int]) -> int | None:
    """The first file that nobody else holds, locked; None without any, or where all are held for too long."""
    began = time.monotonic()
    while files and (waited := time.monotonic() - began) < PATIENCE:
        for file in files:
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return file
        pause = min(max(PAUSE, waited / 4), LONGEST_PAUSE)
        time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311  (so that waiting processes do not look together)
    return None


def _files(folder: Path | None, places: int) -> list[int]:
    """The places' files, open; none where the folder is not the user's alone, or there is nowhere to have one."""
    files: list[int] = []
    with suppress(OSError):
        folder = folder or _folder()
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022:
            nice = os.getpriority(os.PRIO_PROCESS, 0)
            of = f"trainer-{nice}" if nice else "trainer"
            files.extend(os.open(folder / f"{of}-{number}", _OPEN, 0o600) for number in range(places))
    return files


def _folder() -> Path:
    """The user's folder on this machine, gone when it is switched off. Raises OSError where no folder takes files."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return Path(runtime) / "fedledger" if runtime else Path(tempfile.gettempdir()) / f"fedledger-{os.getuid()}"
