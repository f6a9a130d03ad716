"""The figures of each page that has any, by the type of its document."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

from web.documents.comparison import ComparePage, WeightsPage
from web.documents.pages import JobPage, ModelPage, ProposalPage, ReleasePage, RoundPage
from web.documents.scores import ScoredRound
from web.drawing.analyses.histograms import of_statistics
from web.drawing.counts import roc_figure
from web.drawing.dots import Datum, Dots, dots
from web.drawing.figure import Figure, Named, lines, places
from web.drawing.grid import Grid
from web.drawing.language import Texts
from web.drawing.names import short_name, told_apart
from web.drawing.reports import by_rounds, called, lines_of, of_report
from web.drawing.scores import in_unit

MOST_METRICS = 4
EACH_FIGURE, EACH_CELL, EACH_DOT, EACH_SAID = 2_500, 25, 450, 70
"""About how many bytes of a page a figure takes, and each of its parts."""


def drawn(page: Any, t: Texts) -> list[Figure]:
    """All figures of a page, as far as what they show is known."""
    return FIGURES[type(page)](page, t)


def _of_round(page: RoundPage, t: Texts) -> list[Figure]:
    if page.metrics is None:
        return []
    parties = [(called(one.party, t, member=one.member), one.rounds) for one in page.metrics.parties]
    return list(by_rounds(parties, page.metrics.rounds, t, page.round.round))


def _of_job(page: JobPage, t: Texts) -> list[Figure]:
    """Lines alone: the model's own page has the rest. Of an analysis its histograms."""
    made = list(lines_of(page.evaluation, t)) if page.evaluation else []
    return [*made, *of_statistics(page.statistics, t)] if page.statistics else made


def _of_model(page: ModelPage, t: Texts) -> list[Figure]:
    return of_report(page.evaluation, t) if page.evaluation else []


def _of_evidence(page: ProposalPage | ReleasePage, t: Texts) -> list[Figure]:
    return of_report(page.evidence.evaluation, t) if page.evidence else []


def _of_weights(page: WeightsPage, t: Texts) -> list[Figure]:
    """The shares and the norms of the parties by round, those of the largest share first."""
    shares, norms = _by_party(page)
    names = {party.index: party.name for party in page.parties}
    order = sorted(names, key=lambda index: (-sum(shares.get(index, {}).values()), index))

    def named(found: dict[int, dict[int, Any]], text: Callable[[Any], str]) -> list[Named]:
        return [(names[i], False, {n: text(value) for n, value in found[i].items()}) for i in order if i in found]

    made = []
    if shares:
        found = named(shares, lambda one: f"{one / 10_000:.4f}")
        made.append(lines(t, "weights", t("figures", "weights_share"), found))
    if norms:
        figure = lines(t, "norms", t("figures", "norms"), named(norms, str))
        made.append(replace(figure, aside=t("figures", "norms_aside").format(most=f"{page.max_norm:,}")))
    return made


def _by_party(page: WeightsPage) -> tuple[dict[int, dict[int, int]], dict[int, dict[int, str]]]:
    """Shares and norms by member index, then by round."""
    shares: dict[int, dict[int, int]] = {}
    norms: dict[int, dict[int, str]] = {}
    for weighed in page.rounds:
        for part in weighed.parts:
            shares.setdefault(part.index, {})[weighed.round] = part.share
    for measured in page.norms:
        for one in measured.parts:
            norms.setdefault(one.index, {})[measured.round] = one.norm
    return shares, norms


def _of_comparison(page: ComparePage, t: Texts) -> list[Figure]:
    """Of each figure that both have, what all and each party measured, in pairs; then both ROC curves."""
    if page.a is None or page.b is None:
        return []
    sides = [(f"{place}: {one.asked}", one) for place, one in (("a", page.a), ("b", page.b))]
    found = list(dict.fromkeys(one.metric for one in page.differences))[:MOST_METRICS]
    made = [_paired(page, metric, [name for name, _ in sides], t) for metric in found]
    curves = roc_figure([(name, one.counts) for name, one in sides if one.counts is not None], t)
    return [*made, *([curves] if curves and page.a.counts and page.b.counts else [])]


def _paired(page: ComparePage, metric: str, names: Sequence[str], t: Texts) -> Figure:
    rows = [one for one in page.differences if one.metric == metric]
    words = {"pooled": t("figures", "together"), "mean": t("all_parties")}
    who = [words.get(row.of) or called(row.party, t, member=row.member) for row in rows]
    measures = [
        Datum(f"{name} · {side}", float(value), places(value), main=row.of != "party")
        for name, row in zip(who, rows, strict=True)
        for side, value in (("a", row.a), ("b", row.b))
    ]
    return Figure(
        id=f"pair-{metric}".replace("_", "-"),
        kind="dots",
        title=t("metrics", metric),
        aside=" · ".join(names),
        text="; ".join(
            f"{short_name(name)}: {row.a} → {row.b} ({row.change})" for name, row in [*zip(who, rows, strict=True)][:3]
        ),
        drawing=dots(measures),
        columns=(t("party"), *names, t("figures", "change")),
        rows=tuple((name, row.a, row.b, row.change) for name, row in zip(who, rows, strict=True)),
    )


def room(figures: Sequence[Figure], size: int) -> int:
    """How many of the figures, in their order, have room in so many bytes: at least one."""
    taken = list(accumulate(map(_size, figures)))
    return max(1, sum(one <= size for one in taken))


def _size(figure: Figure) -> int:
    """About how many bytes a figure takes on a page, its table included."""
    drawing = figure.drawing
    cells = EACH_CELL * min(120, len(figure.columns) * len(figure.rows))
    if isinstance(drawing, Dots):
        return EACH_FIGURE + cells + EACH_DOT * len(drawing.dots)
    if isinstance(drawing, Grid):
        return EACH_FIGURE + cells + EACH_DOT * len(drawing.cells)
    paths = sum(len(line.path) + len(line.marks) + len(line.intervals) for line in drawing.lines)
    said = sum(len(stop.said) + 3 for stop in drawing.stops)
    return EACH_FIGURE + cells + paths + EACH_SAID * said


def running(latest: Sequence[ScoredRound], t: Texts, unit: str) -> Figure | None:
    """The line of a member's sum of scores; None for a single score, which makes no line."""
    if len(latest) < 2:
        return None
    title = t("cumulated")
    made = lines(t, "sum", title, [(title, True, {one.round: in_unit(one.sum, unit)[0] for one in latest})])
    rows = tuple((str(one.round), in_unit(one.score, unit)[0], in_unit(one.sum, unit)[0]) for one in latest)
    return replace(made, columns=(t("round"), t("score"), t("sum")), rows=rows)


def headings(names: Sequence[str], room: int = 16) -> list[str]:
    """Names as headings of narrow columns, told apart."""
    return told_apart(names, room)


FIGURES: Mapping[type, Callable[[Any, Texts], list[Figure]]] = {
    RoundPage: _of_round,
    JobPage: _of_job,
    ModelPage: _of_model,
    ProposalPage: _of_evidence,
    ReleasePage: _of_evidence,
    WeightsPage: _of_weights,
    ComparePage: _of_comparison,
}
