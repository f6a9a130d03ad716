"""The coordinate-wise median (docs/spec/round.md, "Aggregation"). Weights are not used.

D. Yin et al., Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates, ICML 2018.
"""

from ledger.rounds.rules.arithmetic import Mean, Read
from ledger.rounds.rules.trimmed_mean import trimmed_mean


def median(updates: int, read: Read) -> Mean:
    """The middle of each value; of an even number of updates the mean of the middle two.

    The mean that is left by trimming as much as can be trimmed. Holds the values of all updates at once.
    """
    return trimmed_mean(updates, most_trimmed(updates), read)


def most_trimmed(updates: int) -> int:
    """How many values can be left out at each end of so many, at most, for one or two to be left."""
    return (updates - 1) // 2
