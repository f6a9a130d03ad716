"""The columns file: how a table is read, and what its columns are (docs/spec/columns.md).

It stands beside the table, is made by `fedledger data profile`, is edited by the table's owner, and is the truth for
every later read.
"""

import codecs
import os
from pathlib import Path
from typing import Literal

import msgspec
import tomli_w

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.files.foreign import read_foreign
from participant.tasks.data.numbers import read_number

FORMAT = "fedledger/columns/1"
SUFFIX = ".columns.toml"
MAX_SIZE = 16 << 20
MAX_COLUMNS = 32_768
MISSING = ("", "?", "-", "na", "n/a", "nan", "inf", "-inf", "null", "none", "nil", "missing")
"""What counts as a missing value where no columns file says otherwise, in any case of letters."""
DELIMITERS = (",", ";", "\t", "|")
DECIMALS = (".", ",")
THOUSANDS = ("", ",", ".", " ", "'", "\u00a0", "\u202f", "\u2019")

Source = Literal["text", "excel", "parquet", "database"]
Kind = Literal["number", "category", "text", "date", "ignore"]


class TableReading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[file]`: how the table is read. `skip` counts lines (of Excel: rows) before the header, `trailing` says that
    every row ends with one delimiter more; `sheet` is of Excel, `url_file` of a database.
    """

    kind: Source = "text"
    encoding: str = "utf-8"
    delimiter: str = ","
    header: bool = True
    skip: int = 0
    trailing: bool = False
    decimal: str = "."
    thousands: str = ""
    sheet: str = ""
    url_file: str = ""
    missing: tuple[str, ...] = MISSING
    rows_with_missing: Literal["refuse", "leave out"] = "refuse"


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[[columns]]`: one column. `source` is its name in the file, `missing` adds to the file's, `values` says which
    texts stand for which others: where it is there, no other text is taken. `unit` and `description` are for people of
    other houses (`fedledger data share`).
    """

    name: str
    source: str = ""
    kind: Kind = "number"
    missing: tuple[str, ...] = ()
    values: dict[str, str] = {}
    unit: str = ""
    description: str = ""


class ColumnsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    format: str
    file: TableReading
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns are called, in the file's order."""
        return tuple(column.name for column in self.columns)


def beside(path: Path) -> Path:
    """Where the columns file of a table stands."""
    return path.with_name(path.name + SUFFIX)


def is_there(path: Path) -> bool:
    """Whether something has the name of a columns file, and if it is a link that leads nowhere: then the table is not
    read as if there were none.
    """
    return os.path.lexists(path)


def content_of(path: Path) -> bytes:
    """The bytes of a columns file. Raises UsageError where there is none, Malformed for a link, Unavailable."""
    try:
        return read_foreign(path, "the columns file", MAX_SIZE)
    except FileNotFoundError as error:
        raise UsageError("no such columns file", file=str(path)) from error
    except OSError as error:
        raise Unavailable(f"cannot read the columns file: {error.strerror}", file=str(path)) from error


def load(path: Path) -> ColumnsFile:
    """Read a columns file. Raises as `content_of`, and Malformed for what it holds."""
    data = content_of(path)
    try:
        found = msgspec.toml.decode(data, type=ColumnsFile)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(
            f"the columns file cannot be read: {error}",
            advice="correct it by docs/spec/columns.md, or remove it and have it made again: fedledger data profile",
            file=str(path),
        ) from error
    check(found, path)
    return found


def check(found: ColumnsFile, path: Path) -> None:
    """1. the format is known; 2. the encoding, 3. the delimiter, 4. the marks of numbers can be used; 5. there are
    columns, not too many; 6. each has a name, and values of its kind; 7. no two
    have one name. Raises Malformed.
    """
    file = found.file
    _require(path, found.format == FORMAT, "format", FORMAT, found.format)
    _require(path, _is_encoding(file.encoding), "encoding", "an encoding of text that Python knows", file.encoding)
    single = len(file.delimiter) == 1 and file.delimiter.isascii() and file.delimiter not in '"\r\n'
    _require(path, single, "delimiter", "one ASCII sign that is no quotation mark", file.delimiter)
    _require(path, file.decimal in DECIMALS, "decimal", '"." or ","', file.decimal)
    marks = file.thousands in THOUSANDS and file.thousands != file.decimal
    _require(path, marks, "thousands", "nothing, or a mark that is not the decimal mark", file.thousands)
    _require(path, 0 <= file.skip <= 1000, "skip", "0 to 1000", file.skip)
    count = len(found.columns)
    _require(path, 0 < count <= MAX_COLUMNS, "columns", f"1 to {MAX_COLUMNS:,}", count)
    for column in found.columns:
        named = column.name == column.name.strip() != ""
        _require(path, named, "name", "a name without spaces around it", column.name)
        wrong = [value for value in column.values.values() if column.kind == "number" and not _is_number(value)]
        _require(path, not wrong, "values", 'numbers, or kind = "category"', "".join(wrong[:1]))
    doubled = next((name for name in found.names if found.names.count(name) > 1), None) if _doubled(found) else None
    _require(path, doubled is None, "name", "a name for each column", doubled)


def _is_number(text: str) -> bool:
    try:
        read_number(text)
    except ValueError:
        return False
    return True


def _doubled(found: ColumnsFile) -> bool:
    return len(set(found.names)) < len(found.names)


def _require(path: Path, held: bool, what: str, expected: object, actual: object) -> None:
    if not held:
        raise Malformed(
            f"the columns file's {what!r} cannot be used",
            advice=f"edit {path.name}",
            file=str(path),
            expected=expected,
            actual=repr(actual)[:80],
        )


def _is_encoding(name: str) -> bool:
    try:
        return codecs.lookup(name)._is_text_encoding and codecs.lookup(name).incrementaldecoder is not None
    except (LookupError, ValueError):
        return False


_HEAD = """\
# How {name} is read, and what its columns are.
# Written by `fedledger data profile`, and the truth from now on: what you change here holds for training, scoring and
# prediction. Nothing else is guessed (docs/data.md).
#
#   name     what jobs call the column; source is its name in the file
#   kind     number, category, text, date or ignore
#   missing  texts that mean "not measured", such as missing = ["0", "999"]
#   values   what a text stands for, such as values = {{ F = "0", M = "1" }}
#   unit, description  what others should know of it, such as unit = "mg/dl"
"""


def encode(found: ColumnsFile, name: str) -> bytes:
    """The file's bytes, with a head that says what it is for; `name` is the table's."""
    columns = [{"name": one.name, "kind": one.kind, **msgspec.to_builtins(one)} for one in found.columns]
    document = {"format": found.format, "columns": columns, "file": _told(found.file)}
    return (_HEAD.format(name=name) + "\n" + tomli_w.dumps(document)).encode()


def _told(file: TableReading) -> dict[str, object]:
    """What is written: all that a text can be read by, and what else is not the default."""
    always = {"kind", "header", "decimal", "thousands", "missing", "rows_with_missing"}
    always |= {"encoding", "delimiter"} if file.kind == "text" else set()
    usual = msgspec.to_builtins(TableReading())
    return {name: value for name, value in msgspec.to_builtins(file).items() if name in always or value != usual[name]}
