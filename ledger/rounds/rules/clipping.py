"""Updates made shorter: one beyond the job's norm is cut to it, not refused (docs/spec/round.md, "Clipping").

Z. Sun et al., Can You Really Backdoor Federated Learning?, FL-NeurIPS workshop 2019.
"""

import numpy as np

from ledger.rounds.rules.arithmetic import Ints
from ledger.rounds.rules.distances import WHOLE, part


def factor_of(squares: int, max_norm: int) -> int:
    """What an update with this sum of squares is multiplied by, as a part of 2^16, rounded down."""
    return part(max_norm**2, squares)


def clipped(values: Ints, factor: int) -> Ints:
    """The values times the factor, each cut towards zero: so no norm is longer than the factor makes it."""
    if factor == WHOLE:
        return values
    scaled = np.multiply(values, factor, dtype=np.int64)
    sign = scaled >> 63
    scaled += sign & (WHOLE - 1)
    scaled >>= 16
    return scaled.astype("<i4")
