"""Reading named columns of a table, each cell by a function of its column: anything unclear is named by its place.

A function of a cell raises `BadCell`, whose text says what is wrong, and what to do.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledger.errors import Malformed
from ledger.formats.alike import hint
from participant.tasks.data.numbers import TooLarge, read_number
from participant.tasks.data.sources.rows import open_rows
from participant.tasks.data.tables import MAX_BYTES, MISSING, why_missing

Cell = Callable[[str], float]
SHOWN = 10
"""So many rows of one kind are named in an error."""


class BadCell(ValueError):
    """A cell that its column does not take: what is wrong, and the way out."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice


@dataclass(frozen=True, slots=True)
class NumberColumns:
    """`values` float64 n × columns, in the order asked for; `lines` the file's line of each row."""

    values: NDArray[np.float64]
    lines: list[int]

    def refuse(self, path: Path, bad: NDArray[np.bool_], message: str, advice: str) -> None:
        """Raise Malformed where rows are bad, naming the first of their lines."""
        if bad.any():
            lines = [self.lines[row] for row in np.flatnonzero(bad)[:SHOWN]]
            said = ", ".join(map(str, lines))
            raise Malformed(message, advice=advice, file=str(path), line=lines[0], lines=said, rows=int(bad.sum()))


def number(text: str) -> float:
    """A cell with a number. Raises BadCell."""
    try:
        return read_number(text)
    except TooLarge as error:
        raise BadCell(
            f"a number cannot be kept as it is: {error}",
            "identifiers are no inputs: leave the column out, or use smaller units",
        ) from error
    except ValueError as error:
        if text.strip().lower() in MISSING:
            raise BadCell("a value is missing", "fill it in, or leave the row out") from error
        raise BadCell("this is not a number", "fill it in, or leave the row out") from error


def class_cell(classes: Sequence[str]) -> Cell:
    """What reads a cell with a class, as its number. Raises BadCell."""
    numbers = {name: float(place) for place, name in enumerate(classes)}

    def cell(text: str) -> float:
        label = text.strip()
        if label in numbers:
            return numbers[label]
        if label.lower() in MISSING:
            raise BadCell("a value is missing", "fill it in, or leave the row out")
        raise BadCell(
            "the label is none of the job's classes", hint(label, classes) or "write the classes as the job does"
        )

    return cell


HEADS = "; at a multitask job, head.toml in the home names tasks of its own"


def read_columns(path: Path, cells: Mapping[str, Cell], ceiling: int = MAX_BYTES) -> NumberColumns:
    """Read these columns of a table as its columns file says, or else of a CSV file (RFC 4180, UTF-8, with a header);
    others are ignored. Where the columns file leaves rows without a value out, only numbers count for that.

    Raises as `participant.tasks.data.sources.rows.open_rows`, and Malformed for what the columns hold, naming file,
    line and column.
    """
    values, lines = list[list[float]](), list[int]()
    needed = [name for name, cell in cells.items() if cell is number]
    with open_rows(path, ceiling, needed) as rows:
        places = {name: _place(path, rows.names, name) for name in cells}
        for line, row in rows:
            where: dict[str, Any] = {"file": str(path), "line": line}
            values.append([_cell(row[places[name]], name, cell, where) for name, cell in cells.items()])
            lines.append(line)
    if not values:
        raise Malformed("the file has no rows", file=str(path))
    return NumberColumns(np.array(values, np.float64), lines)


def _place(path: Path, names: list[str], name: str) -> int:
    if names.count(name) == 1:
        return names.index(name)
    raise Malformed(
        f"column {name!r} is missing, or stands more than once",
        advice="give one of them another name" if name in names else why_missing(names, name, HEADS),
        file=str(path),
        columns=", ".join(names)[:300],
    )


def _cell(text: str, column: str, cell: Cell, where: Mapping[str, Any]) -> float:
    try:
        return cell(text)
    except BadCell as error:
        raise Malformed(str(error), advice=error.advice, column=column, value=repr(text[:80]), **where) from error
