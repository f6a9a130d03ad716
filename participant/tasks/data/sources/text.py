"""Text in files: decoded piece by piece, in lines of bounded length, with the place of what cannot be decoded."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import BinaryIO

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.formats.text import command

PIECE = 1 << 20
MAX_LINE = 16 << 20
"""Signs of a line, at most: no row of numbers is longer, and a file without line ends must not fill the memory."""


def open_table(path: Path, ceiling: int) -> BinaryIO:
    """A table's file of at most `ceiling` bytes. Raises UsageError where there is none or more, else Unavailable."""
    try:
        file = path.open("rb")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UsageError("no such data file", file=str(path)) from error
    except OSError as error:
        raise Unavailable(f"cannot read the data: {error.strerror}", file=str(path)) from error
    size = file.seek(0, 2) if file.seekable() else 0
    if size > ceiling:
        file.close()
        raise UsageError(
            "the data file is too large to be read whole", advice="pass a part of it", file=str(path), maximum=ceiling
        )
    if size:
        file.seek(0)
    return file


@dataclass(frozen=True, slots=True)
class Undecodable:
    """The place of bytes that are not of the encoding: `line` from 1, `byte` from 0."""

    line: int
    byte: int


def pieces(
    file: BinaryIO, path: Path, encoding: str, ceiling: int, told: list[Undecodable] | None = None
) -> Iterator[str]:
    """The text of a file, no byte order mark before it.

    Raises Malformed at the first bytes that are not of the encoding, naming line and byte; with a list `told` the first
    such place of each piece goes there, and U+FFFD stands for the bytes. Raises UsageError beyond the ceiling,
    Unavailable where the file cannot be read.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig" if _is_utf8(encoding) else encoding)("strict")
    line, at = 1, 0
    while True:
        state = decoder.getstate()
        data = _read(file, path)
        if at + len(data) > ceiling:
            raise UsageError("the data file is too large to be read whole", file=str(path), maximum=ceiling)
        try:
            text = decoder.decode(data, not data)
        except UnicodeDecodeError as error:
            before = bytes(error.object[: error.start]).decode(encoding, "ignore")
            place = Undecodable(line + before.count("\n"), max(at - len(state[0]), 0) + error.start)
            if told is None:
                raise _not_text(path, encoding, place) from error
            told.append(place)
            decoder.setstate(state)
            decoder.errors = "replace"
            text = decoder.decode(data, not data)
            decoder.errors = "strict"
        if at == 0:
            text = text.removeprefix("\ufeff")
        line, at = line + text.count("\n"), at + len(data)
        if text:
            yield text
        if not data:
            return


def _not_text(path: Path, encoding: str, place: Undecodable) -> Malformed:
    return Malformed(
        f"the file is not {'UTF-8' if _is_utf8(encoding) else encoding} text",
        advice=f"{command('data', 'profile', path)} finds its encoding; or save it as CSV with the encoding UTF-8",
        file=str(path),
        line=place.line,
        byte=place.byte,
    )


def _is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


def _read(file: BinaryIO, path: Path) -> bytes:
    try:
        return file.read(PIECE)
    except OSError as error:
        raise Unavailable(f"cannot read the data: {error.strerror}", file=str(path)) from error


class TextLines:
    """Lines of a text with their ends (LF, CRLF or CR), as the module `csv` takes them; `count` were given so far."""

    def __init__(self, text: Iterator[str], path: Path) -> None:
        self._pieces, self._path = text, path
        self._held = StringIO("", newline="")
        self.count = 0

    def __iter__(self) -> "TextLines":
        return self

    def __next__(self) -> str:
        """Raises Malformed for a line of more than MAX_LINE signs, and what reading the pieces raises."""
        line = self._held.readline()
        while not line.endswith(("\n", "\r")):
            if len(line) > MAX_LINE:
                raise Malformed(
                    "a line is too long for a row of a table",
                    advice="is this a table, and does it have line ends?",
                    file=str(self._path),
                    line=self.count + 1,
                    maximum=MAX_LINE,
                )
            piece = self._piece()
            if not piece:
                break
            self._held = StringIO(line + piece, newline="")
            line = self._held.readline()
        if not line:
            raise StopIteration
        self.count += 1
        return line

    def rest(self) -> Iterator[str]:
        """The text that was not given as lines yet, in pieces."""
        held = self._held.read()
        if held:
            yield held
        while piece := self._piece():
            yield piece

    def _piece(self) -> str:
        """The next piece; none ends between CR and LF."""
        piece = next(self._pieces, "")
        while piece.endswith("\r"):
            more = next(self._pieces, "")
            if not more:
                break
            piece += more
        return piece
