"""Squared distances from exact scalar products, and what is made of them: integers of any size."""

from collections.abc import Sequence
from math import isqrt

from ledger.rounds.rules.products import Matrix

WHOLE = 1 << 16
"""A share or a factor of one."""


def between(products: Matrix, left: int, right: int) -> int:
    """The squared distance of two updates."""
    return products[left][left] + products[right][right] - 2 * products[left][right]


def from_mean(products: Matrix, shares: Sequence[int]) -> list[int]:
    """The squared distance of each vector from the mean of all by these shares, times the square of their sum S:
    S²·q·q - 2·S·Σ s·q·q' + Σ s·s'·q'·q''.
    """
    whole = sum(shares)
    across = [sum(s * p for s, p in zip(shares, row, strict=True)) for row in products]
    mean = sum(s * p for s, p in zip(shares, across, strict=True))
    return [whole * (whole * products[k][k] - 2 * across[k]) + mean for k in range(len(shares))]


def part(wanted: int, actual: int) -> int:
    """√(wanted / actual) as a part of 2^16, rounded down, and at most the whole; both are squares of lengths."""
    return WHOLE if actual <= wanted else isqrt((wanted << 32) // actual)
