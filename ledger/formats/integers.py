"""Arithmetic in whole numbers that everyone repeats."""


def ratio(numerator: int, denominator: int) -> int:
    """The quotient, rounded half away from zero. `denominator` must be positive."""
    quotient = (2 * abs(numerator) + denominator) // (2 * denominator)
    return quotient if numerator >= 0 else -quotient
