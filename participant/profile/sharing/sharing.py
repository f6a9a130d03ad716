"""From a table to the profile of it that may leave the house."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from ledger.errors import Malformed, UsageError
from ledger.formats.text import command, plural
from ledger.jobs.preparation import is_decimal
from ledger.profiles.shared import (
    FORMAT,
    MAX_FLOOR,
    MIN_FLOOR,
    CountedBin,
    SharedColumn,
    SharedProfile,
    ValueCount,
    check,
)
from participant.profile.column import ColumnFigures, plain
from participant.profile.document import Profile, Remark
from participant.profile.profile import Examined, ProfileRequest, examine
from participant.profile.sharing.cells import Cells, coarse, of_numbers, of_words
from participant.tasks.data.sources.columns_file import ColumnsFile

if TYPE_CHECKING:
    from participant.profile.sharing.noise import CountNoise

FLOOR = 10
FINE_BINS = 1 << 14
PEOPLE = "tells-people"
_TOLD = ("sentinel", "alike", "doubled-rows", "guessed-encoding", "doubtful-number", "doubtful-delimiter")
"""Warnings of a profile that others would stumble over."""
_Noise = Callable[[str, str], int]


@dataclass(frozen=True, slots=True)
class ShareRequest:
    """What to share of which table: `leave_out` are columns that stay at home, `anyway` columns that tell of people and
    are to be shared all the same, `noise` the ε of each count or nothing.
    """

    table: ProfileRequest
    name: str = ""
    floor: int = FLOOR
    noise: str = ""
    leave_out: tuple[str, ...] = ()
    anyway: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShareProposal:
    """What is shared; which columns stay at home, and why; what to look at before; and how the table is read."""

    profile: SharedProfile
    at_home: tuple[tuple[str, str], ...]
    warnings: tuple[Remark, ...]
    examined: Examined
    noise: "CountNoise | None"


def share(request: ShareRequest) -> ShareProposal:
    """Look at a table, and make the profile that may leave the house; nothing is written.

    Raises UsageError for a column that is not there, a table with faults or fewer rows than the floor, and for texts
    that cannot be shared; and as `examine` and `noise_for`.
    """
    if not MIN_FLOOR <= request.floor <= MAX_FLOOR:
        raise UsageError("the floor is out of range", minimum=MIN_FLOOR, maximum=MAX_FLOOR, actual=request.floor)
    examined = examine(request.table, FINE_BINS, ranks=request.floor)
    profile, found = examined.profile, examined.found
    _check_table(request, profile, found)
    figures = _finer(request, examined)
    noise = None
    if request.noise:
        from participant.profile.sharing.noise import noise_for

        noise = noise_for(request.table.path, found, request.noise)
    add: _Noise = noise.of if noise else lambda _column, _cell: 0
    at_home = dict(_at_home(request, profile, found))
    columns = [_shared(one, request.floor, add) for one in figures if one.column.name not in at_home]
    if not columns:
        raise UsageError("every column stays at home", advice="leave fewer out", columns=", ".join(at_home)[:300])
    rows = coarse(profile.rows + add("", "rows"), request.floor)
    shared = SharedProfile(
        format=FORMAT, name=request.name, rows=rows, floor=request.floor, noise=request.noise,
        label=request.table.label, columns=tuple(columns),
    )  # fmt: skip
    try:
        check(shared)
    except Malformed as error:
        advice = "give the columns, values, units and yourself plain names: name and values in the columns file"
        raise UsageError(f"this cannot be shared: {error.message}", advice=advice, **error.facts) from error
    warnings = [*_warnings(profile, at_home), *_silent(shared)]
    return ShareProposal(shared, tuple(at_home.items()), tuple(warnings), examined, noise)


def _check_table(request: ShareRequest, profile: Profile, found: ColumnsFile) -> None:
    if profile.faults:
        kinds = ", ".join(sorted({one.kind for one in profile.faults}))
        raise UsageError(
            f"the table has faults of {plural(len(profile.faults), 'kind')}: rows cannot be read",
            advice=f"correct them first: {command('data', 'profile', request.table.path)}",
            faults=kinds,
        )
    if profile.rows < request.floor:
        raise UsageError("the table has fewer rows than the floor", rows=profile.rows, floor=request.floor)
    for name in (*request.leave_out, *request.anyway):
        if name not in found.names:
            raise UsageError(f"there is no column {name!r}", columns=", ".join(found.names)[:300])
    if request.table.label in request.leave_out:
        raise UsageError("the label is to stay at home", advice="take it out of --leave-out, or leave --label out")


def _at_home(request: ShareRequest, profile: Profile, found: ColumnsFile) -> Iterator[tuple[str, str]]:
    """Columns that are not shared, and why."""
    people = {one.column: one.message for one in profile.warnings if one.kind == PEOPLE}
    for column in found.columns:
        if column.name in request.leave_out:
            yield column.name, "you leave it out"
        elif column.name in request.anyway:
            continue
        elif column.name in people:
            yield column.name, people[column.name]
        elif column.kind == "ignore":
            yield column.name, "the columns file ignores it"


def _shared(figures: ColumnFigures, floor: int, noise: _Noise) -> SharedColumn:
    column = figures.column
    if column.kind == "ignore":
        raise UsageError(
            f"column {column.name!r} is not read", advice="give it a kind in the columns file, or leave it out"
        )
    cells = _cells(figures, floor)
    values = [(word, count) for word, count in cells.values if _tellable(column.kind, word)]
    bins = cells.bins if all(is_decimal(_text(end)) for low, high, _ in cells.bins for end in (low, high)) else ()

    def told(cell: str, count: int) -> int:
        return coarse(count + noise(column.name, cell), floor)

    missing = cells.missing + noise(column.name, "missing")
    return SharedColumn(
        name=column.name,
        kind=column.kind,
        missing=coarse(missing, floor) if missing >= floor else 0,
        values=tuple(ValueCount(value=word, count=told(f"value {word}", count)) for word, count in values),
        bins=tuple(
            CountedBin(low=_text(low), high=_text(high), count=told(f"bin {low} {high}", count))
            for low, high, count in bins
        ),
        apart=tuple(ValueCount(value=word, count=told(f"value {word}", count)) for word, count in cells.apart),
        unit=column.unit,
        description=column.description,
    )


def _cells(figures: ColumnFigures, floor: int) -> Cells:
    missing, kind = figures.missing().count, figures.column.kind
    if kind == "number":
        words, fractional = figures.words(), figures.numbers.fractions >= floor
        sentinels = {plain(number): count for number, count in figures.numbers.sentinels.items() if count}
        return of_numbers(words, _bins(figures), sentinels, missing, floor, fractional=fractional)
    if kind == "category":
        return of_words(figures.words() or {}, missing, floor)
    return Cells(missing if missing >= floor else 0)


def _bins(figures: ColumnFigures) -> list[tuple[Fraction, int]]:
    """Counts by numbers, where they are not too many; else by fine bins' lower ends."""
    words = figures.words()
    if words is not None:
        return sorted((Fraction(word), count) for word, count in words.items())
    numbers = figures.numbers.result()
    return [(Fraction(one.low), one.count) for one in numbers.histogram] if numbers else []


def _finer(request: ShareRequest, examined: Examined) -> tuple[ColumnFigures, ...]:
    """The figures with bins between the ends that are told: bins over a range to which a single number far out belongs
    would be coarse, and where they begin would tell of it. So the table is looked at again without what is beyond.
    """
    clips = {one.column.name: clip for one in examined.figures if (clip := _clip(one, request.floor)) is not None}
    if not clips:
        return examined.figures
    again = {one.column.name: one for one in examine(request.table, FINE_BINS, clips).figures}
    return tuple(again[one.column.name] if one.column.name in clips else one for one in examined.figures)


def _clip(figures: ColumnFigures, floor: int) -> tuple[float, float] | None:
    """Between which numbers a column has to be looked at again; None where there are no bins, or none beyond."""
    numbers = figures.numbers
    if figures.column.kind != "number" or figures.words() is not None or numbers.count < 2 * floor:
        return None
    return numbers.ends if numbers.ends != (numbers.minimum, numbers.maximum) else None


def _tellable(kind: str, word: str) -> bool:
    return kind != "number" or is_decimal(word)


def _text(number: Decimal) -> str:
    return format(number.normalize(), "f") if number else "0"


def _warnings(profile: Profile, at_home: dict[str, str]) -> Iterable[Remark]:
    for one in profile.warnings:
        if one.kind in _TOLD and one.column not in at_home:
            yield one


def _silent(shared: SharedProfile) -> Iterator[Remark]:
    """Columns of which nothing is told but how many values are missing."""
    for column in shared.columns:
        if column.kind in ("number", "category") and not column.told and column.missing < shared.rows:
            message = f"too few rows for a floor of {shared.floor}: no values or ranges of it are told"
            yield Remark("too-few", message, column=column.name, advice="others may not be able to use it")
