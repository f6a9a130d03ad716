"""A lock on a file, for the threads of this process and for other processes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

POLL_SECONDS = 0.002
"""How often is asked whether another process has let go."""


class SharedLock:
    """Held by one thread of one process at a time; a thread that has it may take it again.

    Processes wait for each other by asking again and again, and of threads that did the same each would sleep while the
    lock is free. So threads first queue among themselves.
    """

    def __init__(self, path: Path, patience: float) -> None:
        self._threads = threading.RLock()
        self._patience = patience
        self._processes = FileLock(path, timeout=patience, poll_interval=POLL_SECONDS)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it. Raises filelock.Timeout where another thread, or another process, keeps it for all
        of the patience; OSError."""
        if not self._threads.acquire(timeout=self._patience):
            raise Timeout(self._processes.lock_file)
        try:
            with self._processes:
                yield
        finally:
            self._threads.release()
