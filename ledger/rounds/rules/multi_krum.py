"""Multi-Krum: the mean of the updates that have others nearest to them (docs/spec/round.md, "Shares"). Weights are not
used.

P. Blanchard et al., Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent, NeurIPS 2017.
"""

from ledger.errors import Malformed
from ledger.rounds.rules.distances import WHOLE, between
from ledger.rounds.rules.products import Matrix


def multi_krum(products: Matrix, f: int) -> tuple[int, ...]:
    """The whole for the n - f updates of least score, nothing for the others; of equal scores the earlier one counts.

    A score is the sum of the squared distances to the n - f - 2 nearest others. With f = 0 all count. Raises Malformed
    where fewer than 2f + 3 are there.
    """
    updates = range(len(products))
    near, kept = len(products) - f - 2, len(products) - f
    if f == 0:
        return (WHOLE,) * kept
    if kept < f + 3:
        raise Malformed("multi_krum needs 2f + 3 updates", needed=2 * f + 3, updates=len(products))
    scores = [sum(sorted(between(products, k, other) for other in updates if other != k)[:near]) for k in updates]
    chosen = set(sorted(updates, key=lambda k: (scores[k], k))[:kept])
    return tuple(WHOLE if k in chosen else 0 for k in updates)
