"""Aggregation rules: how the admitted updates of a round become the mean update (docs/spec/round.md, "Aggregation").

One file for each rule, over the arithmetic that all share; `combine` says which rule of the job is which function, and
mypy holds that none is missing. Integers only, so the bytes are the same for any order of updates, any number of
threads, and any grouping into partial sums.

A rule by shares takes two passes: `shares_of` says what each update's share is, from the products of all of them, and
`combine` takes shares for weights.
"""

from collections.abc import Sequence

import numpy as np

from ledger import kernel
from ledger.errors import Malformed
from ledger.jobs.rules import (
    ByShares,
    CentredClipping,
    GeometricMedian,
    Median,
    MultiKrum,
    Rule,
    TrimmedMean,
    WeightedMean,
)
from ledger.rounds.rules.arithmetic import Ints, Mean, Read, Sums
from ledger.rounds.rules.centred_clipping import centred_clipping
from ledger.rounds.rules.geometric_median import geometric_median
from ledger.rounds.rules.median import median
from ledger.rounds.rules.multi_krum import multi_krum
from ledger.rounds.rules.products import Matrix, Products
from ledger.rounds.rules.trimmed_mean import trimmed_mean
from ledger.rounds.rules.weighted_mean import weighted_mean

MAX_UPDATES = 255


def blocks_of(rule: Rule) -> int:
    """Blocks of each update that a band is made of: one where the rule holds the band of all updates at once."""
    return kernel.run() if isinstance(rule, WeightedMean) else 1


def combine(rule: Rule, weights: Sequence[int], read: Read) -> Sums:
    """One range of the mean update under the job's rule, rounded half away from zero. Raises as `mean_of`."""
    return mean_of(rule, weights, read).divided()


def mean_of(rule: Rule, weights: Sequence[int], read: Read) -> Mean:
    """The same before the division; `weights` holds one for each admitted update, its share under a rule by shares.

    `read` is called once for each update, in order. Raises Malformed for no update or more than 255, and where the rule
    cannot take so few.
    """
    if not 0 < len(weights) <= MAX_UPDATES:
        raise Malformed("a round's aggregate is made of 1 to 255 updates", updates=len(weights))
    return mean_of_any(rule, weights, read)


def mean_of_any(rule: Rule, weights: Sequence[int], read: Read) -> Mean:
    """The same of any number of updates above 0, as no round of a ledger has them but a simulated one: sums fit int64
    where the weights together, times the largest value, do.
    """
    match rule:
        case WeightedMean() | MultiKrum() | GeometricMedian() | CentredClipping():
            return weighted_mean(weights, read)
        case Median():
            return median(len(weights), read)
        case TrimmedMean(trim=trim):
            return trimmed_mean(len(weights), trim, read)


def shares_of(rule: ByShares, products: Matrix) -> tuple[int, ...]:
    """What each update counts in the mean, from the products of all of them with each other.

    Under centred clipping the last vector is the centre, and so is the last share.
    """
    match rule:
        case MultiKrum(f=f):
            return multi_krum(products, f)
        case GeometricMedian():
            return geometric_median(products)
        case CentredClipping(radius=radius):
            return centred_clipping(products, radius)


def mean_of_whole(rule: Rule, weights: Sequence[int], updates: Sequence[Ints], centre: Ints | None = None) -> Mean:
    """Both passes over any number of whole updates in memory; `centre` is the last step of the model, where there is
    one. Raises as `mean_of_any`.
    """
    if not isinstance(rule, ByShares):
        return mean_of_any(rule, weights, updates.__getitem__)
    summed = list(updates)
    if isinstance(rule, CentredClipping):
        summed.append(np.zeros_like(updates[0]) if centre is None else centre)
    products = Products(len(summed))
    products.add(summed)
    return mean_of_any(rule, shares_of(rule, products.matrix()), summed.__getitem__)
