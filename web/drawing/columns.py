"""Updates by round as bars, and figures as shares of a bar. Pure geometry; the templates draw it."""

from collections.abc import Sequence
from dataclasses import dataclass

from web.documents.rounds import Activity

BAR, GAP = 8, 3
BAR_HEIGHT = 56


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
