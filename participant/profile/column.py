"""One column, batch by batch: missing cells, faults with their lines, categories, numbers."""

from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from participant.profile.document import SHOWN, CategoryCount, ColumnProfile, Remark
from participant.profile.kinds import DATE
from participant.profile.numbers import BINS, SENTINELS, NumberFigures
from participant.tasks.data.numbers import TooLarge, read_number
from participant.tasks.data.sources.cells import Unclear, cleaner
from participant.tasks.data.sources.columns_file import Column, TableReading

DISTINCT = 1000
"""Different texts of a column that are counted one by one, at most."""
CATEGORIES = 50
"""Categories that a profile lists, the most frequent first."""
_EXACT = 2.0**53
_LONG = 40
Places = NDArray[np.int64]
MISSING = "missing"


@dataclass(slots=True)
class Occurrences:
    """How many cells, the first lines, and the text of the first."""

    count: int = 0
    lines: list[int] = field(default_factory=list)
    example: str = ""

    def add(self, count: int, lines: Sequence[int], example: str) -> None:
        """Count cells; `lines` are some of theirs, in order."""
        if not self.count:
            self.example = example
        self.count += count
        for line in lines[:SHOWN]:
            insort(self.lines, int(line))
        del self.lines[SHOWN:]

    @property
    def full(self) -> bool:
        """Whether no later line is among the first."""
        return len(self.lines) >= SHOWN


@dataclass(frozen=True, slots=True)
class CellJudgement:
    """What a text is: a fault or `missing` by its kind, or a number, or neither."""

    fault: str = ""
    number: float | None = None


WORDS = {
    "text-in-numbers": (
        "text stands in a column of numbers",
        'correct the cells; or write into the columns file, for the column, missing = ["TEXT"], or kind = "text"',
    ),
    "number-too-large": (
        "a number cannot be kept as it is: no float64 holds it",
        "identifiers are no inputs: let the column be of the kind text or ignore",
    ),
    "other-marks": (
        "numbers have other marks than the columns file says",
        "correct the cells, or decimal and thousands in the columns file",
    ),
    "not-a-date": ("a text is not a date", "write 2024-01-31, or let the column be of the kind text"),
    "unlisted": ("a text is not among the values that the columns file lists", "add it to values, or to missing"),
}
"""What a fault of a cell is called, and the way out."""


def judge_of(column: Column, file: TableReading) -> Callable[[str], CellJudgement]:
    """What judges a text of a column, as reading it would."""
    clean = cleaner(column, file)

    def judge(text: str) -> CellJudgement:
        try:
            cell = clean(text)
        except Unclear:
            return CellJudgement("unlisted" if column.values else "other-marks")
        if not cell:
            return CellJudgement(MISSING)
        if column.kind == "number":
            return _number(cell)
        dated = column.kind != "date" or bool(column.values) or DATE.fullmatch(cell) is not None
        return CellJudgement("" if dated else "not-a-date")

    return judge


def _number(cell: str) -> CellJudgement:
    try:
        return CellJudgement(number=read_number(cell))
    except TooLarge:
        return CellJudgement("number-too-large")
    except ValueError:
        return CellJudgement("text-in-numbers")


def plain(number: float) -> str:
    """A number without exponent, plus sign, or zeros that say nothing."""
    return format(Decimal(repr(number)).normalize(), "f") if number else "0"


class ColumnFigures:
    """A column's figures; `add` takes its cells as they are in the file, with the line of each."""

    def __init__(
        self,
        column: Column,
        file: TableReading,
        bins: int = BINS,
        clip: tuple[float, float] | None = None,
        ranks: int = 0,
    ) -> None:
        self.column, self._file = column, file
        self._judge = judge_of(column, file)
        self.numbers = NumberFigures(bins, clip, ranks)
        self.places: dict[str, Occurrences] = {}
        self.sentinels: dict[float, Occurrences] = {}
        self._few: dict[str, int] | None = {}

    def add(self, cells: pl.Series, lines: Places) -> None:
        """Add a batch."""
        texts = cells.str.strip_chars()
        fast = self.column.kind == "number" and not self.column.values
        if self._few is None and fast:
            odd = self._add_numbers(texts, lines)
            self._add_texts(texts.filter(odd), lines[odd.to_numpy()])
        else:
            self._add_texts(texts, lines)

    def _add_texts(self, texts: pl.Series, lines: Places) -> None:
        """Judge each different text once."""
        if not len(texts):
            return
        counted = texts.alias("word").value_counts(name="n").sort("word")
        words, counts = counted.to_series(0).to_list(), counted["n"].to_numpy().astype(np.int64)
        judged = [self._judge(word) for word in words]
        at = [place for place, one in enumerate(judged) if one.number is not None]
        self.numbers.add(np.array([judged[place].number for place in at], np.float64), counts[at])
        for word, count, one in zip(words, counts.tolist(), judged, strict=True):
            if one.fault:
                self._note(self.places.setdefault(one.fault, Occurrences()), word, count, texts == word, lines)
            elif one.number in SENTINELS:
                self._note(self.sentinels.setdefault(one.number, Occurrences()), word, count, texts == word, lines)
        if self._few is not None:
            for word, count in zip(words, counts.tolist(), strict=True):
                self._few[word] = self._few.get(word, 0) + count
            if len(self._few) > DISTINCT:
                self._few = None

    def _note(self, places: Occurrences, word: str, count: int, held: pl.Series, lines: Places) -> None:
        found: Sequence[int] = ()
        if not places.full or lines[0] < places.lines[-1]:
            found = lines[held.to_numpy()][:SHOWN].tolist()
        places.add(count, found, word)

    def _add_numbers(self, texts: pl.Series, lines: Places) -> pl.Series:
        """Add what surely is a number; which cells have to be looked at one by one."""
        plain, marked = texts, None
        if self._file.decimal == ",":
            marked = texts.str.contains(".", literal=True)
            plain = texts.str.replace(",", ".", literal=True)
        numbers = plain.cast(pl.Float64, strict=False)
        odd = numbers.is_null() | ~numbers.is_finite() | (numbers.abs() >= _EXACT)
        odd |= (texts.str.len_bytes() > _LONG) | texts.str.contains("[eE]") | ((numbers == 0) & (texts != "0"))
        if marked is not None:
            odd |= marked
        odd = odd.fill_null(True)
        self.numbers.add(numbers.filter(~odd).to_numpy())
        for number in SENTINELS:
            held = (numbers == number) & ~odd
            if count := int(held.sum()):
                self._note(self.sentinels.setdefault(number, Occurrences()), f"{number:g}", count, held, lines)
        return odd

    def lacking(self, cells: pl.Series) -> NDArray[np.bool_]:
        """Which of a batch's cells have no value."""
        texts = cells.str.strip_chars()
        different = texts.unique()
        missing = different.filter([self._judge(text).fault == MISSING for text in different.to_list()])
        return texts.is_in(missing.implode()).to_numpy()

    def missing(self) -> Occurrences:
        """Cells without a value."""
        return self.places.get(MISSING, Occurrences())

    def distinct(self) -> int | None:
        """Different texts but for missing ones; None where they are more than are counted."""
        if self._few is None:
            return None
        return sum(self._judge(word).fault != MISSING for word in self._few)

    def categories(self) -> list[CategoryCount]:
        """Texts that are not missing and how often each stands there, the most frequent first; none where too many."""
        if self._few is None:
            return []
        named = [CategoryCount(word, n) for word, n in self._few.items() if self._judge(word).fault != MISSING]
        return sorted(named, key=lambda one: (-one.count, one.value))

    def words(self) -> dict[str, int] | None:
        """What is read of cells that are neither missing nor at fault, numbers in one form, and how often; None where
        there are too many different ones.
        """
        if self._few is None:
            return None
        found, clean = dict[str, int](), cleaner(self.column, self._file)
        for text, count in self._few.items():
            judged = self._judge(text)
            if not judged.fault:
                word = clean(text) if judged.number is None else plain(judged.number)
                found[word] = found.get(word, 0) + count
        return found

    def faults(self) -> list[Remark]:
        """What is wrong with cells."""
        found = []
        for kind, places in self.places.items():
            if kind != MISSING:
                message, advice = WORDS[kind]
                lines = tuple(places.lines)
                found.append(Remark(kind, message, places.count, lines, self.column.name, places.example[:80], advice))
        return found

    def profile(self) -> ColumnProfile:
        """The column for the document."""
        listed = [] if self.column.kind == "ignore" else self.categories()
        return ColumnProfile(
            self.column.name,
            self.column.kind,
            self.missing().count,
            self.distinct(),
            tuple(listed) if len(listed) <= CATEGORIES else (),
            self.numbers.result(),
        )
