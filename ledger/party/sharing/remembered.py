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
"""Nanoseconds after a change in which another may have the same time: nothing read then is remembered."""


@dataclass(frozen=True, slots=True)
class _Value(Generic[T]):
    version: tuple[int, int, int]
    about: object
    value: T


class Remembered(Generic[T]):
    """Values read from files or folders, by name; several threads may ask, and other processes may write."""

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._known: dict[Hashable, _Value[T]] = {}

    def get(self, name: Hashable, path: Path, about: object, read: Callable[[], T]) -> T:
        """What `read` made of `path`, with `about` equal, unless it was changed since."""
        version = _version(path)
        found = self._known.get(name)
        if found is not None and found.version == version and found.about == about:
            return found.value
        value, settled = read(), self._clock() - RACY
        if version is not None and version[1] < settled:
            self._known.pop(name, None)
            self._known[name] = _Value(version, about, value)
            for earliest in list(self._known)[:-MOST]:
                self._known.pop(earliest, None)
        return value


def _version(path: Path) -> tuple[int, int, int] | None:
    try:
        said = path.stat()
    except OSError:
        return None
    return said.st_ino, said.st_mtime_ns, said.st_size
