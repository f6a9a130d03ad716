"""How a text's rows are written: delimiter, lines before the header, header, and the marks in numbers.

Told by the first rows, in the open: what was found out is said and written down, and what can be read in two ways is
left to the table's owner.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO

from participant.tasks.data.numbers import read_number
from participant.tasks.data.sources.cells import Unclear, plain_number
from participant.tasks.data.sources.columns_file import DELIMITERS, MISSING, THOUSANDS, TableReading

ROWS = 2000
PREAMBLE = 20
MOST = 0.9
"""The part of a column's cells that must be of a kind for it to be of the kind."""
_ORDER = ("\t", ";", "|", ",")
DELIMITER_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_SEP = re.compile(r'"?sep=([^"\r\n])"?[\r\n]*', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TextLayout:
    """How rows lie: see `TableReading`; `also` is another delimiter that would do."""

    delimiter: str
    skip: int
    trailing: bool
    width: int
    why: str
    also: str = ""


def layout_of(text: str) -> TextLayout:
    """The layout of a text, by its first rows. A line `sep=;`, as Excel writes and reads it, settles the delimiter."""
    lines = list(StringIO(text, newline=""))
    said = _SEP.fullmatch(lines[0]) if lines else None
    if said and said[1] in DELIMITERS:
        widths = _widths(lines[1:], said[1])
        width, trailing, _ = _judged(widths, said[1])
        return TextLayout(said[1], 1, trailing, width, f"the first line says so: {said[0].strip()}")
    tried = {sign: _widths(lines, sign) for sign in _ORDER}
    judged = {sign: _judged(widths, sign) for sign, widths in tried.items()}
    fit = {sign: share for sign, (width, _, share) in judged.items() if width > 1}
    if not fit:
        return TextLayout(",", 0, False, 1, "no delimiter was found: one column")
    best = max(fit.values())
    good = [sign for sign in _ORDER if fit.get(sign, 0) > best - 0.02]
    width, trailing, share = judged[good[0]]
    why = f"{DELIMITER_NAMES[good[0]]} make {width} columns in {share:.0%} of the first rows"
    also = next((sign for sign in good[1:] if not _only_below(tried[good[0]], width + trailing, tried[sign])), "")
    return TextLayout(good[0], _preamble(tried[good[0]], width + trailing), trailing, width, why, also)


def _only_below(good: Sequence[tuple[int, int, bool]], width: int, other: Sequence[tuple[int, int, bool]]) -> bool:
    """Whether the first row is whole by one delimiter, and by the other not divided at all: as a header of names above
    rows that all have a decimal comma.
    """
    return good[0][1] >= width - 1 and other[0][1] == 1


def _widths(lines: Sequence[str], delimiter: str) -> list[tuple[int, int, bool]]:
    """Of each row: how many lines come before it, how many cells it has, and whether the last is empty."""
    counted = _Counted(lines)
    reader, found = csv.reader(counted, delimiter=delimiter), list[tuple[int, int, bool]]()
    before = 0
    try:
        for row in reader:
            if len(row) > 1 or any(cell.strip() for cell in row):
                found.append((before, len(row), not row[-1].strip()))
            before = counted.count
            if len(found) >= ROWS:
                break
    except csv.Error:
        pass
    return found


class _Counted:
    def __init__(self, lines: Sequence[str]) -> None:
        self._lines, self.count = iter(lines), 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.count += 1
        return line


def _judged(widths: Sequence[tuple[int, int, bool]], _delimiter: str) -> tuple[int, bool, float]:
    """The usual number of columns, whether rows end with a delimiter more, and the share of rows that have so many."""
    if not widths:
        return 0, False, 0.0
    counts = Counter(width for _, width, _ in widths)
    width = max(counts, key=lambda number: (counts[number], number))
    usual = [empty for _, number, empty in widths if number == width]
    header = next((number for _, number, _ in widths if number > 1), 0)
    ends_empty = all(empty for _, number, empty in widths if number == width) and len(usual) > 1
    if ends_empty and width > 2 and (header == width - 1 or widths[0][1] == width):
        return width - 1, True, counts[width] / len(widths)
    return width, False, counts[width] / len(widths)


def _preamble(widths: Sequence[tuple[int, int, bool]], width: int) -> int:
    """Lines before the first row of the usual number of cells (or one less), where rows of one cell come before it."""
    for place, (before, number, _) in enumerate(widths[:PREAMBLE]):
        if number >= width - 1 and number > 1:
            return before if place else 0
        if number > 1:
            return 0
    return 0


def has_header(first: Sequence[str], rest: Sequence[Sequence[str]]) -> tuple[bool, str]:
    """Whether the first row names the columns, and why. It does not where a cell of it is a number, or where a text of
    it stands again below.
    """
    for cell in first:
        text = cell.strip()
        if text and (_is_number(text) or text.lower() in MISSING):
            return False, f"the first row holds {text[:20]!r}: no names of columns"
    if not rest:
        return True, "the first row holds texts alone"
    again = sum(
        any(row[place].strip() == cell.strip() for row in rest if place < len(row))
        for place, cell in enumerate(first)
        if cell.strip()
    )
    if again:
        return False, f"{again} of the first row's texts stand again below: no names of columns"
    return True, "the first row holds texts alone, and none of them stands again below"


def _is_number(text: str) -> bool:
    return any(_reads(text, decimal, thousands) is not None for decimal, thousands in _GRAMMARS)


_GRAMMARS = [(".", ""), (",", "")] + [
    (decimal, mark) for decimal in ".," for mark in THOUSANDS if mark and mark != decimal
]

_SMALL = re.compile("[+-]?0")
"""How no number with marks of thousands begins."""


@dataclass(frozen=True, slots=True)
class NumberMarks:
    """The marks in numbers, why, and a cell that could be read in two ways; `maybe` is one whose decimal point could be
    a mark of thousands, as all in the table could.
    """

    decimal: str = "."
    thousands: str = ""
    why: str = "numbers have a decimal point, or none"
    doubtful: str = ""
    maybe: str = ""


def marks_of(columns: Sequence[Sequence[str]]) -> NumberMarks:
    """The marks that read most of the numbers. Where two sets of marks read as many and to other numbers, the plain
    ones are taken, and a cell is named as doubtful, or, where all have a point, as one that may be.
    """
    cells = [cell for column in columns for cell in _marked(column)]
    if not cells:
        return NumberMarks()
    read = {marks: [_reads(cell, *marks) for cell in cells] for marks in _GRAMMARS}
    count = {marks: sum(number is not None for number in numbers) for marks, numbers in read.items()}
    most = max(count.values())
    best = [marks for marks in _GRAMMARS if count[marks] == most]
    if most == 0:
        return NumberMarks()
    chosen = best[0]
    for other in best[1:]:
        differing = [cell for cell, a, b in zip(cells, read[chosen], read[other], strict=True) if a != b]
        if differing and chosen != (".", ""):
            return NumberMarks(doubtful=differing[0], why=f"{differing[0]!r} can be read in two ways")
    decimal, thousands = chosen
    name = "a decimal comma" if decimal == "," else "a decimal point"
    also = f", and {thousands!r} before every third digit" if thousands else ""
    maybe = cells[0] if chosen == (".", "") and (",", ".") in best and not any(map(_SMALL.match, cells)) else ""
    return NumberMarks(decimal, thousands, f"{most} of the first numbers with marks have {name}{also}", maybe=maybe)


def _marked(column: Sequence[str]) -> list[str]:
    """The cells with marks of a column that is mostly numbers by one set of marks or another."""
    cells = [cell.strip() for cell in column]
    cells = [cell for cell in cells if cell.lower() not in MISSING]
    marked = [cell for cell in cells if not cell.lstrip("+-").isdigit()]
    if not marked:
        return []
    read = max(sum(_reads(cell, *marks) is not None for cell in cells) for marks in _GRAMMARS)
    return marked if read >= MOST * len(cells) else []


def _reads(text: str, decimal: str, thousands: str) -> float | None:
    try:
        return read_number(plain_number(text, TableReading(decimal=decimal, thousands=thousands)))
    except (Unclear, ValueError):
        return None
