"""A table's profile: every cell looked at once, all faults in one run."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ledger.errors import Malformed, UsageError
from ledger.formats.alike import twins
from participant.profile.column import ColumnFigures, Occurrences
from participant.profile.document import FORMAT, SHOWN, ColumnProfile, Profile, Remark
from participant.profile.inference import MAX_BYTES, Inferred, infer, named_by, said
from participant.profile.numbers import BINS
from participant.profile.people import by_look, by_name
from participant.profile.unique import Doubled, Once
from participant.tasks.data.sources.blocks import RowBatch, open_batches
from participant.tasks.data.sources.columns_file import Column, ColumnsFile, beside, is_there, load
from participant.tasks.data.sources.rows import columns_at
from participant.tasks.data.sources.text import Undecodable

FEW_ROWS, FEW_PART = 20, 0.05
"""A class with fewer rows, or with a smaller part of them, is named."""
OFTEN = 3
"""Times that few different numbers stand in a column, on average: then each is a code, and none means that nothing was
measured."""
LEAST_NUMBERS, LEAST_TEXTS = 200, 20
"""Of so many values that all differ, it is said: few whole numbers differ by chance."""
MISSING_REFUSED = 'fill them in, let the job do it, or write rows_with_missing = "leave out" into the columns file'
MISSING_LEFT_OUT = "a job that asks for this column leaves these rows out, unless it fills them in"


Clips = Mapping[str, tuple[float, float]]
NO_CLIPS: Clips = {}


@dataclass(frozen=True, slots=True)
class ProfileRequest:
    """What to look at: `columns` is the columns file, `again` has it made again, `label` is the column of the classes,
    `url_file` the file with the address of a database, `names` are those of a table's columns that has no header.
    """

    path: Path
    columns: Path | None = None
    again: bool = False
    label: str = ""
    url_file: str = ""
    names: tuple[str, ...] = ()

    @property
    def columns_file(self) -> Path:
        """Where the columns file is, or will be."""
        return self.columns or beside(self.path)


@dataclass(slots=True)
class _Look:
    """What is seen of a table on the way."""

    figures: list[ColumnFigures]
    once: list[Once]
    looks: list[str]
    leaves_out: bool
    rows: int = 0
    uneven: Occurrences = field(default_factory=Occurrences)
    undecodable: list[Undecodable] = field(default_factory=list)
    doubled: Doubled = field(default_factory=Doubled)
    ended: Malformed | None = None
    whole: int = 0

    def add(self, batch: RowBatch, at: list[int]) -> None:
        for line, width in batch.uneven:
            self.uneven.add(1, [line], str(width))
        if not batch.frame.height:
            return
        lacking = np.zeros(batch.frame.height, np.bool_)
        for place, figures, once in zip(at, self.figures, self.once, strict=True):
            cells = batch.frame.to_series(place)
            figures.add(cells, batch.lines)
            if self.leaves_out and figures.column.kind != "ignore":
                lacking |= figures.lacking(cells)
            if figures.numbers.fractions:
                once.possible = False
            once.add(cells)
        if not self.rows:
            self.looks = [by_look(batch.frame.to_series(place).head(1000).to_list()) for place in at]
        self.doubled.add(batch.frame, batch.lines)
        self.rows += batch.frame.height
        self.whole += int((~lacking).sum())


@dataclass(frozen=True, slots=True)
class Examined:
    """A table's profile, the columns file that it was read by, and the figures of each column."""

    profile: Profile
    found: ColumnsFile
    figures: tuple[ColumnFigures, ...]


def profile(request: ProfileRequest) -> tuple[Profile, ColumnsFile]:
    """The profile of a table, and its columns file. Raises as `examine`."""
    examined = examine(request)
    return examined.profile, examined.found


def examine(request: ProfileRequest, bins: int = BINS, clips: Clips = NO_CLIPS, ranks: int = 0) -> Examined:
    """Look at a table by its columns file, or by one that is made for it; nothing is written. `bins` is how many of a
    histogram hold a column's range, at least; `clips` are ends beyond which a column's numbers count as these; `ranks`
    is how many of a column's smallest and of its largest numbers are kept.

    Raises UsageError for a file that is not there and for a label that is no column, Malformed for a table that has no
    header or of which nothing can be read, Unavailable.
    """
    where = request.columns_file
    made = request.again or not is_there(where)
    known = infer(request.path, request.url_file) if made else _known(load(where))
    found = named_by(request.names, known.found, made)
    if request.label and request.label not in found.names:
        raise UsageError("the label is no column", label=request.label, columns=", ".join(found.names)[:300])
    look = _look(request.path, found, bins, clips, ranks)
    columns = tuple(figures.profile() for figures in look.figures)
    left = look.whole if found.file.rows_with_missing == "leave out" else None
    faults = [*known.faults, *_of_sheet(request.path, found)[0], *_faults(look, found)]
    warnings = [*known.warnings, *_of_sheet(request.path, found)[1], *_warnings(look, found, columns, request.label)]
    doubled, lines = look.doubled.found(SHOWN)
    if doubled:
        advice = "is a row the same person twice? then leave one out"
        among = "" if look.doubled.looked == look.rows else f", among the first {look.doubled.looked:,}"
        message = f"rows repeat an earlier one in every cell{among}"
        warnings.append(Remark("doubled-rows", message, doubled, lines, advice=advice))
    profiled = Profile(
        FORMAT, request.path.name, request.path.stat().st_size, look.rows, look.ended is None, where.name, made,
        tuple(known.words), found.file, columns, tuple(faults), tuple(warnings), doubled, request.label, left,
    )  # fmt: skip
    return Examined(profiled, found, tuple(look.figures))


def _known(found: ColumnsFile) -> Inferred:
    """What is said of a table that has a columns file already."""
    return Inferred(found, said(found.file))


def _look(path: Path, found: ColumnsFile, bins: int, clips: Clips, ranks: int) -> _Look:
    figures = [ColumnFigures(column, found.file, bins, clips.get(column.name), ranks) for column in found.columns]
    once = [Once(column.kind not in ("date", "ignore")) for column in found.columns]
    look = _Look(figures, once, [""] * len(figures), found.file.rows_with_missing == "leave out")
    with open_batches(path, found.file, MAX_BYTES, look.undecodable) as batches:
        at = columns_at(path, found, batches.header)
        try:
            for batch in batches.parts:
                look.add(batch, at)
        except Malformed as error:
            look.ended = error
    return look


def _faults(look: _Look, found: ColumnsFile) -> Iterable[Remark]:
    if look.undecodable:
        lines = tuple(place.line for place in look.undecodable[:SHOWN])
        yield Remark(
            "not-in-encoding",
            f"bytes are not {found.file.encoding} text",
            len(look.undecodable),
            lines,
            advice="write another encoding into the columns file, or correct these lines",
        )
    if look.uneven.count:
        yield Remark(
            "uneven-row",
            f"a row has another number of cells than the {len(found.columns)} columns",
            look.uneven.count,
            tuple(look.uneven.lines),
            example=f"{look.uneven.example} cells",
            advice="put texts with a delimiter in them between quotation marks, or correct the rows",
        )
    for figures in look.figures:
        if figures.column.kind != "ignore":
            yield from figures.faults()
    if look.ended is not None:
        line = look.ended.facts.get("line", look.ended.facts.get("row"))
        lines = (line,) if isinstance(line, int) else ()
        message = f"reading ended here: {look.ended.message}"
        yield Remark("unreadable", message, 1, lines, advice=look.ended.advice or "correct it, and look again")
    if not look.rows:
        yield Remark("no-rows", "the table has no rows", advice="is it the right file?")


def _of_sheet(path: Path, found: ColumnsFile) -> tuple[list[Remark], list[Remark]]:
    """Faults and warnings of an Excel sheet: merged areas, and cells that are formulas."""
    if found.file.kind != "excel":
        return [], []
    from participant.tasks.data.sources.excel import marks

    seen = marks(path, found.file.sheet)
    merged = [area for area in seen.merged if _last_row(area) > found.file.skip + 1]
    faults, warnings = list[Remark](), list[Remark]()
    if merged:
        message = f"cells are merged: {', '.join(merged[:SHOWN])}; all but the first of each are empty"
        faults.append(Remark("merged-cells", message, len(merged), advice="unmerge them, and fill each cell"))
    if seen.formulas:
        message = f"cells are formulas: {', '.join(seen.first)}; what Excel saved as their values is read"
        warnings.append(Remark("formulas", message, seen.formulas, advice="look whether the values are current"))
    return faults, warnings


def _last_row(area: str) -> int:
    digits = "".join(sign for sign in area.rpartition(":")[2] if sign.isdigit())
    return int(digits or 0)


def _warnings(look: _Look, found: ColumnsFile, columns: tuple[ColumnProfile, ...], label: str) -> Iterable[Remark]:
    for figures, once, looks, column in zip(look.figures, look.once, look.looks, columns, strict=True):
        yield from _of_people(figures.column, once, looks)
        if figures.column.kind != "ignore":
            yield from _of_column(look, found, figures, column)
        if column.name == label:
            yield from _of_classes(figures)
        elif figures.column.kind == "ignore" and column.missing == look.rows:
            yield Remark("empty-column", "the column is empty: it is ignored", look.rows, column=column.name)


def _of_people(column: Column, once: Once, looks: str) -> Iterable[Remark]:
    """Why a column may tell who somebody is; one that is ignored stays at home already."""
    if column.kind == "ignore":
        return
    advice = "let it be of the kind ignore, and leave it out of what others see"
    if looks:
        yield Remark("tells-people", f"the cells look like {looks}", column=column.name, advice=advice)
    elif by_name(column.source or column.name):
        yield Remark("tells-people", "its name says that it tells who somebody is", column=column.name, advice=advice)
    elif once.holds(LEAST_NUMBERS if column.kind == "number" else LEAST_TEXTS):
        message = f"every value stands once, of {once.looked:,} looked at: it may tell who somebody is"
        yield Remark("tells-people", message, once.looked, column=column.name, advice=advice)


def _of_column(look: _Look, found: ColumnsFile, figures: ColumnFigures, column: ColumnProfile) -> Iterable[Remark]:
    name, missing = column.name, figures.missing()
    if missing.count:
        part = f"{missing.count / look.rows:.1%} of the rows have no value"
        left_out = found.file.rows_with_missing == "leave out"
        advice = MISSING_LEFT_OUT if left_out else MISSING_REFUSED
        yield Remark("missing", part, missing.count, tuple(missing.lines), name, missing.example[:80], advice)
    few = column.distinct is not None and column.distinct <= min(FEW_ROWS, figures.numbers.count // OFTEN)
    for number, count in figures.numbers.suspected():
        if not few or count == figures.numbers.count:
            only = count == figures.numbers.count
            where = "is the only number" if only else "stands apart from all others"
            advice = f'if it means "not measured", write missing = ["{number:g}"] into the column in the columns file'
            lines = tuple(figures.sentinels[number].lines)
            yield Remark("sentinel", f"{number:g} {where}", count, lines, name, f"{number:g}", advice)
    if column.distinct == 1 and look.rows > 1:
        values = look.rows - missing.count
        yield Remark("constant", "all values are the same: nothing can be learnt of it", values, column=name)
    alike = twins(one.value for one in column.categories) if column.kind == "category" else None
    if alike:
        message = f"{alike[0]!r} and {alike[1]!r} look the same, and are two categories"
        advice = "write them alike, or both into values in the columns file"
        yield Remark("alike", message, 2, (), name, alike[1][:80], advice)


def _of_classes(figures: ColumnFigures) -> Iterable[Remark]:
    """Classes as `values` name them; few rows of one are told."""
    column, classes = figures.column, Counter[str]()
    for one in figures.categories():
        classes[column.values.get(one.value, one.value)] += one.count
    if not classes or len(classes) > SHOWN * 10:
        message = "the label has too many different values for classes"
        yield Remark("classes", message, figures.distinct() or 0, column=column.name)
        return
    for value, count in classes.most_common():
        if count < FEW_ROWS or count < FEW_PART * classes.total():
            message = f"the class {value!r} has {count:,} of {classes.total():,} rows: figures of it will be rough"
            yield Remark("classes", message, count, column=column.name, example=value[:80])
