"""The documents of an analysis: what all parties' tables counted and summed up to, in each class."""

from web.documents.common import Document, PartyDocument


class BinDocument(Document, frozen=True):
    """Rows in a bin from `low` to `high`, or of the category `name`; the other fields are null."""

    name: str | None
    low: str | None
    high: str | None
    rows: int


class ColumnDocument(Document, frozen=True):
    """A column in a class. `rows` are those of the class; of them some are `missing` a value, `outside` of the range or
    of all categories, or in cells that a party withheld. Mean and deviation are null of categories and without rows.
    """

    name: str
    numeric: bool
    rows: int
    missing: int
    outside: int
    withheld: int
    mean: str | None
    std: str | None
    bins: tuple[BinDocument, ...]


class ClassDocument(Document, frozen=True):
    """A class, or all rows; `correlations` are of the columns of numbers, in their order, over so many rows; with noise
    `correlation_errors` are their standard deviations.
    """

    name: str
    rows: int
    columns: tuple[ColumnDocument, ...]
    correlated: tuple[str, ...]
    correlated_rows: int
    correlations: tuple[tuple[str | None, ...], ...]
    correlation_errors: tuple[tuple[str | None, ...], ...] = ()


class StatisticsDocument(Document, frozen=True):
    """A job's analysis. `answers` are the parties in the sums; `classes` is empty until the model of its round is final
    and was read. `by` is the column of the classes, if any; `noise` the standard deviation of what each party added to
    a count, in rows, and in proportion to sums. `troubles` say where sums contradict each other.
    """

    asked: str
    by: str
    min_cell: int
    min_rows: int
    noise: str | None
    answers: tuple[PartyDocument, ...]
    classes: tuple[ClassDocument, ...]
    troubles: tuple[str, ...]
