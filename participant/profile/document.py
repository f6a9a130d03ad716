"""A profile: what a table's columns are, and all that is wrong or doubtful about it (docs/spec/columns.md)."""

import msgspec

from participant.tasks.data.sources.columns_file import Kind, TableReading

FORMAT = "fedledger/profile/1"
SHOWN = 5
"""Places of a fault that are told, at most."""


class Remark(msgspec.Struct, frozen=True):
    """A fault, for which rows are refused, or a warning: `count` cells, rows or columns, the first of them on `lines`.

    `example` is the text of one such cell.
    """

    kind: str
    message: str
    count: int = 1
    lines: tuple[int, ...] = ()
    column: str = ""
    example: str = ""
    advice: str = ""


class Bin(msgspec.Struct, frozen=True):
    """`count` numbers from `low`, up to but without `high`."""

    low: float
    high: float
    count: int


class Numbers(msgspec.Struct, frozen=True):
    """Of the numbers of a column: how many, bounds, mean, standard deviation (of a sample), zeros, and a histogram."""

    count: int
    minimum: float
    maximum: float
    mean: float
    deviation: float
    zeros: int
    histogram: tuple[Bin, ...]


class CategoryCount(msgspec.Struct, frozen=True):
    """A text, and how many cells hold it."""

    value: str
    count: int


class ColumnProfile(msgspec.Struct, frozen=True):
    """One column. `distinct` is None where there are more different texts than are kept; then `categories` is empty."""

    name: str
    kind: Kind
    missing: int
    distinct: int | None
    categories: tuple[CategoryCount, ...]
    numbers: Numbers | None


class Profile(msgspec.Struct, frozen=True):
    """The whole. `inferred` says in words what was found out, `reading` is what the columns file says; `whole` is
    false where reading ended before the table did. `whole_rows` is, where the columns file leaves rows out, how many
    have a value in every column.
    """

    format: str
    file: str
    size: int
    rows: int
    whole: bool
    columns_file: str
    made: bool
    inferred: tuple[str, ...]
    reading: TableReading
    columns: tuple[ColumnProfile, ...]
    faults: tuple[Remark, ...]
    warnings: tuple[Remark, ...]
    doubled_rows: int
    label: str
    whole_rows: int | None = None

    @property
    def right(self) -> bool:
        """Whether every row can be read, missing values apart."""
        return not self.faults
