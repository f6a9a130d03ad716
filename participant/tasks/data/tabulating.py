"""A table as an analysis counts it: the class of each row, and of each column its cell and its steps above low.

Cells are read as exact decimals, never as floats: what stands in the file is what is counted.
"""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np

from ledger.errors import Malformed
from ledger.formats.digest import sha256
from ledger.jobs.analysis import FIRST, MISSING, OUTSIDE, Analysis, AnalysisColumn, normal
from ledger.statistics.answers import CountedRows, Ints
from participant.tasks.data.numbers import read_number
from participant.tasks.data.sources import columns_file
from participant.tasks.data.sources.rows import open_rows
from participant.tasks.data.tables import MAX_BYTES, why_missing

Cell = tuple[int, int]
"""A cell and steps."""
KNOWN = 1 << 16
"""Texts of a column that are remembered, with what they stand for."""
_EXACT = re.compile(r"[+-]?([0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})", re.ASCII)
_MARKS = frozenset(columns_file.MISSING)


def tabulate(path: Path, analysis: Analysis) -> CountedRows:
    """Read a table (`participant.tasks.data.sources.rows.open_rows`) as an analysis counts it. Columns that it does not
    name are ignored.

    Raises UsageError and Malformed, with file, line, column and value, for what cannot be read.
    """
    columns = [*analysis.asked, *([analysis.divider] if analysis.divider is not None else [])]
    readers = [_Reader(column) for column in columns]
    with open_rows(path, MAX_BYTES) as rows:
        places = [_place(path, rows.names, column.name) for column in columns]
        for line, row in rows:
            for reader, place in zip(readers, places, strict=True):
                reader.add(row[place], path, line)
    count = len(readers[0].cells)
    if not count:
        raise Malformed("the file has no rows", file=str(path))
    groups = np.zeros(count, np.int64)
    if analysis.divider is not None:
        groups = np.maximum(np.array(readers.pop().cells, np.int64) - FIRST, -1)
    cells = [np.array(reader.cells, np.int64) for reader in readers]
    return CountedRows(groups, cells, [np.array(reader.steps, np.int64) for reader in readers])


class _Reader:
    """One column: the cells and steps of its rows so far. Equal texts are worked out once."""

    def __init__(self, column: AnalysisColumn) -> None:
        self.cells, self.steps = list[int](), list[int]()
        self._known = dict[str, Cell]()
        self._column, self._read = column, _numbers(column) if column.numeric else _categories(column)

    def add(self, text: str, path: Path, line: int) -> None:
        """The next row's cell. Raises Malformed."""
        found = self._known.get(text)
        if found is None:
            try:
                found = self._read(text.strip())
            except ValueError as error:
                raise Malformed(
                    f"text stands in a column of numbers: {error}",
                    advice="let the columns file say what it stands for, or that it is missing: fedledger data profile",
                    file=str(path),
                    line=line,
                    column=self._column.name,
                    value=repr(text[:80]),
                ) from error
            if len(self._known) < KNOWN:
                self._known[text] = found
        self.cells.append(found[0])
        self.steps.append(found[1])


def _numbers(column: AnalysisColumn) -> Callable[[str], Cell]:
    (low, under), (high, over), (step, part) = (one.as_integer_ratio() for one in column.bounds)

    def read(text: str) -> Cell:
        if text.lower() in _MARKS:
            return MISSING, 0
        number, whole = _ratio(text)
        above = number * under - low * whole
        if above < 0 or number * over > high * whole:
            return OUTSIDE, 0
        unit = whole * under * step
        steps = (2 * above * part + unit) // (2 * unit)
        return FIRST + min(steps * column.bins // column.steps, column.bins - 1), steps

    return read


def _ratio(text: str) -> tuple[int, int]:
    """A number as numerator and denominator, exactly as it is written. Raises ValueError as `read_number`."""
    if not _EXACT.fullmatch(text):
        read_number(text)
        return Decimal(text).as_integer_ratio()
    before, _, after = text.partition(".")
    return int(before + after), int(10 ** len(after))


def _categories(column: AnalysisColumn) -> Callable[[str], Cell]:
    places = {normal(category): FIRST + place for place, category in enumerate(column.categories)}

    def read(text: str) -> Cell:
        found = places.get(normal(text))
        if found is not None:
            return found, 0
        return (MISSING if text.lower() in _MARKS else OUTSIDE), 0

    return read


def _place(path: Path, names: Sequence[str], name: str) -> int:
    if names.count(name) == 1:
        return names.index(name)
    raise Malformed(
        f"column {name!r} is missing, or stands more than once",
        advice=why_missing(list(names), name),
        file=str(path),
        columns=", ".join(names)[:300],
    )


def digests(analysis: Analysis, rows: CountedRows) -> dict[str, bytes]:
    """What a home remembers of the rows behind each question: a digest of the values of each column with their classes,
    whatever the order of rows. The name of `by` stands for the classes alone, the empty name for correlations.
    """
    found = {
        column.name: _digest([rows.groups, rows.cells[place], rows.steps[place]])
        for place, column in enumerate(analysis.asked)
    }
    if analysis.by:
        found[analysis.by] = _digest([rows.groups])
    if analysis.correlations:
        known = [one for place in analysis.numbers for one in (rows.cells[place], rows.steps[place])]
        found[""] = _digest([rows.groups, *known])
    return found


def _digest(columns: Sequence[Ints]) -> bytes:
    table = np.stack(columns)
    return sha256(np.ascontiguousarray(table[:, np.lexsort(table)].T, "<i8").tobytes())
