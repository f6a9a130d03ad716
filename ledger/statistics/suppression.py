"""Which cells of a count a party answers: none of so few rows that they show single people, and none that follow.

Everyone may know how many rows there are in all, so what is withheld adds up to a known number. A threshold depends on
the counts and not on where they stand; so the counts of the withheld cells, put into any other order, lead to the same
answer, and there are two different ones among them: no answer determines a small cell (docs/spec/statistics.md). Of
cell suppression see L. Willenborg and T. de Waal, Elements of Statistical Disclosure Control (2001).
"""

from collections.abc import Sequence


def threshold(counts: Sequence[int], floor: int) -> int:
    """Cells of at most so many rows are withheld; −1 where none are.

    1. Where no count is from 1 to `floor` − 1, all are shown.
    2. Else it is `floor` − 1, or the next larger counts, until what is withheld are `floor` rows or more, in cells of
       two different counts; or all cells.
    """
    if not any(0 < count < floor for count in counts):
        return -1
    found = floor - 1
    for larger in (*sorted({count for count in counts if count > found}), None):
        withheld = [count for count in counts if count <= found]
        if sum(withheld) >= floor and len(set(withheld)) > 1:
            return found
        if larger is not None:
            found = larger
    return found


def shown(counts: Sequence[int], floor: int) -> list[bool]:
    """Whether each cell is shown."""
    least = threshold(counts, floor)
    return [count > least for count in counts]


def is_small(count: int, floor: int) -> bool:
    """Whether a number of rows is too small to be told: not none, and below the floor."""
    return 0 < count < floor
