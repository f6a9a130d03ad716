"""Costs as (ε, δ), for people: nothing is decided by it.

By the conversion of C. Canonne, G. Kamath, T. Steinke 2020 (proposition 12), at integer orders: of a cost ρ up to order
ω, ε = min over α of ρ·α + ln((α - 1) / α) - ln(δ·α) / (α - 1).
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

from ledger.budget.costs import LEAST_ORDER, UNIT

PLACES = Decimal("0.0001")
"""To what ε is rounded up."""
_DIGITS = Context(prec=50, rounding=ROUND_HALF_EVEN)


def epsilon(cost: int, orders: int, delta: Decimal) -> Decimal:
    """The ε of a cost up to order `orders`, at δ: of 0 to 10^9, rounded up."""
    if not cost:
        return Decimal(0)
    least = min(
        _DIGITS.add(_DIGITS.multiply(_DIGITS.divide(cost, UNIT), order), surplus(order, delta))
        for order in range(LEAST_ORDER, orders + 1)
    )
    return max(least, Decimal(0)).quantize(PLACES, ROUND_CEILING, _DIGITS)


def budget(epsilon: Decimal, delta: Decimal, order: int) -> int:
    """The most cost up to `order` that is within (ε, δ) by the divergence of that order; at most 0 where none is."""
    share = _DIGITS.divide(_DIGITS.subtract(epsilon, surplus(order, delta)), order)
    return int(_DIGITS.multiply(share, UNIT).to_integral_value(ROUND_FLOOR, _DIGITS))


def surplus(order: int, delta: Decimal) -> Decimal:
    """What ε has more than the divergence of an order."""
    first = _DIGITS.ln(_DIGITS.divide(order - 1, order))
    return _DIGITS.subtract(first, _DIGITS.divide(_DIGITS.ln(_DIGITS.multiply(delta, order)), order - 1))
