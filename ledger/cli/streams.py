"""Bytes in and out of the command line, counted as they pass; files that appear only when they are whole."""

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from ledger.store import Buffer

STDIO = "-"


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
