"""What runs in a home: of each role one process, and no second beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.errors import UsageError

GLANCE = 0.5
"""Seconds that taking a post waits at most for one that only looks."""


@contextmanager
def at_post(folder: Path, role: str) -> Iterator[None]:
    """Hold a home's post of a role, such as node, while it works. Raises UsageError where another process holds it."""
    from filelock import FileLock, Timeout

    lock = FileLock(_file(folder, role), timeout=GLANCE, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise UsageError(
            f"the {role} of this home runs already, in another process",
            advice="end that one first, or name another home: --home",
            home=str(folder),
        ) from error
    try:
        yield
    finally:
        lock.release()


def is_held(folder: Path, post: str) -> bool:
    """Whether a process holds a home's post now: that of a role, or `gateway`."""
    from filelock import FileLock, Timeout

    file = _file(folder, post)
    if not file.exists():
        return False
    try:
        with FileLock(file, timeout=0, thread_local=False):
            return False
    except Timeout:
        return True


def _file(folder: Path, post: str) -> Path:
    return folder / f"{post}.lock"
