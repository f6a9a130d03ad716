"""Which cells of a column are told: none that holds fewer rows than the floor, and none from which one follows.

What is told is what a table without small cells would tell, byte for byte. Rows of small values, and a few missing
ones, count with the column's largest cell; bins of a histogram are joined until each holds the floor. So a reader of
the file cannot say whether a small cell has any rows at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

MAX_CODES = 20
"""Different numbers up to which they are told one by one."""
FEW_CODES, FEW_RARE, MORE_RARE = 5, 2, 5
"""Of up to so many numbers, half of the rows may have a rare one, and of more a fifth: they are moved."""
MAX_WORDS = 50
MAX_BINS = 20
_STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Cells:
    """A column's cells with their counts, not yet rounded: `values` or `bins` (low, high, count), and `apart`."""

    missing: int
    values: tuple[tuple[str, int], ...] = ()
    bins: tuple[tuple[Decimal, Decimal, int], ...] = ()
    apart: tuple[tuple[str, int], ...] = ()


def of_words(counts: Mapping[str, int], missing: int, floor: int) -> Cells:
    """The cells of a column of words: those that stand often enough, with all other rows in the most frequent one."""
    rows, hidden = sum(counts.values()), missing if missing < floor else 0
    if rows < floor:
        return Cells(missing + rows)
    kept = _often(counts, floor, MAX_WORDS)
    return Cells(missing - hidden, _with_rest(kept, rows - sum(kept.values()) + hidden))


def of_numbers(
    codes: Mapping[str, int] | None,
    bins: Sequence[tuple[Fraction, int]],
    sentinels: Mapping[str, int],
    missing: int,
    floor: int,
    *,
    fractional: bool = True,
) -> Cells:
    """The cells of a column of numbers, whole ones alone unless `fractional`.

    `codes` counts each number, None where there are too many; `bins` are counts by a fine bin's lower end, ascending;
    `sentinels` counts numbers that people write for "not measured": those that stand apart are told apart. Numbers are
    told one by one where they are few and most rows have one that is frequent; else as bins, from that of the floor-th
    smallest to that of the floor-th largest number.
    """
    rows = sum(count for _, count in bins)
    if rows < floor:
        return Cells(missing + rows)
    hidden = missing if missing < floor else 0
    told = missing - hidden
    if codes is not None and len(codes) <= MAX_CODES:
        kept = _often(codes, floor, MAX_CODES)
        rare = rows - sum(kept.values())
        if rare * (FEW_RARE if len(codes) <= FEW_CODES else MORE_RARE) <= rows:
            return Cells(told, _with_rest(kept, rare + hidden))
    beside, rest = _apart(bins, sentinels, floor)
    if sum(count for _, count in rest) < 2 * floor:
        return Cells(told)
    joined = _binned(rest, floor, rows + missing, Fraction(0) if fractional else Fraction(1))
    place = max(range(len(joined)), key=lambda at: joined[at][2])
    low, high, count = joined[place]
    joined[place] = (low, high, count + hidden)
    return Cells(told, bins=tuple(joined), apart=tuple(sorted(beside.items())))


def coarse(count: int, floor: int) -> int:
    """The multiple of the floor that is nearest to a count that is not hidden; at least one floor."""
    return max((count + floor // 2) // floor, 1) * floor


def _often(counts: Mapping[str, int], floor: int, most: int) -> dict[str, int]:
    """The most frequent, as many as are told, without those below the floor."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {word: count for word, count in ordered[:most] if count >= floor}


def _with_rest(kept: Mapping[str, int], lost: int) -> tuple[tuple[str, int], ...]:
    """Cells by name, the most frequent one with the rows of all that are not told."""
    first = min(kept, key=lambda word: (-kept[word], word), default="")
    return tuple((word, count + lost if word == first else count) for word, count in sorted(kept.items()))


def _apart(
    bins: Sequence[tuple[Fraction, int]], sentinels: Mapping[str, int], floor: int
) -> tuple[dict[str, int], list[tuple[Fraction, int]]]:
    """Sentinels that stand apart from the range of the others, by a quarter of it, and the bins without them."""
    often = _often(sentinels, floor, MAX_CODES)
    others = _without(bins, often)
    if sum(count for _, count in others) < 2 * floor:
        return {}, list(bins)
    low, high = ends(others, floor)
    gap = (high - low) / 4
    beside = {word: count for word, count in often.items() if not low - gap <= Fraction(word) <= high + gap}
    return beside, _without(bins, beside)


def ends(bins: Sequence[tuple[Fraction, int]], floor: int) -> tuple[Fraction, Fraction]:
    """The bins of the floor-th smallest and of the floor-th largest number, by their lower ends."""
    return _at_rank(bins, floor), _at_rank(list(reversed(bins)), floor)


def _without(bins: Sequence[tuple[Fraction, int]], apart: Mapping[str, int]) -> list[tuple[Fraction, int]]:
    """The fine bins without numbers that stand apart: each is in the last bin that does not begin beyond it."""
    left = dict(bins)
    for word, count in apart.items():
        at = max((low for low in left if low <= Fraction(word)), default=min(left))
        left[at] = max(left[at] - count, 0)
    return sorted((low, count) for low, count in left.items() if count)


def _binned(
    bins: Sequence[tuple[Fraction, int]], floor: int, rows: int, least: Fraction
) -> list[tuple[Decimal, Decimal, int]]:
    """Bins with ends of few digits, `least` wide or more, joined from the left until each holds the floor."""
    low, high = ends(bins, floor)
    step: Fraction = max(_step(low, high, min(MAX_BINS, max(1, rows // (2 * floor)))), least)
    first, last = int(low // step), int(high // step)
    counted = [0] * (last - first + 1)
    for number, count in bins:
        counted[min(max(int(number // step), first), last) - first] += count
    found: list[tuple[int, int, int]] = []
    begin, held = first, 0
    for place, rows_there in enumerate(counted, first):
        held += rows_there
        if held >= floor:
            found.append((begin, place + 1, held))
            begin, held = place + 1, 0
    if begin <= last:
        start, _, before = found.pop()
        found.append((start, last + 1, before + held))
    size = Decimal(step.numerator) / Decimal(step.denominator)
    return [(start * size, end * size, count) for start, end, count in found]


def _at_rank(bins: Sequence[tuple[Fraction, int]], rank: int) -> Fraction:
    held = 0
    for low, count in bins:
        held += count
        if held >= rank:
            return low
    raise AssertionError("unreachable: there are at least so many numbers")


def _step(low: Fraction, high: Fraction, most: int) -> Fraction:
    """The width of a bin, 1, 2 or 5 times a power of ten, of which `most` or one more hold the range; of a single
    number its second digit.
    """
    apart = (high - low) / most if high > low else max(abs(low), abs(high)) / 10
    power = Fraction(1)
    while apart and power > apart:
        power /= 10
    while power * 10 <= apart:
        power *= 10
    return next((power * times for times in _STEPS if power * times >= apart), power * 10)
