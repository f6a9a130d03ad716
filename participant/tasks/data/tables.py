"""Reading a CSV table of numbers and one label, strictly: anything unclear is an error that names its place."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.formats.alike import hint
from participant.tasks.data.numbers import TooLarge, read_number

MAX_BYTES = 2 << 30
MISSING = frozenset({"", "?", "-", "na", "n/a", "nan", "inf", "-inf", "null", "none", "nil", "missing"})


@dataclass(frozen=True, slots=True)
class Schema:
    """What a table must hold: number columns, and a label column whose values are among `classes`."""

    columns: tuple[str, ...]
    label: str
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """`values` float64 n × columns, `targets` int64 n (number of the class), `lines` the file's line of each row."""

    values: NDArray[np.float64]
    targets: NDArray[np.int64]
    lines: list[int]


def read_csv(path: Path, schema: Schema, ceiling: int = MAX_BYTES) -> Table:
    """Read a CSV file (RFC 4180, UTF-8, with a header). Columns not in the schema are ignored.

    Raises UsageError for a file that is not there or too large, Malformed for what it holds, with file, line, column
    and value in the message's facts.
    """
    reader = csv.reader(StringIO(_text(path, ceiling), newline=""), strict=True)
    rows = _rows(path, reader)
    header = next(rows, None)
    if header is None:
        raise Malformed("the file is empty", advice="its first line must name the columns", file=str(path))
    names = [name.strip() for name in header[1]]
    places = [_place(path, names, name) for name in (*schema.columns, schema.label)]
    return _table(path, schema, names, places, rows)


def _text(path: Path, ceiling: int) -> str:
    data = read_bytes(path, ceiling)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(
            "the file is not UTF-8 text",
            advice="save it again as CSV with the encoding UTF-8",
            file=str(path),
            line=data.count(b"\n", 0, error.start) + 1,
            byte=error.start,
        ) from error


def read_bytes(path: Path, ceiling: int) -> bytes:
    """A whole file of at most `ceiling` bytes. Raises UsageError where there is none or more, Unavailable otherwise."""
    try:
        with path.open("rb") as file:
            data = file.read(ceiling + 1)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UsageError("no such data file", file=str(path)) from error
    except OSError as error:
        raise Unavailable(f"cannot read the data: {error.strerror}", file=str(path)) from error
    if len(data) > ceiling:
        raise UsageError(
            "the data file is too large to be read whole", advice="pass a part of it", file=str(path), maximum=ceiling
        )
    return data


def _rows(path: Path, reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line each starts on, empty lines left out; a row of blank cells is a row of missing values."""
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise Malformed(f"the file is not CSV: {error}", file=str(path), line=reader.line_num) from error
        if row is None:
            return
        if len(row) > 1 or any(cell.strip() for cell in row):
            yield line, row


def _place(path: Path, names: list[str], name: str) -> int:
    count = names.count(name)
    if count == 1:
        return names.index(name)
    if count > 1:
        raise Malformed(f"column {name!r} stands {count} times in the header", file=str(path), line=1)
    raise Malformed(
        f"column {name!r} is missing",
        advice=_why_missing(names, name),
        file=str(path),
        line=1,
        columns=", ".join(names)[:300],
    )


def _why_missing(names: list[str], name: str) -> str:
    """The way out, by what the header looks like."""
    if any(mark in cell for mark in ";\t|" for cell in names):
        return "separate the columns by commas, and write numbers with a decimal point"
    if all(_is_number(cell) for cell in names):
        return "the first line holds numbers: put a line with the columns' names before it"
    return hint(name, names) or "the job names the columns: rename or add the column"


def _is_number(cell: str) -> bool:
    try:
        read_number(cell)
    except ValueError:
        return cell.strip().lower() in MISSING
    return True


def _table(
    path: Path, schema: Schema, names: list[str], places: list[int], rows: Iterator[tuple[int, list[str]]]
) -> Table:
    numbers = {text: number for number, text in enumerate(schema.classes)}
    values: list[list[float]] = []
    targets: list[int] = []
    lines: list[int] = []
    for line, row in rows:
        if len(row) != len(names):
            raise Malformed(
                "a row has another number of fields than the header",
                file=str(path),
                line=line,
                expected=len(names),
                actual=len(row),
            )
        cells = [row[place] for place in places]
        label = cells.pop().strip()
        if label not in numbers:
            _bad_label(path, line, schema, label)
        try:
            values.append([read_number(cell) for cell in cells])
        except ValueError:
            _bad_cell(path, line, schema, cells)
        targets.append(numbers[label])
        lines.append(line)
    if not values:
        raise Malformed("the file has a header but no rows", file=str(path))
    return Table(np.array(values, np.float64), np.array(targets, np.int64), lines)


def _bad_cell(path: Path, line: int, schema: Schema, cells: Sequence[str]) -> NoReturn:
    for name, cell in zip(schema.columns, cells, strict=True):
        try:
            read_number(cell)
        except ValueError as error:
            if cell.strip().lower() in MISSING:
                _missing(path, line, name, cell)
            large = isinstance(error, TooLarge)
            raise Malformed(
                f"a number cannot be kept as it is: {error}" if large else "text stands in a column of numbers",
                advice="identifiers are no inputs: leave the column out, or use smaller units"
                if large
                else 'write a number with a decimal point, such as "1234.5"',
                file=str(path),
                line=line,
                column=name,
                value=repr(cell[:80]),
            ) from error
    raise AssertionError("unreachable: one of the cells is not a number")


def _missing(path: Path, line: int, column: str, value: str) -> NoReturn:
    raise Malformed(
        "a value is missing",
        advice="fill it in or leave the row out; which of them is the data owner's decision",
        file=str(path),
        line=line,
        column=column,
        value=repr(value[:80]),
    )


def _bad_label(path: Path, line: int, schema: Schema, label: str) -> NoReturn:
    if label.lower() in MISSING and label not in schema.classes:
        _missing(path, line, schema.label, label)
    raise Malformed(
        "the label is none of the job's classes",
        advice=hint(label, schema.classes) or "write the classes as the job does",
        file=str(path),
        line=line,
        column=schema.label,
        value=repr(label[:80]),
        classes=", ".join(schema.classes),
    )
