"""Why rows cannot be read: every reason, with its column and all of its rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
LEFT_OUT = "left-out"


@dataclass(frozen=True, slots=True)
class RowFault:
    """One reason. `lines`, int64, are the places in the file of all rows that it holds for; `example` is the first
    cell. A row that the party's columns file leaves out is one of the kind `left-out`, and nothing else.
    """

    kind: str
    column: str
    message: str
    advice: str
    lines: Places
    example: str


WORDS = {
    "missing": (
        "a value is missing",
        'fill it in, or leave such rows out: rows_with_missing = "leave out" under [file] in the columns file; '
        "or agree on a job that says what becomes of it",
    ),
    LEFT_OUT: ("a value is missing, and the columns file leaves such rows out", "fill it in"),
    "text-in-numbers": ("text stands in a column of numbers", 'write a number with a decimal point, such as "1234.5"'),
    "number-too-large": (
        "a number cannot be kept as it is: no float64 holds it",
        "identifiers are no inputs: leave the column out, or use smaller units",
    ),
    "other-marks": (
        "numbers have other marks than the columns file says",
        "correct the cells, or decimal and thousands in the columns file",
    ),
    "unlisted": ("a text is not among the values that the columns file lists", "add it to values there"),
    "outside": (
        "a value lies outside the range that the job has for its column",
        'correct the value, or its unit; a job with outside = "clip" takes the nearer bound',
    ),
    "unknown-word": (
        "a word is not in the vocabulary that the job has for its column",
        'correct it, or say by values in the columns file what it stands for; a job with unknown = "other" takes it',
    ),
    "uneven-row": (
        "a row has another number of cells than the header",
        "write texts with delimiters or line breaks in double quotes; fedledger data profile lists all",
    ),
}
"""What a fault is called, and the way out. Labels have further kinds, with the words of their tasks."""


@dataclass(slots=True)
class _Places:
    parts: list[Places] = field(default_factory=list)
    example: str = ""
    words: tuple[str, str] = ("", "")


class Faults:
    """Faults as they are found."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], _Places] = {}

    def add(self, kind: str, column: str, lines: Places, example: str, words: tuple[str, str] | None = None) -> None:
        """`words` are message and advice, where the kind has none of its own. Nothing where there are no lines."""
        if lines.size:
            found = self._found.setdefault((kind, column), _Places(example=example, words=words or WORDS[kind]))
            found.parts.append(lines)

    def found(self) -> tuple[RowFault, ...]:
        """All of them, in the order of their first lines, then of columns."""
        faults = [
            RowFault(kind, column, *places.words, np.sort(np.concatenate(places.parts)), places.example)
            for (kind, column), places in self._found.items()
        ]
        return tuple(sorted(faults, key=lambda one: (int(one.lines[0]), one.column, one.kind)))


def by_line(faults: Iterable[RowFault]) -> dict[int, list[RowFault]]:
    """Every reason of each row, by its place, ascending."""
    rows: dict[int, list[RowFault]] = {}
    for fault in faults:
        for line in fault.lines.tolist():
            rows.setdefault(line, []).append(fault)
    return dict(sorted(rows.items()))
