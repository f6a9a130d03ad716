"""One column of a table, batch by batch: what its cells become, and why some of them become nothing.

What a text becomes is said once, by a function of the text, which judges each different text once; plain numbers, of
which a column has many, are read by Polars to the same float64.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import nan

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ledger.formats.alike import hint
from ledger.jobs.preparation import Category, Input, Label, Number, outputs_of
from participant.tasks.data.columns import BadCell, Cell
from participant.tasks.data.numbers import TooLarge, read_number
from participant.tasks.data.preparing.faults import LEFT_OUT
from participant.tasks.data.preparing.vocabulary import finder
from participant.tasks.data.sources.cells import Clean, Unclear, cleaner
from participant.tasks.data.sources.columns_file import MISSING, Column, TableReading

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Cells = pl.Series | Sequence[str] | Floats
Judged = tuple[float, str]
"""A number, and the kind of a fault, ABSENT for a cell without a value, or nothing."""
ABSENT = "absent"
_PLAIN = r"^[+-]?([0-9]{1,15}|[0-9]{0,15}\.[0-9]{1,40}|[0-9]{1,15}\.)$"
_KNOWN = 1 << 17
"""Different texts of a column whose judgement is kept."""
_MISSING = frozenset(MISSING)


@dataclass(frozen=True, slots=True)
class Source:
    """How a column stands in its file; `listed` where a columns file says so."""

    column: Column
    file: TableReading
    listed: bool

    @property
    def clean(self) -> Clean:
        """What makes a cell plain."""
        return cleaner(self.column, self.file) if self.listed else str.strip

    @property
    def unclear(self) -> str:
        """The kind of what `clean` refuses."""
        return "unlisted" if self.column.values else "other-marks"

    @property
    def missing(self) -> str:
        """The kind of a cell without a value, where nothing may stand for it."""
        return LEFT_OUT if self.listed and self.file.rows_with_missing == "leave out" else "missing"


@dataclass(frozen=True, slots=True)
class CellFault:
    """A fault of some cells: `rows`, of the batch, the first of them, and its own words where the kind has none."""

    kind: str
    rows: Bools
    example: str
    words: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class PreparedColumn:
    """`values` float64 n × outputs; where there is a fault they mean nothing."""

    values: Floats
    faults: list[CellFault]


@dataclass(slots=True)
class _Judge:
    """Judges texts, each different one once."""

    judge: Callable[[str], Judged]
    kinds: list[str] = field(default_factory=lambda: ["", ABSENT])
    _known: dict[str, tuple[float, int]] = field(default_factory=dict)

    def of(self, texts: pl.Series) -> tuple[Floats, NDArray[np.int64]]:
        """Of each text its number, and its place in `kinds`."""
        words = texts.unique()
        listed = words.to_list()
        judged = [self._one(word) for word in listed]
        at = texts.replace_strict(words, np.arange(len(listed)), return_dtype=pl.Int64).to_numpy()
        numbers = np.array([number for number, _ in judged], np.float64)
        codes = np.array([code for _, code in judged], np.int64)
        return numbers[at], codes[at]

    def of_few(self, texts: Sequence[str]) -> tuple[Floats, NDArray[np.int64]]:
        """The same of a few texts."""
        judged = [self._one(text) for text in texts]
        return np.array([number for number, _ in judged], np.float64), np.array([code for _, code in judged], np.int64)

    def _one(self, text: str) -> tuple[float, int]:
        known = self._known.get(text)
        if known is None:
            number, kind = self.judge(text)
            if kind not in self.kinds:
                self.kinds.append(kind)
            known = number, self.kinds.index(kind)
            if len(self._known) < _KNOWN:
                self._known[text] = known
        return known

    def code(self, kind: str) -> int:
        """The place of a kind."""
        if kind not in self.kinds:
            self.kinds.append(kind)
        return self.kinds.index(kind)


def _faults(
    texts: Cells, codes: NDArray[np.int64], kinds: list[str], words: Callable[[str], tuple[str, str] | None]
) -> list[CellFault]:
    found = []
    for code in np.unique(codes[codes > 1]).tolist():
        rows = codes == code
        example = str(texts[int(np.argmax(rows))])
        found.append(CellFault(kinds[code], rows, example[:80], words(kinds[code])))
    return found


class NumberColumn:
    """A column of numbers, and whether it was missing."""

    def __init__(self, one: Number, source: Source) -> None:
        self._one, self._source = one, source
        self._low, self._high = float(one.low), float(one.high)
        self._sentinels = [float(sentinel) for sentinel in one.sentinels]
        self._judge = _Judge(number_judge(source))
        self._marks = [mark.lower() for mark in (*source.file.missing, *source.column.missing)]

    def add(self, cells: pl.Series) -> PreparedColumn:
        """What cells as they are in the file become."""
        texts = cells.str.strip_chars()
        numbers, odd = self._plain(texts)
        codes = np.zeros(len(texts), np.int64)
        if odd.any():
            numbers[odd], codes[odd] = self._judge.of(texts.filter(pl.Series(odd)))
        return self._made(texts, numbers, codes)

    def take(self, numbers: Floats) -> PreparedColumn:
        """The same of numbers that were read already; one that is not a number is a value that is missing."""
        return self._made(numbers, numbers.copy(), np.isnan(numbers).astype(np.int64))

    def take_texts(self, texts: Sequence[str]) -> PreparedColumn:
        """The same of a few texts, without spaces around them."""
        return self._made(texts, *self._judge.of_few(texts))

    def _made(self, texts: Cells, numbers: Floats, codes: NDArray[np.int64]) -> PreparedColumn:
        absent = codes == 1
        for sentinel in self._sentinels:
            absent |= (numbers == sentinel) & (codes == 0)
        values = self._settle(numbers, codes, absent)
        flagged = self._one.missing is not None and self._one.missing.by == "flag"
        blocks = [values, absent.astype(np.float64)] if flagged else [values]
        return PreparedColumn(np.stack(blocks, 1), _faults(texts, codes, self._judge.kinds, lambda _: None))

    def _settle(self, numbers: Floats, codes: NDArray[np.int64], absent: Bools) -> Floats:
        """Numbers within the range; what is wrong with some of them goes into `codes`."""
        outside = (codes == 0) & ~absent & ((numbers < self._low) | (numbers > self._high))
        if self._one.outside == "refuse":
            codes[outside] = self._judge.code("outside")
        if self._one.missing is None:
            codes[absent] = self._judge.code(self._source.missing)
            return np.clip(numbers, self._low, self._high)
        codes[absent] = 0
        return np.clip(np.where(absent, float(self._one.missing.value), numbers), self._low, self._high)

    def _plain(self, texts: pl.Series) -> tuple[Floats, Bools]:
        """Numbers that are surely read as `number_judge` reads them, and which cells have to be judged one by one."""
        source = self._source
        if source.column.values or source.file.thousands:
            return np.full(len(texts), nan), np.ones(len(texts), np.bool_)
        plain, odd = texts, np.zeros(len(texts), np.bool_)
        if source.listed and source.file.decimal == ",":
            odd = texts.str.contains(".", literal=True).to_numpy().copy()
            plain = texts.str.replace(",", ".", literal=True)
        odd |= ~plain.str.contains(_PLAIN).to_numpy()
        if source.listed and any(mark[:1] in "+-.0123456789" for mark in self._marks if mark):
            odd |= texts.str.to_lowercase().is_in(self._marks).to_numpy()
        numbers = plain.cast(pl.Float64, strict=False).fill_null(nan).to_numpy().copy()
        return numbers, odd


class CategoryColumn:
    """A column of words."""

    def __init__(self, one: Category, source: Source) -> None:
        self._one = one
        self._outputs = len(tuple(outputs_of(one)))
        self._judge = _Judge(word_judge(one, source))
        self._missing = source.missing

    def add(self, cells: pl.Series) -> PreparedColumn:
        """What cells as they are in the file become."""
        texts = cells.str.strip_chars()
        return self._made(texts, *self._judge.of(texts))

    def take_texts(self, texts: Sequence[str]) -> PreparedColumn:
        """The same of a few texts, without spaces around them."""
        return self._made(texts, *self._judge.of_few(texts))

    def _made(self, texts: Cells, places: Floats, codes: NDArray[np.int64]) -> PreparedColumn:
        missing = self._one.missing
        absent = codes == 1
        if missing is None:
            codes[absent] = self._judge.code(self._missing)
        else:
            codes[absent] = 0
            places[absent] = (
                self._one.vocabulary.index(missing.value) if missing.by == "constant" else self._outputs - 1
            )
        values = np.zeros((len(texts), self._outputs))
        rows = np.flatnonzero((codes == 0) & (places >= 0))
        values[rows, places[rows].astype(np.int64)] = 1
        return PreparedColumn(values, _faults(texts, codes, self._judge.kinds, lambda _: None))


class LabelColumn:
    """A column that the task learns: its own numbers, by the job's map where there is one."""

    def __init__(self, name: str, cell: Cell, label: Label | None, source: Source) -> None:
        self._words: dict[str, tuple[str, str]] = {}
        self._cell, self._label, self._source = cell, label, source
        self._find = finder(label.values) if label else None
        self._judge = _Judge(self._judged)

    def add(self, cells: pl.Series) -> PreparedColumn:
        """What cells as they are in the file become."""
        texts = cells.str.strip_chars()
        numbers, codes = self._judge.of(texts)
        return PreparedColumn(numbers[:, None], _faults(texts, codes, self._judge.kinds, self._words.get))

    def _judged(self, text: str) -> Judged:
        try:
            cell = self._source.clean(text)
        except Unclear:
            return nan, self._source.unclear
        absent = cell.lower() in _MISSING
        if self._label is not None and self._find is not None:
            word = self._find(cell)
            if word is None and not absent:
                return nan, self._unknown(cell, self._label)
            cell, absent = (self._label.values[word], False) if word is not None else (cell, True)
        try:
            return self._cell(cell), ""
        except BadCell as error:
            if absent:
                return nan, self._source.missing
            return nan, self._kind(f"label: {error}", str(error), error.advice)

    def _unknown(self, cell: str, label: Label) -> str:
        advice = hint(cell, label.values) or "correct it, or agree on a job whose label map has it"
        return self._kind("unknown-label", "a word is not in the job's label map", advice)

    def _kind(self, kind: str, message: str, advice: str) -> str:
        self._words.setdefault(kind, (message, advice))
        return kind


def number_judge(source: Source) -> Callable[[str], Judged]:
    """What a text of a column of numbers is."""
    clean = source.clean

    def judge(text: str) -> Judged:
        try:
            cell = clean(text)
        except Unclear:
            return nan, source.unclear
        if cell.lower() in _MISSING:
            return nan, ABSENT
        try:
            return read_number(cell), ""
        except TooLarge:
            return nan, "number-too-large"
        except ValueError:
            return nan, "text-in-numbers"

    return judge


def word_judge(one: Category, source: Source) -> Callable[[str], Judged]:
    """Which output a text of a column of words is 1 in; -1 for none."""
    clean, sentinel, word_of = source.clean, finder(one.sentinels), finder(one.vocabulary)
    places = {word: float(place) for place, word in enumerate(one.vocabulary)}

    def judge(text: str) -> Judged:
        try:
            cell = clean(text)
        except Unclear:
            return nan, source.unclear
        if sentinel(cell) is not None:
            return nan, ABSENT
        word = word_of(cell)
        if word is not None:
            return places[word], ""
        if cell.lower() in _MISSING:
            return nan, ABSENT
        if one.unknown == "refuse":
            return nan, "unknown-word"
        return (float(len(places)) if one.unknown == "other" else -1.0), ""

    return judge


def column_of(one: Input, source: Source) -> NumberColumn | CategoryColumn:
    """What prepares an input's column."""
    return NumberColumn(one, source) if isinstance(one, Number) else CategoryColumn(one, source)
