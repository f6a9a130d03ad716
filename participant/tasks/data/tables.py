"""Reading a table of numbers and one label, strictly: anything unclear is an error that names its place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.formats.alike import hint
from participant.tasks.data.numbers import TooLarge, read_number
from participant.tasks.data.sources import columns_file
from participant.tasks.data.sources import rows as table_rows
from participant.tasks.data.sources.rows import open_rows
from participant.tasks.data.sources.table import Row

MAX_BYTES = table_rows.MAX_BYTES
MISSING = frozenset(columns_file.MISSING)


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
    """Read a table as its columns file says, or else a CSV file (RFC 4180, UTF-8, with a header). Columns not in the
    schema are ignored.

    Raises UsageError for a file that is not there or too large, Malformed for what it holds, with file, line, column
    and value in the message's facts.
    """
    with open_rows(path, ceiling, (*schema.columns, schema.label)) as rows:
        places = [_place(path, rows.names, name) for name in (*schema.columns, schema.label)]
        return _table(path, schema, places, rows)


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


def _place(path: Path, names: list[str], name: str) -> int:
    count = names.count(name)
    if count == 1:
        return names.index(name)
    if count > 1:
        raise Malformed(f"column {name!r} stands {count} times in the header", file=str(path), line=1)
    raise Malformed(
        f"column {name!r} is missing",
        advice=why_missing(names, name),
        file=str(path),
        line=1,
        columns=", ".join(names)[:300],
    )


def why_missing(names: list[str], name: str, also: str = "") -> str:
    """The way out, by what the header looks like."""
    if any(mark in cell for mark in ";\t|" for cell in names):
        return "fedledger data profile finds how it is written; or separate the columns by commas"
    if all(_is_number(cell) for cell in names):
        return "the first line holds numbers: name the columns in a line before it, or by fedledger data profile"
    return hint(name, names) or (
        "the job names the columns: rename or add the column, or say which it is in the columns file that fedledger "
        f'data profile makes: {{ name = "{name}", source = "…" }}{also}'
    )


def _is_number(cell: str) -> bool:
    try:
        read_number(cell)
    except ValueError:
        return cell.strip().lower() in MISSING
    return True


def _table(path: Path, schema: Schema, places: list[int], rows: Iterable[Row]) -> Table:
    numbers = {text: number for number, text in enumerate(schema.classes)}
    values: list[list[float]] = []
    targets: list[int] = []
    lines: list[int] = []
    for line, row in rows:
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
        advice='fill it in or leave the row out, as rows_with_missing = "leave out" in the columns file does; which of '
        "them is the data owner's decision",
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
