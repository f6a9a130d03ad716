"""What was read from the disk, for as long as it is as it was: so a stranger's request costs no more than a look."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")
MOST = 16
"""Values that are remembered, at most: the earliest goes first."""
RACY = 100_000_000
"""Nanoseconds around a change's time in which another may have the same: nothing read then is remembered."""
_Version = tuple[int, int, int, bool]
"""Inode, time of change in nanoseconds, size; and whether that time is over by the machine's clock. It may be to come,
after a restored backup or a clock that was set back: a change at that very time must be seen, too."""


@dataclass(frozen=True, slots=True)
class _Value(Generic[T]):
    version: _Version
    about: object
    value: T


class Remembered(Generic[T]):
    """Values read from files or folders, by name; several threads may ask, and other processes may write."""

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._known: dict[Hashable, _Value[T]] = {}

    def get(self, name: Hashable, path: Path, about: object, read: Callable[[], T]) -> T:
        """What `read` made of `path`, with `about` equal, unless it was changed since."""
        version = self._version(path)
        found = self._known.get(name)
        if found is not None and found.version == version and found.about == about:
            return found.value
        value = read()
        if version is not None and version == self._version(path):
            self._known.pop(name, None)
            self._known[name] = _Value(version, about, value)
            for earliest in list(self._known)[:-MOST]:
                self._known.pop(earliest, None)
        return value

    def _version(self, path: Path) -> _Version | None:
        """None without a file, and where another change may have the same time."""
        try:
            said = path.stat()
        except OSError:
            return None
        passed = self._clock() - said.st_mtime_ns
        return None if abs(passed) <= RACY else (said.st_ino, said.st_mtime_ns, said.st_size, passed > 0)
