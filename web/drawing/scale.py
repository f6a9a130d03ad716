"""Scales: lines at round numbers that enclose all values, and where each value is."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NEAR = 1e-9
"""Values that differ by less than this share of the larger one are drawn as equal: steps between them are none."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the scale, and its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high` on the way from `start` to `end`; `step` is from line to line."""

    low: float
    high: float
    step: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value is, to a tenth."""
        return round(self.start + (value - self.low) * (self.end - self.start) / (self.high - self.low), 1)

    @property
    def cut(self) -> bool:
        """Whether zero is left out, so that what is twice as high is not twice as much."""
        return not self.low <= 0 <= self.high

    @property
    def ticks(self) -> tuple[Tick, ...]:
        count = round((self.high - self.low) / self.step)
        return tuple(
            Tick(self.at(value), self.label(value)) for value in (self.low + n * self.step for n in range(count + 1))
        )

    def label(self, value: float) -> str:
        """A value with as many places as the lines have; thousands and millions in short, so that there is room."""
        for unit, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
            if self.step >= unit and self.high < unit * 10**6:
                return f"{value / unit:.0f}{letter}"
        places = max(0, -math.floor(math.log10(self.step)))
        return f"{value:.{places}f}" if places < 7 else f"{value:.1e}"


def scale(values: Iterable[float], start: float, end: float, *, share: bool = False) -> Scale:
    """A step of 1, 2 or 5 times a power of ten, and the multiples of it that enclose all.

    A value alone is between two lines; a `share` that is within 0 and 1 has none beyond them.
    """
    found = list(values)
    low, high = min(found), max(found)
    size = max(abs(low), abs(high))
    span = high - low if high - low > NEAR * size else size or 1.0
    power = 10.0 ** math.floor(math.log10(span / 3))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= span / 4)
    bottom, top = math.floor(low / step) * step, math.ceil(high / step) * step
    if top <= bottom:
        bottom, top = bottom - step, bottom + step
    if share and 0 <= low <= high <= 1:
        bottom, top = max(0.0, bottom), min(1.0, top)
    return Scale(bottom, top, step, start, end)


def shares(start: float, end: float) -> Scale:
    """From nothing to all."""
    return Scale(0.0, 1.0, 0.2, start, end)


def rounds(numbers: Sequence[int], start: float, end: float) -> tuple[Scale, tuple[Tick, ...]]:
    """A scale of rounds, and some to name: the first, the last, and round numbers between."""
    first, last = min(numbers), max(numbers)
    made = Scale(first, max(last, first + 1), 1, start, end)
    step = next(s for power in range(10) for s in (10**power, 2 * 10**power, 5 * 10**power) if (last - first) / s <= 6)
    between = [
        n for n in range(first - first % step + step, last, step) if last - n >= step / 2 and n - first >= step / 2
    ]
    return made, tuple(Tick(made.at(number), str(number)) for number in sorted({first, *between, last}))
