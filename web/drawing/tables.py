"""Figures as CSV (RFC 4180): what a spreadsheet would run as a formula is text."""

import csv
import io
import re

from ledger.errors import plain
from web.drawing.figure import Figure

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?", re.ASCII)
_FORMULA = re.compile(r"\s*[=+\-@\t\r|%\uff1d\uff0b\uff0d\uff20]")
"""Signs that begin a formula, in full width too, as spreadsheets in Chinese and Japanese read them."""
_SPLIT = re.compile(r"[;\uff1b]")
"""Where a spreadsheet of another country ends a cell."""


def as_csv(figure: Figure) -> bytes:
    """The table of a figure, in UTF-8 with the mark by which spreadsheets know it."""
    written = io.StringIO(newline="")
    table = csv.writer(written, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n")
    table.writerow(map(cell, figure.columns))
    table.writerows(map(cell, row) for row in figure.rows)
    return b"\xef\xbb\xbf" + written.getvalue().encode()


def cell(text: str) -> str:
    """A number as it is; other text printable, on one line, and behind an apostrophe if it begins like a formula."""
    if NUMBER.fullmatch(text):
        return text
    clean = _SPLIT.sub(",", plain(text).replace("\n", " "))
    return f"'{clean}" if _FORMULA.match(clean) else clean
