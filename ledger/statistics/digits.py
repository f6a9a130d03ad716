"""Whole numbers as digits that fit an update's integers, and sums of them from the mean that a round makes.

An update holds d · 2^8 for a digit d, the model M = Σ d · 2^8 / n, rounded, of n ≤ 255 updates of weight 1. So
M · n / 2^8 is off the sum of the digits by at most n / 2^9, less than a half: the sum is the nearest integer. Nothing
is lost.
"""

from collections.abc import Iterable, Iterator, Sequence

from ledger.errors import Malformed
from ledger.jobs.analysis import DIGIT_BITS, SCALE_BITS

BASE = 1 << DIGIT_BITS
SCALE = 1 << SCALE_BITS
MOST_UPDATES = SCALE - 1


def digits_of(number: int, digits: int) -> list[int]:
    """The integers of an update for a natural number: its digits, the least first, each times 2^8. Raises Malformed
    for a number that is too large.
    """
    if not 0 <= number < BASE**digits:
        raise Malformed("a count or sum does not fit its digits", maximum=BASE**digits - 1, actual=number)
    return [((number >> (DIGIT_BITS * place)) % BASE) * SCALE for place in range(digits)]


def sum_of_digit(mean: int, updates: int) -> int:
    """The sum of the digits of `updates` parties, by the model's integer. Raises Malformed where no digits have that
    mean: then somebody's update had integers that are no digits.
    """
    if not 1 <= updates <= MOST_UPDATES:
        raise Malformed("an analysis has 1 to 255 answers", actual=updates)
    total = (2 * mean * updates + SCALE) // (2 * SCALE)
    if 2 * abs(mean * updates - SCALE * total) > updates:
        raise Malformed("a value of the model is the mean of no whole numbers", mean=mean, updates=updates)
    return total


def sums_of(means: Sequence[int], digits: int, updates: int) -> Iterator[int]:
    """The sums of numbers of so many digits each, by the model's integers."""
    for start in range(0, len(means), digits):
        each = [sum_of_digit(mean, updates) for mean in means[start : start + digits]]
        yield sum(total << (DIGIT_BITS * place) for place, total in enumerate(each))


def written(numbers: Iterable[int], digits: int) -> list[int]:
    """The integers of an update for many numbers."""
    return [digit for number in numbers for digit in digits_of(number, digits)]
