"""Values beside each other on one scale, each with its interval: sites, and models that are compared. Pure geometry."""

from collections.abc import Sequence
from dataclasses import dataclass

from web.drawing.names import short_name, told_apart
from web.drawing.scale import Tick, scale

WIDTH, LEFT, RIGHT, TOP, ROW = 380, 132, 22, 10, 24
MOST_ROWS = 24
ROOM = 17


@dataclass(frozen=True, slots=True)
class Datum:
    """A value under a name, as it is said; `low` to `high` is its interval, if it has one. `main` ones are stressed."""

    name: str
    value: float
    text: str
    low: float | None = None
    high: float | None = None
    main: bool = False


@dataclass(frozen=True, slots=True)
class Dot:
    """A value as it is drawn: `start` to `end` is its interval's line."""

    name: str
    short: str
    text: str
    x: float
    y: float
    start: float | None
    end: float | None
    main: bool


@dataclass(frozen=True, slots=True)
class Dots:
    """Values below each other; `more` of them are left out."""

    width: int
    height: int
    left: int
    right: int
    bottom: int
    dots: tuple[Dot, ...]
    across: tuple[Tick, ...]
    more: int
    cut: tuple[str, str] | None


def dots(measures: Sequence[Datum]) -> Dots:
    """Place them, in their order."""
    shown = measures[:MOST_ROWS]
    extent = [x for one in shown for x in (one.value, one.low, one.high) if x is not None]
    across = scale(extent, LEFT, WIDTH - RIGHT)
    bottom = TOP + ROW * len(shown)
    shorts = told_apart([one.name for one in shown], ROOM)
    return Dots(
        width=WIDTH,
        height=bottom + 26,
        left=LEFT,
        right=WIDTH - RIGHT,
        bottom=bottom,
        dots=tuple(
            Dot(
                name=short_name(one.name),
                short=short,
                text=one.text,
                x=across.at(one.value),
                y=TOP + ROW * place + ROW / 2,
                start=None if one.low is None else across.at(one.low),
                end=None if one.high is None else across.at(one.high),
                main=one.main,
            )
            for place, (one, short) in enumerate(zip(shown, shorts, strict=True))
        ),
        across=across.ticks,
        more=len(measures) - len(shown),
        cut=(across.label(across.low), across.label(across.high)) if across.cut else None,
    )
