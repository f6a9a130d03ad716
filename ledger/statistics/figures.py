"""Figures from exact sums, as fractions: what everyone works out alike. Floats are for those who show them."""

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

from ledger.statistics.table import Correlated, CountedClass, CountedColumn

QUANTILES = (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4))
_ROOT_BITS = 64


def mean(counted: CountedColumn) -> Fraction | None:
    """The mean of the rows summed, in the column's unit; None without any."""
    if not counted.sums or not counted.sums[0]:
        return None
    low, _, step = counted.column.bounds
    return low + step * Fraction(counted.sums[1], counted.sums[0])


def variance(counted: CountedColumn) -> Fraction | None:
    """Their variance, of a sample (divided by one less than the rows); None of fewer than two."""
    if len(counted.sums) < 3 or counted.sums[0] < 2:
        return None
    rows, total, squares = counted.sums
    _, _, step = counted.column.bounds
    return step * step * Fraction(rows * squares - total * total, rows * (rows - 1))


def quantile(counted: CountedColumn, part: Fraction) -> tuple[Fraction, Fraction] | None:
    """The bin, from its low to its high edge, in which the value stands at or below which this part of the rows shown
    are: the least such value is in it. None without rows in bins.
    """
    rows = sum(counted.bins)
    if not rows or not counted.column.numeric:
        return None
    wanted, before = max(part * rows, Fraction(1)), 0
    for place, count in enumerate(counted.bins):
        before += count
        if before >= wanted:
            return edges(counted, place)
    return edges(counted, len(counted.bins) - 1)


def edges(counted: CountedColumn, place: int) -> tuple[Fraction, Fraction]:
    """From where to where a bin of numbers is."""
    low, high, _ = counted.column.bounds
    width = (high - low) / counted.column.bins
    return low + place * width, low + (place + 1) * width


def correlation(found: Correlated, one: int, other: int) -> Fraction | None:
    """Pearson's correlation of two columns of numbers, to 64 bits, from -1 to 1; None where a column is constant, or
    noise made it less than that.
    """
    across = _centred(found, one, other)
    first, second = _centred(found, one, one), _centred(found, other, other)
    if min(first, second) <= 0:
        return None
    made = Fraction(across << _ROOT_BITS, root((first * second) << (2 * _ROOT_BITS)))
    return min(max(made, Fraction(-1)), Fraction(1))


def correlation_error(
    found: Correlated, places: tuple[int, int], widths: tuple[int, int], noise: Fraction
) -> Fraction | None:
    """The standard deviation of a correlation of two columns, each of so many steps, by noise of that deviation in all
    parties' counts together: by the first derivatives, so only where it is small is it more than a hint; 1 at most.
    """
    made = correlation(found, *places)
    if made is None or not found.rows:
        return None
    a, b = _Middle.of(found, places[0], widths[0]), _Middle.of(found, places[1], widths[1])
    both = Fraction(root(int(a.variance * b.variance * (1 << 2 * _ROOT_BITS))), 1 << _ROOT_BITS)
    across = made * both + a.mean * b.mean
    slopes = (
        1 / both,
        made / (2 * a.variance),
        made / (2 * b.variance),
        made * a.mean / a.variance - b.mean / both,
        made * b.mean / b.variance - a.mean / both,
        (2 * a.mean * b.mean - across) / both + made * (a.share + b.share) / 2,
    )
    squared = noise * noise * sum(slope * slope for slope in slopes) / found.rows**2
    return min(Fraction(isqrt(int(squared * (1 << 2 * _ROOT_BITS))), 1 << _ROOT_BITS), Fraction(1))


@dataclass(frozen=True, slots=True)
class _Middle:
    """A column from -1 to 1: its mean, and its variance above 0."""

    mean: Fraction
    variance: Fraction

    @classmethod
    def of(cls, found: Correlated, place: int, width: int) -> "_Middle":
        rows, total, squares = found.rows, found.sums[place], found.products[place, place]
        mean = Fraction(2 * total - rows * width, rows * width)
        return cls(mean, Fraction(4 * (rows * squares - total * total), (rows * width) ** 2))

    @property
    def share(self) -> Fraction:
        """What one row more changes the variance by, in proportion to it."""
        return (self.variance - self.mean * self.mean) / self.variance


def root(number: int) -> int:
    """The integer square root, rounded down, and never 0."""
    return max(isqrt(number), 1)


def deviation(counted: CountedColumn) -> Fraction | None:
    """The standard deviation, to 64 bits; None of a variance below 0, which no rows have."""
    found = variance(counted)
    if found is None or found < 0:
        return None
    shifted = (found.numerator << (2 * _ROOT_BITS)) // found.denominator
    return Fraction(isqrt(shifted), 1 << _ROOT_BITS)


def _centred(found: Correlated, one: int, other: int) -> int:
    """n Σuv − Σu Σv."""
    product = found.products[min(one, other), max(one, other)]
    return found.rows * product - found.sums[one] * found.sums[other]


def troubles(group: CountedClass) -> list[str]:
    """Where sums of a class contradict each other, so that somebody's answer cannot be a count of any table. Noise may
    make a class smaller than its cells, and a variance negative.
    """
    found = []
    for counted in group.columns:
        name = counted.column.name
        if counted.withheld < 0:
            found.append(f"{name}: more rows in cells than in the class")
        if counted.sums and counted.sums[0] > sum(counted.bins):
            found.append(f"{name}: more rows in sums than in bins")
        if len(counted.sums) > 1 and counted.sums[1] > counted.sums[0] * counted.column.steps:
            found.append(f"{name}: a sum above what its rows can have")
        if len(counted.sums) > 2 and not counted.noisy and (variance(counted) or 0) < 0:
            found.append(f"{name}: a negative variance")
        if min((*counted.cells, *counted.sums, group.rows)) < 0:
            found.append(f"{name}: a negative count")
    return found
