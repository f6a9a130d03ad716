"""A columns file for a table that has none: what could be found out, in words as well, and what is doubtful."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from ledger.errors import Malformed, UsageError
from participant.profile.dialects import DELIMITER_NAMES, ROWS, NumberMarks, has_header, layout_of, marks_of
from participant.profile.document import Remark
from participant.profile.encodings import Encoding, encoding_of
from participant.profile.kinds import column_of
from participant.tasks.data.sources.columns_file import FORMAT, Column, ColumnsFile, Source, TableReading
from participant.tasks.data.sources.rows import open_raw
from participant.tasks.data.sources.table import named, read_rows
from participant.tasks.data.sources.text import MAX_LINE, TextLines, open_table, pieces

MAX_BYTES = 1 << 42
HEAD = 1 << 18
_OLD_EXCEL, _ZIP, _PARQUET, _GZIP = b"\xd0\xcf\x11\xe0", b"PK\x03\x04", b"PAR1", b"\x1f\x8b"


@dataclass(slots=True)
class Inferred:
    """What was found out: the columns file, sentences, faults and warnings."""

    found: ColumnsFile
    words: list[str]
    faults: list[Remark] = field(default_factory=list)
    warnings: list[Remark] = field(default_factory=list)


def kind_of(path: Path) -> Source:
    """What a file is, by its first bytes; a query by its name. Raises UsageError, Unavailable, and Malformed for a kind
    that is not read.
    """
    with open_table(path, MAX_BYTES) as file:
        head = file.read(8)
    for mark, what, advice in (
        (_OLD_EXCEL, "an Excel workbook of the old kind", "save it as .xlsx"),
        (_GZIP, "packed by gzip", f"gunzip {path.name}"),
        (_ZIP if path.suffix.lower() == ".npz" else b"\xff" * 9, "an archive of NumPy", "look at the table it is from"),
    ):
        if head.startswith(mark):
            raise Malformed(f"the file is {what}, which is not read", advice=advice, file=str(path))
    if head.startswith(_ZIP):
        return "excel"
    if head.startswith(_PARQUET):
        return "parquet"
    return "database" if path.suffix.lower() == ".sql" else "text"


def infer(path: Path, url_file: str = "") -> Inferred:
    """Find out how a table is read. Raises as `open_rows`."""
    kind = kind_of(path)
    if kind == "text":
        return _text(path)
    file, words = TableReading(kind=kind, url_file=url_file), [f"the file is {_KINDS[kind]}"]
    if kind == "excel":
        from participant.tasks.data.sources.excel import header_row, sheets

        names = sheets(path)
        row = header_row(path, names[0])
        file = TableReading(kind=kind, sheet=names[0], skip=row - 1)
        others = f", the first of {len(names)}" if len(names) > 1 else ""
        words.append(f"sheet {names[0]!r}{others}; row {row} names the columns")
    with open_raw(path, file, MAX_BYTES) as raw:
        return _described(raw.header, [cells for _, cells in islice(raw.rows, ROWS)], file, words)


_KINDS = {"excel": "an Excel workbook", "parquet": "Parquet", "database": "a query to a database"}


def _text(path: Path) -> Inferred:
    encoding = encoding_of(path, MAX_BYTES)
    text = _head(path, encoding)
    layout = layout_of(text)
    file = TableReading(
        encoding=encoding.name, delimiter=layout.delimiter, skip=layout.skip, trailing=layout.trailing, header=False
    )
    rows = list(_first_rows(path, text, file))
    if not rows:
        raise Malformed("the file is empty", advice="its first line must name the columns", file=str(path))
    header, why = has_header(rows[0], rows[1:])
    names = named(path, rows[0] if header else [""] * len(rows[0]))
    file = TableReading(
        encoding=encoding.name, delimiter=layout.delimiter, skip=layout.skip, trailing=layout.trailing, header=header
    )
    skipped = f"; {layout.skip} lines before the table are passed over" if layout.skip > 1 else ""
    words = [f"encoding {encoding.name}: {encoding.why}", f"delimiter: {layout.why}{skipped}"]
    words += ["every row ends with a delimiter more"] if layout.trailing else []
    words.append(f"{'a header' if header else 'no header'}: {why}")
    found = _described(names, rows[1:] if header else rows, file, words)
    _doubts(found, path, encoding, layout.also, text)
    return found


def _head(path: Path, encoding: Encoding) -> str:
    """The first lines, whole."""
    text = ""
    with open_table(path, MAX_BYTES) as file:
        for piece in pieces(file, path, encoding.name, MAX_BYTES, []):
            text += piece
            if len(text) > MAX_LINE or (len(text) >= HEAD and len(text.splitlines()) > 2):
                break
    if len(text) <= HEAD:
        return text
    end = max(text.rfind("\n", 0, HEAD), text.rfind("\r", 0, HEAD))
    return text[: end + 1] if end > 0 else text


def _first_rows(path: Path, text: str, file: TableReading) -> Iterator[list[str]]:
    """Rows of the usual number of cells; what is no CSV ends them, and is a fault that reading all of it finds."""
    lines = TextLines(iter([text]), path)
    for _ in range(file.skip):
        next(lines, None)
    try:
        for _, row in islice(read_rows(path, lines, file), ROWS):
            yield row
    except Malformed:
        return


def _described(header: Sequence[str], rows: Sequence[Sequence[str]], file: TableReading, words: list[str]) -> Inferred:
    cells = [[row[place] for row in rows if len(row) == len(header)] for place in range(len(header))]
    marks = marks_of(cells) if file.kind in ("text", "excel") else NumberMarks()
    if file.kind == "text" or (marks.decimal, marks.thousands) != (".", ""):
        words = [*words, f"numbers: {marks.why}"]
    file = _with(file, marks)
    faults: list[Remark] = []
    columns: list[Column] = []
    for name, column in zip(header, cells, strict=True):
        again = header[: len(columns)].count(name)
        called = name if not again else _unused(name, again + 1, [*header, *(one.name for one in columns)])
        columns.append(column_of(called, name, column, file))
        if again == 1:
            advice = "give each its own name in the columns file"
            message = f"column {name!r} stands more than once"
            faults.append(Remark("doubled-column", message, header.count(name), advice=advice))
    if marks.doubtful:
        message = f"a number can be read in two ways: {marks.doubtful!r}"
        advice = 'say which in the columns file: decimal and thousands; then kind = "number"'
        faults.append(Remark("doubtful-number", message, example=marks.doubtful, advice=advice))
    found = Inferred(ColumnsFile(FORMAT, file, tuple(columns)), words, faults)
    if marks.maybe and file.kind == "text":
        message = f"every point in a number may be one before thousands; {marks.maybe!r} is read with a decimal point"
        advice = 'if it is: decimal = "," and thousands = "." in the columns file'
        found.warnings.append(Remark("doubtful-number", message, example=marks.maybe, advice=advice))
    return found


def said(file: TableReading) -> list[str]:
    """How a columns file says that a table is read, in the words that a first look has."""
    if file.kind != "text":
        sheet = f"; sheet {file.sheet!r}" if file.sheet else ""
        return [f"the file is {_KINDS[file.kind]}{sheet}"]
    header = "a header: the first row names the columns" if file.header else "no header"
    thousands = f", {file.thousands!r} before thousands" if file.thousands else ""
    return [
        f"encoding {file.encoding}: the columns file says so",
        f"delimiter: {DELIMITER_NAMES.get(file.delimiter, repr(file.delimiter))}",
        header,
        f"numbers: {file.decimal!r} is the decimal mark{thousands}",
    ]


def named_by(names: Sequence[str], found: ColumnsFile, made: bool) -> ColumnsFile:
    """The columns under the names that the table's owner gives them. Raises UsageError where the table has a header, or
    another number of columns, and where a columns file that is there names them otherwise.
    """
    if not names or (not made and found.names == tuple(names)):
        return found
    if found.file.header or not made:
        where = "a header" if found.file.header else "a columns file"
        raise UsageError(
            f"--names is for a table whose columns have no names, and this one has {where}",
            advice="rename them in the columns file: name and source"
            if found.file.header
            else "rename them in the columns file, or have it made again: --again",
            columns=", ".join(found.names)[:300],
        )
    twice = sorted({name for name in names if names.count(name) > 1 or name != name.strip() or not name})
    if twice or len(names) != len(found.columns):
        raise UsageError(
            "--names has to name each column once, with commas between the names",
            expected=f"{len(found.columns)} names",
            actual=f"{len(names)} names" + (f", {twice[0]!r} twice or not one" if twice else ""),
        )
    columns = (replace(one, name=name, source="") for one, name in zip(found.columns, names, strict=True))
    return replace(found, columns=tuple(columns))


def _unused(name: str, number: int, used: Sequence[str]) -> str:
    """The name with a number that no other column has."""
    while f"{name} ({number})" in used:
        number += 1
    return f"{name} ({number})"


def _with(file: TableReading, marks: NumberMarks) -> TableReading:
    return replace(file, decimal=marks.decimal, thousands=marks.thousands)


def _doubts(found: Inferred, path: Path, encoding: Encoding, also: str, text: str) -> None:
    if encoding.guessed:
        seen = next((line for line in text.splitlines() if not line.isascii()), "")
        found.warnings.append(
            Remark(
                "guessed-encoding",
                f"the encoding {encoding.name} is judged by the text alone: {encoding.why}",
                example=seen.strip()[:80],
                advice=f"is this right? Else write the right one as encoding in {path.name}.columns.toml",
            )
        )
    if also:
        found.warnings.append(
            Remark(
                "doubtful-delimiter",
                f"{also!r} would divide the rows as evenly",
                advice="look at the columns; else write it as delimiter in the columns file, and remove its columns",
            )
        )
