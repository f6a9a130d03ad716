"""Figures of a column over all parties, from coarse counts: exact fractions, then few digits."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import NamedTuple

from ledger.jobs.preparation import is_decimal
from ledger.profiles.parties import PartySide

SKEWED, FARTHEST = 4, 10
DIGITS = 3
"""Digits of a median: bins tell no more."""
Cell = tuple[Decimal, Decimal, int]


def text(number: Decimal) -> str:
    """A decimal in the one form that documents have."""
    return format(number.normalize(), "f") if number else "0"


def range_of(sides: Sequence[PartySide]) -> tuple[Decimal, Decimal]:
    """From the lowest to the highest of what parties tell."""
    told = [side for side in sides if side.cells]
    return min(side.lowest for side in told), max(side.highest for side in told)


def median(sides: Iterable[PartySide]) -> str:
    """The median of all parties' rows, as if numbers were spread evenly in each bin; of single numbers one of them."""
    cells = [cell for side in sides for cell in side.cells]
    return _quantile(cells, Fraction(sum(count for _, _, count in cells), 2))


def _quantile(cells: Sequence[Cell], half: Fraction) -> str:
    """Below which so many rows are."""
    ends = sorted({end for low, high, _ in cells for end in (low, high)})
    place = bisect_left(ends, half, key=lambda end: _until(cells, end, closed=True))
    return _between(cells, ends[max(place - 1, 0)], ends[place], half)


def quantiles(sides: Sequence[PartySide], parts: int) -> list[str]:
    """Ends, ascending, above 0, that cut all parties' rows into about equal parts, each in few digits; those that
    would be the same stand once.
    """
    cells = [cell for side in sides for cell in side.cells]
    rows = sum(count for _, _, count in cells)
    found = (_quantile(cells, Fraction(rows * part, parts)) for part in range(1, parts))
    return [text(one) for one in sorted({Decimal(one) for one in found if Decimal(one) > 0})]


def widened(low: Decimal, high: Decimal) -> tuple[Decimal, Decimal]:
    """A range and half as much again at both ends, in round numbers, since the rarest values are not told; 0 is not
    crossed.
    """
    half, step = (high - low) / 2, Decimal(1).scaleb((high - low).adjusted() - 1)
    least = ((low - half) / step).to_integral_value(ROUND_FLOOR) * step
    most = ((high + half) / step).to_integral_value(ROUND_CEILING) * step
    return (Decimal(0) if low >= 0 > least else least), (Decimal(0) if high <= 0 < most else most)


class ProposedRange(NamedTuple):
    """A range for a number that is learnt, and why it is wide at one end; empty where it is not."""

    low: Decimal
    high: Decimal
    why: str


def proposed_range(sides: Sequence[PartySide]) -> ProposedRange:
    """A range that holds what parties tell, and room for what is not told, by their quantiles.

    The rarest rows are beyond what is told; how far, depends on the tail. Where one end is more than `SKEWED` times as
    far from the median as the other, it goes out as far again, in proportion, as it is beyond the row that a tenth lies
    beyond: a power law's next decade, by half at least and `FARTHEST` times at most.
    """
    told = ":".join(map(text, range_of(sides)))
    least, most = widened(*range_of(sides))
    cells = [cell for side in sides for cell in side.cells]
    rows = sum(count for _, _, count in cells)
    low, high = (Fraction(end) for end in range_of(sides))
    lower, middle, upper = (Fraction(_quantile(cells, Fraction(rows * tenths, 10))) for tenths in (1, 5, 9))
    if high - middle > SKEWED * (middle - low):
        far = middle + (high - middle) * _growth(high - middle, upper - middle)
        most = max(most, _in_steps(far, far - low, ROUND_CEILING))
        return ProposedRange(least, most, _skewed("below", middle, told, least, most))
    if middle - low > SKEWED * (high - middle):
        far = middle - (middle - low) * _growth(middle - low, middle - lower)
        least = Decimal(0) if low >= 0 > far else min(least, _in_steps(far, high - far, ROUND_FLOOR))
        return ProposedRange(least, most, _skewed("above", middle, told, least, most))
    return ProposedRange(least, most, "")


def _growth(end: Fraction, tenth: Fraction) -> Fraction:
    """How many times farther from the median an end goes that is `end` away, where a tenth lies beyond `tenth`."""
    return max(Fraction(FARTHEST) if tenth * FARTHEST <= end else end / tenth, Fraction(3, 2))


def _in_steps(end: Fraction, width: Fraction, way: str) -> Decimal:
    """An end in whole steps of a tenth of the largest power of ten that a width holds."""
    digits = (Decimal(width.numerator) / Decimal(width.denominator)).adjusted() - 1
    steps = end / Fraction(10) ** digits
    whole = -(-steps.numerator // steps.denominator) if way == ROUND_CEILING else steps.numerator // steps.denominator
    return Decimal(whole).scaleb(digits)


def _skewed(side: str, middle: Fraction, told: str, least: Decimal, most: Decimal) -> str:
    part = middle - Fraction(least) if side == "below" else Fraction(most) - middle
    share = max(int(100 * part / (Fraction(most) - Fraction(least))), 1)
    return (
        f"It is skewed: half of the rows are {side} {float(middle):g}, in {share} % of the range {text(least)} to "
        f"{text(most)}, which is wide because rows that are not told may be far out. --target-range {told} is what the "
        "profiles tell: fewer rows than a profile's floor are beyond it at a party, to be corrected or left out. Where "
        "errors count in proportion, learn its logarithm: let all tables have that as the column"
    )


def _until(cells: Iterable[Cell], end: Decimal, *, closed: bool) -> Fraction:
    """Rows below an end, or with `closed` those at it as well."""
    held = Fraction(0)
    for low, high, count in cells:
        if low == high:
            held += count if low < end or (closed and low == end) else 0
        elif end > low:
            held += count * min((Fraction(end) - Fraction(low)) / (Fraction(high) - Fraction(low)), Fraction(1))
    return held


def _between(cells: Sequence[Cell], before: Decimal, end: Decimal, half: Fraction) -> str:
    """Where half of the rows are reached: at the end, or on the way there from the end before."""
    start, stop = _until(cells, before, closed=True), _until(cells, end, closed=False)
    if before == end or stop < half or start == stop:
        return text(end)
    return _few_digits(
        Fraction(before) + (half - start) / (stop - start) * (Fraction(end) - Fraction(before)), before, end
    )


def _few_digits(value: Fraction, low: Decimal, high: Decimal) -> str:
    """The nearest number of few digits, within a bin of whose ends it is certain."""
    largest = max(abs(low), abs(high))
    unit = Fraction(10) ** (largest.adjusted() - DIGITS + 1)
    found = round(value / unit) * unit
    said = Decimal(found.numerator) / Decimal(found.denominator)
    return text(min(max(said, low), high)) if is_decimal(text(said)) else text(low)


def of_rows(count: int, rows: int) -> str:
    """A part of the rows in percent, for people."""
    return f"{100 * count // max(rows, 1)} %"
