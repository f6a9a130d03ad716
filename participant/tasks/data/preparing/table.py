"""A table's rows by a job's preparation: the one way from a file to what a task reads, in training and prediction."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ledger.errors import Malformed, UsageError
from ledger.jobs.preparation import Preparation
from participant.tasks.data.columns import Cell
from participant.tasks.data.preparing.columns import (
    CategoryColumn,
    LabelColumn,
    NumberColumn,
    PreparedColumn,
    Source,
    column_of,
)
from participant.tasks.data.preparing.faults import LEFT_OUT, Faults
from participant.tasks.data.preparing.prepared_table import PreparedTable
from participant.tasks.data.sources.blocks import RowBatch, RowBatches, open_batches
from participant.tasks.data.sources.columns_file import Column, ColumnsFile, TableReading
from participant.tasks.data.sources.rows import MAX_BYTES, columns_at, reading_of
from participant.tasks.data.tables import why_missing

MAX_NUMBERS = 1 << 29
"""Numbers that a table may become, rows times columns: 4 GiB. A word of a vocabulary is a column."""
NO_LABELS: Mapping[str, Cell] = {}
Preparer = NumberColumn | CategoryColumn | LabelColumn


def prepared(
    preparation: Preparation, path: Path, labels: Mapping[str, Cell] = NO_LABELS, ceiling: int = MAX_BYTES
) -> PreparedTable:
    """Prepare a table's rows; nothing is refused but a table that cannot be read at all. `labels` are the task's other
    columns, each with what reads its cells; a prediction has none, and its table need not have them.

    Raises as `open_rows`, and Malformed for a column that is not there.
    """
    if path.suffix.lower() == ".npz":
        raise UsageError(
            "a job with a preparation reads tables, and this file holds arrays without names of columns",
            advice="name the table itself: a text, an Excel sheet, a Parquet file or a query",
            file=str(path),
        )
    found = reading_of(path)
    file = found.file if found else TableReading()
    with open_batches(path, file, ceiling) as batches:
        preparers = list(_preparers(preparation, path, labels, found, batches))
        return _read(preparation, path, tuple(labels), preparers, batches)


def _preparers(
    preparation: Preparation,
    path: Path,
    labels: Mapping[str, Cell],
    found: ColumnsFile | None,
    batches: RowBatches,
) -> Iterator[tuple[int, Preparer]]:
    """Of each column its place in the file, and what prepares it: inputs, then labels."""
    if found is None:
        file, columns, places = TableReading(), [Column(name) for name in batches.header], range(len(batches.header))
    else:
        file, columns, places = found.file, list(found.columns), columns_at(path, found, batches.header)  # type: ignore[assignment]
    at: dict[str, list[tuple[int, Source]]] = {}
    for column, place in zip(columns, places, strict=True):
        if column.kind != "ignore":
            at.setdefault(column.name, []).append((place, Source(column, file, found is not None)))
    _check_there(path, (*preparation.columns, *labels), at)
    for one in preparation.inputs:
        place, source = at[one.column][0]
        yield place, column_of(one, source)
    maps = {label.column: label for label in preparation.labels}
    for name, cell in labels.items():
        place, source = at[name][0]
        yield place, LabelColumn(name, cell, maps.get(name), source)


def _check_there(path: Path, wanted: Iterable[str], at: Mapping[str, list[tuple[int, Source]]]) -> None:
    """Raise Malformed where columns are missing, or stand there twice: all of them at once."""
    wrong = [name for name in wanted if len(at.get(name, ())) != 1]
    if wrong:
        names = list(at)
        doubled = wrong[0] in at
        raise Malformed(
            f"column {wrong[0]!r} stands twice in the table" if doubled else f"column {wrong[0]!r} is missing",
            advice="give one of them another name" if doubled else why_missing(names, wrong[0]),
            file=str(path),
            missing=", ".join(wrong)[:300],
            columns=", ".join(names)[:300],
        )


def _read(
    preparation: Preparation,
    path: Path,
    labels: tuple[str, ...],
    preparers: list[tuple[int, Preparer]],
    batches: RowBatches,
) -> PreparedTable:
    names = tuple(output.name for output in preparation.outputs)
    inputs, targets = [np.empty((0, len(names)))], [np.empty((0, len(labels)))]
    faults, lines, height = Faults(), [np.empty(0, np.int64)], 0
    for batch in batches.parts:
        height += batch.frame.height
        _require_room(path, height, len(names) + len(labels))
        for line, width in batch.uneven:
            faults.add("uneven-row", "", np.array([line], np.int64), f"{width} cells")
        if batch.frame.height:
            values, kept = _batch(preparers, batch, faults, (*preparation.columns, *labels))
            inputs.append(values[kept, : len(names)])
            targets.append(values[kept, len(names) :])
            lines.append(batch.lines[kept])
    read = np.concatenate(inputs), labels, np.concatenate(targets), np.concatenate(lines)
    return PreparedTable(path, names, *read, faults.found())


def _require_room(path: Path, rows: int, columns: int) -> None:
    """Raise Malformed, before any room is taken, where rows times columns are more numbers than a table may become."""
    if rows * columns > MAX_NUMBERS:
        raise Malformed(
            "the table becomes too many numbers: rows times columns, of which each word of a vocabulary is one",
            advice="take fewer rows or columns, or let the job name fewer words",
            file=str(path),
            maximum=MAX_NUMBERS,
            rows=f"{rows} and more",
            columns=columns,
        )


def _batch(
    preparers: list[tuple[int, Preparer]], batch: RowBatch, faults: Faults, columns: tuple[str, ...]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """What a batch's rows become, and which of them can be read. A row that is left out has no other fault."""
    found: list[PreparedColumn] = [preparer.add(batch.frame.to_series(place)) for place, preparer in preparers]
    none = np.zeros(batch.frame.height, np.bool_)
    left_out, bad = none.copy(), none.copy()
    for column in found:
        for fault in column.faults:
            (left_out if fault.kind == LEFT_OUT else bad)[fault.rows] = True
    for name, column in zip(columns, found, strict=True):
        for fault in column.faults:
            held = fault.rows if fault.kind == LEFT_OUT else fault.rows & ~left_out
            faults.add(fault.kind, name, batch.lines[held], fault.example, fault.words)
    return np.hstack([column.values for column in found]), ~(left_out | bad)
