"""A shared profile: what a party tells the others of its table (docs/spec/shared-profile.md).

Its bytes come from another party: nothing of it is used before `parse` has checked it. Numbers are integers, and
decimals in their one form, as text.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from ledger.errors import Malformed
from ledger.formats.grammar import check_json, check_text
from ledger.formats.strict import Strict
from ledger.jobs.bounds import within
from ledger.jobs.preparation import decimal

FORMAT = "fedledger/shared-profile/1"
MAX_SIZE = 4 << 20
MAX_COLUMNS = 4096
MAX_CELLS = 50
"""Values or bins of a column."""
MIN_FLOOR, MAX_FLOOR = 2, 1_000_000
MAX_COUNT = 1 << 53

Kind = Literal["number", "category", "date", "text"]


class ValueCount(Strict, frozen=True):
    """A word or number that stands in the column, and about how often."""

    value: str
    count: int


class CountedBin(Strict, frozen=True):
    """About how many numbers are from `low` up to but without `high`; the first and last hold all beyond them too."""

    low: str
    high: str
    count: int


class SharedColumn(Strict, frozen=True, omit_defaults=True):
    """One column. `missing` cells have no value, 0 being fewer than the floor. It has `values` or `bins`, or neither;
    `apart` are numbers that stand apart from those in `bins`, and may mean "not measured".
    """

    name: str
    kind: Kind
    missing: int
    values: tuple[ValueCount, ...] = ()
    bins: tuple[CountedBin, ...] = ()
    apart: tuple[ValueCount, ...] = ()
    unit: str = ""
    description: str = ""

    @property
    def told(self) -> bool:
        """Whether it says anything of its values."""
        return bool(self.values or self.bins or self.apart)


class SharedProfile(Strict, frozen=True):
    """The document. `noise` is the ε of the noise on each count, empty where there is none."""

    format: str
    name: str
    rows: int
    floor: int
    noise: str
    label: str
    columns: tuple[SharedColumn, ...]


def encode(profile: SharedProfile) -> bytes:
    """The document's one encoding. Raises Malformed for what `parse` would refuse."""
    check(profile)
    return msgspec.json.encode(profile, order="sorted")


def parse(data: bytes) -> SharedProfile:
    """A profile from another party's bytes. Raises Malformed."""
    if len(data) > MAX_SIZE:
        raise Malformed("the shared profile is too large", maximum=MAX_SIZE, actual=len(data))
    check_json(data, "the shared profile")
    try:
        profile = msgspec.json.decode(data, type=SharedProfile)
    except msgspec.ValidationError as error:
        raise Malformed(f"the shared profile is not valid: {error}") from error
    check(profile)
    if msgspec.json.encode(profile, order="sorted") != data:
        raise Malformed("the shared profile is not in canonical form", advice="leave out what is empty")
    return profile


def check(profile: SharedProfile) -> None:
    """Refuse what no honest `data share` writes. Raises Malformed, naming the column.

    1. The format is this one; the name may be empty, else it is text for people.
    2. The floor, and the rows: a multiple of it, at least one.
    3. ε is a positive decimal.
    4. Columns, each name once, as text for people; the label is one of them.
    5. Every count is a multiple of the floor; of cells at least the floor.
    6. A column of numbers has values or bins, one of categories values, others none; decimals are in their one form.
    7. Values stand once; bins are one after the other.
    """
    if profile.format != FORMAT:
        raise Malformed("this is no shared profile", expected=FORMAT, actual=profile.format[:80])
    if profile.name:
        check_text(profile.name, "the party's name")
    within("floor", profile.floor, MIN_FLOOR, MAX_FLOOR)
    _check_count("rows", profile.rows, profile.floor, profile.floor)
    if profile.noise and decimal("noise", profile.noise) <= 0:
        raise Malformed("noise is not above 0", actual=profile.noise)
    within("the number of columns", len(profile.columns), 1, MAX_COLUMNS)
    names = [column.name for column in profile.columns]
    for column in profile.columns:
        check_text(column.name, "the name of a column")
        _check_column(column, profile.floor)
    _once("the shared profile", names)
    if profile.label and profile.label not in names:
        raise Malformed("the label is none of the columns", actual=profile.label[:80])


def _check_column(column: SharedColumn, floor: int) -> None:
    of = f"column {column.name!r}"
    for field, text in (("unit", column.unit), ("description", column.description)):
        if text:
            check_text(text, f"the {field} of {of}")
    _check_count(f"missing of {of}", column.missing, floor, 0)
    counts = [one.count for one in (*column.values, *column.apart)] + [one.count for one in column.bins]
    if len(counts) > MAX_CELLS:
        raise Malformed(f"{of} has too many cells", maximum=MAX_CELLS, actual=len(counts))
    for count in counts:
        _check_count(f"a count of {of}", count, floor, floor)
    allowed = {"number": ("values", "bins", "apart"), "category": ("values",)}.get(column.kind, ())
    wrong = [name for name in ("values", "bins", "apart") if getattr(column, name) and name not in allowed]
    if wrong or (column.values and (column.bins or column.apart)):
        raise Malformed(
            f"{of} has cells that do not go together",
            expected="values or bins of numbers, values of a category, nothing of dates and texts",
            actual=", ".join(name for name in ("values", "bins", "apart") if getattr(column, name)),
        )
    words = [one.value for one in (*column.values, *column.apart)]
    for word in words:
        _check_word(column, word)
    _once(of, words)
    _check_bins(of, column.bins)


def _check_word(column: SharedColumn, word: str) -> None:
    if column.kind == "number":
        decimal(f"a value of column {column.name!r}", word)
    else:
        check_text(word, f"a value of column {column.name!r}")


def _check_bins(of: str, bins: Sequence[CountedBin]) -> None:
    before: Decimal | None = None
    for one in bins:
        low, high = decimal(f"a bin of {of}", one.low), decimal(f"a bin of {of}", one.high)
        if low >= high or (before is not None and low != before):
            raise Malformed(f"the bins of {of} are not one after the other", low=one.low, high=one.high)
        before = high


def _check_count(field: str, value: int, floor: int, least: int) -> None:
    within(field, value, least, MAX_COUNT)
    if value % floor:
        raise Malformed(f"{field} is not a multiple of the floor", floor=floor, actual=value)


def _once(where: str, names: Iterable[str]) -> None:
    seen = set[str]()
    for name in names:
        if name in seen:
            raise Malformed(f"{where} names {name[:80]!r} twice")
        seen.add(name)
