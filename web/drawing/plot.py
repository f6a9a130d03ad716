"""Lines that are compared with each other: the place of each point, of each line of the scale, and what each says.

Pure geometry; the templates draw it. A line has a colour, dashes and marks: each of them tells it from the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from web.drawing.marks import mark, style_class
from web.drawing.names import LONG, told_apart
from web.drawing.scale import Scale, Tick, rounds, scale, shares
from web.drawing.stops import Stop, stops

WIDTH, HEIGHT = 380, 210
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 14, 28
MOST_MARKS = 30, 120
"""A line of more values has no marks, nor have lines that have more together: they would run together."""
MOST_SERIES = 12
"""More lines could not be told apart: the others are in the table."""
ROOM = 15
"""The columns that a name may take beside values."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value as it was reported, `text`, at `x`, which is called `label`; `low` to `high` is its interval, if any."""

    x: float
    y: float
    label: str
    text: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """Values under one name, by ascending x. The `main` one is drawn above the others, in the accent."""

    name: str
    values: tuple[Value, ...]
    main: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A series as it is drawn: `style` is the class of its colour, dashes and marks, `sample` its mark in a legend.

    All its `marks` are one outline, all its `intervals` one line; either may be empty.
    """

    name: str
    short: str
    style: str
    path: str
    marks: str
    intervals: str
    sample: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines on two scales; `more` series are left out.

    `cut` are the ends of a scale without zero, `marked` is the x of the page's round, `diagonal` a line, if any.
    """

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    lines: tuple[Line, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    stops: tuple[Stop, ...]
    more: int
    cut: tuple[str, str] | None
    marked: float | None = None
    diagonal: str = ""


def by_round(series: Sequence[Series], marked: int | None = None, more: int = 0, *, share: bool = False) -> Plot:
    """Lines by round; `marked` is the page's. `more` were left out before. A `share` is of one at most."""
    numbers = sorted({int(value.x) for one in series for value in one.values})
    across, named = rounds(numbers, LEFT, WIDTH - RIGHT)
    up = scale(_extent(series), HEIGHT - BOTTOM, TOP, share=share)
    at = across.at(marked) if marked is not None and marked in numbers else None
    return _plot(series, across, up, named, marked=at, more=more)


def in_square(series: Sequence[Series], more: int = 0) -> Plot:
    """Lines from nothing to all both ways, with the diagonal; `more` were left out before."""
    across, up = shares(LEFT, WIDTH - RIGHT), shares(HEIGHT - BOTTOM, TOP)
    diagonal = f"M{across.at(0):g} {up.at(0):g} L{across.at(1):g} {up.at(1):g}"
    return _plot(series, across, up, across.ticks, diagonal=diagonal, more=more)


def in_bins(series: Sequence[Series], low: float, high: float, more: int = 0) -> Plot:
    """Lines of steps: values are those of bins of equal width from `low` to `high`, each at the middle of its bin."""
    across = scale((low, high), LEFT, WIDTH - RIGHT)
    up = scale([0.0, *_extent(series)], HEIGHT - BOTTOM, TOP)
    made = _plot(series, across, up, across.ticks, more=more)
    lines = zip(made.lines, series, strict=True)
    return replace(
        made, lines=tuple(replace(line, path=_steps(one.values, low, high, (across, up))) for line, one in lines)
    )


def _steps(values: Sequence[Value], low: float, high: float, scales: tuple[Scale, Scale]) -> str:
    across, up = scales
    edges = [across.at(low + (high - low) * place / len(values)) for place in range(1, len(values) + 1)]
    steps = " ".join(f"V{up.at(value.y):g} H{edge:g}" for value, edge in zip(values, edges, strict=True))
    return f"M{across.at(low):g} {up.at(0):g} {steps} V{up.at(0):g}"


def _plot(
    series: Sequence[Series],
    across: Scale,
    up: Scale,
    named: tuple[Tick, ...],
    marked: float | None = None,
    diagonal: str = "",
    more: int = 0,
) -> Plot:
    shorts = told_apart([one.name for one in series], ROOM)
    longs = told_apart([one.name for one in series], LONG)
    styles = _styles(series)
    counted = [len(one.values) for one in series]
    marks = max(counted) <= MOST_MARKS[0] and sum(counted) <= MOST_MARKS[1]
    return Plot(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        top=TOP,
        bottom=HEIGHT - BOTTOM,
        lines=tuple(
            _line(name, one.values, (short, style), (across, up), marks=marks)
            for name, one, short, style in zip(longs, series, shorts, styles, strict=True)
        ),
        across=named,
        up=up.ticks,
        stops=stops(
            [{value.x: value.text for value in one.values} for one in series],
            {value.x: value.label for one in series for value in one.values},
            [(style_class(style), short) for style, short in zip(styles, shorts, strict=True)],
            across,
        ),
        more=more,
        cut=(up.label(up.low), up.label(up.high)) if up.cut else None,
        marked=marked,
        diagonal=diagonal,
    )


def _extent(series: Sequence[Series]) -> list[float]:
    return [y for one in series for value in one.values for y in (value.y, value.low, value.high) if y is not None]


def _styles(series: Sequence[Series]) -> list[int]:
    """The main one has none of the numbers of the others."""
    number, styles = 0, []
    for one in series:
        styles.append(-1 if one.main else number)
        number += not one.main
    return styles


def _line(
    name: str, shown: Sequence[Value], told: tuple[str, int], scales: tuple[Scale, Scale], *, marks: bool
) -> Line:
    (short, style), (across, up) = told, scales
    places = [(across.at(value.x), up.at(value.y)) for value in shown]
    return Line(
        name=name,
        short=short,
        style=style_class(style),
        path="M" + " L".join(f"{x:g} {y:g}" for x, y in places),
        marks=" ".join(mark(style, x, y) for x, y in places if marks),
        intervals=" ".join(_interval(value, x, up) for value, (x, _) in zip(shown, places, strict=True)).strip(),
        sample=mark(style, 14, 6),
    )


def _interval(value: Value, x: float, up: Scale) -> str:
    if value.low is None or value.high is None:
        return ""
    return f"M{x:g} {up.at(value.low):g} V{up.at(value.high):g}"
