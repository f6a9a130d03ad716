"""The figures that follow from counts, exactly: sites, confusion matrix, ROC curves, calibration."""

from collections.abc import Iterator, Sequence

from ledger.releases.counts import Counts, figures_of
from ledger.releases.curves import Roc, calibration, roc
from ledger.releases.intervals import right, spread
from ledger.releases.report import decimal
from web.drawing.dots import Datum, dots
from web.drawing.figure import Figure, places
from web.drawing.grid import grid
from web.drawing.language import Texts
from web.drawing.names import short_name
from web.drawing.plot import Series, Value, in_square


def of_counts(counted: Sequence[tuple[str, Counts]], together: Counts | None, t: Texts) -> Iterator[Figure]:
    """Sites, confusion matrix, ROC curves and calibration, as far as parties have counts; `together` is their sum."""
    several = [(t("figures", "together"), together)] if together is not None and len(counted) > 1 else []
    if len(counted) > 1:
        yield _sites(counted, t)
    if together is not None:
        yield _confusion(together, t)
    curves = roc_figure([*several, *counted], t, main=bool(several) or len(counted) == 1)
    if curves is not None:
        yield curves
    if together is not None:
        yield _calibration(together, t)


def _sites(counted: Sequence[tuple[str, Counts]], t: Texts) -> Figure:
    """Each party's accuracy with its interval, and how far the worst is from the best."""
    found = spread(counted)
    measures = []
    for name, counts in counted:
        rows = right(counts)
        text = f"{places(rows.value)} ({rows.part:,}/{rows.whole:,})"
        measures.append(Datum(name, float(rows.value), text, float(rows.low), float(rows.high)))
    words = {} if found is None else {"worst": short_name(found.worst.name), "best": short_name(found.best.name)}
    numbers = {} if found is None else {"gap": places(found.gap), "low": places(found.low), "high": places(found.high)}
    return Figure(
        id="sites",
        kind="dots",
        title=t("figures", "sites"),
        aside=t("figures", "sites_aside"),
        text=t("figures", "spread").format(**words, **numbers),
        drawing=dots(measures),
        columns=(t("party"), t("figures", "right"), t("samples"), t("metrics", "accuracy"), *_bounds(t)),
        rows=tuple(
            (name, str(rows.part), str(rows.whole), decimal(rows.value), decimal(rows.low), decimal(rows.high))
            for name, rows in ((name, right(counts)) for name, counts in counted)
        ),
    )


def _confusion(counts: Counts, t: Texts) -> Figure:
    classes = len(counts.confusion)
    said = right(counts)
    return Figure(
        id="confusion",
        kind="grid",
        title=t("figures", "confusion"),
        aside=t("figures", "confusion_aside"),
        text=t("figures", "confusion_text").format(right=said.part, rows=said.whole),
        drawing=grid(counts.confusion),
        columns=(t("figures", "class"), *(f"{t('figures', 'said')} {number}" for number in range(classes))),
        rows=tuple((str(true), *map(str, row)) for true, row in enumerate(counts.confusion)),
    )


def roc_figure(named: Sequence[tuple[str, Counts]], t: Texts, *, main: bool = False) -> Figure | None:
    """A curve for each that has one; the table has counts, not the rounded shares that are drawn. `main`: the first."""
    found = [(name, curve) for name, counts in named if (curve := roc(counts)) is not None]
    if not found:
        return None
    areas = [places(figures_of(counts)["auc"]) for _, counts in named if roc(counts) is not None]
    heads = ("threshold", "false", "negatives", "true", "positives")
    return Figure(
        id="roc",
        kind="plot",
        title=t("figures", "roc"),
        aside=t("figures", "roc_aside"),
        text=t("figures", "roc_text").format(auc=areas[0]),
        drawing=in_square([_curve(name, curve, t, main and not place) for place, (name, curve) in enumerate(found)]),
        columns=(t("party"), *(t("figures", word) for word in heads)),
        rows=tuple(
            (name, f"{point.bin / 100:.2f}", *map(str, (point.false, one.negatives, point.true, one.positives)))
            for name, one in found
            for point in one.points
        ),
    )


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
