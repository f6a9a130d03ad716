"""The cost of hiding a whole member: an upper bound of the Rényi divergence of Skellam noise, in units of 2^-32.

By the bound of N. Agarwal, P. Kairouz, Z. Liu 2021 (The Skellam Mechanism for Differentially Private Federated
Learning): of sums of integer vectors that differ by one of Euclidean norm D and absolute sum A, with noise of variance
V in every coordinate, the divergence of integer order α is at most
α·D²/(2V) + min((2α·D² + 6A)/(4V²), 3A/(2V)). Divided by α it is largest at α = 2, so that holds for every order.
"""

from fractions import Fraction
from math import ceil, isqrt

from ledger.budget.costs import UNIT

LEAST_RATE, MOST_RATE = 8, 1 << 24
"""Of one member's noise: half its variance."""


def member_cost(clip: int, variance: int, values: int) -> int:
    """The cost of one sum: a member's part in it has norm `clip` at most and so many `values`, all noise together
    `variance`.
    """
    squares = clip * clip
    absolute = min(squares, ceil_sqrt(values * squares))
    more = min(Fraction(2 * squares + 3 * absolute, 4 * variance**2), Fraction(3 * absolute, 4 * variance))
    return ceil(UNIT * (Fraction(squares, 2 * variance) + more))


def ceil_sqrt(number: int) -> int:
    """The least integer whose square is not below a number."""
    root = isqrt(number)
    return root if root * root == number else root + 1
