"""What a party summed of a model that tells no classes apart, and the figures that follow from all parties' sums.

As counts of classes do (`ledger.releases.counts`), sums of integers add up, and figures of all rows follow from them.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from ledger.errors import Malformed
from ledger.releases import regression, survival
from ledger.releases.counts import PLACES, decimal
from ledger.releases.regression import MAX_TARGETS, RegressionSums
from ledger.releases.survival import SurvivalSums

Sums = RegressionSums | SurvivalSums
NOT_MEANS = frozenset(
    {"concordance", "binned_concordance", "log_loss", "brier", "rmse", "r2"}
    | {f"{name}_{place}" for name in ("rmse", "r2") for place in range(1, MAX_TARGETS + 1)}
)
"""Figures of which a mean over several parties' rows is not the figure of all rows."""


def check(sums: Sums, samples: int, where: str) -> None:
    """Refuse sums that are not of so many rows, or that no rows have. Raises Malformed."""
    if isinstance(sums, RegressionSums):
        regression.check(sums, where)
    else:
        survival.check(sums, where)
    if sums.rows != samples:
        raise Malformed("the sums are of another number of rows", where=where, expected=samples, actual=sums.rows)


def check_stated(stated: Mapping[str, str], sums: Sums, where: str) -> None:
    """Refuse figures of the sums that are stated as others, to six places. Raises Malformed.

    One that these rows do not have (R² where all true values are equal) may only be stated as zero.
    """
    found = figures_of(sums)
    for name in sorted(names_of(sums) & stated.keys()):
        expected = decimal(found.get(name, Fraction()))
        if abs(Fraction(stated[name]) - Fraction(expected)) > Fraction(1, 10**PLACES):
            raise Malformed(f"{name} is not that of the sums", where=where, expected=expected, actual=stated[name])


def add(parts: Sequence[Sums]) -> Sums | None:
    """The sums of all rows together; None where there are none, or they are unlike."""
    of_numbers = [part for part in parts if isinstance(part, RegressionSums)]
    of_times = [part for part in parts if isinstance(part, SurvivalSums)]
    if not parts or (of_numbers and of_times):
        return None
    return regression.add(of_numbers) if of_numbers else survival.add(of_times)


def figures_of(sums: Sums) -> Mapping[str, Fraction]:
    """The figures of these rows, as fractions."""
    return regression.figures_of(sums) if isinstance(sums, RegressionSums) else survival.figures_of(sums)


def names_of(sums: Sums) -> set[str]:
    """What the figures of such sums are called, those included that these rows do not have."""
    return regression.names_of(sums) if isinstance(sums, RegressionSums) else set(survival.NAMES)
