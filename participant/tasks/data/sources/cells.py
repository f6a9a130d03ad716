"""What stands in a cell: typed values as text, and text by a columns file's marks as plain numbers."""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal

from participant.tasks.data.sources.columns_file import Column, ColumnsFile, TableReading

Clean = Callable[[str], str]


class Unclear(ValueError):
    """A cell that cannot be read by the columns file; the message says why."""


def text_of(value: object, decimal: str = ".") -> str:
    """A typed value of Excel or a database as text. A whole number has no decimal mark, whatever its type is there; a
    number of another kind is the shortest one that reads back as the same float64. Raises Unclear for other types.
    """
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return _number_text(value).replace(".", decimal)
    if isinstance(value, datetime) and value.timetz() == time(0):
        return value.date().isoformat()
    if isinstance(value, date | time):
        return value.isoformat().replace("T", " ")
    raise Unclear(f"a value of the type {type(value).__name__}, which is neither text, number nor date")


def _number_text(value: float | Decimal) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2.0**53 else repr(value)
    if not isinstance(value, Decimal):
        return str(value)
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def plain_number(text: str, file: TableReading) -> str:
    """A number with the file's marks as one with a decimal point and no marks of thousands.

    Marks of thousands stand before every third digit, or nowhere. A text without a digit is left as it is: no mark
    makes a number of it. Raises Unclear for other texts.
    """
    cell = text.strip()
    if (not file.thousands and file.decimal == ".") or not any(sign.isdigit() for sign in cell):
        return cell
    whole, mark, rest = cell.partition(file.decimal)
    if file.thousands and file.thousands in whole:
        if not re.fullmatch(rf"[+-]?[0-9]{{1,3}}({re.escape(file.thousands)}[0-9]{{3}})+", whole):
            raise Unclear("marks of thousands do not stand before every third digit")
        whole = whole.replace(file.thousands, "")
    if file.decimal != "." and "." in whole + rest:
        raise Unclear('a point stands in it, and the decimal mark is ","')
    return f"{whole}.{rest}" if mark else whole


def is_missing(column: Column, file: TableReading) -> Callable[[str], bool]:
    """Whether a cell without spaces around it means "not measured"; capitals do not matter."""
    marks = {mark.lower() for mark in (*file.missing, *column.missing)}
    return lambda cell: cell.lower() in marks


def cleaner(column: Column, file: TableReading) -> Clean:
    """What makes a cell plain: texts replaced by `values`, missing ones empty, numbers with a decimal point. What
    `values` lists is not missing, whatever it is.

    What it returns raises Unclear for a text that `values` does not list, and for numbers with other marks.
    """
    missing, values = is_missing(column, file), column.values

    def clean(text: str) -> str:
        cell = text.strip()
        if cell in values:
            return values[cell]
        if missing(cell):
            return ""
        if values:
            raise Unclear("the columns file's values do not list it")
        return plain_number(cell, file) if column.kind == "number" else cell

    return clean


def places(found: ColumnsFile, header: Sequence[str]) -> list[int | None]:
    """Where each column of the columns file stands in a header; None for one that is not there. Of several with one
    name the first listed is the first in the file.
    """
    where: dict[str, list[int]] = {}
    for place, name in enumerate(header):
        where.setdefault(name, []).append(place)
    used = {name: iter(found_at) for name, found_at in where.items()}
    return [next(used.get(column.source or column.name, iter(())), None) for column in found.columns]
