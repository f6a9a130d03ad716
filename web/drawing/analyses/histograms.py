"""Histograms of an analysis: of each column of numbers one, with a line of steps for each class; categories as dots."""

from collections.abc import Iterator, Sequence

from web.documents.statistics import ClassDocument, ColumnDocument, StatisticsDocument
from web.drawing.dots import Datum, dots
from web.drawing.figure import Figure
from web.drawing.language import Texts
from web.drawing.plot import MOST_SERIES, Series, Value, in_bins

Shown = list[tuple[str, ColumnDocument]]
"""A column in each class that is shown: the class as it is called."""


def of_statistics(found: StatisticsDocument, t: Texts) -> Iterator[Figure]:
    """The figures of all columns, those of one class too."""
    classes = [one for one in found.classes if one.rows]
    for place in range(len(classes[0].columns) if classes else 0):
        shown = [(_called(found.by, one, t), one.columns[place]) for one in classes]
        shown = [(name, column) for name, column in shown if any(bin_.rows for bin_ in column.bins)]
        if shown and shown[0][1].numeric:
            yield _histogram(place, shown, t)
        elif shown:
            yield _categories(place, shown, t)


def _called(by: str, one: ClassDocument, t: Texts) -> str:
    return f"{by} = {one.name}" if by else t("statistics", "all_rows")


def _histogram(place: int, shown: Shown, t: Texts) -> Figure:
    column = shown[0][1]
    series = [Series(name, tuple(_values(one)), len(shown) == 1) for name, one in shown[:MOST_SERIES]]
    first, last = column.bins[0], column.bins[-1]
    return Figure(
        id=f"column-{place}",
        kind="plot",
        title=column.name,
        aside=t("statistics", "rows_by_bin").format(bins=len(column.bins)),
        text=t("statistics", "histogram_text").format(low=first.low, high=last.high, rows=_rows(shown)),
        drawing=in_bins(series, float(first.low or 0), float(last.high or 0), more=max(0, len(shown) - MOST_SERIES)),
        columns=(t("statistics", "low"), t("statistics", "high"), *(name for name, _ in shown)),
        rows=tuple(
            (bin_.low or "", bin_.high or "", *(str(one.bins[at].rows) for _, one in shown))
            for at, bin_ in enumerate(column.bins)
        ),
    )


def _values(column: ColumnDocument) -> Iterator[Value]:
    for bin_ in column.bins:
        low, high = float(bin_.low or 0), float(bin_.high or 0)
        yield Value((low + high) / 2, float(bin_.rows), f"{bin_.low} – {bin_.high}", f"{bin_.rows:,}")


def _categories(place: int, shown: Shown, t: Texts) -> Figure:
    column = shown[0][1]
    data = [
        Datum(bin_.name or "" if len(shown) == 1 else f"{bin_.name} · {name}", float(bin_.rows), f"{bin_.rows:,}")
        for name, one in shown
        for bin_ in one.bins
    ]
    return Figure(
        id=f"column-{place}",
        kind="dots",
        title=column.name,
        aside=t("statistics", "rows_by_category"),
        text=t("statistics", "categories_text").format(categories=len(column.bins), rows=_rows(shown)),
        drawing=dots(data),
        columns=(t("statistics", "category"), *(name for name, _ in shown)),
        rows=tuple(
            (bin_.name or "", *(str(one.bins[at].rows) for _, one in shown)) for at, bin_ in enumerate(column.bins)
        ),
    )


def _rows(shown: Sequence[tuple[str, ColumnDocument]]) -> str:
    return f"{sum(bin_.rows for _, one in shown for bin_ in one.bins):,}"
