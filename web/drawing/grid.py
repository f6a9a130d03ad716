"""A confusion matrix as a drawing: a cell for each pair of classes, darker the more rows of its class it has."""

from collections.abc import Sequence
from dataclasses import dataclass

SIDE, LEFT, TOP = 300, 34, 26
WRITTEN = 10
"""Up to so many classes a cell has room for its number."""
SHADES = 6


@dataclass(frozen=True, slots=True)
class Cell:
    """`count` rows of class `true` that were predicted as class `said`; `shade` is their share of the class, 0 to 5."""

    x: float
    y: float
    true: int
    said: int
    count: int
    shade: int


@dataclass(frozen=True, slots=True)
class Grid:
    """A square of cells, `side` wide each; `written`: there is room for numbers."""

    width: int
    height: int
    left: int
    top: int
    side: float
    cells: tuple[Cell, ...]
    classes: tuple[tuple[int, float], ...]
    written: bool


def grid(confusion: Sequence[Sequence[int]]) -> Grid:
    """Place each cell; classes are rows downwards and predictions across."""
    classes = len(confusion)
    side = round(SIDE / max(classes, 3), 2)
    cells = tuple(
        Cell(
            x=round(LEFT + side * said, 1),
            y=round(TOP + side * true, 1),
            true=true,
            said=said,
            count=count,
            shade=_shade(count, sum(row)),
        )
        for true, row in enumerate(confusion)
        for said, count in enumerate(row)
    )
    every = 1 if classes <= WRITTEN else -(-classes // WRITTEN)
    named = tuple((number, round(side * (number + 0.5), 1)) for number in range(0, classes, every))
    width = round(side * classes)
    return Grid(LEFT + width + 4, TOP + width + 4, LEFT, TOP, side, cells, named, classes <= WRITTEN)


def _shade(count: int, rows: int) -> int:
    return min(SHADES - 1, -(-(SHADES - 1) * count // rows)) if rows else 0
