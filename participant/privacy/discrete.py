"""Noise of whole numbers, drawn exactly: the discrete Gaussian law from a stream of random words, by integers alone.

By algorithms 1 to 3 of C. Canonne, G. Kamath, T. Steinke 2020 (The Discrete Gaussian for Differential Privacy). No
float is used, so no rounding weakens what is promised: of a sum that one row changes by at most D, noise of variance
(σ·D)² costs ρ = 1 / (2σ²), as Gaussian noise does (theorem 4).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import isqrt

from numpy.typing import NDArray

WORD = 64
_READ = 4096
"""Words that are taken at once."""


@dataclass(slots=True)
class DiscreteGaussian:
    """Draws from a source of 64-bit words, which is used up from its start: `words(count)` gives the next ones."""

    words: Callable[[int], NDArray]  # type: ignore[type-arg]
    _left: Iterator[int] = field(default_factory=lambda: iter(()))

    def draw(self, variance: Fraction) -> int:
        """A number of mean 0: x with a probability in proportion to exp(-x² / (2 · variance)), `variance` above 0."""
        scale = _root(variance) + 1
        while True:
            found = self._laplace(scale)
            away = (abs(found) - variance / scale) ** 2 / (2 * variance)
            if self._is_below_exponential(away):
                return found

    def _laplace(self, scale: int) -> int:
        """x with a probability in proportion to exp(-|x| / scale)."""
        while True:
            part = self._below(scale)
            if not self._is_below_exponential(Fraction(part, scale)):
                continue
            whole = 0
            while self._is_below_exponential(Fraction(1)):
                whole += 1
            found, is_negative = part + scale * whole, self._below(2) == 1
            if found or not is_negative:
                return -found if is_negative else found

    def _is_below_exponential(self, exponent: Fraction) -> bool:
        """True with probability exp(-exponent)."""
        while exponent > 1:
            if not self._is_one(Fraction(1)):
                return False
            exponent -= 1
        return self._is_one(exponent)

    def _is_one(self, exponent: Fraction) -> bool:
        """True with probability exp(-exponent), of 0 to 1: by J. von Neumann's series."""
        terms = 1
        while self._below(exponent.denominator * terms) < exponent.numerator:
            terms += 1
        return terms % 2 == 1

    def _below(self, bound: int) -> int:
        """A whole number from 0 to `bound` - 1, each as likely: of as many bits, drawn until one is."""
        bits = (bound - 1).bit_length()
        while True:
            found = self._bits(bits)
            if found < bound:
                return found

    def _bits(self, count: int) -> int:
        found = 0
        for _ in range(-(-count // WORD)):
            found = found << WORD | self._word()
        return found >> (-count % WORD)

    def _word(self) -> int:
        word = next(self._left, None)
        if word is None:
            self._left = iter(self.words(_READ).tolist())
            word = next(self._left)
        return word


def _root(number: Fraction) -> int:
    """The square root, rounded down."""
    return isqrt(number.numerator // number.denominator)
