"""Excel workbooks by openpyxl, row by row; what is in them is bounded before it is unpacked."""

import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse
from openpyxl import load_workbook

from ledger.errors import Malformed, UsageError
from participant.tasks.data.sources.cells import Unclear, text_of
from participant.tasks.data.sources.columns_file import MAX_COLUMNS, TableReading
from participant.tasks.data.sources.table import RawTable, Row, named
from participant.tasks.data.sources.text import open_table

MAX_FILE = 512 << 20
MAX_UNPACKED = 1 << 30
MAX_SHARED = 128 << 20
MAX_PARTS = 10_000
MAX_PACKED = 100
"""How often smaller than unpacked a part of more than a MiB may be, as Apache POI has it: sheets are 10 to 25 times."""
_LARGE = 1 << 20
_NOT_KEPT = ("/worksheets/", "/media/", "/pivotCache/", "/embeddings/")
"""Folders of parts that are read row by row, or not at all; all others are held whole."""
MAX_CELLS = 50_000_000
SHOWN = 5
PREAMBLE = 20
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_BROKEN: tuple[type[Exception], ...] = (zipfile.BadZipFile, DefusedXmlException, SyntaxError, EOFError, OSError)
_BROKEN += (KeyError, IndexError, ValueError, TypeError, AttributeError, NotImplementedError, RuntimeError)
"""What the libraries raise for a file that is no workbook, or a broken one."""


@dataclass
class Marks:
    """What a sheet has that a table has not: how many cells are formulas, the first of them, and merged areas."""

    formulas: int = 0
    first: list[str] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)


@contextmanager
def open_excel(path: Path, file: TableReading) -> Iterator[RawTable]:
    """Header and rows of a sheet, numbered as Excel numbers them; of formulas their last values.

    Raises UsageError for a file or sheet that is not there, Malformed for what it holds, or for more than is taken.
    """
    with _workbook(path) as book:
        sheet = _sheet(path, book, file.sheet)
        rows = _rows(path, sheet, file)
        if not file.header:
            raise Malformed("a sheet needs a row with the columns' names", advice="add one, and save", file=str(path))
        first = next(rows, None)
        width = _width(first[1]) if first else 0
        header = named(path, first[1][:width] if first else [])
        yield RawTable(header, ((number, _fit(cells, width)) for number, cells in rows))


def sheets(path: Path) -> list[str]:
    """Names of a workbook's sheets. Raises as `open_excel`."""
    with _workbook(path) as book:
        return list(book.sheetnames)


def marks(path: Path, sheet: str) -> Marks:
    """Formulas and merged areas of a sheet. Raises as `open_excel`."""
    with _workbook(path) as book:
        part = _sheet(path, book, sheet)._worksheet_path
    found = Marks()
    try:
        with zipfile.ZipFile(path) as archive, archive.open(part) as stream:
            cell = ""
            for event, element in iterparse(stream, events=("start", "end"), forbid_dtd=True):
                if event == "start" and element.tag == f"{_MAIN}c":
                    cell = element.get("r", "")
                elif event == "end" and element.tag == f"{_MAIN}f":
                    found.formulas += 1
                    found.first += [cell] if len(found.first) < SHOWN else []
                elif event == "end" and element.tag == f"{_MAIN}mergeCell":
                    found.merged.append(element.get("ref", "")[:20])
                if event == "end" and element.tag == f"{_MAIN}row":
                    element.clear()
    except _BROKEN as error:
        raise _malformed(path, error) from error
    return found


@contextmanager
def _workbook(path: Path) -> Iterator[Any]:
    """The workbook, whatever the file is called: what was bounded is what is read."""
    with open_table(path, MAX_FILE) as binary:
        try:
            with zipfile.ZipFile(binary) as archive:
                _require_bounded(path, archive)
            book = load_workbook(binary, read_only=True, data_only=True, keep_links=False)
        except _BROKEN as error:
            raise _malformed(path, error) from error
        with closing(book):
            yield book


def _malformed(path: Path, error: Exception) -> Malformed:
    said = str(error).split("\n", 1)[0][:200] or type(error).__name__
    return Malformed(f"the file is not an Excel workbook: {said}", advice="save it again as .xlsx", file=str(path))


def _require_bounded(path: Path, archive: zipfile.ZipFile) -> None:
    """1. not too many parts; 2. all of them, 3. and those that are held whole, as shared texts are, whatever they are
    called, are of a bearable size once unpacked; 4. no part is packed as small as only a made one is, 5. and none is
    said to be larger, packed, than the file is.
    """
    parts = archive.infolist()
    doubled = [name for name, count in Counter(part.filename for part in parts).items() if count > 1]
    size, packed = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
    kept = sum(part.file_size for part in parts if not any(folder in part.filename for folder in _NOT_KEPT))
    small = sum(part.file_size > max(_LARGE, MAX_PACKED * part.compress_size) for part in parts)
    for what, actual, maximum in (
        ("parts", len(parts), MAX_PARTS),
        ("doubled parts", len(doubled), 0),
        ("unpacked bytes", size, MAX_UNPACKED),
        ("bytes of shared texts", kept, MAX_SHARED),
        (f"parts that are more than {MAX_PACKED} times as large once unpacked", small, 0),
        ("bytes, as it says, for its size", packed, path.stat().st_size),
    ):
        if actual > maximum:
            raise Malformed(
                f"the workbook has too many {what}: it may be made to fill the memory",
                advice="save the sheet as CSV",
                file=str(path),
                maximum=maximum,
                actual=actual,
            )


def _sheet(path: Path, book: Any, name: str) -> Any:
    names = list(book.sheetnames)
    if name and name not in names:
        raise UsageError(f"the workbook has no sheet {name!r}", file=str(path), sheets=", ".join(names)[:300])
    sheet = book[name] if name else (book.worksheets or [None])[0]
    if sheet is None or not hasattr(sheet, "reset_dimensions"):
        raise Malformed("the workbook has no sheet with cells", file=str(path))
    sheet.reset_dimensions()  # what it says of its size need not be so
    return sheet


def _rows(path: Path, sheet: Any, file: TableReading) -> Iterator[Row]:
    """Rows that have a cell with something in it."""
    seen = 0
    try:
        for number, cells in enumerate(sheet.iter_rows(values_only=True, min_row=file.skip + 1), file.skip + 1):
            seen += len(cells) + 1
            if seen > MAX_CELLS or len(cells) > MAX_COLUMNS:
                raise Malformed("the sheet is too large", advice="save it as CSV", file=str(path), maximum=MAX_CELLS)
            if any(cell is not None and cell != "" for cell in cells):
                yield number, [_text(path, number, cell, file) for cell in cells]
    except Malformed:
        raise
    except _BROKEN as error:
        raise _malformed(path, error) from error


def _text(path: Path, row: int, value: object, file: TableReading) -> str:
    try:
        return text_of(value, file.decimal)
    except Unclear as error:
        raise Malformed(f"a cell cannot be read: {error}", file=str(path), row=row) from error


def _width(cells: list[str]) -> int:
    """Up to the last cell with something in it."""
    return max((place for place, cell in enumerate(cells, 1) if cell.strip()), default=0)


def _fit(cells: list[str], width: int) -> list[str]:
    """As wide as the header: cells that a row ends before are empty, those beyond count only where they hold text."""
    return [*cells, *[""] * (width - len(cells))] if len(cells) <= width else cells[: max(width, _width(cells))]


def header_row(path: Path, sheet: str) -> int:
    """The first of the first rows that has at least half as many filled cells as the fullest of them: rows before it
    are titles. Raises as `open_excel`.
    """
    with _workbook(path) as book:
        first = list(islice(_rows(path, _sheet(path, book, sheet), TableReading(kind="excel")), PREAMBLE))
    filled = [(number, sum(bool(cell.strip()) for cell in cells)) for number, cells in first]
    most = max((count for _, count in filled), default=0)
    return next((number for number, count in filled if 2 * count >= most), 1)
