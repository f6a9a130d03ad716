"""The figures that follow from counts, exactly: sites, confusion matrix, ROC curves, calibration."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import overload

from ledger.releases.counts import Counts, area, decimal
from ledger.releases.curves import Roc, calibration, roc
from ledger.releases.intervals import Share, right, spread
from web.drawing.dots import Datum, dots
from web.drawing.figure import Figure, places
from web.drawing.grid import grid
from web.drawing.language import Texts
from web.drawing.names import plain_name, short_name
from web.drawing.plot import MOST_SERIES, Series, Value, in_square

NAMED = 10
"""The text of a drawing names so many classes at most; the table names all."""


def of_counts(
    counted: Sequence[tuple[str, Counts]], together: Counts | None, classes: Sequence[str], t: Texts
) -> Iterator[Figure]:
    """Sites, confusion matrix, ROC curves and calibration, as far as parties have counts; `together` is their sum, and
    `classes` what these count, where that is known.
    """
    several = [(t("figures", "together"), together)] if together is not None and len(counted) > 1 else []
    yield from _sites(counted, t)
    if together is not None:
        yield _confusion(together, classes, t)
    curves = roc_figure([*several, *counted], t, main=bool(several) or len(counted) == 1)
    if curves is not None:
        yield curves
    if together is not None:
        yield _calibration(together, t)


def _sites(counted: Sequence[tuple[str, Counts]], t: Texts) -> Iterator[Figure]:
    """Each party's accuracy with its interval, and how far the worst is from the best; nothing of a single party."""
    found = spread(counted)
    if found is None:
        return
    shares = [(site.name, site.right) for site in found.sites]
    yield Figure(
        id="sites",
        kind="dots",
        title=t("figures", "sites"),
        aside=t("figures", "sites_aside"),
        text=t("figures", "spread").format(
            worst=short_name(found.worst.name),
            best=short_name(found.best.name),
            gap=places(found.gap),
            low=places(found.low),
            high=places(found.high),
        ),
        drawing=dots(
            [
                Datum(name, float(rows.value), f"{places(rows.value)} ({rows.part:,}/{rows.whole:,})", *_ends(rows))
                for name, rows in shares
            ]
        ),
        columns=(t("party"), t("figures", "right"), t("samples"), t("metrics", "accuracy"), *_bounds(t)),
        rows=tuple(
            (name, str(rows.part), str(rows.whole), *map(decimal, (rows.value, rows.low, rows.high)))
            for name, rows in shares
        ),
    )


def _ends(share: Share) -> tuple[float, float]:
    """The bounds of an interval, to be drawn."""
    return float(share.low), float(share.high)


def _confusion(counts: Counts, classes: Sequence[str], t: Texts) -> Figure:
    """Classes are numbers where they are drawn; the text says what each is called, the table has both."""
    named = classes if len(classes) == len(counts.confusion) else ()
    called = [f"{n} {plain_name(named[n])}" if named else str(n) for n in range(len(counts.confusion))]
    said = right(counts)
    text = t("figures", "confusion_text").format(right=said.part, rows=said.whole)
    if 0 < len(named) <= NAMED:
        text += " " + t("figures", "classes").format(named=t("comma").join(short_name(one) for one in called))
    return Figure(
        id="confusion",
        kind="grid",
        title=t("figures", "confusion"),
        aside=t("figures", "confusion_aside"),
        text=text,
        drawing=grid(counts.confusion),
        columns=(t("figures", "class"), *(f"{t('figures', 'said')} {one}" for one in called)),
        rows=tuple((one, *map(str, row)) for one, row in zip(called, counts.confusion, strict=True)),
    )


def roc_figure(named: Sequence[tuple[str, Counts]], t: Texts, *, main: bool = False) -> Figure | None:
    """A curve for each that has one; the table has counts, not the rounded shares that are drawn. `main`: the first."""
    having = [(name, counts, curve) for name, counts in named if (curve := roc(counts)) is not None]
    if not having:
        return None
    found, first = [(name, curve) for name, _, curve in having], area(having[0][1])
    heads = ("threshold", "false", "negatives", "true", "positives")
    return Figure(
        id="roc",
        kind="plot",
        title=t("figures", "roc"),
        aside=t("figures", "roc_aside"),
        text=t("figures", "roc_text").format(auc=places(first) if first is not None else "–"),
        drawing=in_square(
            [_curve(name, curve, t, main and not place) for place, (name, curve) in enumerate(found[:MOST_SERIES])],
            more=max(0, len(found) - MOST_SERIES),
        ),
        columns=(t("party"), *(t("figures", word) for word in heads)),
        rows=_RocRows(found),
    )


class _RocRows(Sequence[tuple[str, ...]]):
    """The table of curves, each row made when it is read: 255 parties have 25,000."""

    def __init__(self, curves: Sequence[tuple[str, Roc]]) -> None:
        self._curves = curves
        self._ends = list(accumulate(len(curve.points) for _, curve in curves))

    def __len__(self) -> int:
        return self._ends[-1]

    @overload
    def __getitem__(self, place: int) -> tuple[str, ...]: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[tuple[str, ...]]: ...
    def __getitem__(self, place: int | slice) -> tuple[str, ...] | Sequence[tuple[str, ...]]:
        places = range(len(self))[place]
        return self._row(places) if isinstance(places, int) else [self._row(one) for one in places]

    def _row(self, place: int) -> tuple[str, ...]:
        which = bisect_right(self._ends, place)
        name, curve = self._curves[which]
        point = curve.points[place - self._ends[which]]  # counted from its end
        counts = (point.false, curve.negatives, point.true, curve.positives)
        return (name, f"{point.bin / 100:.2f}", *map(str, counts))


def _curve(name: str, curve: Roc, t: Texts, main: bool) -> Series:
    values = (
        Value(
            x=point.false / curve.negatives,
            y=point.true / curve.positives,
            label=f"{t('figures', 'false_rate')} {point.false / curve.negatives:.3f}",
            text=f"{point.true / curve.positives:.3f}",
        )
        for point in curve.points
    )
    return Series(name, tuple(values), main)


def _calibration(counts: Counts, t: Texts) -> Figure:
    tenths = calibration(counts)
    values = tuple(
        Value(
            x=float(one.said),
            y=float(one.found.value),
            label=f"{t('figures', 'probability')} {places(one.said)}",
            text=f"{places(one.found.value)} ({one.found.part:,}/{one.found.whole:,})",
            low=float(one.found.low),
            high=float(one.found.high),
        )
        for one in tenths
    )
    return Figure(
        id="calibration",
        kind="plot",
        title=t("figures", "calibration"),
        aside=t("figures", "calibration_aside"),
        text=t("figures", "calibration_text"),
        drawing=in_square([Series(t("figures", "together"), values, main=True)]),
        columns=(
            t("figures", "probability"),
            t("figures", "came_true"),
            t("samples"),
            t("figures", "share"),
            *_bounds(t),
        ),
        rows=tuple(
            (
                decimal(one.said),
                str(one.found.part),
                str(one.found.whole),
                *map(decimal, (one.found.value, one.found.low, one.found.high)),
            )
            for one in tenths
        ),
    )


def _bounds(t: Texts) -> tuple[str, str]:
    return t("figures", "low"), t("figures", "high")
