"""A figure of a page: its drawing, its words, and its table, which is what is downloaded as CSV."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Literal

from ledger.releases.report import RoundFigures
from web.drawing.dots import Dots
from web.drawing.grid import Grid
from web.drawing.language import Texts
from web.drawing.names import short_name
from web.drawing.plot import MOST_SERIES, Plot, Series, Value, by_round
from web.drawing.stops import thinned

MOST_POINTS, LEAST_POINTS = 480, 40
"""So many points all lines have at most together, or each: of more rounds every second is drawn, third and so on."""
Kind = Literal["plot", "dots", "grid"]
Named = tuple[str, bool, dict[int, str]]
"""A line: its name, whether it is the main one, and its values by round as text."""


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
    t: Texts, id_: str, title: str, named: Sequence[Named], marked: int | None = None, *, share: bool = False
) -> Figure:
    """Lines by round; values that are a `share` are never above one."""
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
        drawing=by_round(series, marked, more=len(named) - len(drawn), share=share),
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
    """A number as it is read in a drawing: thousands apart, four places at most, half of the last one rounded up."""
    exact = Decimal(text) if isinstance(text, str) else Decimal(text.numerator) / text.denominator
    if abs(exact) >= 10**9:
        return f"{float(exact):.3e}"
    shown = f"{exact.quantize(Decimal('0.0001'), ROUND_HALF_UP):,f}"
    return shown[:-5] if shown.endswith(".0000") else shown


def _summary(t: Texts, named: Sequence[Named]) -> str:
    """From where to where the main line goes; without one, the lowest and the highest value of all lines."""
    main = next((one for one in named if one[1]), None)
    low, high = (_extreme([main] if main else named, sign) for sign in (1, -1))
    words = {
        "lowest": low[1],
        "lowest_round": low[0],
        "lowest_of": short_name(low[2]),
        "highest": high[1],
        "highest_round": high[0],
        "highest_of": short_name(high[2]),
    }
    if main is None:
        return t("figures", "by_round_of_all").format(**words)
    name, _, found = main
    first, last = min(found), max(found)
    ends = {"first": found[first], "first_round": first, "last": found[last], "last_round": last}
    return t("figures", "by_round_text").format(line=short_name(name), **ends, **words)


def _extreme(named: Sequence[Named], sign: int) -> tuple[int, str, str]:
    """The round, the value and the line of the lowest value, or with -1 of the highest; the earliest of equal ones."""
    every = ((number, text, name) for name, _, found in named for number, text in found.items())
    return min(every, key=lambda one: (sign * float(one[1]), one[0]))
