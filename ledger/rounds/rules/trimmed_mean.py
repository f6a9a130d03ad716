"""The coordinate-wise trimmed mean (docs/spec/round.md, "Aggregation"). Weights are not used.

D. Yin et al., Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates, ICML 2018.
"""

import numpy as np

from ledger.errors import Malformed
from ledger.rounds.rules.arithmetic import Mean, Read


def trimmed_mean(updates: int, trim: int, read: Read) -> Mean:
    """The mean of what is left of each value without its `trim` lowest and `trim` highest.

    Holds the values of all updates at once. Raises Malformed where nothing is left.
    """
    if 2 * trim >= updates:
        raise Malformed("trimming leaves no update", trim=trim, updates=updates)
    first = read(0)
    columns = np.empty((updates, len(first)), np.int32)
    columns[0] = first
    for position in range(1, updates):
        columns[position] = read(position)
    columns.sort(axis=0)
    kept = columns[trim : updates - trim]
    return Mean(kept.sum(axis=0, dtype=np.int64), len(kept))
