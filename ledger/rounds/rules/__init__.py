"""Aggregation rules: how the admitted updates of a round become the mean update (docs/spec/round.md, "Aggregation").

One file for each rule, over the arithmetic that all share; `combine` says which rule of the job is which function, and
mypy holds that none is missing. Integers only, so the bytes are the same for any order of updates, any number of
threads, and any grouping into partial sums.
"""

from collections.abc import Sequence

from ledger.errors import Malformed
from ledger.jobs.document import Median, Rule, TrimmedMean, WeightedMean
from ledger.rounds.rules.arithmetic import BLOCKS, Mean, Read, Sums
from ledger.rounds.rules.median import median
from ledger.rounds.rules.trimmed_mean import trimmed_mean
from ledger.rounds.rules.weighted_mean import weighted_mean

MAX_UPDATES = 255


def blocks_of(rule: Rule) -> int:
    """Blocks of each update that a band is made of: one where the rule holds the band of all updates at once."""
    return BLOCKS if isinstance(rule, WeightedMean) else 1


def combine(rule: Rule, weights: Sequence[int], read: Read) -> Sums:
    """One range of the mean update under the job's rule, rounded half away from zero. Raises as `mean_of`."""
    return mean_of(rule, weights, read).divided()


def mean_of(rule: Rule, weights: Sequence[int], read: Read) -> Mean:
    """The same before the division; `weights` holds one for each admitted update.

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
        case WeightedMean():
            return weighted_mean(weights, read)
        case Median():
            return median(len(weights), read)
        case TrimmedMean(trim=trim):
            return trimmed_mean(len(weights), trim, read)
