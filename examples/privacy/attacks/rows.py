"""A row of the table: what an attack reached on what it read, and what the same measure says without any attack."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean, stdev
from typing import Any

from attacks.digits import Images

Bar = Callable[["Row"], tuple[str, bool]]
"""The bound that a row is held to, in words, and whether it holds."""


@dataclass(frozen=True)
class Control:
    """The same measure where nothing was attacked, by what stands in the place of the attack's result."""

    name: str
    value: float


@dataclass(frozen=True)
class Pair:
    """An original and what an attack made of it, each of shape (64,)."""

    original: Images = field(repr=False)
    found: Images = field(repr=False)


@dataclass(frozen=True)
class Row:
    """One line of the table. `values` holds the measure of each repeat, `label` the share of labels that were found."""

    attack: str
    read: str
    measure: str
    values: Sequence[float]
    controls: Sequence[Control]
    label: float | None = None
    label_control: float | None = None
    bar: Bar | None = field(default=None, repr=False)
    note: str = ""
    pairs: Sequence[Pair] = field(default=(), repr=False)

    @property
    def value(self) -> float:
        return fmean(self.values)

    @property
    def spread(self) -> float:
        """Standard deviation of the repeats; 0 of one."""
        return stdev(self.values) if len(self.values) > 1 else 0.0

    @property
    def control(self) -> float:
        """The first control: chance."""
        return self.controls[0].value

    @property
    def bound(self) -> tuple[str, bool] | None:
        """The bar in words, and whether it holds."""
        return self.bar(self) if self.bar else None

    def document(self) -> dict[str, Any]:
        """For JSON."""
        bound = self.bound
        return {
            "attack": self.attack,
            "read": self.read,
            "measure": self.measure,
            "value": self.value,
            "spread": self.spread,
            "repeats": len(self.values),
            "controls": [asdict(control) for control in self.controls],
            "label": self.label,
            "label_control": self.label_control,
            "bar": bound[0] if bound else None,
            "held": bound[1] if bound else None,
            "note": self.note,
        }


def at_least(least: float) -> Bar:
    """The attack has to work: a defence is shown by nothing else."""
    return lambda row: (f"≥ {least}", row.value >= least)


def at_most(most: float) -> Bar:
    """The attack must not work."""
    return lambda row: (f"≤ {most}", row.value <= most)


def near_chance(room: float) -> Bar:
    """The attack must not do better than its first control by more than `room`."""
    return lambda row: (f"≤ chance + {room}", row.value <= row.control + room)
