"""Rows to predict from: every cell that cannot be read is listed with its reason, and no row stops the others."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ledger.errors import Malformed, UsageError
from ledger.store import disk
from participant.predicting.description import Description
from participant.tasks.data.preparing.faults import RowFault, by_line
from participant.tasks.data.preparing.table import prepared
from participant.tasks.data.sources.columns_file import TableReading, beside
from participant.tasks.data.sources.rows import MAX_BYTES, columns_at, open_raw, reading_of


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a row has no prediction: its line, and the cell that is in the way; without a column it is the row itself."""

    line: int
    column: str
    value: str
    reason: str
    advice: str

    def document(self) -> dict[str, object]:
        """As JSON has it."""
        return {name: getattr(self, name) for name in ("line", "column", "value", "reason", "advice")}


@dataclass(frozen=True, slots=True)
class Rows:
    """`inputs` n × what a row becomes, integers with 16 fraction bits, of the rows that can be read; `lines` the file's
    line of each; `unreadable` the others, every reason of each; `sha256` that of the file, and of its columns file.
    """

    inputs: NDArray[np.int32]
    lines: list[int]
    unreadable: Sequence[Unreadable] = ()
    sha256: str = ""
    columns_file: str | None = None
    place: str = "line"
    """What `lines` are: lines of a table, or rows of arrays, from 0."""

    @property
    def refused(self) -> int:
        """How many rows cannot be read."""
        return len({one.line for one in self.unreadable})


def read_table(path: Path, description: Description) -> Rows:
    """The rows of a table, prepared as training prepares them; labels need not be there.

    Raises as `participant.tasks.data.preparing.table.prepared`, and UsageError for what is not a file, or is changed
    meanwhile: then nobody could say which rows were read.
    """
    if path.exists() and not path.is_file():
        raise UsageError(
            "the table is read more than once, and this is not a file", advice="write it to one first", file=str(path)
        )
    columns_file = beside(path)
    before = disk.version(path), disk.version(columns_file)
    table = prepared(description.preparation, path)
    made = Rows(
        description.integers(table.values),
        table.lines.tolist(),
        _listed(path, table.faults),
        sha256_of(path),
        sha256_of(columns_file) if columns_file.is_file() else None,
    )
    if before != (disk.version(path), disk.version(columns_file)):
        raise UsageError("the table was changed while it was read", advice="run the command again", file=str(path))
    return made


def refuse(path: Path, rows: Rows) -> None:
    """Raise Malformed where rows cannot be read, naming the first, and how many there are."""
    if rows.unreadable:
        first = rows.unreadable[0]
        raise Malformed(
            f"{rows.refused} of {rows.refused + len(rows.lines)} rows cannot be read; the first: {first.reason}",
            advice=f"{first.advice}; or --skip-bad, which predicts the others",
            file=str(path),
            **{rows.place: first.line},
            column=first.column or "the whole row",
            value=repr(first.value),
        )


def sha256_of(path: Path) -> str:
    """Of a file."""
    made = hashlib.sha256()
    for piece in disk.pieces(path):
        made.update(piece)
    return made.hexdigest()


def _listed(path: Path, faults: Sequence[RowFault]) -> list[Unreadable]:
    """Every reason of every row, by line; cells are read once more, for a fault has those of its first row alone."""
    found = by_line(faults)
    if not found:
        return []
    cells = _cells(path, found.keys(), {fault.column for fault in faults if fault.column})
    return [
        Unreadable(line, one.column, cells.get((line, one.column), one.example)[:80], one.message, one.advice)
        for line, reasons in found.items()
        for one in reasons
    ]


def _cells(path: Path, lines: Collection[int], columns: set[str]) -> dict[tuple[int, str], str]:
    """What stands in these lines of these columns."""
    columns_file = reading_of(path)
    found: dict[tuple[int, str], str] = {}
    with open_raw(path, columns_file.file if columns_file else TableReading(), MAX_BYTES) as raw:
        names = columns_file.names if columns_file else tuple(raw.header)
        at = columns_at(path, columns_file, raw.header) if columns_file else list(range(len(names)))
        places = {name: place for name, place in zip(names, at, strict=True) if name in columns}
        for line, row in raw.rows:
            if line in lines:
                found |= {(line, name): row[place] for name, place in places.items() if place < len(row)}
    return found
