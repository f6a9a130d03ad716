"""A table as it lies in its file: header and rows, and how those of a text are read."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import Malformed
from participant.tasks.data.sources.columns_file import MAX_COLUMNS, TableReading
from participant.tasks.data.sources.text import TextLines

MAX_ROWS = 200_000_000
Row = tuple[int, list[str]]


@dataclass(frozen=True, slots=True)
class RawTable:
    """A table as it lies in its file: `header`, and the rows after it with the file's line (else number) of each."""

    header: list[str]
    rows: Iterator[Row]


def text_table(path: Path, lines: TextLines, file: TableReading) -> RawTable:
    """A text's header and rows; with no header its columns are named by their place. Raises Malformed."""
    for _ in range(file.skip):
        next(lines, None)
    rows = read_rows(path, lines, file)
    if file.header:
        first = next(rows, None)
        return RawTable(named(path, first[1] if first else []), rows)
    rows, width = _peeked(rows)
    return RawTable(named(path, [""] * width), rows)


def _peeked(rows: Iterator[Row]) -> tuple[Iterator[Row], int]:
    first = next(rows, None)
    if first is None:
        return rows, 0

    def again() -> Iterator[Row]:
        yield first
        yield from rows

    return again(), len(first[1])


def named(path: Path, header: Iterable[str]) -> list[str]:
    """Names of columns without spaces around them; one without a name is called by its place: "column 3".

    Raises Malformed where there are none, or more than MAX_COLUMNS.
    """
    names = [name.strip() or f"column {place}" for place, name in enumerate(header, 1)]
    if not names:
        raise Malformed("the file is empty", advice="its first line must name the columns", file=str(path), line=1)
    if len(names) > MAX_COLUMNS:
        raise Malformed("the table has too many columns", file=str(path), expected=MAX_COLUMNS, actual=len(names))
    return names


def read_rows(path: Path, lines: TextLines, file: TableReading) -> Iterator[Row]:
    """Rows with the line each starts on, empty lines left out; a row of blank cells is a row of missing values."""
    reader = csv.reader(lines, delimiter=file.delimiter, strict=True)
    while True:
        line = lines.count + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise Malformed(f"the file is not CSV: {error}", file=str(path), line=lines.count) from error
        if row is None:
            return
        if len(row) > 1 or any(cell.strip() for cell in row):
            if file.trailing and len(row) > 1 and not row[-1].strip():
                row.pop()
            yield line, row
