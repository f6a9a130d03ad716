"""Errors of numbers that a model predicts, as integers that add up (docs/spec/release.md, "Sums").

A target's published range is cut into `UNITS` units; what was measured and what was predicted are whole numbers of
them. So the sums of several parties are those of all their rows, exactly, and a mean of the parties' root mean squares
is never taken for that of all rows.
"""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import isqrt

from ledger.errors import Malformed
from ledger.formats.grammar import check_text
from ledger.formats.strict import Strict

UNITS = 1 << 16
FARTHEST = 2 * UNITS
"""An error counts as this at most: twice the range."""
MAX_TARGETS = 8
MAX_ROWS = 1 << 28
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?", re.ASCII)
_FINE = 10**12


class TargetSums(Strict, frozen=True):
    """Of one target: its name and range, and over all rows, in units, the sums of errors without sign (`error`), of
    their squares (`square`), of the true values from the range's low end (`value`), and of these squared.
    """

    name: str
    low: str
    high: str
    error: int
    square: int
    value: int
    value_square: int

    @property
    def unit(self) -> Fraction:
        """What a unit is, as the target is measured."""
        return (Fraction(self.high) - Fraction(self.low)) / UNITS


class RegressionSums(Strict, frozen=True, tag_field="kind", tag="regression"):
    """The sums of each target, in the job's order, over so many rows."""

    rows: int
    targets: tuple[TargetSums, ...]


def check(sums: RegressionSums, where: str) -> None:
    """Refuse sums that no rows have. Raises Malformed.

    1. There are 1 to `MAX_TARGETS` targets and 1 to `MAX_ROWS` rows; a range is of two decimals, low below high.
    2. No error is beyond `FARTHEST`, no value beyond the range.
    3. Sums of squares are ones of so many whole numbers with that sum and bound: no less than where all are as near to
       each other as can be, no more than where as many as can be are at the bound, and odd where the sum is.
    """
    if not 1 <= len(sums.targets) <= MAX_TARGETS or not 1 <= sums.rows <= MAX_ROWS:
        raise Malformed(
            "sums of errors are of too few or too many", where=where, targets=len(sums.targets), rows=sums.rows
        )
    for target in sums.targets:
        check_text(target.name, "a target's name")
        texts = (target.low, target.high)
        if not all(map(_DECIMAL.fullmatch, texts)) or Fraction(target.low) >= Fraction(target.high):
            said = f"{target.low[:40]}:{target.high[:40]}"
            raise Malformed("a target's range is not low:high", where=where, target=target.name, actual=said)
        for name, total, squares, most in (
            ("errors", target.error, target.square, FARTHEST),
            ("values", target.value, target.value_square, UNITS),
        ):
            if not _possible(total, squares, sums.rows, most):
                raise Malformed(
                    f"no rows have such sums of {name}", where=where, target=target.name, sum=total, squares=squares
                )


def _possible(total: int, squares: int, rows: int, most: int) -> bool:
    """What must hold of the sum and the sum of squares of so many whole numbers from 0 to `most`."""
    low, more = divmod(total, rows)
    full, rest = divmod(total, most)
    least, greatest = rows * low * low + more * (2 * low + 1), full * most * most + rest * rest
    return 0 <= total <= most * rows and least <= squares <= greatest and (total - squares) % 2 == 0


def add(parts: Sequence[RegressionSums]) -> RegressionSums | None:
    """The sums of all rows together; None where the targets are not the same."""
    if len({tuple((one.name, one.low, one.high) for one in part.targets) for part in parts}) != 1:
        return None
    return RegressionSums(
        rows=sum(part.rows for part in parts),
        targets=tuple(_sum(same) for same in zip(*(part.targets for part in parts), strict=True)),
    )


def figures_of(sums: RegressionSums) -> Mapping[str, Fraction]:
    """Mean absolute error, root mean square error (rounded down to 10^-12 of a unit) and R² of each target, in what it
    is measured in; of several, each name with the target's place. R² is left out where all true values are equal.
    """
    found: dict[str, Fraction] = {}
    for place, one in enumerate(sums.targets, 1):
        end = f"_{place}" if len(sums.targets) > 1 else ""
        mean = Fraction(one.square, sums.rows)
        found[f"mae{end}"] = Fraction(one.error, sums.rows) * one.unit
        root = isqrt(mean.numerator * _FINE * _FINE // mean.denominator)
        found[f"rmse{end}"] = Fraction(root, _FINE) * one.unit
        around = one.value_square * sums.rows - one.value * one.value
        if around:
            found[f"r2{end}"] = 1 - Fraction(one.square * sums.rows, around)
    return found


def names_of(sums: RegressionSums) -> set[str]:
    """What the figures of such sums are called, those included that these rows do not have."""
    ends = [f"_{place}" for place in range(1, len(sums.targets) + 1)] if len(sums.targets) > 1 else [""]
    return {f"{name}{end}" for name in ("mae", "rmse", "r2") for end in ends}


def _sum(same: Sequence[TargetSums]) -> TargetSums:
    totals = {field: sum(getattr(one, field) for one in same) for field in ("error", "square", "value", "value_square")}
    return TargetSums(name=same[0].name, low=same[0].low, high=same[0].high, **totals)
