"""A lock on a file, for the threads of this process and for other processes."""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

POLL_SECONDS = 0.002
"""How often is asked whether another process has let go."""
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class SharedLock:
    """Held by one thread of one process at a time; a thread that has it may take it again.

    Processes wait for each other by asking again and again, and of threads that did the same each would sleep while the
    lock is free. So threads first queue among themselves. The file is locked as filelock does it, by three calls of the
    system in place of its many; where the system refuses one of them, filelock knows what to do.
    """

    def __init__(self, path: Path, patience: float) -> None:
        self._threads, self._taken = threading.RLock(), False
        self._path, self._patience = os.fspath(path), patience
        self._processes = FileLock(path, timeout=patience, poll_interval=POLL_SECONDS)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it. Raises filelock.Timeout where another thread, or another process, keeps it for all
        of the patience; OSError."""
        if not self._threads.acquire(timeout=self._patience):
            raise Timeout(self._processes.lock_file)
        try:
            if self._taken:
                yield
                return
            with self._alone():
                yield
        finally:
            self._threads.release()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Of all processes. In the thread that was let through."""
        handle = self._locked()
        if handle is None:
            with self._processes:
                yield
            return
        self._taken = True
        try:
            yield
        finally:
            self._taken = False
            fcntl.flock(handle, fcntl.LOCK_UN)  # a child that was forked meanwhile has the file open, too
            os.close(handle)

    def _locked(self) -> int | None:
        """The file, open and locked; None where the system refuses that. Raises Timeout."""
        end = time.monotonic() + self._patience
        while True:
            try:
                handle = os.open(self._path, _FLAGS, 0o644)
            except OSError:
                return None
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(handle).st_nlink:
                    return handle  # else somebody deleted it meanwhile, and others lock another
            except BlockingIOError:
                pass
            except BaseException as error:  # an interrupt, too: an open file would stay locked
                os.close(handle)
                if isinstance(error, OSError):
                    return None
                raise
            os.close(handle)
            if time.monotonic() >= end:
                raise Timeout(self._processes.lock_file)
            time.sleep(POLL_SECONDS)
