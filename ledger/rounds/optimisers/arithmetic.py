"""What the server optimisers reckon with: int64, one division half away from zero, exact square roots.

Nothing here is rounded but where it says so. The only floats are a first guess at a square root, which is then put
right in integers: so every machine makes the same bytes. No sum, product or power of floats is taken, whose order of
operations would differ between machines.
"""

import numpy as np

from ledger.jobs.server import ONE
from ledger.rounds.rules.arithmetic import Sums

LOWEST, HIGHEST = -(1 << 31), (1 << 31) - 1
BITS = ONE.bit_length() - 1
"""2^16 in a job's numbers stands for 1."""


def ratio(values: Sums, divisor: "int | Sums") -> Sums:
    """values / divisor, rounded half away from zero, exactly: for |values| + divisor / 2 < 2^63, a divisor above 0."""
    sign = values >> 63
    sizes = (values ^ sign) - sign
    sizes += divisor // 2
    sizes //= divisor
    quotients: Sums = (sizes ^ sign) - sign
    return quotients


def share(values: Sums, part: int) -> Sums:
    """values · part / 2^16, rounded half away from zero: for |values · part| < 2^62."""
    scaled: Sums = values * part
    sign = scaled >> 63
    sizes = ((scaled ^ sign) - sign + (ONE // 2)) >> BITS
    quotients: Sums = (sizes ^ sign) - sign
    return quotients


def held(values: Sums) -> Sums:
    """Values as int32 holds them: what is beyond is the nearest that it holds."""
    return np.clip(values, LOWEST, HIGHEST)


def square_root(values: Sums) -> Sums:
    """The whole part of the square root, exactly: for 0 <= values < 2^62.

    A float64 is wrong by at most one part in 2^53, and IEEE 754 rounds its root correctly, so the guess is off by one
    at most.
    """
    roots: Sums = np.sqrt(values.astype(np.float64)).astype(np.int64)
    roots -= roots * roots > values
    roots += (roots + 1) * (roots + 1) <= values
    return roots
