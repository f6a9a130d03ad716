"""The mean update made of groups' sums: the job's rule over groups instead of updates (docs/spec/masks.md, "Groups").

Each group's mean is the fraction S / W of its exact sum and weight. Fractions are compared exactly, and what is kept of
them is divided once, so a value is rounded once.

D. Yin et al., Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates, ICML 2018.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ledger.errors import Malformed
from ledger.jobs.rules import Rule, TrimmedMean, WeightedMean
from ledger.rounds.rules.arithmetic import Mean, Sums

_HALF = np.uint64(32)


def mean_of_groups(rule: Rule, sums: Sequence[Sums], weights: Sequence[int]) -> Mean:
    """One range of the mean update before its division, of each group's sum and weight.

    The weighted mean is that of all updates. The others take away as many lowest and highest means of groups, of each
    value, as the rule says, and of the rest the weighted mean. Raises Malformed where trimming leaves no group.
    """
    if isinstance(rule, WeightedMean):
        return Mean(_added(sums), sum(weights))
    trim = rule.trim if isinstance(rule, TrimmedMean) else (len(sums) - 1) // 2
    if 2 * trim >= len(sums):
        raise Malformed("trimming leaves no group", trim=trim, groups=len(sums))
    columns, each = np.stack(sums), np.array(weights, np.uint64)
    kept = _ascending(columns, each)[trim : len(sums) - trim]
    return Mean(np.take_along_axis(columns, kept, 0).sum(axis=0), each[kept].sum(axis=0))


def _added(sums: Sequence[Sums]) -> Sums:
    if len(sums) == 1:
        return sums[0]
    total = sums[0] + sums[1]
    for more in sums[2:]:
        total += more
    return total


def _ascending(columns: NDArray[np.int64], weights: NDArray[np.uint64]) -> NDArray[np.intp]:
    """The groups of each value in the order of S / W, and of their number where two are equal.

    By the whole part, and 64 bits of what is behind it: fractions of weights below 2^32 that differ do so there.
    """
    divisors = weights[:, None]
    whole, rest = np.divmod(columns, divisors.astype(np.int64))
    high, left = np.divmod(rest.astype(np.uint64) << _HALF, divisors)
    low = (left << _HALF) // divisors
    return np.lexsort(((high << _HALF) + low, whole), axis=0)
