"""Two-sided geometric noise, which hides one row in a count: exact, by coins whose odds are fractions.

P(k) is in proportion to exp(-ε·|k|), so that a count with it is ε-differentially private for rows added or taken away
(A. Ghosh, T. Roughgarden, M. Sundararajan 2009). Coins of odds exp(-ε) after C. Canonne, G. Kamath, T. Steinke 2020,
algorithm 1: no logarithm and no float, whose last bits tell of what they hide (I. Mironov 2012).
"""

from collections.abc import Iterator
from fractions import Fraction

from ledger.masks.secret import Secret
from ledger.masks.streams import words

_AT_ONCE = 64
_BITS = 64
MOST_PIECES = 1_000_000
"""Denominator of ε, at most."""


def geometric(seed: Secret, epsilon: Fraction) -> int:
    """The noise that follows from a seed, for 0 < ε."""
    stream = _stream(seed)
    return _run(stream, epsilon) - _run(stream, epsilon)


def _stream(seed: Secret) -> Iterator[int]:
    at = 0
    while True:
        yield from words(seed, at, _AT_ONCE).tolist()
        at += _AT_ONCE


def _run(stream: Iterator[int], epsilon: Fraction) -> int:
    """How many coins of odds exp(-ε) in a row show heads."""
    length = 0
    while _exponential(stream, epsilon):
        length += 1
    return length


def _exponential(stream: Iterator[int], exponent: Fraction) -> bool:
    """A coin of odds exp(-exponent)."""
    while exponent > 1:
        if not _exponential(stream, Fraction(1)):
            return False
        exponent -= 1
    tried = 1
    while _coin(stream, exponent / tried):
        tried += 1
    return tried % 2 == 1


def _coin(stream: Iterator[int], odds: Fraction) -> bool:
    """A coin whose odds are a fraction of at most 1: an integer below its denominator, drawn until it is one."""
    bound, count = odds.denominator, -(-odds.denominator.bit_length() // _BITS)
    limit = (1 << (_BITS * count)) // bound * bound
    while True:
        drawn = 0
        for _ in range(count):
            drawn = drawn << _BITS | next(stream)
        if drawn < limit:
            return drawn % bound < odds.numerator
