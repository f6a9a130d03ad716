"""What lines say at one place, shown where it is pointed at or focused, without scripts. Pure geometry."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from web.drawing.scale import Scale

MOST_STOPS, MOST_SAID = 24, 48
"""So many places at most say their values, and so many values in all."""
LETTER, ROW = 6.2, 14
T = TypeVar("T")
Named = tuple[str, str]
"""A line's style and its short name."""


@dataclass(frozen=True, slots=True)
class Stop:
    """What all lines say at one x: shown when it is pointed at or focused. `left` and `width` are of its strip."""

    x: float
    left: float
    width: float
    label: str
    said: tuple[tuple[str, str, str], ...]
    box: tuple[float, float, float]


def thinned(values: Sequence[T], most: int) -> list[T]:
    """At most about so many, evenly, with both ends."""
    every = math.ceil(len(values) / most) or 1
    kept = list(values[::every])
    return kept if not kept or kept[-1] is values[-1] else [*kept, values[-1]]


def stops(
    said: Sequence[Mapping[float, str]], labels: Mapping[float, str], names: Sequence[Named], across: Scale
) -> tuple[Stop, ...]:
    """At each x that has a label, or at some of them; `said` is each line's text by x, `names` its style and name."""
    places = thinned(sorted(labels), max(2, min(MOST_STOPS, MOST_SAID // max(1, len(names)))))
    edges = [across.start, *((across.at(a) + across.at(b)) / 2 for a, b in pairwise(places)), across.end]
    made = []
    for place, x in enumerate(places):
        here = tuple((*name, values[x]) for name, values in zip(names, said, strict=True) if x in values)
        left, at = round(edges[place], 1), across.at(x)
        made.append(
            Stop(at, left, round(edges[place + 1] - left, 1), labels[x], here, _box(at, labels[x], here, across))
        )
    return tuple(made)


def _box(at: float, label: str, said: Sequence[tuple[str, str, str]], across: Scale) -> tuple[float, float, float]:
    """Where the values are written: beside the place, on the side that has room."""
    wide = max([len(label), *(len(name) + len(text) + 3 for _, name, text in said)]) * LETTER + 22
    wide, high = round(min(wide, across.end), 1), ROW * (len(said) + 1) + 8
    left = at - wide - 8 if at > (across.start + across.end) / 2 else at + 8
    return round(min(max(4, left), across.end + 10 - wide), 1), wide, float(high)
