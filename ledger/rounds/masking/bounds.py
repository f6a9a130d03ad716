"""Bounds of a sum, and of one update once it is opened (docs/spec/masks.md, "Blame")."""

from collections.abc import Iterable, Sequence

import numpy as np

from ledger import kernel
from ledger.jobs.document import Admission
from ledger.jobs.members import NO_ROOM, Room
from ledger.rounds.admission import Decision, Verdict, within
from ledger.rounds.rules.arithmetic import Sums

_FEW = 1 << 14
"""Products of 48 bits whose sum fits into 64."""


class SumSurvey:
    """The largest magnitude of an unmasked sum, and the exact sum of its squares, run by run, of so many `values`."""

    def __init__(self) -> None:
        self.largest = self.squares = self.values = 0

    def add(self, sums: Sums) -> None:
        """The next run, not empty."""
        largest = max(int(sums.max()), -int(sums.min()))
        self.values += len(sums)
        self.largest, self.squares = max(self.largest, largest), self.squares + _squares(sums, largest)

    def judge(self, weights: Sequence[int], limits: Admission, room: Room = NO_ROOM) -> Decision:
        """Whether the sum is one that admissible updates of these weights can have: RANGE and NORM, of the sum. Beyond
        their bounds there is `room` for noise.
        """
        whole = sum(weights)
        if self.largest > (most := whole * limits.max_value + room.value):
            return Decision(Verdict.RANGE, f"a sum of magnitude {self.largest}, at most {most} possible")
        if self.squares > (most := (whole * limits.max_norm + room.norm) ** 2):
            return Decision(Verdict.NORM, f"squared norm {self.squares} of the sum, at most {most} possible")
        return Decision(Verdict.ADMITTED)


def judge_opened(products: Iterable[Sums], weight: int, limits: Admission, unit: str = "weight") -> Decision:
    """The verdict on an update that was opened, by its products w·q in runs from the first value on.

    RANGE also where a product is not a multiple of the weight, or of what else the `unit` is: no integer of an update
    leads there.
    """
    start = largest = squares = 0
    for run in products:
        quotients, rest = np.divmod(run, weight)
        wrong = rest.any() or max(int(quotients.max()), -int(quotients.min())) > limits.max_value
        if wrong:
            return Decision(Verdict.RANGE, _first_wrong(run, quotients, rest, start, limits, unit))
        peak, more = kernel.survey(quotients.astype("<i4"))
        start, largest, squares = start + len(run), max(largest, peak), squares + more
    return within(largest, squares, limits)


def left_over(sums: Sums, opened: Iterable[Sums]) -> Sums:
    """A run of the one update that was not opened, of those that make a sum: the sum without the others' products."""
    rest = sums.copy()
    for products in opened:
        np.subtract(rest, products, out=rest)
    return rest


def _first_wrong(run: Sums, quotients: Sums, rest: Sums, start: int, limits: Admission, unit: str) -> str:
    at = int(((rest != 0) | (quotients > limits.max_value) | (quotients < -limits.max_value)).argmax())
    if rest[at]:
        return f"value number {start + at} is not a multiple of the {unit}: {run[at]}"
    return f"value number {start + at} is {quotients[at]}, at most {limits.max_value} allowed"


def _squares(sums: Sums, largest: int) -> int:
    """The exact sum of squares of int64, none larger in magnitude than `largest`, of at most 2^31 values."""
    if largest * largest * len(sums) < 1 << 63:
        return int(sums @ sums)
    return sum(_large_squares(sums[at : at + _FEW]) for at in range(0, len(sums), _FEW))


def _large_squares(sums: Sums) -> int:
    high, low = sums >> 32, sums & 0xFFFFFFFF
    return (_dot(high, high) << 64) + (_dot(high, low) << 33) + _dot(low, low)


def _dot(one: Sums, other: Sums) -> int:
    """The exact sum of few products of integers from -2^31 to 2^32 - 1, by the second's halves."""
    high, low = other >> 16, other & 0xFFFF
    return (int((one * high).sum()) << 16) + int((one * low).sum())
