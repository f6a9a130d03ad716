"""The mean of the updates, weighted by their samples (docs/spec/round.md, "Aggregation").

B. McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, AISTATS 2017.
"""

from collections.abc import Sequence

import numpy as np

from ledger.kernel import add_weighted
from ledger.rounds.rules.arithmetic import Mean, Read, Sums, fresh


def weighted_mean(weights: Sequence[int], read: Read) -> Mean:
    """Σ w·q / Σ w for each value. Holds one update at a time, whatever their number."""
    return Mean(weighted_sum(weights, read), sum(weights))


def weighted_sum(weights: Sequence[int], read: Read) -> Sums:
    """Σ w·q for each value: a partial sum that may be added to any other, in any order.

    It fits int64 for up to 255 updates whose weights are within the job's bounds (docs/spec/job.md, rule 4).
    """
    first = read(0)
    total: Sums = np.multiply(first, weights[0], out=fresh(len(first), "<i8"), dtype=np.int64)
    del first
    for position in range(1, len(weights)):
        add_weighted(total, read(position), weights[position])
    return total
