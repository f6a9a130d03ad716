"""Centred clipping: a few steps from a centre, none of which an update lengthens by more than its part of the radius
(docs/spec/round.md, "Shares"). Weights are not used.

S. P. Karimireddy et al., Learning from History for Byzantine Robust Optimization, ICML 2021.
"""

from ledger.rounds.rules.distances import WHOLE, from_mean, part
from ledger.rounds.rules.products import Matrix

STEPS = 3


def centred_clipping(products: Matrix, radius: int) -> tuple[int, ...]:
    """The shares of n updates and, last, of the centre: of n · 2^16 in all. `products` has the centre last, too.

    The point is v = (Σ s·q + s'·c) / N with N = n · 2^16, at first the centre c. A step adds to it the mean of the ways
    to the updates, each cut to the radius: with the factor λ of an update, a part of 2^16 rounded down, its share
    becomes ⌊s·(N - Σλ) / N⌋ + λ. What is left of N is the centre's.
    """
    updates = len(products) - 1
    whole = updates * WHOLE
    shares = [0] * updates
    for _ in range(STEPS):
        ways = from_mean(products, [*shares, whole - sum(shares)])[:updates]
        factors = [part((whole * radius) ** 2, way) for way in ways]
        left = whole - sum(factors)
        shares = [share * left // whole + factor for share, factor in zip(shares, factors, strict=True)]
    return (*shares, whole - sum(shares))
