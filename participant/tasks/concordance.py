"""Harrell's concordance: in how many comparable pairs the row with the earlier event had the higher risk."""

import numpy as np
from numpy.typing import NDArray


def concordance(times: NDArray[np.float64], ended: NDArray[np.bool_], risks: NDArray[np.float64]) -> float | None:
    """The share of comparable pairs in which the earlier event has the higher risk; equal risks count half (F. E.
    Harrell et al. 1982). None where no pair is comparable.

    Comparable is a row with an event and one that was in sight longer, or was lost from sight at that very time. Takes
    n log n steps: rows from the latest to the earliest, counted by rank of risk in a tree of sums (P. M. Fenwick 1994).
    """
    ranks = np.unique(risks, return_inverse=True)[1].reshape(-1) + 1
    tree = [0] * (int(ranks.max(initial=0)) + 1)
    twice = pairs = counted = 0
    order = np.lexsort((ended, -times))
    waiting: list[int] = []
    for place, row in enumerate(order):
        if waiting and times[row] != times[order[place - 1]]:
            for rank in waiting:
                _count(tree, rank)
            counted, waiting = counted + len(waiting), []
        rank = int(ranks[row])
        if ended[row]:
            below, upto = _upto(tree, rank - 1), _upto(tree, rank)
            twice, pairs = twice + below + upto, pairs + counted
            waiting.append(rank)
        else:
            _count(tree, rank)
            counted += 1
    return twice / (2 * pairs) if pairs else None


def _count(tree: list[int], rank: int) -> None:
    while rank < len(tree):
        tree[rank] += 1
        rank += rank & -rank


def _upto(tree: list[int], rank: int) -> int:
    total = 0
    while rank:
        total += tree[rank]
        rank &= rank - 1
    return total
