"""A table in batches of columns, for what looks at all of a large one: the rows of `rows`, so that no column is judged
cell by cell in Python.

Text is split by Polars in blocks of several MiB; what Polars does not tell is found beforehand by NumPy: on which line
each row starts, which rows have another number of cells, and whether all quotation marks stand where the module `csv`
takes them for what they are. A text where one does not goes on by `csv`, so both ways read the same.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ledger.errors import Malformed
from participant.tasks.data.sources.columns_file import TableReading
from participant.tasks.data.sources.rows import MAX_BYTES, open_raw
from participant.tasks.data.sources.table import RawTable, Row, read_rows, text_table
from participant.tasks.data.sources.text import MAX_LINE, TextLines, Undecodable, open_table, pieces

BLOCK = 8 << 20
CHUNK = 1 << 14
MAX_CELL = 131_072
"""Signs of a cell, as the module `csv` has it."""
_COMMA, _QUOTE, _LF, _CR = b',"\n\r'
Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Some rows: a column of texts for each name, `lines` int64 the place of each row in the file, and of rows that
    have another number of cells (`uneven`) the place and the number.
    """

    frame: pl.DataFrame
    lines: Places
    uneven: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RowBatches:
    """A table's header, as in `RawTable`, and its rows in batches."""

    header: list[str]
    parts: Iterator[RowBatch]


@contextmanager
def open_batches(
    path: Path, file: TableReading, ceiling: int = MAX_BYTES, told: list[Undecodable] | None = None
) -> Iterator[RowBatches]:
    """Header and rows of a table as they are in the file. Raises as `open_rows`, but not for uneven rows, nor, with
    `told`, for bytes that are not of the encoding.
    """
    if file.kind == "parquet":
        from participant.tasks.data.sources.parquet import open_frames

        with open_frames(path) as (header, frames):
            yield RowBatches(header, _counted(frames))
        return
    if file.kind != "text":
        with open_raw(path, file, ceiling) as raw:
            yield RowBatches(raw.header, batches_of_rows(raw))
        return
    with closing(open_table(path, ceiling)) as binary:
        text = pieces(binary, path, file.encoding, ceiling, told)
        if file.trailing:
            raw = text_table(path, TextLines(text, path), file)
            yield RowBatches(raw.header, batches_of_rows(raw))
        else:
            yield text_batches(path, text, file)


def text_batches(path: Path, text: Iterator[str], file: TableReading) -> RowBatches:
    """Header and rows of a text. Raises Malformed."""
    lines = TextLines(text, path)
    raw = text_table(path, lines, file)
    first = [] if file.header else list(islice(raw.rows, 1))
    return RowBatches(
        raw.header, chain(batches_of_rows(RawTable(raw.header, iter(first))), _blocks(path, lines, file, raw))
    )


def _counted(frames: Iterator[pl.DataFrame]) -> Iterator[RowBatch]:
    row = 1
    for frame in frames:
        yield RowBatch(frame, np.arange(row, row + frame.height))
        row += frame.height


def batches_of_rows(raw: RawTable) -> Iterator[RowBatch]:
    """Rows as batches. What reading them raises, it raises after the rows before."""
    ended: Malformed | None = None
    while ended is None:
        rows: list[Row] = []
        try:
            rows.extend(islice(raw.rows, CHUNK))
        except Malformed as error:
            ended = error
        if rows:
            yield _batch_of_rows(rows, len(raw.header))
        elif ended is None:
            return
    raise ended


def _batch_of_rows(rows: list[Row], width: int) -> RowBatch:
    even = [(line, row) for line, row in rows if len(row) == width]
    uneven = [(line, len(row)) for line, row in rows if len(row) != width]
    cells = zip(*(row for _, row in even), strict=True) if even else [()] * width
    frame = pl.DataFrame([pl.Series(f"{place}", cell, pl.String) for place, cell in enumerate(cells)])
    return RowBatch(frame, np.array([line for line, _ in even], np.int64), uneven)


def _blocks(path: Path, lines: TextLines, file: TableReading, raw: RawTable) -> Iterator[RowBatch]:
    """The rows after what `lines` gave already."""
    line, width = lines.count + 1, len(raw.header)
    text, held = lines.rest(), b""
    while True:
        block, ended = _block(text, held)
        if not block:
            return
        found = _structure(block, ord(file.delimiter), ended)
        if found is None:
            rest = TextLines(chain([block.decode()], text), path)
            rest.count = line - 1
            yield from batches_of_rows(RawTable(raw.header, read_rows(path, rest, file)))
            return
        if found.ends.size:
            yield _batch(block, found, line, width, file.delimiter)
            line += found.lines
            held = block[int(found.ends[-1]) + 1 :]
        else:
            held = block
        if ended:
            return


def _block(text: Iterator[str], held: bytes) -> tuple[bytes, bool]:
    """What is held and more, and whether the text ended; a last line without an end gets one."""
    parts, size = [held], 0
    while size < BLOCK:
        piece = next(text, None)
        if piece is None:
            block = b"".join(parts)
            return (block + b"\n" if block and not block.endswith((b"\n", b"\r")) else block), True
        data = piece.encode()
        parts.append(data)
        size += len(data)
    return b"".join(parts), False


@dataclass(frozen=True, slots=True)
class _Structure:
    """Of a block of bytes: where rows start and end (at their last byte), how many delimiters each has, on which line
    of the block (from 0) each starts, and how many lines these rows have together.
    """

    starts: Places
    ends: Places
    delimiters: Places
    first: Places
    lines: int


def _structure(block: bytes, delimiter: int, ended: bool) -> _Structure | None:
    """None where the module `csv` has to read the block: a quotation mark inside of a cell, or too long a row."""
    data: Bytes = np.frombuffer(block, np.uint8)
    marks = _line_ends(data, ended)
    comma = data == delimiter
    quote = data == _QUOTE
    quoted = bool(quote.any())
    all_ends = np.flatnonzero(marks)
    if quoted:
        inside = (np.cumsum(quote, dtype=np.uint8) & 1).astype(bool)
        ends = np.flatnonzero(marks & ~inside)
        cut = int(ends[-1]) + 1 if ends.size else 0
        if not _regular(data[:cut], quote[:cut], inside[:cut], delimiter) or (ended and cut < len(data)):
            return None
        comma &= ~inside
    else:
        ends = all_ends
    starts = np.concatenate([np.zeros(min(1, ends.size), np.int64), ends[:-1] + 1])
    longest = int((ends - starts).max(initial=0))
    if longest > MAX_CELL or (not ends.size and len(data) > MAX_LINE):
        return None
    upto = np.searchsorted(np.flatnonzero(comma), ends)
    delimiters = np.diff(upto, prepend=0)
    if not quoted:
        return _Structure(starts, ends, delimiters, np.arange(ends.size), int(ends.size))
    counted = int(np.searchsorted(all_ends, ends[-1], "right")) if ends.size else 0
    return _Structure(starts, ends, delimiters, np.searchsorted(all_ends, starts), counted)


def _line_ends(data: Bytes, ended: bool) -> NDArray[np.bool_]:
    """Where lines end: at LF, and at CR without LF after it; whether one comes after the last byte is not known yet."""
    marks: NDArray[np.bool_] = data == _LF
    returns = data == _CR
    if returns.any():
        lone = returns.copy()
        lone[:-1] &= ~marks[1:]
        lone[-1] &= ended
        marks |= lone
    return marks


def _regular(data: Bytes, quote: NDArray[np.bool_], inside: NDArray[np.bool_], delimiter: int) -> bool:
    """Whether every quotation mark opens a cell at its start, closes it at its end, or is doubled within it."""
    border = (data == delimiter) | (data == _LF) | (data == _CR) | quote
    opening = np.flatnonzero(quote & inside)
    closing = np.flatnonzero(quote & ~inside)
    before, after = opening[opening > 0] - 1, closing[closing < len(data) - 1] + 1
    return bool(border[before].all() and border[after].all())


def _batch(block: bytes, found: _Structure, line: int, width: int, delimiter: str) -> RowBatch:
    blank = _blank(block, found, width)
    even = (found.delimiters == width - 1) & ~blank
    lines = found.first + line
    wrong = np.flatnonzero(~even & ~blank)
    uneven = [(int(lines[place]), int(found.delimiters[place]) + 1) for place in wrong]
    data = np.frombuffer(block, np.uint8)[: int(found.ends[-1]) + 1]
    kept = data if even.all() else data[np.repeat(even, found.ends - found.starts + 1)]
    return RowBatch(_split(kept, width, delimiter), lines[even], uneven)


def _blank(block: bytes, found: _Structure, width: int) -> NDArray[np.bool_]:
    """Rows that the module `csv` takes for empty lines: no delimiter, and nothing to see."""
    blank = np.zeros(found.ends.size, np.bool_)
    first = np.frombuffer(block, np.uint8)[found.starts]
    candidates = found.delimiters == 0
    if width == 1:
        candidates &= (first <= ord(" ")) | (first == _QUOTE) | (first > 126)
    for place in np.flatnonzero(candidates):
        text = block[int(found.starts[place]) : int(found.ends[place])].decode().strip()
        blank[place] = not text.replace('"', "").strip() and text.count('"') in (0, 2)
    return blank


def _split(data: Bytes, width: int, delimiter: str) -> pl.DataFrame:
    """Columns of texts. Line ends are LF for Polars; those inside of quotation marks stay as they are."""
    schema = {f"{place}": pl.String for place in range(width)}
    if not data.size:
        return pl.DataFrame(schema=schema)
    returns = data == _CR
    if returns.any():
        inside = (np.cumsum(data == _QUOTE, dtype=np.uint8) & 1).astype(bool)
        before_lf = np.append(data[1:] == _LF, False)
        data = np.where(returns & ~inside & ~before_lf, _LF, data)[~(returns & ~inside & before_lf)]
    return pl.read_csv(
        data.tobytes(),
        has_header=False,
        separator=delimiter,
        schema=schema,
        raise_if_empty=False,
    ).fill_null("")
