"""A figure of a page: its drawing, its words, and its table, which is what is downloaded as CSV."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from ledger.releases.report import RoundFigures
from web.drawing.dots import Dots
from web.drawing.grid import Grid
from web.drawing.language import Texts
from web.drawing.plot import MOST_SERIES, Plot, Series, Value, by_round
from web.drawing.stops import thinned

MOST_POINTS, LEAST_POINTS = 480, 40
"""So many points all lines have at most together, or each: of more rounds every second is drawn, third and so on."""
Kind = Literal["plot", "dots", "grid"]


@dataclass(frozen=True, slots=True)
class Figure:
    """`id` is its name in addresses; `text` says in a sentence what the drawing shows, for those who do not see it.

    `columns` and `rows` are all that is drawn, and what there was no room for.
    """

    id: str
    kind: Kind
    title: str
    aside: str
    text: str
    drawing: Plot | Dots | Grid
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def lines(
    t: Texts, id_: str, title: str, named: Sequence[tuple[str, bool, dict[int, str]]], marked: int | None = None
) -> Figure:
    """Lines by round: each a name, whether it is the main one, and its values by round as text."""
    drawn = named[:MOST_SERIES]
    kept = _kept([found for _, _, found in drawn], marked)
    labels = {number: f"{t('round')} {number}" for number in kept}
    series = [
        Series(
            name,
            tuple(Value(float(n), float(found[n]), labels[n], places(found[n])) for n in kept if n in found),
            main,
        )
        for name, main, found in drawn
    ]
    numbers = sorted({number for _, _, found in named for number in found})
    return Figure(
        id=id_,
        kind="plot",
        title=title,
        aside=t("figures", "by_round"),
        text=_summary(t, named),
        drawing=by_round(series, marked, more=len(named) - len(drawn)),
        columns=(t("round"), *(name for name, _, _ in named)),
        rows=tuple((str(n), *(found.get(n, "") for _, _, found in named)) for n in numbers),
    )


def _kept(found: Sequence[dict[int, str]], marked: int | None) -> list[int]:
    """The rounds that are drawn: all, or some evenly, with the ends of every line and the page's own."""
    every = sorted(set[int]().union(*found))
    some = thinned(every, max(LEAST_POINTS, MOST_POINTS // len(found)))
    ends = {number for one in found for number in (min(one), max(one))}
    return sorted({*some, *ends, *(number for number in every if number == marked)})


def values_of(rounds: Sequence[RoundFigures], metric: str) -> dict[int, str]:
    """A metric by round, as it was reported."""
    return {one.round: one.metrics[metric] for one in rounds if metric in one.metrics}


def metrics_of(rounds: Sequence[RoundFigures]) -> list[str]:
    """The metrics that at least two rounds have, enough for a line; accuracy first."""
    counts = Counter(name for figures in rounds for name in figures.metrics)
    enough = [name for name, count in counts.items() if count > 1]
    return sorted(enough, key=lambda name: (name != "accuracy", name != "loss", name))


def places(text: str | Fraction) -> str:
    """A number as it is read in a drawing: with four places at most."""
    value = float(text)
    if abs(value) >= 10**9:
        return f"{value:.3e}"
    shown = f"{value:.4f}"
    return shown[:-5] if shown.endswith(".0000") else shown


def _summary(t: Texts, named: Sequence[tuple[str, bool, dict[int, str]]]) -> str:
    """From where to where the main line goes, or the first."""
    _, _, found = next((one for one in named if one[1]), named[0])
    first, last = min(found), max(found)
    low, high = (chosen(found, key=lambda n: float(found[n])) for chosen in (min, max))
    return t("figures", "by_round_text").format(
        first=found[first],
        first_round=first,
        last=found[last],
        last_round=last,
        lowest=found[low],
        lowest_round=low,
        highest=found[high],
        highest_round=high,
    )
