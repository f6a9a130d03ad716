"""The cost of noise: an upper bound of the Rényi divergence, in units of 2^-32, never rounded down.

A mechanism has cost ρ up to order ω where its Rényi divergence of order α is at most ρ · α for each integer α from 2 to
ω: zero-concentrated differential privacy (M. Bun, T. Steinke 2016), truncated at ω (M. Bun, C. Dwork, G. Rothblum, T.
Steinke 2018). Costs of mechanisms on the same rows add up.

No float is used. Decimals of 50 digits are rounded towards more cost at each step; `exp` and `ln` of Python's decimals
are rounded correctly (General Decimal Arithmetic, M. Cowlishaw), so every machine comes to the same integer.
"""

from collections.abc import Iterator
from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate, pairwise
from math import ceil

UNIT = 1 << 32
"""Units of cost in ρ = 1."""
LEAST_ORDER, MOST_ORDERS = 2, 256
_UP = Context(prec=50, rounding=ROUND_CEILING, Emin=-(10**8), Emax=10**8)
_ONE = Decimal(1)


def cost(noise: Decimal, sampling: Decimal, steps: int, orders: int) -> int:
    """The cost of `steps` noisy sums, up to order `orders`.

    Each is the sum of rows drawn with probability `sampling` independently, of norm at most 1 each, with Gaussian noise
    of standard deviation `noise` in every coordinate; neighbours differ by one row. `noise` is at least 0.1.
    """
    return costs(noise, sampling, steps, orders)[-1]


def costs(noise: Decimal, sampling: Decimal, steps: int, orders: int) -> tuple[int, ...]:
    """The same up to each order from 2 to `orders`."""
    each = (Fraction(one) / order for order, one in enumerate(divergences(noise, sampling, orders), LEAST_ORDER))
    return tuple(ceil(worst * steps * UNIT) for worst in accumulate(each, max))


@lru_cache(64)
def divergences(noise: Decimal, sampling: Decimal, orders: int) -> tuple[Decimal, ...]:
    """Upper bounds of one noisy sum's Rényi divergences of the orders 2 to `orders`, either way round.

    Without sampling α/(2σ²). With it, of order α (I. Mironov, K. Talwar, L. Zhang 2019, section 3.3):
    ln(Σ_k C(α, k) · (1 - q)^(α - k) · q^k · exp(k(k - 1) / (2σ²))) / (α - 1).
    """
    variance = Fraction(noise) ** 2
    if sampling == 1:
        return tuple(_up(Fraction(order) / (2 * variance)) for order in range(LEAST_ORDER, orders + 1))
    return tuple(
        _UP.divide(_UP.next_plus(_UP.ln(moment)), order - 1)
        for order, moment in enumerate(_moments(sampling, _exponentials(variance, orders)))
        if order >= LEAST_ORDER
    )


def _moments(sampling: Decimal, values: list[Decimal]) -> Iterator[Decimal]:
    """The mean of `values[k]` with k binomial of 0 trials, of 1, and so on: de Casteljau's scheme, one row each."""
    rest = _UP.subtract(_ONE, sampling)
    while values:
        yield values[0]
        pairs = pairwise(values)
        values = [_UP.add(_UP.multiply(rest, low), _UP.multiply(sampling, high)) for low, high in pairs]


def _exponentials(variance: Fraction, most: int) -> list[Decimal]:
    """exp(k(k - 1) / (2σ²)) for k from 0: each is the one before times exp((k - 1) / σ²)."""
    growth = _UP.next_plus(_UP.exp(_up(1 / variance)))
    found, factor = [_ONE, _ONE], growth
    for _ in range(most - 1):
        found.append(_UP.multiply(found[-1], factor))
        factor = _UP.multiply(factor, growth)
    return found


def _up(value: Fraction) -> Decimal:
    return _UP.divide(Decimal(value.numerator), Decimal(value.denominator))
