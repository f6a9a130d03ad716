"""A table's rows, whatever it is kept in: names of its columns, then the cells of each row with the row's place."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import Malformed, UsageError
from ledger.formats.text import command
from participant.tasks.data.sources.cells import Clean, Unclear, cleaner, places
from participant.tasks.data.sources.columns_file import (
    Column,
    ColumnsFile,
    TableReading,
    beside,
    is_there,
    load,
)
from participant.tasks.data.sources.table import RawTable, Row, text_table
from participant.tasks.data.sources.text import TextLines, open_table, pieces

MAX_BYTES = 2 << 30
OTHERS = (".xlsx", ".xlsm", ".parquet", ".sql")


@dataclass(frozen=True, slots=True)
class TableRows:
    """What tasks read: names of the columns, and each row's place and cells, as many as there are names."""

    path: Path
    names: list[str]
    rows: Iterator[Row]

    def __iter__(self) -> Iterator[Row]:
        return self.rows


@contextmanager
def open_rows(path: Path, ceiling: int = MAX_BYTES, needed: Sequence[str] = ()) -> Iterator[TableRows]:
    """A table as its columns file says; a text without one is CSV (RFC 4180) in UTF-8 with a header.

    With a columns file cells are plain: missing ones are empty, numbers have a decimal point; where it says so, rows in
    which one of the columns `needed` has no value are left out. Iterating raises
    Malformed, naming line, column and value, for what cannot be read so. Raises UsageError, Malformed, Unavailable.
    """
    found = reading_of(path)
    with open_raw(path, found.file if found else TableReading(), ceiling) as raw:
        rows = _even(path, raw)
        yield TableRows(path, raw.header, rows) if found is None else _plain(path, found, raw.header, rows, needed)


def reading_of(path: Path) -> ColumnsFile | None:
    """How a table is read, by its columns file; None for a text without one.

    Raises UsageError for another table without one, and as `participant.tasks.data.sources.columns_file.load`.
    """
    where = beside(path)
    if is_there(where):
        return load(where)
    if path.suffix.lower() in OTHERS:
        raise UsageError(
            "nothing says how this table is read: it has no columns file",
            advice=command("data", "profile", path),
            file=str(path),
            expected=where.name,
        )
    return None


@contextmanager
def open_raw(path: Path, file: TableReading, ceiling: int) -> Iterator[RawTable]:
    """Header and rows as they are in the file. Raises as `open_rows`."""
    if file.kind == "text":
        with closing(open_table(path, ceiling)) as binary:
            yield text_table(path, TextLines(pieces(binary, path, file.encoding, ceiling), path), file)
        return
    with _opener(file)(path, file) as table:
        yield table


def _opener(file: TableReading) -> Callable[[Path, TableReading], AbstractContextManager[RawTable]]:
    """Readers of other kinds, whose libraries are loaded only where they are needed."""
    if file.kind == "excel":
        from participant.tasks.data.sources.excel import open_excel

        return open_excel
    if file.kind == "parquet":
        from participant.tasks.data.sources.parquet import open_parquet

        return open_parquet
    from participant.tasks.data.sources.database import open_query

    return open_query


def _even(path: Path, raw: RawTable) -> Iterator[Row]:
    """The same rows. Raises Malformed for one with another number of cells than the header."""
    for line, row in raw.rows:
        if len(row) != len(raw.header):
            raise Malformed(
                "a row has another number of fields than the header",
                advice="write texts with delimiters or line breaks in double quotes; fedledger data profile lists all",
                file=str(path),
                line=line,
                expected=len(raw.header),
                actual=len(row),
            )
        yield line, row


def _plain(path: Path, found: ColumnsFile, header: list[str], rows: Iterator[Row], needed: Sequence[str]) -> TableRows:
    """The table by its columns file. Raises Malformed where a column is not there."""
    kept: list[tuple[Column, int, Clean]] = []
    for column, place in zip(found.columns, columns_at(path, found, header), strict=True):
        if column.kind != "ignore":
            kept.append((column, place, cleaner(column, found.file)))
    names = [column.name for column, _, _ in kept]
    leave_out = [place for place, name in enumerate(names) if name in set(needed)]
    if found.file.rows_with_missing == "refuse":
        leave_out = []

    def plain() -> Iterator[Row]:
        for line, row in rows:
            cells = [_cleaned(path, line, column, clean, row[place]) for column, place, clean in kept]
            if all(cells[place] for place in leave_out):
                yield line, cells

    return TableRows(path, names, plain())


def columns_at(path: Path, found: ColumnsFile, header: list[str]) -> list[int]:
    """Where each column stands: by name, or in their order where the file has no header. Raises Malformed."""
    if found.file.kind == "text" and not found.file.header:
        if len(header) != len(found.columns):
            raise Malformed(
                "the table has another number of columns than its columns file",
                advice=f"edit {beside(path).name}, or have it made again: fedledger data profile --again",
                file=str(path),
                expected=len(found.columns),
                actual=len(header),
            )
        return list(range(len(header)))
    at = places(found, header)
    for column, place in zip(found.columns, at, strict=True):
        if place is None:
            raise Malformed(
                f"column {column.source or column.name!r} of the columns file is not in the table",
                advice=f"edit {beside(path).name}, or have it made again: fedledger data profile --again",
                file=str(path),
                columns=", ".join(header)[:300],
            )
    return [place for place in at if place is not None]


def _cleaned(path: Path, line: int, column: Column, clean: Clean, cell: str) -> str:
    try:
        return clean(cell)
    except Unclear as error:
        raise Malformed(
            f"a cell cannot be read by the columns file: {error}",
            advice=f"correct the cell, or edit {beside(path).name}",
            file=str(path),
            line=line,
            column=column.name,
            value=repr(cell[:80]),
        ) from error
