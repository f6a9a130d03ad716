"""Charts: the place of each point and of each line of the scale. Pure geometry; the templates draw it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ledger.releases.report import RoundFigures
from web.documents.rounds import Activity

WIDTH, HEIGHT = 380, 210
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 14, 28
MOST_POINTS = 240
"""A longer line is drawn by every second point, third point and so on: more would not be seen."""

BAR, GAP = 8, 3
BAR_HEIGHT = 56


@dataclass(frozen=True, slots=True)
class Point:
    """A round's value: as it was reported, and where it is drawn."""

    round: int
    text: str
    value: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the scale, and its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """A value by round. `path` goes through `points`; `first` to `highest` are for its description in words.

    `marked` is the point of the page's round, if any.
    """

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    path: str
    points: tuple[Point, ...]
    values: tuple[Tick, ...]
    rounds: tuple[Tick, ...]
    first: Point
    last: Point
    lowest: Point
    highest: Point
    marked: Point | None


def metrics_of(rounds: Sequence[RoundFigures]) -> list[str]:
    """The metrics that at least two rounds have, enough for a line; accuracy first."""
    names = {name for figures in rounds for name in figures.metrics}
    enough = [name for name in names if sum(name in figures.metrics for figures in rounds) > 1]
    return sorted(enough, key=lambda name: (name != "accuracy", name != "loss", name))


def line(rounds: Sequence[RoundFigures], metric: str, marked: int | None = None) -> Line:
    """The line of one of `metrics_of(rounds)`; `marked` is a round."""
    found = [(figures.round, figures.metrics[metric]) for figures in rounds if metric in figures.metrics]
    numbers = [float(text) for _, text in found]
    step, low, high = _scale(min(numbers), max(numbers))
    start, end = found[0][0], max(found[-1][0], found[0][0] + 1)
    across, up = (WIDTH - LEFT - RIGHT) / (end - start), (HEIGHT - TOP - BOTTOM) / (high - low)
    points = [
        Point(number, text, value, round(LEFT + (number - start) * across, 1), _rounded(value, low, up))
        for (number, text), value in zip(found, numbers, strict=True)
    ]
    drawn = _thinned(points)
    places = max(0, -math.floor(math.log10(step)))
    count = round((high - low) / step)
    return Line(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        top=TOP,
        bottom=HEIGHT - BOTTOM,
        path="M" + " L".join(f"{point.x:g} {point.y:g}" for point in drawn),
        points=tuple(drawn),
        values=tuple(_tick(low + n * step, low, up, places) for n in range(count + 1)),
        rounds=tuple(Tick(round(LEFT + (n - start) * across, 1), str(n)) for n in _marks(start, found[-1][0])),
        first=points[0],
        last=points[-1],
        lowest=min(points, key=lambda point: point.value),
        highest=max(points, key=lambda point: point.value),
        marked=next((point for point in points if point.round == marked), None),
    )


def _scale(low: float, high: float) -> tuple[float, float, float]:
    """A step of 1, 2 or 5 times a power of ten, and the multiples of it that enclose all."""
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / 3))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= span / 4)
    bottom, top = math.floor(low / step) * step, math.ceil(high / step) * step
    return step, bottom, top if top > bottom else bottom + step


def _rounded(value: float, low: float, up: float) -> float:
    return round(HEIGHT - BOTTOM - (value - low) * up, 1)


def _tick(value: float, low: float, up: float, places: int) -> Tick:
    return Tick(_rounded(value, low, up), f"{value:.{places}f}" if places < 7 else f"{value:.1e}")


def _marks(first: int, last: int) -> list[int]:
    """Some rounds to name below the line: the first, the last, and round numbers between."""
    step = next(s for power in range(10) for s in (10**power, 2 * 10**power, 5 * 10**power) if (last - first) / s <= 6)
    between = [
        n for n in range(first - first % step + step, last, step) if last - n >= step / 2 and n - first >= step / 2
    ]
    return sorted({first, *between, last})


def _thinned(points: Sequence[Point]) -> list[Point]:
    every = math.ceil(len(points) / MOST_POINTS)
    kept = list(points[::every])
    return kept if kept[-1] is points[-1] else [*kept, points[-1]]


@dataclass(frozen=True, slots=True)
class Bar:
    """A round's updates, stacked: `parts` are style, top and height."""

    x: int
    round: int
    parts: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True, slots=True)
class BarChart:
    """Updates by round; `most` is what the full height stands for."""

    width: int
    height: int
    bar: int
    most: int
    bars: tuple[Bar, ...]


def bars(rounds: Sequence[Activity]) -> BarChart:
    """The updates of each round, the admitted ones below."""
    most = max((one.admitted + one.refused + one.open for one in rounds), default=0) or 1
    made = []
    for place, one in enumerate(rounds):
        top, parts = float(BAR_HEIGHT), []
        for style, count in (("for", one.admitted), ("wait", one.open), ("against", one.refused)):
            if count:
                height = BAR_HEIGHT * count / most
                top -= height
                parts.append((style, round(top, 1), round(height, 1)))
        made.append(Bar(place * (BAR + GAP), one.round, tuple(parts)))
    return BarChart(max(1, len(made) * (BAR + GAP) - GAP), BAR_HEIGHT, BAR, most, tuple(made))


def share(text: str) -> float | None:
    """A figure between 0 and 1 as a share of the whole; None for any other figure."""
    value = float(text)
    return value if 0 <= value <= 1 else None
