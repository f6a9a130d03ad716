"""The figures of an evaluation report: lines by round, models that it is compared with, and what its counts make."""

from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence

from ledger.releases.comparison import Comparison
from ledger.releases.intervals import share
from ledger.releases.report import Evaluation, RoundFigures
from web.documents.decisions import Evaluated
from web.drawing.counts import of_counts
from web.drawing.dots import Datum, dots
from web.drawing.figure import Figure, lines, metrics_of, places, values_of
from web.drawing.language import Texts
from web.drawing.names import LONG, plain_name, short_name

MOST_METRICS = 4
OF_ONE = frozenset(
    {"accuracy", "auc", "balanced_accuracy", "calibration_error", "f1", "precision", "recall", "specificity"}
    | {"brier", "concordance", "binned_concordance"}
)
"""The metrics that are never above one."""
_Rounds = Sequence[tuple[str, Sequence[RoundFigures]]]


MOST_REPORTS = 8
"""The figures of so many reports are kept, those drawn last: each takes about as much memory as its report."""
_drawn: OrderedDict[tuple[bytes, frozenset[str], tuple[str, ...], str], list[Figure]] = OrderedDict()


def of_report(evaluated: Evaluated, t: Texts) -> list[Figure]:
    """All of a report's figures; none of one that could not be read. Drawn once: they follow from its bytes, from which
    keys are members', from what classes are called, and from the language.
    """
    report = evaluated.report
    if report is None:
        return []
    key = (report.digest, frozenset(evaluated.members), evaluated.classes, t.language)
    found = _drawn.pop(key, None) or _of_report(evaluated, report, t)
    _drawn[key] = found
    while len(_drawn) > MOST_REPORTS:
        _drawn.popitem(last=False)
    return list(found)


def _of_report(evaluated: Evaluated, report: Evaluation, t: Texts) -> list[Figure]:
    members = evaluated.members
    named = [(called(one.party, t, member=one.key in members), one.counts) for one in report.parties]
    counted = [(name, counts) for name, counts in named if counts is not None]
    return [
        *_lines(report, members, t),
        *(
            compared(one, place, metric, t, member=one.key in members)
            for place, one in enumerate(report.comparisons, 1)
            for metric in _shared(one)
        ),
        *of_counts(counted, report.together, evaluated.classes, t),
    ]


def lines_of(evaluated: Evaluated, t: Texts) -> Iterator[Figure]:
    """A report's figures by round."""
    if evaluated.report is not None:
        yield from _lines(evaluated.report, evaluated.members, t)


def _lines(report: Evaluation, members: Collection[str], t: Texts) -> Iterator[Figure]:
    named = [(called(one.party, t, member=one.key in members), one.rounds) for one in report.parties]
    return by_rounds(named, report.rounds, t)


def called(name: str, t: Texts, *, member: bool) -> str:
    """A party's name in a figure, which says if its key is not a member's: a report may name anyone."""
    return name if member else f"{plain_name(name)} ({t('stranger')})"


def by_rounds(parties: _Rounds, means: Sequence[RoundFigures], t: Texts, marked: int | None = None) -> Iterator[Figure]:
    """A figure for each of the metrics that rounds have: a line for each party, and that of the mean over samples."""
    every = [figures for _, rounds in parties for figures in rounds]
    for metric in metrics_of([*means, *every])[:MOST_METRICS]:
        own = [(name, len(parties) == 1, values_of(rounds, metric)) for name, rounds in parties]
        mean = [(t("all_parties"), True, values_of(means, metric))] if len(parties) != 1 else []
        named = [one for one in (*mean, *own) if one[2]]
        if len({number for _, _, found in named for number in found}) > 1:
            id_ = f"round-{metric}".replace("_", "-")
            yield lines(t, id_, t("metrics", metric), named, marked, share=metric in OF_ONE)


def compared(one: Comparison, place: int, metric: str, t: Texts, *, member: bool) -> Figure:
    """Alone, federated and pooled, on one file; shares of rows have intervals. `place` is that in the report."""
    measures, vouching = [], short_name(called(one.party, t, member=member), 2 * LONG)
    for model in one.models:
        name = f"{model.name} {t('figures', 'alone')}" if model.kind == "alone" else t("figures", model.kind)
        value = model.metrics[metric]
        count = round(float(value) * one.samples)
        rows = share(count, one.samples) if metric == "accuracy" and 0 <= count <= one.samples else None
        low, high = (float(rows.low), float(rows.high)) if rows else (None, None)
        measures.append(Datum(name, float(value), places(value), low, high, model.kind == "federated"))
    return Figure(
        id=f"compared-{metric}-{place}".replace("_", "-"),
        kind="dots",
        title=f"{t('figures', 'compared')}: {t('metrics', metric)}",
        aside=t("figures", "compared_by").format(party=vouching, rows=t.count("rows", one.samples), seed=one.seed),
        text="; ".join(f"{short_name(each.name)}: {each.text}" for each in measures[:12]),
        drawing=dots(measures),
        columns=(t("model"), t("metrics", metric), t("figures", "low"), t("figures", "high")),
        rows=tuple(
            (each.name, model.metrics[metric], _text(each.low), _text(each.high))
            for each, model in zip(measures, one.models, strict=True)
        ),
    )


def _shared(one: Comparison) -> list[str]:
    """The figures that every compared model has, accuracy first."""
    found = set.intersection(*(set(model.metrics) for model in one.models))
    return sorted(found, key=lambda name: (name != "accuracy", name != "loss", name))[:2]


def _text(bound: float | None) -> str:
    return "" if bound is None else f"{bound:.6f}"
