"""A trace as a drawing: the place of each model and each update. Pure geometry; the template draws it.

Models stand below each other on a spine, newest first; the updates that went into one stand to its left, each with a
curve to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.rounds.admission import Verdict
from ledger.rounds.trace import ModelTrace
from web.drawing.names import short_name, told_apart
from web.drawing.scores import in_unit

WIDTH = 600
SPINE, DOTS = 310, 205
LINE, GAP, TOP = 26, 30, 16
MOST_UPDATES = 12
"""Of the updates of one model; the others are counted."""
LONGEST = 17
"""The columns that a name may take; a Chinese character takes two."""


@dataclass(frozen=True, slots=True)
class UpdateNode:
    """An update under its party's key: where its dot is, and the curve to its model; its score, if it has one, and
    whether it is negative."""

    y: float
    name: str
    key: str
    admitted: bool
    curve: str
    score: str
    negative: bool


@dataclass(frozen=True, slots=True)
class ModelNode:
    """A model on the spine; `below` is where the model that it was built on stands.

    `total` updates went into it or were refused; `rest` is where those are counted that are not drawn.
    """

    y: float
    round: int
    root: str
    by: str
    failed: int
    updates: tuple[UpdateNode, ...]
    total: int
    rest: float
    below: float | None


@dataclass(frozen=True, slots=True)
class Graph:
    """A drawing of `width` times `height`; `continues`: the spine goes on below the last model."""

    width: int
    height: float
    models: tuple[ModelNode, ...]
    continues: bool


def draw(models: Sequence[ModelTrace], *, continues: bool, unit: str = "ppm") -> Graph:
    """Place the models of a lineage, newest first; scores are in `unit`."""
    tops, heights, top = [], [], float(TOP)
    for model in models:
        heights.append(max(2, _lines(model)) * LINE)
        tops.append(top)
        top += heights[-1] + GAP
    middles = [start + height / 2 for start, height in zip(tops, heights, strict=True)]
    nodes = []
    for place, (model, middle) in enumerate(zip(models, middles, strict=True)):
        below = middles[place + 1] if place + 1 < len(models) else (top if continues else None)
        nodes.append(
            ModelNode(
                y=middle,
                round=model.round,
                root=model.root[:12],
                by=short_name(model.aggregator, LONGEST) if model.aggregator else "",
                failed=len(model.failed_before),
                updates=tuple(_updates(model, middle, unit)),
                total=len(model.updates),
                rest=middle + (_lines(model) - 1) * LINE / 2,
                below=below,
            )
        )
    return Graph(WIDTH, top, tuple(nodes), continues)


def _lines(model: ModelTrace) -> int:
    """One for each update that is drawn, and one for the others."""
    return min(len(model.updates), MOST_UPDATES + 1)


def _updates(model: ModelTrace, middle: float, unit: str) -> list[UpdateNode]:
    first = middle - (_lines(model) - 1) * LINE / 2
    bend = (DOTS + SPINE) / 2
    nodes, shown = [], model.updates[:MOST_UPDATES]
    names = told_apart([update.party for update in shown], LONGEST)
    for place, (update, name) in enumerate(zip(shown, names, strict=True)):
        y = first + place * LINE
        curve = f"M{DOTS} {y:g} C{bend:g} {y:g} {bend:g} {middle:g} {SPINE} {middle:g}"
        admitted = update.verdict == Verdict.ADMITTED.meaning
        score = "" if update.score is None else in_unit(update.score, unit)[1]
        nodes.append(UpdateNode(y, name, update.key, admitted, curve, score, (update.score or 0) < 0))
    return nodes
