"""Shares of counted rows with their intervals, exact in fractions and rounded outwards once (docs/spec/release.md).

An interval is at 95 %: Wilson's of one share, Newcombe's (his method 10) of the difference of two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

from ledger.releases.counts import Counts

Z = Fraction(49, 25)
"""The normal quantile that goes with 95 %, as two places have it: 1.96."""
UNIT = 10**6
"""Bounds are whole parts of it: the lower rounded down, the upper up."""


@dataclass(frozen=True, slots=True)
class Share:
    """`part` of `whole` rows, and the bounds of its interval, within 0 and 1."""

    part: int
    whole: int
    low: Fraction
    high: Fraction

    @property
    def value(self) -> Fraction:
        """The share itself, exact."""
        return Fraction(self.part, self.whole)


@dataclass(frozen=True, slots=True)
class Site:
    """A party's rows that were predicted rightly."""

    name: str
    right: Share


@dataclass(frozen=True, slots=True)
class Spread:
    """The parties' accuracies: the worst and the best of `sites`, and how far they are apart, from `low` to `high`."""

    sites: tuple[Site, ...]
    worst: Site
    best: Site
    gap: Fraction
    low: Fraction
    high: Fraction


def share(part: int, whole: int) -> Share:
    """A share of one row or more, with Wilson's interval."""
    middle = part + Z * Z / 2
    inside = Fraction(part * (whole - part), whole) + Z * Z / 4
    above = Z * _root(inside)[1]
    low = _down((middle - above) / (whole + Z * Z)) if part else Fraction()
    high = _up((middle + above) / (whole + Z * Z)) if part < whole else Fraction(1)
    return Share(part, whole, max(low, Fraction()), min(high, Fraction(1)))


def right(counts: Counts) -> Share:
    """The rows that were predicted rightly."""
    return share(sum(row[place] for place, row in enumerate(counts.confusion)), counts.rows)


def spread(counted: Sequence[tuple[str, Counts]]) -> Spread | None:
    """How far parties are apart; None for fewer than two."""
    sites = tuple(Site(name, right(counts)) for name, counts in counted)
    if len(sites) < 2:
        return None
    worst, best = (chosen(sites, key=lambda site: site.right.value) for chosen in (min, max))
    gap = best.right.value - worst.right.value
    down = _root((best.right.value - best.right.low) ** 2 + (worst.right.high - worst.right.value) ** 2)[1]
    up = _root((best.right.high - best.right.value) ** 2 + (worst.right.value - worst.right.low) ** 2)[1]
    return Spread(sites, worst, best, gap, _down(gap - down), _up(gap + up))


def _root(value: Fraction) -> tuple[Fraction, Fraction]:
    """Bounds of a square root, 10^-12 apart."""
    scale = UNIT**2
    whole = isqrt(value.numerator * scale * scale // value.denominator)
    return Fraction(whole, scale), Fraction(whole + 1, scale)


def _down(value: Fraction) -> Fraction:
    return Fraction(value.numerator * UNIT // value.denominator, UNIT)


def _up(value: Fraction) -> Fraction:
    return Fraction(-(-value.numerator * UNIT // value.denominator), UNIT)
