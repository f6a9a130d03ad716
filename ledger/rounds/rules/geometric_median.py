"""The geometric median, as RFA has it: Weiszfeld's algorithm, smoothed (docs/spec/round.md, "Shares"). Weights are not
used.

K. Pillutla et al., Robust Aggregation for Federated Learning, IEEE Transactions on Signal Processing 70, 2022.
"""

from ledger.rounds.rules.distances import from_mean, part
from ledger.rounds.rules.products import Matrix

STEPS = 5
NEAREST = 16
"""A distance counts as no less than this part of the median one: the smoothing, without which a point that lies on the
mean would be all that counts."""


def geometric_median(products: Matrix) -> tuple[int, ...]:
    """Shares whose mean is near the geometric median: each is inverse to the update's distance from the mean before.

    The first distances are those from the base model, lengths that is: from the plain mean an update far away would be
    left behind in steps only. With d the update's distance and m the lower median of all, a share is the part m / 16d
    of the whole, rounded down, and at most the whole: so it is never less than 4,096 for half of the updates.
    """
    distances = [row[k] for k, row in enumerate(products)]
    shares: list[int] = []
    for _ in range(STEPS):
        if shares:
            distances = from_mean(products, shares)
        median = sorted(distances)[(len(distances) - 1) // 2]
        shares = [part(median, NEAREST**2 * distance) for distance in distances]
    return tuple(shares)
